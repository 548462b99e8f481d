//! Actions: everything the machine can be asked to do, as values with a digest.
//!
//! Nodes lower to actions; executors in the daemon perform them. The set of kinds is closed: a new node never
//! touches the daemon, a new *effect* is one variant here and one executor file there.
//!
//! Two policies exist. A [`CachePolicy::Content`] action is a pure function of its request and the blobs it names:
//! its result is looked up in the action cache and kept for ever. A [`CachePolicy::Machine`] action asks this
//! machine for a fact (which files are in a folder, where a font lives, whether the result is still in place); it is
//! cheap and done anew each time.

mod invoke;
mod picture;
mod speech;

use std::collections::{BTreeMap, BTreeSet};

use fenta_templates::timeline::{
    AudioPlan, Canvas, CaptionTrack, CoverSpec, FontFace, FontRequest, MediaFacts, Rect,
    SegmentSpec, SubjectPath,
};
use serde::{Deserialize, Serialize};

use crate::digest::{ActionDigest, Digest, value_hash};

pub use invoke::*;
pub use picture::*;
pub use speech::*;

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "request", rename_all = "snake_case")]
pub enum Action {
    /// Take the user's own files into the store.
    Collect(CollectRequest),
    /// Read one of the user's text files.
    ReadText(ReadTextRequest),
    /// Find font files on this machine.
    ResolveFonts(ResolveFontsRequest),
    /// Measure a media blob.
    Probe(ProbeRequest),
    /// Find the subject of a picture or video.
    FindSubject(Box<FindSubjectRequest>),
    /// Speak a text.
    Speak(SpeakRequest),
    /// Make a recording of the house of speech that was recorded elsewhere.
    TakeSpeech(TakeSpeechRequest),
    /// Take the sound of a recording as recognisers want it.
    ExtractSpeech(ExtractSpeechRequest),
    /// Find when the words of a known text are said.
    AlignWords(Box<AlignWordsRequest>),
    /// Compose a music bed.
    ComposeMusic(ComposeMusicRequest),
    /// Listen for the beat of a recording.
    FindBeats(FindBeatsRequest),
    /// Draw and encode a span of the timeline.
    RenderSegment(Box<RenderSegmentRequest>),
    /// Mix and encode the whole soundtrack.
    Mix(MixRequest),
    /// Join segments and soundtrack into the output file.
    Mux(MuxRequest),
    /// Read a finished file back.
    Verify(VerifyRequest),
    /// Draw one frame as a picture file.
    Snapshot(Box<CoverSpec>),
    /// Find where every word of captions lies.
    LayOutCaptions(Box<LayOutCaptionsRequest>),
    /// Keep a text as a blob.
    Write(WriteRequest),
    /// Put results where the user wants them.
    Publish(PublishRequest),
    /// Ask a provider.
    Invoke(Box<InvokeRequest>),
}

/// Whether a result may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePolicy {
    /// Pure function of the request: reuse for ever.
    Content,
    /// A fact about this machine: ask again each time.
    Machine,
}

/// Take files or every media file of folders (not recursive into hidden folders), in natural name order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectRequest {
    /// Absolute path of a file or a folder.
    pub path: String,
    /// Lower-case extensions taken from a folder, without dot; a single file is taken whatever its name.
    pub extensions: Vec<String>,
    /// At most this many files; more is an error that names the number.
    pub max_items: u32,
    /// Whether a folder without any is no error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_be_empty: bool,
}

/// Read a text file: UTF-8 (a byte order mark is dropped), at most 1 MiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTextRequest {
    /// Absolute path.
    pub path: String,
}

/// Find these faces among the installed fonts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveFontsRequest {
    /// What the template asks for.
    pub fonts: Vec<FontRequest>,
}

/// Measure a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// The blob.
    pub source: Digest,
    /// Its file name, for error messages only; not part of the digest.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub name: String,
}

