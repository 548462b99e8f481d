//! Rows from lines of JSON: one object a line, its keys are inputs.
//!
//! Texts are read as if they had been typed, `null` as not given; everything else must be of the input's own type.

use std::fmt;

use fenta_workflows::InputType;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::row::{Cell, Column, Names, Place, Row, RowProblem, Rows};

/// A file's rows. `types` knows the type of every input.
pub(super) fn read(
    file: &str,
    text: &str,
    names: &Names,
    types: &dyn Fn(&str) -> InputType,
) -> Rows {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Rows::default();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let line = Line {
            text,
            place: Place {
                file: file.to_owned(),
                line,
                column: 0,
            },
        };
        let read = match serde_json::from_str::<Object>(text) {
            Ok(object) => row(object, &line, names, types),
            Err(error) => {
                let place = line.at(error.column());
                let message = format!("not a JSON object of values: {}", reason(&error));
                Err(vec![RowProblem::new(place, message)])
            }
        };
        match read {
            Ok(row) => found.rows.push(row),
            Err(problems) => {
                found.unread += 1;
                found.problems.extend(problems);
            }
        }
    }
    found
}

/// A line with its place.
struct Line<'a> {
    text: &'a str,
    place: Place,
}

impl Line<'_> {
    fn at(&self, column: usize) -> Place {
        Place {
            column,
            ..self.place.clone()
        }
    }

    /// Where a name stands in it; the line when the name is written with escapes.
    fn of(&self, name: &str) -> Place {
        let at = self.text.find(&format!("\"{name}\""));
        self.at(at.map_or(0, |at| self.text[..at].chars().count() + 1))
    }
}

/// serde_json says the place too, but of the line alone.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn row(
    object: Object,
    line: &Line<'_>,
    names: &Names,
    types: &dyn Fn(&str) -> InputType,
) -> Result<Row, Vec<RowProblem>> {
    let mut row = Row {
        place: line.place.clone(),
        ..Row::default()
    };
    let mut problems = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (name, json) in object.0 {
        let place = line.of(&name);
        if !seen.insert(name.clone()) {
            problems.push(RowProblem::new(place, format!("`{name}` is there twice")));
            continue;
        }
        let read = names.column(&name).and_then(|column| {
            let wanted = match column {
                // A name is a text; a number is one as good as any.
                Column::Id => InputType::Enum,
                Column::Input => types(&name),
            };
            json.fits(&wanted).map_err(|found| {
                format!("the input `{name}` takes a value of type {wanted}, found {found}")
            })?;
            let text = json
                .text()
                .map_err(|message| format!("`{name}`: {message}"))?;
            Ok((column, text))
        });
        match read {
            Err(message) => problems.push(RowProblem::new(place, message)),
            Ok((_, None)) => {}
            Ok((Column::Id, Some(id))) => row.id = Some(id),
            Ok((Column::Input, Some(value))) => row.cells.push((name, Cell { value, place })),
        }
    }
    if problems.is_empty() {
        Ok(row)
    } else {
        Err(problems)
    }
}

/// A JSON object with its keys in order, repetitions included.
struct Object(Vec<(String, Json)>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Json>),
    Other(serde::de::IgnoredAny),
}

impl Json {
    /// Whether an input of this type takes it as it is, else what it is. Texts are read as if typed; anything else would
    /// become a text that nobody wrote.
    fn fits(&self, wanted: &InputType) -> Result<(), String> {
        match (self, wanted) {
            (Self::Null | Self::Text(_), _)
            | (Self::Bool(_), InputType::Bool)
            | (
                Self::Number(_),
                InputType::Int | InputType::Number | InputType::Duration | InputType::Enum,
            ) => Ok(()),
            (Self::List(items), InputType::List(inner)) => {
                items.iter().try_for_each(|item| item.fits(inner))
            }
            (Self::Bool(_) | Self::Number(_), InputType::List(inner)) => self.fits(inner),
            (Self::Bool(yes), _) => Err(format!("the bool {yes}; a text stands in quotes")),
            (Self::Number(number), _) => {
                Err(format!("the number {number}; a text stands in quotes"))
            }
            (Self::List(_), _) => Err("a list".to_owned()),
            (Self::Other(_), _) => Err("an object".to_owned()),
        }
    }

