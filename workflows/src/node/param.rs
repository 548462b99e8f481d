//! What a parameter may hold: its name, type, unit, limits and default, as data that checks, docs and schemas read.
//!
//! Neighbours: `fit` makes values fit these types. Nothing here knows what a node does with a parameter.

use std::fmt;

use super::fit::{Misfit, absolute, fit};
use crate::execution::{JobFacts, LowerError};
use crate::value::{PortType, Value};

/// A parameter of a node type.
#[derive(Clone, Debug, PartialEq)]
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
    /// The unit of its numbers, for example `dB`; none for plain numbers and other types.
    pub unit: Option<&'static str>,
    /// For parameters of the language that this version cannot heed: what to do instead. Their use is refused.
    pub later: Option<&'static str>,
    /// Words of a choice that this version cannot do, each with what to do instead. Their use is refused.
    pub later_words: &'static [(&'static str, &'static str)],
    /// For parameters that must hold something: what to write instead of an empty text or list.
    pub filled: Option<&'static str>,
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
    /// `true` or `false`.
    Bool,
    /// A length of time: a text like `2.5s`, or a whole number of milliseconds. Becomes milliseconds.
    Duration {
        /// Shortest, milliseconds.
        min: i64,
        /// Longest, milliseconds.
        max: i64,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `#RRGGBB` or `#RRGGBBAA`.
    Color,
    /// An address that begins with http:// or https://.
    Url,
    /// A model: `vendor:model`.
    Model,
    /// A BCP 47 language.
    Language,
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
    /// A map with these fields and no others.
    Fields(Vec<ParamSpec>),
    /// A map of texts to texts.
    Texts,
    /// Named values: texts, numbers, images.
    Fill,
}

impl ParamSpec {
    /// A parameter that must be written.
    pub const fn required(name: &'static str, param_type: ParamType, doc: &'static str) -> Self {
        let mut spec = Self::optional(name, param_type, doc);
        spec.required = true;
        spec
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, param_type: ParamType, doc: &'static str) -> Self {
        Self {
            name,
            param_type,
            doc,
            default: Value::Null,
            required: false,
            unit: None,
            later: None,
            later_words: &[],
            filled: None,
        }
    }

    /// A parameter with a default.
    pub fn with_default(
        name: &'static str,
        param_type: ParamType,
        default: Value,
        doc: &'static str,
    ) -> Self {
        Self {
            default,
            ..Self::optional(name, param_type, doc)
        }
    }

    /// The unit of its numbers.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    /// This version cannot heed it; `instead` says what to do.
    #[must_use]
    pub const fn later(mut self, instead: &'static str) -> Self {
        self.later = Some(instead);
        self
    }

    /// This version cannot do these words of its choice; with each what to do instead.
    #[must_use]
    pub const fn later_words(mut self, words: &'static [(&'static str, &'static str)]) -> Self {
        self.later_words = words;
        self
    }

    /// An empty text or list will not do; `instead` says what to write.
    #[must_use]
    pub const fn filled(mut self, instead: &'static str) -> Self {
        self.filled = Some(instead);
        self
    }

    /// What to do instead of a word that this version cannot do.
    pub fn instead_of(&self, value: &Value) -> Option<(&'static str, &'static str)> {
        match value {
            Value::Text(text) => self
                .later_words
                .iter()
                .copied()
                .find(|(word, _)| word == text),
            Value::List(items) => items.iter().find_map(|item| self.instead_of(item)),
            _ => None,
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
        if let Some((word, instead)) = self.instead_of(&value) {
            return Err(LowerError::new(
                format!(
                    "parameter `{}`: `{word}` is not available in this version yet",
                    self.name
                ),
                instead,
            ));
        }
        if let Some(instead) = self.filled.filter(|_| holds_nothing(&value)) {
            return Err(LowerError::new(
                format!("parameter `{}` is empty", self.name),
                instead,
            ));
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
        Ok(absolute(&self.param_type, fitted, job))
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
        fit(self, value)
    }

    /// The fields of a map that may stand here.
    pub fn fields(&self) -> Option<&[ParamSpec]> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::Either(types) => types.iter().find_map(Self::fields),
            _ => None,
        }
    }

    /// Whether a map with any keys may stand here.
    pub fn takes_any_map(&self) -> bool {
        match self {
            Self::Fill | Self::Texts | Self::Port(PortType::Json) => true,
            Self::Either(types) => types.iter().any(Self::takes_any_map),
            _ => false,
        }
    }

