//! What of a timeline is shown: its tracks as spans of frames, its shots in words.
//!
//! Neighbours: `strip` and `shots` draw it. Names of looks, fills and blends are those of the timeline's own format.

use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{
    AUDIO_RATE, Clip, MediaReference, Timeline, TrackItem, Transition,
};
use serde::Serialize;

/// A span of frames, half-open.
pub(super) type Frames = (i64, i64);

/// The tracks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outline {
    pub(super) rate: FrameRate,
    /// Frames in all.
    pub(super) frames: i64,
    pub(super) shots: Vec<Shot>,
    /// By name, in painter's order.
    pub(super) overlays: Vec<(String, Frames)>,
    pub(super) cues: Vec<Frames>,
    pub(super) speech: Vec<Frames>,
    pub(super) music: bool,
}

/// One clip of the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shot {
    pub(super) frames: Frames,
    /// What it shows, in a word.
    pub(super) shows: String,
    /// What it shows, exactly.
    pub(super) source: String,
    pub(super) fill: String,
    pub(super) motion: String,
    /// The blend it begins with, for example `fade 6f`; `None` for a cut.
    pub(super) blend: Option<String>,
}

impl Outline {
    /// Of a timeline.
    pub(super) fn of(timeline: &Timeline) -> Self {
        let rate = timeline.canvas.frame_rate;
        let frame = |sample| {
            RationalTime::new(sample, AUDIO_RATE)
                .rescaled_to(rate)
                .value
        };
        let overlays = timeline.overlays.iter();
        let cues = timeline.captions.iter().flat_map(|captions| &captions.cues);
        Self {
            rate,
            frames: timeline.duration.value,
            shots: shots(timeline),
            overlays: overlays
                .map(|overlay| {
                    let span = (overlay.range.first(), overlay.range.end());
                    (overlay.id.clone(), span)
                })
                .collect(),
            cues: cues
                .map(|cue| (cue.range.first(), cue.range.end()))
                .collect(),
            speech: timeline
                .audio
                .speech
                .iter()
                .map(|span| (frame(span.first()), frame(span.end())))
                .collect(),
            music: timeline.audio.music.is_some(),
        }
    }
}

fn shots(timeline: &Timeline) -> Vec<Shot> {
    let (mut at, mut blend, mut shots) = (0, None, Vec::new());
    for item in &timeline.picture.children {
        match item {
            TrackItem::Transition(transition) => blend = Some(blended(transition)),
            TrackItem::Gap(gap) => {
                at += gap.duration.value;
                blend = None;
            }
            TrackItem::Clip(clip) => {
                let end = at + clip.source_range.duration.value;
                shots.push(shot(clip, (at, end), blend.take()));
                at = end;
            }
        }
    }
    shots
}

fn shot(clip: &Clip, frames: Frames, blend: Option<String>) -> Shot {
    let (shows, source) = match &clip.media {
        MediaReference::Generator(generator) => {
            let look = word(&generator.look);
            let source = format!("{look} seed {}", generator.seed);
            (look, source)
        }
        MediaReference::External(file) => {
            let kind = word(&file.facts.kind);
            (
                format!("{kind} {}", file.source.short()),
                format!("{kind} {}", file.source),
            )
        }
    };
    let zoom = |permille: u32| f64::from(permille) / 1000.0;
    Shot {
        frames,
        shows,
        source,
        fill: word(&clip.fill),
        motion: clip.motion.map_or(String::new(), |motion| {
            format!(
                "zoom {:.2} to {:.2}",
                zoom(motion.zoom_from_pm),
                zoom(motion.zoom_to_pm)
            )
        }),
        blend,
    }
}

fn blended(transition: &Transition) -> String {
    let frames = transition.in_offset.value + transition.out_offset.value;
    format!("{} {frames}f", word(&transition.kind))
}

/// The format's own word for a choice.
fn word(choice: &impl Serialize) -> String {
    let value = serde_json::to_value(choice).unwrap_or_default();
    value.as_str().unwrap_or("?").to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use fenta_templates::timeline::{Fill, TransitionKind};

    use super::*;

    pub(in super::super) fn outline() -> Outline {
        let shot = |frames, shows: &str, blend: Option<&str>| Shot {
            frames,
            shows: shows.into(),
            source: format!("{shows} seed 7"),
            fill: "crop".into(),
            motion: "zoom 1.00 to 1.12".into(),
            blend: blend.map(str::to_owned),
        };
        Outline {
            rate: FrameRate::whole(30),
            frames: 150,
            shots: vec![
                shot((0, 45), "waves", None),
                shot((45, 120), "bokeh", Some("fade 6f")),
                shot((120, 150), "aurora", None),
            ],
            overlays: vec![("head".into(), (0, 75))],
            cues: vec![(20, 35), (48, 70), (70, 80)],
            speech: vec![(20, 35), (48, 80)],
            music: true,
        }
    }

    #[test]
    fn words_are_those_of_the_format() {
        assert_eq!(word(&Fill::Blur), "blur");
        let transition = Transition {
            kind: TransitionKind::WipeLeft,
            in_offset: RationalTime::new(3, FrameRate::whole(30)),
            out_offset: RationalTime::new(2, FrameRate::whole(30)),
        };
        assert_eq!(blended(&transition), "wipe_left 5f");
    }
}
