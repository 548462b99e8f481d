//! Template and bindings to a finished cut: the steps in order, each in its own module.

use super::binding::Bindings;
use super::cues::CueRules;
use super::edit_rules::frames;
use super::fill::{self, Filled};
use super::footage::{self, Shelf};
use super::overlays::Board;
use super::schedule::{self, Schedule};
use super::shots;
use super::{Problems, Template, TemplateProblem};
use crate::time::{FrameRate, RationalTime, TimeRange};
use crate::timeline::{
    AUDIO_RATE, AudioClip, AudioPlan, CaptionTrack, FontFace, MusicClip, TemplateStamp, Timeline,
};

/// The version of the timeline format written here.
const TIMELINE_VERSION: u32 = 1;

/// Turns a template and its bindings into a finished cut. The same values always give the same cut; a change in one
/// scene changes nothing in the other scenes but their place.
pub fn instantiate(
    template: &Template,
    bindings: &Bindings,
) -> Result<Timeline, Vec<TemplateProblem>> {
    let mut problems = Problems::default();
    let filled = fill::fill(template, bindings, &mut problems);
    let fonts = find_fonts(template, bindings, &mut problems);
    if bindings.clips.is_empty() && problems.is_empty() {
        problems.add(
            "clips",
            "there is nothing to show",
            "bind at least one clip",
        );
    }
    if !problems.is_empty() {
        return Err(problems.into_list());
    }
    let timeline = assemble(template, bindings, &filled, fonts);
    timeline.validate()?;
    Ok(timeline)
}

/// The faces the cut needs, from those that were found.
fn find_fonts(template: &Template, bindings: &Bindings, problems: &mut Problems) -> Vec<FontFace> {
    let mut fonts = Vec::new();
    for request in template.font_requests_for(bindings) {
        match bindings.fonts.iter().find(|face| face.request == request) {
            Some(face) => fonts.push(face.clone()),
            None => problems.add(
                "fonts",
                format!(
                    "{}:{} was asked for but not found",
                    request.family, request.weight
                ),
                "install the font",
            ),
        }
    }
    fonts
}

fn assemble(
    template: &Template,
    bindings: &Bindings,
    filled: &Filled,
    fonts: Vec<FontFace>,
) -> Timeline {
    let rate = template.canvas.frame_rate;
    let schedule = schedule::place(bindings, &template.rules, rate);
    let shots = if schedule.scenes.is_empty() {
        let lengths: Vec<Option<i64>> = bindings
            .clips
            .iter()
            .map(|clip| footage::own_frames(clip, rate))
            .collect();
        shots::silent(&lengths, &template.rules, rate)
    } else {
        shots::under_voice(&schedule, &template.rules, rate)
    };
    let shelf = Shelf {
        clips: &bindings.clips,
        picture: &template.picture,
        transitions: &template.transitions,
        seed: bindings.seed,
        rate,
        stride: frames(template.rules.target_ms, rate),
    };
    let picture = footage::track(&shots, &shelf);
    let duration = RationalTime::new(picture.frames(), rate);
    let canvas = template.canvas_with(template.background.resolve(&filled.colors));
    let board = Board {
        canvas: &canvas,
        zone: &template.zone,
        filled,
        present: &present(template, bindings, filled),
        frames: duration.value,
    };
    Timeline {
        version: TIMELINE_VERSION,
        template: TemplateStamp {
            name: template.name.clone(),
            version: template.version.clone(),
        },
        canvas,
        duration,
        overlays: board.place(&template.items),
        captions: captions(template, bindings, filled, &schedule),
        audio: audio(template, bindings, &schedule, duration),
        picture,
        fonts,
    }
}

/// The placeholders that hold something, for the items' conditions.
fn present<'a>(template: &'a Template, bindings: &Bindings, filled: &Filled) -> Vec<&'a str> {
    let holds = |name: &str, kind: &str| match kind {
        "media[]" => !bindings.clips.is_empty(),
        "voice" => !bindings.voice.is_empty(),
        "audio" => bindings.music.is_some(),
        "captions" => bindings.captions,
        "text" => filled
            .texts
            .get(name)
            .is_some_and(|text| !text.trim().is_empty()),
        "color" => filled.colors.contains_key(name),
        _ => filled.images.contains_key(name),
    };
    template
        .placeholders
        .iter()
        .filter(|placeholder| holds(&placeholder.name, placeholder.kind.type_name()))
        .map(|placeholder| placeholder.name.as_str())
        .collect()
}

fn captions(
    template: &Template,
    bindings: &Bindings,
    filled: &Filled,
    schedule: &Schedule,
) -> Option<CaptionTrack> {
    let rules = template.captions.as_ref().filter(|_| bindings.captions)?;
    let grouping = CueRules::new(
        rules.grouping,
        &bindings.language,
        template.canvas.frame_rate,
    );
    let cues = grouping.cues(&schedule.scenes);
    (!cues.is_empty()).then(|| CaptionTrack {
        style: rules.style(&filled.colors),
        cues,
    })
}

