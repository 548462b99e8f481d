//! Values that flow between nodes, each with its port type.

use std::collections::BTreeMap;
use std::fmt;

use fenta_templates::timeline::{MediaFacts, MediaKind, Timeline};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The type of a port or an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortType {
    /// Unicode text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// Anything JSON can say.
    Json,
    /// Any file.
    File,
    /// A still.
    Image,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Narration: recordings with their words.
    Voice,
    /// A still, a clip or a procedural picture.
    Media,
    /// A script: scenes with texts.
    Script,
    /// Words with times.
    Words,
    /// Captions.
    Captions,
    /// A finished cut.
    Timeline,
    /// A list of one type.
    List(Box<PortType>),
}

impl PortType {
    /// The list of this type.
    pub fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    /// Whether a value of type `from` may be used where `self` is wanted: the same type, or one of the coercions
    /// `T -> T[]`, `video|image -> media`, `voice -> audio`, `script -> text`, anything -> `json`.
    pub fn accepts(&self, from: &Self) -> bool {
        match (self, from) {
            (a, b) if a == b => true,
            (Self::Json, _) => true,
            (Self::Media, Self::Video | Self::Image) => true,
            (Self::File, Self::Video | Self::Image | Self::Audio) => true,
            (Self::Audio, Self::Voice) => true,
            (Self::Text, Self::Script) => true,
            (Self::List(want), Self::List(have)) => want.accepts(have),
            (Self::List(want), have) => want.accepts(have),
            _ => false,
        }
    }
}

impl fmt::Display for PortType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(inner) => write!(f, "{inner}[]"),
            Self::Text => f.write_str("text"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::Json => f.write_str("json"),
            Self::File => f.write_str("file"),
            Self::Image => f.write_str("image"),
            Self::Video => f.write_str("video"),
            Self::Audio => f.write_str("audio"),
            Self::Voice => f.write_str("voice"),
            Self::Media => f.write_str("media"),
            Self::Script => f.write_str("script"),
            Self::Words => f.write_str("words"),
            Self::Captions => f.write_str("captions"),
            Self::Timeline => f.write_str("timeline"),
        }
    }
}

/// One scene of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// `s1`, `s2`, ... in order.
    pub id: String,
    /// What is said.
    pub text: String,
}

/// A script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its title; may be empty.
    pub title: String,
    /// BCP 47 language.
    pub language: String,
    /// The scenes in order; at least one.
    pub scenes: Vec<Scene>,
}

impl Script {
    /// The texts of all scenes, one after the other.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .scenes
            .iter()
            .map(|scene| scene.text.as_str())
            .collect();
        texts.join(" ")
    }
}

/// A word of the narration, in samples from the start of its scene's recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// As shown, with punctuation.
    pub text: String,
    /// First sample, at 48 kHz, from the start of the scene.
    pub start: u64,
    /// First sample after it, at 48 kHz.
    pub end: u64,
}

/// One scene spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenScene {
    /// The scene's id.
    pub id: String,
    /// The recording.
    pub source: Digest,
    /// Its length in samples at 48 kHz.
    pub samples: u64,
    /// Its words.
    pub words: Vec<Word>,
}

/// The narration: one recording per scene, played one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// BCP 47 language.
    pub language: String,
    /// Silence between scenes, milliseconds.
    pub gap_ms: u32,
    /// The scenes in order.
    pub scenes: Vec<SpokenScene>,
}

/// A file that is a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileValue {
    /// The blob.
    pub digest: Digest,
    /// File name with extension, for people and for publishing.
    pub name: String,
}

/// A media file with measured facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaValue {
    /// The blob.
    pub digest: Digest,
    /// File name, for people.
    pub name: String,
    /// What was measured.
    pub facts: MediaFacts,
}

/// A family of procedural backgrounds to take shots from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorValue {
    /// For people.
    pub name: String,
    /// The picture.
    pub generator: fenta_templates::timeline::Generator,
}

/// A sound with its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioValue {
    /// The blob.
    pub digest: Digest,
    /// File name, for people.
    pub name: String,
}

/// A word shown in captions, in samples at 48 kHz from the start of its scene's recording. Where the scene itself
/// starts is decided by `Edit.Timeline`, which puts scenes on the frame grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionWord {
    /// As shown.
    pub text: String,
    /// First sample.
    pub start: u64,
    /// First sample after it.
    pub end: u64,
    /// Index of its scene.
    pub scene: u32,
}

/// Words grouped into cues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captions {
    /// BCP 47 language.
    pub language: String,
    /// Every word in order. Grouping into cues follows the template's style in `Edit.Timeline`.
    pub words: Vec<CaptionWord>,
}

/// A value on a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Named values.
    Record(BTreeMap<String, Value>),
    /// Any file.
    File(FileValue),
    /// A still or a clip (its facts say which).
    Media(MediaValue),
    /// A procedural picture.
    Generator(GeneratorValue),
    /// Sound.
    Audio(AudioValue),
    /// Narration.
    Voice(Voice),
    /// A script.
    Script(Script),
    /// Captions.
    Captions(Captions),
    /// A finished cut.
    Timeline(Box<Timeline>),
}

impl Value {
    /// The value's own port type; `None` for null, empty lists and lists of mixed types.
    pub fn port_type(&self) -> Option<PortType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => PortType::Bool,
            Self::Int(_) | Self::Float(_) => PortType::Number,
            Self::Text(_) => PortType::Text,
            Self::Record(_) => PortType::Json,
            Self::File(_) => PortType::File,
            Self::Media(media) if media.facts.kind == MediaKind::Image => PortType::Image,
            Self::Media(_) => PortType::Video,
            Self::Generator(_) => PortType::Media,
            Self::Audio(_) => PortType::Audio,
            Self::Voice(_) => PortType::Voice,
            Self::Script(_) => PortType::Script,
            Self::Captions(_) => PortType::Captions,
            Self::Timeline(_) => PortType::Timeline,
            Self::List(items) => {
                let first = items.first()?.port_type()?;
                if items
                    .iter()
                    .all(|item| item.port_type().as_ref() == Some(&first))
                {
                    first.list()
                } else {
                    return None;
                }
            }
        })
    }
}