/// Find where the subject of a picture or video is, for views of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindSubjectRequest {
    /// The blob.
    pub source: Digest,
    /// What was measured about it.
    pub facts: MediaFacts,
    /// Share of the displayed width that the view shows, permille.
    pub view_w_pm: u32,
    /// Share of the displayed height that the view shows, permille; one of the two is 1000.
    pub view_h_pm: u32,
}

/// Speak a text with a local engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeakRequest {
    /// What to say; one scene.
    pub text: String,
    /// `flite` (English) or `espeak-ng` (other languages).
    pub engine: String,
    /// The engine's voice, for example `slt` or `de`.
    pub voice: String,
    /// Speaking rate in permille of the voice's own.
    pub speed_pm: u32,
}

/// Listen for the beat of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindBeatsRequest {
    /// The recording.
    pub source: Digest,
}

/// Compose a music bed from a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeMusicRequest {
    /// Where its variation comes from.
    pub seed: u64,
    /// `calm`, `uplifting`, `dreamy` or `driving`.
    pub mood: String,
    /// Beats per minute, 50-180.
    pub bpm: u32,
    /// Length in milliseconds; the result loops without a seam.
    pub duration_ms: u32,
}

/// How segments are encoded; part of their identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoEncoding {
    /// FFmpeg's encoder name, `libx264`.
    pub encoder: String,
    /// Its preset.
    pub preset: String,
    /// Constant rate factor, 0-51.
    pub crf: u8,
    /// Highest bit rate in kbit/s (VBV), 0 for none.
    pub max_rate_kbps: u32,
    /// Frames between key frames.
    pub gop: u32,
    /// B-frames between references.
    pub b_frames: u8,
    /// Encoder threads; other counts give other bytes.
    pub threads: u8,
    /// Keep what nothing covers see-through instead of painting the canvas' background; `libvpx-vp9`, `prores_ks` and
    /// `png` only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alpha: bool,
    /// Decode the sources roughly: their blocks are not smoothed, which nobody sees in a small picture.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

/// Draw and encode a span of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderSegmentRequest {
    /// What is seen.
    pub segment: SegmentSpec,
    /// The faces its texts use.
    pub fonts: Vec<FontFace>,
    /// How it is encoded.
    pub encoding: VideoEncoding,
}

/// Lay captions out as the renderer does, without drawing them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayOutCaptionsRequest {
    /// Size and rate of the picture.
    pub canvas: Canvas,
    /// The captions.
    pub captions: CaptionTrack,
    /// The faces they use.
    pub fonts: Vec<FontFace>,
}

/// How the soundtrack is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioEncoding {
    /// FFmpeg's encoder name: `aac` and `libopus` go into a video, `libmp3lame` and `pcm_s16le` make a finished MP3 or
    /// WAV file.
    pub encoder: String,
    /// Kilobits per second; nothing to `pcm_s16le`.
    pub bitrate_kbps: u32,
}

/// Mix and encode the soundtrack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixRequest {
    /// What is heard.
    pub plan: AudioPlan,
    /// How it is encoded.
    pub encoding: AudioEncoding,
    /// Only these samples of the whole mix, at 48 kHz; they sound as they do in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<SamplePart>,
}

/// Samples of a soundtrack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplePart {
    /// The first one.
    pub from: u64,
    /// How many, at least one.
    pub count: u64,
}

/// What kind of file results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// MP4 with its index in front and without an edit list.
    #[default]
    Mp4,
    /// QuickTime.
    Mov,
    /// WebM.
    Webm,
    /// An endless animation with one palette for all frames, from segments of any codec.
    Gif,
    /// A ZIP file of numbered PNG pictures, from segments encoded by `png`.
    PngZip,
    /// The soundtrack alone, AAC in MP4.
    M4a,
}

impl Container {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    const fn is_mp4(&self) -> bool {
        matches!(self, Self::Mp4)
    }
}

