//! A script spoken scene by scene: pronunciations put in and taken out again, recordings fitted into a length.
//!
//! Shared by nothing but `Voice.TTS`; apart from it because it is all work and no descriptor.

use std::collections::BTreeMap;

use super::ask::{answer, invoke, unfit};
use crate::action::{
    Action, ActionFacts, ActionResult, InvokeTask, Invoked, Rung, SpeakRequest, SpeakTask,
    SpokenPiece, SpokenWord, TakeSpeechRequest,
};
use crate::execution::LowerError;
use crate::models::{ModelRef, Role};
use crate::node::{Halt, Steps, wrong_facts};
use crate::value::{CaptionWord, Scene, Script, SpokenScene, Voice, Word, Words};

/// Samples per second of every time in a voice.
pub(super) const RATE: u64 = 48_000;

/// Longest text one scene may have, characters.
const MAX_SCENE_CHARS: usize = 4000;

/// The same for providers, who are asked for it piece by piece.
const MAX_PROVIDER_SCENE_CHARS: usize = 40_000;

/// Longest text a provider is asked for at a time, bytes: the least that vendors take is 4096 characters or 2000 tokens,
/// and a token of most scripts is no longer than a letter.
const PIECE_BYTES: usize = 3000;

/// How much of what stands beside a piece a provider is told, bytes: a sentence or two set the melody.
const BESIDE_BYTES: usize = 400;

/// Fastest speech, permille of the voice's own.
const FASTEST_PM: u32 = 2000;

/// Who speaks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Speaker {
    /// An engine on this machine.
    BuiltIn {
        /// `flite` or `espeak-ng`.
        engine: String,
        /// Its voice.
        voice: String,
    },
    /// A provider.
    Provider {
        /// The models that may do it.
        models: Vec<ModelRef>,
        /// The provider's voice.
        voice: Option<String>,
        /// How to say it; may be empty.
        instructions: String,
    },
}

/// A length the narration must not be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// The length.
    pub(super) ms: u64,
    /// How much faster than asked it may be spoken to get there.
    pub(super) max_speed: f64,
}

/// What is spoken, and how.
pub(super) struct Narration {
    /// What is shown.
    pub(super) script: Script,
    /// How words are said that are not said as they are written.
    pub(super) lexicon: BTreeMap<String, String>,
    /// Who speaks.
    pub(super) speaker: Speaker,
    /// Speaking rate, permille of the voice's own.
    pub(super) speed_pm: u32,
    /// Silence between scenes, milliseconds.
    pub(super) gap_ms: u32,
    /// A length to hold.
    pub(super) fit: Option<Fit>,
}

/// What came of it.
pub(super) struct Narrated {
    /// The recordings.
    pub(super) voice: Voice,
    /// What is to be told about them.
    pub(super) notes: Vec<String>,
}

/// What a provider spoke.
struct Told {
    /// The pieces of each scene.
    pieces: Vec<Vec<SpokenPiece>>,
    /// The rate it was asked for.
    speed_pm: u32,
    notes: Vec<String>,
}

/// A scene as it is said: the spoken text, and how many of its words stand for each word that is shown.
struct Line<'a> {
    scene: &'a Scene,
    spoken: String,
    counts: Vec<usize>,
}

impl Narration {
    /// The recordings, and what is to be told about them.
    pub(super) fn speak(&self, steps: &mut Steps<'_>) -> Result<Narrated, Halt> {
        let lines: Vec<Line<'_>> = self
            .script
            .scenes
            .iter()
            .map(|scene| self.line(scene))
            .collect();
        let most = match &self.speaker {
            Speaker::BuiltIn { .. } => MAX_SCENE_CHARS,
            Speaker::Provider { .. } => MAX_PROVIDER_SCENE_CHARS,
        };
        if let Some(long) = lines.iter().find(|line| line.spoken.chars().count() > most) {
            return Err(LowerError::new(
                format!(
                    "scene {} has {} characters, more than {most}",
                    long.scene.id,
                    long.spoken.chars().count()
                ),
                "split it into sentences with Script.Transform",
            )
            .into());
        }
        let told = self.told(&lines, steps)?;
        let voice = self.record(&lines, told.as_ref(), self.speed_pm, steps)?;
        let mut narrated = Narrated {
            notes: told
                .as_ref()
                .map_or_else(Vec::new, |told| told.notes.clone()),
            voice,
        };
        if let Some(fit) = self.fit
            && let Some(speed_pm) = self.faster(&narrated.voice, fit)?
        {
            narrated.voice = self.record(&lines, told.as_ref(), speed_pm, steps)?;
            // Engines keep a rate to about a hundredth.
            if samples(&narrated.voice) > fit.ms * RATE / 1000 * 102 / 100 {
                return Err(too_long(&narrated.voice, fit, speed_pm).into());
            }
        }
        if matches!(self.speaker, Speaker::Provider { .. }) {
            narrated.notes.extend(rung_note(rung(&narrated.voice)));
        }
        Ok(narrated)
    }

