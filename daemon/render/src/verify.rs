//! Reads a finished file back: its packets are counted, its first and its last picture decoded.
//!
//! Neighbours: `mux` wrote it; `Output.Render` holds the facts against the timeline.

use std::path::Path;

use fenta_workflows::action::VerifyFacts;

use crate::decode::{Care, FrameReader, MICROS, open_input};
use crate::error::RenderError;
use crate::ffi_input::{Input, StreamKind};
use crate::ffi_output::rescale;
use crate::ffi_packet::Packet;

/// How far before the end reading begins for the last picture where no key frame is found, microseconds: more than the
/// longest distance of key frames.
const TAIL_MICROS: i64 = 4_500_000;
/// Times are rounded when they are searched.
const ROUNDED_MICROS: i64 = 1000;

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
        (width, height) = decode_ends(path, picture)?;
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
    /// The last packet that needs none before it.
    key: Option<i64>,
}

impl Seen {
    fn since_start(self, at: i64) -> i64 {
        at.saturating_sub(self.start.unwrap_or(0))
    }

    /// Where reading for the last picture may begin, the nearest to the end first: little of the film is decoded so. The last
    /// resort of a short film is its beginning.
    fn tails(self) -> impl Iterator<Item = i64> {
        let length = self.since_start(self.end);
        let key = self.key.map(|key| self.since_start(key) + ROUNDED_MICROS);
        let early = (length > TAIL_MICROS).then_some(length - TAIL_MICROS);
        key.into_iter().chain([early.unwrap_or(0)])
    }
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
                if packet.is_key() {
                    seen.key = seen.key.max(Some(at));
                }
            }
        }
    }
    Ok(seen)
}

/// Decodes the first and the last picture; the size both must have.
fn decode_ends(path: &Path, picture: Seen) -> Result<(u32, u32), RenderError> {
    let broken = |which: &str| {
        RenderError::internal(format!("the {which} picture of the file cannot be decoded"))
    };
    let mut reader = FrameReader::open(path, Care::Whole)?;
    let first = reader.next_frame()?.ok_or_else(|| broken("first"))?;
    let size = |frame: &crate::ffi_frame::Frame| {
        let format = frame.format();
        (format.width, format.height)
    };
    let first_size = size(&first.frame);
    let length = picture.since_start(picture.end);
    if length == 0 {
        return Ok(first_size);
    }
    for tail in picture.tails() {
        if tail == 0 {
            reader = FrameReader::open(path, Care::Whole)?;
        } else if !reader.seek(tail) {
            continue;
        }
        let mut last = None;
        while let Some(timed) = reader.next_frame()? {
            last = Some((timed.micros, size(&timed.frame)));
        }
        if last.is_some_and(|(at, size)| at + 100_000 >= length && size == first_size) {
            return Ok(first_size);
        }
    }
    Err(broken("last"))
}