    /// Whether values of a port type can fit, as far as the type alone says.
    pub fn accepts(&self, from: &PortType) -> bool {
        match self {
            Self::Text { .. } => PortType::Text.accepts(from),
            Self::Int { .. } | Self::Number { .. } | Self::Seed => *from == PortType::Number,
            Self::Bool => *from == PortType::Bool,
            Self::Duration { .. } => matches!(from, PortType::Number | PortType::Text),
            Self::OneOf(_)
            | Self::Color
            | Self::Url
            | Self::Model
            | Self::Language
            | Self::SourcePath
            | Self::ResultPath => *from == PortType::Text,
            // A voice is several recordings; where one sound is needed, Audio.Mix makes it.
            Self::Port(PortType::Audio) => *from == PortType::Audio,
            Self::Port(port_type) => port_type.accepts(from),
            Self::Many(inner) => {
                inner.accepts(from) || matches!(from, PortType::List(item) if inner.accepts(item))
            }
            Self::Either(types) => types.iter().any(|one| one.accepts(from)),
            Self::Fields(_) | Self::Texts | Self::Fill => *from == PortType::Json,
        }
    }
}

/// An empty text, and a list of nothing but such.
pub(crate) fn holds_nothing(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => items.iter().all(holds_nothing),
        _ => false,
    }
}

/// A number of milliseconds as people write it: `1m30s`, `2.5s`, `300ms`.
pub(crate) fn duration_text(ms: i64) -> String {
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let seconds = match (rest / 1000, rest % 1000) {
        (seconds, 0) => format!("{seconds}s"),
        (0, ms) if minutes == 0 => format!("{ms}ms"),
        (seconds, ms) => format!("{seconds}.{}s", format!("{ms:03}").trim_end_matches('0')),
    };
    match (minutes, rest) {
        (0, _) => seconds,
        (minutes, 0) if minutes % 60 == 0 => format!("{}h", minutes / 60),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, _) => format!("{minutes}m{seconds}"),
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { .. } => f.write_str("text"),
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::OneOf([word]) => write!(f, "`{word}`"),
            Self::OneOf(words) => write!(f, "one of `{}`", words.join("`, `")),
            Self::Bool => f.write_str("true or false"),
            Self::Duration { min, max } => write!(
                f,
                "a length of time from {} to {}, for example {}",
                duration_text(*min),
                duration_text(*max),
                duration_text(2500.clamp(*min, *max))
            ),
            Self::Url => f.write_str("an address that begins with http:// or https://"),
            Self::Model => f.write_str("a model like ollama:qwen3:8b"),
            Self::Language => f.write_str("a language like en or pt-BR"),
            Self::Color => f.write_str("a colour like #FFD400"),
            Self::SourcePath | Self::ResultPath => f.write_str("a path"),
            Self::Seed => f.write_str("a whole number"),
            Self::Port(port_type) => f.write_str(&port_type.with_article()),
            Self::Many(inner) => write!(f, "{inner}, or a list of such"),
            Self::Either(types) => {
                let texts: Vec<String> = types.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" or "))
            }
            Self::Fields(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                write!(f, "a map with `{}`", names.join("`, `"))
            }
            Self::Texts => f.write_str("a map of texts to texts"),
            Self::Fill => f.write_str("a map of placeholder names to values"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_not_silently_taken_for_one_sound() {
        assert!(!ParamType::Port(PortType::Audio).accepts(&PortType::Voice));
        assert!(ParamType::Port(PortType::Media.list()).accepts(&PortType::Video));
        assert!(ParamType::Text { max_chars: 1 }.accepts(&PortType::Script));
        assert!(!ParamType::Color.accepts(&PortType::Number));
        assert!(ParamType::Duration { min: 0, max: 9 }.accepts(&PortType::Text));
        assert!(!ParamType::Bool.accepts(&PortType::Text));
    }

    #[test]
    fn lengths_of_time_are_told_as_they_are_written() {
        for (ms, text) in [
            (0, "0s"),
            (300, "300ms"),
            (2500, "2.5s"),
            (60_000, "1m"),
            (90_500, "1m30.5s"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(duration_text(ms), text);
            assert_eq!(crate::input::parse_duration(text), Ok(ms));
        }
    }

    #[test]
    fn what_must_hold_something_does() {
        let text = |text: &str| Value::Text(text.into());
        let spec = ParamSpec::required("q", ParamType::many(ParamType::Text { max_chars: 9 }), "")
            .filled("write a word");
        let fit = |value| spec.fit(value, &JobFacts::default());
        for nothing in [
            text(" "),
            Value::List(Vec::new()),
            Value::List(vec![text("")]),
        ] {
            let error = fit(nothing).unwrap_err();
            assert_eq!(
                (error.message.as_str(), error.hint.as_str()),
                ("parameter `q` is empty", "write a word")
            );
        }
        assert!(fit(Value::List(vec![text(""), text("a")])).is_ok());
    }

    #[test]
    fn words_of_a_later_version_say_what_to_do() {
        let spec = ParamSpec::optional("e", ParamType::OneOf(&["a", "hw"]), "")
            .later_words(&[("hw", "write `a`")]);
        let error = spec
            .fit(Value::Text("hw".into()), &JobFacts::default())
            .unwrap_err();
        assert!(error.message.contains("`hw` is not available"), "{error}");
        assert_eq!(error.hint, "write `a`");
        assert!(
            spec.fit(Value::Text("a".into()), &JobFacts::default())
                .is_ok()
        );
    }
}
