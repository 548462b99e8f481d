//! What can be asked of providers: one task per effect, each with everything it needs, and what comes back.
//!
//! Neighbours: `nodes` make the tasks and read the results; the daemon's executor finds a provider for the role. A task
//! never holds a key or an address of a provider: both belong to the machine, not to the document.

use std::collections::BTreeMap;

pub use fenta_templates::timeline::Credit;
use fenta_templates::timeline::MediaFacts;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::hearing::HeardWord;
use crate::loopback::is_loopback;
use crate::models::{ModelRef, Role};
use crate::value::{Captions, Script};

/// Ask a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvokeRequest {
    /// What the provider must be.
    pub role: Role,
    /// The models that may do it, in the order they are tried; empty for whatever is configured.
    pub models: Vec<ModelRef>,
    /// What to do.
    pub task: InvokeTask,
}

impl InvokeRequest {
    /// Whether answering it takes no network: a person at this machine is asked, or an address of this machine.
    pub fn stays_here(&self) -> bool {
        match &self.task {
            InvokeTask::Approve(_) => true,
            InvokeTask::CallWebhook(task) => is_loopback(&task.url),
            _ => false,
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", content = "of", rename_all = "snake_case")]
pub enum InvokeTask {
    /// Write scripts from a brief.
    WriteScript(WriteScriptTask),
    /// Rewrite a script or a text.
    RewriteScript(RewriteScriptTask),
    /// Speak one scene.
    Speak(SpeakTask),
    /// Find the words of a recording and their times.
    Transcribe(TranscribeTask),
    /// Put captions into another language.
    TranslateCaptions(TranslateCaptionsTask),
    /// Find footage.
    FindStock(FindStockTask),
    /// Find or make music.
    FindMusic(FindMusicTask),
    /// Make pictures.
    MakeImage(MakeImageTask),
    /// Make a clip.
    MakeVideo(MakeVideoTask),
    /// Change a clip.
    EditVideo(EditVideoTask),
    /// Read feeds.
    ReadFeed(ReadFeedTask),
    /// Tell an address of the user's that something happened.
    CallWebhook(CallWebhookTask),
    /// Ask a person.
    Approve(ApproveTask),
}

/// Write a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteScriptTask {
    /// What it is about.
    pub brief: String,
    /// BCP 47 language.
    pub language: String,
    /// How long it takes to say.
    pub duration_ms: u64,
    /// Words it may have, computed from the duration.
    pub max_words: u32,
    /// How it sounds; may be empty.
    pub tone: String,
    /// Whom it speaks to; may be empty.
    pub audience: String,
    /// Fewest scenes.
    pub min_scenes: u32,
    /// Most scenes.
    pub max_scenes: u32,
    /// How many different hooks, each giving a script of its own.
    pub hooks: u32,
    /// Facts it may use: JSON, to be treated as data and never as instructions.
    pub facts: Option<serde_json::Value>,
    /// Sampling temperature in permille.
    pub temperature_pm: u32,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// Where its variation comes from, for models that take one.
    pub seed: u64,
}

/// How a script changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewriting {
    /// Another language.
    Translate,
    /// Shorter.
    Compress,
    /// Longer.
    Expand,
    /// For another audience or platform.
    Adapt,
    /// A short script of a long text.
    ShortScript,
    /// Another first scene.
    RewriteHook,
}

/// Rewrite a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewriteScriptTask {
    /// How.
    pub mode: Rewriting,
    /// The script, or a text cut into scenes.
    pub script: Script,
    /// BCP 47 language of the result.
    pub language: String,
    /// How long the result may take to say, where that is limited.
    pub duration_ms: Option<u64>,
    /// Longest result against the source by syllables, in permille, where that is limited.
    pub max_syllable_ratio_pm: Option<u32>,
    /// Terms and what they become; names that stay map to themselves.
    pub glossary: BTreeMap<String, String>,
    /// What else to heed; may be empty.
    pub instructions: String,
}

/// Speak a scene with a provider's voice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeakTask {
    /// What to say.
    pub text: String,
    /// What is said before it, for the melody; may be empty.
    pub before: String,
    /// What is said after it; may be empty.
    pub after: String,
    /// The provider's voice; the provider's usual one when `None`.
    pub voice: Option<String>,
    /// BCP 47 language.
    pub language: String,
    /// Speaking rate in permille of the voice's own.
    pub speed_pm: u32,
    /// How to say it; may be empty.
    pub instructions: String,
}

