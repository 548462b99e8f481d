//! What is checked about a rendered file: length, streams, loudness, silence, black and frozen spans, how captions are read and
//! where they lie, the limits of the platform.
//!
//! Part of `Output.Render`. Spans and contrast come from the segments (each was looked at when it was drawn, so a cached one costs
//! nothing), streams from reading the finished file. What makes a file useless is an error, what may be meant so is told.

use fenta_templates::timeline::{Timeline, TrackItem};

use crate::action::{MixFacts, SegmentFacts, VerifyFacts};

/// Black spans from this long are told, milliseconds.
const BLACK_MS: i64 = 500;
/// Spans without any movement from this long are told, milliseconds.
const FROZEN_MS: i64 = 3000;
/// Silences longer than this are told, milliseconds.
const SILENT_MS: u64 = 2000;
/// Distance from the loudness target that is told, hundredths of a LU.
const LOUDNESS_CLU: i32 = 100;
/// How far picture and sound may start apart, microseconds.
const OFFSET_MICROS: i64 = 1000;

/// What a platform takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Platform {
    /// Name of the profile.
    pub(super) name: &'static str,
    /// Shortest and longest video, milliseconds.
    length_ms: (i64, i64),
    /// Largest file, bytes.
    bytes: u64,
    /// When its upload page said so.
    seen: &'static str,
}

/// The smaller number is taken where a platform's pages disagree.
const PLATFORMS: [Platform; 3] = [
    Platform {
        name: "tiktok",
        length_ms: (3000, 600_000),
        bytes: 1_000_000_000,
        seen: "2026-11-22",
    },
    Platform {
        name: "reels",
        length_ms: (3000, 900_000),
        bytes: 300_000_000,
        seen: "2026-11-22",
    },
    Platform {
        name: "shorts",
        length_ms: (0, 180_000),
        bytes: 256_000_000_000,
        seen: "2026-11-22",
    },
];

impl Platform {
    /// The platform a profile is named after.
    pub(super) fn of(profile: &str) -> Option<Self> {
        PLATFORMS
            .into_iter()
            .find(|platform| platform.name == profile)
    }

    /// Why a cut of this length cannot be uploaded, before anything is rendered.
    pub(super) fn refuses_length(self, ms: i64) -> Option<String> {
        let (shortest, longest) = self.length_ms;
        let limit = if ms < shortest {
            format!("at least {}", seconds(shortest))
        } else if ms > longest {
            format!("at most {}", seconds(longest))
        } else {
            return None;
        };
        Some(format!(
            "the cut is {} long, but {} takes {limit} (seen {})",
            seconds(ms),
            self.name,
            self.seen
        ))
    }

    /// Why a file of this size cannot be uploaded.
    pub(super) fn refuses_size(self, bytes: u64) -> Option<String> {
        (bytes > self.bytes).then(|| {
            format!(
                "the file has {} MB, but {} takes at most {} (seen {})",
                bytes / 1_000_000,
                self.name,
                self.bytes / 1_000_000,
                self.seen
            )
        })
    }
}

fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 {
        format!("{} s", ms / 1000)
    } else {
        format!("{}.{:03} s", ms / 1000, ms % 1000)
    }
}

/// A span of the timeline in which something is odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OddSpan {
    /// First frame and first frame after it.
    pub(super) frames: (i64, i64),
    /// The same in milliseconds.
    pub(super) ms: (i64, i64),
}

/// Black spans and spans without movement, longest runs over all segments.
pub(super) struct OddSpans {
    pub(super) black: Vec<OddSpan>,
    pub(super) frozen: Vec<OddSpan>,
}

/// Joins what was seen of the segments, the first of which begins at a frame of the timeline.
pub(super) fn odd_spans(timeline: &Timeline, start: i64, segments: &[&SegmentFacts]) -> OddSpans {
    let (mut black, mut still) = (Runs::default(), Runs::default());
    let mut start = start;
    let mut before = "";
    for facts in segments {
        let frames = i64::from(facts.frames);
        if let Some(view) = &facts.view {
            let held = alike(before, &view.first);
            let spans = |list: &[crate::action::Span]| -> Vec<(i64, i64)> {
                list.iter()
                    .map(|span| (start + i64::from(span.from), start + i64::from(span.to)))
                    .collect()
            };
            black.add(&spans(&view.black), true);
            still.add(&spans(&view.still), held);
            before = &view.last;
        } else {
            before = "";
        }
        start += frames;
    }
    let rate = timeline.canvas.frame_rate;
    let ms = |frame: i64| fenta_templates::time::RationalTime::new(frame, rate).to_millis();
    let long = |runs: Runs, least: i64| -> Vec<OddSpan> {
        runs.0
            .into_iter()
            .map(|frames| OddSpan {
                frames,
                ms: (ms(frames.0), ms(frames.1)),
            })
            .filter(|span| span.ms.1 - span.ms.0 >= least)
            .collect()
    };
    let black = long(black, BLACK_MS);
    let inside = |span: &OddSpan| {
        black
            .iter()
            .any(|dark| dark.frames.0 <= span.frames.0 && span.frames.1 <= dark.frames.1)
    };
    let mut frozen = long(still, FROZEN_MS);
    frozen.retain(|span| !inside(span));
    OddSpans { black, frozen }
}

