//! The whole way from template text to segments: the library, locality of edits, and a golden timeline.

use proptest::prelude::*;

use super::testing::{bindings_with, builtin_template, cut, face, generator, scene, still, video};
use super::*;
use crate::digest::Digest;
use crate::timeline::{
    CaptionTrack, MediaReference, OverlayContent, Rect, SegmentSpec, Timeline, TrackItem,
};

/// A template that differs from `daily` only in hard cuts.
const HARD: &str =
    "fenta: template/v1\nname: hard\nextends: daily\ntransitions: {default: cut, use: null}";

fn parsed(text: &str) -> Template {
    parse(text, &|_| None).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let found = parse(text, &|_| None).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

fn voice(counts: &[u64]) -> Vec<VoiceBinding> {
    (0u8..)
        .zip(counts)
        .map(|(at, count)| scene(&char::from(b'a' + at).to_string(), *count))
        .collect()
}

fn image(byte: u8) -> ImageBinding {
    ImageBinding {
        source: testing::digest(byte),
        width: 640,
        height: 360,
    }
}

/// Everything a library template takes.
fn full_bindings(counts: &[u64]) -> Bindings {
    let mut bindings = bindings_with(voice(counts));
    bindings.clips = vec![video(1, 9_000), still(2), generator(3), video(4, 2_000)];
    bindings
        .texts
        .insert("title".into(), "Why bees dance".into());
    bindings.images.insert("logo".into(), image(5));
    bindings.music = Some(testing::digest(6));
    bindings
}

/// Everything but texts and pictures, which every template has its own of.
fn library_bindings(counts: &[u64]) -> Bindings {
    Bindings {
        texts: std::collections::BTreeMap::new(),
        images: std::collections::BTreeMap::new(),
        ..full_bindings(counts)
    }
}

/// Segments with the name of the scene they belong to.
fn segments_by_scene(timeline: &Timeline) -> Vec<(String, SegmentSpec)> {
    let mut at = 0;
    timeline
        .segments()
        .into_iter()
        .map(|segment| {
            let (_, clip) = timeline
                .picture
                .clips()
                .filter(|(start, _)| *start <= at)
                .last()
                .unwrap();
            at += i64::from(segment.frames);
            (clip.name.clone(), segment)
        })
        .collect()
}

fn without(segments: &[(String, SegmentSpec)], scene: &str) -> Vec<SegmentSpec> {
    segments
        .iter()
        .filter(|(name, _)| name != scene)
        .map(|(_, segment)| segment.clone())
        .collect()
}

#[test]
fn library_templates_cut_everything_they_are_given() {
    for name in builtin_names() {
        let template = builtin_template(name);
        assert_eq!(template.name(), *name);
        for counts in [&[3][..], &[7, 9, 30, 1, 6], &[]] {
            let mut bindings = testing::filled(&template, library_bindings(counts));
            bindings.captions =
                (!counts.is_empty()).then(|| CaptionBinding::spoken(&bindings.voice, "en"));
            let timeline = cut(&template, &bindings);
            assert_eq!(timeline.picture.frames(), timeline.duration.value);
            assert_eq!(
                timeline.audio.duration.value * 30,
                timeline.duration.value * 48_000
            );
            let shows = bindings.captions.is_some() && template.captions.is_some();
            assert_eq!(timeline.captions.is_some(), shows);
            let texts = timeline.overlays.iter();
            let texts = texts.filter(|overlay| matches!(overlay.content, OverlayContent::Text(_)));
            assert!(texts.count() >= 1, "{name}");
            assert_eq!(template.warnings(), [], "{name}");
            assert!(timeline.audio.music.is_some());
            let frames: u32 = timeline.segments().iter().map(|s| s.frames).sum();
            assert_eq!(i64::from(frames), timeline.duration.value);
        }
    }
}

#[test]
fn library_templates_stay_inside_the_safe_zone() {
    for name in builtin_names() {
        let template = builtin_template(name);
        let bindings = testing::filled(&template, library_bindings(&[6, 8]));
        let timeline = cut(&template, &bindings);
        let zone = template.safe_zone();
        for overlay in &timeline.overlays {
            let to_be_read = matches!(
                overlay.content,
                OverlayContent::Text(_) | OverlayContent::Image(_)
            );
            assert!(
                !to_be_read || zone.contains(&timeline.canvas, &overlay.rect),
                "{name}: {overlay:?}"
            );
        }
        let Some(style) = timeline.captions.map(|track| track.style) else {
            continue;
        };
        let height = u32::from(style.size) * u32::from(style.max_lines) * 13 / 10;
        let block = Rect {
            x: style.x - i32::from(style.max_width) / 2,
            y: style.y - height as i32 / 2,
            w: u32::from(style.max_width),
            h: height,
        };
        assert!(zone.contains(&timeline.canvas, &block), "{name}: {block:?}");
        // Captions and the texts that stand as long as they do never cover each other.
        for overlay in &timeline.overlays {
            let apart = overlay.rect.y + overlay.rect.h as i32 <= block.y
                || overlay.rect.y >= block.y + block.h as i32;
            let stays = overlay.range.duration.value * 2 > timeline.duration.value;
            let text = matches!(overlay.content, OverlayContent::Text(_));
            assert!(
                !(stays && text) || apart,
                "{name}: {overlay:?} over {block:?}"
            );
        }
    }
}

#[test]
fn fonts_are_asked_for_by_what_is_written() {
    let template = builtin_template("daily");
    let mut bindings = full_bindings(&[5]);
    let families = |requests: Vec<FontRequest>| -> Vec<String> {
        requests.into_iter().map(|request| request.family).collect()
    };
    assert_eq!(families(template.font_requests()), ["Inter"]);
    bindings.texts.insert("title".into(), "Bees 🐝".into());
    bindings.captions.as_mut().unwrap().scenes[0][0].text = "日本".into();
    assert_eq!(
        families(template.font_requests_for(&bindings)),
        ["Inter", "Noto Color Emoji", "Noto Sans CJK JP"]
    );
    bindings.fonts = vec![face("Inter", 800)];
    let missing = instantiate(&template, &bindings).unwrap_err();
    assert_eq!(missing.len(), 2);
    assert!(missing[0].message.contains("Noto Color Emoji:400"));
}

// spec: T-16
#[test]
fn bindings_that_do_not_fit_are_all_explained() {
    let template = parsed(
        "{fenta: template/v1, name: strict, extends: daily, placeholders: {clips: {min: 2}, \
         kicker: {type: text, max_chars: 4}, voice: {optional: false}}}",
    );
    let mut bindings = bindings_with(Vec::new());
    bindings.clips.truncate(1);
    bindings.fonts = vec![face("Inter", 800)];
    bindings.texts.insert("titel".into(), "x".into());
    bindings.texts.insert("kicker".into(), "12345".into());
    bindings
        .colors
        .insert("logo".into(), crate::color::Color::WHITE);
    bindings.captions = Some(CaptionBinding::default());
    let found = instantiate(&template, &bindings).unwrap_err();
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    for part in [
        "clips: got 1 clips, needs at least 2",
        "voice: nothing is bound",
        "kicker: the text has 5 characters, more than 4",
        "titel: the template `strict` has no such placeholder; did you mean `title`",
        "logo: got color, but the placeholder is image",
        "captions: there is no voice to caption",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 6);
}

#[test]
fn voices_that_make_no_sense_are_refused() {
    let template = builtin_template("daily");
    let refused = |change: fn(&mut VoiceBinding)| {
        let mut bindings = bindings_with(voice(&[5]));
        bindings.fonts = vec![face("Inter", 800)];
        change(&mut bindings.voice[0]);
        instantiate(&template, &bindings).unwrap_err()[0].to_string()
    };
    assert!(refused(|v| v.samples = 0).contains("empty"));
    assert!(refused(|v| v.words[2].end = u64::MAX).starts_with("voice[a].words[2]"));
    assert!(refused(|v| v.words.swap(1, 3)).contains("out of order"));
    assert!(refused(|v| v.words[0].text.clear()).contains("words[0]"));
    assert!(refused(|v| v.samples = u64::MAX).contains("more than 1800 s"));
}

#[test]
fn a_template_without_clips_shows_nothing() {
    let mut bindings = bindings_with(voice(&[5]));
    bindings.clips.clear();
    bindings.fonts = vec![face("Inter", 800)];
    let found = instantiate(&builtin_template("daily"), &bindings).unwrap_err();
    assert!(found[0].message.contains("nothing is bound"));
}

#[test]
fn extending_changes_one_thing_and_keeps_the_rest() {
    let base = builtin_template("daily");
    let brand = parsed(
        "{fenta: template/v1, name: brand, extends: daily, tracks: [{id: subs, style: {size: 90}}, \
         {id: brand, items: [{id: logo, remove: true}]}]}",
    );
    let bindings = full_bindings(&[6]);
    let (before, after) = (cut(&base, &bindings), cut(&brand, &bindings));
    assert_eq!(after.captions.as_ref().unwrap().style.size, 90);
    let ids: Vec<&str> = after.overlays.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, ["title"]);
    assert_eq!(before.picture, after.picture);
    assert_eq!(after.template.name, "brand");
}

