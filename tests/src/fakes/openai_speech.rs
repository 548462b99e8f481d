//! Speech and transcription of the OpenAI dialect: OpenAI, speaches, whisper.cpp, and Kokoro-FastAPI with its captions.
//!
//! What a test says beforehand changes one answer: `STREAMED` is a WAV without sizes, `TYPE` one under a wrong content
//! type, `NO WORDS` a transcription by segments, `NO VERBOSE` a server that knows only plain JSON.

use serde_json::{Value as Json, json};

use super::{Fake, Heard, Reply, tones};

/// What is said in every recording.
pub const TALK: [(&str, f64, f64); 6] = [
    ("The", 0.30, 0.52),
    ("bees", 0.60, 0.86),
    ("dance", 0.94, 1.24),
    ("all", 1.32, 1.54),
    ("day", 1.62, 1.88),
    ("long.", 1.96, 2.30),
];

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    let path = heard.path.as_str();
    match (heard.method.as_str(), path) {
        ("POST", path) if path.ends_with("/audio/speech") => speech(heard, fake),
        ("POST", "/dev/captioned_speech") => captioned(heard),
        ("POST", path) if path.ends_with("/audio/transcriptions") => {
            transcription(heard, fake, false)
        }
        ("POST", "/inference") => transcription(heard, fake, true),
        _ => Reply::json(404, &json!({ "detail": "Not Found" })),
    }
}

fn no(message: &str) -> Reply {
    let error = json!({ "message": message, "type": "invalid_request_error", "code": null });
    Reply::json(400, &json!({ "error": error }))
}

/// What the documented form of speech does not allow.
fn unfit(asked: &Json) -> Option<&'static str> {
    let text = asked["input"].as_str().unwrap_or_default();
    let speed = asked["speed"].as_f64().unwrap_or(1.0);
    if asked["model"].as_str().is_none_or(str::is_empty) {
        return Some("model is missing");
    }
    if asked["voice"].as_str().is_none_or(str::is_empty) {
        return Some("voice is missing");
    }
    if text.is_empty() || text.chars().count() > 4096 {
        return Some("input must have 1 to 4096 characters");
    }
    if !(0.25..=4.0).contains(&speed) {
        return Some("speed must be between 0.25 and 4");
    }
    if asked["response_format"] != "wav" {
        return Some("this server speaks WAV");
    }
    None
}

fn speech(heard: &Heard, fake: &Fake) -> Reply {
    let asked = heard.json();
    if let Some(wrong) = unfit(&asked) {
        return no(wrong);
    }
    let line = fake.next_line().unwrap_or_default();
    let words = tones::words(
        asked["input"].as_str().unwrap_or_default(),
        asked["speed"].as_f64().unwrap_or(1.0),
    );
    let sound = tones::wav(&tones::samples(&words, 24_000), 24_000, line == "STREAMED");
    let kind = match line.as_str() {
        "TYPE" => "text/plain; charset=utf-8",
        _ => "audio/wav",
    };
    Reply::file(kind, sound).charged()
}

/// Kokoro says a sum in words, and leaves some words without a time.
fn captioned(heard: &Heard) -> Reply {
    let asked = heard.json();
    if let Some(wrong) = unfit(&asked) {
        return no(wrong);
    }
    let text = asked["input"].as_str().unwrap_or_default();
    let said = text.replace("$5", "five dollars");
    let words = tones::words(&said, asked["speed"].as_f64().unwrap_or(1.0));
    let times = words.iter().map(|word| {
        json!({ "word": word.text.trim_end_matches('.'), "start_time": word.start, "end_time": word.end })
    });
    let mut timestamps: Vec<Json> = times.collect();
    timestamps.push(json!({ "word": ".", "start_time": null, "end_time": null }));
    let sound = tones::wav(&tones::samples(&words, 24_000), 24_000, true);
    let answer = json!({ "audio": tones::base64(&sound), "timestamps": timestamps });
    Reply::json(200, &answer).charged()
}

/// A part of a form by its name.
fn part<'a>(heard: &'a Heard, name: &str) -> Option<&'a [u8]> {
    let kind = heard.header("content-type")?;
    let boundary = format!("--{}", kind.split_once("boundary=")?.1);
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|one| one == what);
    let mut rest = heard.body.as_slice();
    while let Some(at) = find(rest, boundary.as_bytes()) {
        rest = rest.get(at + boundary.len() + 2..)?;
        let head = find(rest, b"\r\n\r\n")?;
        let end = find(rest, format!("\r\n{boundary}").as_bytes())?;
        let text = String::from_utf8_lossy(&rest[..head]);
        if text.contains(&format!("name=\"{name}\"")) {
            return Some(&rest[head + 4..end]);
        }
    }
    None
}

fn transcription(heard: &Heard, fake: &Fake, inside: bool) -> Reply {
    let Some(file) = part(heard, "file") else {
        return no("file is missing");
    };
    let rate = file
        .get(24..28)
        .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    if !file.starts_with(b"RIFF") || rate != Some(16_000) {
        return no("this server hears WAV at 16 kHz");
    }
    let line = fake.next_line().unwrap_or_default();
    let format = part(heard, "response_format").unwrap_or_default();
    let text: Vec<&str> = TALK.iter().map(|(word, _, _)| *word).collect();
    let text = text.join(" ");
    if line == "NO VERBOSE" && format == b"verbose_json" {
        return no("response_format `verbose_json` is not supported");
    }
    if format == b"json" {
        return Reply::json(200, &json!({ "text": text })).charged();
    }
    let words = TALK.iter().map(|(word, start, end)| {
        let word = if inside {
            format!(" {word}")
        } else {
            (*word).to_owned()
        };
        json!({ "word": word, "start": start, "end": end })
    });
    let words: Vec<Json> = words.collect();
    let mut segment = json!({ "id": 0, "start": 0.3, "end": 2.3, "text": format!(" {text}") });
    let mut answer =
        json!({ "task": "transcribe", "language": "english", "duration": 2.6, "text": text });
    if line != "NO WORDS" {
        match inside {
            true => segment["words"] = json!(words),
            false => answer["words"] = json!(words),
        }
    }
    answer["segments"] = json!([segment]);
    Reply::json(200, &answer).charged()
}
