//! The soundtrack of a cut: the narration at its scenes, the music, the sound that clips were recorded with, effects at
//! their moments.
//!
//! Neighbours: `instantiate` has placed scenes and shots; `sound_rules` says what of it is heard and how loud. The
//! renderer mixes.

use super::binding::{Bindings, VoiceBinding};
use super::caption_rules::bare;
use super::condition::{Condition, Facts};
use super::schedule::{PlacedScene, Schedule};
use super::shots::Shot;
use super::sound_rules::{EffectTrack, Moment};
use super::{Template, picture_rules::Boundary};
use crate::time::{FrameRate, RationalTime, TimeRange};
use crate::timeline::{
    AUDIO_RATE, AudioClip, AudioPlan, Clip, MediaKind, MediaReference, MusicClip, SoundClip,
    SoundRole, Track, TrackItem,
};

/// The shortest fade of a clip's own sound, milliseconds: a hard cut in sound clicks.
const CLICK_MS: u32 = 10;

/// A cut, and what it was made from.
pub(crate) struct Soundtrack<'a> {
    pub(crate) template: &'a Template,
    pub(crate) bindings: &'a Bindings,
    pub(crate) facts: Facts<'a>,
    pub(crate) schedule: &'a Schedule,
    pub(crate) shots: &'a [Shot],
    pub(crate) picture: &'a Track,
}

/// Whether a track's condition, if it has one, holds.
pub(crate) fn heard(only_if: &Option<Condition>, facts: Facts<'_>) -> bool {
    only_if
        .as_ref()
        .is_none_or(|condition| condition.holds(facts))
}

