//! Template and bindings to a finished cut: the steps in order, each in its own module.

use super::binding::Bindings;
use super::blends::Blends;
use super::condition::Facts;
use super::cues::CueRules;
use super::edit_rules::frames;
use super::fill::{self, Filled};
use super::footage::{self, Footage, Shelf};
use super::overlays::Board;
use super::schedule::{self, Schedule};
use super::shots::{self, Beats, Shot};
use super::soundtrack::{Soundtrack, heard};
use super::{ProblemKind, Problems, Template, TemplateProblem, scalar};
use crate::time::RationalTime;
use crate::timeline::{CaptionTrack, Effects, FontFace, TemplateStamp, Timeline};

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
    check_starts(template, bindings, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_list());
    }
    let timeline = assemble(template, bindings, &filled, fonts);
    check_length(template, &timeline)?;
    timeline.validate()?;
    Ok(timeline)
}

/// Scenes are heard one after the other, so one cannot begin before those before it have ended.
fn check_starts(template: &Template, bindings: &Bindings, problems: &mut Problems) {
    if bindings.starts.is_empty() {
        return;
    }
    let rate = template.canvas.frame_rate;
    let schedule = schedule::place(bindings, &template.rules, rate);
    for (scene, first) in schedule::too_late(&schedule, bindings, rate) {
        let earliest = RationalTime::new(first, rate).as_seconds();
        problems.add(
            format!("starts.{scene}"),
            format!("the narration before it is heard until then: it can begin at {earliest:.2} s"),
            "give a later time, or shorten what is said before",
        );
    }
}

fn check_length(template: &Template, timeline: &Timeline) -> Result<(), Vec<TemplateProblem>> {
    let longest = frames(template.max_ms, template.canvas.frame_rate);
    if timeline.duration.value <= longest {
        return Ok(());
    }
    Err(vec![TemplateProblem::new(
        ProblemKind::Binding,
        "canvas.max_duration",
        format!(
            "the cut lasts {:.1} s, more than the template's {}",
            timeline.duration.as_seconds(),
            scalar::told_ms(template.max_ms)
        ),
        "shorten the narration, or raise `max_duration`",
    )])
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
    let present = present(template, bindings, filled);
    let facts = Facts {
        present: &present,
        texts: &filled.texts,
    };
    let mut schedule = schedule::place(bindings, &template.rules, rate);
    Beats::of(&bindings.beats, &template.rules, rate).meet(&mut schedule);
    let shots = shots(template, bindings, &schedule);
    let canvas = template.canvas_with(template.background.resolve(&filled.colors));
    let effects = template.picture.effects.resolve(filled, canvas.background);
    let footage = footage(template, bindings, (&schedule, &shots), &effects);
    let duration = RationalTime::new(footage.track.frames(), rate);
    let board = Board {
        canvas: &canvas,
        zone: &template.zone,
        filled,
        present: &present,
        frames: duration.value,
    };
    let mut overlays = board.place(&template.items);
    overlays.extend(template.transitions.end.map(|end| board.end(end)));
    let (captions, hurried) = captions(template, bindings, (filled, facts), &schedule);
    Timeline {
        version: TIMELINE_VERSION,
        template: TemplateStamp {
            name: template.name.clone(),
            version: template.version.clone(),
            digest: String::new(),
        },
        canvas,
        duration,
        overlays,
        captions,
        audio: Soundtrack {
            template,
            bindings,
            facts,
            schedule: &schedule,
            shots: &shots,
            picture: &footage.track,
        }
        .plan(duration),
        picture: footage.track,
        fonts,
        profiles: template.profiles.clone(),
        notes: footage.notes.into_iter().chain(hurried).collect(),
        origins: Vec::new(),
    }
}

/// The shots, the last one long enough for the shortest cut the template wants and, in a loop, for the next beat.
fn shots(template: &Template, bindings: &Bindings, schedule: &Schedule) -> Vec<Shot> {
    let rate = template.canvas.frame_rate;
    let beats = Beats::of(&bindings.beats, &template.rules, rate);
    let mut shots = if schedule.scenes.is_empty() {
        let lengths: Vec<Option<i64>> = bindings
            .clips
            .iter()
            .map(|clip| footage::own_frames(clip, rate, template.picture.effects.speed_pm))
            .collect();
        shots::silent(&lengths, &template.rules, &beats, rate)
    } else {
        shots::under_voice(schedule, &template.rules, &beats, rate)
    };
    if let Some(last) = shots.last_mut() {
        last.end = last.end.max(frames(template.min_ms, rate));
        if template.rules.loop_safe {
            // Music that is cut on a beat can begin again on one.
            last.end = beats.at_or_after(last.end).unwrap_or(last.end);
        }
    }
    shots
}

