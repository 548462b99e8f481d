//! The finished mix as packets of a codec, or as a file of its own.
//!
//! AAC: the video file this soundtrack ends in has no edit list, so players hear the decoder's first 1024 samples (its
//! priming). The encoder is therefore fed from sample 1024 on: decoded sample i, priming counted, is sample i of the
//! timeline. Packets carry the time base 1/48000 and start at 0. Opus (in Matroska) and MP3 say how many samples a
//! player drops at the start, so they are fed from sample 0. The bytes depend on nothing but the sound and the encoder's
//! version. The muxer in the picture half of this crate copies the packets of AAC and Opus; MP3 and WAV are finished.

use std::path::Path;

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

/// Encodes a sound; AAC decodes to the sound's length rounded up to whole frames, the others to its length.
pub(crate) fn write(
    path: &Path,
    sound: &Stereo,
    encoding: &AudioEncoding,
) -> Result<(), AudioError> {
    let codec = codec(encoding)?;
    ffmpeg_next::init()
        .and_then(|()| match codec.encoder {
            "aac" => encode_primed(path, sound, encoding, codec),
            _ => encode(path, sound, encoding, codec),
        })
        .map_err(|error| AudioError::Encode {
            path: path.to_owned(),
            detail: error.to_string(),
        })
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

fn encode_primed(
    path: &Path,
    sound: &Stereo,
    encoding: &AudioEncoding,
    codec: &Codec,
) -> Result<(), Error> {
    let mut encoder = open_encoder(encoding, codec)?;
    let mut output = open_output(path, codec)?;
    output.add_stream_with(&encoder)?;
    output.write_header_with(Dictionary::from_iter([("fflags", "+bitexact")]))?;
    for (number, data) in packets(&mut encoder, sound)?.iter().enumerate() {
        let mut packet = Packet::copy(data);
        let time = (number * FRAME) as i64;
        packet.set_pts(Some(time));
        packet.set_dts(Some(time));
        packet.set_duration(FRAME as i64);
        packet.set_stream(0);
        packet.set_flags(ffmpeg_next::codec::packet::Flags::KEY);
        packet.write(&mut output)?;
    }
    output.write_trailer()
}

/// With the times the encoder gives: they say what a player drops.
fn encode(
    path: &Path,
    sound: &Stereo,
    encoding: &AudioEncoding,
    codec: &Codec,
) -> Result<(), Error> {
    let mut encoder = open_encoder(encoding, codec)?;
    let mut output = open_output(path, codec)?;
    output.add_stream_with(&encoder)?;
    let options: &[(&str, &str)] = match codec.muxer {
        "mp3" => &[("fflags", "+bitexact"), ("id3v2_version", "0")],
        _ => &[("fflags", "+bitexact")],
    };
    output.write_header_with(Dictionary::from_iter(options.iter().copied()))?;
    let size = match encoder.frame_size() as usize {
        0 => FRAME,
        size => size,
    };
    let mut start = 0;
    while start < sound.len() {
        let frame = frame_of(sound, start, size.min(sound.len() - start), codec.samples)?;
        encoder.send_frame(&frame)?;
        write_packets(&mut encoder, &mut output)?;
        start += size;
    }
    encoder.send_eof()?;
    write_packets(&mut encoder, &mut output)?;
    output.write_trailer()
}

fn write_packets(encoder: &mut Encoder, output: &mut Output) -> Result<(), Error> {
    let unit = output.stream(0).ok_or(Error::StreamNotFound)?.time_base();
    let mut packet = Packet::empty();
    while encoder.receive_packet(&mut packet).is_ok() {
        packet.set_stream(0);
        packet.rescale_ts(Rational::new(1, RATE as i32), unit);
        packet.write(output)?;
        packet = Packet::empty();
    }
    Ok(())
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
fn frame_of(sound: &Stereo, start: usize, count: usize, form: Sample) -> Result<Frame, Error> {
    let mut frame = Frame::new(form, count, ChannelLayout::STEREO);
    frame.set_rate(RATE);
    frame.set_pts(Some(start as i64));
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

/// The payloads of all packets needed to decode the sound's length, and no more.
fn packets(encoder: &mut Encoder, sound: &Stereo) -> Result<Vec<Vec<u8>>, Error> {
    let wanted = sound.len().div_ceil(FRAME);
    let mut out = Vec::with_capacity(wanted + 1);
    // The first packet decodes to the priming; each frame fed adds one more.
    for number in 0..wanted {
        let frame = frame_at(sound, (number + 1) * FRAME, number)?;
        encoder.send_frame(&frame)?;
        collect(encoder, &mut out);
    }
    encoder.send_eof()?;
    collect(encoder, &mut out);
    out.truncate(wanted);
    if out.len() == wanted {
        Ok(out)
    } else {
        Err(Error::Bug)
    }
}

fn collect(encoder: &mut Encoder, out: &mut Vec<Vec<u8>>) {
    let mut packet = Packet::empty();
    while encoder.receive_packet(&mut packet).is_ok() {
        out.push(packet.data().unwrap_or(&[]).to_vec());
    }
}

/// One frame of the sound, padded with silence.
fn frame_at(sound: &Stereo, start: usize, number: usize) -> Result<Frame, Error> {
    let mut frame = Frame::new(Sample::F32(Type::Planar), FRAME, ChannelLayout::STEREO);
    if frame.planes() != 2 {
        return Err(Error::Other {
            errno: ffmpeg_next::error::ENOMEM,
        });
    }
    frame.set_rate(RATE);
    frame.set_pts(Some((number * FRAME) as i64));
    for (plane, channel) in [&sound.left, &sound.right].into_iter().enumerate() {
        let from = channel.get(start..).unwrap_or(&[]);
        let count = from.len().min(FRAME);
        let into = frame.plane_mut::<f32>(plane);
        into[..count].copy_from_slice(&from[..count]);
        into[count..].fill(0.0);
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
