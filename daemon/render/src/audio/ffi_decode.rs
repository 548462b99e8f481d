//! Any recording FFmpeg reads, as stereo `f32` at 48 kHz.
//!
//! FFmpeg demuxes and decodes; channels are folded and rates changed by our own code, so that the same file gives the
//! same samples with every FFmpeg build that decodes it alike. A recording is played block by block, however long it is.
//! Used by the mix for its sources and for measuring what it has encoded.

use std::cell::Cell;
use std::path::Path;

use ffmpeg_next::codec::context::Context;
use ffmpeg_next::codec::decoder;
use ffmpeg_next::format::{Sample, context::Input};
use ffmpeg_next::util::frame::Audio as Frame;
use ffmpeg_next::{Dictionary, Error, Packet, media};

use super::RATE;
use super::error::AudioError;
use super::pcm::Stereo;
use super::resample::Resampler;

/// Demuxers that read nothing but the file itself.
const FORMATS: &str =
    "aac,ac3,aiff,amr,asf,au,avi,caf,flac,matroska,mov,mp3,mpegts,nut,ogg,w64,wav,wv";

/// What takes the blocks of a recording.
type Sink<'a> = &'a mut dyn FnMut(&Stereo) -> Result<(), AudioError>;

/// What is decoded so far, at the file's own rate.
struct Heard {
    rate: u32,
    /// Samples that were handed on.
    gone: usize,
    /// What was not: a later piece may take its end back.
    sound: Stereo,
    /// Time of the first sample in the file's own time, seconds.
    begins: Option<f64>,
    drift: Drift,
}

/// How long pieces have been off to one side by more than containers round.
#[derive(Clone, Copy, Default)]
struct Drift {
    /// The least they were off, seconds; its sign says to which side.
    least: f64,
    /// Samples since the first of them.
    samples: usize,
}

impl Heard {
    fn len(&self) -> usize {
        self.gone + self.sound.len()
    }

    /// Samples that are missing before a piece of `length` that sounds `at` seconds in the file's own time; below zero,
    /// samples of it that are too many. Recordings lose packets, and their clocks run a little fast or slow; what follows
    /// must stay under its picture. What lies off once by less than a frame is how containers round; what stays off is
    /// not. More than a minute, or a second back, is a broken time.
    fn missing(&mut self, at: Option<f64>, length: usize) -> i64 {
        const GAP_S: std::ops::Range<f64> = 0.03..60.0;
        const OVERLAP_S: std::ops::Range<f64> = -1.0..-0.03;
        const OFF_S: f64 = 0.01;
        let (Some(at), Some(begins)) = (at, self.begins) else {
            return 0;
        };
        let rate = f64::from(self.rate);
        let late = at - begins - self.len() as f64 / rate;
        let far = GAP_S.contains(&late) || OVERLAP_S.contains(&late);
        let off = if far {
            late
        } else if (OFF_S..1.0).contains(&late.abs()) {
            self.drift.note(late, length);
            if (self.drift.samples as f64) < rate {
                return 0;
            }
            self.drift.least
        } else {
            self.drift = Drift::default();
            return 0;
        };
        self.drift = Drift::default();
        (off * rate).round() as i64
    }

    /// Adds what is missing as silence, or takes away what is too much, at most a second.
    fn shift(&mut self, samples: i64) {
        let length = self.sound.len() as i64 + samples;
        self.sound.resize(usize::try_from(length).unwrap_or(0));
    }

    /// Hands on what no later piece can take back; at the end, all of it.
    fn hand_on(&mut self, ends: bool, outlet: &mut Outlet<'_>) -> Result<(), AudioError> {
        let back = if ends { 0 } else { self.rate as usize };
        let ready = self.sound.len().saturating_sub(back);
        // In whole seconds, so that little is moved to and fro.
        if ends || ready >= self.rate as usize {
            let rest = Stereo {
                left: self.sound.left.split_off(ready),
                right: self.sound.right.split_off(ready),
            };
            let block = std::mem::replace(&mut self.sound, rest);
            self.gone += block.len();
            outlet.add(self.rate, &block)?;
        }
        Ok(())
    }
}

/// Brings what is decoded to the house rate and to its longest length.
struct Outlet<'a> {
    channels: Option<[Resampler; 2]>,
    /// Samples that may still be given.
    room: usize,
    given: usize,
    sink: Sink<'a>,
}

