//! The part of a cut that a render shows: all of it, or the part that was asked for.
//!
//! Part of `Output.Render`. Whole segments of a part are the segments of the whole film, so neither is rendered twice.

use std::borrow::Cow;

use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{AUDIO_RATE, Timeline};

use crate::action::SamplePart;
use crate::execution::LowerError;
use crate::node::duration_text;
use crate::view::{Part, View};

/// Frames `from` up to but without `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) from: i64,
    pub(super) to: i64,
    whole: bool,
}

impl View {
    /// Whether less than the film is made.
    pub(super) const fn is_partial(&self) -> bool {
        self.part.is_some() || self.still.is_some()
    }
}

impl Shown {
    /// The frames of a part: from the one on screen at its start to the one on screen at its end.
    pub(super) fn of(timeline: &Timeline, part: Option<Part>) -> Result<Self, LowerError> {
        let all = timeline.duration.value;
        let Some(part) = part else {
            return Ok(Self {
                from: 0,
                to: all,
                whole: true,
            });
        };
        let rate = timeline.canvas.frame_rate;
        let frame = |ms: u64| {
            let ms = i64::try_from(ms)
                .unwrap_or(i64::MAX)
                .min(i64::from(u32::MAX));
            ms * i64::from(rate.num) / (1000 * i64::from(rate.den))
        };
        let from = frame(part.from_ms);
        let to = part.to_ms.map_or(all, frame).min(all);
        if from >= to {
            let length = duration_text(timeline.duration.to_millis());
            let (message, hint) = if from >= all {
                (
                    format!("the part {part} begins after the film, which is {length} long"),
                    "begin earlier",
                )
            } else {
                (format!("the part {part} holds no frame"), "end it later")
            };
            return Err(LowerError::new(message, hint));
        }
        Ok(Self {
            from,
            to,
            whole: (from, to) == (0, all),
        })
    }

    /// What to tell of a part that was to end after the film.
    pub(super) fn shortened(timeline: &Timeline, part: Option<Part>) -> Option<String> {
        let part = part?;
        let length = timeline.duration.to_millis();
        let beyond = part.to_ms.and_then(|to| i64::try_from(to).ok())? > length;
        beyond.then(|| {
            let length = duration_text(length);
            format!("the part {part} ends with the film, which is {length} long")
        })
    }

    /// How many frames they are.
    pub(super) const fn frames(self) -> i64 {
        self.to - self.from
    }

    /// How long they are, milliseconds.
    pub(super) fn ms(self, timeline: &Timeline) -> i64 {
        RationalTime::new(self.frames(), timeline.canvas.frame_rate).to_millis()
    }

    /// Their samples of the soundtrack; none for all of it.
    pub(super) fn samples(self, timeline: &Timeline) -> Option<SamplePart> {
        let at = |frame| {
            let time = RationalTime::new(frame, timeline.canvas.frame_rate);
            u64::try_from(time.rescaled_to(AUDIO_RATE).value).unwrap_or_default()
        };
        (!self.whole).then(|| SamplePart {
            from: at(self.from),
            count: (at(self.to) - at(self.from)).max(1),
        })
    }

    /// A timeline with the captions and the length of the part, for the files that go with it.
    pub(super) fn captioned(self, timeline: &Timeline) -> Cow<'_, Timeline> {
        if self.whole {
            return Cow::Borrowed(timeline);
        }
        let rate = timeline.canvas.frame_rate;
        Cow::Owned(Timeline {
            duration: TimeRange::from_units(0, self.frames(), rate).duration,
            captions: timeline.captions_between(self.from, self.to),
            ..timeline.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    #[test]
    fn a_part_has_its_frames_samples_and_captions() {
        let cut = timeline();
        let shown = Shown::of(&cut, Some("1s..2.5s".parse().unwrap())).unwrap();
        assert_eq!((shown.from, shown.to, shown.frames()), (30, 75, 45));
        let samples = shown.samples(&cut).unwrap();
        assert_eq!((samples.from, samples.count), (48_000, 72_000));
        assert_eq!(shown.ms(&cut), 1500);
        let part = shown.captioned(&cut);
        let track = part.captions.as_ref().unwrap();
        assert!(track.cues[0].range.first() >= 0);
        assert!(track.cues.last().unwrap().range.end() <= 45);
    }

    #[test]
    fn everything_is_no_part() {
        let cut = timeline();
        let all = Shown::of(&cut, None).unwrap();
        assert_eq!(all, Shown::of(&cut, Some("0s..".parse().unwrap())).unwrap());
        assert_eq!(all.samples(&cut), None);
        assert!(matches!(all.captioned(&cut), Cow::Borrowed(_)));
        let told = |part: &str| Shown::shortened(&cut, Some(part.parse().unwrap()));
        assert_eq!((told("1s.."), told("0s..2s")), (None, None));
        assert!(
            told("1s..99s")
                .unwrap()
                .starts_with("the part 1s..1m39s ends with the film")
        );
        let late = Shown::of(&cut, Some("10m..".parse().unwrap())).unwrap_err();
        assert!(late.message.contains("begins after the film"), "{late}");
        let empty = Shown::of(&cut, Some("1s..1001ms".parse().unwrap())).unwrap_err();
        assert!(empty.message.contains("no frame"), "{empty}");
    }
}
