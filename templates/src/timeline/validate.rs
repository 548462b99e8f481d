//! Whether a timeline keeps its promises, for timelines that come from a file or from a new template.

use crate::template::{Problems, TemplateProblem};
use crate::time::{FrameRate, RationalTime, TimeRange};
use crate::timeline::{
    AUDIO_RATE, AudioPlan, CaptionTrack, Effects, FontRequest, Overlay, OverlayContent, SPEEDS_PM,
    Timeline, Track, TrackItem,
};

/// The version of the format this crate writes and reads.
const VERSION: u32 = 1;
/// Largest canvas side; H.264 level 5.2 and the renderer's buffers end near here.
const MAX_SIDE: u32 = 4096;

impl Timeline {
    /// Checks every rule of the format, all at once.
    pub fn validate(&self) -> Result<(), Vec<TemplateProblem>> {
        let mut problems = Problems::default();
        if self.version != VERSION {
            problems.add(
                "version",
                format!("is {}, this version reads {VERSION}", self.version),
                "render it with the version of fenta that wrote it",
            );
        }
        self.check_canvas(&mut problems);
        check_track(&self.picture, self.canvas.frame_rate, &mut problems);
        self.check_duration(&mut problems);
        for overlay in &self.overlays {
            self.check_overlay(overlay, &mut problems);
        }
        if let Some(track) = &self.captions {
            self.check_captions(track, &mut problems);
        }
        check_audio(&self.audio, self.duration, &mut problems);
        problems.or(())
    }

    fn check_canvas(&self, problems: &mut Problems) {
        for (path, side) in [
            ("canvas.width", self.canvas.width),
            ("canvas.height", self.canvas.height),
        ] {
            if side == 0 || side % 2 == 1 || side > MAX_SIDE {
                problems.add(
                    path,
                    format!("is {side}; a side is even and 2 to {MAX_SIDE} pixels"),
                    "",
                );
            }
        }
    }

    fn check_duration(&self, problems: &mut Problems) {
        if self.duration.rate != self.canvas.frame_rate {
            problems.add(
                "duration",
                format!(
                    "counts at {}, the canvas at {}",
                    self.duration.rate, self.canvas.frame_rate
                ),
                "",
            );
        }
        if self.duration.value != self.picture.frames() || self.duration.value < 1 {
            problems.add(
                "duration",
                format!(
                    "is {} frames, the picture has {}",
                    self.duration.value,
                    self.picture.frames()
                ),
                "both must agree and be at least 1",
            );
        }
    }

    fn check_range(&self, path: &str, range: &TimeRange, problems: &mut Problems) {
        let inside = range.first() >= 0
            && range.duration.value > 0
            && range.end() <= self.duration.value
            && range.start.rate == self.canvas.frame_rate
            && range.duration.rate == self.canvas.frame_rate;
        if !inside {
            problems.add(
                path,
                format!(
                    "is [{}, {}) at {}; it must be a span inside [0, {}) at {}",
                    range.first(),
                    range.end(),
                    range.start.rate,
                    self.duration.value,
                    self.canvas.frame_rate
                ),
                "",
            );
        }
    }

    fn check_font(&self, path: &str, request: &FontRequest, problems: &mut Problems) {
        if !self.fonts.iter().any(|face| face.request == *request) {
            problems.add(
                path,
                format!(
                    "{}:{} is not among the timeline's fonts",
                    request.family, request.weight
                ),
                "",
            );
        }
    }

    fn check_overlay(&self, overlay: &Overlay, problems: &mut Problems) {
        let path = format!("overlays[{}]", overlay.id);
        self.check_range(&format!("{path}.range"), &overlay.range, problems);
        if overlay.rect.w == 0 || overlay.rect.h == 0 {
            problems.add(format!("{path}.rect"), "is empty", "");
        }
        if overlay.opacity_pm > 1000 {
            problems.add(
                format!("{path}.opacity_pm"),
                format!("is {}, more than 1000", overlay.opacity_pm),
                "",
            );
        }
        if let OverlayContent::Text(text) = &overlay.content {
            self.check_font(&format!("{path}.font"), &text.font, problems);
        }
    }

    fn check_captions(&self, track: &CaptionTrack, problems: &mut Problems) {
        self.check_font("captions.style.font", &track.style.font, problems);
        if let Some(strong) = track.style.strong_font() {
            self.check_font("captions.style.emphasis.weight", &strong, problems);
        }
        let mut free_from = 0;
        for (at, cue) in track.cues.iter().enumerate() {
            let path = format!("captions.cues[{at}]");
            self.check_range(&format!("{path}.range"), &cue.range, problems);
            if cue.range.first() < free_from {
                problems.add(&path, "starts before the cue before it ends", "");
            }
            free_from = cue.range.end();
            if cue.words.is_empty() {
                problems.add(&path, "has no words", "");
            }
            check_words(
                &path,
                cue.range,
                cue.words.iter().map(|word| word.range),
                problems,
            );
        }
    }
}

