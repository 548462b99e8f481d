//! The finished mix as packets of a codec, or as a file of its own.
//!
//! AAC: the video file this soundtrack ends in has no edit list, so players hear the decoder's first 1024 samples (its
//! priming). The encoder is therefore fed from sample 1024 on: decoded sample i, priming counted, is sample i of the
//! timeline. Packets carry the time base 1/48000 and start at 0. Opus (in Matroska) and MP3 say how many samples a
//! player drops at the start, so they are fed from sample 0. The bytes depend on nothing but the sound and the encoder's
//! version. The muxer in the picture half of this crate copies the packets of AAC and Opus; MP3 and WAV are finished.

use std::path::{Path, PathBuf};

use fenta_workflows::action::AudioEncoding;
use ffmpeg_next::codec::Flags;
use ffmpeg_next::codec::context::Context;
use ffmpeg_next::codec::encoder::audio::Encoder;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::format::{Sample, sample::Type};
use ffmpeg_next::util::frame::Audio as Frame;
use ffmpeg_next::{ChannelLayout, Dictionary, Error, Packet, Rational, encoder};

use super::RATE;
use super::error::AudioError;
use super::pcm::Stereo;

/// Samples in an AAC-LC frame; also what the decoder plays before the first sample it was given.
pub(crate) const FRAME: usize = 1024;

/// How a sound is written by one of FFmpeg's encoders.
struct Codec {
    encoder: &'static str,
    /// FFmpeg's container.
    muxer: &'static str,
    /// Name of the file.
    file: &'static str,
    samples: Sample,
    /// Bit rates it takes, kbit/s.
    rates: std::ops::RangeInclusive<u32>,
}

impl Codec {
    /// Whether the decoder's priming takes the place of the first samples.
    fn is_primed(&self) -> bool {
        self.encoder == "aac"
    }
}

const CODECS: [Codec; 4] = [
    Codec {
        encoder: "aac",
        muxer: "nut",
        file: "audio.nut",
        samples: Sample::F32(Type::Planar),
        rates: 32..=512,
    },
    Codec {
        encoder: "libopus",
        muxer: "matroska",
        file: "audio.mka",
        samples: Sample::F32(Type::Packed),
        rates: 32..=512,
    },
    Codec {
        encoder: "libmp3lame",
        muxer: "mp3",
        file: "audio.mp3",
        samples: Sample::F32(Type::Planar),
        rates: 32..=512,
    },
    Codec {
        encoder: "pcm_s16le",
        muxer: "wav",
        file: "audio.wav",
        samples: Sample::I16(Type::Packed),
        rates: 0..=u32::MAX,
    },
];

/// The name of the file a sound becomes.
///
/// # Errors
/// An encoder that is not offered.
pub(crate) fn file_name(encoding: &AudioEncoding) -> Result<&'static str, AudioError> {
    codec(encoding).map(|codec| codec.file)
}

/// Encodes a sound that is there as a whole.
#[cfg(test)]
pub(crate) fn write(
    path: &Path,
    sound: &Stereo,
    encoding: &AudioEncoding,
) -> Result<(), AudioError> {
    let mut writer = Writer::create(path, sound.len(), encoding)?;
    writer.add(sound)?;
    writer.end()
}

/// Encodes a sound that comes in blocks; AAC decodes to the sound's length rounded up to whole frames, the others to its
/// length.
pub(crate) struct Writer {
    encoder: Encoder,
    output: Output,
    codec: &'static Codec,
    path: PathBuf,
    /// What is not a whole frame yet.
    waiting: Stereo,
    /// Samples at the beginning that are not encoded: the decoder plays its priming in their place.
    skip: usize,
    /// Samples of a frame.
    size: usize,
    /// Samples that were fed.
    fed: usize,
    /// Packets of AAC that decode to the sound's length.
    wanted: usize,
    written: usize,
}

