//! Base64 as vendors write bytes into JSON (RFC 4648, section 4). The daemon's door of the crate of that name.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some vendors leave the padding out.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

const ENGINE: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);

/// Bytes as text, padded.
pub(super) fn encoded(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// The bytes; none where the text is something else. Line breaks, missing padding and the head of a `data:` address are
/// let pass.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.split_once("base64,").map_or(text, |(_, rest)| rest);
    if !text.contains(|c: char| c.is_ascii_whitespace()) {
        return ENGINE.decode(text).ok();
    }
    let joined: String = text.split_ascii_whitespace().collect();
    ENGINE.decode(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_line_breaks_may_be_as_they_like() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm9vYmFy", b"foobar"),
            ("Zm9v\r\nYmE=", b"fooba"),
            ("data:image/png;base64,Zm9v\n", b"foo"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(encoded(b"foob"), "Zm9vYg==");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encoded(&all)), Some(all));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "Zm9v!",
            "Z",
            "Zm=9",
            "Zm-_",
            "Zg==Zg==",
            "====",
            "Zm\u{e9}v",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