    fn line<'a>(&self, scene: &'a Scene) -> Line<'a> {
        let mut spoken = Vec::new();
        let mut counts = Vec::new();
        for word in scene.text.split_whitespace() {
            let said = pronounced(word, &self.lexicon);
            counts.push(said.split_whitespace().count().max(1));
            spoken.push(said);
        }
        Line {
            scene,
            spoken: spoken.join(" "),
            counts,
        }
    }

    /// What a provider spoke; none where an engine of this machine speaks. It is asked once, whatever rate a length asks
    /// for: the rest is done to the recordings, and costs nothing.
    fn told(&self, lines: &[Line<'_>], steps: &mut Steps<'_>) -> Result<Option<Told>, Halt> {
        let Speaker::Provider {
            models,
            voice,
            instructions,
        } = &self.speaker
        else {
            return Ok(None);
        };
        let pieces: Vec<(usize, String)> = lines
            .iter()
            .enumerate()
            .flat_map(|(line, of)| pieces(&of.spoken).into_iter().map(move |text| (line, text)))
            .collect();
        let beside = |at: Option<usize>| at.and_then(|at| pieces.get(at)).map(|(_, text)| text);
        let tasks = pieces.iter().enumerate().map(|(at, (_, text))| SpeakTask {
            text: text.clone(),
            before: beside(at.checked_sub(1)).map_or_else(String::new, |text| ending(text)),
            after: beside(at.checked_add(1)).map_or_else(String::new, |text| beginning(text)),
            voice: voice.clone(),
            language: self.script.language.clone(),
            speed_pm: self.speed_pm,
            instructions: instructions.clone(),
        });
        let actions = tasks.map(|task| invoke(Role::Speech, models, InvokeTask::Speak(task)));
        let results = steps.run(actions.collect())?;
        let mut told = Told {
            pieces: lines.iter().map(|_| Vec::new()).collect(),
            speed_pm: self.speed_pm,
            notes: Vec::new(),
        };
        for ((line, text), result) in pieces.into_iter().zip(results) {
            let Invoked::Speech {
                heard,
                speed_pm,
                notes,
            } = answer(result)?.invoked
            else {
                return Err(unfit().into());
            };
            told.speed_pm = (*speed_pm).max(1);
            for note in notes {
                if !told.notes.contains(note) {
                    told.notes.push(note.clone());
                }
            }
            told.pieces[line].push(SpokenPiece {
                source: *result.outputs.get("audio").ok_or_else(unfit)?,
                text,
                heard: heard.clone(),
            });
        }
        Ok(Some(told))
    }

    fn record(
        &self,
        lines: &[Line<'_>],
        told: Option<&Told>,
        speed_pm: u32,
        steps: &mut Steps<'_>,
    ) -> Result<Voice, Halt> {
        let actions = lines
            .iter()
            .enumerate()
            .map(|(at, line)| match &self.speaker {
                Speaker::BuiltIn { engine, voice } => Action::Speak(SpeakRequest {
                    text: line.spoken.clone(),
                    engine: engine.clone(),
                    voice: voice.clone(),
                    speed_pm,
                }),
                Speaker::Provider { .. } => Action::TakeSpeech(TakeSpeechRequest {
                    pieces: told.map_or_else(Vec::new, |told| told.pieces[at].clone()),
                    language: self.script.language.clone(),
                    tempo_pm: told.map_or(1000, |told| {
                        (u64::from(speed_pm) * 1000 / u64::from(told.speed_pm)) as u32
                    }),
                }),
            });
        let results = steps.run(actions.collect())?;
        let guessed =
            matches!(&self.speaker, Speaker::BuiltIn { engine, .. } if engine == "espeak-ng");
        let scenes = lines
            .iter()
            .zip(results)
            .map(|(line, result)| {
                let scene = recorded(line, result)?;
                let rung = if guessed {
                    Rung::Proportional
                } else {
                    scene.rung
                };
                Ok(SpokenScene { rung, ..scene })
            })
            .collect::<Result<Vec<_>, LowerError>>()?;
        Ok(Voice {
            language: self.script.language.clone(),
            gap_ms: self.gap_ms,
            scenes,
        })
    }

    /// The rate that holds the length; none when it is held already.
    fn faster(&self, voice: &Voice, fit: Fit) -> Result<Option<u32>, LowerError> {
        let most = fit.ms * RATE / 1000;
        let whole = samples(voice);
        if whole <= most {
            return Ok(None);
        }
        let pauses = gaps(voice);
        let spoken = (whole - pauses) as f64;
        let room = most.saturating_sub(pauses) as f64;
        let ratio = spoken / room.max(1.0);
        if ratio > fit.max_speed {
            return Err(too_long(voice, fit, self.speed_pm));
        }
        let wanted = (f64::from(self.speed_pm) * ratio).ceil() as u32;
        Ok(Some(wanted.min(FASTEST_PM)))
    }
}

/// A text in pieces that providers take: whole sentences where they fit, else whole words.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > PIECE_BYTES {
        let room = &rest[..rest.floor_char_boundary(PIECE_BYTES)];
        let ends = room.match_indices(' ').map(|(at, _)| at);
        let (mut sentence, mut word) = (None, None);
        for at in ends {
            word = Some(at);
            if room[..at].ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟']) {
                sentence = Some(at);
            }
        }
        let end = sentence.or(word).unwrap_or(room.len()).max(1);
        pieces.push(rest[..end].trim().to_owned());
        rest = rest[end..].trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

