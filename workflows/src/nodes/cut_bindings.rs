//! What a cut is made from: clips, narration, captions, music, beats and chapters, as the template engine takes them.
//!
//! Part of `Edit.Timeline`, which hands them to the engine.

use std::collections::BTreeMap;

use fenta_templates::template::{
    Bindings, CaptionBinding, ClipBinding, Template, VoiceBinding, VoiceWord,
};
use fenta_templates::timeline::{ExternalReference, LONGEST_MS, MediaReference, SubjectPath};

use super::credits::{self, Origins};
use super::own_files;
use super::sound::{self, Sound};
use crate::action::{Action, ActionFacts, FindBeatsRequest, FindSubjectRequest};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::node::{Halt, Params, Steps, wrong_facts};
use crate::suggest::nearest;
use crate::tempo::Tempo;
use crate::value::{Captions, MixParts, Value, Voice};

/// Most files one path of `clips` may hold.
const MAX_FILES: u32 = 200;

pub(super) fn bind_media(params: Params<'_>) -> Result<Bindings, LowerError> {
    Ok(Bindings {
        seed: params.seed("seed")?,
        ..Bindings::default()
    })
}

/// The clips; paths of the user's are taken in and measured, and what is worth knowing about them is noted.
pub(super) fn clips(
    params: Params<'_>,
    steps: &mut Steps<'_>,
    (notes, origins): (&mut Vec<String>, &mut Origins),
) -> Result<Vec<ClipBinding>, Halt> {
    let mut clips = Vec::new();
    for clip in params.list("clips") {
        match clip {
            Value::Text(path) => {
                let media = own_files::visible(path, MAX_FILES, steps)?;
                notes.extend(own_files::notes(&media));
                for one in media {
                    credits::note(&one, origins);
                    clips.push(clip_binding(&Value::Media(one))?);
                }
            }
            other => {
                if let Value::Media(media) = other {
                    credits::note(media, origins);
                }
                clips.push(clip_binding(other)?);
            }
        }
    }
    Ok(clips)
}

/// Where the subjects of the clips are that the template wants to keep in view, by their blobs.
pub(super) fn subjects(
    template: &Template,
    clips: &[ClipBinding],
    steps: &mut Steps<'_>,
) -> Result<BTreeMap<Digest, SubjectPath>, Halt> {
    let mut requests: Vec<FindSubjectRequest> = Vec::new();
    for clip in clips {
        if let MediaReference::External(file) = &clip.media
            && let Some((view_w_pm, view_h_pm)) = template.subject_view(&file.facts)
            && !requests.iter().any(|known| known.source == file.source)
        {
            requests.push(FindSubjectRequest {
                source: file.source,
                facts: file.facts.clone(),
                view_w_pm,
                view_h_pm,
            });
        }
    }
    if requests.is_empty() {
        return Ok(BTreeMap::new());
    }
    let action = |request: &FindSubjectRequest| Action::FindSubject(Box::new(request.clone()));
    let results = steps.run(requests.iter().map(action).collect())?;
    let found = requests.iter().zip(results);
    found
        .map(|(request, result)| match &result.facts {
            ActionFacts::Subject(path) => Ok((request.source, path.clone())),
            _ => Err(wrong_facts("find_subject").into()),
        })
        .collect()
}

