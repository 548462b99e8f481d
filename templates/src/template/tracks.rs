//! `tracks`: the picture, the overlays, the captions and the sound of a template.
//!
//! Neighbours: `overlay_item`, `caption_rules` and `sound_rules` read what the tracks hold; here it is decided which
//! tracks there may be and what they take.

use super::caption_rules::{self, CaptionRules, Stage};
use super::condition::Condition;
use super::fields::Fields;
use super::overlay_item::{self, ItemName, ItemTime, OverlayItem};
use super::placeholder::{Placeholder, PlaceholderKind};
use super::sound_rules::{self, EffectTrack, MusicTrack, VoiceTrack};
use super::{ProblemKind, suggest};

/// What the tracks say.
#[derive(Default)]
pub(crate) struct Tracks {
    videos: u32,
    /// The overlay items, bottom first.
    pub(crate) items: Vec<OverlayItem>,
    /// The names of all items, also of those that something is wrong with.
    names: Vec<ItemName>,
    /// The captions; `None` where there is no subtitles track or its preset is `none`.
    pub(crate) captions: Option<CaptionRules>,
    /// Subtitles tracks, even those that show nothing.
    pub(crate) subtitles: u32,
    /// The narration's track and the placeholder it plays.
    pub(crate) voice: Option<(VoiceTrack, String)>,
    /// The music's track and the placeholder it plays.
    pub(crate) music: Option<(MusicTrack, String)>,
    /// The effects.
    pub(crate) effects: Vec<EffectTrack>,
}

/// Reads `tracks`.
pub(crate) fn read(fields: &Fields<'_>, stage: Stage<'_>) -> Tracks {
    let mut tracks = Tracks::default();
    for (kind, track) in fields.variants("tracks") {
        read_track(kind, track, stage, &mut tracks);
    }
    if tracks.videos != 1 {
        let message = format!("has {} video tracks", tracks.videos);
        let hint = "write exactly one, `{ id: main, kind: video, source: ${{ clips }} }`";
        fields.conflict("tracks", message, hint);
    }
    note_double_ids(fields, &tracks.names);
    check_companions(fields, &tracks.names);
    // Stable, so that items of one height keep the document's order.
    tracks.items.sort_by_key(|item| item.z);
    tracks
}

fn read_track(kind: &str, track: Fields<'_>, stage: Stage<'_>, tracks: &mut Tracks) {
    track.node("kind");
    overlay_item::id(&track);
    match kind {
        "video" => {
            tracks.videos += 1;
            read_source(&track, stage, "media[]");
        }
        "overlay" => {
            let track_if = condition(&track, stage);
            for (kind, item) in track.variants("items") {
                let (name, item) = overlay_item::read(item, kind, stage.scope, track_if.as_ref());
                tracks.names.push(name);
                tracks.items.extend(item);
            }
        }
        "subtitles" => read_subtitles(&track, stage, tracks),
        _ => read_audio(&track, stage, tracks),
    }
    track.finish();
}

fn condition(track: &Fields<'_>, stage: Stage<'_>) -> Option<Condition> {
    track.parsed("if", |text| stage.scope.condition(text))
}

fn read_source(track: &Fields<'_>, stage: Stage<'_>, wanted: &'static str) -> Option<String> {
    let fits = |kind: &PlaceholderKind| kind.type_name() == wanted;
    track.parsed("source", |text| stage.scope.placeholder(text, wanted, fits))
}

fn read_subtitles(track: &Fields<'_>, stage: Stage<'_>, tracks: &mut Tracks) {
    let only_if = condition(track, stage);
    read_source(track, stage, "captions");
    let rules = track
        .map("style")
        .and_then(|style| caption_rules::read(style, stage));
    if tracks.subtitles > 0 {
        track.conflict(
            "kind",
            "is the second subtitles track",
            "a template has one",
        );
    }
    tracks.subtitles += 1;
    tracks.captions = rules.map(|rules| CaptionRules { only_if, ..rules });
}

#[derive(Clone, Copy)]
enum Role {
    Voice,
    Music,
    Effect,
}

