//! Inputs of a workflow: their types, and how texts from outside (`-p name=value`) become typed values.
//!
//! Neighbours: `graph` reads their declarations from the document; the daemon and the CLI call [`Workflow::bind`]
//! before a job begins. No file is touched: paths are joined as texts.

mod fit;
mod path;
mod pattern;
mod scalar;

pub(crate) use path::join_path;
pub use pattern::Pattern;

pub(crate) use scalar::{is_date, is_url, parse_duration};

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;

use crate::diagnostic::Span;
use crate::execution::Scope;
use crate::expr::{Context, Dynamic};
use crate::graph::Workflow;
use crate::suggest::nearest;
use crate::value::{PortType, Value};

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
    /// A path of a picture, a clip or a recording; `kind` says which.
    Asset,
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
    pub const NAMES: [&'static str; 15] = [
        "string", "text", "int", "number", "bool", "enum", "duration", "url", "color", "date",
        "file", "asset", "image", "video", "audio",
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
            "asset" => Self::Asset,
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => return None,
        })
    }

    /// Whether values are paths of the user's files.
    pub fn is_path(&self) -> bool {
        match self {
            Self::File | Self::Asset | Self::Image | Self::Video | Self::Audio => true,
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
            Self::Asset => f.write_str("asset"),
            Self::Image => f.write_str("image"),
            Self::Video => f.write_str("video"),
            Self::Audio => f.write_str("audio"),
        }
    }
}

/// What an `asset` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetKind {
    /// A picture.
    Image,
    /// A clip.
    Video,
    /// A recording.
    Audio,
}

impl AssetKind {
    /// The extensions its files have, without dots.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Image => &[
                "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic",
            ],
            Self::Video => &[
                "mp4", "mov", "m4v", "mkv", "webm", "avi", "mpg", "mpeg", "ts",
            ],
            Self::Audio => &["mp3", "wav", "m4a", "aac", "flac", "ogg", "opus", "aiff"],
        }
    }

    /// Its name with its article, for messages.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Image => "an image",
            Self::Video => "a video",
            Self::Audio => "an audio file",
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
    /// Smallest number (milliseconds for durations), or fewest items of a list.
    pub min: Option<f64>,
    /// Largest number, or most items of a list.
    pub max: Option<f64>,
    /// First day of a date.
    pub first_day: Option<String>,
    /// Last day of a date.
    pub last_day: Option<String>,
    /// Most characters of a text.
    pub max_length: Option<usize>,
    /// What a text must match.
    pub pattern: Option<Pattern>,
    /// The choices of an `enum`.
    pub of: Vec<String>,
    /// What an `asset` is.
    pub kind: Option<AssetKind>,
    /// The extensions a path may have, small letters, without dots; any when empty.
    pub accept: Vec<String>,
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
    /// What is computed from the inputs alone has no value with these.
    #[error("{what} has no value with these inputs: {reason}")]
    Computed {
        /// What is computed, for example the variable `v`.
        what: String,
        /// Why not.
        reason: String,
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
    /// Everything that is wrong, at once: unknown names, missing values, values that do not fit; and, where nothing of
    /// this is wrong, variables and outputs that see nothing but inputs and cannot be computed from these.
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
            errors = self.computed_from(&values);
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }
}