/// Spans in order, joined where they touch.
#[derive(Default)]
struct Runs(Vec<(i64, i64)>);

impl Runs {
    fn add(&mut self, spans: &[(i64, i64)], joins: bool) {
        for (index, span) in spans.iter().enumerate() {
            match self.0.last_mut() {
                Some(last) if last.1 == span.0 && joins && index == 0 => {
                    last.1 = span.1;
                }
                _ => self.0.push(*span),
            }
        }
    }
}

/// Whether two grids, as hexadecimal digits, are the same picture.
fn alike(a: &str, b: &str) -> bool {
    let cell = |text: &str, at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    !a.is_empty()
        && a.len() == b.len()
        && (0..a.len())
            .step_by(2)
            .all(|at| match (cell(a, at), cell(b, at)) {
                (Some(a), Some(b)) => a.abs_diff(b) <= 1,
                _ => false,
            })
}

/// A sentence about what may be meant so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// With its time and the shot it is about.
    pub(super) text: String,
    /// The frame that shows it; none for what is heard.
    pub(super) frame: Option<i64>,
}

/// Everything odd about a film, what is seen first.
pub(super) fn notes(timeline: &Timeline, odd: &OddSpans, mix: Option<&MixFacts>) -> Vec<Note> {
    let mut notes = Vec::new();
    for (what, spans) in [("black", &odd.black), ("frozen", &odd.frozen)] {
        for span in spans {
            let text = format!(
                "the picture is {what} from {} to {} ({})",
                clock(span.ms.0),
                clock(span.ms.1),
                shot_at(timeline, span.frames.0)
            );
            let frame = Some((span.frames.0 + span.frames.1) / 2);
            notes.push(Note { text, frame });
        }
    }
    notes.extend(mix.into_iter().flat_map(|mix| heard(timeline, mix)));
    notes
}

/// What is odd about the sound.
fn heard(timeline: &Timeline, mix: &MixFacts) -> Vec<Note> {
    let silent = mix.silent.iter();
    let mut texts: Vec<String> = silent
        .filter(|span| span.to_ms - span.from_ms > SILENT_MS)
        .map(|span| {
            let ms = |value: u64| clock(i64::try_from(value).unwrap_or(i64::MAX));
            format!(
                "nothing is heard from {} to {}",
                ms(span.from_ms),
                ms(span.to_ms)
            )
        })
        .collect();
    let target = timeline.audio.loudness.integrated_clufs;
    let off = (mix.integrated_clufs - target).abs();
    if mix.integrated_clufs > -7000 && off > LOUDNESS_CLU {
        texts.push(format!(
            "the loudness is {:.1} LUFS, {:.1} LU from the target of {:.1}",
            f64::from(mix.integrated_clufs) / 100.0,
            f64::from(off) / 100.0,
            f64::from(target) / 100.0
        ));
    }
    let note = |text| Note { text, frame: None };
    texts.into_iter().map(note).collect()
}