fn audio(
    template: &Template,
    bindings: &Bindings,
    schedule: &Schedule,
    duration: RationalTime,
) -> AudioPlan {
    let sound = &template.sound;
    let rate = template.canvas.frame_rate;
    let voice = bindings
        .voice
        .iter()
        .zip(&schedule.scenes)
        .map(|(scene, placed)| AudioClip {
            source: scene.source,
            start: samples(placed.audio_start, rate),
            gain_mb: 0,
        })
        .collect();
    AudioPlan {
        duration: duration.rescaled_to(AUDIO_RATE),
        voice,
        speech: speech(bindings, schedule, rate),
        music: bindings.music.map(|source| MusicClip {
            source,
            gain_mb: sound.music_gain_mb,
            fade_in_ms: sound.fade_in_ms,
            fade_out_ms: sound.fade_out_ms,
        }),
        ducking: sound.ducking,
        loudness: sound.loudness,
    }
}

fn samples(frame: i64, rate: FrameRate) -> RationalTime {
    RationalTime::new(frame, rate).rescaled_to(AUDIO_RATE)
}

/// The spans in which somebody speaks: words that touch or overlap become one.
fn speech(bindings: &Bindings, schedule: &Schedule, rate: FrameRate) -> Vec<TimeRange> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for (scene, placed) in bindings.voice.iter().zip(&schedule.scenes) {
        let offset = samples(placed.audio_start, rate).value;
        for word in &scene.words {
            let (start, end) = (offset + word.start as i64, offset + word.end as i64);
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ if start < end => spans.push((start, end)),
                _ => {}
            }
        }
    }
    spans
        .into_iter()
        .map(|(start, end)| TimeRange::from_units(start, end, AUDIO_RATE))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        WORD, bindings_with, builtin_template, cut, digest, scene, spoken,
    };

    #[test]
    fn recordings_sound_where_their_scenes_are_seen() {
        let bindings = bindings_with(vec![scene("a", 6), scene("b", 7)]);
        let timeline = cut(&builtin_template("daily"), &bindings);
        let clips = &timeline.audio.voice;
        assert_eq!(clips.len(), 2);
        assert_eq!(
            clips[0].start.value,
            5 * 1600,
            "200 ms less the recording's own lead"
        );
        // 6 words and the edges are 74 frames, the gap is 5 (150 ms, halves up).
        assert_eq!(clips[1].start.value, (5 + 74 + 5) * 1600);
        assert!(
            clips
                .iter()
                .zip(&bindings.voice)
                .all(|(clip, voice)| clip.source == voice.source)
        );
    }

    #[test]
    fn captions_and_sound_agree() {
        let bindings = bindings_with(vec![scene("a", 6), scene("b", 7)]);
        let timeline = cut(&builtin_template("daily"), &bindings);
        let words = timeline
            .captions
            .iter()
            .flat_map(|track| &track.cues)
            .flat_map(|cue| &cue.words);
        for (word, span) in words.zip(&timeline.audio.speech) {
            let heard = span.start.rescaled_to(timeline.canvas.frame_rate).value;
            assert_eq!(word.range.first(), heard, "{}", word.text);
        }
    }

    #[test]
    fn words_that_touch_are_one_span_of_speech() {
        let mut voice = spoken("a", &["One", "two", "three."]);
        voice.words[0].end = voice.words[1].start;
        voice.words[2].end = voice.words[2].start;
        let bindings = bindings_with(vec![voice]);
        let timeline = cut(&builtin_template("daily"), &bindings);
        let speech = &timeline.audio.speech;
        assert_eq!(speech.len(), 1, "two words in one, and one without length");
        assert_eq!(speech[0].duration.value as u64, WORD + 17_280);
    }

    #[test]
    fn music_takes_the_level_of_the_template() {
        let mut bindings = bindings_with(vec![scene("a", 6)]);
        assert_eq!(cut(&builtin_template("quiet"), &bindings).audio.music, None);
        bindings.music = Some(digest(1));
        let audio = cut(&builtin_template("quiet"), &bindings).audio;
        assert_eq!(audio.ducking.depth_mb, -900);
        let music = audio.music.unwrap();
        assert_eq!(
            (music.gain_mb, music.fade_in_ms, music.fade_out_ms),
            (-1000, 1000, 2500)
        );
    }

    #[test]
    fn captions_are_shown_only_when_asked_for() {
        let mut bindings = bindings_with(vec![scene("a", 6)]);
        assert!(
            cut(&builtin_template("daily"), &bindings)
                .captions
                .is_some()
        );
        bindings.captions = false;
        let silent = cut(&builtin_template("daily"), &bindings);
        assert_eq!((silent.captions, silent.fonts.len()), (None, 1));
    }

    #[test]
    fn a_cut_without_voice_has_the_length_of_its_clips() {
        let timeline = cut(&builtin_template("daily"), &bindings_with(Vec::new()));
        assert_eq!(timeline.duration.value, 3 * 90);
        assert!(timeline.audio.voice.is_empty() && timeline.audio.speech.is_empty());
        assert_eq!(timeline.audio.duration.value, 9 * 48_000);
    }
}
