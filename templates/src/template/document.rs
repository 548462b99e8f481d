//! YAML text to a plain tree: the one door of the YAML crate in this crate.
//!
//! The tree is built under a budget while the parser runs, so a small text cannot grow into a large tree. What a key
//! means is not decided here.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{ProblemKind, TemplateProblem};

/// Longest template in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting.
const MAX_DEPTH: u32 = 64;
/// Most values in one document, aliases counted every time they are used.
const MAX_NODES: u32 = 20_000;

/// A value of the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction. It leaves the document layer as an integer (permille, millibels, milliseconds).
    Decimal(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the document's order; keys are unique.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, TemplateProblem> {
    let problem =
        |message: String, hint: &str| TemplateProblem::new(ProblemKind::Syntax, "", message, hint);
    if text.len() > MAX_BYTES {
        return Err(problem(
            format!(
                "the template is {} bytes, more than {MAX_BYTES}",
                text.len()
            ),
            "templates hold rules, not data; keep data in files",
        ));
    }
    let left = Cell::new(MAX_NODES);
    let seed = NodeSeed {
        left: &left,
        depth: 0,
    };
    seed.deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| problem(format!("the template is not readable: {error}"), ""))
}

/// A tree as YAML text.
pub(crate) fn write(node: &Node) -> String {
    serde_yaml::to_string(node).expect("YAML, because every tree came out of a YAML document")
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Decimal(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    left: &'a Cell<u32>,
    depth: u32,
}

impl NodeSeed<'_> {
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| {
            serde::de::Error::custom(format!("it holds more than {MAX_NODES} values"))
        })?;
        self.left.set(left);
        if self.depth > MAX_DEPTH {
            return Err(serde::de::Error::custom(format!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        i64::try_from(value)
            .map(Node::Int)
            .map_err(|_| E::custom(format!("the number {value} is too large")))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        if value.is_finite() {
            Ok(Node::Decimal(value))
        } else {
            Err(E::custom("infinite numbers mean nothing here"))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper())? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map: Vec<(String, Node)> = Vec::new();
        while let Some(key) = entries.next_key_seed(self.deeper())? {
            let Node::Text(key) = key else {
                return Err(serde::de::Error::custom(format!(
                    "a key is {}; keys are texts",
                    key.kind()
                )));
            };
            if map.iter().any(|(name, _)| *name == key) {
                return Err(serde::de::Error::custom(format!(
                    "the key `{key}` stands twice in one map"
                )));
            }
            map.push((key, entries.next_value_seed(self.deeper())?));
        }
        Ok(Node::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _tagged: A) -> Result<Node, A::Error> {
        Err(serde::de::Error::custom("`!tag` values mean nothing here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        read(text).unwrap_err().message
    }

    #[test]
    fn scalars_mean_what_yaml_1_2_says() {
        let doc =
            read("a: no\nb: on\nc: 3:20\nd: 010\ne: 1_000\nf: 7\ng: 0.5\nh: true\ni:\nj: \"7\"")
                .unwrap();
        for (key, text) in [
            ("a", "no"),
            ("b", "on"),
            ("c", "3:20"),
            ("d", "010"),
            ("e", "1_000"),
            ("j", "7"),
        ] {
            assert_eq!(doc.get(key), Some(&Node::Text(text.into())), "{key}");
        }
        assert_eq!(doc.get("f"), Some(&Node::Int(7)));
        assert_eq!(doc.get("g"), Some(&Node::Decimal(0.5)));
        assert_eq!(doc.get("h"), Some(&Node::Bool(true)));
        assert_eq!(doc.get("i"), Some(&Node::Null));
        assert_eq!(doc.get("z"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "a: {x: [1, 2.5, true, null], y: \"no\"}\nb: '3:20'\nc: \"1\"\nd: ''\ne: \"#FF0000\"\nf: \"${{ a }}\"",
            "[a: [], b: {}]",
        ] {
            let tree = read(text).unwrap();
            assert_eq!(read(&write(&tree)).unwrap(), tree, "{}", write(&tree));
        }
    }

    // spec: T-4
    #[test]
    fn hostile_texts_are_refused() {
        assert!(fails("a: 1\na: 2").contains("`a` stands twice"));
        assert!(fails("a: !x 1").contains("not readable"));
        assert!(fails("1: a").contains("keys are texts"));
        assert!(fails("a: [").contains("not readable"));
        assert!(fails("a: .inf").contains("infinite"));
        assert!(fails("a: 18446744073709551615").contains("too large"));
        assert!(fails(&"[".repeat(100)).contains("not readable"));
        assert!(fails(&format!("{}{}", "[".repeat(70), "]".repeat(70))).contains("64 levels"));
        assert!(fails(&format!("[{}]", "1,".repeat(20_001))).contains("20000 values"));
        assert!(fails(&"#".repeat(MAX_BYTES + 1)).contains("more than 1048576"));
        assert!(read("a: 1\n---\nb: 2").is_err(), "one document at a time");
    }

    #[test]
    fn a_bomb_of_aliases_stops_at_the_budget() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{},", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        assert!(fails(&text).contains("not readable"));
    }
}