fn check_words(
    path: &str,
    cue: TimeRange,
    words: impl Iterator<Item = TimeRange>,
    problems: &mut Problems,
) {
    let mut free_from = cue.first();
    for (at, word) in words.enumerate() {
        if word.first() < free_from || word.end() > cue.end() || word.duration.value < 0 {
            problems.add(
                format!("{path}.words[{at}]"),
                format!(
                    "is spoken in [{}, {}), which is not after the word before it and inside the cue",
                    word.first(),
                    word.end()
                ),
                "",
            );
        }
        free_from = word.end();
    }
}

fn check_effects(effects: &Effects, path: &str, problems: &mut Problems) {
    if let Some(speed) = effects.speed_pm
        && !SPEEDS_PM.contains(&speed)
    {
        problems.add(
            format!("{path}.effects.speed_pm"),
            format!(
                "is {speed}; a speed is {} to {} permille",
                SPEEDS_PM.start(),
                SPEEDS_PM.end()
            ),
            "",
        );
    }
    let rising = |at: &[u32]| at.windows(2).all(|pair| pair[0] < pair[1]);
    let keyframes: Vec<u32> = effects.keyframes.iter().map(|key| key.at).collect();
    let focus: Vec<u32> = effects.focus.iter().map(|key| key.at_ms).collect();
    for (name, times) in [("keyframes", keyframes), ("focus", focus)] {
        if !rising(&times) {
            problems.add(
                format!("{path}.effects.{name}"),
                "is not in the order of its times",
                "",
            );
        }
    }
}

fn check_track(track: &Track, rate: FrameRate, problems: &mut Problems) {
    for (at, child) in track.children.iter().enumerate() {
        let path = format!("picture.children[{at}]");
        match child {
            TrackItem::Clip(clip) => {
                let range = clip.source_range;
                if range.start.rate != rate || range.duration.rate != rate {
                    problems.add(
                        &path,
                        format!("does not count at the canvas rate {rate}"),
                        "",
                    );
                }
                check_effects(&clip.effects, &path, problems);
                if range.duration.value < 1 || range.first() < 0 {
                    problems.add(&path, "shows no frame or starts before its source", "");
                }
            }
            TrackItem::Gap(gap) if gap.duration.value < 1 || gap.duration.rate != rate => {
                problems.add(
                    &path,
                    format!("is not a span at the canvas rate {rate}"),
                    "",
                );
            }
            TrackItem::Gap(_) => {}
            TrackItem::Transition(_) => check_transition(track, at, problems),
        }
    }
}

/// A transition stands between two clips, starts at the cut and is over before the incoming clip is.
fn check_transition(track: &Track, at: usize, problems: &mut Problems) {
    let path = format!("picture.children[{at}]");
    let TrackItem::Transition(transition) = &track.children[at] else {
        return;
    };
    let before = at.checked_sub(1).and_then(|i| track.children.get(i));
    let (Some(TrackItem::Clip(_)), Some(TrackItem::Clip(incoming))) =
        (before, track.children.get(at + 1))
    else {
        problems.add(
            path,
            "is a transition that does not stand between two clips",
            "",
        );
        return;
    };
    if transition.in_offset.value != 0 {
        problems.add(
            &path,
            "starts before the cut, which is not available in this version yet",
            "",
        );
    }
    let frames = transition.out_offset.value;
    if frames < 1 || frames > incoming.source_range.duration.value {
        problems.add(
            path,
            format!("lasts {frames} frames; it must fit into the clip after it"),
            "",
        );
    }
}