/// What is heard under a cut.
pub(super) enum Heard<'a> {
    Nothing,
    Voice(&'a Voice),
    Mix(&'a MixParts),
}

pub(super) fn heard(params: Params<'_>) -> Result<Heard<'_>, LowerError> {
    let name = if params.get("voice").is_some() {
        "voice"
    } else {
        "audio"
    };
    Ok(match sound::sound(params, name)? {
        None => Heard::Nothing,
        Some(Sound::Voice(voice)) => Heard::Voice(voice),
        Some(Sound::Mix(parts)) => Heard::Mix(parts),
        Some(Sound::Plain(audio)) => {
            return Err(LowerError::new(
                format!(
                    "{} is a recording without words, so it cannot lead a cut",
                    audio.name
                ),
                "give it as `music`, or speak a script with Voice.TTS",
            ));
        }
    })
}

impl Heard<'_> {
    /// Puts narration, captions and music into the bindings.
    pub(super) fn bind(
        &self,
        params: Params<'_>,
        bindings: &mut Bindings,
    ) -> Result<(), LowerError> {
        let voice = match self {
            Self::Nothing => None,
            Self::Voice(voice) => Some(*voice),
            Self::Mix(parts) => parts.voice.as_ref(),
        };
        if let Some(voice) = voice {
            bindings.gap_ms = voice.gap_ms;
            bindings.voice = voice_bindings(voice);
        }
        if let Some(Value::Captions(captions)) = params.get("captions") {
            bindings.captions = Some(shown(captions, &bindings.voice)?);
        }
        bindings.music = match (self, params.get("music")) {
            (Self::Mix(parts), Some(_)) if parts.music.is_some() => {
                return Err(LowerError::new(
                    "`music` is given, but the mix in `audio` has its own",
                    "remove `music`, or leave it out of the mix",
                ));
            }
            (_, Some(Value::Audio(music))) => Some(music.digest),
            (Self::Mix(parts), _) => parts.music,
            _ => None,
        };
        Ok(())
    }
}

/// The words shown in each scene of the narration: its own, or others in other words and at other times.
fn shown(captions: &Captions, voice: &[VoiceBinding]) -> Result<CaptionBinding, LowerError> {
    let spoken: usize = voice.iter().map(|scene| scene.words.len()).sum();
    let misfit = || {
        LowerError::new(
            format!(
                "the captions have {} words that do not fit the narration of {spoken}",
                captions.words.len()
            ),
            "make the captions from the same narration; give it to Subtitle.Import as `voice`",
        )
    };
    let mut words: Vec<Vec<VoiceWord>> = vec![Vec::new(); voice.len()];
    for word in &captions.words {
        let index = word.scene as usize;
        let (Some(scene), Some(told)) = (voice.get(index), words.get_mut(index)) else {
            return Err(misfit());
        };
        let after = told.last().map_or(0, |last| last.end);
        if word.start < after || word.end < word.start || word.end > scene.samples {
            return Err(misfit());
        }
        told.push(VoiceWord {
            text: word.text.clone(),
            start: word.start,
            end: word.end,
        });
    }
    Ok(CaptionBinding {
        language: captions.language.clone(),
        scenes: words,
    })
}

/// Beats in milliseconds, in order.
pub(super) fn beats(params: Params<'_>) -> Vec<u32> {
    let seconds = params
        .list("beats")
        .into_iter()
        .filter_map(|beat| match beat {
            Value::Int(seconds) => Some(*seconds as f64),
            Value::Float(seconds) => Some(*seconds),
            _ => None,
        });
    // Limits of the parameter keep this far inside the range.
    let mut beats: Vec<u32> = seconds.map(|at| (at * 1000.0).round() as u32).collect();
    beats.sort_unstable();
    beats
}

/// How much more must happen on the beats than elsewhere, permille, for music to have a beat worth cutting on.
const CLEAR_BEAT_PM: u32 = 2000;

/// The beats to cut on: those that are written, or those of the music, which is listened to where nobody knows them.
/// None where the music has no clear beat.
pub(super) fn beats_of_music(
    params: Params<'_>,
    heard: &Heard<'_>,
    bindings: &Bindings,
    steps: &mut Steps<'_>,
) -> Result<Vec<u32>, Halt> {
    let Some(source) = bindings.music.filter(|_| params.get("beats").is_none()) else {
        return Ok(beats(params));
    };
    let known = match (heard, params.get("music")) {
        (_, Some(Value::Audio(music))) => music.tempo,
        (Heard::Mix(parts), _) => parts.music_tempo,
        _ => None,
    };
    let tempo = match known {
        Some(tempo) => tempo,
        None => {
            let action = Action::FindBeats(FindBeatsRequest { source });
            let ActionFacts::Beats(found) = steps.run_one(action)?.facts else {
                return Err(wrong_facts("find_beats").into());
            };
            if found.strength_pm < CLEAR_BEAT_PM {
                return Ok(Vec::new());
            }
            Tempo::recorded(found.first_us, found.beat_us, found.length_us)
        }
    };
    Ok(tempo.beats(LONGEST_MS))
}

/// Ids of scenes that are there; one that is not would never be seen to do anything.
pub(super) fn chapters(params: Params<'_>, bindings: &Bindings) -> Result<Vec<String>, LowerError> {
    let mut chapters = Vec::new();
    for value in params.list("chapters") {
        let Value::Text(id) = value else { continue };
        must_be_scene("chapters", id, bindings)?;
        chapters.push(id.clone());
    }
    Ok(chapters)
}

/// When scenes are spoken that have a time of their own, milliseconds by id.
pub(super) fn starts(
    params: Params<'_>,
    bindings: &Bindings,
) -> Result<BTreeMap<String, u32>, LowerError> {
    let mut starts = BTreeMap::new();
    for value in params.list("starts") {
        let Value::Record(fields) = value else {
            continue;
        };
        let fields = Params::new(fields);
        let id = fields.text("scene")?;
        must_be_scene("starts", id, bindings)?;
        if starts.insert(id.to_owned(), fields.u32("at")?).is_some() {
            return Err(LowerError::new(
                format!("`starts` names the scene `{id}` twice"),
                "leave one of them out",
            ));
        }
    }
    Ok(starts)
}

fn must_be_scene(param: &str, id: &str, bindings: &Bindings) -> Result<(), LowerError> {
    let scenes = || bindings.voice.iter().map(|scene| scene.id.as_str());
    if scenes().any(|scene| scene == id) {
        return Ok(());
    }
    let hint = match nearest(id, scenes()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its scenes are {}", scenes().collect::<Vec<_>>().join(", ")),
    };
    Err(LowerError::new(
        format!("`{param}` names `{id}`, which is no scene of the narration"),
        hint,
    ))
}

fn clip_binding(value: &Value) -> Result<ClipBinding, LowerError> {
    match value {
        Value::Media(media) => Ok(ClipBinding {
            name: media.name.clone(),
            media: MediaReference::External(ExternalReference {
                source: media.digest,
                facts: media.facts.clone(),
            }),
        }),
        Value::Generator(made) => Ok(ClipBinding {
            name: made.name.clone(),
            media: MediaReference::Generator(made.generator.clone()),
        }),
        other => Err(LowerError::new(
            format!("`clips` holds {}, which cannot be seen", other.noun()),
            "give it the media of Input.Upload or Input.Motion",
        )),
    }
}

fn voice_bindings(voice: &Voice) -> Vec<VoiceBinding> {
    voice
        .scenes
        .iter()
        .map(|scene| VoiceBinding {
            id: scene.id.clone(),
            source: scene.source,
            samples: scene.samples,
            words: scene
                .words
                .iter()
                .map(|word| VoiceWord {
                    text: word.text.clone(),
                    start: word.start,
                    end: word.end,
                })
                .collect(),
            emphasis: scene.emphasis.clone(),
        })
        .collect()
}