fn read_audio(track: &Fields<'_>, stage: Stage<'_>, tracks: &mut Tracks) {
    let only_if = condition(track, stage);
    let sounds =
        |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Voice | PlaceholderKind::Audio);
    let source = track.parsed("source", |text| {
        stage.scope.placeholder(text, "voice or audio", sounds)
    });
    let roles = [
        ("voice", Role::Voice),
        ("music", Role::Music),
        ("sfx", Role::Effect),
    ];
    let role = track.choice("role", &roles);
    let again = |known: bool, role: &str| {
        if known {
            let message = format!("is the second track with `role: {role}`");
            track.conflict("role", message, "a template has one of each");
        }
    };
    match role {
        Some(Role::Voice) => {
            let voice = sound_rules::read_voice(track, only_if);
            again(tracks.voice.is_some(), "voice");
            tracks.voice = source.map(|source| (voice, source));
        }
        Some(Role::Music) => {
            let music = sound_rules::read_music(track, only_if);
            again(tracks.music.is_some(), "music");
            if let Some(source) = source {
                check_music(track, stage, &source);
                tracks.music = Some((music, source));
            }
        }
        Some(Role::Effect) => {
            let effect = sound_rules::read_effect(track, only_if);
            if let Some(source) = source {
                check_music(track, stage, &source);
                tracks.effects.push(EffectTrack { source, ..effect });
            }
        }
        None => {
            sound_rules::read_music(track, only_if);
        }
    }
}

fn check_music(track: &Fields<'_>, stage: Stage<'_>, source: &str) {
    let fits = |kind: &PlaceholderKind| matches!(kind, PlaceholderKind::Audio);
    let text = format!("${{{{ {source} }}}}");
    if let Err(wrong) = stage.scope.placeholder(&text, "audio", fits) {
        let problem = wrong.at(track.path_of("source"));
        track.problems().borrow_mut().push(problem);
    }
}

fn note_double_ids(fields: &Fields<'_>, items: &[ItemName]) {
    for (at, item) in items.iter().enumerate() {
        let double = items[..at].iter().any(|before| before.id == item.id);
        if double && !item.id.is_empty() {
            fields.conflict(
                "tracks",
                format!("has two items with the id `{}`", item.id),
                "ids are unique over all overlay tracks",
            );
        }
    }
}

/// `time: {with: id}` names another item, and that one has a time of its own.
fn check_companions(fields: &Fields<'_>, items: &[ItemName]) {
    for item in items {
        let ItemTime::With(wanted) = &item.time else {
            continue;
        };
        let found = items.iter().find(|other| other.id == *wanted);
        let (kind, message, hint) = match found {
            None => {
                let others = items.iter().map(|other| other.id.as_str());
                let hint = suggest::hint(wanted, others.filter(|id| *id != item.id));
                (
                    ProblemKind::UnknownName,
                    format!("there is no item `{wanted}`"),
                    hint,
                )
            }
            Some(other) if matches!(other.time, ItemTime::With(_)) => (
                ProblemKind::Conflict,
                format!("`{wanted}` follows another item itself"),
                "name the item that has a time of its own".to_owned(),
            ),
            Some(_) => continue,
        };
        let path = format!("{}.with", item.time_path);
        let problem = super::TemplateProblem::new(kind, path, message, hint);
        fields.problems().borrow_mut().push(problem);
    }
}