impl Writer {
    /// Begins a file of `samples` samples.
    pub(crate) fn create(
        path: &Path,
        samples: usize,
        encoding: &AudioEncoding,
    ) -> Result<Self, AudioError> {
        let codec = codec(encoding)?;
        let begin = || {
            ffmpeg_next::init()?;
            let encoder = open_encoder(encoding, codec)?;
            let mut output = open_output(path, codec)?;
            output.add_stream_with(&encoder)?;
            let options: &[(&str, &str)] = match codec.muxer {
                "mp3" => &[("fflags", "+bitexact"), ("id3v2_version", "0")],
                _ => &[("fflags", "+bitexact")],
            };
            output.write_header_with(Dictionary::from_iter(options.iter().copied()))?;
            Ok((encoder, output))
        };
        let (encoder, output) = begin().map_err(|error| failed(path, error))?;
        let size = match encoder.frame_size() as usize {
            0 => FRAME,
            size => size,
        };
        Ok(Self {
            encoder,
            output,
            codec,
            path: path.to_owned(),
            waiting: Stereo::default(),
            skip: if codec.is_primed() { FRAME } else { 0 },
            size: if codec.is_primed() { FRAME } else { size },
            fed: 0,
            wanted: samples.div_ceil(FRAME),
            written: 0,
        })
    }

    /// Encodes what comes next.
    pub(crate) fn add(&mut self, block: &Stereo) -> Result<(), AudioError> {
        self.waiting.extend(block);
        let skipped = self.skip.min(self.waiting.len());
        self.skip -= skipped;
        self.waiting.drop_first(skipped);
        self.feed_whole().map_err(|error| failed(&self.path, error))
    }

    /// Encodes what is left and finishes the file.
    pub(crate) fn end(mut self) -> Result<(), AudioError> {
        self.finish().map_err(|error| failed(&self.path, error))
    }

    fn feed_whole(&mut self) -> Result<(), Error> {
        let mut start = 0;
        while start + self.size <= self.waiting.len() {
            self.feed(start, self.size)?;
            start += self.size;
        }
        self.waiting.drop_first(start);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.codec.is_primed() {
            // The first packet decodes to the priming; each frame fed adds one more. The last ones are padded.
            while self.fed < self.wanted * FRAME {
                self.waiting.resize(FRAME);
                self.feed(0, FRAME)?;
                self.waiting.clear();
            }
        } else if self.waiting.len() > 0 {
            self.feed(0, self.waiting.len())?;
        }
        self.encoder.send_eof()?;
        self.write_packets()?;
        if self.codec.is_primed() && self.written != self.wanted {
            return Err(Error::Bug);
        }
        self.output.write_trailer()
    }

    /// Feeds one frame of what waits.
    fn feed(&mut self, start: usize, count: usize) -> Result<(), Error> {
        let mut frame = frame_of(&self.waiting, (start, count), self.codec.samples)?;
        frame.set_pts(Some(self.fed as i64));
        self.fed += count;
        self.encoder.send_frame(&frame)?;
        self.write_packets()
    }

    fn write_packets(&mut self) -> Result<(), Error> {
        let unit = self
            .output
            .stream(0)
            .ok_or(Error::StreamNotFound)?
            .time_base();
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            if self.codec.is_primed() {
                // No more than decode to the sound's length; times are counted.
                if self.written < self.wanted {
                    let data = packet.data().unwrap_or(&[]);
                    primed(data, self.written).write(&mut self.output)?;
                    self.written += 1;
                }
            } else {
                // The times that the encoder gives say what a player drops.
                packet.set_stream(0);
                packet.rescale_ts(Rational::new(1, RATE as i32), unit);
                packet.write(&mut self.output)?;
            }
            packet = Packet::empty();
        }
        Ok(())
    }
}

fn failed(path: &Path, error: Error) -> AudioError {
    AudioError::Encode {
        path: path.to_owned(),
        detail: error.to_string(),
    }
}

/// A packet of AAC with the time of its number.
fn primed(data: &[u8], number: usize) -> Packet {
    let mut packet = Packet::copy(data);
    let time = (number * FRAME) as i64;
    packet.set_pts(Some(time));
    packet.set_dts(Some(time));
    packet.set_duration(FRAME as i64);
    packet.set_stream(0);
    packet.set_flags(ffmpeg_next::codec::packet::Flags::KEY);
    packet
}

