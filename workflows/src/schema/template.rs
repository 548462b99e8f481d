//! The schema of templates, from their grammar.
//!
//! Neighbours: `fenta_templates::template::grammar` is the one list of keys. A template may leave out what the one it
//! extends has, so only the first keys are required.

use fenta_templates::template::grammar::{self, Field, Section, Shape, State, Word};
use serde_json::{Map, Value as Json, json};

use super::values::{any_of, color, described, duration, object, refused, text};

/// The schema of the whole document.
pub(super) fn schema() -> Json {
    let mut parts = Parts::default();
    let document = grammar::grammar();
    let mut schema = parts.map(document);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Fenta template");
    schema["required"] = json!(["fenta", "name"]);
    let own: Vec<&str> = document
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    schema["if"] = json!({ "not": { "required": ["extends"] } });
    schema["then"] = json!({ "required": own });
    schema["definitions"] = Json::Object(parts.definitions);
    schema
}

/// Sections stand once, whoever uses them.
#[derive(Default)]
struct Parts {
    definitions: Map<String, Json>,
}

impl Parts {
    fn section(&mut self, section: &'static Section) -> Json {
        let name = definition_name(section.name);
        if !self.definitions.contains_key(&name) {
            // A section that holds itself finds its name taken.
            self.definitions.insert(name.clone(), Json::Null);
            let map = self.map(section);
            self.definitions.insert(name.clone(), map);
        }
        json!({ "$ref": format!("#/definitions/{name}") })
    }

    fn map(&mut self, section: &'static Section) -> Json {
        let fields = section.fields.iter();
        let properties = fields
            .map(|field| (field.name.to_owned(), self.field(field)))
            .collect();
        object(properties, &[])
    }

    fn field(&mut self, field: &'static Field) -> Json {
        if let State::Refused(instead) = field.state {
            return described(refused(instead), field.doc);
        }
        let mut value = self.shape(&field.shape);
        // `null` reads as absent: so a template takes back what the one it extends says.
        if !field.required {
            value = any_of(vec![value, json!({ "type": "null" })]);
        }
        let doc = if field.default.is_empty() {
            field.doc.to_owned()
        } else {
            format!("{} Default: `{}`.", field.doc, field.default)
        };
        described(value, doc)
    }

    fn shape(&mut self, shape: &'static Shape) -> Json {
        match *shape {
            Shape::Exactly(word) => json!({ "const": word }),
            // Conditions may stand with or without `${{ }}`.
            Shape::Text | Shape::Pattern | Shape::Font | Shape::Condition => text(),
            Shape::Name => json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" }),
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Int { min, max, unit } => described(
                json!({ "type": "integer", "minimum": min, "maximum": max }),
                unit,
            ),
            Shape::Number { min, max, unit } => described(
                json!({ "type": "number", "minimum": min, "maximum": max }),
                unit,
            ),
            Shape::Duration { .. } => duration(),
            // Names of the theme's colours are texts too.
            Shape::Color => any_of(vec![color(), text()]),
            Shape::FrameRate => any_of(vec![json!({ "type": "number" }), text()]),
            Shape::Choice(words) => choice(words),
            Shape::Source(_) => {
                json!({ "type": "string", "pattern": r"^\s*\$\{\{" })
            }
            Shape::Pair(inner) => {
                json!({ "type": "array", "items": self.shape(inner), "minItems": 2, "maxItems": 2 })
            }
            Shape::List(inner) => json!({ "type": "array", "items": self.shape(inner) }),
            Shape::Map(section) => self.section(section),
            Shape::Members(section) => json!({ "type": "array", "items": self.section(section) }),
            Shape::Variants { tag, cases } => {
                json!({ "type": "array", "items": self.variants(tag, cases) })
            }
            Shape::Named(inner) => {
                json!({ "type": "object", "additionalProperties": self.shape(inner) })
            }
            Shape::OneOf(shapes) => any_of(shapes.iter().map(|one| self.shape(one)).collect()),
        }
    }

    /// Maps whose keys follow from one of them.
    fn variants(&mut self, tag: &str, cases: &'static [(&'static str, &'static Section)]) -> Json {
        let mut properties = Map::new();
        let mut rules = Vec::new();
        for (word, section) in cases {
            for field in section.fields {
                properties.insert(field.name.to_owned(), json!({}));
            }
            let mut map = self.map(section);
            map["properties"][tag] = json!({ "const": word });
            rules.push(json!({
                "if": { "properties": { tag: { "const": word } }, "required": [tag] },
                "then": map,
            }));
        }
        let words: Vec<&str> = cases.iter().map(|(word, _)| *word).collect();
        properties.insert(
            tag.to_owned(),
            json!({ "type": "string", "enum": words, "description": "Decides which keys there are." }),
        );
        let mut object = object(properties, &[]);
        object["allOf"] = Json::Array(rules);
        object
    }
}

fn choice(words: &[Word]) -> Json {
    let working = || words.iter().filter(|word| word.state == State::Works);
    let names: Vec<&str> = working().map(|word| word.word).collect();
    let docs: Vec<&str> = working().map(|word| word.doc).collect();
    json!({ "type": "string", "enum": names, "markdownEnumDescriptions": docs })
}

/// Names that can stand in a reference.
fn definition_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}
