//! Roles, and the models that can play them: what a workflow may ask for, before anything is asked.
//!
//! Neighbours: `action` names the models of an invocation, `cost` prices them, `nodes` say which role they need. Nothing
//! here knows whether a provider is configured on this machine: that is the daemon's.

mod table;
pub mod wire;

pub use table::{
    CreditPrice, Known, KnownModel, Models, OwnPrices, Price, Resolved, SchemaSupport,
    UnknownModel, named,
};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::suggest::nearest;

/// What a provider is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A language model that writes and rewrites scripts.
    Llm,
    /// Text to speech.
    Speech,
    /// Speech to text with word times.
    Transcribe,
    /// Stock footage and pictures.
    Stock,
    /// Music.
    Music,
    /// Picture generation.
    Image,
    /// Video generation.
    Video,
    /// Video editing.
    Edit,
    /// News feeds.
    Feed,
    /// Calls to addresses of yours.
    Webhook,
    /// Somebody who says yes or no.
    Approval,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 11] = [
        Self::Llm,
        Self::Speech,
        Self::Transcribe,
        Self::Stock,
        Self::Music,
        Self::Image,
        Self::Video,
        Self::Edit,
        Self::Feed,
        Self::Webhook,
        Self::Approval,
    ];

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Speech => "speech",
            Self::Transcribe => "transcribe",
            Self::Stock => "stock",
            Self::Music => "music",
            Self::Image => "image",
            Self::Video => "video",
            Self::Edit => "edit",
            Self::Feed => "feed",
            Self::Webhook => "webhook",
            Self::Approval => "approval",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a role{}", .nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
pub struct ParseRoleError {
    /// What was written.
    pub text: String,
    /// The role that was probably meant.
    pub nearest: Option<&'static str>,
}

impl FromStr for Role {
    type Err = ParseRoleError;

    /// The names, and the short ones `tts` and `asr` many know.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tts" => return Ok(Self::Speech),
            "asr" => return Ok(Self::Transcribe),
            _ => {}
        }
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| ParseRoleError {
                text: text.to_owned(),
                nearest: nearest(text, Self::ALL.iter().map(|role| role.name())).and_then(|near| {
                    Self::ALL
                        .iter()
                        .map(|role| role.name())
                        .find(|n| *n == near)
                }),
            })
    }
}

/// A model as documents name it: `vendor:model`, or the vendor alone where its usual model will do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelRef {
    /// Who runs it, for example `openrouter`.
    pub vendor: String,
    /// Its name there, for example `openai/gpt-6-luna`; `None` for the vendor's usual one.
    pub model: Option<String>,
}

impl ModelRef {
    /// A model of a vendor.
    pub fn new(vendor: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            vendor: vendor.into(),
            model: Some(model.into()),
        }
    }
}

/// Vendors whose models answer on this machine: asking them is not asking the network.
const LOCAL_VENDORS: [&str; 13] = [
    "builtin",
    "espeak-ng",
    "faster-whisper",
    "flite",
    "kokoro",
    "llama-cpp",
    "lmstudio",
    "local",
    "ollama",
    "sandbox",
    "sd-server",
    "speaches",
    "whisper-cpp",
];

impl ModelRef {
    /// Whether it runs on this machine.
    pub fn is_local(&self) -> bool {
        LOCAL_VENDORS.contains(&self.vendor.as_str())
    }
}

/// Who of a node's models can be asked on this machine, as the daemon finds out before the node is lowered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// Those that can, in the order they are tried, engines of this machine among them; empty where nobody can.
    pub models: Vec<ModelRef>,
    /// Why the ones before the first of them cannot, for people.
    pub passed: Vec<String>,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            Some(model) => write!(f, "{}:{model}", self.vendor),
            None => f.write_str(&self.vendor),
        }
    }
}

/// A text that names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a model; write vendor:model, for example ollama:qwen3:8b")]
pub struct ParseModelError(pub String);

/// The vendor that a name means: some have two.
pub fn vendor_called(name: &str) -> &str {
    match name {
        "kai" => "kie",
        other => other,
    }
}

impl FromStr for ModelRef {
    type Err = ParseModelError;

    /// The first colon ends the vendor; models may have more of them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (vendor, model) = match text.split_once(':') {
            Some((vendor, model)) => (vendor, Some(model)),
            None => (text, None),
        };
        let vendor_fits = !vendor.is_empty()
            && vendor.starts_with(|c: char| c.is_ascii_lowercase())
            && vendor
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
        let model_fits = model.is_none_or(|model| {
            !model.is_empty()
                && model.len() <= 200
                && !model.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if !vendor_fits || !model_fits || vendor.len() > 40 {
            return Err(ParseModelError(text.to_owned()));
        }
        Ok(Self {
            vendor: vendor_called(vendor).to_owned(),
            model: model.map(str::to_owned),
        })
    }
}

impl TryFrom<String> for ModelRef {
    type Error = ParseModelError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> Self {
        model.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn roles_have_names_and_the_two_short_ones() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert_eq!("tts".parse(), Ok(Role::Speech));
        assert_eq!("asr".parse(), Ok(Role::Transcribe));
        let error = "speach".parse::<Role>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`speach` is not a role; did you mean `speech`?"
        );
    }

    #[test]
    fn whatever_ollama_serves_is_on_this_machine() {
        let local = |text: &str| text.parse::<ModelRef>().unwrap().is_local();
        assert!(local("ollama:anything") && local("kokoro"));
        assert!(!local("openrouter:ollama"));
    }

    #[test]
    fn the_first_colon_ends_the_vendor() {
        let model: ModelRef = "ollama:qwen3:8b".parse().unwrap();
        assert_eq!(model, ModelRef::new("ollama", "qwen3:8b"));
        assert_eq!(
            "openrouter:openai/gpt-6-luna"
                .parse::<ModelRef>()
                .unwrap()
                .to_string(),
            "openrouter:openai/gpt-6-luna"
        );
        assert_eq!("kokoro".parse::<ModelRef>().unwrap().model, None);
        let kai: ModelRef = "kai:veo3_fast".parse().unwrap();
        assert_eq!(kai, ModelRef::new("kie", "veo3_fast"));
        for wrong in ["", ":x", "Kie:veo", "kie:", "kie:a b", "9x:y", "k.i:y"] {
            assert!(wrong.parse::<ModelRef>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn references_survive_being_written(vendor in "[a-z][a-z0-9_-]{0,10}", model in proptest::option::of("[!-~]{1,20}")) {
            prop_assume!(vendor_called(&vendor) == vendor);
            let one = ModelRef { vendor, model };
            prop_assert_eq!(one.to_string().parse::<ModelRef>().unwrap(), one.clone());
            let json = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<ModelRef>(&json).unwrap(), one);
        }
    }
}
