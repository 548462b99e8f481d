//! Which parameters of a node are given, and what is known of them: of a document that is checked, or of a node that is
//! prepared. One rule of a node type is asked in both places, so that a computed value is judged like a written one.
//!
//! Neighbours: `graph::typecheck` asks with what a document tells, `execution` with every value. Nothing here complains:
//! those who ask do, each in the words of its place.

use std::collections::BTreeMap;

use super::PortSpec;
use crate::execution::LowerError;
use crate::value::{PortType, Value};

/// What is known of a parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its value.
    pub(crate) value: Option<Value>,
    /// The type of what will be computed.
    pub(crate) port_type: Option<PortType>,
    /// The output it is taken from, as it is.
    pub(crate) port: Option<&'static PortSpec>,
    /// How the name of its file ends.
    pub(crate) ending: Option<&'static str>,
}

/// The parameters that are given.
#[derive(Clone, Debug, Default)]
pub struct Given<'a> {
    params: BTreeMap<&'a str, Known>,
}

/// A parameter that means nothing beside the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Useless {
    /// Its name.
    pub name: &'static str,
    /// The parameter that makes it so, where one does.
    pub beside: Option<&'static str>,
    /// Why.
    pub why: String,
}

impl<'a> Given<'a> {
    /// With a written parameter; a value of `Null` gives nothing.
    pub(crate) fn add(&mut self, name: &'a str, known: Known) {
        self.params.insert(name, known);
    }

    /// Whether a parameter is written, whatever its value will be.
    pub fn has(&self, name: &str) -> bool {
        self.params.contains_key(name)
    }

    /// The value of a parameter, where it is known.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.params.get(name)?.value.as_ref()
    }

    /// The word of a choice: `usual` when none is given, nothing while it is not known.
    pub fn word<'b>(&'b self, name: &str, usual: &'b str) -> Option<&'b str> {
        match self.params.get(name).map(|known| &known.value) {
            None | Some(Some(Value::Null)) => Some(usual),
            Some(Some(Value::Text(word))) => Some(word),
            Some(_) => None,
        }
    }

    /// The type of a parameter, where it is known.
    pub fn port_type(&self, name: &str) -> Option<PortType> {
        let known = self.params.get(name)?;
        match &known.value {
            Some(value) => value.port_type(),
            None => known.port_type.clone(),
        }
    }

    /// The output of another node that a parameter is, unchanged.
    pub fn port(&self, name: &str) -> Option<&'static PortSpec> {
        self.params.get(name)?.port
    }

    /// How the name of the file that a parameter is ends, where that is known.
    pub fn ending(&self, name: &str) -> Option<&'static str> {
        self.params.get(name)?.ending
    }

    /// Adds those of these parameters that are given: they mean nothing, because of `why`.
    pub fn useless(
        &self,
        names: &[&'static str],
        beside: Option<&'static str>,
        why: &str,
        found: &mut Vec<Useless>,
    ) {
        let given = names.iter().filter(|name| self.gives(name));
        found.extend(given.map(|name| Useless {
            name,
            beside: beside.filter(|beside| self.has(beside)),
            why: why.to_owned(),
        }));
    }

    /// Whether a parameter says anything: one that is computed says nothing when it comes out empty.
    fn gives(&self, name: &str) -> bool {
        match self.params.get(name).map(|known| &known.value) {
            None | Some(Some(Value::Null)) => false,
            Some(_) => true,
        }
    }
}

impl Useless {
    /// The complaint.
    pub(crate) fn message(&self) -> String {
        format!("`{}` means nothing here: {}", self.name, self.why)
    }

    /// As the error of a node that is prepared.
    pub(crate) fn refusal(&self) -> LowerError {
        LowerError::new(
            self.message(),
            format!(
                "remove `{}`, or compute none for it where it is not used",
                self.name
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(params: &[(&'static str, Option<Value>)]) -> Given<'static> {
        let mut given = Given::default();
        for (name, value) in params {
            let known = Known {
                value: value.clone(),
                ..Known::default()
            };
            given.add(name, known);
        }
        given
    }

    fn text(text: &str) -> Option<Value> {
        Some(Value::Text(text.into()))
    }

    #[test]
    fn a_choice_is_its_usual_word_unless_something_is_given() {
        let given = given(&[("a", text("x")), ("b", None), ("c", Some(Value::Null))]);
        assert_eq!(given.word("a", "usual"), Some("x"));
        assert_eq!(given.word("b", "usual"), None);
        assert_eq!(given.word("c", "usual"), Some("usual"));
        assert_eq!(given.word("d", "usual"), Some("usual"));
    }

    #[test]
    fn only_what_is_given_is_useless() {
        let given = given(&[("mode", text("x")), ("b", None), ("c", Some(Value::Null))]);
        let mut found = Vec::new();
        given.useless(&["b", "c", "d"], Some("mode"), "of this", &mut found);
        given.useless(&["b"], Some("gone"), "of that", &mut found);
        let told: Vec<_> = found.iter().map(|one| (one.name, one.beside)).collect();
        assert_eq!(told, [("b", Some("mode")), ("b", None)]);
        assert_eq!(
            found[0].refusal().message,
            "`b` means nothing here: of this"
        );
    }

    #[test]
    fn a_type_is_that_of_the_value_once_there_is_one() {
        let mut given = given(&[("a", text("x"))]);
        let known = Known {
            port_type: Some(PortType::Voice),
            ..Known::default()
        };
        given.add("b", known);
        assert_eq!(given.port_type("a"), Some(PortType::Text));
        assert_eq!(given.port_type("b"), Some(PortType::Voice));
        assert!(given.port_type("c").is_none() && given.port("b").is_none());
    }
}