fn codec(encoding: &AudioEncoding) -> Result<&'static Codec, AudioError> {
    let Some(codec) = CODECS
        .iter()
        .find(|codec| codec.encoder == encoding.encoder)
    else {
        return Err(AudioError::OutOfRange {
            what: "the audio encoder",
            seen: format!("`{}`", encoding.encoder),
            limit: "`aac`, `libopus`, `libmp3lame` or `pcm_s16le`",
        });
    };
    if !codec.rates.contains(&encoding.bitrate_kbps) {
        return Err(AudioError::OutOfRange {
            what: "the audio bit rate",
            seen: format!("{} kbit/s", encoding.bitrate_kbps),
            limit: "between 32 and 512 kbit/s",
        });
    }
    Ok(codec)
}

fn open_output(path: &Path, codec: &Codec) -> Result<Output, Error> {
    ffmpeg_next::format::output_as(path, codec.muxer)
}

fn open_encoder(encoding: &AudioEncoding, codec: &Codec) -> Result<Encoder, Error> {
    let found = encoder::find_by_name(codec.encoder).ok_or(Error::EncoderNotFound)?;
    let mut audio = Context::new_with_codec(found).encoder().audio()?;
    audio.set_rate(RATE as i32);
    audio.set_format(codec.samples);
    audio.set_channel_layout(ChannelLayout::STEREO);
    if codec.encoder != "pcm_s16le" {
        let most = if codec.encoder == "libmp3lame" {
            320
        } else {
            512
        };
        audio.set_bit_rate(encoding.bitrate_kbps.min(most) as usize * 1000);
    }
    audio.set_time_base(Rational::new(1, RATE as i32));
    audio.set_flags(Flags::BITEXACT | Flags::GLOBAL_HEADER);
    audio.open()
}

