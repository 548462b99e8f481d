//! What reading all of a file tells: lengths, rates, damage. Headers are compared with it, never believed.
//!
//! Neighbours: `probe` asks and draws the conclusions; `ffi_input` reads, `ffi_decoder` decodes.

use std::path::Path;

use crate::decode::{MICROS, open_input};
use crate::error::RenderError;
use crate::ffi_decoder::{Care, Decoder, Received};
use crate::ffi_frame::Frame;
use crate::ffi_input::{Input, StreamInfo, StreamKind};
use crate::ffi_output::rescale;
use crate::ffi_packet::Packet;

/// Packets read to measure a length; six hours of film and sound have fewer.
const MAX_PACKETS: u64 = 3_000_000;
/// Longer files are not measured but refused: nobody edits a day of video into a short one.
const MAX_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Sound is decoded to its end up to this length; beyond, its packets are believed.
const MAX_HEARD_MICROS: i64 = 30 * 60 * 1_000_000;
/// Share of frames that may stand at another distance than most before a rate counts as varying.
const UNSTEADY_SHARE: usize = 20;

/// What the packets of a file tell.
pub(crate) struct Measured {
    /// From the first to the end of the last packet of the stream asked for, microseconds.
    pub(crate) micros: i64,
    /// The longest that all streams together may be said to last, microseconds: from the first packet of any, or
    /// from zero, to the end of the last.
    pub(crate) whole_micros: i64,
    /// Packets of the stream asked for.
    pub(crate) packets: u64,
    /// Whether they stand at even distances.
    pub(crate) steady: bool,
}

/// First and last moment of something, in microseconds.
#[derive(Clone, Copy)]
struct Span {
    first: i64,
    end: i64,
    /// Sum of lengths, for streams without times.
    bare: i64,
}

impl Span {
    const NONE: Self = Self {
        first: i64::MAX,
        end: i64::MIN,
        bare: 0,
    };

    fn add(&mut self, time: Option<i64>, length: i64) {
        self.bare = self.bare.saturating_add(length);
        if let Some(time) = time {
            self.first = self.first.min(time);
            self.end = self.end.max(time.saturating_add(length));
        }
    }

    fn length(self) -> i64 {
        if self.end > self.first {
            self.end.saturating_sub(self.first)
        } else {
            self.bare
        }
    }
}

/// Reads every packet of a file without decoding.
pub(crate) fn measure(mut input: Input, stream: usize) -> Result<Measured, RenderError> {
    let units: Vec<(i32, i32)> = input.streams().iter().map(|info| info.time_base).collect();
    let mut packet = Packet::empty()?;
    let (mut own, mut whole, mut times) = (Span::NONE, Span::NONE, Vec::new());
    let (mut read, mut packets) = (0u64, 0u64);
    // Damage in the middle ends the measurement, not the file's life: what was read so far is what there is.
    while read < MAX_PACKETS && input.read(&mut packet).unwrap_or(false) {
        read += 1;
        let Some(unit) = units.get(packet.stream()).filter(|_| !packet.is_hidden()) else {
            continue;
        };
        let micros = |time: i64| rescale(time, *unit, MICROS);
        let time = packet.pts().or(packet.dts()).map(micros);
        let length = micros(packet.duration().max(0));
        whole.add(time, length);
        if packet.stream() == stream {
            packets += 1;
            own.add(time, length);
            times.extend(packet.pts().map(micros));
        }
    }
    let micros = own.length();
    if read >= MAX_PACKETS || micros > MAX_MICROS {
        return Err(RenderError::limit(
            format!(
                "the recording is longer than {} hours",
                MAX_MICROS / 3_600_000_000
            ),
            "cut the part you need first",
        ));
    }
    Ok(Measured {
        micros,
        whole_micros: whole.length().max(whole.end),
        packets,
        // Without times of their own for all frames nothing can be said.
        steady: times.len() as u64 != packets || is_steady(&mut times),
    })
}

/// Whether nearly all neighbours stand at the same distance. Containers round times to a millisecond or two.
fn is_steady(times: &mut [i64]) -> bool {
    times.sort_unstable();
    let usual = median(distances(times, 0));
    // Some packets are never shown but only decoded from: they stand almost on their neighbours.
    let between = distances(times, usual / 4);
    let usual = median(between.clone());
    let room = (usual / 4).max(2500).unsigned_abs();
    let odd = between
        .iter()
        .filter(|distance| distance.abs_diff(usual) > room)
        .count();
    odd * UNSTEADY_SHARE <= between.len()
}

/// Distances between times in order; a time less than `least` after the one before is passed over.
fn distances(times: &[i64], least: i64) -> Vec<i64> {
    let mut last: Option<i64> = None;
    let mut found = Vec::with_capacity(times.len());
    for time in times {
        let distance = last.map(|last| time.saturating_sub(last));
        if distance.is_some_and(|distance| distance < least) {
            continue;
        }
        found.extend(distance);
        last = Some(*time);
    }
    found
}