fn footage(
    template: &Template,
    bindings: &Bindings,
    (schedule, shots): (&Schedule, &[Shot]),
    effects: &Effects,
) -> Footage {
    let rate = template.canvas.frame_rate;
    let scenes = schedule.scenes.iter().enumerate();
    let chapters: Vec<usize> = scenes
        .filter(|(_, scene)| bindings.chapters.contains(&scene.name))
        .map(|(at, _)| at)
        .collect();
    footage::track(
        shots,
        &Shelf {
            clips: &bindings.clips,
            picture: &template.picture,
            effects,
            subjects: &bindings.subjects,
            blends: &Blends {
                rules: &template.transitions,
                chapters: &chapters,
                rate,
            },
            reuse: template.rules.reuse,
            loop_safe: template.rules.loop_safe,
            seed: bindings.seed,
            rate,
            stride: frames(template.rules.target_ms, rate),
        },
    )
}

/// The placeholders that hold something, for the items' conditions.
fn present<'a>(template: &'a Template, bindings: &Bindings, filled: &Filled) -> Vec<&'a str> {
    let holds = |name: &str, kind: &str| match kind {
        "media[]" => !bindings.clips.is_empty(),
        "voice" => !bindings.voice.is_empty(),
        "audio" => bindings.music.is_some(),
        "captions" => bindings.captions.is_some(),
        "text" => filled
            .texts
            .get(name)
            .is_some_and(|text| !text.trim().is_empty()),
        "color" => filled.colors.contains_key(name),
        "effect" => bindings.effects.contains_key(name),
        "lut" => filled.luts.contains_key(name),
        _ => filled.images.contains_key(name),
    };
    template
        .placeholders
        .iter()
        .filter(|placeholder| holds(&placeholder.name, placeholder.kind.type_name()))
        .map(|placeholder| placeholder.name.as_str())
        .collect()
}

/// The captions, and what is to be said about them.
fn captions(
    template: &Template,
    bindings: &Bindings,
    (filled, facts): (&Filled, Facts<'_>),
    schedule: &Schedule,
) -> (Option<CaptionTrack>, Option<String>) {
    let (Some(rules), Some(shown)) = (template.captions.as_ref(), bindings.captions.as_ref())
    else {
        return (None, None);
    };
    if !heard(&rules.only_if, facts) {
        return (None, None);
    }
    let rate = template.canvas.frame_rate;
    let grouping = CueRules::new(rules, &shown.language, rate);
    let cues = grouping.cues(&schedule::shown(schedule, shown, rate));
    let hurried = grouping.too_fast(&cues);
    let track = (!cues.is_empty()).then(|| CaptionTrack {
        style: rules.style(&filled.colors),
        cues,
    });
    (track, hurried)
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
    fn captions_in_other_words_change_neither_cuts_nor_ducking() {
        let bindings = bindings_with(vec![scene("a", 12), scene("b", 14)]);
        let mut translated = bindings.clone();
        for words in &mut translated.captions.as_mut().unwrap().scenes {
            words.truncate(3);
            words[0].end = words[0].start + 30_000;
            words[1].start = words[0].end;
            words[1].end = words[1].start + 70_000;
            words[2].start = words[1].end;
            words[2].end = words[2].start + 500;
        }
        let template = builtin_template("daily");
        let (own, other) = (cut(&template, &bindings), cut(&template, &translated));
        assert_eq!(own.picture, other.picture);
        assert_eq!(own.audio, other.audio);
        assert_ne!(own.captions, other.captions);
    }

    #[test]
    fn captions_break_by_their_own_language() {
        let words = [
            "Wir", "gehen", "mit", "dem", "Hund", "in", "den", "Wald", "und", "den", "Park.",
        ];
        let mut bindings = bindings_with(vec![spoken("a", &words)]);
        let mut last_words = |language: &str| {
            bindings.captions.as_mut().unwrap().language = language.into();
            let cues = cut(&builtin_template("daily"), &bindings)
                .captions
                .unwrap()
                .cues;
            cues.iter()
                .map(|cue| cue.words.last().unwrap().text.clone())
                .collect::<Vec<_>>()
        };
        let (german, unknown) = (last_words("de-AT"), last_words("fi"));
        assert_ne!(
            german, unknown,
            "the test needs words that German keeps together"
        );
        let dangling = ["mit", "dem", "in", "den", "und"];
        assert!(
            german.iter().all(|word| !dangling.contains(&word.as_str())),
            "{german:?}"
        );
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
        bindings.captions = None;
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
