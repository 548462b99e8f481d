//! What a parameter may hold, and how a value is made to fit: one function for literals (when a document is checked)
//! and for computed values (when a node is prepared), so that both are judged alike.

use std::fmt;

use fenta_templates::color::Color;

use crate::execution::{JobFacts, LowerError};
use crate::input::join_path;
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// A parameter of a node type.
#[derive(Clone, Debug)]
pub struct ParamSpec {
    /// Its name in `with`.
    pub name: &'static str,
    /// What it may hold.
    pub param_type: ParamType,
    /// One sentence.
    pub doc: &'static str,
    /// The value when it is not written; `Null` when the parameter is optional without one.
    pub default: Value,
    /// Whether it must be written.
    pub required: bool,
}

/// What a parameter may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamType {
    /// Text of at most so many characters.
    Text {
        /// The limit.
        max_chars: usize,
    },
    /// A whole number.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `#RRGGBB` or `#RRGGBBAA`.
    Color,
    /// A path of the user's; relative ones belong to the document's folder.
    SourcePath,
    /// A path of a result; relative ones belong to the job's output folder.
    ResultPath,
    /// A whole number variation comes from; the workflow's `seed` when it is not written.
    Seed,
    /// A value that another node made.
    Port(PortType),
    /// One or several values of a type.
    Many(Box<ParamType>),
    /// The first of these types that fits.
    Either(Vec<ParamType>),
    /// Named values: texts, numbers, images.
    Fill,
}

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Whether the type is wrong (else a limit is not held).
    pub wrong_type: bool,
    /// Lower-case fragment.
    pub message: String,
    /// The word that was probably meant.
    pub suggestion: Option<&'static str>,
}

impl ParamSpec {
    /// A parameter that must be written.
    pub const fn required(name: &'static str, param_type: ParamType, doc: &'static str) -> Self {
        Self {
            name,
            param_type,
            doc,
            default: Value::Null,
            required: true,
        }
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, param_type: ParamType, doc: &'static str) -> Self {
        Self {
            name,
            param_type,
            doc,
            default: Value::Null,
            required: false,
        }
    }

    /// A parameter with a default.
    pub const fn with_default(
        name: &'static str,
        param_type: ParamType,
        default: Value,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            param_type,
            doc,
            default,
            required: false,
        }
    }

    /// The value as the node sees it: of the right type, within its limits, paths absolute.
    pub(crate) fn fit(&self, value: Value, job: &JobFacts) -> Result<Value, LowerError> {
        if matches!(value, Value::Null) {
            if self.required {
                return Err(LowerError::new(
                    format!("parameter `{}` has no value", self.name),
                    format!("give `{}` a value in `with`", self.name),
                ));
            }
            return Ok(self.default.clone());
        }
        let fitted = self.param_type.fit(value).map_err(|misfit| {
            LowerError::new(
                format!("parameter `{}`: {}", self.name, misfit.message),
                match misfit.suggestion {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("`{}` takes {}", self.name, self.param_type),
                },
            )
        })?;
        Ok(self.param_type.absolute(fitted, job))
    }

    /// Whether a literal `null` may be written.
    pub(crate) fn accepts_null(&self) -> bool {
        !self.required
    }
}

impl ParamType {
    /// A list type.
    pub fn many(inner: Self) -> Self {
        Self::Many(Box::new(inner))
    }

    /// The value converted to this type.
    pub fn fit(&self, value: Value) -> Result<Value, Misfit> {
        match self {
            Self::Text { max_chars } => fit_text(value, *max_chars, self),
            Self::Int { min, max } => {
                let number = whole(&value).ok_or_else(|| wrong_type(self, &value))?;
                in_range(&number, min, max)?;
                Ok(Value::Int(number))
            }
            Self::Number { min, max } => fit_number(value, *min, *max, self),
            Self::OneOf(words) => fit_word(value, words, self),
            Self::Color => match &value {
                Value::Text(text) => match text.parse::<Color>() {
                    Ok(_) => Ok(value),
                    Err(error) => Err(Misfit::limit(error.to_string())),
                },
                other => Err(wrong_type(self, other)),
            },
            Self::SourcePath | Self::ResultPath => fit_path(value, self),
            Self::Seed => match whole(&value) {
                Some(number) => Ok(Value::Int(number)),
                None => Err(wrong_type(self, &value)),
            },
            Self::Port(port_type) => fit_port(value, port_type, self),
            Self::Many(inner) => fit_many(value, inner),
            Self::Either(types) => fit_either(value, types, self),
            Self::Fill => match value {
                Value::Record(_) => Ok(value),
                other => Err(wrong_type(self, &other)),
            },
        }
    }

