//! The files that belong to a video: captions as SRT, VTT and ASS, every word with its place, and the report.
//!
//! Shared by nothing yet but `Output.Render`. Not a node type itself.

use std::collections::BTreeMap;

use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{CaptionTrack, Cue, Rect, Timeline};
use serde::Serialize;

use super::credits;
use crate::action::{Action, ActionFacts, CaptionBox, LayOutCaptionsRequest, WriteRequest};
use crate::digest::Digest;
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::{FileValue, Value};

/// What Output.Download asks for a file with, its name, and whether it is a port of the node.
const FILES: [(&str, &str, bool); 6] = [
    ("srt", "captions.srt", true),
    ("vtt", "captions.vtt", true),
    ("ass", "captions.ass", true),
    ("words", "captions.words.json", true),
    ("json", "report.json", false),
    ("credits", "CREDITS.md", false),
];

/// The files that belong to a video.
pub(super) struct Sidecars {
    files: BTreeMap<&'static str, Digest>,
}

impl Sidecars {
    /// Writes them.
    pub(super) fn write(
        timeline: &Timeline,
        (boxes, film): (&[CaptionBox], &str),
        report: &Value,
        steps: &mut Steps<'_>,
    ) -> Result<Self, Halt> {
        let words = words_json(timeline, boxes);
        let actions = FILES.iter().map(|(word, name, _)| {
            let text = match *word {
                "srt" => timeline.srt(),
                "vtt" => timeline.vtt(),
                "ass" => timeline.ass(),
                "words" => words.clone(),
                "credits" => credits::markdown(film, &timeline.origins),
                _ => format!("{:#}\n", report.to_json()),
            };
            Action::Write(WriteRequest {
                name: (*name).to_owned(),
                text,
            })
        });
        let results = steps.run(actions.collect())?;
        let files = FILES.iter().zip(results).map(|((word, ..), result)| {
            let digest = result.outputs.get("file").copied();
            Ok((*word, digest.ok_or_else(|| wrong_facts("write"))?))
        });
        Ok(Self {
            files: files.collect::<Result<_, Halt>>()?,
        })
    }

    /// By the words Output.Download asks for them with.
    pub(super) fn beside(&self) -> BTreeMap<String, Digest> {
        let files = self.files.iter();
        files
            .map(|(word, file)| ((*word).to_owned(), *file))
            .collect()
    }

    /// As outputs of the node; a suffix says that they are of less than the whole film.
    pub(super) fn ports(&self, suffix: &str) -> impl Iterator<Item = (String, Value)> {
        let ports = FILES.iter().filter(|(_, _, is_port)| *is_port);
        ports.filter_map(move |(word, name, _)| {
            let name = name.replacen("captions", &format!("captions{suffix}"), 1);
            let file = FileValue::new(*self.files.get(word)?, name);
            Some(((*word).to_owned(), Value::File(file)))
        })
    }
}

/// Where every word of the captions lies; nowhere without captions.
pub(super) fn boxes<'a>(
    timeline: &Timeline,
    steps: &mut Steps<'a>,
) -> Result<&'a [CaptionBox], Halt> {
    let Some(captions) = &timeline.captions else {
        return Ok(&[]);
    };
    let result = steps.run_one(Action::LayOutCaptions(Box::new(LayOutCaptionsRequest {
        canvas: timeline.canvas,
        captions: captions.clone(),
        fonts: timeline.caption_fonts(),
    })))?;
    match &result.facts {
        ActionFacts::CaptionBoxes(boxes) => Ok(boxes),
        _ => Err(wrong_facts("lay_out_captions").into()),
    }
}

/// The file of words; times count from the start of the video, pixels from its top left corner.
#[derive(Serialize)]
struct WordsFile<'a> {
    version: u32,
    width: u32,
    height: u32,
    /// Frames per second, as a fraction.
    frame_rate: [u32; 2],
    cues: Vec<CueEntry>,
    words: Vec<WordEntry<'a>>,
}

/// When a caption is seen.
#[derive(Serialize)]
struct CueEntry {
    start_ms: i64,
    end_ms: i64,
    start_frame: i64,
    end_frame: i64,
}

/// A word: when it is spoken, until which frame it is lit, and where it lies.
#[derive(Serialize)]
struct WordEntry<'a> {
    text: &'a str,
    cue: usize,
    start_ms: i64,
    end_ms: i64,
    start_frame: i64,
    end_frame: i64,
    /// The first frame in which another word, or none, is the active one.
    lit_until_frame: i64,
    emphasis: bool,
    rtl: bool,
    boxes: Vec<Rect>,
}

fn words_json(timeline: &Timeline, boxes: &[CaptionBox]) -> String {
    let rate = timeline.canvas.frame_rate;
    let track = timeline.captions.as_ref();
    let file = WordsFile {
        version: 1,
        width: timeline.canvas.width,
        height: timeline.canvas.height,
        frame_rate: [rate.num, rate.den],
        cues: track.map_or_else(Vec::new, cue_entries),
        words: track.map_or_else(Vec::new, |track| word_entries(track, boxes)),
    };
    // Numbers and texts in lists: there is nothing in it that JSON cannot say.
    let text = serde_json::to_string_pretty(&file).unwrap_or_default();
    format!("{text}\n")
}

fn end_ms(range: TimeRange) -> i64 {
    RationalTime::new(range.end(), range.start.rate).to_millis()
}

fn cue_entries(track: &CaptionTrack) -> Vec<CueEntry> {
    let entry = |cue: &Cue| CueEntry {
        start_ms: cue.range.start.to_millis(),
        end_ms: end_ms(cue.range),
        start_frame: cue.range.first(),
        end_frame: cue.range.end(),
    };
    track.cues.iter().map(entry).collect()
}

fn word_entries<'a>(track: &'a CaptionTrack, boxes: &[CaptionBox]) -> Vec<WordEntry<'a>> {
    let mut entries = Vec::new();
    for (cue, one) in track.cues.iter().enumerate() {
        for (at, word) in one.words.iter().enumerate() {
            let own = boxes
                .iter()
                .filter(|found| (found.cue as usize, found.word as usize) == (cue, at));
            let next = one.words.get(at + 1);
            entries.push(WordEntry {
                text: &word.text,
                cue,
                start_ms: word.range.start.to_millis(),
                end_ms: end_ms(word.range),
                start_frame: word.range.first(),
                end_frame: word.range.end(),
                lit_until_frame: next.map_or(one.range.end(), |next| next.range.first()),
                emphasis: word.emphasis,
                rtl: own.clone().any(|found| found.rtl),
                boxes: own.map(|found| found.rect).collect(),
            });
        }
    }
    entries
}