pub(super) fn clock(ms: i64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

/// The shot a frame lies in, by its place and its name.
pub(super) fn shot_at(timeline: &Timeline, frame: i64) -> String {
    let (mut start, mut number) = (0, 0);
    for item in &timeline.picture.children {
        let (frames, name) = match item {
            TrackItem::Clip(clip) => (clip.source_range.duration.value, clip.name.as_str()),
            TrackItem::Gap(gap) => (gap.duration.value, "a gap"),
            TrackItem::Transition(_) => continue,
        };
        number += 1;
        start += frames;
        if frame < start {
            return if name.is_empty() {
                format!("shot {number}")
            } else {
                format!("shot {number}, {name}")
            };
        }
    }
    "the end".to_owned()
}

/// Why the finished file is not what was asked for: so many frames of a timeline.
pub(super) fn wrong_file(
    timeline: &Timeline,
    wanted: i64,
    seen: &VerifyFacts,
    has_sound: bool,
) -> Option<String> {
    let canvas = &timeline.canvas;
    if i64::try_from(seen.frames) != Ok(wanted) {
        return Some(format!(
            "the file shows {} frames instead of {wanted}",
            seen.frames
        ));
    }
    if (seen.width, seen.height) != (canvas.width, canvas.height) {
        return Some(format!(
            "the file is {} x {} px instead of {} x {}",
            seen.width, seen.height, canvas.width, canvas.height
        ));
    }
    if seen.audio_codec.is_some() != has_sound {
        return Some(if has_sound {
            "the file has no sound".to_owned()
        } else {
            "the file has a sound that nobody asked for".to_owned()
        });
    }
    if has_sound && seen.av_offset_micros.abs() > OFFSET_MICROS.max(frame_micros(timeline) / 4) {
        return Some(format!(
            "picture and sound start {:.1} ms apart",
            seen.av_offset_micros as f64 / 1000.0
        ));
    }
    None
}

fn frame_micros(timeline: &Timeline) -> i64 {
    let rate = timeline.canvas.frame_rate;
    i64::from(rate.den) * 1_000_000 / i64::from(rate.num.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{SegmentView, SilentSpan, Span};

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    fn segment(still: &[(u32, u32)], black: &[(u32, u32)], ends: (&str, &str)) -> SegmentFacts {
        let spans = |list: &[(u32, u32)]| {
            list.iter()
                .map(|(from, to)| Span {
                    from: *from,
                    to: *to,
                })
                .collect()
        };
        SegmentFacts {
            frames: 60,
            bytes: 1,
            view: Some(SegmentView {
                still: spans(still),
                black: spans(black),
                first: ends.0.to_owned(),
                last: ends.1.to_owned(),
                captions: Vec::new(),
            }),
        }
    }

    #[test]
    fn spans_join_over_segments_that_look_alike() {
        let cut = timeline();
        let a = segment(&[(20, 60)], &[], ("1010", "5a5a"));
        let b = segment(&[(0, 60)], &[], ("5b5a", "5a5a"));
        let c = segment(&[(0, 10)], &[], ("9999", "1010"));
        let found = odd_spans(&cut, 0, &[&a, &b, &c]);
        assert_eq!(found.frozen.len(), 1);
        assert_eq!(found.frozen[0].frames, (20, 120));
        let note = &notes(&cut, &found, None)[0];
        assert!(
            note.text
                .starts_with("the picture is frozen from 0.66 s to 4.00 s (shot 1"),
            "{note:?}"
        );
        assert_eq!(note.frame, Some(70));
    }

    #[test]
    fn pauses_of_more_than_two_seconds_are_told() {
        let cut = timeline();
        let span = |from_ms, to_ms| SilentSpan { from_ms, to_ms };
        let mix = MixFacts {
            samples: 1,
            integrated_clufs: cut.audio.loudness.integrated_clufs,
            true_peak_cdb: -100,
            silent: vec![span(500, 2400), span(3200, 6010)],
        };
        let odd = odd_spans(&cut, 0, &[]);
        let found = notes(&cut, &odd, Some(&mix));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "nothing is heard from 3.20 s to 6.01 s");
    }

    #[test]
    fn black_is_told_once_and_not_as_frozen() {
        let cut = timeline();
        let a = segment(&[(10, 60)], &[(10, 60)], ("5050", "1010"));
        let b = segment(&[(0, 60)], &[(0, 60)], ("1010", "1010"));
        let found = odd_spans(&cut, 0, &[&a, &b]);
        assert_eq!(found.black.len(), 1);
        assert_eq!(found.black[0].frames, (10, 120));
        assert!(found.frozen.is_empty());
        let short = segment(&[], &[(0, 14)], ("1010", "5050"));
        assert!(odd_spans(&cut, 0, &[&short]).black.is_empty());
    }

    #[test]
    fn platforms_refuse_by_length_and_size() {
        let reels = Platform::of("reels").unwrap();
        assert_eq!(
            reels.refuses_length(1200).unwrap(),
            "the cut is 1.200 s long, but reels takes at least 3 s (seen 2026-11-22)"
        );
        assert_eq!(reels.refuses_length(60_000), None);
        assert!(reels.refuses_size(400_000_000).unwrap().contains("400 MB"));
        assert!(
            Platform::of("shorts")
                .unwrap()
                .refuses_length(181_000)
                .is_some()
        );
        assert_eq!(Platform::of("universal"), None);
    }

    #[test]
    fn a_file_is_held_against_its_timeline() {
        let cut = timeline();
        let seen = VerifyFacts {
            frames: cut.duration.value as u64,
            width: cut.canvas.width,
            height: cut.canvas.height,
            video_codec: Some("h264".into()),
            audio_codec: Some("aac".into()),
            av_offset_micros: 300,
        };
        assert_eq!(wrong_file(&cut, cut.duration.value, &seen, true), None);
        assert!(wrong_file(&cut, cut.duration.value, &seen, false).is_some());
        let late = VerifyFacts {
            av_offset_micros: 40_000,
            ..seen.clone()
        };
        assert_eq!(
            wrong_file(&cut, cut.duration.value, &late, true).unwrap(),
            "picture and sound start 40.0 ms apart"
        );
        let short = VerifyFacts { frames: 3, ..seen };
        assert!(
            wrong_file(&cut, cut.duration.value, &short, true)
                .unwrap()
                .contains("3 frames")
        );
    }
}