    /// Whether values of a port type can fit, as far as the type alone says.
    pub fn accepts(&self, from: &PortType) -> bool {
        match self {
            Self::Text { .. } => PortType::Text.accepts(from),
            Self::Int { .. } | Self::Number { .. } | Self::Seed => *from == PortType::Number,
            Self::OneOf(_) | Self::Color | Self::SourcePath | Self::ResultPath => {
                *from == PortType::Text
            }
            // A voice is several recordings; joining them into one sound takes a mix, which is not there yet.
            Self::Port(PortType::Audio) => *from == PortType::Audio,
            Self::Port(port_type) => port_type.accepts(from),
            Self::Many(inner) => {
                inner.accepts(from) || matches!(from, PortType::List(item) if inner.accepts(item))
            }
            Self::Either(types) => types.iter().any(|one| one.accepts(from)),
            Self::Fill => *from == PortType::Json,
        }
    }

    /// Relative paths made absolute.
    fn absolute(&self, value: Value, job: &JobFacts) -> Value {
        match (self, value) {
            (Self::SourcePath, Value::Text(path)) => {
                Value::Text(join_path(&job.workflow_dir, &path))
            }
            (Self::ResultPath, Value::Text(path)) => Value::Text(join_path(&job.out_dir, &path)),
            (Self::Many(inner), Value::List(items)) => Value::List(
                items
                    .into_iter()
                    .map(|item| inner.absolute(item, job))
                    .collect(),
            ),
            (_, value) => value,
        }
    }
}

impl Misfit {
    fn limit(message: impl Into<String>) -> Self {
        Self {
            wrong_type: false,
            message: message.into(),
            suggestion: None,
        }
    }
}

