//! The library of `Input.Music` that is a folder of yours: recordings, with a text file of the same name beside each that
//! says how it feels, how fast it is, whose it is and under which licence.
//!
//! A line `mood: calm, warm`, `bpm: 84`, `license: cc-by`, `author: …`, `url: …` says that; every other word is one more
//! about the mood, as are those of the recording's path. Not a node type itself.

use std::collections::BTreeSet;

use fenta_templates::timeline::Origin;

use super::own_files::{AUDIO_EXTENSIONS, collect, notes, probe};
use super::stock_folder::{stem, texts, words};
use crate::action::Credit;
use crate::execution::LowerError;
use crate::node::{Halt, Steps};
use crate::value::{AudioValue, MediaValue};

/// Recordings of a folder, at most.
const MOST: u32 = 200;

/// What a recording may be used under where nobody says which licences will do.
const USUAL_LICENSES: [&str; 3] = ["cc0", "cc-by", "own"];

/// What is looked for.
pub(super) struct Wanted<'a> {
    pub(super) mood: &'a str,
    pub(super) bpm: Option<u32>,
    /// Licences that will do; all of the usual ones where it is empty.
    pub(super) licenses: Vec<String>,
    pub(super) min_ms: u64,
}

/// A recording that was chosen.
pub(super) struct Chosen {
    pub(super) audio: AudioValue,
    pub(super) license: String,
    pub(super) notes: Vec<String>,
}

/// What a folder says of a recording.
#[derive(Debug, Default, PartialEq)]
struct Slip {
    words: BTreeSet<String>,
    bpm: Option<u32>,
    license: Option<String>,
    author: String,
    url: String,
}

impl Slip {
    fn read(path: &str, text: &str) -> Self {
        let mut slip = Self {
            words: words(stem(path)),
            ..Self::default()
        };
        for line in text.lines() {
            let (key, value) = line.split_once(':').unwrap_or(("", line));
            let value = value.trim();
            match key.trim().to_lowercase().as_str() {
                "bpm" => slip.bpm = value.parse().ok().filter(|bpm| *bpm > 0),
                "license" | "licence" => slip.license = Some(license(value)),
                "author" => slip.author = value.to_owned(),
                "url" => slip.url = value.to_owned(),
                "mood" => slip.words.extend(words(value)),
                _ => slip.words.extend(words(line)),
            }
        }
        slip
    }

    /// What belongs to nobody else is the user's own.
    fn license(&self) -> &str {
        self.license.as_deref().unwrap_or("own")
    }
}

/// A licence in the words of the node: `CC BY 4.0` is `cc-by`, `CC-BY-NC 4.0` is `cc-by-nc`.
fn license(text: &str) -> String {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| c.is_whitespace() || c == '-' || c == '_');
    let parts =
        parts.filter(|part| !part.is_empty() && !part.starts_with(|c: char| c.is_ascii_digit()));
    parts.collect::<Vec<_>>().join("-")
}

/// The recording of a folder that fits best: of the wanted licences and length, of the mood, nearest to the tempo; of equal
/// ones the first by name.
pub(super) fn choose(
    folder: &str,
    wanted: &Wanted<'_>,
    steps: &mut Steps<'_>,
) -> Result<Chosen, Halt> {
    let files = collect(folder, &AUDIO_EXTENSIONS, MOST, steps)?;
    let texts = texts(folder, steps)?;
    let media = probe(&files, steps)?;
    let slips = files.iter().map(|file| {
        let beside = texts
            .iter()
            .filter(|(text, _)| stem(&text.path) == stem(&file.path));
        let said: Vec<&str> = beside.map(|(_, said)| said.as_str()).collect();
        Slip::read(&file.path, &said.join("\n"))
    });
    let all: Vec<(Slip, MediaValue)> = slips.zip(media).collect();
    let (slip, media) = best(folder, wanted, &all)?;
    let mut told = notes(std::slice::from_ref(media));
    if !slip.words.contains(wanted.mood) {
        told.push(format!(
            "no recording of {folder} is said to be {}: {} plays",
            wanted.mood, media.name
        ));
    }
    let mut origin = Origin::upload(&media.name);
    if !slip.author.is_empty() {
        origin.credit = Some(Credit {
            provider: String::new(),
            id: String::new(),
            author: slip.author.clone(),
            author_url: slip.url.clone(),
            page_url: slip.url.clone(),
            license: slip.license().to_owned(),
        });
    }
    Ok(Chosen {
        audio: AudioValue {
            origin: Some(Box::new(origin)),
            ..AudioValue::new(media.digest, media.name.clone())
        },
        license: slip.license().to_owned(),
        notes: told,
    })
}

fn best<'a>(
    folder: &str,
    wanted: &Wanted<'_>,
    all: &'a [(Slip, MediaValue)],
) -> Result<&'a (Slip, MediaValue), LowerError> {
    let sounding = all
        .iter()
        .filter(|(_, media)| media.facts.audio_codec.is_some());
    let allowed = |slip: &Slip| match wanted.licenses.as_slice() {
        [] => USUAL_LICENSES.contains(&slip.license()),
        licenses => licenses.iter().any(|one| one == slip.license()),
    };
    let free: Vec<_> = sounding.filter(|(slip, _)| allowed(slip)).collect();
    if free.is_empty() {
        let found: BTreeSet<&str> = all.iter().map(|(slip, _)| slip.license()).collect();
        let found = Vec::from_iter(found).join(", ");
        return Err(LowerError::new(
            format!("{folder} has no music under a licence that will do; there is {found}"),
            "name the licences that will do in `license`, or say `license: own` beside a recording that is yours",
        ));
    }
    let length = |media: &MediaValue| {
        let length = media.facts.duration;
        length.map_or(0, |length| length.to_millis().unsigned_abs())
    };
    let longest = free.iter().map(|(_, media)| length(media)).max();
    let long = free
        .into_iter()
        .filter(|(_, media)| length(media) >= wanted.min_ms);
    let rank = |slip: &Slip| {
        let far = wanted
            .bpm
            .map(|bpm| slip.bpm.map_or(u32::MAX, |own| own.abs_diff(bpm)));
        (!slip.words.contains(wanted.mood), far.unwrap_or(0))
    };
    // Of equal ones the first stays.
    long.min_by_key(|(slip, _)| rank(slip)).ok_or_else(|| {
        let longest = longest.unwrap_or_default() as f64 / 1000.0;
        LowerError::new(
            format!("the longest music of {folder} that will do lasts {longest} s"),
            "write a shorter `min_duration`, or leave it out: music repeats",
        )
    })
}

