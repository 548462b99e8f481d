//! ElevenLabs: speech with the time of every character, and the list of voices.

use serde_json::{Value as Json, json};

use super::{Fake, Heard, Reply, tones};

/// What it answers.
pub fn vendor(heard: &Heard, _fake: &Fake) -> Reply {
    if heard.header("xi-api-key").is_none_or(str::is_empty) {
        return no(401, "missing_api_key", "an API key is needed");
    }
    if heard.method == "GET" && heard.path.ends_with("/voices") {
        let voices = json!({ "voices": [
            { "voice_id": "21m00Tcm4TlvDq8ikWAM", "name": "Rachel - calm" },
            { "voice_id": "pNInz6obpgDQGcFmaJgB", "name": "Adam" },
        ] });
        return Reply::json(200, &voices);
    }
    let parts: Vec<&str> = heard.path.rsplit('/').collect();
    let [timed, voice, kind, ..] = parts.as_slice() else {
        return no(404, "not_found", "no such path");
    };
    if heard.method != "POST" || *timed != "with-timestamps" || *kind != "text-to-speech" {
        return no(404, "not_found", "no such path");
    }
    if voice.len() != 20 {
        return no(404, "voice_not_found", "no such voice");
    }
    let asked = heard.json();
    if let Some(wrong) = unfit(&asked) {
        let error = json!({ "detail": [{ "loc": ["body"], "msg": wrong, "type": "value_error" }] });
        return Reply::json(422, &error);
    }
    let rate = heard
        .query
        .split('&')
        .find_map(|pair| pair.strip_prefix("output_format=pcm_"))
        .and_then(|rate| rate.parse().ok());
    let Some(rate) = rate.filter(|rate| [16_000, 22_050, 24_000].contains(rate)) else {
        return no(403, "output_format_not_allowed", "not for this account");
    };
    let text = asked["text"].as_str().unwrap_or_default();
    let speed = asked["voice_settings"]["speed"].as_f64().unwrap_or(1.0);
    let words = tones::words(text, speed);
    let answer = json!({
        "audio_base64": tones::base64(&tones::samples(&words, rate)),
        "alignment": alignment(text, &words),
        "normalized_alignment": null,
    });
    Reply::json(200, &answer).charged()
}

fn no(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "detail": { "status": code, "message": message } }),
    )
}

/// What the documented form does not allow.
fn unfit(asked: &Json) -> Option<&'static str> {
    let model = asked["model_id"].as_str().unwrap_or_default();
    let speed = asked["voice_settings"]["speed"].as_f64().unwrap_or(1.0);
    let text = asked["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Some("text is missing");
    }
    if text.chars().count() > 10_000 {
        return Some("text is too long");
    }
    if !model.starts_with("eleven_") {
        return Some("no such model");
    }
    if !(0.7..=1.2).contains(&speed) {
        return Some("speed must be between 0.7 and 1.2");
    }
    if model == "eleven_multilingual_v2" && !asked["language_code"].is_null() {
        return Some("this model takes no language code");
    }
    None
}

/// Every character shares the time of its word; a space lasts from one to the next.
fn alignment(text: &str, words: &[tones::ToneWord]) -> Json {
    let (mut characters, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = 0.0;
    let mut left = words.iter();
    let mut word: Option<(&tones::ToneWord, usize)> = None;
    for character in text.chars() {
        let (start, end) = if character.is_whitespace() {
            word = None;
            (before, before)
        } else {
            let (own, at) = match word.take() {
                Some((own, at)) => (own, at + 1),
                None => match left.next() {
                    Some(own) => (own, 0),
                    None => break,
                },
            };
            word = Some((own, at));
            let step = (own.end - own.start) / own.text.chars().count() as f64;
            (
                own.start + step * at as f64,
                own.start + step * (at + 1) as f64,
            )
        };
        characters.push(character.to_string());
        starts.push(start);
        ends.push(end);
        before = end;
    }
    json!({
        "characters": characters,
        "character_start_times_seconds": starts,
        "character_end_times_seconds": ends,
    })
}
