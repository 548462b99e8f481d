//! The rules of every template of the library over narrations of many lengths and languages: what must hold holds.

use proptest::prelude::*;

use super::testing::{bindings_with, builtin_template, cut, filled, generator, spoken, video};
use super::*;
use crate::timeline::{Timeline, TrackItem};

const ENGLISH: &str = "Bees never sleep at night. They stand still, legs folded, and dream of the long way home. \
                       A dancing bee points at the flowers with her body.";
const GERMAN: &str = "Bienen schlafen niemals in der Nacht. Sie stehen still, die Beine gefaltet, und träumen vom weiten \
                      Nachhauseweg. Die Tänzerin zeigt auf die Blütenstände.";
const JAPANESE: &str = "蜂 は 夜 に 眠り ません 。 じっと 立ち 、 足 を 畳み 、 長い 帰り道 の 夢 を 見ます 。 踊る 蜂 は 花 を 指します 。";

/// A narration of about as many seconds in a language, one scene per sentence.
fn narration(text: &str, seconds: u64) -> Vec<VoiceBinding> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut scenes: Vec<Vec<&str>> = vec![Vec::new()];
    // A synthetic word lasts 0.4 s.
    for word in words.iter().cycle().take((seconds * 10 / 4) as usize) {
        let scene = scenes
            .last_mut()
            .expect("a scene, because one was there from the start");
        scene.push(word);
        if word.ends_with(['.', '。']) {
            scenes.push(Vec::new());
        }
    }
    scenes
        .iter()
        .filter(|words| !words.is_empty())
        .enumerate()
        .map(|(at, words)| spoken(&format!("s{}", at + 1), words))
        .collect()
}

fn bound(template: &Template, text: &str, language: &str, (seconds, clips): (u64, u8)) -> Bindings {
    let voice = narration(text, seconds);
    Bindings {
        clips: (1..=clips).map(|byte| video(byte, 6_000)).collect(),
        captions: Some(CaptionBinding::spoken(&voice, language)),
        ..filled(template, bindings_with(voice))
    }
}

/// Captions in other words than the narration's: half as many again, each scene's time shared out by their letters, as
/// translated and imported captions have them. Few of them begin or end where a spoken word does.
fn other_captions(voice: &[VoiceBinding]) -> CaptionBinding {
    let said = GERMAN.split(' ').collect::<Vec<_>>();
    let scenes = voice.iter().enumerate().map(|(at, scene)| {
        let count = scene.words.len() * 3 / 2;
        let texts: Vec<&str> = said
            .iter()
            .cycle()
            .skip(at * 5)
            .take(count)
            .copied()
            .collect();
        let letters: usize = texts.iter().map(|text| text.len()).sum();
        let place = |done: usize| scene.samples * done as u64 / letters.max(1) as u64;
        let mut done = 0;
        texts
            .iter()
            .map(|text| {
                let start = place(done);
                done += text.len();
                VoiceWord {
                    text: (*text).to_owned(),
                    start,
                    end: place(done),
                }
            })
            .collect()
    });
    CaptionBinding {
        language: "de".into(),
        scenes: scenes.collect(),
    }
}

/// The words of the cues, one after the other.
fn shown(timeline: &Timeline) -> Vec<String> {
    let cues = timeline.captions.iter().flat_map(|track| &track.cues);
    cues.flat_map(|cue| &cue.words)
        .map(|word| word.text.clone())
        .collect()
}

/// The words that were bound as captions.
fn to_show(bindings: &Bindings) -> Vec<String> {
    let scenes = bindings.captions.iter().flat_map(|bound| &bound.scenes);
    scenes.flatten().map(|word| word.text.clone()).collect()
}

/// First frames of the shots; pieces of one clip that was shown again count as one.
fn cuts(timeline: &Timeline) -> Vec<i64> {
    let mut name = None;
    let mut cuts = Vec::new();
    for (start, clip) in timeline.picture.clips() {
        let media = Some((&clip.name, &clip.media));
        if name != media {
            cuts.push(start);
            name = media;
        }
    }
    cuts
}

/// Frames in which a word is spoken.
fn spoken_spans(bindings: &Bindings, timeline: &Timeline) -> Vec<(i64, i64)> {
    let rate = timeline.canvas.frame_rate;
    bindings
        .voice
        .iter()
        .zip(&timeline.audio.voice)
        .flat_map(|(scene, clip)| {
            let offset = clip.start.rescaled_to(rate).value;
            let at = move |samples: u64| {
                let time =
                    crate::time::RationalTime::new(samples as i64, crate::timeline::AUDIO_RATE);
                offset + time.rescaled_to(rate).value
            };
            scene
                .words
                .iter()
                .map(move |word| (at(word.start), at(word.end)))
        })
        .collect()
}