fn wrong_type(wanted: &ParamType, value: &Value) -> Misfit {
    Misfit {
        wrong_type: true,
        message: format!("expected {wanted}, found {}", value.noun()),
        suggestion: None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

fn in_range<T: PartialOrd + fmt::Display>(number: &T, min: &T, max: &T) -> Result<(), Misfit> {
    if number < min || number > max {
        return Err(Misfit::limit(format!(
            "{number} is out of range; it must be from {min} to {max}"
        )));
    }
    Ok(())
}

fn fit_text(value: Value, max_chars: usize, wanted: &ParamType) -> Result<Value, Misfit> {
    let text = match value {
        Value::Text(text) => text,
        Value::Script(script) => script.text(),
        other => return Err(wrong_type(wanted, &other)),
    };
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(Misfit::limit(format!(
            "the text has {chars} characters, more than {max_chars}"
        )));
    }
    Ok(Value::Text(text))
}

fn fit_number(value: Value, min: f64, max: f64, wanted: &ParamType) -> Result<Value, Misfit> {
    let number = match value {
        Value::Int(number) => number as f64,
        Value::Float(number) => number,
        other => return Err(wrong_type(wanted, &other)),
    };
    in_range(&number, &min, &max)?;
    Ok(Value::Float(number))
}

fn fit_word(value: Value, words: &[&'static str], wanted: &ParamType) -> Result<Value, Misfit> {
    match &value {
        Value::Text(text) if words.contains(&text.as_str()) => Ok(value),
        Value::Text(text) => Err(Misfit {
            wrong_type: false,
            message: format!("`{text}` is not {wanted}"),
            suggestion: nearest(text, words.iter().copied())
                .and_then(|near| words.iter().copied().find(|word| *word == near)),
        }),
        other => Err(wrong_type(wanted, other)),
    }
}

/// `.` and `..` at the end name folders, whatever is there.
fn names_a_folder(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("." | ".."))
}

fn fit_path(value: Value, wanted: &ParamType) -> Result<Value, Misfit> {
    match &value {
        Value::Text(path) if path.trim().is_empty() => Err(Misfit::limit("the path is empty")),
        Value::Text(path) if path.contains('\0') => {
            Err(Misfit::limit("the path has a zero byte in it"))
        }
        Value::Text(path) if path.starts_with("~/") => Err(Misfit::limit(
            "`~` is not replaced by your home folder; write the whole path",
        )),
        Value::Text(path) if *wanted == ParamType::ResultPath && names_a_folder(path) => {
            Err(Misfit::limit(format!(
                "`{path}` is a folder; write `{path}/` to put the file into it"
            )))
        }
        Value::Text(_) => Ok(value),
        other => Err(wrong_type(wanted, other)),
    }
}

fn fit_port(value: Value, port_type: &PortType, wanted: &ParamType) -> Result<Value, Misfit> {
    match (port_type, value) {
        (PortType::List(inner), Value::List(items)) => {
            let items: Result<Vec<Value>, Misfit> = items
                .into_iter()
                .map(|item| fit_port(item, inner, wanted))
                .collect();
            items.map(Value::List)
        }
        (PortType::List(inner), one) => {
            fit_port(one, inner, wanted).map(|value| Value::List(vec![value]))
        }
        (PortType::Json, any) => Ok(any),
        (PortType::Text, Value::Script(script)) => Ok(Value::Text(script.text())),
        (PortType::Audio, value @ Value::Voice(_)) => Err(wrong_type(wanted, &value)),
        (port_type, value) => match value.port_type() {
            Some(own) if port_type.accepts(&own) => Ok(value),
            _ => Err(wrong_type(wanted, &value)),
        },
    }
}

fn fit_many(value: Value, inner: &ParamType) -> Result<Value, Misfit> {
    match value {
        Value::List(items) => items
            .into_iter()
            .map(|item| inner.fit(item))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List),
        one => inner.fit(one).map(|value| Value::List(vec![value])),
    }
}