#[cfg(test)]
mod tests {
    use fenta_templates::time::RationalTime;
    use fenta_templates::timeline::MediaKind;

    use super::super::testing::{Bench, digest, facts, media_facts};
    use super::*;
    use crate::action::{ActionFacts, ActionResult, CollectedFile};
    use crate::value::Value;

    fn bench(more: &[(&str, Value)]) -> Bench {
        let bench = Bench::new("Input.Music")
            .with("source", Value::Text("library".into()))
            .with("folder", Value::Text("/music".into()));
        let more = more.iter().cloned();
        more.fold(bench, |bench, (name, value)| bench.with(name, value))
    }

    fn collected(paths: &[&str]) -> ActionResult {
        let file = |path: &&str| CollectedFile {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            path: (*path).to_owned(),
            digest: digest(path),
        };
        facts(ActionFacts::Collected(paths.iter().map(file).collect()))
    }

    /// Four recordings, two of them with a text beside them.
    fn folder() -> Vec<ActionResult> {
        let recording = |seconds: i64| {
            let mut found = media_facts(MediaKind::Audio);
            found.audio_codec = Some("mp3".to_owned());
            found.duration = Some(RationalTime::millis(seconds * 1000));
            facts(ActionFacts::Media(found))
        };
        vec![
            collected(&["calm/a.mp3", "calm/b.mp3", "c.mp3", "sad.mp3"]),
            collected(&["calm/b.txt", "c.txt"]),
            facts(ActionFacts::Text(
                "bpm: 90\nlicense: CC BY 4.0\nauthor: Ada\nurl: https://ada.example/b\n".into(),
            )),
            facts(ActionFacts::Text(
                "Mood: happy, epic\nLicence: CC-BY-NC".into(),
            )),
            recording(20),
            recording(70),
            recording(30),
            recording(40),
        ]
    }

    fn chosen(more: &[(&str, Value)]) -> (String, String, Vec<String>) {
        let out = bench(more).outputs(&folder());
        let (Value::Audio(audio), Value::Text(license)) = (&out["audio"], &out["license"]) else {
            panic!("{out:?}")
        };
        let Value::List(notes) = &out["notes"] else {
            panic!("{out:?}")
        };
        let notes = notes.iter().map(|note| match note {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        });
        (audio.name.clone(), license.clone(), notes.collect())
    }

    #[test]
    fn mood_length_tempo_and_licence_choose() {
        let text = |text: &str| Value::Text(text.into());
        let is = |more: &[(&str, Value)], name: &str, license: &str| {
            let (chosen, under, notes) = chosen(more);
            assert_eq!(
                (chosen.as_str(), under.as_str()),
                (name, license),
                "{more:?}"
            );
            assert_eq!(notes, [""; 0], "{more:?}");
        };
        is(&[], "a.mp3", "own");
        is(&[("mood", text("sad"))], "sad.mp3", "own");
        is(&[("bpm", Value::Int(92))], "b.mp3", "cc-by");
        is(&[("min_duration", text("60s"))], "b.mp3", "cc-by");
        is(&[("license", text("cc-by"))], "b.mp3", "cc-by");
        // What is said to be happy may not be used; another plays, and that is told.
        let (name, _, notes) = chosen(&[("mood", text("happy"))]);
        assert_eq!(name, "a.mp3");
        assert_eq!(
            notes,
            ["no recording of /music is said to be happy: a.mp3 plays"]
        );
        let fails = |more: &[(&str, Value)]| bench(more).fails(&folder()).message;
        let none = fails(&[("license", text("cc0"))]);
        assert!(none.contains("there is cc-by, cc-by-nc, own"), "{none}");
        let short = fails(&[("min_duration", text("90s"))]);
        assert!(short.contains("lasts 70 s"), "{short}");
    }

    #[test]
    fn whoever_made_it_is_named() {
        let out = bench(&[("license", Value::Text("cc-by".into()))]).outputs(&folder());
        let Value::Audio(audio) = &out["audio"] else {
            panic!("{out:?}")
        };
        let credit = audio
            .origin
            .as_ref()
            .and_then(|origin| origin.credit.as_ref())
            .unwrap();
        assert_eq!(
            (credit.author.as_str(), credit.license.as_str()),
            ("Ada", "cc-by")
        );
    }

    #[test]
    fn licences_are_read_as_people_write_them() {
        for (written, meant) in [
            ("CC BY 4.0", "cc-by"),
            ("cc0", "cc0"),
            ("CC0 1.0", "cc0"),
            ("CC-BY-NC-SA 4.0", "cc-by-nc-sa"),
            ("own", "own"),
        ] {
            assert_eq!(license(written), meant);
        }
    }
}