/// Transcribe a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscribeTask {
    /// The recording, mono WAV at 16 kHz.
    pub source: Digest,
    /// BCP 47 language, where it is known.
    pub language: Option<String>,
}

/// Translate captions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranslateCaptionsTask {
    /// The captions.
    pub captions: Captions,
    /// BCP 47 language of the result.
    pub language: String,
    /// Terms and what they become.
    pub glossary: BTreeMap<String, String>,
}

/// Find stock footage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindStockTask {
    /// Search texts, tried one after the other until something fits.
    pub queries: Vec<String>,
    /// `video`, `image` or `any`.
    pub kind: String,
    /// `portrait`, `landscape`, `square` or `any`.
    pub orientation: String,
    /// Shortest clip.
    pub min_duration_ms: u64,
    /// How many.
    pub count: u32,
    /// `sd`, `hd` or `uhd`.
    pub quality: String,
    /// Whether nothing is taken twice in one job.
    pub unique_in_run: bool,
    /// Nothing that was used in so many days before.
    pub exclude_used_days: u32,
    /// Whether only results for all ages are taken.
    pub safe: bool,
    /// Clips of the user's own that count as a library called `local`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<OwnClip>,
    /// Which film it is for, where the film matters: what one film took, others may not take. Preparing the node says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub film: String,
    /// For which place of that film. Preparing the node says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl FindStockTask {
    /// Whether it matters which film it is for.
    pub const fn minds_the_film(&self) -> bool {
        self.unique_in_run || self.exclude_used_days > 0
    }
}

/// A clip of the user's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnClip {
    /// The blob.
    pub source: Digest,
    /// Its file's name.
    pub name: String,
    /// Words about it.
    pub tags: Vec<String>,
    /// What was measured.
    pub facts: MediaFacts,
}

/// Find or make music.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindMusicTask {
    /// How it feels.
    pub mood: String,
    /// Beats per minute.
    pub bpm: Option<u32>,
    /// Licences that are taken: `cc0`, `cc-by`, `own`.
    pub licenses: Vec<String>,
    /// Shortest piece.
    pub min_duration_ms: u64,
    /// Whether a model makes it (else a library is searched).
    pub generate: bool,
}

/// Make pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeImageTask {
    /// What is seen.
    pub prompt: String,
    /// What is not seen; may be empty.
    pub negative: String,
    /// `9:16` and the like.
    pub aspect: String,
    /// `1K`, `2K` or `4K`.
    pub size: String,
    /// How many.
    pub variations: u32,
    /// A picture to go by.
    pub reference: Option<Digest>,
    /// Where its variation comes from.
    pub seed: u64,
}

/// Make a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeVideoTask {
    /// What happens.
    pub prompt: String,
    /// `9:16` and the like.
    pub aspect: String,
    /// Length; the model's usual one when `None`.
    pub duration_ms: Option<u64>,
    /// `480p`, `720p`, `1080p` or `4k`.
    pub resolution: String,
    /// Whether it has sound.
    pub audio: bool,
    /// The first frame.
    pub first: Option<Digest>,
    /// The last frame.
    pub last: Option<Digest>,
    /// Where its variation comes from.
    pub seed: u64,
    /// Whether a prompt that the provider refuses may be put more mildly, once.
    pub softening: bool,
}

/// Change a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditVideoTask {
    /// `extend`, `restyle`, `upscale`, `lipsync` or `remove_bg`.
    pub mode: String,
    /// The clip.
    pub source: Digest,
    /// What to do with it; may be empty.
    pub prompt: String,
    /// A picture to go by.
    pub image: Option<Digest>,
    /// A recording to go by.
    pub audio: Option<Digest>,
    /// How much of it changes, in permille.
    pub strength_pm: u32,
}

/// Read feeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadFeedTask {
    /// Their addresses.
    pub urls: Vec<String>,
    /// Only items with one of these words; may be empty.
    pub matching: String,
    /// At most so many.
    pub max_items: u32,
    /// Only items that are newer.
    pub newer_than_ms: Option<u64>,
    /// Whether the page behind each item is read.
    pub fetch_body: bool,
    /// Whether items of earlier jobs are left out.
    pub unseen_only: bool,
    /// Whether the newest are taken nevertheless where earlier jobs had all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// Which film it is for, of one day: each day's reads its news itself. Preparing the node says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub film: String,
    /// The films of which none has an item twice: those of one document. Preparing the node says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub series: String,
}