/// Join segments and soundtrack by stream copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuxRequest {
    /// Size and rate of the picture.
    pub canvas: Canvas,
    /// Encoded segments in order.
    pub segments: Vec<Digest>,
    /// Frames of each segment, same order.
    pub segment_frames: Vec<u32>,
    /// The encoded soundtrack.
    pub audio: Option<Digest>,
    /// Title for the file's metadata; may be empty.
    pub title: String,
    /// What the file's metadata says besides: where its sources came from and who is named; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// What kind of file they are joined into.
    #[serde(default, skip_serializing_if = "Container::is_mp4")]
    pub container: Container,
}

/// Read a finished file back: every packet, and its first and last picture decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The file.
    pub file: Digest,
}

/// Keep a text as a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRequest {
    /// File name with extension, for people.
    pub name: String,
    /// The text.
    pub text: String,
}

/// One file to put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishItem {
    /// The blob.
    pub source: Digest,
    /// Absolute path of the result.
    pub to: String,
}

/// Put results where the user wants them, each by temporary file and rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The files.
    pub items: Vec<PublishItem>,
    /// What happens to other files in their places.
    #[serde(default, skip_serializing_if = "Overwrite::is_replace")]
    pub overwrite: Overwrite,
}

/// What happens to a file that stands where a result goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overwrite {
    /// It is replaced.
    #[default]
    Replace,
    /// The results get the smallest number that is free for all of them: `look-2.mp4`.
    Suffix,
    /// Nothing is written.
    Fail,
}

impl Overwrite {
    /// Whether it is the usual rule.
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    const fn is_replace(&self) -> bool {
        matches!(self, Self::Replace)
    }
}

impl Action {
    /// The kind's stable name, for example `render_segment`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Collect(_) => "collect",
            Self::ReadText(_) => "read_text",
            Self::ResolveFonts(_) => "resolve_fonts",
            Self::Probe(_) => "probe",
            Self::FindSubject(_) => "find_subject",
            Self::Speak(_) => "speak",
            Self::TakeSpeech(_) => "take_speech",
            Self::ExtractSpeech(_) => "extract_speech",
            Self::AlignWords(_) => "align_words",
            Self::ComposeMusic(_) => "compose_music",
            Self::FindBeats(_) => "find_beats",
            Self::RenderSegment(_) => "render_segment",
            Self::Mix(_) => "mix",
            Self::Mux(_) => "mux",
            Self::Verify(_) => "verify",
            Self::Snapshot(_) => "snapshot",
            Self::LayOutCaptions(_) => "lay_out_captions",
            Self::Write(_) => "write",
            Self::Publish(_) => "publish",
            Self::Invoke(_) => "invoke",
        }
    }

    /// Whether a result may be reused.
    pub const fn cache_policy(&self) -> CachePolicy {
        match self {
            Self::Collect(_) | Self::ReadText(_) | Self::ResolveFonts(_) | Self::Publish(_) => {
                CachePolicy::Machine
            }
            Self::Invoke(request) if request.task.is_of_the_moment() => CachePolicy::Machine,
            _ => CachePolicy::Content,
        }
    }

    /// Whether the work is done by a `fenta-render` process (the others are done inside the daemon).
    pub const fn needs_worker(&self) -> bool {
        !matches!(
            self,
            Self::Collect(_)
                | Self::ReadText(_)
                | Self::Write(_)
                | Self::Publish(_)
                | Self::Invoke(_)
        )
    }

    /// The action's identity under a tool version (the renderer's own version and its libraries'). What a provider answers
    /// does not depend on the renderer, so a new one does not ask again.
    pub fn digest(&self, tool: &str) -> ActionDigest {
        #[derive(Serialize)]
        struct Key<'a> {
            tool: &'a str,
            action: &'a Action,
        }
        let tool = match self {
            Self::Invoke(_) => "",
            _ => tool,
        };
        let nameless;
        let action = match self {
            Self::Probe(probe) if !probe.name.is_empty() => {
                nameless = Self::Probe(ProbeRequest {
                    name: String::new(),
                    ..probe.clone()
                });
                &nameless
            }
            other => other,
        };
        ActionDigest::from_hash(value_hash("fenta action v1", &Key { tool, action }))
    }

    /// Every blob the action reads.
    pub fn blobs(&self) -> BTreeSet<Digest> {
        let mut blobs = BTreeSet::new();
        match self {
            Self::Probe(request) => {
                blobs.insert(request.source);
            }
            Self::FindBeats(request) => {
                blobs.insert(request.source);
            }
            Self::TakeSpeech(request) => {
                blobs.extend(request.pieces.iter().map(|piece| piece.source));
            }
            Self::ExtractSpeech(request) => {
                blobs.insert(request.source);
            }
            Self::AlignWords(request) => {
                blobs.insert(request.source);
            }
            Self::FindSubject(request) => {
                blobs.insert(request.source);
            }
            Self::RenderSegment(request) => {
                segment_blobs(&request.segment, &mut blobs);
                blobs.extend(request.fonts.iter().map(|font| font.file));
            }
            Self::Snapshot(cover) => {
                segment_blobs(&cover.segment, &mut blobs);
                blobs.extend(cover.fonts.iter().map(|font| font.file));
            }
            Self::LayOutCaptions(request) => {
                blobs.extend(request.fonts.iter().map(|font| font.file));
            }
            Self::Mix(request) => {
                blobs.extend(request.plan.voice.iter().map(|clip| clip.source));
                blobs.extend(request.plan.music.iter().map(|clip| clip.source));
                blobs.extend(request.plan.sounds.iter().map(|sound| sound.source));
            }
            Self::Mux(request) => {
                blobs.extend(request.segments.iter().copied());
                blobs.extend(request.audio);
            }
            Self::Verify(request) => {
                blobs.insert(request.file);
            }
            Self::Publish(request) => blobs.extend(request.items.iter().map(|item| item.source)),
            Self::Invoke(request) => blobs.extend(request.task.blobs()),
            Self::Collect(_)
            | Self::ReadText(_)
            | Self::ResolveFonts(_)
            | Self::Speak(_)
            | Self::ComposeMusic(_)
            | Self::Write(_) => {}
        }
        blobs
    }
}

