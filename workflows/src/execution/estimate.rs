//! What a node would take, before it is prepared and after.
//!
//! Neighbours: `nodes` estimate from [`KnownParams`], `cost` prices what they say; the plan and the budget ask here.

use std::collections::BTreeMap;

use super::{PreparedNode, Scope};
use crate::cost::{KnownParams, Money, Quantity, Spread, credits, price};
use crate::expr::Context;
use crate::graph::{NodeId, Workflow};
use crate::models::{ModelRef, Role};
use crate::node::NodeType;
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

    /// What its work would cost on a day, `YYYY-MM-DD`, at the first of the models that may do it.
    pub fn money(&self, today: &str) -> Money {
        price(self.node_type.role(), &self.models, &self.estimate(), today)
    }

    /// What its work would cost on a day with one of its models.
    pub fn money_with(&self, model: &ModelRef, today: &str) -> Money {
        let models = std::slice::from_ref(model);
        let known = KnownParams::new(self.params.clone(), models.to_vec());
        price(
            self.node_type.role(),
            models,
            &self.node_type.estimate(&known),
            today,
        )
    }

    /// The credits of its provider that its work would take on a day; none when nobody can tell.
    pub fn credits(&self, today: &str) -> Option<Spread> {
        credits(&self.models, &self.money(today))
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
        match self.known(node, scope) {
            Some((node_type, known)) => node_type.estimate(&known),
            None => Vec::new(),
        }
    }

    /// What a node's work would cost on a day, `YYYY-MM-DD`, at the first of the models that may do it.
    pub fn money(&self, node: &NodeId, scope: &Scope, today: &str) -> Money {
        match self.known(node, scope) {
            Some((node_type, known)) => {
                let quantities = node_type.estimate(&known);
                price(node_type.role(), &known.models, &quantities, today)
            }
            None => Money::FREE,
        }
    }

    /// The credits of its provider that a node's work would take on a day; none when nobody can tell.
    pub fn credits(&self, node: &NodeId, scope: &Scope, today: &str) -> Option<Spread> {
        let models = match self.known(node, scope) {
            Some((_, known)) => known.models,
            None => Vec::new(),
        };
        credits(&models, &self.money(node, scope, today))
    }

    /// A node's type with the parameters that are known.
    fn known(&self, node: &NodeId, scope: &Scope) -> Option<(&'static dyn NodeType, KnownParams)> {
        let instance = self.nodes().get(node)?;
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
        // A name that is no model has no price; the node's own run says so.
        let models = self
            .models_of(instance.node_type, &known)
            .unwrap_or_default();
        Some((instance.node_type, KnownParams::new(known, models)))
    }

    /// The role of the provider that does a node's work; none for work of this machine.
    pub fn role(&self, node: &NodeId) -> Option<Role> {
        self.nodes().get(node)?.node_type.role()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Confidence, Meter};
    use crate::execution::{SourceFile, compile};
    use crate::value::Value;

    fn money(text: &str, node: &str, scope: &Scope) -> (Vec<Quantity>, Money) {
        let source = SourceFile {
            name: "w.yaml".into(),
            text: text.into(),
        };
        let (workflow, _) =
            compile(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)));
        let node = NodeId::new(node);
        (
            workflow.estimate(&node, scope),
            workflow.money(&node, scope, "2026-11-22"),
        )
    }

    const TEXT: &str = "\
fenta: workflow/v1
inputs: { brief: { type: string, default: Bees } }
providers: { tts: [\"elevenlabs:eleven_flash_v2_5\"] }
nodes:
  words: { type: Input.Text, with: { text: Bees dance well. } }
  voice: { type: Voice.TTS, with: { text: \"${{ nodes.words.text }}\" } }
  clip: { type: Input.KAI.GenerateVideo, with: { prompt: a bee, model: BIO3, seconds: 8 } }
outputs: { s: \"${{ nodes.voice.seconds }}\", n: \"${{ nodes.clip.video.name }}\" }
";

    #[test]
    fn what_waits_for_other_nodes_is_unknown_until_they_ran() {
        let mut scope = Scope::default();
        let (quantities, before) = money(TEXT, "voice", &scope);
        assert!(quantities[0].amount.is_none());
        assert!(!before.is_known());
        let text = BTreeMap::from([("text".to_owned(), Value::Text("Bees dance well.".into()))]);
        scope.nodes.insert("words".to_owned(), text);
        let (_, after) = money(TEXT, "voice", &scope);
        assert_eq!(after.usd.expected.normalize().to_string(), "0.00048");
        assert_eq!(after.confidence, Confidence::Exact);
    }

    #[test]
    fn a_spelling_of_the_model_has_the_models_price() {
        let (quantities, found) = money(TEXT, "clip", &Scope::default());
        assert_eq!(quantities[0].meter, Meter::Clips);
        assert_eq!(found.usd.high.to_string(), "1.25");
        let source = SourceFile {
            name: "w.yaml".into(),
            text: TEXT.into(),
        };
        let (workflow, _) = compile(&source).unwrap();
        let clip = NodeId::new("clip");
        let credits = workflow.credits(&clip, &Scope::default(), "2026-11-22");
        assert_eq!(credits.unwrap().high_in(1), 250);
    }

    #[test]
    fn what_is_done_here_is_free() {
        let (quantities, found) = money(TEXT, "words", &Scope::default());
        assert!(quantities.is_empty());
        assert_eq!(found, Money::FREE);
    }
}