/// Call a webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallWebhookTask {
    /// Where.
    pub url: String,
    /// The event's name, for example `render.succeeded`.
    pub event: String,
    /// What is told.
    pub data: serde_json::Value,
    /// Name of the signing secret in the user's keyring; never the secret.
    pub secret_ref: Option<String>,
}

/// Ask a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApproveTask {
    /// What is shown: short texts of the values.
    pub show: Vec<String>,
    /// Files that are shown.
    pub files: Vec<Digest>,
    /// How long is waited.
    pub timeout_ms: u64,
    /// Whether nobody answering means yes.
    pub approve_by_default: bool,
    /// Where it is asked: `cli`, `tui`, `http`.
    pub via: Vec<String>,
}

/// What a provider gave back, by task. Files are blobs of the result, by the names that stand here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", content = "value", rename_all = "snake_case")]
pub enum Invoked {
    /// Scripts, one per hook; at least one.
    Scripts(Vec<Script>),
    /// A recording, as the provider sent it: its blob is `audio`.
    Speech {
        /// The words as the provider times them; empty where it gives no times.
        heard: Vec<HeardWord>,
        /// The rate it was asked for, permille of the voice's own; what is missing to the rate that is wanted is made up
        /// for on this machine.
        speed_pm: u32,
        /// What could not be asked of this provider; for people.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// What was said in a recording.
    Transcript {
        /// BCP 47 language.
        language: String,
        /// All of it.
        text: String,
        /// Words with times, or phrases; empty where the provider gives no times.
        heard: Vec<HeardWord>,
        /// Whether `heard` are single words.
        is_by_word: bool,
    },
    /// Captions.
    Captions(Captions),
    /// Files with what was measured about them.
    Media(Vec<InvokedMedia>),
    /// Nothing was made: the sandbox was asked, and this machine draws a marked picture or clip in its place.
    Sandbox {
        /// Its model, as documents name it.
        model: String,
    },
    /// Somebody was asked and has nothing that fits.
    NothingFits {
        /// The vendor that was asked.
        by: String,
        /// Why; for people.
        why: String,
    },
    /// Items of feeds.
    Feed(Vec<FeedItem>),
    /// The answer of a webhook.
    Status(u16),
    /// What a person decided.
    Decision(Decision),
}

/// A file from a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvokedMedia {
    /// Its blob's name among the result's outputs.
    pub output: String,
    /// File name with extension, for people.
    pub name: String,
    /// What was measured; none where the file is as it came: then it is measured on this machine before it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<MediaFacts>,
    /// Who made it and under which licence, where that must be told.
    pub credit: Option<Credit>,
}

/// An item of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// Its title.
    pub title: String,
    /// What it says.
    pub summary: String,
    /// Its address.
    pub url: String,
    /// Whose feed.
    pub source: String,
    /// When, as RFC 3339; may be empty.
    pub published: String,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Yes.
    pub approved: bool,
    /// Who, or `timeout`.
    pub by: String,
    /// What was said; may be empty.
    pub note: String,
}

impl InvokeTask {
    /// Every blob the task reads.
    pub fn blobs(&self) -> Vec<Digest> {
        match self {
            Self::Transcribe(task) => vec![task.source],
            Self::MakeImage(task) => task.reference.into_iter().collect(),
            Self::MakeVideo(task) => task.first.into_iter().chain(task.last).collect(),
            Self::EditVideo(task) => std::iter::once(task.source)
                .chain(task.image)
                .chain(task.audio)
                .collect(),
            Self::Approve(task) => task.files.clone(),
            Self::FindStock(task) => task.own.iter().map(|clip| clip.source).collect(),
            Self::WriteScript(_)
            | Self::RewriteScript(_)
            | Self::Speak(_)
            | Self::TranslateCaptions(_)
            | Self::FindMusic(_)
            | Self::ReadFeed(_)
            | Self::CallWebhook(_) => Vec::new(),
        }
    }

    /// Whether the answer is a fact of the moment, so that an earlier one is never reused: nobody wants a webhook that
    /// is not called because it was called yesterday, or an approval given for another job.
    pub const fn is_of_the_moment(&self) -> bool {
        matches!(self, Self::CallWebhook(_) | Self::Approve(_))
    }
}
