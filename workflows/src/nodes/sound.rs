//! What nodes do with sounds: one recording out of a narration, mixes of narration and music.
//!
//! Shared by `Audio.Mix`, `Subtitle.Auto` and `Edit.Timeline`. Not a node type itself.

use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{
    AUDIO_RATE, AudioClip, AudioPlan, Ducking, LoudnessTarget, MusicClip, SoundClip,
};

use super::narration::{samples, starts};
use crate::execution::LowerError;
use crate::node::Params;
use crate::value::{AudioValue, MixParts, SpokenScene, Value, Voice};

/// How far music falls under speech, by the name of a ducking, millibels.
const DUCKINGS: [(&str, i32); 4] = [
    ("off", 0),
    ("standard", -1200),
    ("strong", -1600),
    ("accessible", -2000),
];

/// The names of duckings.
pub(super) const DUCKING_NAMES: &[&str] = &["standard", "strong", "accessible", "off"];

/// A sound a node was given: a narration, a mix of one, or another recording.
pub(super) enum Sound<'a> {
    /// A narration.
    Voice(&'a Voice),
    /// A mix whose parts are known.
    Mix(&'a MixParts),
    /// A recording nobody knows the words of.
    Plain(&'a AudioValue),
}

/// The sound in a parameter.
pub(super) fn sound<'a>(params: Params<'a>, name: &str) -> Result<Option<Sound<'a>>, LowerError> {
    Ok(match params.get(name) {
        None => None,
        Some(Value::Voice(voice)) => Some(Sound::Voice(voice)),
        Some(Value::Audio(audio)) => Some(match &audio.parts {
            Some(parts) => Sound::Mix(parts),
            None => Sound::Plain(audio),
        }),
        Some(other) => {
            return Err(LowerError::new(
                format!("`{name}` is {}, not a sound", other.noun()),
                "give it the audio of a node",
            ));
        }
    })
}

/// Ducking by name, or by its numbers.
pub(super) fn ducking(params: Params<'_>) -> Result<Ducking, LowerError> {
    let Some(fields) = params.fields("ducking") else {
        let name = params.text("ducking")?;
        let depth = DUCKINGS.iter().find(|(known, _)| *known == name);
        return Ok(Ducking {
            depth_mb: depth.map_or(-1200, |(_, depth)| *depth),
            ..Ducking::default()
        });
    };
    let usual = Ducking::default();
    let ms = |name: &str, usual: u32| match fields.get(name) {
        Some(_) => fields.u32(name),
        None => Ok(usual),
    };
    Ok(Ducking {
        depth_mb: millibels(fields.number("depth")?),
        lookahead_ms: ms("lookahead", usual.lookahead_ms)?,
        attack_ms: ms("attack", usual.attack_ms)?,
        hold_ms: ms("hold", usual.hold_ms)?,
        release_ms: ms("release", usual.release_ms)?,
        bridge_ms: ms("bridge", usual.bridge_ms)?,
    })
}

/// Decibels as hundredths.
pub(super) fn millibels(decibels: f64) -> i32 {
    (decibels * 100.0).round() as i32
}

/// A plan that plays the parts by themselves: the narration from the first sample, the music under all of it.
pub(super) fn plan(parts: &MixParts, length: u64) -> AudioPlan {
    let at = |sample: u64| RationalTime::new(sample as i64, AUDIO_RATE);
    let (voice, speech) = match &parts.voice {
        Some(voice) => (placed(voice), speech(voice)),
        None => (Vec::new(), Vec::new()),
    };
    AudioPlan {
        duration: at(length),
        voice,
        speech,
        music: parts.music.map(|source| MusicClip {
            source,
            gain_mb: parts.music_gain_mb,
            fade_in_ms: parts.fade_in_ms,
            fade_out_ms: parts.fade_out_ms,
            once: false,
        }),
        sounds: within(&parts.sounds, at(length)),
        ducking: parts.ducking,
        loudness: parts.loudness,
    }
}

/// Length of the parts played by themselves; none without a narration.
pub(super) fn length(parts: &MixParts) -> Option<u64> {
    parts.voice.as_ref().map(samples)
}

fn placed(voice: &Voice) -> Vec<AudioClip> {
    voice
        .scenes
        .iter()
        .zip(starts(voice))
        .map(|(scene, start)| AudioClip {
            source: scene.source,
            start: RationalTime::new(start as i64, AUDIO_RATE),
            gain_mb: 0,
        })
        .collect()
}

/// Where somebody speaks; words that touch are one span.
fn speech(voice: &Voice) -> Vec<TimeRange> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (scene, start) in voice.scenes.iter().zip(starts(voice)) {
        for word in scene.words.iter().filter(|word| word.end > word.start) {
            let (from, to) = (start + word.start, start + word.end);
            match spans.last_mut() {
                Some(last) if last.1 >= from => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
        }
    }
    spans
        .into_iter()
        .map(|(from, to)| TimeRange::from_units(from as i64, to as i64, AUDIO_RATE))
        .collect()
}

/// Puts the rules of a mix into the plan of a cut.
pub(super) fn apply(parts: &MixParts, plan: &mut AudioPlan) {
    plan.ducking = parts.ducking;
    plan.loudness = parts.loudness;
    if let Some(music) = &mut plan.music {
        music.gain_mb = parts.music_gain_mb;
        music.fade_in_ms = parts.fade_in_ms;
        music.fade_out_ms = parts.fade_out_ms;
    }
    plan.sounds.extend(within(&parts.sounds, plan.duration));
    plan.sounds.sort_by_key(|sound| sound.start.value);
}

