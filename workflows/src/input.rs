//! Inputs of a workflow: their types, and how texts from outside (`-p name=value`) become typed values.
//!
//! Neighbours: `graph` reads their declarations from the document; the daemon and the CLI call [`Workflow::bind`]
//! before a job begins. No file is touched: paths are joined as texts.

mod path;
mod scalar;

pub(crate) use path::join_path;
use scalar::scalar;
pub(crate) use scalar::{is_date, is_url, parse_duration};

use std::collections::BTreeMap;
use std::fmt;

use fenta_templates::color::Color;
use indexmap::IndexMap;

use crate::diagnostic::Span;
use crate::graph::Workflow;
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// Longest text an input takes, characters.
const MAX_TEXT_CHARS: usize = 100_000;

/// What an input holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputType {
    /// A short text of one line.
    String,
    /// A text of any number of lines.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// One of `of`.
    Enum,
    /// A length of time; milliseconds as a value.
    Duration,
    /// An http or https address.
    Url,
    /// `#RRGGBB` or `#RRGGBBAA`.
    Color,
    /// `2026-11-22`.
    Date,
    /// A path of any file or folder.
    File,
    /// A path of a still.
    Image,
    /// A path of a clip.
    Video,
    /// A path of a recording.
    Audio,
    /// Several of a type.
    List(Box<InputType>),
}

impl InputType {
    /// The names of all types that are not lists.
    pub const NAMES: [&'static str; 14] = [
        "string", "text", "int", "number", "bool", "enum", "duration", "url", "color", "date",
        "file", "image", "video", "audio",
    ];

    /// The type with this name; `[]` at the end makes a list.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(inner) = name.strip_suffix("[]") {
            return Self::parse(inner).map(|inner| Self::List(Box::new(inner)));
        }
        Some(match name {
            "string" => Self::String,
            "text" => Self::Text,
            "int" => Self::Int,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "enum" => Self::Enum,
            "duration" => Self::Duration,
            "url" => Self::Url,
            "color" => Self::Color,
            "date" => Self::Date,
            "file" => Self::File,
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => return None,
        })
    }

    /// Whether values are paths of the user's files.
    pub fn is_path(&self) -> bool {
        match self {
            Self::File | Self::Image | Self::Video | Self::Audio => true,
            Self::List(inner) => inner.is_path(),
            _ => false,
        }
    }

    /// The port type of its values. Paths are texts: the node that takes one reads the file.
    pub fn port_type(&self) -> PortType {
        match self {
            Self::Int | Self::Number | Self::Duration => PortType::Number,
            Self::Bool => PortType::Bool,
            Self::List(inner) => inner.port_type().list(),
            _ => PortType::Text,
        }
    }
}

impl fmt::Display for InputType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(inner) => write!(f, "{inner}[]"),
            Self::String => f.write_str("string"),
            Self::Text => f.write_str("text"),
            Self::Int => f.write_str("int"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::Enum => f.write_str("enum"),
            Self::Duration => f.write_str("duration"),
            Self::Url => f.write_str("url"),
            Self::Color => f.write_str("color"),
            Self::Date => f.write_str("date"),
            Self::File => f.write_str("file"),
            Self::Image => f.write_str("image"),
            Self::Video => f.write_str("video"),
            Self::Audio => f.write_str("audio"),
        }
    }
}

/// A declared input.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// What it holds.
    pub input_type: InputType,
    /// The value when none is given; paths are relative to the document's folder.
    pub default: Option<Value>,
    /// Whether a value must be given.
    pub required: bool,
    /// One sentence for people.
    pub help: String,
    /// Smallest number (milliseconds for durations).
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Most characters of a text.
    pub max_length: Option<usize>,
    /// The choices of an `enum`.
    pub of: Vec<String>,
    /// Where it is declared.
    pub(crate) span: Span,
}

/// Where relative paths begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathBases {
    /// Absolute folder of the document: defaults are relative to it.
    pub workflow_dir: String,
    /// Absolute folder of the caller: given values are relative to it.
    pub caller_dir: String,
}

