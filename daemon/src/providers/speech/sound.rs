//! Whether bytes are a recording, told from the bytes: what servers say about their kind is often wrong, and sizes in
//! the head of a stream are not known yet when it is written.

/// Sizes that say "until the end": streams cannot know them.
const OPEN_SIZE: u32 = 0x7fff_0000;

/// Fails where bytes are no recording, or only a part of one; the error says what they are.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if !is_known(bytes) {
        return Err(format!("{} bytes that are no recording", bytes.len()));
    }
    match missing(bytes) {
        Some((wanted, there)) => Err(format!(
            "a recording that is cut off: {there} of {wanted} bytes"
        )),
        None => Ok(()),
    }
}

/// Whether bytes begin as a recording of a kind that is read.
pub(in super::super) fn is_known(bytes: &[u8]) -> bool {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let is_wave = starts(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    let is_mp4 = bytes.get(4..8) == Some(b"ftyp");
    is_wave || is_mp4 || starts(b"fLaC") || starts(b"OggS") || starts(b"ID3") || is_mpeg(bytes)
}

/// Two frames of MPEG or ADTS sound, one right behind the other: a single sync word may be anything.
fn is_mpeg(bytes: &[u8]) -> bool {
    let Some(length) = frame(bytes) else {
        return false;
    };
    bytes.len() <= length || bytes.get(length..).and_then(frame).is_some()
}

/// Length of the frame that begins here.
fn frame(bytes: &[u8]) -> Option<usize> {
    let head: [u8; 6] = bytes.get(..6)?.try_into().ok()?;
    if head[0] != 0xff || head[1] & 0xe0 != 0xe0 {
        return None;
    }
    if head[1] & 0xf6 == 0xf0 {
        let length =
            usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5]) >> 5;
        return (length > 7).then_some(length);
    }
    // Layer III only: nobody speaks in the others.
    let (version, layer) = (head[1] >> 3 & 3, head[1] >> 1 & 3);
    if layer != 1 || version == 1 {
        return None;
    }
    const FIRST: [usize; 16] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0,
    ];
    const SECOND: [usize; 16] = [
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0,
    ];
    let rates: [usize; 4] = match version {
        3 => [44_100, 48_000, 32_000, 0],
        2 => [22_050, 24_000, 16_000, 0],
        _ => [11_025, 12_000, 8000, 0],
    };
    let rate = rates[usize::from(head[2] >> 2 & 3)];
    let index = usize::from(head[2] >> 4);
    let (kbps, samples) = match version {
        3 => (FIRST[index], 144),
        _ => (SECOND[index], 72),
    };
    let padding = usize::from(head[2] >> 1 & 1);
    (rate > 0 && kbps > 0).then(|| samples * kbps * 1000 / rate + padding)
}

/// Bytes a WAV says it has and those it has, where some are missing.
fn missing(bytes: &[u8]) -> Option<(usize, usize)> {
    if !bytes.starts_with(b"RIFF") {
        return None;
    }
    let mut at = 12;
    loop {
        let head = bytes.get(at..at + 8);
        let Some(head) = head else {
            // The head itself ends before any sound.
            return Some((at + 8, bytes.len()));
        };
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let there = bytes.len() - at - 8;
        if &head[..4] == b"data" {
            let open = size == 0 || size >= OPEN_SIZE;
            return match open {
                true => (there == 0).then_some((1, 0)),
                false => (size as usize > there).then_some((size as usize, there)),
            };
        }
        at += 8 + size as usize + (size as usize & 1);
    }
}

/// A WAV of raw samples: 16 bits, one channel.
pub(in super::super) fn from_pcm(samples: &[u8], rate: u32) -> Vec<u8> {
    let size = u32::try_from(samples.len()).unwrap_or(u32::MAX - 36);
    let mut bytes = Vec::with_capacity(44 + samples.len());
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + size).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16u32.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 1, 0]);
    bytes.extend_from_slice(&rate.to_le_bytes());
    bytes.extend_from_slice(&(rate * 2).to_le_bytes());
    bytes.extend_from_slice(&[2, 0, 16, 0]);
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(samples);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(size: u32) -> Vec<u8> {
        let mut bytes = from_pcm(&[1; 100], 24_000);
        bytes[40..44].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    #[test]
    fn a_stream_without_sizes_is_whole_and_half_a_file_is_not() {
        for size in [100, 0, 0xffff_ffff, 0x7fff_ffff] {
            assert_eq!(check(&wav(size)), Ok(()), "{size:x}");
        }
        let cut = check(&wav(200)).unwrap_err();
        assert!(cut.contains("100 of 200 bytes"), "{cut}");
        assert!(check(&wav(100)[..40]).is_err());
        assert!(check(&wav(0xffff_ffff)[..44]).is_err());
        // An odd chunk before the samples is padded.
        let mut listed = wav(100);
        listed.splice(36..36, b"LIST\x03\0\0\0abc\0".iter().copied());
        assert_eq!(check(&listed), Ok(()));
    }

    #[test]
    fn a_kind_is_told_by_the_bytes() {
        assert!(is_known(b"fLaC...."));
        assert!(is_known(b"OggS...."));
        assert!(is_known(b"ID3\x04...."));
        // MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
        let mut mp3 = vec![0; 900];
        mp3[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        assert!(!is_known(&mp3), "one sync word may be anything");
        mp3[417..421].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        assert!(is_known(&mp3));
        assert!(!is_known(b"{\"error\":1}") && !is_known(b"<html>") && !is_known(b""));
    }
}