fn segment_blobs(segment: &SegmentSpec, blobs: &mut BTreeSet<Digest>) {
    use fenta_templates::timeline::{Clip, MediaReference, OverlayContent};
    let mut add_clip = |clip: &Clip| {
        if let MediaReference::External(external) = &clip.media {
            blobs.insert(external.source);
        }
        blobs.extend(clip.effects.files());
    };
    if let Some(shot) = &segment.shot {
        add_clip(&shot.clip);
        if let Some(transition) = &shot.transition {
            add_clip(&transition.from);
        }
    }
    for overlay in &segment.overlays {
        if let OverlayContent::Image(source) = &overlay.content {
            blobs.insert(*source);
        }
    }
}

/// What an action made: named blobs and typed facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionResult {
    /// Blobs by output name (`video`, `audio`, `image`, `file`).
    pub outputs: BTreeMap<String, Digest>,
    /// What was learnt.
    pub facts: ActionFacts,
}

/// What was learnt by an action, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum ActionFacts {
    /// Nothing beyond the blobs.
    None,
    /// The files taken in, in order.
    Collected(Vec<CollectedFile>),
    /// The text of a file.
    Text(String),
    /// The faces found, in the order asked.
    Fonts(Vec<FontFace>),
    /// What was measured.
    Media(MediaFacts),
    /// Where the subject is.
    Subject(SubjectPath),
    /// Where each word is.
    Speech(SpeechFacts),
    /// The encoded span.
    Segment(SegmentFacts),
    /// How a frame looks.
    Picture(PictureFacts),
    /// Where the words of captions lie, in reading order.
    CaptionBoxes(Vec<CaptionBox>),
    /// The beat of a recording.
    Beats(BeatFacts),
    /// Loudness of the mix.
    Mix(MixFacts),
    /// The output file.
    Mux(MuxFacts),
    /// What a finished file really holds.
    Verify(VerifyFacts),
    /// Where results were put.
    Published(Vec<PublishedFile>),
    /// What a provider gave back.
    Invoked(Box<Invoked>),
}