impl Value {
    /// The value as plain JSON, without the tags that name types.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        fn plain<T: Serialize>(value: &T) -> serde_json::Value {
            serde_json::to_value(value)
                .expect("port values serialise, because their maps have text keys")
        }
        match self {
            Self::Null => Json::Null,
            Self::Bool(yes) => Json::from(*yes),
            Self::Int(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Text(text) => Json::from(text.as_str()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Record(fields) => Json::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), value.to_json()))
                    .collect(),
            ),
            Self::File(file) => plain(file),
            Self::Media(media) => plain(media),
            Self::Generator(generator) => plain(generator),
            Self::Audio(audio) => plain(audio),
            Self::Voice(voice) => plain(voice),
            Self::Script(script) => plain(script),
            Self::Captions(captions) => plain(captions),
            Self::Timeline(timeline) => plain(timeline),
        }
    }

    /// The value as it stands inside a text; none where it cannot stand there.
    pub fn shown(&self) -> Option<String> {
        Some(match self {
            Self::Null => String::new(),
            Self::Bool(yes) => yes.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Script(script) => script.text(),
            _ => return None,
        })
    }

    /// What the value is, with its article, for messages.
    pub fn noun(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(_) => "a bool".to_owned(),
            Self::Int(_) | Self::Float(_) => "a number".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Record(_) => "a record".to_owned(),
            Self::List(items) => format!("a list of {}", items.len()),
            other => match other.port_type() {
                Some(port_type) => port_type.with_article(),
                None => "a value".to_owned(),
            },
        }
    }

    /// The value as one short line of at most `limit` characters.
    pub fn preview(&self, limit: usize) -> String {
        let text = match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::File(file) => file.name.clone(),
            Self::Media(media) => media.name.clone(),
            Self::Generator(generator) => generator.name.clone(),
            Self::Audio(audio) => audio.name.clone(),
            Self::Script(script) => format!("script of {} scenes", script.scenes.len()),
            Self::Voice(voice) => format!("voice of {} scenes", voice.scenes.len()),
            Self::Captions(captions) => format!("captions of {} words", captions.words.len()),
            Self::Timeline(timeline) => format!("timeline of {} frames", timeline.duration.value),
            Self::List(items) => {
                let items: Vec<String> = items
                    .iter()
                    .take(limit / 4)
                    .map(|item| item.preview(limit))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Record(_) => {
                self.to_json().to_string()
            }
        };
        shorten(&text, limit)
    }
}

/// The text on one line, cut at `limit` characters with an ellipsis.
fn shorten(text: &str, limit: usize) -> String {
    let mut line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = line.by_ref().take(limit).collect();
    if line.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

impl PortType {
    /// The type's name with its article, for messages.
    pub fn with_article(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Json | Self::Audio | Self::Captions | Self::Words => self.to_string(),
            Self::List(inner) => format!("a list of {inner}"),
            Self::Image => format!("an {self}"),
            _ => format!("a {self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Value {
        Value::Script(Script {
            title: String::new(),
            language: "en".into(),
            scenes: vec![Scene {
                id: "s1".into(),
                text: "Hi.".into(),
            }],
        })
    }

    #[test]
    fn coercions_are_the_documented_ones_and_no_others() {
        use PortType::{Audio, File, Image, Json, Media, Script, Text, Video, Voice};
        assert!(Media.clone().list().accepts(&Video));
        assert!(Media.clone().list().accepts(&Image.list()));
        assert!(Audio.accepts(&Voice));
        assert!(Text.accepts(&Script));
        assert!(Json.accepts(&Voice));
        assert!(File.accepts(&Video));
        for (want, have) in [
            (Voice, Audio),
            (Script, Text),
            (Video, Media),
            (Text, PortType::Number),
        ] {
            assert!(!want.accepts(&have), "{want} <- {have}");
        }
        assert!(!Text.accepts(&Text.list()));
    }

    #[test]
    fn json_has_no_type_tags() {
        let list = Value::List(vec![script(), Value::Null]);
        assert_eq!(list.to_json()[0]["scenes"][0]["text"], "Hi.");
        assert!(list.to_json()[1].is_null());
    }

    #[test]
    fn previews_are_short_single_lines() {
        assert_eq!(Value::Text("a\nb".into()).preview(60), "\"a b\"");
        assert_eq!(Value::Text("x".repeat(99)).preview(10).chars().count(), 10);
        assert_eq!(script().preview(60), "script of 1 scenes");
        assert_eq!(
            Value::List(vec![Value::Int(1), Value::Bool(true)]).preview(60),
            "[1, true]"
        );
    }

    #[test]
    fn values_say_what_they_are() {
        assert_eq!(script().noun(), "a script");
        assert_eq!(Value::Int(1).noun(), "a number");
        assert_eq!(Value::List(vec![]).noun(), "a list of 0");
        assert_eq!(PortType::Image.with_article(), "an image");
    }

    #[test]
    fn mixed_lists_have_no_type() {
        assert_eq!(Value::List(vec![]).port_type(), None);
        let mixed = Value::List(vec![Value::Int(1), Value::Bool(true)]);
        assert_eq!(mixed.port_type(), None);
        assert_eq!(
            Value::List(vec![Value::Int(1)]).port_type(),
            Some(PortType::Number.list())
        );
    }
}