impl Outlet<'_> {
    fn add(&mut self, rate: u32, block: &Stereo) -> Result<(), AudioError> {
        let channels = self
            .channels
            .get_or_insert_with(|| std::array::from_fn(|_| Resampler::new(rate, RATE)));
        let mut made = Stereo::default();
        let samples = [&block.left, &block.right];
        for ((into, channel), from) in made.channels_mut().into_iter().zip(channels).zip(samples) {
            channel.add(from, into);
        }
        self.give(made)
    }

    fn end(&mut self) -> Result<(), AudioError> {
        let mut made = Stereo::default();
        let channels = self.channels.iter_mut().flatten();
        for (into, channel) in made.channels_mut().into_iter().zip(channels) {
            channel.end(into);
        }
        self.give(made)
    }

    fn give(&mut self, mut block: Stereo) -> Result<(), AudioError> {
        if block.len() > self.room {
            block.resize(self.room);
        }
        if block.len() == 0 {
            return Ok(());
        }
        self.room -= block.len();
        self.given += block.len();
        (self.sink)(&block)
    }
}

impl Drift {
    /// Notes how far off a piece is; one that is off to the other side begins anew.
    fn note(&mut self, late: f64, length: usize) {
        if self.samples == 0 || late.signum() != self.least.signum() {
            *self = Self {
                least: late,
                samples: 0,
            };
        }
        if late.abs() < self.least.abs() {
            self.least = late;
        }
        self.samples += length;
    }
}

/// Decodes the best audio stream of a file, at most `longest` samples of the result.
pub(crate) fn read(path: &Path, longest: usize) -> Result<Stereo, AudioError> {
    let mut sound = Stereo::default();
    play(path, longest, &mut |block| {
        sound.extend(block);
        Ok(())
    })?;
    Ok(sound)
}

/// The same block by block; the samples that were played.
pub(crate) fn play(path: &Path, longest: usize, sink: Sink<'_>) -> Result<usize, AudioError> {
    open_and_play(path, longest, &mut |_, block| sink(block))
}

/// The same with sample 0 at the file's first picture: what sounds before it is left out, a sound that begins later has
/// silence before it. A file without pictures is played as it is.
pub(crate) fn play_under_picture(
    path: &Path,
    longest: usize,
    sink: Sink<'_>,
) -> Result<usize, AudioError> {
    // Files whose streams lie further apart than this have broken times.
    const FURTHEST_S: f64 = 3600.0;
    let mut skip = None;
    let mut given = 0;
    open_and_play(path, longest, &mut |later, block| {
        let mut left = match skip {
            Some(left) => left,
            None => {
                let shift = (later.clamp(-FURTHEST_S, FURTHEST_S) * f64::from(RATE)).round() as i64;
                let silence = usize::try_from(shift).unwrap_or(0).min(longest);
                for start in (0..silence).step_by(RATE as usize) {
                    sink(&Stereo::silence((silence - start).min(RATE as usize)))?;
                }
                given = silence;
                usize::try_from(-shift).unwrap_or(0)
            }
        };
        let dropped = left.min(block.len());
        left -= dropped;
        skip = Some(left);
        let count = (block.len() - dropped).min(longest - given);
        given += count;
        if count == 0 {
            return Ok(());
        }
        sink(&block.part(dropped, count))
    })?;
    Ok(given)
}