#[test]
fn everything_wrong_with_a_document_is_said_at_once() {
    let found = problems(
        "{fenta: template/v2, name: my template, canvas: {width: 1081, fps: 5, min_duration: 3}, \
         safe_zone: universl, colour: red, profiles: {a: {}}, placeholders: {clips: {type: 'media[]'}}, \
         tracks: [{id: a, kind: video, source: '${{ clip }}'}, {id: b, kind: audio}, {id: c, kind: subtitles}, \
         {id: d, kind: overlay, items: [{id: x, type: shape, style: {fill: '#000000'}}]}, \
         {id: e, kind: overlay, items: [{id: x, type: shape, style: {fill: '#000000'}}]}]}",
    );
    for part in [
        "fenta: `template/v2`",
        "name: `my template`",
        "canvas.width: is 1081, which is odd",
        "canvas.fps: is not a frame rate",
        "canvas.min_duration: is a number, expected a duration; write it with its unit",
        "safe_zone: `universl` is not one of its values; did you mean `universal`",
        "colour: is not a key here",
        "profiles.a.width: is missing",
        "profiles.a.height: is missing",
        "tracks[a].source: there is no placeholder `clip`; did you mean `clips`",
        "tracks[b].role: is missing",
        "tracks[b].source: is missing",
        "tracks[c].source: is missing",
        "tracks[c].style: is missing",
        "tracks: has two items with the id `x`",
    ] {
        assert!(
            found.iter().any(|line| line.contains(part)),
            "{part}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 15, "{found:#?}");
}

// spec: T-1
#[test]
fn a_template_needs_its_header_and_one_picture() {
    let found = problems("{name: x}");
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("fenta: is missing"))
    );
    assert!(found.iter().any(|line| line.contains("0 video tracks")));
    assert!(problems("fenta: workflow/v1")[0].contains("workflow"));
    assert!(problems("7")[0].contains("not a map"));
}

#[test]
fn a_small_template_is_enough() {
    let template = parsed(
        "{fenta: template/v1, name: tiny, canvas: {width: 720, height: 1280, fps: 30000/1001}, \
         placeholders: {clips: {type: 'media[]'}}, tracks: [{id: main, kind: video, source: '${{ clips }}'}]}",
    );
    let mut bindings = bindings_with(Vec::new());
    bindings.clips = vec![video(1, 60_000), still(2)];
    let timeline = cut(&template, &bindings);
    assert_eq!(timeline.canvas.frame_rate.to_string(), "30000/1001");
    assert_eq!(timeline.duration.value, 84 * 2);
    assert!(timeline.fonts.is_empty() && timeline.captions.is_none());
    assert_eq!(
        timeline.audio.duration.value, 269_069,
        "168 frames, to the nearest sample"
    );
}

#[test]
fn changing_a_word_without_changing_its_time_changes_only_where_it_is_seen() {
    let template = builtin_template("daily");
    let bindings = full_bindings(&[6, 14, 7]);
    let mut edited = bindings.clone();
    edited.captions.as_mut().unwrap().scenes[1][6].text = "other".into();
    let (before, after) = (cut(&template, &bindings), cut(&template, &edited));
    let shows = |segment: &SegmentSpec| {
        let cues = segment.captions.iter().flat_map(|track| &track.cues);
        cues.flat_map(|cue| &cue.words)
            .any(|word| word.text == "other")
    };
    let (old, new) = (before.segments(), after.segments());
    assert_eq!(old.len(), new.len());
    let changed = new.iter().filter(|segment| shows(segment)).count();
    assert!((1..=2).contains(&changed));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old == new, !shows(new));
    }
}