impl Soundtrack<'_> {
    /// What is mixed.
    pub(crate) fn plan(&self, duration: RationalTime) -> AudioPlan {
        let sound = &self.template.sound;
        let rate = self.rate();
        let speaks = heard(&sound.voice.only_if, self.facts);
        let clip = |(scene, placed): (&VoiceBinding, &PlacedScene)| AudioClip {
            source: scene.source,
            start: samples(placed.audio_start, rate),
            gain_mb: sound.voice.gain_mb,
        };
        let music = self
            .bindings
            .music
            .filter(|_| heard(&sound.music.only_if, self.facts));
        let spoken = self.bindings.voice.iter().zip(&self.schedule.scenes);
        let duration = duration.rescaled_to(AUDIO_RATE);
        AudioPlan {
            duration,
            voice: spoken.filter(|_| speaks).map(clip).collect(),
            speech: if speaks { self.speech() } else { Vec::new() },
            music: music.map(|source| MusicClip {
                source,
                gain_mb: sound.music.gain_mb,
                fade_in_ms: sound.music.fade_in_ms,
                fade_out_ms: sound.music.fade_out_ms,
                once: sound.music.once,
            }),
            sounds: self.sounds(duration),
            ducking: sound.ducking,
            loudness: sound.loudness,
        }
    }

    fn rate(&self) -> FrameRate {
        self.template.canvas.frame_rate
    }

    /// The spans in which somebody speaks: words that touch or overlap become one.
    fn speech(&self) -> Vec<TimeRange> {
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for (scene, placed) in self.bindings.voice.iter().zip(&self.schedule.scenes) {
            let offset = samples(placed.audio_start, self.rate()).value;
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

    fn sounds(&self, duration: RationalTime) -> Vec<SoundClip> {
        let mut sounds = match self.template.sound.clips_gain_mb {
            Some(gain_mb) => self.clips(gain_mb),
            None => Vec::new(),
        };
        for track in &self.template.sound.effects {
            sounds.extend(self.effects(track));
        }
        sounds.retain(|sound| sound.start.value < duration.value);
        // Stable: sounds of one moment keep the order of the document.
        sounds.sort_by_key(|sound| sound.start.value);
        sounds
    }

    /// The sound of every clip that has one, cut like its picture; where pictures blend, so do sounds.
    fn clips(&self, gain_mb: i32) -> Vec<SoundClip> {
        let mut sounds: Vec<SoundClip> = Vec::new();
        let children = &self.picture.children;
        let blend = |at: Option<&TrackItem>| match at {
            Some(TrackItem::Transition(blend)) => blend.out_offset.value,
            _ => 0,
        };
        let mut start = 0;
        for (at, child) in children.iter().enumerate() {
            let frames = match child {
                TrackItem::Clip(clip) => clip.source_range.duration.value,
                TrackItem::Gap(gap) => gap.duration.value,
                TrackItem::Transition(_) => continue,
            };
            if let TrackItem::Clip(clip) = child {
                let before = at.checked_sub(1).and_then(|before| children.get(before));
                let blends = (blend(before), blend(children.get(at + 1)));
                if let Some(sound) = self.clip_sound(clip, (start, frames), blends) {
                    join_or_push(&mut sounds, SoundClip { gain_mb, ..sound });
                }
            }
            start += frames;
        }
        sounds
    }

    fn clip_sound(
        &self,
        clip: &Clip,
        (start, frames): (i64, i64),
        (blend_in, blend_out): (i64, i64),
    ) -> Option<SoundClip> {
        let MediaReference::External(file) = &clip.media else {
            return None;
        };
        if file.facts.kind != MediaKind::Video || file.facts.audio_codec.is_none() {
            return None;
        }
        let rate = self.rate();
        let fade = |frames: i64| {
            let ms = RationalTime::new(frames, rate).to_millis();
            u32::try_from(ms).unwrap_or(0).max(CLICK_MS)
        };
        let (from, to) = (
            samples(start, rate),
            samples(start + frames + blend_out, rate),
        );
        Some(SoundClip {
            source: file.source,
            role: SoundRole::Clip,
            start: from,
            from: samples(clip.source_range.first(), rate),
            length: Some(RationalTime::new(to.value - from.value, AUDIO_RATE)),
            gain_mb: 0,
            fade_in_ms: fade(blend_in),
            fade_out_ms: fade(blend_out),
            speed_pm: clip.effects.speed_pm,
            trimmed: false,
        })
    }

    /// An effect at every one of its moments.
    fn effects(&self, track: &EffectTrack) -> Vec<SoundClip> {
        let Some(source) = self.bindings.effects.get(&track.source) else {
            return Vec::new();
        };
        if !heard(&track.only_if, self.facts) {
            return Vec::new();
        }
        let lead = i64::from(track.lead_ms) * AUDIO_RATE.as_f64() as i64 / 1000;
        let moments = self.moments(track.at).into_iter();
        moments
            .map(|frame| {
                let wanted = samples(frame, self.rate()).value - lead;
                SoundClip {
                    source: *source,
                    role: SoundRole::Effect,
                    start: RationalTime::new(wanted.max(0), AUDIO_RATE),
                    // What would begin before the cut loses its beginning, so that its moment stays where it is.
                    from: RationalTime::new((-wanted).max(0), AUDIO_RATE),
                    length: None,
                    gain_mb: track.gain_mb,
                    fade_in_ms: track.fade_in_ms,
                    fade_out_ms: track.fade_out_ms,
                    speed_pm: None,
                    trimmed: false,
                }
            })
            .collect()
    }

    /// The frames of a kind of moment, in order.
    fn moments(&self, moment: Moment) -> Vec<i64> {
        let shots = self.shots.iter();
        match moment {
            Moment::Start => vec![0],
            Moment::Cut => shots.skip(1).map(|shot| shot.start).collect(),
            Moment::Transition => {
                let mut at = 0;
                let mut found = Vec::new();
                for child in &self.picture.children {
                    match child {
                        TrackItem::Clip(clip) => at += clip.source_range.duration.value,
                        TrackItem::Gap(gap) => at += gap.duration.value,
                        TrackItem::Transition(_) => found.push(at),
                    }
                }
                found
            }
            Moment::Scene => shots
                .filter(|shot| !shot.begins.is_empty())
                .map(|shot| shot.start)
                .collect(),
            Moment::Chapter => self.chapters(),
            Moment::Emphasis => self.emphasised(),
        }
    }

    fn chapters(&self) -> Vec<i64> {
        let named = |scene: &usize| {
            let name = &self.schedule.scenes[*scene].name;
            self.bindings.chapters.contains(name)
        };
        let begins = |shot: &&Shot| shot.begins.clone().any(|scene| named(&scene));
        self.shots
            .iter()
            .filter(begins)
            .map(|shot| shot.start)
            .collect()
    }

    /// Where a word that the script emphasises begins to be said.
    fn emphasised(&self) -> Vec<i64> {
        let scenes = self.schedule.scenes.iter();
        scenes
            .flat_map(|scene| {
                let meant = |text: &str| scene.emphasis.contains(&bare(text));
                scene
                    .words
                    .iter()
                    .filter(move |word| meant(&word.text))
                    .map(|word| word.start)
            })
            .collect()
    }
}

/// Whether a template has something to do with chapters.
pub(crate) fn marks_chapters(template: &Template) -> bool {
    let rules = &template.transitions.rules;
    let effects = &template.sound.effects;
    rules.iter().any(|rule| rule.at == Boundary::Chapter)
        || effects.iter().any(|track| track.at == Moment::Chapter)
}

/// A sound that goes on where the one before it ends is one sound: no fade is heard inside it.
fn join_or_push(sounds: &mut Vec<SoundClip>, next: SoundClip) {
    let end = |sound: &SoundClip, from: RationalTime| {
        from.value + sound.length.map_or(0, |length| length.value)
    };
    // A recording at another speed is read from whole frames of its own: a frame apart is the same place.
    let (apart, frame) = (1, AUDIO_RATE.as_f64() as u64 / 24);
    let near = |sound: &SoundClip| {
        if sound.speed_pm.is_some() {
            frame
        } else {
            apart
        }
    };
    let read_to = |sound: &SoundClip| {
        let length = sound.length.map_or(0, |length| length.value);
        sound.from.value + sound.taken(length.unsigned_abs()) as i64
    };
    match sounds.last_mut() {
        Some(last)
            if last.source == next.source
                && last.speed_pm == next.speed_pm
                && last.fade_out_ms == CLICK_MS
                && next.fade_in_ms == CLICK_MS
                && end(last, last.start) == next.start.value
                && read_to(last).abs_diff(next.from.value) <= near(last) =>
        {
            let length = end(&next, next.start) - last.start.value;
            last.length = Some(RationalTime::new(length, AUDIO_RATE));
            last.fade_out_ms = next.fade_out_ms;
        }
        _ => sounds.push(next),
    }
}

fn samples(frame: i64, rate: FrameRate) -> RationalTime {
    RationalTime::new(frame, rate).rescaled_to(AUDIO_RATE)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bindings_with, cut, digest, scene, video};
    use super::*;
    use crate::template::{Bindings, parse};
    use crate::timeline::Timeline;

    fn timeline(more: &str, change: impl FnOnce(&mut Bindings)) -> Timeline {
        let takes_effect = more.contains("sfx");
        let declared = if takes_effect {
            "placeholders: {pop: {type: audio, optional: true}}, "
        } else {
            ""
        };
        let text = format!("{{fenta: template/v1, name: t, extends: footage, {declared}{more}}}");
        let template = parse(&text, &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"));
        let mut bindings = bindings_with(vec![scene("a", 12), scene("b", 14), scene("c", 9)]);
        bindings.clips = vec![video(1, 60_000), video(2, 60_000), video(3, 60_000)];
        for clip in &mut bindings.clips {
            if let MediaReference::External(file) = &mut clip.media {
                file.facts.audio_codec = Some("aac".into());
            }
        }
        if takes_effect {
            bindings.effects.insert("pop".into(), digest(77));
        }
        change(&mut bindings);
        cut(&template, &bindings)
    }

    const POP: &str = "{id: pop, kind: audio, role: sfx, source: '${{ pop }}'";

    // spec: T-55
    #[test]
    fn the_sound_of_clips_is_cut_like_their_pictures() {
        let silent = timeline("audio: {clips: mute}", |_| ());
        assert!(silent.audio.sounds.is_empty());
        let kept = timeline("audio: {clips: keep, clips_gain: -9}", |_| ());
        let sounds = &kept.audio.sounds;
        assert!(!sounds.is_empty());
        let rate = kept.canvas.frame_rate;
        for sound in sounds {
            assert_eq!((sound.role, sound.gain_mb), (SoundRole::Clip, -900));
            let shown = kept.picture.clips().any(|(start, clip)| {
                samples(start, rate) == sound.start
                    && samples(clip.source_range.first(), rate) == sound.from
            });
            assert!(shown, "{sound:?}");
        }
        let heard: i64 = sounds.iter().map(|sound| sound.length.unwrap().value).sum();
        assert!(
            heard >= kept.audio.duration.value,
            "every clip is heard to its end"
        );
        let without = timeline("audio: {clips: keep}", |bindings| {
            for clip in &mut bindings.clips {
                if let MediaReference::External(file) = &mut clip.media {
                    file.facts.audio_codec = None;
                }
            }
        });
        assert!(without.audio.sounds.is_empty());
    }

    #[test]
    fn where_pictures_blend_sounds_do() {
        let blended = timeline(
            "audio: {clips: keep}, transitions: {default: {type: fade, duration: 300ms}}",
            |_| (),
        );
        let sounds = &blended.audio.sounds;
        let pairs: Vec<_> = sounds
            .windows(2)
            .filter(|pair| pair[1].fade_in_ms == 300)
            .collect();
        assert!(!pairs.is_empty(), "{sounds:?}");
        for pair in pairs {
            let end = pair[0].start.value + pair[0].length.unwrap().value;
            assert_eq!(pair[0].fade_out_ms, 300);
            assert_eq!(
                end - pair[1].start.value,
                14_400,
                "they sound together while both are seen"
            );
        }
        assert_eq!(sounds[0].fade_in_ms, CLICK_MS);
    }

    #[test]
    fn a_clip_that_goes_on_over_a_cut_is_one_sound() {
        let at = |value| RationalTime::new(value, AUDIO_RATE);
        let sound = |start, from| SoundClip {
            source: digest(1),
            role: SoundRole::Clip,
            start: at(start),
            from: at(from),
            length: Some(at(1600)),
            gain_mb: 0,
            fade_in_ms: CLICK_MS,
            fade_out_ms: CLICK_MS,
            speed_pm: None,
            trimmed: false,
        };
        let mut sounds = Vec::new();
        for next in [sound(0, 0), sound(1600, 1600), sound(3200, 0)] {
            join_or_push(&mut sounds, next);
        }
        let lengths: Vec<i64> = sounds.iter().map(|s| s.length.unwrap().value).collect();
        assert_eq!(lengths, [3200, 1600]);
    }

    // spec: T-56
    #[test]
    fn effects_stand_at_their_moments() {
        let of = |moment: &str| {
            let tracks = format!("tracks: [{POP}, at: {moment}, gain: -3}}]");
            timeline(&tracks, |bindings| {
                bindings.voice[1].emphasis = vec![bindings.voice[1].words[3].text.clone()];
            })
        };
        let places = |timeline: &Timeline| -> Vec<i64> {
            let sounds = timeline.audio.sounds.iter();
            sounds
                .inspect(|sound| assert_eq!((sound.role, sound.gain_mb), (SoundRole::Effect, -300)))
                .map(|sound| sound.start.rescaled_to(timeline.canvas.frame_rate).value)
                .collect()
        };
        let cuts = of("cut");
        let starts: Vec<i64> = cuts.picture.clips().map(|(start, _)| start).collect();
        assert!(places(&cuts).iter().all(|frame| starts.contains(frame)));
        assert_eq!(places(&cuts).len(), cuts.picture.clips().count() - 1);
        assert_eq!(places(&of("start")), [0]);
        let scenes = places(&of("scene"));
        assert_eq!((scenes.len(), scenes[0]), (3, 0));
        assert!(!places(&of("emphasis")).is_empty());
    }

    #[test]
    fn an_effect_with_a_lead_begins_before_its_moment() {
        let tracks = format!("tracks: [{POP}, at: start, lead: 100ms}}]");
        let early = timeline(&tracks, |_| ());
        let sound = &early.audio.sounds[0];
        assert_eq!((sound.start.value, sound.from.value), (0, 4800));
        let tracks = format!("tracks: [{POP}, at: cut, lead: 100ms}}]");
        let before = timeline(&tracks, |_| ());
        let second = before.picture.clips().nth(1).unwrap().0;
        let moment = samples(second, before.canvas.frame_rate).value;
        assert_eq!(before.audio.sounds[0].start.value, moment - 4800);
    }

    #[test]
    fn an_effect_is_only_heard_when_it_is_bound() {
        let tracks = format!("tracks: [{POP}, at: cut}}]");
        let none = timeline(&tracks, |bindings| bindings.effects.clear());
        assert!(none.audio.sounds.is_empty());
    }
}