fn check_audio(plan: &AudioPlan, picture: RationalTime, problems: &mut Problems) {
    let wanted = picture.rescaled_to(AUDIO_RATE);
    if plan.duration != wanted {
        problems.add(
            "audio.duration",
            format!("is {}, the picture lasts {wanted}", plan.duration),
            "",
        );
    }
    let mut free_from = 0;
    for (at, span) in plan.speech.iter().enumerate() {
        if span.first() < free_from || span.duration.value < 1 || span.start.rate != AUDIO_RATE {
            problems.add(
                format!("audio.speech[{at}]"),
                "is empty or starts before the span before it ends",
                "",
            );
        }
        free_from = span.end();
    }
    if !plan.voice.is_sorted_by_key(|clip| clip.start.value) {
        problems.add("audio.voice", "is not in time order", "");
    }
    if !plan.sounds.is_sorted_by_key(|sound| sound.start.value) {
        problems.add("audio.sounds", "are not in time order", "");
    }
    for (at, sound) in plan.sounds.iter().enumerate() {
        let times = [Some(sound.start), Some(sound.from), sound.length];
        let counted = |time: &RationalTime| time.rate == AUDIO_RATE && time.value >= 0;
        let fits = times.iter().flatten().all(counted)
            && sound.length.is_none_or(|length| length.value > 0)
            && sound
                .speed_pm
                .is_none_or(|speed| (250..=4000).contains(&speed))
            && sound.start.value < plan.duration.value;
        if !fits {
            problems.add(
                format!("audio.sounds[{at}]"),
                "is empty, lies outside of the cut or of its recording, or plays at a speed outside of 0.25 to 4",
                "",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, scene};

    fn good() -> Timeline {
        let mut bindings = bindings_with(vec![scene("a", 6), scene("b", 9)]);
        bindings.texts.insert("title".into(), "Bees".into());
        cut(&builtin_template("daily"), &bindings)
    }

    /// Breaks a good timeline and returns the paths of what is found.
    fn broken(breakage: impl FnOnce(&mut Timeline)) -> Vec<String> {
        let mut timeline = good();
        assert_eq!(timeline.validate(), Ok(()));
        breakage(&mut timeline);
        let problems = timeline.validate().unwrap_err();
        problems.into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_broken_promise_is_found() {
        assert_eq!(broken(|t| t.version = 2), ["version"]);
        assert_eq!(broken(|t| t.canvas.width = 1081), ["canvas.width"]);
        assert_eq!(broken(|t| t.canvas.height = 0), ["canvas.height"]);
        assert!(broken(|t| t.duration.value += 1).contains(&"duration".to_owned()));
        assert_eq!(
            broken(|t| t.overlays[0].rect.w = 0),
            ["overlays[title].rect"]
        );
        assert_eq!(
            broken(|t| t.overlays[0].opacity_pm = 1001),
            ["overlays[title].opacity_pm"]
        );
        assert_eq!(
            broken(|t| t.overlays[0].range.duration.value = 100_000),
            ["overlays[title].range"]
        );
        assert_eq!(
            broken(|t| t.fonts.clear()),
            ["overlays[title].font", "captions.style.font"]
        );
        assert_eq!(broken(|t| t.audio.duration.value -= 1), ["audio.duration"]);
        assert_eq!(broken(|t| t.audio.voice.reverse()), ["audio.voice"]);
        assert_eq!(
            broken(|t| t.audio.speech.reverse())
                .first()
                .map(String::as_str),
            Some("audio.speech[1]")
        );
    }

    #[test]
    fn captions_are_in_order_and_hold_their_words() {
        let cues = |t: &mut Timeline| t.captions.take().unwrap().cues;
        let with = |change: fn(&mut Vec<crate::timeline::Cue>)| {
            broken(|t| {
                let style = t.captions.clone().unwrap().style;
                let mut changed = cues(t);
                change(&mut changed);
                t.captions = Some(CaptionTrack {
                    style,
                    cues: changed,
                });
            })
        };
        assert!(with(|cues| cues.swap(0, 1)).contains(&"captions.cues[1]".to_owned()));
        assert_eq!(with(|cues| cues[0].words.clear()), ["captions.cues[0]"]);
        assert!(
            with(|cues| cues[0].words.reverse())
                .iter()
                .all(|path| path.starts_with("captions.cues[0].words"))
        );
    }

    #[test]
    fn transitions_stand_between_clips() {
        assert_eq!(
            broken(|t| {
                let transition = t.picture.children[1].clone();
                t.picture.children.insert(1, transition);
            }),
            ["picture.children[1]", "picture.children[2]"]
        );
        assert_eq!(
            broken(|t| {
                let TrackItem::Transition(transition) = &mut t.picture.children[1] else {
                    panic!("a transition")
                };
                transition.in_offset.value = 3;
                transition.out_offset.value = 0;
            }),
            ["picture.children[1]", "picture.children[1]"]
        );
    }

    #[test]
    fn other_rates_are_refused() {
        let paths = broken(|t| {
            let TrackItem::Clip(clip) = &mut t.picture.children[0] else {
                panic!("a clip")
            };
            clip.source_range.start.rate = FrameRate::whole(25);
        });
        assert_eq!(paths, ["picture.children[0]"]);
    }
}
