//! Not a rule: the templates the document's nodes use, for the rules about what they put on the screen.

use fenta_templates::template::{self, Template};

use super::Linted;
use crate::diagnostic::Span;
use crate::graph::NodeInstance;

/// A template with the node that uses it.
pub(super) struct Used<'a> {
    pub(super) template: Template,
    pub(super) node: &'a NodeInstance,
    /// Where it is named.
    pub(super) span: Span,
}

impl<'a> Linted<'a> {
    /// Every template that is named and can be read; what cannot be is told by others.
    pub(super) fn used_templates(&self) -> Vec<Used<'a>> {
        let facts = self.facts;
        let lookup = |name: &str| facts.templates.get(name).cloned();
        let mut used = Vec::new();
        for (node, name, value) in self.params() {
            if name != "template" {
                continue;
            }
            for (written, span) in self.texts(value) {
                let parsed = match lookup(written) {
                    Some(text) => template::parse(&text, &lookup).ok(),
                    None => template::builtin_template(written).cloned(),
                };
                used.extend(parsed.map(|template| Used {
                    template,
                    node,
                    span,
                }));
            }
        }
        used
    }
}