/// The placeholder that the narration's track plays is the narration, whatever type it was declared with; those of
/// effects are no music.
pub(crate) fn assign_roles(placeholders: &mut [Placeholder], tracks: &Tracks) {
    let voice = tracks.voice.as_ref().map(|(_, name)| name);
    for placeholder in placeholders {
        if voice == Some(&placeholder.name) {
            placeholder.kind = PlaceholderKind::Voice;
        } else if tracks
            .effects
            .iter()
            .any(|effect| effect.source == placeholder.name)
        {
            placeholder.kind = PlaceholderKind::Effect;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Template, document, reader};

    fn with_tracks(tracks: &str) -> Result<Template, Vec<String>> {
        let text = format!(
            "fenta: template/v1\nname: t\nplaceholders: {{clips: {{type: 'media[]'}}, words: {{type: captions}}, \
             voice: {{type: audio}}, music: {{type: audio, optional: true}}, t: {{type: text, default: x}}}}\n\
             tracks: [{tracks}]"
        );
        reader::read(&document::read(&text).unwrap())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn noted(tracks: &str) -> Vec<String> {
        with_tracks(tracks).err().unwrap_or_default()
    }

    const MAIN: &str = "{id: main, kind: video, source: '${{ clips }}'}, \
                        {id: vo, kind: audio, role: voice, source: '${{ voice }}'}";
    const SUBS: &str =
        "{id: subs, kind: subtitles, source: '${{ words }}', style: {font: 'Inter:800'}}";

    // spec: T-22
    #[test]
    fn one_picture_and_at_most_one_subtitles_track() {
        assert_eq!(noted(MAIN), Vec::<String>::new());
        assert_eq!(noted(&format!("{MAIN}, {SUBS}")), Vec::<String>::new());
        assert!(
            noted(SUBS)
                .iter()
                .any(|note| note.contains("0 video tracks"))
        );
        let second = format!("{MAIN}, {{id: b, kind: video, source: '${{{{ clips }}}}'}}");
        assert!(noted(&second)[0].contains("2 video tracks"));
        let second = SUBS.replace("id: subs", "id: more");
        let found = noted(&format!("{MAIN}, {SUBS}, {second}"));
        assert!(
            found[0].starts_with("tracks[more].kind: is the second"),
            "{found:?}"
        );
    }

    #[test]
    fn sources_have_the_right_type() {
        let wrong = MAIN.replace("clips", "words");
        assert!(noted(&wrong)[0].contains("is captions, expected media[]"));
        let unknown = format!("{MAIN}, {{id: x, kind: overlays}}");
        assert!(noted(&unknown)[0].contains("did you mean `overlay`"));
        let conditional = MAIN.replace("kind: video", "if: clips, kind: video");
        assert!(noted(&conditional)[0].contains("tracks[main].if: is not available"));
    }

    // spec: T-45
    #[test]
    fn audio_tracks_say_which_recording_is_the_narration() {
        let music = "{id: bed, kind: audio, role: music, source: '${{ music }}', if: '${{ music != null }}', gain: -20, \
                     loop: crossfade, fade: {in: 300ms, out: 1500ms}}";
        let template = with_tracks(&format!("{MAIN}, {music}")).unwrap();
        let kinds: Vec<&str> = template
            .placeholders()
            .iter()
            .map(|placeholder| placeholder.kind.type_name())
            .collect();
        assert_eq!(kinds, ["media[]", "captions", "voice", "audio", "text"]);
        assert_eq!(template.sound.music.gain_mb, -2000);
        for (tracks, part) in [
            (
                format!("{MAIN}, {music}, {}", music.replace("bed", "b2")),
                "second track with `role: music`",
            ),
            (
                format!(
                    "{MAIN}, {{id: x, kind: audio, role: sfx, source: '${{{{ music }}}}', loop: crossfade}}"
                ),
                "an effect is heard once",
            ),
            (
                format!("{MAIN}, {{id: x, kind: audio, source: '${{{{ music }}}}'}}"),
                "tracks[x].role: is missing",
            ),
            (
                format!("{MAIN}, {{id: x, kind: audio, role: music, source: '${{{{ t }}}}'}}"),
                "is text, expected voice or audio",
            ),
        ] {
            let found = noted(&tracks);
            assert!(
                found.iter().any(|note| note.contains(part)),
                "{part}: {found:?}"
            );
        }
    }

    #[test]
    fn two_recordings_need_a_track_that_tells_them_apart() {
        let found = noted("{id: main, kind: video, source: '${{ clips }}'}");
        assert!(
            found[0].contains("placeholders.music: is the second `audio`"),
            "{found:?}"
        );
    }

    // spec: T-11, T-23
    #[test]
    fn items_are_ordered_by_height_and_follow_each_other() {
        let item = |id: &str, more: &str| {
            format!("{{id: {id}, type: shape, style: {{fill: '#000000'}}{more}}}")
        };
        let overlay = |items: &[String]| {
            format!(
                "{MAIN}, {{id: o, kind: overlay, items: [{}]}}",
                items.join(", ")
            )
        };
        let sound = overlay(&[
            item("a", ""),
            item("plate", ", z: -1, time: {with: a}"),
            item("c", ""),
        ]);
        let template = with_tracks(&sound).unwrap();
        let ids: Vec<&str> = template.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["plate", "a", "c"]);
        let lost = overlay(&[item("a", ", time: {with: plat}"), item("plate", "")]);
        assert_eq!(
            noted(&lost),
            ["tracks[o].items[a].time.with: there is no item `plat`; did you mean `plate`?"]
        );
        let chained = overlay(&[
            item("a", ", time: {with: b}"),
            item("b", ", time: {with: a}"),
        ]);
        assert!(noted(&chained)[0].contains("follows another item itself"));
        let double = overlay(&[item("a", ""), item("a", "")]);
        assert!(noted(&double)[0].contains("two items with the id `a`"));
    }
}