impl Workflow {
    /// Variables and outputs that see inputs alone and cannot be computed: no work has to be done to know it.
    fn computed_from(&self, inputs: &BTreeMap<String, Value>) -> Vec<BindError> {
        let scope = Scope {
            inputs: inputs.clone(),
            ..Scope::default()
        };
        let context = Context::new(self, &scope);
        let sees_inputs = |value: &Dynamic| {
            value
                .references()
                .all(|reference| reference.path[0] == "inputs")
        };
        let settled = |value: &Dynamic| {
            value.references().all(|reference| {
                let var = || self.var(reference.path.get(1)?);
                match reference.path[0].as_str() {
                    "inputs" => true,
                    "vars" => var().is_some_and(sees_inputs),
                    _ => false,
                }
            })
        };
        let mut errors = Vec::new();
        for (name, value) in self.vars().iter().filter(|(_, value)| settled(value)) {
            if let Err(reason) = context.evaluate(value) {
                let what = format!("the variable `{name}`");
                errors.push(BindError::Computed { what, reason });
            }
        }
        // A variable that fails is told once, not again with every output that shows it.
        if !errors.is_empty() {
            return errors;
        }
        for (name, value) in self
            .output_exprs()
            .iter()
            .filter(|(_, value)| settled(value))
        {
            if let Err(reason) = self.output(name, value, &context) {
                let what = format!("the output `{name}`");
                let reason = reason.message;
                errors.push(BindError::Computed { what, reason });
            }
        }
        errors
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
    /// A required input without limits.
    pub(crate) fn new(input_type: InputType, span: Span) -> Self {
        Self {
            input_type,
            default: None,
            required: true,
            help: String::new(),
            min: None,
            max: None,
            first_day: None,
            last_day: None,
            max_length: None,
            pattern: None,
            of: Vec::new(),
            kind: None,
            accept: Vec::new(),
            span,
        }
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
            required: true,
            ..InputSpec::new(input_type, Span::default())
        }
    }

    // spec: W-20
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

    // spec: W-23
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

    #[test]
    fn limits_of_lists_count_items_and_name_the_bad_one() {
        let list = InputSpec {
            min: Some(2.0),
            max: Some(3.0),
            ..spec(InputType::List(Box::new(InputType::Int)))
        };
        assert!(
            list.parse("1")
                .unwrap_err()
                .contains("1 items, fewer than 2")
        );
        assert!(list.parse("1,2,3,4").unwrap_err().contains("more than 3"));
        assert!(list.parse("7,99").is_ok());
        assert!(list.parse("1,x").unwrap_err().contains("whole number"));
        let days = spec(InputType::List(Box::new(InputType::Date)));
        let reason = days.parse("2026-11-22, 2026-13-01").unwrap_err();
        assert!(reason.starts_with("item 2: it must be a day"), "{reason}");
    }

    #[test]
    fn items_with_commas_are_written_as_json() {
        let texts = spec(InputType::List(Box::new(InputType::String)));
        let value = |items: &[&str]| {
            Ok(Value::List(
                items
                    .iter()
                    .map(|item| Value::Text((*item).into()))
                    .collect(),
            ))
        };
        assert_eq!(texts.parse("[\"a, b\", \"c\"]"), value(&["a, b", "c"]));
        assert_eq!(texts.parse("[a], b"), value(&["[a]", "b"]));
        assert_eq!(texts.parse(" "), value(&[]));
    }

    #[test]
    fn days_patterns_and_file_names_are_held() {
        let day = InputSpec {
            first_day: Some("2026-01-01".into()),
            last_day: Some("2026-12-31".into()),
            ..spec(InputType::Date)
        };
        assert!(day.parse("2026-06-01").is_ok());
        assert!(
            day.parse("2025-12-31")
                .unwrap_err()
                .contains("before 2026-01-01")
        );
        assert!(
            day.parse("2027-01-01")
                .unwrap_err()
                .contains("after 2026-12-31")
        );
        let code = InputSpec {
            pattern: Some(Pattern::parse("[a-z]{2}").unwrap()),
            ..spec(InputType::String)
        };
        assert!(code.parse("de").is_ok());
        assert!(
            code.parse("deu")
                .unwrap_err()
                .contains("pattern `[a-z]{2}`")
        );
        let note = InputSpec {
            accept: vec!["md".into(), "txt".into()],
            ..spec(InputType::File)
        };
        assert!(note.parse("./in/Note.MD").is_ok());
        assert!(note.parse("note.pdf").unwrap_err().contains(".md, .txt"));
        assert!(note.parse("note").is_err());
        let photo = InputSpec {
            kind: Some(AssetKind::Image),
            ..spec(InputType::Asset)
        };
        assert!(photo.parse("a.JPG").is_ok() && photo.parse("./photos").is_ok());
        assert!(photo.parse("a.mp4").unwrap_err().contains("not an image"));
    }

    #[test]
    fn durations_are_shown_as_people_write_them() {
        let length = InputSpec {
            max: Some(90_000.0),
            ..spec(InputType::Duration)
        };
        let reason = length.parse("2m").unwrap_err();
        assert_eq!(reason, "2m is more than the largest value, 1m30s");
    }
}