/// Why inputs cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// No input has this name.
    #[error("the workflow has no input `{name}`{}", suggestion(.nearest))]
    Unknown {
        /// The name given.
        name: String,
        /// The name probably meant.
        nearest: Option<String>,
    },
    /// A required input has no value.
    #[error("the input `{name}` ({input_type}) has no value; give it with -p {name}=…")]
    Missing {
        /// Its name.
        name: String,
        /// Its type's name.
        input_type: String,
    },
    /// The value does not fit.
    #[error("the input `{name}` ({input_type}) cannot be `{value}`: {reason}")]
    Invalid {
        /// Its name.
        name: String,
        /// Its type's name.
        input_type: String,
        /// The value given, shortened.
        value: String,
        /// Why not.
        reason: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

impl Workflow {
    /// Typed values for every input, from the texts a person gave.
    ///
    /// # Errors
    /// Everything that is wrong, at once: unknown names, missing values, values that do not fit.
    pub fn bind(
        &self,
        params: &BTreeMap<String, String>,
        paths: &PathBases,
    ) -> Result<BTreeMap<String, Value>, Vec<BindError>> {
        let mut errors = unknown_names(self.inputs(), params);
        let mut values = BTreeMap::new();
        for (name, spec) in self.inputs() {
            match (params.get(name), &spec.default) {
                (Some(text), _) => match spec.parse(text) {
                    Ok(value) => {
                        values.insert(name.clone(), spec.absolute(value, &paths.caller_dir));
                    }
                    Err(reason) => errors.push(BindError::Invalid {
                        name: name.clone(),
                        input_type: spec.input_type.to_string(),
                        value: Value::Text(text.clone())
                            .preview(42)
                            .trim_matches('"')
                            .to_owned(),
                        reason,
                    }),
                },
                (None, Some(default)) => {
                    let value = spec.absolute(default.clone(), &paths.workflow_dir);
                    values.insert(name.clone(), value);
                }
                (None, None) if spec.required => errors.push(BindError::Missing {
                    name: name.clone(),
                    input_type: spec.input_type.to_string(),
                }),
                (None, None) => {
                    values.insert(name.clone(), Value::Null);
                }
            }
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }
}

fn unknown_names(
    inputs: &IndexMap<String, InputSpec>,
    params: &BTreeMap<String, String>,
) -> Vec<BindError> {
    params
        .keys()
        .filter(|name| !inputs.contains_key(*name))
        .map(|name| BindError::Unknown {
            name: name.clone(),
            nearest: nearest(name, inputs.keys().map(String::as_str)).map(str::to_owned),
        })
        .collect()
}

impl InputSpec {
    /// A text from outside as a value; lists are separated by commas.
    ///
    /// # Errors
    /// Why the text does not fit, as a lower-case fragment.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let raw = match &self.input_type {
            InputType::List(inner) => {
                let items: Vec<&str> = if text.trim().is_empty() {
                    Vec::new()
                } else {
                    text.split(',').map(str::trim).collect()
                };
                let items: Result<Vec<Value>, String> =
                    items.into_iter().map(|item| scalar(inner, item)).collect();
                Value::List(items?)
            }
            one => scalar(one, text)?,
        };
        self.fit(raw)
    }

    /// A value of the document or of [`InputSpec::parse`] held against the type and its limits.
    ///
    /// # Errors
    /// Why it does not fit, as a lower-case fragment.
    pub fn fit(&self, value: Value) -> Result<Value, String> {
        match (&self.input_type, value) {
            (InputType::List(inner), Value::List(items)) => items
                .into_iter()
                .map(|item| self.fit_one(inner, item))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::List),
            (InputType::List(inner), one) => self
                .fit_one(inner, one)
                .map(|value| Value::List(vec![value])),
            (one, value) => self.fit_one(one, value),
        }
    }

    fn fit_one(&self, input_type: &InputType, value: Value) -> Result<Value, String> {
        match (input_type, value) {
            (InputType::Int, Value::Int(number)) => {
                self.in_limits(number as f64, Value::Int(number))
            }
            (InputType::Number, Value::Int(number)) => {
                self.in_limits(number as f64, Value::Int(number))
            }
            (InputType::Number, Value::Float(number)) => {
                self.in_limits(number, Value::Float(number))
            }
            (InputType::Bool, Value::Bool(yes)) => Ok(Value::Bool(yes)),
            (InputType::Duration, Value::Int(millis)) => {
                self.in_limits(millis as f64, Value::Int(millis))
            }
            (InputType::Duration, Value::Text(text)) => {
                let millis = parse_duration(&text)?;
                self.in_limits(millis as f64, Value::Int(millis))
            }
            (InputType::Int | InputType::Number | InputType::Bool | InputType::Duration, other) => {
                Err(format!("expected {input_type}, found {}", other.noun()))
            }
            (text_like, Value::Text(text)) => self.fit_text(text_like, text),
            (_, other) => Err(format!("expected text, found {}", other.noun())),
        }
    }

    fn in_limits(&self, number: f64, value: Value) -> Result<Value, String> {
        if let Some(min) = self.min
            && number < min
        {
            return Err(format!("{number} is less than the smallest value, {min}"));
        }
        if let Some(max) = self.max
            && number > max
        {
            return Err(format!("{number} is more than the largest value, {max}"));
        }
        Ok(value)
    }

    fn fit_text(&self, input_type: &InputType, text: String) -> Result<Value, String> {
        let limit = self.max_length.unwrap_or(MAX_TEXT_CHARS);
        let chars = text.chars().count();
        if chars > limit {
            return Err(format!("it has {chars} characters, more than {limit}"));
        }
        match input_type {
            InputType::Enum if !self.of.contains(&text) => {
                let near = nearest(&text, self.of.iter().map(String::as_str));
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return Err(format!("it must be one of {}{near}", self.of.join(", ")));
            }
            InputType::Color => {
                text.parse::<Color>().map_err(|error| error.to_string())?;
            }
            InputType::Date if !is_date(&text) => {
                return Err("it must be a day like 2026-11-22".to_owned());
            }
            InputType::Url if !is_url(&text) => {
                return Err("it must begin with http:// or https://".to_owned());
            }
            InputType::String if text.contains('\n') => {
                return Err("it must be one line; use the type `text` for more".to_owned());
            }
            _ if input_type.is_path() && text.is_empty() => {
                return Err("the path is empty".to_owned());
            }
            _ => {}
        }
        Ok(Value::Text(text))
    }

    fn absolute(&self, value: Value, base: &str) -> Value {
        match value {
            Value::Text(path) if self.input_type.is_path() => Value::Text(join_path(base, &path)),
            Value::List(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| self.absolute(item, base))
                    .collect(),
            ),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(input_type: InputType) -> InputSpec {
        InputSpec {
            input_type,
            default: None,
            required: true,
            help: String::new(),
            min: None,
            max: None,
            max_length: None,
            of: Vec::new(),
            span: Span::default(),
        }
    }

    #[test]
    fn every_type_name_is_read_back() {
        for name in InputType::NAMES {
            assert_eq!(InputType::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(InputType::parse("image[]").unwrap().to_string(), "image[]");
        assert_eq!(InputType::parse("integer"), None);
    }

    #[test]
    fn texts_become_typed_values() {
        for (input_type, text, value) in [
            (InputType::Int, " 7", Value::Int(7)),
            (InputType::Number, "0.5", Value::Float(0.5)),
            (InputType::Bool, "yes", Value::Bool(true)),
            (InputType::Duration, "1m30s", Value::Int(90_000)),
            (
                InputType::Date,
                "2024-02-29",
                Value::Text("2024-02-29".into()),
            ),
            (
                InputType::List(Box::new(InputType::Int)),
                "1, 2",
                Value::List(vec![Value::Int(1), Value::Int(2)]),
            ),
        ] {
            assert_eq!(spec(input_type).parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn texts_that_do_not_fit_say_why() {
        for (input_type, text, part) in [
            (InputType::Int, "7.5", "whole number"),
            (InputType::Number, "NaN", "finite"),
            (InputType::Bool, "ja", "true or false"),
            (InputType::Duration, "5", "300ms"),
            (InputType::Date, "2023-02-29", "2026-11-22"),
            (InputType::Url, "ftp://x", "http://"),
            (InputType::Color, "red", "#RRGGBB"),
            (InputType::String, "a\nb", "one line"),
            (InputType::File, "", "empty"),
        ] {
            let reason = spec(input_type).parse(text).unwrap_err();
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }

    #[test]
    fn limits_and_choices_are_held() {
        let limited = InputSpec {
            min: Some(1.0),
            max: Some(9.0),
            ..spec(InputType::Int)
        };
        assert!(limited.parse("0").unwrap_err().contains("smallest"));
        assert!(limited.parse("10").unwrap_err().contains("largest"));
        let choice = InputSpec {
            of: vec!["calm".into(), "driving".into()],
            ..spec(InputType::Enum)
        };
        assert!(choice.parse("clam").unwrap_err().contains("`calm`"));
        let short = InputSpec {
            max_length: Some(2),
            ..spec(InputType::String)
        };
        assert!(short.parse("éüà").unwrap_err().contains("more than 2"));
    }
}