/// The misfit told is the most telling one: a limit of a type that fits, best one with a suggestion.
fn fit_either(value: Value, types: &[ParamType], wanted: &ParamType) -> Result<Value, Misfit> {
    let mut best: Option<Misfit> = None;
    for one in types {
        match one.fit(value.clone()) {
            Ok(value) => return Ok(value),
            Err(misfit) if misfit.wrong_type => {}
            Err(misfit) => {
                let telling = misfit.suggestion.is_some();
                if best.is_none() || telling {
                    best = Some(misfit);
                }
            }
        }
    }
    Err(match best {
        Some(misfit) if misfit.suggestion.is_some() => misfit,
        Some(_) => Misfit::limit(format!("{} is not {wanted}", value.preview(40))),
        None => wrong_type(wanted, &value),
    })
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { .. } => f.write_str("text"),
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::OneOf([word]) => write!(f, "`{word}`"),
            Self::OneOf(words) => write!(f, "one of `{}`", words.join("`, `")),
            Self::Color => f.write_str("a colour like #FFD400"),
            Self::SourcePath | Self::ResultPath => f.write_str("a path"),
            Self::Seed => f.write_str("a whole number"),
            Self::Port(port_type) => f.write_str(&port_type.with_article()),
            Self::Many(inner) => write!(f, "{inner}, or a list of such"),
            Self::Either(types) => {
                let texts: Vec<String> = types.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" or "))
            }
            Self::Fill => f.write_str("a map of placeholder names to values"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scene, Script};

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn job() -> JobFacts {
        JobFacts {
            workflow_dir: "/w".into(),
            out_dir: "/out".into(),
            ..JobFacts::default()
        }
    }

    #[test]
    fn ranges_and_choices_are_held() {
        let int = ParamType::Int { min: 1, max: 9 };
        assert_eq!(int.fit(Value::Float(3.0)), Ok(Value::Int(3)));
        assert!(
            int.fit(Value::Int(0))
                .unwrap_err()
                .message
                .contains("from 1 to 9")
        );
        assert!(int.fit(Value::Float(1.5)).unwrap_err().wrong_type);
        let word = ParamType::OneOf(&["calm", "driving"]);
        assert_eq!(
            word.fit(text("calmm")).unwrap_err().suggestion,
            Some("calm")
        );
        assert!(ParamType::Text { max_chars: 2 }.fit(text("éàü")).is_err());
        assert!(ParamType::Color.fit(text("red")).is_err());
        assert!(
            ParamType::Number { min: 0.5, max: 2.0 }
                .fit(Value::Int(3))
                .is_err()
        );
    }

    #[test]
    fn paths_become_absolute_where_they_belong() {
        let source = ParamSpec::required("a", ParamType::SourcePath, "");
        let result = ParamSpec::required("a", ParamType::ResultPath, "");
        assert_eq!(source.fit(text("./x.png"), &job()), Ok(text("/w/x.png")));
        assert_eq!(result.fit(text("v.mp4"), &job()), Ok(text("/out/v.mp4")));
        assert_eq!(
            result.fit(text("/abs/v.mp4"), &job()),
            Ok(text("/abs/v.mp4"))
        );
        assert!(source.fit(text(" "), &job()).is_err());
    }

    #[test]
    fn a_script_is_text_where_text_is_wanted() {
        let script = Value::Script(Script {
            title: "T".into(),
            language: "en".into(),
            scenes: vec![
                Scene {
                    id: "s1".into(),
                    text: "One.".into(),
                },
                Scene {
                    id: "s2".into(),
                    text: "Two.".into(),
                },
            ],
        });
        let fitted = ParamType::Text { max_chars: 99 }.fit(script);
        assert_eq!(fitted, Ok(text("One. Two.")));
    }

    #[test]
    fn one_value_fits_a_list() {
        let colors = ParamType::many(ParamType::Color);
        assert_eq!(
            colors.fit(text("#112233")),
            Ok(Value::List(vec![text("#112233")]))
        );
        let either = ParamType::Either(vec![ParamType::OneOf(&["sunset"]), colors]);
        assert_eq!(either.fit(text("sunset")), Ok(text("sunset")));
        assert_eq!(
            either.fit(text("sunste")).unwrap_err().suggestion,
            Some("sunset")
        );
        assert!(either.fit(Value::Bool(true)).unwrap_err().wrong_type);
    }

    #[test]
    fn absent_values_take_the_default_or_are_an_error() {
        let spec = ParamSpec::with_default("n", ParamType::Seed, Value::Int(7), "");
        assert_eq!(spec.fit(Value::Null, &job()), Ok(Value::Int(7)));
        let spec = ParamSpec::required("n", ParamType::Seed, "");
        assert!(
            spec.fit(Value::Null, &job())
                .unwrap_err()
                .message
                .contains("no value")
        );
    }

    #[test]
    fn results_are_not_put_in_the_place_of_folders() {
        let fits = |path: &str| fit_path(Value::Text(path.into()), &ParamType::ResultPath).is_ok();
        for path in [".", "..", "out/..", "~/v.mp4"] {
            assert!(!fits(path), "{path}");
        }
        for path in ["./", "out/v.mp4", "../v.mp4", "v..mp4"] {
            assert!(fits(path), "{path}");
        }
    }

    #[test]
    fn a_voice_is_not_silently_taken_for_one_sound() {
        assert!(!ParamType::Port(PortType::Audio).accepts(&PortType::Voice));
        assert!(ParamType::Port(PortType::Media.list()).accepts(&PortType::Video));
        assert!(ParamType::Text { max_chars: 1 }.accepts(&PortType::Script));
        assert!(!ParamType::Color.accepts(&PortType::Number));
    }
}
