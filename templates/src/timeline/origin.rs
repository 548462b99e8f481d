//! Where something that is seen or heard came from, and who is to be named for it. Nothing of it is visible in the film
//! itself: it is told beside it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of source something has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// From a library of footage, pictures or music.
    Stock,
    /// A file of the user's own.
    Upload,
    /// A picture that a model made.
    AiImage,
    /// A clip that a model made or changed.
    AiVideo,
    /// Speech that a program made.
    AiVoice,
    /// Music that a model made.
    AiMusic,
}

impl Provenance {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Stock,
        Self::Upload,
        Self::AiImage,
        Self::AiVideo,
        Self::AiVoice,
        Self::AiMusic,
    ];

    /// Its word in reports and metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Upload => "upload",
            Self::AiImage => "ai_image",
            Self::AiVideo => "ai_video",
            Self::AiVoice => "ai_voice",
            Self::AiMusic => "ai_music",
        }
    }

    /// Whether a program made it up.
    pub const fn is_synthetic(self) -> bool {
        !matches!(self, Self::Stock | Self::Upload)
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who made something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Credit {
    /// Whose service it came from.
    pub provider: String,
    /// Its id there.
    pub id: String,
    /// Who made it.
    pub author: String,
    /// The author's page; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author_url: String,
    /// Its page.
    pub page_url: String,
    /// The licence.
    pub license: String,
}

/// Where a source came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// What kind of source it is.
    pub provenance: Provenance,
    /// Its name, for people: a file's, or `narration`.
    pub name: String,
    /// The model or the engine that made it; empty where none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Who is to be named, where somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit>,
}

impl Origin {
    /// A file of the user's own.
    pub fn upload(name: impl Into<String>) -> Self {
        Self {
            provenance: Provenance::Upload,
            name: name.into(),
            by: String::new(),
            credit: None,
        }
    }
}