/// Samples of the sound in an encoder's form.
fn frame_of(sound: &Stereo, (start, count): (usize, usize), form: Sample) -> Result<Frame, Error> {
    let mut frame = Frame::new(form, count, ChannelLayout::STEREO);
    if frame.planes() == 0 {
        return Err(Error::Other {
            errno: ffmpeg_next::error::ENOMEM,
        });
    }
    frame.set_rate(RATE);
    let channels = [
        &sound.left[start..start + count],
        &sound.right[start..start + count],
    ];
    match form {
        Sample::F32(Type::Planar) => {
            for (plane, from) in channels.into_iter().enumerate() {
                frame.plane_mut::<f32>(plane)[..count].copy_from_slice(from);
            }
        }
        Sample::F32(Type::Packed) => {
            let pairs = channels[0].iter().zip(channels[1]);
            for (to, (left, right)) in frame.plane_mut::<(f32, f32)>(0).iter_mut().zip(pairs) {
                *to = (*left, *right);
            }
        }
        Sample::I16(Type::Packed) => {
            let level = |value: f32| (value * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16;
            let pairs = channels[0].iter().zip(channels[1]);
            for (to, (left, right)) in frame.plane_mut::<(i16, i16)>(0).iter_mut().zip(pairs) {
                *to = (level(*left), level(*right));
            }
        }
        _ => return Err(Error::Bug),
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::ffi_decode;

    fn encoding() -> AudioEncoding {
        AudioEncoding {
            encoder: "aac".to_owned(),
            bitrate_kbps: 192,
        }
    }

    fn click_at(at: usize, samples: usize) -> Stereo {
        let mut sound = Stereo::silence(samples);
        // A short band-limited pulse survives the codec better than a single sample.
        for (offset, value) in [(-2, 0.1), (-1, 0.4), (0, 0.8), (1, 0.4), (2, 0.1)] {
            let n = at.checked_add_signed(offset).unwrap();
            sound.left[n] = value;
            sound.right[n] = value;
        }
        sound
    }

    #[test]
    fn a_decoded_sample_is_the_timelines_sample() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("click.nut");
        for at in [48_000, 50_001, 95_000] {
            write(&path, &click_at(at, 96_100), &encoding()).unwrap();
            let heard = ffi_decode::read(&path, usize::MAX).unwrap();
            assert_eq!(heard.len(), 96_100usize.div_ceil(FRAME) * FRAME);
            let loudest = (0..heard.len())
                .max_by(|a, b| heard.left[*a].abs().total_cmp(&heard.left[*b].abs()))
                .unwrap();
            assert!(loudest.abs_diff(at) <= 1, "{loudest} instead of {at}");
        }
    }

    #[test]
    fn other_codecs_keep_time_and_length() {
        let dir = tempfile::tempdir().unwrap();
        for (encoder, most_off) in [("libopus", 2), ("libmp3lame", 2), ("pcm_s16le", 0)] {
            let encoding = AudioEncoding {
                encoder: encoder.to_owned(),
                bitrate_kbps: 192,
            };
            let path = dir.path().join(file_name(&encoding).unwrap());
            write(&path, &click_at(50_001, 96_100), &encoding).unwrap();
            let heard = ffi_decode::read(&path, usize::MAX).unwrap();
            assert!(
                heard.len().abs_diff(96_100) <= 1200,
                "{encoder}: {}",
                heard.len()
            );
            let loudest = (0..heard.len())
                .max_by(|a, b| heard.left[*a].abs().total_cmp(&heard.left[*b].abs()))
                .unwrap();
            assert!(loudest.abs_diff(50_001) <= most_off, "{encoder}: {loudest}");
            let bytes = std::fs::read(&path).unwrap();
            write(&path, &click_at(50_001, 96_100), &encoding).unwrap();
            assert_eq!(bytes, std::fs::read(&path).unwrap(), "{encoder}");
        }
    }

    #[test]
    fn the_same_sound_gives_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.nut"), dir.path().join("b.nut"));
        write(&a, &click_at(9000, 20_000), &encoding()).unwrap();
        write(&b, &click_at(9000, 20_000), &encoding()).unwrap();
        let bytes = std::fs::read(&a).unwrap();
        assert_eq!(bytes, std::fs::read(&b).unwrap());
        assert!(!bytes.windows(4).any(|text| text == b"Lavf"));
    }

    #[test]
    fn blocks_of_any_length_give_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for (encoder, samples) in [
            ("aac", 20_000),
            ("aac", 900),
            ("libopus", 20_000),
            ("pcm_s16le", 5000),
        ] {
            let encoding = AudioEncoding {
                encoder: encoder.to_owned(),
                bitrate_kbps: 128,
            };
            let sound = click_at(600, samples);
            let path = dir.path().join(file_name(&encoding).unwrap());
            write(&path, &sound, &encoding).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            for size in [100, 1024, 4800] {
                let mut writer = Writer::create(&path, samples, &encoding).unwrap();
                for start in (0..samples).step_by(size) {
                    writer
                        .add(&sound.part(start, size.min(samples - start)))
                        .unwrap();
                }
                writer.end().unwrap();
                assert!(bytes == std::fs::read(&path).unwrap(), "{encoder} {size}");
            }
        }
    }

    #[test]
    fn the_first_packet_is_at_zero_in_sample_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.nut");
        write(&path, &click_at(9000, 20_000), &encoding()).unwrap();
        let mut input = ffmpeg_next::format::input(&path).unwrap();
        assert_eq!(
            input.stream(0).unwrap().time_base(),
            Rational::new(1, 48_000)
        );
        let times: Vec<_> = input.packets().map(|(_, packet)| packet.pts()).collect();
        assert_eq!(times[..3], [Some(0), Some(1024), Some(2048)]);
        assert_eq!(times.len(), 20);
    }

    #[test]
    fn other_encoders_and_bit_rates_are_refused() {
        let sound = click_at(10, 2000);
        let path = Path::new("unused.nut");
        let mut other = encoding();
        other.encoder = "libfdk_aac".to_owned();
        assert!(matches!(
            write(path, &sound, &other),
            Err(AudioError::OutOfRange { .. })
        ));
        let mut loud = encoding();
        loud.bitrate_kbps = 1000;
        assert!(matches!(
            write(path, &sound, &loud),
            Err(AudioError::OutOfRange { .. })
        ));
    }
}