fn assert_rules(template: &Template, bindings: &Bindings, timeline: &Timeline) {
    let name = template.name();
    let total: i64 = timeline
        .picture
        .children
        .iter()
        .map(|child| match child {
            TrackItem::Clip(clip) => clip.source_range.duration.value,
            TrackItem::Gap(_) => panic!("{name}: a hole in the picture"),
            TrackItem::Transition(_) => 0,
        })
        .sum();
    assert_eq!(
        total, timeline.duration.value,
        "{name}: shots tile the timeline"
    );
    for cut in cuts(timeline) {
        let inside = spoken_spans(bindings, timeline)
            .into_iter()
            .find(|(start, end)| (start + 1..*end).contains(&cut));
        assert_eq!(inside, None, "{name}: a cut at {cut} inside a word");
    }
    for cue in timeline.captions.iter().flat_map(|track| &track.cues) {
        for word in &cue.words {
            assert!(cue.range.first() <= word.range.first() && word.range.end() <= cue.range.end());
        }
    }
    assert!(
        template.captions.is_none() || shown(timeline) == to_show(bindings),
        "{name}: every word of the captions is seen once"
    );
}

// spec: T-27, T-28, T-36, T-42
#[test]
fn the_same_rules_serve_every_length_language_and_number_of_clips() {
    for name in builtin_names() {
        let template = builtin_template(name);
        for (text, language) in [(ENGLISH, "en"), (GERMAN, "de"), (JAPANESE, "ja")] {
            for size in [(15, 3), (15, 14), (90, 3), (90, 14)] {
                let bindings = bound(&template, text, language, size);
                let timeline = cut(&template, &bindings);
                assert_rules(&template, &bindings, &timeline);
                let seconds = timeline.duration.as_seconds();
                let wanted = size.0 as f64;
                assert!(
                    (wanted * 0.8..wanted * 1.4).contains(&seconds),
                    "{name}: {seconds} s"
                );
                let other = Bindings {
                    captions: Some(other_captions(&bindings.voice)),
                    ..bindings.clone()
                };
                let translated = cut(&template, &other);
                assert_rules(&template, &other, &translated);
                assert_eq!(translated.picture, timeline.picture, "{name}");
                assert_eq!(translated.audio, timeline.audio, "{name}");
            }
        }
    }
}

// spec: T-29
#[test]
fn the_first_shot_is_a_hook() {
    for name in builtin_names() {
        let template = builtin_template(name);
        let bindings = bound(&template, ENGLISH, "en", (40, 9));
        let timeline = cut(&template, &bindings);
        let first = cuts(&timeline)
            .get(1)
            .copied()
            .unwrap_or(timeline.duration.value);
        let hook = edit_rules::frames(template.rules.hook_max_ms, timeline.canvas.frame_rate);
        // A word (12 frames here) may have to end first.
        assert!(first <= hook + 12, "{name}: {first} frames, {hook} allowed");
    }
}

// spec: T-32
#[test]
fn footage_comes_back_only_when_there_is_no_other() {
    let text = "{fenta: template/v1, name: sparing, extends: footage, rules: {reuse: {max_times: 2, min_gap: 8s}}}";
    let template = parse(text, &|_| None).unwrap();
    let enough = bound(&template, ENGLISH, "en", (30, 14));
    let timeline = cut(&template, &enough);
    let mut seen: std::collections::BTreeMap<String, Vec<i64>> = std::collections::BTreeMap::new();
    for (start, clip) in timeline.picture.clips() {
        let key = serde_json::to_string(&clip.media).unwrap();
        seen.entry(key).or_default().push(start);
    }
    assert!(seen.values().all(|starts| starts.len() <= 2), "{seen:?}");
    let few = bound(&template, ENGLISH, "en", (90, 3));
    let notes = cut(&template, &few).notes;
    assert!(
        notes.iter().any(|note| note.starts_with("reuse.max_times")),
        "{notes:?}"
    );
}

// spec: T-48
#[test]
fn chapters_and_scenes_begin_once_where_shots_are_even() {
    let blended = |rules: &str, chapters: &[&str]| {
        let text = format!(
            "{{fenta: template/v1, name: even, extends: daily, rules: {{coverage: even}}, transitions: {{use: [{rules}]}}}}"
        );
        let template = parse(&text, &|_| None).unwrap();
        let voice =
            (1..=6).map(|at| spoken(&format!("s{at}"), &ENGLISH.split(' ').collect::<Vec<_>>()));
        let mut bindings = bindings_with(voice.collect());
        bindings.chapters = chapters.iter().map(|id| (*id).to_owned()).collect();
        let timeline = cut(&template, &bindings);
        let spans = timeline.picture.children.iter();
        let blends = spans.filter(|child| matches!(child, TrackItem::Transition(_)));
        (blends.count(), cuts(&timeline).len())
    };
    let (chapters, shots) = blended("{type: fade, at: chapter}", &["s2", "s5"]);
    assert_eq!(chapters, 2, "one blend for each chapter, of {shots} shots");
    assert!(shots > 12, "{shots}");
    let (scenes, _) = blended("{type: fade, at: scene}", &[]);
    assert_eq!(scenes, 5, "every scene but the first begins with one");
    let (splits, _) = blended("{type: fade, at: split}", &[]);
    assert_eq!(splits, shots - 1 - 5, "all other cuts");
}