/// The sounds that begin before the end, in time order.
fn within(sounds: &[SoundClip], end: RationalTime) -> Vec<SoundClip> {
    let heard = sounds.iter().filter(|sound| sound.start.value < end.value);
    let mut sounds: Vec<SoundClip> = heard.cloned().collect();
    sounds.sort_by_key(|sound| sound.start.value);
    sounds
}

/// Several narrations as one: one after the other, or a scene of each in turn. Scenes are numbered anew.
///
/// # Errors
/// When they speak different languages: captions are in one.
pub(super) fn joined(voices: &[&Voice], in_turns: bool) -> Result<Option<Voice>, LowerError> {
    let (Some(first), others) = (voices.first(), voices.get(1..).unwrap_or_default()) else {
        return Ok(None);
    };
    if others.is_empty() {
        return Ok(Some((*first).clone()));
    }
    if let Some(other) = others.iter().find(|other| other.language != first.language) {
        return Err(LowerError::new(
            format!(
                "the narrations in `voice` speak `{}` and `{}`; captions are in one language",
                first.language, other.language
            ),
            "mix narrations of one language",
        ));
    }
    let longest = voices.iter().map(|voice| voice.scenes.len()).max();
    let scenes: Vec<SpokenScene> = if in_turns {
        (0..longest.unwrap_or(0))
            .flat_map(|at| voices.iter().filter_map(move |voice| voice.scenes.get(at)))
            .cloned()
            .collect()
    } else {
        voices
            .iter()
            .flat_map(|voice| voice.scenes.clone())
            .collect()
    };
    let numbered = scenes
        .into_iter()
        .enumerate()
        .map(|(at, scene)| SpokenScene {
            id: format!("s{}", at + 1),
            ..scene
        });
    Ok(Some(Voice {
        language: first.language.clone(),
        gap_ms: voices.iter().map(|voice| voice.gap_ms).max().unwrap_or(0),
        scenes: numbered.collect(),
    }))
}

/// Loudness from the parameters `loudness` and `true_peak`.
pub(super) fn loudness(params: Params<'_>) -> Result<LoudnessTarget, LowerError> {
    Ok(LoudnessTarget {
        integrated_clufs: millibels(params.number("loudness")?),
        true_peak_cdb: millibels(params.number("true_peak")?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::digest;
    use super::*;
    use crate::value::Word;

    fn voice() -> Voice {
        let word = |start, end| Word {
            text: "w".into(),
            start,
            end,
        };
        let scene = |id: &str| SpokenScene {
            id: id.into(),
            source: digest(id),
            samples: 48_000,
            words: vec![
                word(0, 10_000),
                word(10_000, 20_000),
                word(30_000, 40_000),
                word(40_000, 40_000),
            ],
            emphasis: Vec::new(),
            rung: Default::default(),
        };
        Voice {
            language: "en".into(),
            gap_ms: 500,
            scenes: vec![scene("s1"), scene("s2")],
        }
    }

    #[test]
    fn scenes_stand_one_after_the_other_and_touching_words_are_one_span() {
        let parts = MixParts {
            voice: Some(voice()),
            music: Some(digest("m")),
            music_tempo: None,
            music_gain_mb: -2000,
            fade_in_ms: 1,
            fade_out_ms: 2,
            ducking: Ducking::default(),
            loudness: LoudnessTarget::default(),
            sounds: Vec::new(),
        };
        assert_eq!(length(&parts), Some(120_000));
        let plan = plan(&parts, 120_000);
        let starts: Vec<i64> = plan.voice.iter().map(|clip| clip.start.value).collect();
        assert_eq!(starts, [0, 72_000]);
        let spans: Vec<(i64, i64)> = plan
            .speech
            .iter()
            .map(|span| (span.start.value, span.end()))
            .collect();
        assert_eq!(
            spans,
            [
                (0, 20_000),
                (30_000, 40_000),
                (72_000, 92_000),
                (102_000, 112_000)
            ]
        );
        assert_eq!(plan.music.map(|music| music.gain_mb), Some(-2000));
    }

    #[test]
    fn every_name_of_a_ducking_has_a_depth() {
        for name in DUCKING_NAMES {
            assert!(DUCKINGS.iter().any(|(known, _)| known == name), "{name}");
        }
    }

    #[test]
    fn narrations_follow_each_other_or_take_turns() {
        let (host, mut guest) = (voice(), voice());
        guest.gap_ms = 700;
        guest.scenes.truncate(1);
        guest.scenes[0].source = digest("guest");
        let told = |in_turns| {
            let joined = joined(&[&host, &guest], in_turns).unwrap().unwrap();
            let ids: Vec<String> = joined.scenes.iter().map(|scene| scene.id.clone()).collect();
            assert_eq!((ids.join(" ").as_str(), joined.gap_ms), ("s1 s2 s3", 700));
            let mut sources = joined.scenes.iter().map(|scene| scene.source);
            sources.position(|source| source == digest("guest"))
        };
        assert_eq!((told(false), told(true)), (Some(2), Some(1)));
        assert_eq!(joined(&[], true).unwrap(), None);
        assert_eq!(joined(&[&host], true).unwrap(), Some(host.clone()));
        guest.language = "de".into();
        let error = joined(&[&host, &guest], false).unwrap_err();
        assert!(error.message.contains("`en` and `de`"), "{error}");
    }
}
