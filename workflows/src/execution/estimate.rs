//! What a node would take, before it is prepared and after.
//!
//! Neighbours: `nodes` estimate from [`KnownParams`], `cost` prices what they say; the plan and the budget ask here.

use std::collections::BTreeMap;

use super::{PreparedNode, Scope};
use crate::cost::{KnownParams, Quantity};
use crate::expr::Context;
use crate::graph::{NodeId, Workflow};
use crate::models::{ModelRef, Role};
use crate::node_key::NodeKey;

impl PreparedNode {
    /// What its work takes, now that every parameter is known.
    pub fn estimate(&self) -> Vec<Quantity> {
        let known = KnownParams::new(self.params.clone(), self.models.clone());
        self.node_type.estimate(&known)
    }

    /// The node as it was when it had this key, so that what it asked for then can be compared; none when a value of the
    /// key was too large to be kept.
    pub fn as_it_was(&self, key: &NodeKey) -> Option<Self> {
        let values = self
            .params
            .keys()
            .map(|name| Some((name.clone(), key.params.get(name)?.value.clone()?)));
        Some(Self {
            params: values.collect::<Option<_>>()?,
            key: key.clone(),
            ..self.clone()
        })
    }

    /// The role of the provider that does its work; none for work of this machine.
    pub fn role(&self) -> Option<Role> {
        self.node_type.role()
    }

    /// The models that may do its work, in the order they are tried.
    pub fn models(&self) -> &[ModelRef] {
        &self.models
    }
}

impl Workflow {
    /// What a node's work would take, as far as the values in the scope tell. A parameter that depends on nodes that
    /// have not run is unknown; so is one whose value does not fit, which the node's own run will say.
    pub fn estimate(&self, node: &NodeId, scope: &Scope) -> Vec<Quantity> {
        let Some(instance) = self.nodes().get(node) else {
            return Vec::new();
        };
        let context = Context::new(self, scope);
        let known: BTreeMap<_, _> = instance
            .node_type
            .descriptor()
            .params
            .iter()
            .filter_map(|spec| {
                let value = match instance.with.get(spec.name) {
                    Some(param) => context.evaluate(&param.expr).ok()?,
                    None => self.default_of(spec),
                };
                let value = spec.fit(value, &scope.job).ok()?;
                Some((spec.name.to_owned(), value))
            })
            .collect();
        let models = match instance.node_type.role() {
            Some(role) => self.settings().providers.get(&role),
            None => None,
        };
        let known = KnownParams::new(known, models.cloned().unwrap_or_default());
        instance.node_type.estimate(&known)
    }

    /// The role of the provider that does a node's work; none for work of this machine.
    pub fn role(&self, node: &NodeId) -> Option<Role> {
        self.nodes().get(node)?.node_type.role()
    }
}
