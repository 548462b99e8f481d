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
