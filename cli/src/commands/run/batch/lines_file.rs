//! Rows from lines of JSON: one object a line, its keys are inputs.
//!
//! Values are read as if they had been typed: numbers as they are, lists with commas, `null` as not given.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::row::{Cell, Column, Names, Place, Row, RowProblem};

/// A file's rows.
pub(super) fn read(file: &str, text: &str, names: &Names) -> Result<Vec<Row>, Vec<RowProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let place = |column| Place {
            file: file.to_owned(),
            line,
            column,
        };
        match serde_json::from_str::<Object>(text) {
            Ok(object) => match row(object, place(0), names) {
                Ok(row) => rows.push(row),
                Err(found) => problems.extend(found),
            },
            Err(error) => {
                let message = format!("not a JSON object of values: {}", reason(&error));
                problems.push(RowProblem::new(place(error.column()), message));
            }
        }
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems)
    }
}

/// serde_json says the place too, but of the line alone.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn row(object: Object, place: Place, names: &Names) -> Result<Row, Vec<RowProblem>> {
    let mut row = Row {
        place: place.clone(),
        ..Row::default()
    };
    let mut problems = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (name, scalar) in object.0 {
        if !seen.insert(name.clone()) {
            let message = format!("`{name}` is there twice");
            problems.push(RowProblem::new(place.clone(), message));
            continue;
        }
        match (names.column(&name), scalar.text()) {
            (Err(message), _) => problems.push(RowProblem::new(place.clone(), message)),
            (_, Err(message)) => problems.push(RowProblem::new(
                place.clone(),
                format!("`{name}`: {message}"),
            )),
            (_, Ok(None)) => {}
            (Ok(Column::Id), Ok(Some(id))) => row.id = Some(id),
            (Ok(Column::Input), Ok(Some(value))) => {
                let cell = Cell {
                    value,
                    place: place.clone(),
                };
                row.cells.push((name, cell));
            }
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
        read("r.jsonl", text, &names)
            .map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_read_as_if_typed() {
        let rows = read_text(
            "{\"topic\": \"bees \\ud83d\\udc1d\", \"length\": 2.5, \"loud\": true, \"tags\": [\"a\", 2]}\n\n{\"id\": 7, \"topic\": null}\n",
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
    fn everything_wrong_is_said_at_once() {
        let found = read_text(
            "{\"topik\": 1}\n{\"topic\": {\"a\": 1}}\n{\"topic\": 1, \"topic\": 2}\n[1]\n{\"topic\": \"x\"\n{\"tags\": [\"a,b\"]}\n",
        )
        .unwrap_err();
        for (line, part) in [
            (1, "did you mean `topic`?"),
            (2, "`topic`: an object is not a value"),
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