/// The last words of a text.
fn ending(text: &str) -> String {
    if text.len() <= BESIDE_BYTES {
        return text.to_owned();
    }
    let tail = &text[text.ceil_char_boundary(text.len() - BESIDE_BYTES)..];
    tail.split_once(' ')
        .map_or(tail, |(_, rest)| rest)
        .to_owned()
}

/// The first words of a text.
fn beginning(text: &str) -> String {
    if text.len() <= BESIDE_BYTES {
        return text.to_owned();
    }
    let head = &text[..text.floor_char_boundary(BESIDE_BYTES)];
    head.rsplit_once(' ')
        .map_or(head, |(rest, _)| rest)
        .to_owned()
}

/// How the times of a narration are known: the least of its scenes.
pub(super) fn rung(voice: &Voice) -> Rung {
    let rungs = voice.scenes.iter().map(|scene| scene.rung);
    rungs.max().unwrap_or_default()
}

/// What is told about times that are not the speaker's own.
pub(super) fn rung_note(rung: Rung) -> Option<String> {
    Some(match rung {
        Rung::Provider => return None,
        Rung::Aligned => "word times: aligned (the words were found in the recording)".to_owned(),
        Rung::Proportional => "word times: proportional (words share the sound by their length, between pauses); captions \
                               that light up single words may drift by a syllable"
            .to_owned(),
    })
}

fn too_long(voice: &Voice, fit: Fit, speed_pm: u32) -> LowerError {
    let seconds = samples(voice) as f64 / RATE as f64;
    LowerError::new(
        format!(
            "the narration takes {seconds:.1} s at {:.2} times the voice's own speed, and {:.2} times faster is not \
             enough for the {:.1} s of `fit`",
            f64::from(speed_pm) / 1000.0,
            fit.max_speed,
            fit.ms as f64 / 1000.0
        ),
        "shorten the text, raise `max_speed` or give `fit` more time",
    )
}

/// A word as it is said: its pronunciation, with the punctuation it stood in.
fn pronounced(word: &str, lexicon: &BTreeMap<String, String>) -> String {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let said = lexicon.get(inner).or_else(|| {
        lexicon
            .iter()
            .find(|(written, _)| written.to_lowercase() == inner.to_lowercase())
            .map(|(_, said)| said)
    });
    match (said, word.split_once(inner)) {
        (Some(said), Some((before, after))) if !inner.is_empty() => {
            format!("{before}{}{after}", said.trim())
        }
        _ => word.to_owned(),
    }
}

