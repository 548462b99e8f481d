//! Values that flow between nodes, each with its port type.

use std::collections::BTreeMap;
use std::fmt;

use fenta_templates::timeline::{
    Ducking, LoudnessTarget, MediaFacts, MediaKind, Origin, SoundClip, Timeline,
};
use serde::{Deserialize, Serialize};

use crate::action::Rung;
use crate::digest::Digest;
use crate::tempo::Tempo;

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
    /// One scene of a script.
    Scene,
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
            Self::Scene => f.write_str("scene"),
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
    /// What is seen meanwhile: search texts, from the most fitting to the most general. May be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visual: Vec<String>,
    /// A text shown beside what is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_screen: Option<String>,
    /// Words of the text that matter most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emphasis: Vec<String>,
    /// How long it should take to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
}

/// Words per minute of a narrator in no hurry; the built-in English voices at their own speed.
pub const NOMINAL_WPM: u32 = 165;

impl Scene {
    /// A scene that only has a text.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            text: text.into(),
            visual: Vec::new(),
            on_screen: None,
            emphasis: Vec::new(),
            duration_ms: None,
        }
    }

    /// About how long it takes to say, in seconds: what is written, or the words at a narrator's rate.
    pub fn seconds(&self) -> f64 {
        match self.duration_ms {
            Some(ms) => f64::from(ms) / 1000.0,
            None => {
                let words = self.text.split_whitespace().count() as f64;
                (words * 60.0 / f64::from(NOMINAL_WPM) * 10.0).round() / 10.0
            }
        }
    }

    /// Every field, also those that are empty, so that expressions can ask for each.
    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "text": self.text,
            "visual": self.visual,
            "on_screen": self.on_screen,
            "emphasis": self.emphasis,
            "seconds": self.seconds(),
        })
    }
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
    /// Words of it that the script emphasises, for templates that show them so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emphasis: Vec<String>,
    /// How the times of its words are known.
    #[serde(default, skip_serializing_if = "Rung::is_provider")]
    pub rung: Rung,
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
    /// Files that belong to it, by the word they are asked for with: `srt`, `vtt`, `json`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sidecars: BTreeMap<String, Digest>,
    /// Whether its `credits` must lie beside it: somebody is to be named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_somebody: bool,
}

impl FileValue {
    /// A file without others beside it.
    pub fn new(digest: Digest, name: impl Into<String>) -> Self {
        Self {
            digest,
            name: name.into(),
            sidecars: BTreeMap::new(),
            names_somebody: false,
        }
    }
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
    /// Where it came from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
}

impl MediaValue {
    /// A file of which nobody knows where it came from.
    pub fn new(digest: Digest, name: impl Into<String>, facts: MediaFacts) -> Self {
        Self {
            digest,
            name: name.into(),
            facts,
            origin: None,
        }
    }
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
    /// What it was mixed from, where that is known: a cut mixes it again to its own length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Box<MixParts>>,
    /// Its beat, where it is known without listening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempo: Option<Tempo>,
    /// Where it came from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
}

impl AudioValue {
    /// A sound nobody knows the parts of.
    pub fn new(digest: Digest, name: impl Into<String>) -> Self {
        Self {
            digest,
            name: name.into(),
            parts: None,
            tempo: None,
            origin: None,
        }
    }
}

/// What a sound was mixed from, and the rules it was mixed by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixParts {
    /// The narration.
    pub voice: Option<Voice>,
    /// The music under it.
    pub music: Option<Digest>,
    /// The music's beat, where it is known without listening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music_tempo: Option<Tempo>,
    /// The music's level against the voice's, millibels.
    pub music_gain_mb: i32,
    /// The music's fade at the start, milliseconds.
    pub fade_in_ms: u32,
    /// The music's fade at the end, milliseconds.
    pub fade_out_ms: u32,
    /// How the music makes room for speech.
    pub ducking: Ducking,
    /// The loudness of the result.
    pub loudness: LoudnessTarget,
    /// Further recordings and effects, at their times from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sounds: Vec<SoundClip>,
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
    /// Where each scene begins when its narration is played by itself, in samples; empty where there are no scenes and
    /// times count from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<u64>,
    /// Every word in order. Grouping into cues follows the template's style in `Edit.Timeline`.
    pub words: Vec<CaptionWord>,
}

/// The words of a narration or a recording, with their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// BCP 47 language.
    pub language: String,
    /// How their times are known; of several, the least.
    #[serde(default, skip_serializing_if = "Rung::is_provider")]
    pub rung: Rung,
    /// In order.
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
    /// One scene of a script.
    Scene(Scene),
    /// Words with times.
    Words(Words),
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
            Self::Scene(_) => PortType::Scene,
            Self::Words(_) => PortType::Words,
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
            Self::Scene(scene) => scene.to_json(),
            Self::Words(words) => plain(words),
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
            Self::Scene(scene) => format!("\"{}\"", scene.text),
            Self::Words(words) => format!("{} words", words.words.len()),
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
            Self::Text | Self::Json | Self::Media | Self::Audio | Self::Captions | Self::Words => {
                self.to_string()
            }
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
            scenes: vec![Scene::new("s1", "Hi.")],
        })
    }

    // spec: W-41
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
    fn a_scene_shows_every_field_and_keeps_its_old_bytes() {
        let scene = Scene::new("s1", "Bees can dance well, and they fly far out.");
        let json = Value::Scene(scene.clone()).to_json();
        assert_eq!(json["visual"], serde_json::json!([]));
        assert_eq!(json["on_screen"], serde_json::Value::Null);
        assert_eq!(json["seconds"], 3.3);
        let stored = serde_json::to_string(&scene).unwrap();
        assert_eq!(
            stored,
            r#"{"id":"s1","text":"Bees can dance well, and they fly far out."}"#
        );
        let timed = Scene {
            duration_ms: Some(2500),
            ..scene
        };
        assert_eq!(timed.seconds(), 2.5);
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