    /// As it would be typed; `None` when it is not given.
    fn text(self) -> Result<Option<String>, String> {
        Ok(match self {
            Self::Null => None,
            Self::Bool(yes) => Some(yes.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text),
            Self::List(items) => {
                let mut texts = Vec::new();
                for item in items {
                    texts.push(item.item()?);
                }
                Some(texts.join(","))
            }
            Self::Other(_) => return Err("an object is not a value of an input".to_owned()),
        })
    }

    fn item(self) -> Result<String, String> {
        match self {
            Self::List(_) | Self::Null => Err("a list holds texts and numbers".to_owned()),
            one => match one.text()? {
                Some(text) if text.contains(',') => {
                    Err("an item of a list must not contain a comma".to_owned())
                }
                text => Ok(text.unwrap_or_default()),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Row>, Vec<String>> {
        let names = Names::new(["topic", "length", "tags", "loud"].into_iter());
        let types = |name: &str| match name {
            "length" => InputType::Duration,
            "tags" => InputType::List(Box::new(InputType::String)),
            "loud" => InputType::Bool,
            _ => InputType::String,
        };
        let found = read("r.jsonl", text, &names, &types);
        if found.problems.is_empty() {
            return Ok(found.rows);
        }
        Err(found.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_read_as_if_typed() {
        let rows = read_text(
            "{\"topic\": \"bees \\ud83d\\udc1d\", \"length\": 2.5, \"loud\": true, \"tags\": [\"a\", \"2\"]}\n\n{\"id\": 7, \"topic\": null}\n",
        )
        .unwrap();
        let values = rows[0].values();
        assert_eq!(values["topic"], "bees 🐝");
        assert_eq!(values["length"], "2.5");
        assert_eq!(values["loud"], "true");
        assert_eq!(values["tags"], "a,2");
        assert_eq!(rows[1].id.as_deref(), Some("7"));
        assert!(rows[1].cells.is_empty());
        assert_eq!(rows[1].place.line, 3);
    }

    #[test]
    fn values_of_another_type_are_not_made_into_texts() {
        let found = read_text(
            "{\"length\": 3, \"topic\": [\"a\"]}\n{\"topic\": true}\n{\"topic\": 3}\n{\"tags\": [\"a\", 2]}\n{\"loud\": 1}\n",
        )
        .unwrap_err();
        let takes = |name: &str, wanted: &str| {
            format!("the input `{name}` takes a value of type {wanted}, found")
        };
        let quotes = "a text stands in quotes";
        assert_eq!(
            found,
            [
                format!("r.jsonl:1:15: {} a list", takes("topic", "string")),
                format!(
                    "r.jsonl:2:2: {} the bool true; {quotes}",
                    takes("topic", "string")
                ),
                format!(
                    "r.jsonl:3:2: {} the number 3; {quotes}",
                    takes("topic", "string")
                ),
                format!(
                    "r.jsonl:4:2: {} the number 2; {quotes}",
                    takes("tags", "string[]")
                ),
                format!(
                    "r.jsonl:5:2: {} the number 1; {quotes}",
                    takes("loud", "bool")
                ),
            ]
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let found = read_text(
            "{\"topik\": 1}\n{\"topic\": {\"a\": 1}}\n{\"topic\": \"1\", \"topic\": \"2\"}\n[1]\n{\"topic\": \"x\"\n{\"tags\": [\"a,b\"]}\n",
        )
        .unwrap_err();
        for (line, part) in [
            (1, "did you mean `topic`?"),
            (
                2,
                "the input `topic` takes a value of type string, found an object",
            ),
            (3, "`topic` is there twice"),
            (4, "not a JSON object of values"),
            (5, "EOF while parsing"),
            (6, "must not contain a comma"),
        ] {
            assert!(
                found
                    .iter()
                    .any(|text| text.starts_with(&format!("r.jsonl:{line}")) && text.contains(part)),
                "{line} {part}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 6);
    }
}