/// A file that is now a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedFile {
    /// Its file name, without folder.
    pub name: String,
    /// Its path below the folder that was asked for; its name where a file was.
    #[serde(default)]
    pub path: String,
    /// The blob.
    pub digest: Digest,
}

/// A spoken word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenWord {
    /// The word as written in the text, with its punctuation.
    pub text: String,
    /// First sample of the word, at the recording's rate.
    pub start: u64,
    /// First sample after it.
    pub end: u64,
}

/// A recording of speech.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeechFacts {
    /// Samples per second.
    pub sample_rate: u32,
    /// Length in samples.
    pub samples: u64,
    /// The words in order; one per whitespace-separated token of the text.
    pub words: Vec<SpokenWord>,
    /// How their times are known.
    #[serde(default, skip_serializing_if = "Rung::is_provider")]
    pub rung: Rung,
}

/// An encoded span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// Frames in it.
    pub frames: u32,
    /// Bytes of it.
    pub bytes: u64,
    /// What was seen while it was drawn; absent in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<SegmentView>,
}

/// Frames `from` up to but without `to`, counted from a segment's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First frame.
    pub from: u32,
    /// First frame after it.
    pub to: u32,
}

/// What was seen of a segment while it was drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentView {
    /// Where nothing moves, spans of two frames and more.
    pub still: Vec<Span>,
    /// Where everything is black.
    pub black: Vec<Span>,
    /// Mean luma of the first frame's cells, two hexadecimal digits each.
    pub first: String,
    /// The same of the last frame.
    pub last: String,
    /// How well its captions are read, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<CaptionContrast>,
}

/// Where a word of captions lies at rest. A word that was cut over lines has a box on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionBox {
    /// Index of the cue in the track.
    pub cue: u32,
    /// Index of the word in the cue.
    pub word: u32,
    /// The word with its ascent and descent, in canvas pixels.
    pub rect: Rect,
    /// Whether it is read from the right.
    pub rtl: bool,
}

/// The beat of a recording, as far as it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatFacts {
    /// When the first beat falls, microseconds.
    pub first_us: u64,
    /// From one beat to the next, microseconds; more than none.
    pub beat_us: u64,
    /// How much more happens on the beats than elsewhere, permille: 1000 is no beat at all.
    pub strength_pm: u32,
    /// Length of the recording, microseconds.
    pub length_us: u64,
}

/// Measurements of a mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixFacts {
    /// Samples at 48 kHz.
    pub samples: u64,
    /// Integrated loudness, hundredths of LUFS.
    pub integrated_clufs: i32,
    /// True peak, hundredths of dBTP.
    pub true_peak_cdb: i32,
    /// Silences of a second and more in the whole mix, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<SilentSpan>,
}

/// A silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentSpan {
    /// Where it begins, milliseconds.
    pub from_ms: u64,
    /// Where it ends, milliseconds.
    pub to_ms: u64,
}

/// The output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuxFacts {
    /// Video frames in it.
    pub frames: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Bytes of it.
    pub bytes: u64,
}

/// What a finished file really holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyFacts {
    /// Pictures in it.
    pub frames: u64,
    /// Displayed width in pixels.
    pub width: u32,
    /// Displayed height in pixels.
    pub height: u32,
    /// Codec of the picture, if there is one.
    pub video_codec: Option<String>,
    /// Codec of the sound, if there is one.
    pub audio_codec: Option<String>,
    /// Start of the picture less start of the sound, microseconds; 0 without one of them.
    pub av_offset_micros: i64,
}

/// A result in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Absolute path.
    pub path: String,
    /// What it holds.
    pub digest: Digest,
    /// False when the file was already there with these bytes.
    pub written: bool,
}
