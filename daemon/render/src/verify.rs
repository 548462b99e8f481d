//! Reads a finished file back: its packets are counted, its first and its last picture decoded.
//!
//! Neighbours: `mux` wrote it; `Output.Render` holds the facts against the timeline.

use std::path::Path;

use fenta_workflows::action::VerifyFacts;

use crate::decode::{FrameReader, MICROS, open_input};
use crate::error::RenderError;
use crate::ffi_input::{Input, StreamKind};
use crate::ffi_output::rescale;
use crate::ffi_packet::Packet;

/// How far before the end reading begins for the last picture, microseconds: more than the longest distance of key
/// frames.
const TAIL_MICROS: i64 = 4_500_000;

/// Looks at a file.
///
/// # Errors
/// When the file cannot be read or its first or last picture cannot be decoded.
pub fn verify(path: &Path) -> Result<VerifyFacts, RenderError> {
    let mut input = open_input(path)?;
    let video = input.best_stream(StreamKind::Video);
    let audio = input.best_stream(StreamKind::Audio);
    let codec = |stream: Option<usize>| stream.map(|stream| input.stream(stream).codec);
    let (video_codec, audio_codec) = (codec(video), codec(audio));
    let seen = count(&mut input, [video, audio])?;
    let [picture, sound] = seen;
    let (mut width, mut height) = (0, 0);
    if video.is_some() {
        let length = picture.end.saturating_sub(picture.start.unwrap_or(0));
        (width, height) = decode_ends(path, length)?;
    }
    Ok(VerifyFacts {
        frames: picture.packets,
        width,
        height,
        video_codec,
        audio_codec,
        av_offset_micros: picture
            .start
            .zip(sound.start)
            .map_or(0, |(picture, sound)| picture - sound),
    })
}

/// What the packets of a stream tell, in microseconds.
#[derive(Clone, Copy, Default)]
struct Seen {
    packets: u64,
    start: Option<i64>,
    end: i64,
}

fn count(input: &mut Input, streams: [Option<usize>; 2]) -> Result<[Seen; 2], RenderError> {
    let mut seen = [Seen::default(); 2];
    let mut packet = Packet::empty()?;
    while input.read(&mut packet)? {
        for (stream, seen) in streams.iter().zip(&mut seen) {
            if *stream != Some(packet.stream()) {
                continue;
            }
            let unit = input.stream(packet.stream()).time_base;
            let at = packet.pts().map(|pts| rescale(pts, unit, MICROS));
            seen.packets += 1;
            if let Some(at) = at {
                seen.start = Some(seen.start.map_or(at, |start| start.min(at)));
                seen.end = seen.end.max(at);
            }
        }
    }
    Ok(seen)
}

/// Decodes the first and the last picture; the size both must have.
fn decode_ends(path: &Path, length: i64) -> Result<(u32, u32), RenderError> {
    let broken = |which: &str| {
        RenderError::internal(format!("the {which} picture of the file cannot be decoded"))
    };
    let mut reader = FrameReader::open(path, 1)?;
    let first = reader.next_frame()?.ok_or_else(|| broken("first"))?;
    let size = |frame: &crate::ffi_frame::Frame| {
        let format = frame.format();
        (format.width, format.height)
    };
    let first_size = size(&first.frame);
    if length > TAIL_MICROS && !reader.seek(length - TAIL_MICROS) {
        return Err(broken("last"));
    }
    let mut last = None;
    while let Some(timed) = reader.next_frame()? {
        last = Some((timed.micros, size(&timed.frame)));
    }
    match last {
        None if length == 0 => Ok(first_size),
        Some((at, size)) if at + 100_000 >= length && size == first_size => Ok(first_size),
        _ => Err(broken("last")),
    }
}