#[test]
fn a_scene_added_at_the_end_leaves_the_others_alone() {
    let template = parsed(HARD);
    let before = segments_by_scene(&cut(&template, &bindings_with(voice(&[6, 7, 8]))));
    let after = segments_by_scene(&cut(&template, &bindings_with(voice(&[6, 7, 8, 6]))));
    let kept = without(&before, "c");
    assert_eq!(kept[..], without(&after, "d")[..kept.len()]);
}

#[test]
fn a_scene_inserted_with_its_clip_leaves_the_others_alone() {
    let template = parsed(HARD);
    let mut bindings = bindings_with(voice(&[6, 7, 8]));
    bindings.clips = vec![video(1, 30_000), generator(2), generator(3)];
    let mut more = bindings.clone();
    more.clips.insert(1, video(9, 20_000));
    more.voice.insert(1, scene("z", 9));
    more.captions = Some(CaptionBinding::spoken(&more.voice, "en"));
    let before = segments_by_scene(&cut(&template, &bindings));
    let after = segments_by_scene(&cut(&template, &more));
    // Procedural pictures keep their seeds; only stills' directions and punch-ins count scenes, and there are none here.
    assert_eq!(
        before.iter().map(|(_, s)| s).collect::<Vec<_>>(),
        after
            .iter()
            .filter(|(name, _)| name != "z")
            .map(|(_, s)| s)
            .collect::<Vec<_>>()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // spec: T-37
    #[test]
    fn editing_one_scene_leaves_the_segments_of_all_others_equal(
        counts in prop::collection::vec(5u64..25, 2..7),
        at in 0usize..7,
        new in 5u64..25,
    ) {
        let at = at % counts.len();
        let mut edited = counts.clone();
        edited[at] = new;
        let name = char::from(b'a' + at as u8).to_string();
        let hard = parsed(HARD);
        let run = |counts: &[u64]| {
            let mut bindings = bindings_with(voice(counts));
            bindings.clips = vec![video(1, 40_000), still(2), generator(3)];
            bindings
        };
        let before = segments_by_scene(&cut(&hard, &run(&counts)));
        let after = segments_by_scene(&cut(&hard, &run(&edited)));
        prop_assert_eq!(without(&before, &name), without(&after, &name));

        // With cross-fades the next scene's first piece shows the end of the edited one, and nothing else does.
        let soft = builtin_template("daily");
        let before = without(&segments_by_scene(&cut(&soft, &run(&counts))), &name);
        let after = without(&segments_by_scene(&cut(&soft, &run(&edited))), &name);
        prop_assert_eq!(before.len(), after.len());
        let changed = before.iter().zip(&after).filter(|(old, new)| old != new).count();
        prop_assert!(changed <= 1, "{changed} segments of other scenes changed");
    }

    #[test]
    fn any_voice_makes_a_sound_timeline(
        scenes in prop::collection::vec(prop::collection::vec((0u64..40_000, 1u64..60_000), 0..20), 1..8),
        gap_ms in 0u32..1500,
        name in prop::sample::select(builtin_names().to_vec()),
    ) {
        let voice: Vec<VoiceBinding> = scenes.iter().enumerate().map(|(index, words)| {
            let mut at = 0;
            let words: Vec<VoiceWord> = words.iter().enumerate().map(|(number, (pause, length))| {
                let start = at + pause;
                at = start + length;
                VoiceWord { text: format!("w{number}"), start, end: at }
            }).collect();
            VoiceBinding { id: format!("s{index}"), source: testing::digest(index as u8), samples: at + 1, words, emphasis: Vec::new() }
        }).collect();
        let script: Vec<String> = voice.iter().flat_map(|s| &s.words).map(|w| w.text.clone()).collect();
        let starts: Vec<u64> = voice.iter().map(|s| s.samples).collect();
        let template = builtin_template(name);
        let bindings = Bindings { gap_ms, ..testing::filled(&template, bindings_with(voice)) };
        // `cut` validates: tiling, order, ranges, audio length.
        let timeline = cut(&template, &bindings);
        let shown: Vec<String> = timeline.captions.iter().flat_map(|t: &CaptionTrack| &t.cues)
            .flat_map(|cue| &cue.words).map(|w| w.text.clone()).collect();
        prop_assert!(template.captions.is_none() || shown == script);
        for (pair, samples) in timeline.audio.voice.windows(2).zip(starts) {
            prop_assert!(pair[1].start.value - pair[0].start.value >= samples as i64, "recordings do not overlap");
            prop_assert_eq!(pair[1].start.value % 1600, 0, "scenes start on the frame grid");
        }
        let frames: i64 = timeline.segments().iter().map(|s| i64::from(s.frames)).sum();
        prop_assert_eq!(frames, timeline.duration.value);
    }
}

#[test]
fn the_golden_timeline_is_unchanged() {
    let mut bindings = bindings_with(vec![
        testing::spoken("s1", &["Bees", "never", "sleep", "at", "night."]),
        testing::spoken(
            "s2",
            &[
                "They", "stand", "still,", "legs", "folded,", "and", "dream.",
            ],
        ),
    ]);
    bindings.clips = vec![video(1, 12_000), still(2)];
    bindings
        .texts
        .insert("title".into(), "Do bees sleep?".into());
    bindings.music = Some(Digest {
        hash: [7; 32],
        size: 7,
    });
    let timeline = cut(&builtin_template("footage"), &bindings);
    let json = serde_json::to_string_pretty(&timeline).unwrap();
    let golden = include_str!("../../tests/golden/footage.json");
    assert_eq!(
        json.trim(),
        golden.trim(),
        "the timeline changed; if that is meant, the golden file becomes:\n{json}"
    );
    let back: Timeline = serde_json::from_str(golden).unwrap();
    assert_eq!(back, timeline);
    assert_eq!(back.validate(), Ok(()));
}

/// The narration, clips and music of the golden cuts.
fn golden_bindings() -> Bindings {
    let mut bindings = bindings_with(vec![
        testing::spoken("s1", &["Bees", "never", "sleep", "at", "night."]),
        testing::spoken(
            "s2",
            &[
                "They", "stand", "still,", "legs", "folded,", "and", "dream", "of", "the", "long",
                "way", "home.",
            ],
        ),
        testing::spoken("s3", &["Wake", "one,", "and", "it", "hums."]),
    ]);
    bindings.clips = vec![video(1, 12_000), still(2), generator(3)];
    bindings.music = Some(testing::digest(6));
    bindings.chapters = vec!["s3".into()];
    bindings.beats = (0..60).map(|beat| beat * 480).collect();
    bindings
}

/// The cut of every template of the library, in a form that people can compare line by line.
fn golden(name: &str) -> String {
    let template = builtin_template(name);
    let timeline = cut(&template, &testing::filled(&template, golden_bindings()));
    serde_json::to_string_pretty(&timeline).unwrap()
}

#[test]
fn every_library_template_has_its_golden_cut() {
    let mut changed = String::new();
    for (name, file) in [
        ("bold", include_str!("../../tests/golden/library/bold.json")),
        (
            "cinema",
            include_str!("../../tests/golden/library/cinema.json"),
        ),
        (
            "daily",
            include_str!("../../tests/golden/library/daily.json"),
        ),
        (
            "footage",
            include_str!("../../tests/golden/library/footage.json"),
        ),
        ("list", include_str!("../../tests/golden/library/list.json")),
        ("news", include_str!("../../tests/golden/library/news.json")),
        (
            "product",
            include_str!("../../tests/golden/library/product.json"),
        ),
        (
            "pulse",
            include_str!("../../tests/golden/library/pulse.json"),
        ),
        (
            "quiet",
            include_str!("../../tests/golden/library/quiet.json"),
        ),
        (
            "quote",
            include_str!("../../tests/golden/library/quote.json"),
        ),
        (
            "story",
            include_str!("../../tests/golden/library/story.json"),
        ),
    ] {
        let now = golden(name);
        if now.trim() != file.trim() {
            changed += &format!("--- tests/golden/library/{name}.json becomes:\n{now}\n");
        }
    }
    assert!(
        changed.is_empty(),
        "cuts changed; if that is meant,\n{changed}"
    );
    assert_eq!(
        builtin_names().len(),
        11,
        "a new template gets its golden cut here"
    );
}

#[test]
fn a_seed_changes_procedural_pictures_and_nothing_else() {
    let template = builtin_template("daily");
    let bindings = bindings_with(voice(&[6, 8]));
    let other = Bindings {
        seed: 8,
        ..bindings.clone()
    };
    let (mut one, two) = (cut(&template, &bindings), cut(&template, &other));
    assert_eq!(one, cut(&template, &bindings));
    assert_ne!(one.picture, two.picture);
    for (mine, theirs) in one.picture.children.iter_mut().zip(&two.picture.children) {
        if let (TrackItem::Clip(mine), TrackItem::Clip(theirs)) = (mine, theirs)
            && let MediaReference::Generator(generator) = &mut mine.media
            && let MediaReference::Generator(other) = &theirs.media
        {
            generator.seed = other.seed;
        }
    }
    assert_eq!(one, two);
}

#[test]
fn the_title_uses_the_bound_text_and_colour() {
    let mut bindings = full_bindings(&[6]);
    bindings
        .colors
        .insert("accent".into(), crate::color::Color::rgb(1, 2, 3));
    let timeline = cut(&builtin_template("daily"), &bindings);
    let style = timeline.captions.unwrap().style;
    assert_eq!(style.highlight.color, crate::color::Color::rgb(1, 2, 3));
    assert!(timeline.overlays.iter().any(|overlay| matches!(
        &overlay.content,
        OverlayContent::Text(text) if text.text == "Why bees dance"
    )));
}

#[test]
fn a_rect_with_a_radius_is_refused_not_ignored() {
    let item = |shape: &str| {
        format!(
            "fenta: template/v1\nname: t\nextends: daily\ntracks:\n  - id: brand\n    kind: overlay\n    items:\n      - {{ id: plate, type: shape, shape: {shape}, radius: 24, style: {{ fill: \"#000000\" }}, box: {{ anchor: top, y: 300, w: 400, h: 100 }}, time: all }}\n"
        )
    };
    let problems = parse(&item("rect"), &|_| None).unwrap_err();
    assert!(
        problems
            .iter()
            .any(|problem| problem.path.ends_with("radius")),
        "{problems:?}"
    );
    assert!(parse(&item("rounded_rect"), &|_| None).is_ok());
}
