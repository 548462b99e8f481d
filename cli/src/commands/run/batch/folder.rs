//! The folder each row's results go to: one per row, so that no row overwrites another's.

use std::collections::BTreeMap;

use fenta_workflows::nearest;

use super::row::Row;
use crate::command_error::CommandError;

/// Longest name made of a value; file systems take 255 bytes.
const MAX_CHARS: usize = 60;

/// `--name-template`: texts and `{fields}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

/// What a row's name is made of.
pub(super) struct Facts<'a> {
    pub(super) row: &'a Row,
    /// From 1.
    pub(super) number: usize,
    /// Digits of the largest number.
    pub(super) digits: usize,
    /// The row's values and those that all rows share.
    pub(super) values: &'a BTreeMap<String, String>,
}

impl Template {
    /// The rows' own names.
    pub(super) fn of_ids() -> Self {
        Self {
            parts: vec![Part::Field("id".to_owned())],
        }
    }

    /// Reads `{topic}-{row}`; fields are `row`, `id` and inputs.
    pub(super) fn parse(text: &str, inputs: &[&str]) -> Result<Self, CommandError> {
        let wrong = |message: String, hint: String| {
            CommandError::usage(format!("--name-template {text}: {message}"), hint)
        };
        if text.starts_with('/') || text.split('/').any(|step| matches!(step, ".." | "." | "")) {
            return Err(wrong(
                "it is not a name inside the folder for results".to_owned(),
                "write a name such as {topic}-{row}; --out says in which folder".to_owned(),
            ));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..].find('}').map(|at| open + at);
            let Some(close) = close.filter(|close| *close > open) else {
                return Err(wrong(
                    "a brace has no partner".to_owned(),
                    "write fields as {topic}".to_owned(),
                ));
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let field = &rest[open + 1..close];
            let known = ["row", "id"].into_iter().chain(inputs.iter().copied());
            if !known.clone().any(|name| name == field) {
                let advice = match nearest(field, known.clone()) {
                    Some(near) => format!("did you mean {{{near}}}?"),
                    None => format!("fields: {}", known.collect::<Vec<_>>().join(", ")),
                };
                return Err(wrong(format!("there is no field `{field}`"), advice));
            }
            parts.push(Part::Field(field.to_owned()));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The folder of a row, relative to the folder for results.
    pub(super) fn folder(&self, facts: &Facts<'_>) -> String {
        let number = format!("{:0width$}", facts.number, width = facts.digits);
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field(field) if field == "row" => name.push_str(&number),
                Part::Field(field) if field == "id" && !facts.values.contains_key("id") => {
                    let id = facts.row.id.as_deref().map(plain).unwrap_or_default();
                    name.push_str(if id.is_empty() { &number } else { &id });
                }
                Part::Field(field) => {
                    let value = facts.values.get(field).map(|value| plain(value));
                    name.push_str(&value.unwrap_or_default());
                }
            }
        }
        // A name made of nothing but missing values would be the folder for results itself.
        let empty = name
            .split('/')
            .any(|step| step.trim_matches(['.', ' ']).is_empty());
        if empty { number } else { name }
    }
}

/// A value as part of a name: letters and digits of every script stay, everything else becomes one `-`.
fn plain(value: &str) -> String {
    let mut name = String::new();
    for character in value.chars() {
        if character.is_alphanumeric() || matches!(character, '_' | '.') {
            name.push(character);
        } else if !name.ends_with('-') {
            name.push('-');
        }
        if name.chars().count() >= MAX_CHARS {
            break;
        }
    }
    name.trim_matches(['-', '.']).to_owned()
}

/// Pairs of rows, by index, whose results would go to the same folder. Case does not count: on many disks it does not.
pub(super) fn collisions(folders: &[String]) -> Vec<(usize, usize)> {
    let mut first = BTreeMap::new();
    let mut found = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        match first.get(&folder.to_lowercase()) {
            Some(before) => found.push((*before, index)),
            None => {
                first.insert(folder.to_lowercase(), index);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(template: &str, id: Option<&str>, topic: &str) -> String {
        let row = Row {
            id: id.map(str::to_owned),
            ..Row::default()
        };
        Template::parse(template, &["topic", "lang"])
            .unwrap()
            .folder(&Facts {
                row: &row,
                number: 7,
                digits: 3,
                values: &BTreeMap::from([("topic".to_owned(), topic.to_owned())]),
            })
    }

    #[test]
    fn names_are_made_of_fields() {
        assert_eq!(
            folder("{topic}-{row}", None, "Bees, wasps!"),
            "Bees-wasps-007"
        );
        assert_eq!(folder("{id}", None, ""), "007");
        assert_eq!(folder("{id}", Some("für Anna"), ""), "für-Anna");
        assert_eq!(folder("out/{row}", None, ""), "out/007");
    }

    #[test]
    fn values_cannot_leave_the_folder() {
        assert_eq!(folder("{topic}", None, "../../etc/passwd"), "etc-passwd");
        assert_eq!(folder("{topic}", None, ".."), "007");
        assert_eq!(folder("{topic}/{lang}", None, "x"), "007");
        assert!(plain(&"é".repeat(500)).chars().count() <= MAX_CHARS);
    }

    #[test]
    fn slips_in_templates_are_named() {
        for (template, part) in [
            ("{topik}", "did you mean {topic}?"),
            ("{colour}", "fields: row, id, topic, lang"),
            ("{topic", "as {topic}"),
            ("a}", "as {topic}"),
            ("/abs/{row}", "--out"),
            ("../{row}", "--out"),
        ] {
            let error = Template::parse(template, &["topic", "lang"]).unwrap_err();
            let text = format!("{error} {}", error.hint().unwrap());
            assert!(text.contains(part), "{template}: {text}");
        }
    }

    #[test]
    fn rows_with_one_folder_are_found() {
        let folders = ["a", "b", "A", "b", "b"].map(str::to_owned);
        assert_eq!(collisions(&folders), [(0, 2), (1, 3), (1, 4)]);
    }
}