/// Plays the sound; every block comes with how much later than the first picture the sound begins, seconds.
fn open_and_play(
    path: &Path,
    longest: usize,
    sink: &mut dyn FnMut(f64, &Stereo) -> Result<(), AudioError>,
) -> Result<usize, AudioError> {
    let failed = |error: Error| AudioError::Decode {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    ffmpeg_next::init().map_err(failed)?;
    let options = Dictionary::from_iter([
        ("protocol_whitelist", "file"),
        ("format_whitelist", FORMATS),
    ]);
    let mut input = ffmpeg_next::format::input_with_dictionary(path, options).map_err(failed)?;
    let stream = input
        .streams()
        .best(media::Type::Audio)
        .ok_or_else(|| AudioError::NoAudio(path.to_owned()))?;
    let index = stream.index();
    let unit = f64::from(stream.time_base());
    let picture = first_picture(&input);
    let time_base = stream.time_base();
    let mut decoder = Context::from_parameters(stream.parameters())
        .and_then(|context| {
            let mut decoder = context.decoder();
            // Without it the decoder cuts off what an encoder put before the sound, and leaves the time as it was.
            decoder.set_packet_time_base(time_base);
            decoder.audio()
        })
        .map_err(failed)?;
    let mut heard = Heard {
        rate: RATE,
        gone: 0,
        sound: Stereo::default(),
        begins: None,
        drift: Drift::default(),
    };
    let begins = Cell::new(None);
    let mut outlet = Outlet {
        channels: None,
        room: longest,
        given: 0,
        sink: &mut |block| {
            let later = begins.get().zip(picture);
            sink(
                later.map_or(0.0, |(sound, picture): (f64, f64)| sound - picture),
                block,
            )
        },
    };
    let mut ends = false;
    while !ends {
        ends = !decode_some(&mut input, (index, unit), &mut decoder, &mut heard).map_err(failed)?
            || is_enough(&heard, longest);
        begins.set(heard.begins);
        heard.hand_on(ends, &mut outlet)?;
    }
    outlet.end()?;
    if outlet.given == 0 {
        return Err(failed(Error::InvalidData));
    }
    Ok(outlet.given)
}

/// When the first picture of a film is shown, in the file's own time, seconds; a cover does not count.
fn first_picture(input: &Input) -> Option<f64> {
    use ffmpeg_next::format::stream::Disposition;
    let stream = input.streams().best(media::Type::Video)?;
    let is_cover = stream.disposition().contains(Disposition::ATTACHED_PIC);
    let known = stream.start_time() != ffmpeg_next::ffi::AV_NOPTS_VALUE;
    (known && !is_cover).then(|| stream.start_time() as f64 * f64::from(stream.time_base()))
}

/// Decodes the next packet of a stream; false when it was the last.
fn decode_some(
    input: &mut Input,
    (index, unit): (usize, f64),
    decoder: &mut decoder::Audio,
    heard: &mut Heard,
) -> Result<bool, Error> {
    while let Some(packet) = next_packet(input)? {
        if packet.stream() != index {
            continue;
        }
        // One damaged packet costs its own sound, not the recording.
        match decoder.send_packet(&packet) {
            Ok(()) | Err(Error::InvalidData) => drain(decoder, unit, heard)?,
            Err(error) => return Err(error),
        }
        return Ok(true);
    }
    decoder.send_eof()?;
    drain(decoder, unit, heard)?;
    Ok(false)
}

/// Whether what is heard covers `longest` samples at the house rate.
fn is_enough(heard: &Heard, longest: usize) -> bool {
    heard.len() as u128 * u128::from(RATE) > longest as u128 * u128::from(heard.rate)
}

fn next_packet(input: &mut Input) -> Result<Option<Packet>, Error> {
    let mut packet = Packet::empty();
    loop {
        match packet.read(input) {
            Ok(()) => return Ok(Some(packet)),
            Err(Error::Eof) => return Ok(None),
            Err(Error::InvalidData) => {}
            Err(error) => return Err(error),
        }
    }
}

fn drain(decoder: &mut decoder::Audio, unit: f64, heard: &mut Heard) -> Result<(), Error> {
    let mut frame = Frame::empty();
    while decoder.receive_frame(&mut frame).is_ok() {
        if heard.len() == 0 {
            heard.rate = frame.rate();
            heard.begins = frame.timestamp().map(|at| at as f64 * unit);
        }
        if frame.rate() == 0 || frame.rate() != heard.rate {
            return Err(Error::InvalidData);
        }
        let at = frame.timestamp().map(|at| at as f64 * unit);
        let missing = heard.missing(at, frame.samples());
        heard.shift(missing);
        append(&frame, &mut heard.sound)?;
    }
    Ok(())
}

fn append(frame: &Frame, sound: &mut Stereo) -> Result<(), Error> {
    if frame.planes() == 0 || frame.channels() == 0 {
        return Err(Error::InvalidData);
    }
    match frame.format() {
        Sample::U8(_) => fold::<u8>(frame, sound, |s| (f32::from(s) - 128.0) / 128.0),
        Sample::I16(_) => fold::<i16>(frame, sound, |s| f32::from(s) / 32_768.0),
        Sample::I32(_) => fold::<i32>(frame, sound, |s| (f64::from(s) / 2_147_483_648.0) as f32),
        Sample::F32(_) => fold::<f32>(frame, sound, |s| s),
        Sample::F64(_) => fold::<f64>(frame, sound, |s| s as f32),
        Sample::I64(_) | Sample::None => return Err(Error::PatchWelcome),
    }
    Ok(())
}

/// Folds any number of channels to two: the first to the left, the second to the right, a third (centre) to both,
/// the low-frequency channel nowhere, surround channels to their sides.
fn fold<T: ffmpeg_next::util::frame::audio::Sample + Copy>(
    frame: &Frame,
    sound: &mut Stereo,
    convert: impl Fn(T) -> f32,
) {
    let channels = usize::from(frame.channels());
    let packed = frame.is_packed();
    let planes: Vec<&[T]> = (0..frame.planes())
        .map(|plane| frame.plane(plane))
        .collect();
    let sample = |channel: usize, n: usize| {
        convert(if packed {
            planes[0][n * channels + channel]
        } else {
            planes[channel][n]
        })
    };
    for n in 0..frame.samples() {
        let (mut left, mut right) = (0.0, 0.0);
        for channel in 0..channels {
            let (to_left, to_right) = fold_gains(channel, channels);
            let value = sample(channel, n);
            left += to_left * value;
            right += to_right * value;
        }
        sound.left.push(left);
        sound.right.push(right);
    }
}

/// How much of a channel goes to the left and to the right, in FFmpeg's native channel order.
const fn fold_gains(channel: usize, channels: usize) -> (f32, f32) {
    const SIDE: f32 = std::f32::consts::FRAC_1_SQRT_2;
    match (channel, channels) {
        (_, 1) => (1.0, 1.0),
        (0, _) => (1.0, 0.0),
        (1, _) => (0.0, 1.0),
        (2, _) => (SIDE, SIDE),
        (3, 4) => (SIDE * SIDE, SIDE * SIDE),
        (3, _) => (0.0, 0.0),
        (surround, _) if surround % 2 == 0 => (SIDE, 0.0),
        _ => (0.0, SIDE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav;

    #[test]
    fn a_wav_comes_back_sample_for_sample() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("two.wav");
        let left: Vec<f32> = (0..5000).map(|n| (n as f32 * 0.01).sin() * 0.5).collect();
        let right: Vec<f32> = left.iter().map(|sample| -sample).collect();
        wav::write(&path, &[&left, &right], false).unwrap();
        let sound = read(&path, usize::MAX).unwrap();
        assert_eq!(sound.len(), 5000);
        let worst = |a: &[f32], b: &[f32]| {
            a.iter()
                .zip(b)
                .fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()))
        };
        assert!(worst(&sound.left, &left) < 2.0 / 32_768.0);
        assert!(worst(&sound.right, &right) < 2.0 / 32_768.0);
    }

    #[test]
    fn one_channel_is_heard_on_both_sides_at_its_own_level() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.wav");
        wav::write(&path, &[&[0.5; 2000]], false).unwrap();
        let sound = read(&path, 1500).unwrap();
        assert_eq!(sound.len(), 1500);
        assert_eq!(sound.left, sound.right);
        assert!((sound.left[700] - 0.5).abs() < 1e-4);
    }

    #[test]
    fn what_is_not_sound_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        std::fs::write(&path, "just words, no sound at all").unwrap();
        let error = read(&path, 10).unwrap_err();
        assert!(matches!(error, AudioError::Decode { .. }), "{error}");
        assert!(error.to_string().contains("notes.txt"));
    }

    fn a_second_from_two() -> Heard {
        Heard {
            rate: 48_000,
            gone: 12_000,
            sound: Stereo::silence(36_000),
            begins: Some(2.0),
            drift: Drift::default(),
        }
    }

    #[test]
    fn a_hole_in_a_recording_is_silence() {
        let missing = |at| a_second_from_two().missing(at, 1024);
        assert_eq!(missing(Some(3.0)), 0);
        assert_eq!(missing(Some(3.02)), 0, "containers round");
        assert_eq!(missing(Some(3.5)), 24_000);
        assert_eq!(missing(Some(2.95)), -2400, "a part that is there twice");
        assert_eq!(missing(Some(1.5)), 0, "times that go back");
        assert_eq!(missing(Some(900.0)), 0, "broken times");
        assert_eq!(missing(None), 0);
    }

    #[test]
    fn a_clock_that_runs_fast_or_slow_is_followed() {
        for (every, side) in [(1.001, 1.0), (0.999, -1.0)] {
            let mut heard = a_second_from_two();
            let (mut given, mut worst) = (48_000, 0.0_f64);
            for _ in 0..5000 {
                let at = 2.0 + f64::from(given) / 48_000.0 * every;
                let shift = heard.missing(Some(at), 1024);
                heard.shift(shift + 1024);
                given += 1024;
                let due = f64::from(given) / 48_000.0 * every;
                worst = worst.max((due - heard.len() as f64 / 48_000.0).abs());
            }
            assert!(worst < 0.012, "{side}: {worst} s");
        }
        // Times that jump to and fro are how a file was written, not when it was heard.
        let mut heard = a_second_from_two();
        for piece in 0..500 {
            let off = if piece % 3 == 0 { 0.02 } else { -0.004 };
            let at = 2.0 + heard.len() as f64 / 48_000.0 + off;
            assert_eq!(heard.missing(Some(at), 1024), 0);
            heard.shift(1024);
        }
    }

    #[test]
    fn every_channel_of_a_surround_file_has_its_place() {
        assert_eq!(fold_gains(0, 6), (1.0, 0.0));
        assert_eq!(fold_gains(3, 6), (0.0, 0.0));
        assert!(fold_gains(4, 6).0 > 0.7 && fold_gains(4, 6).1 == 0.0);
        assert!(fold_gains(5, 6).1 > 0.7 && fold_gains(5, 6).0 == 0.0);
        assert_eq!(fold_gains(0, 1), (1.0, 1.0));
    }
}
