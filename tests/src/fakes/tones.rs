//! Speech for tests: every word is a tone at a time that is known, so that what is made of it can be measured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A word with its seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct ToneWord {
    /// The word as written.
    pub text: String,
    /// Its first sound.
    pub start: f64,
    /// Its last.
    pub end: f64,
}

/// Silence before the first word, seconds.
pub const LEAD: f64 = 0.3;

/// The words of a text at a speed: 0.1 s and 0.04 s for each letter, 0.08 s between words, 0.4 s after a sentence.
pub fn words(text: &str, speed: f64) -> Vec<ToneWord> {
    let mut at = LEAD;
    text.split_whitespace()
        .map(|word| {
            let start = at;
            let end = start + (0.1 + 0.04 * word.chars().count() as f64) / speed;
            let pause = match word.ends_with(['.', '!', '?']) {
                true => 0.4,
                false => 0.08,
            };
            at = end + pause / speed;
            ToneWord {
                text: word.to_owned(),
                start,
                end,
            }
        })
        .collect()
}

/// The sound of words: mono, 16 bits, little endian.
pub fn samples(words: &[ToneWord], rate: u32) -> Vec<u8> {
    let length = words.last().map_or(0.0, |word| word.end) + 0.3;
    let mut sound = vec![0.0f64; (length * f64::from(rate)) as usize];
    for (number, word) in words.iter().enumerate() {
        let place = |seconds: f64| (seconds * f64::from(rate)) as usize;
        let pitch = 220.0 * [1.0, 1.26, 1.5][number % 3];
        for (n, sample) in sound[place(word.start)..place(word.end)]
            .iter_mut()
            .enumerate()
        {
            let phase = std::f64::consts::TAU * pitch * n as f64 / f64::from(rate);
            *sample = phase.sin() * 0.4;
        }
    }
    sound
        .iter()
        .flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes())
        .collect()
}

/// A WAV of samples; a streamed one does not know its sizes.
pub fn wav(samples: &[u8], rate: u32, streamed: bool) -> Vec<u8> {
    let size = if streamed {
        u32::MAX
    } else {
        samples.len() as u32
    };
    let whole = if streamed { u32::MAX } else { size + 36 };
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(whole.to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2).to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(samples);
    bytes
}

/// Bytes as vendors write them into JSON.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