// spec: T-35
#[test]
fn a_cut_is_as_long_as_the_canvas_allows() {
    let with = |canvas: &str| {
        let text =
            format!("{{fenta: template/v1, name: long, extends: daily, canvas: {{{canvas}}}}}");
        parse(&text, &|_| None).unwrap()
    };
    let bindings = bindings_with(narration(ENGLISH, 10));
    let timeline = cut(&with("min_duration: 20s"), &bindings);
    assert_eq!(timeline.duration.value, 600);
    let short = with("max_duration: 5s");
    let fonts = short.font_requests_for(&bindings);
    let fonts = fonts
        .iter()
        .map(|face| testing::face(&face.family, face.weight));
    let bindings = Bindings {
        fonts: fonts.collect(),
        ..bindings
    };
    let refused = instantiate(&short, &bindings).unwrap_err();
    assert_eq!(refused[0].path, "canvas.max_duration");
    assert!(
        refused[0].message.contains("more than the template's 5s"),
        "{refused:?}"
    );
}

// spec: T-45, T-46
#[test]
fn tracks_are_heard_and_seen_only_if_their_condition_holds() {
    let text = "
fenta: template/v1
name: conditional
extends: daily
placeholders: { mode: { type: text, default: loud } }
tracks:
  - { id: vo, if: \"${{ mode != 'mute' }}\", gain: -3 }
  - { id: bed, if: \"${{ mode == 'music' }}\" }
  - { id: subs, if: \"${{ mode != 'music' }}\" }
  - { id: brand, if: \"${{ mode != 'bare' }}\" }
";
    let template = parse(text, &|_| None).unwrap();
    let in_mode = |mode: &str| {
        let mut bindings = bindings_with(narration(ENGLISH, 8));
        bindings.music = Some(testing::digest(6));
        bindings.texts.insert("mode".into(), mode.into());
        bindings.texts.insert("title".into(), "Bees".into());
        cut(&template, &bindings)
    };
    let loud = in_mode("loud");
    assert_eq!(loud.audio.voice[0].gain_mb, -300);
    assert!(loud.audio.music.is_none() && loud.captions.is_some());
    assert_eq!(loud.overlays.len(), 1);
    let mute = in_mode("mute");
    assert!(mute.audio.voice.is_empty() && mute.audio.speech.is_empty());
    assert!(in_mode("music").audio.music.is_some() && in_mode("music").captions.is_none());
    assert!(in_mode("bare").overlays.is_empty());
}

// spec: T-33
#[test]
fn a_loop_ends_with_what_it_began() {
    let text = "{fenta: template/v1, name: loop, extends: daily, rules: {loop_safe: true, cut_on: [beat]}}";
    let template = parse(text, &|_| None).unwrap();
    let mut bindings = bindings_with(narration(ENGLISH, 12));
    bindings.clips = (1..=4).map(generator).collect();
    bindings.beats = (0..40).map(|beat| beat * 500).collect();
    let timeline = cut(&template, &bindings);
    let clips: Vec<_> = timeline.picture.clips().map(|(_, clip)| clip).collect();
    let (first, last) = (clips[0], clips[clips.len() - 1]);
    assert_eq!(first.media, last.media);
    assert_eq!(first.source_range.first(), last.source_range.end());
    assert_eq!(timeline.duration.value % 15, 0, "it ends on a beat");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // spec: T-27, T-28, T-38
    #[test]
    fn any_narration_keeps_the_rules(
        lengths in prop::collection::vec(1usize..40, 1..9),
        clips in 1u8..15,
        seed: u64,
        name in prop::sample::select(builtin_names().to_vec()),
    ) {
        let template = builtin_template(name);
        let words: Vec<&str> = ENGLISH.split(' ').collect();
        let voice = lengths.iter().enumerate().map(|(at, count)| {
            let said: Vec<&str> = words.iter().cycle().skip(at * 3).take(*count).copied().collect();
            spoken(&format!("s{at}"), &said)
        });
        let voice: Vec<VoiceBinding> = voice.collect();
        let bindings = Bindings {
            clips: (1..=clips).map(|byte| video(byte, 1_000 + 700 * i64::from(byte))).collect(),
            seed,
            captions: Some(other_captions(&voice)),
            ..filled(&template, bindings_with(voice))
        };
        let timeline = cut(&template, &bindings);
        assert_rules(&template, &bindings, &timeline);
        prop_assert_eq!(&timeline, &cut(&template, &bindings), "the same again");
    }
}
