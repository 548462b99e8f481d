//! WAV files: written by speech and music, and just enough of the format read to find loop points and the engine's
//! samples.
//!
//! Sixteen bits, no dither: digital silence stays digital silence. A loop carries the standard `smpl` chunk, so the
//! mix (and any sampler) knows that its end meets its beginning.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::RATE;
use super::error::AudioError;

/// Samples of a mono recording with their rate, as a speech engine wrote them.
#[derive(Debug, PartialEq)]
pub(crate) struct Recording {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<i16>,
}

/// Writes channels of equal length at 48 kHz; `loops` adds a loop over the whole length.
pub(crate) fn write(path: &Path, channels: &[&[f32]], loops: bool) -> Result<(), AudioError> {
    let failed = |source| AudioError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let samples = channels[0].len();
    let data_bytes = (samples * channels.len() * 2) as u32;
    let loop_chunk = if loops {
        loop_chunk(samples)
    } else {
        Vec::new()
    };
    file.write_all(&header(channels.len() as u16, &loop_chunk, data_bytes))
        .map_err(failed)?;
    for n in 0..samples {
        for channel in channels {
            file.write_all(&to_i16(channel[n]).to_le_bytes())
                .map_err(failed)?;
        }
    }
    file.flush().map_err(failed)
}

/// Writes one channel at another rate.
pub(crate) fn write_mono(path: &Path, sound: &[f32], rate: u32) -> Result<(), AudioError> {
    let mut bytes = header_at(rate, 1, &[], (sound.len() * 2) as u32);
    for sample in sound {
        bytes.extend_from_slice(&to_i16(*sample).to_le_bytes());
    }
    std::fs::write(path, bytes).map_err(|source| AudioError::Io {
        path: path.to_owned(),
        source,
    })
}

fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

fn header(channels: u16, loop_chunk: &[u8], data_bytes: u32) -> Vec<u8> {
    header_at(RATE, channels, loop_chunk, data_bytes)
}

fn header_at(rate: u32, channels: u16, loop_chunk: &[u8], data_bytes: u32) -> Vec<u8> {
    let frame_bytes = channels * 2;
    let mut out = Vec::with_capacity(44 + loop_chunk.len());
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + loop_chunk.len() as u32 + data_bytes).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(rate * u32::from(frame_bytes)).to_le_bytes());
    out.extend_from_slice(&frame_bytes.to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(loop_chunk);
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data_bytes.to_le_bytes());
    out
}

/// A `smpl` chunk with one forward loop over all samples, played for ever.
fn loop_chunk(samples: usize) -> Vec<u8> {
    let period_ns = 1_000_000_000 / RATE;
    let fields: [u32; 9] = [0, 0, period_ns, 60, 0, 0, 0, 1, 0];
    let forward_loop: [u32; 6] = [0, 0, 0, samples.saturating_sub(1) as u32, 0, 0];
    let mut out = b"smpl".to_vec();
    out.extend_from_slice(&60u32.to_le_bytes());
    for field in fields.iter().chain(&forward_loop) {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out
}

/// Whether a file is a WAV whose `smpl` chunk loops from its first sample to its last.
pub(crate) fn loops_whole(path: &Path, samples: usize) -> bool {
    read_loop(path).is_ok_and(|found| {
        found.is_some_and(|(start, end)| start == 0 && end as usize + 1 == samples)
    })
}

fn read_loop(path: &Path) -> std::io::Result<Option<(u32, u32)>> {
    let mut file = File::open(path)?;
    let mut riff = [0; 12];
    file.read_exact(&mut riff)?;
    if &riff[..4] != b"RIFF" || &riff[8..] != b"WAVE" {
        return Ok(None);
    }
    let mut head = [0; 8];
    while file.read_exact(&mut head).is_ok() {
        let bytes = le_u32(&head, 4);
        if &head[..4] == b"smpl" && bytes >= 60 {
            let mut chunk = [0; 60];
            file.read_exact(&mut chunk)?;
            let has_forward_loop = le_u32(&chunk, 28) >= 1 && le_u32(&chunk, 40) == 0;
            return Ok(has_forward_loop.then(|| (le_u32(&chunk, 44), le_u32(&chunk, 48))));
        }
        file.seek(SeekFrom::Current(i64::from(bytes) + i64::from(bytes & 1)))?;
    }
    Ok(None)
}

fn le_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Reads 16-bit mono PCM from memory. The sizes in the header are not trusted: a program that writes to a pipe cannot
/// know them, so the samples go on to the end.
pub(crate) fn read_mono(bytes: &[u8]) -> Option<Recording> {
    if bytes.len() < 44 || &bytes[..4] != b"RIFF" || &bytes[8..16] != b"WAVEfmt " {
        return None;
    }
    let is_mono_pcm16 = bytes[20..24] == [1, 0, 1, 0] && bytes[34..36] == [16, 0];
    let data = bytes.windows(4).position(|tag| tag == b"data")? + 8;
    is_mono_pcm16.then(|| Recording {
        rate: le_u32(bytes, 24),
        samples: bytes
            .get(data..)
            .unwrap_or(&[])
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        write(&path, &[&[0.0, 0.5, -1.0, 1.0]], false).unwrap();
        let recording = read_mono(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(recording.rate, RATE);
        assert_eq!(recording.samples, [0, 16_384, -32_768, 32_767]);
        assert!(!loops_whole(&path, 4));
    }

    #[test]
    fn a_loop_is_found_only_at_its_full_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loop.wav");
        let sound = [0.1; 100];
        write(&path, &[&sound, &sound], true).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(le_u32(&bytes, 4) as usize + 8, bytes.len());
        assert!(loops_whole(&path, 100));
        assert!(!loops_whole(&path, 99));
        assert!(!loops_whole(&dir.path().join("absent.wav"), 100));
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(read_mono(b"not a wav"), None);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stereo.wav");
        write(&path, &[&[0.1, 0.1], &[0.1, 0.1]], false).unwrap();
        assert_eq!(read_mono(&std::fs::read(&path).unwrap()), None);
    }

    #[test]
    fn a_piped_header_does_not_cut_the_samples() {
        let mut bytes = header(1, &[], 0x7fff_f000);
        bytes.extend_from_slice(&[1, 0, 2, 0, 3]);
        assert_eq!(read_mono(&bytes).unwrap().samples, [1, 2]);
    }
}