fn recorded(line: &Line<'_>, result: &ActionResult) -> Result<SpokenScene, LowerError> {
    let source = *result
        .outputs
        .get("audio")
        .ok_or_else(|| wrong_facts("speak"))?;
    let ActionFacts::Speech(speech) = &result.facts else {
        return Err(wrong_facts("speak"));
    };
    let (rate, length, words) = (speech.sample_rate, speech.samples, &speech.words);
    let at_rate = |samples: u64| {
        let rate = u128::from(rate.max(1));
        ((u128::from(samples) * u128::from(RATE) * 2 + rate) / (2 * rate)) as u64
    };
    Ok(SpokenScene {
        id: line.scene.id.clone(),
        source,
        samples: at_rate(length),
        words: shown(line, words)?
            .into_iter()
            .map(|word| Word {
                start: at_rate(word.start),
                end: at_rate(word.end),
                text: word.text,
            })
            .collect(),
        emphasis: line.scene.emphasis.clone(),
        rung: speech.rung,
    })
}

/// The words as they are shown, each over the times of the words that were said for it.
fn shown(line: &Line<'_>, said: &[SpokenWord]) -> Result<Vec<SpokenWord>, LowerError> {
    if said.len() != line.counts.iter().sum::<usize>() {
        return Err(wrong_facts("speak"));
    }
    let mut at = 0;
    let mut words = Vec::with_capacity(line.counts.len());
    for (text, count) in line.scene.text.split_whitespace().zip(&line.counts) {
        words.push(SpokenWord {
            text: text.to_owned(),
            start: said[at].start,
            end: said[at + count - 1].end,
        });
        at += count;
    }
    Ok(words)
}

fn gaps(voice: &Voice) -> u64 {
    u64::from(voice.gap_ms) * RATE / 1000 * (voice.scenes.len() as u64).saturating_sub(1)
}

/// Length of the narration with its pauses.
pub(super) fn samples(voice: &Voice) -> u64 {
    voice.scenes.iter().map(|scene| scene.samples).sum::<u64>() + gaps(voice)
}

/// Where each scene begins when the narration is played by itself.
pub(super) fn starts(voice: &Voice) -> Vec<u64> {
    let gap = u64::from(voice.gap_ms) * RATE / 1000;
    let mut at = 0;
    voice
        .scenes
        .iter()
        .map(|scene| {
            let start = at;
            at += scene.samples + gap;
            start
        })
        .collect()
}

/// The words of a narration.
pub(super) fn words(voice: &Voice) -> Words {
    let words = voice.scenes.iter().enumerate().flat_map(|(index, scene)| {
        scene.words.iter().map(move |word| CaptionWord {
            text: word.text.clone(),
            start: word.start,
            end: word.end,
            scene: index as u32,
        })
    });
    Words {
        rung: rung(voice),
        language: voice.language.clone(),
        words: words.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_as_the_lexicon_writes_them() {
        let lexicon = BTreeMap::from([
            ("SQL".to_owned(), "sequel".to_owned()),
            ("9:16".to_owned(), "nine by sixteen".to_owned()),
        ]);
        assert_eq!(pronounced("(sql).", &lexicon), "(sequel).");
        assert_eq!(pronounced("9:16,", &lexicon), "nine by sixteen,");
        assert_eq!(pronounced("SQLite", &lexicon), "SQLite");
        assert_eq!(pronounced("—", &lexicon), "—");
    }

    #[test]
    fn a_word_said_in_three_is_shown_as_one() {
        let scene = Scene::new("s1", "In 9:16, please.");
        let narration = Narration {
            script: Script {
                title: String::new(),
                language: "en".into(),
                scenes: vec![scene.clone()],
            },
            lexicon: BTreeMap::from([("9:16".to_owned(), "nine by sixteen".to_owned())]),
            speaker: Speaker::BuiltIn {
                engine: "flite".into(),
                voice: "slt".into(),
            },
            speed_pm: 1000,
            gap_ms: 0,
            fit: None,
        };
        let line = narration.line(&scene);
        assert_eq!(line.spoken, "In nine by sixteen, please.");
        let said: Vec<SpokenWord> = (0..5)
            .map(|at| SpokenWord {
                text: String::new(),
                start: at * 10,
                end: at * 10 + 9,
            })
            .collect();
        let words = shown(&line, &said).unwrap();
        let times: Vec<(&str, u64, u64)> = words
            .iter()
            .map(|word| (word.text.as_str(), word.start, word.end))
            .collect();
        assert_eq!(
            times,
            [("In", 0, 9), ("9:16,", 10, 39), ("please.", 40, 49)]
        );
        assert!(shown(&line, &said[..4]).is_err());
    }
}