fn median(mut numbers: Vec<i64>) -> i64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// What decoding a sound tells.
pub(crate) struct Heard {
    /// The stream, with channels and rate as decoded.
    pub(crate) info: StreamInfo,
    /// Time of its first sample, microseconds, in the container's clock.
    pub(crate) first_micros: Option<i64>,
    /// Length of what came out, microseconds.
    pub(crate) micros: i64,
    /// Whether parts could not be decoded.
    pub(crate) damaged: bool,
}

/// How much of a sound is decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// The first piece.
    Begin,
    /// All of it, within reason.
    Through,
}

/// Decodes the best sound of a file; `None` when there is none or nothing comes out.
pub(crate) fn hear(path: &Path, listen: Listen) -> Result<Option<Heard>, RenderError> {
    /// Packets tried until a sound gives the first piece of itself.
    const TRIES: u32 = 200;
    let mut input = open_input(path)?;
    let Some(index) = input.best_stream(StreamKind::Audio) else {
        return Ok(None);
    };
    let info = input.stream(index);
    input.only(index);
    let Ok(mut decoder) = Decoder::open(&input, index, Care::Whole) else {
        return Ok(None);
    };
    let (mut packet, mut frame) = (Packet::empty()?, Frame::empty()?);
    let mut heard = Heard {
        first_micros: None,
        micros: 0,
        damaged: false,
        info,
    };
    let (mut more, mut tries, mut samples, mut failed) = (true, 0, 0u64, false);
    while more {
        more = input.read(&mut packet).unwrap_or(false);
        if more && (packet.stream() != index) {
            continue;
        }
        tries += 1;
        // A damaged packet is not the end: the next one may be whole.
        failed |= decoder.send(more.then_some(&packet)).is_err();
        loop {
            match decoder.receive(&mut frame) {
                Ok(Received::Frame) => {}
                Ok(Received::End | Received::Starved) => break,
                Err(_) => {
                    failed = true;
                    break;
                }
            }
            if frame.samples() == 0 || frame.sample_rate() == 0 {
                continue;
            }
            if samples == 0 {
                heard.begin(&frame);
            } else {
                // Tags and rubbish before or after the sound are no damage; a hole in it is.
                heard.damaged |= failed;
            }
            failed = false;
            samples += u64::from(frame.samples());
            heard.micros = micros_of(samples, heard.info.sample_rate);
        }
        let enough = match listen {
            Listen::Begin => samples > 0 || tries >= TRIES,
            Listen::Through => heard.micros >= MAX_HEARD_MICROS,
        };
        if enough {
            break;
        }
    }
    Ok((samples > 0).then_some(heard))
}

impl Heard {
    /// The first piece: the decoder knows channels and rate better than the header.
    fn begin(&mut self, frame: &Frame) {
        let unit = self.info.time_base;
        self.first_micros = frame.timestamp().map(|time| rescale(time, unit, MICROS));
        self.info.channels = frame.channels();
        self.info.sample_rate = frame.sample_rate();
    }

    /// Whether it was cut off because it is long.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.micros >= MAX_HEARD_MICROS
    }
}

fn micros_of(samples: u64, rate: u32) -> i64 {
    let micros = u128::from(samples) * 1_000_000 / u128::from(rate.max(1));
    i64::try_from(micros).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_rates_are_told_from_varying_ones() {
        let thirty = |frame: i64| (frame * 1_000_000 + 15) / 30;
        let mut even: Vec<i64> = (0..90).map(thirty).collect();
        even.reverse();
        assert!(is_steady(&mut even), "order of decoding does not matter");
        let mut rounded: Vec<i64> = (0..90).map(|frame| thirty(frame) / 1000 * 1000).collect();
        assert!(is_steady(&mut rounded));
        let mut phone: Vec<i64> = (0..90).map(|frame| thirty(frame + frame / 7)).collect();
        assert!(!is_steady(&mut phone));
        assert!(is_steady(&mut []) && is_steady(&mut [5]));
        let mut hidden: Vec<i64> = (0..90)
            .flat_map(|frame| {
                let shown = thirty(frame);
                (frame % 8 == 0)
                    .then_some(shown + 1000)
                    .into_iter()
                    .chain([shown])
            })
            .collect();
        assert!(is_steady(&mut hidden));
    }

    #[test]
    fn spans_reach_from_the_first_to_the_last_moment() {
        let mut span = Span::NONE;
        span.add(Some(500), 40);
        span.add(Some(420), 40);
        assert_eq!(span.length(), 120);
        let mut bare = Span::NONE;
        bare.add(None, 40);
        bare.add(None, 40);
        assert_eq!(bare.length(), 80);
    }
}
