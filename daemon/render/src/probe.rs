//! Measures a media file: by decoding its first picture, not by believing its header.
//!
//! Neighbours: `decode` and `ffi_input` read, `orientation` interprets; `job` passes the facts on. Every file ends in
//! facts or in a typed verdict that names what was seen.

use std::path::Path;

use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{ColorTransfer, MediaFacts, MediaKind};

use crate::decode::{FrameReader, MICROS, first_frame, known_but_unreadable, open_input};
use crate::error::RenderError;
use crate::ffi_decoder::{Decoder, Received};
use crate::ffi_frame::{Frame, FrameFormat};
use crate::ffi_input::{Input, StreamInfo, StreamKind};
use crate::ffi_output::rescale;
use crate::ffi_packet::Packet;
use crate::orientation::Orientation;
use crate::still::file_orientation;

/// Longest side of a picture.
const MAX_SIDE: u32 = 16_384;
/// Most pixels of a picture.
const MAX_PIXELS: u64 = 100_000_000;
/// Packets read to measure a length; six hours of sound have fewer.
const MAX_PACKETS: u64 = 3_000_000;
/// Longer files are not measured but refused: nobody edits a day of video into a short one.
const MAX_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Packets tried until a sound gives a piece of itself.
const SOUND_TRIES: usize = 200;
const SMALLER: &str = "scale it down first";
/// Demuxers of single pictures; GIF and APNG count as such while they hold one frame.
const STILL_DEMUXERS: &[&str] = &[
    "jpeg_pipe",
    "jpegls_pipe",
    "png_pipe",
    "webp_pipe",
    "bmp_pipe",
    "tiff_pipe",
];

/// Measures a file.
pub fn probe(path: &Path, threads: u8) -> Result<MediaFacts, RenderError> {
    let input = open_input(path)?;
    if let Some(what) = known_but_unreadable(path).filter(|_| input.container() == "webp_pipe") {
        return Err(RenderError::unsupported(
            format!("{what} cannot be read here"),
            "convert it to GIF or MP4 first",
        ));
    }
    if input.best_stream(StreamKind::Video).is_none()
        && input.best_stream(StreamKind::Audio).is_some()
    {
        return probe_audio(path, input);
    }
    let container = input.container();
    let audio = audible(path, &input)?;
    let claimed = input.stream_count();
    check_claims(&input)?;
    let mut reader = FrameReader::new(input, threads)?;
    let frame = first_frame(&mut reader)?;
    let format = frame.format();
    drop(frame);
    check_size(format.width, format.height)?;
    refuse_cmyk(reader.info(), &format)?;
    let single = STILL_DEMUXERS.contains(&container.as_str())
        || (claimed == 1 && may_be_still(&container) && reader.next_frame()?.is_none());
    let orientation = if single {
        file_orientation(path, std::fs::metadata(path).map_or(0, |meta| meta.len()))?
    } else {
        let matrix = reader.info().display_matrix;
        matrix.map_or(Orientation::UPRIGHT, |matrix| {
            Orientation::from_matrix(&matrix)
        })
    };
    let picture = picture_facts(container, reader.info(), &format, orientation, single);
    if single {
        return Ok(picture);
    }
    let stream = reader.stream();
    let frame_micros = reader.frame_micros();
    let measured = measure(path, stream)?;
    let length = if measured.micros > 0 {
        measured.micros
    } else {
        frame_micros
    };
    Ok(with_audio(
        MediaFacts {
            frame_rate: frame_rate(reader.info(), &measured),
            duration: Some(RationalTime::millis(to_millis(length))),
            ..picture
        },
        audio,
    ))
}

fn may_be_still(container: &str) -> bool {
    matches!(container, "gif" | "apng")
}

fn probe_audio(path: &Path, input: Input) -> Result<MediaFacts, RenderError> {
    let container = input.container();
    let index = input
        .best_stream(StreamKind::Audio)
        .ok_or_else(|| RenderError::internal("the sound stream vanished"))?;
    let info = input.stream(index);
    let audio = audible(path, &input)?;
    let measured = measure_input(input, index)?;
    if audio.is_none() {
        return Err(RenderError::input(
            format!(
                "the sound cannot be decoded: codec `{}`, {} channels, {} Hz",
                info.codec, info.channels, info.sample_rate
            ),
            "convert it to WAV or AAC first",
        ));
    }
    let silent = MediaFacts {
        kind: MediaKind::Audio,
        container,
        video_codec: None,
        width: 0,
        height: 0,
        rotation: 0,
        mirrored: false,
        frame_rate: None,
        duration: Some(RationalTime::millis(to_millis(measured.micros))),
        interlaced: false,
        transfer: ColorTransfer::Sdr,
        alpha: false,
        audio_codec: None,
        audio_channels: 0,
        audio_rate: 0,
    };
    Ok(with_audio(silent, audio))
}

fn with_audio(facts: MediaFacts, audio: Option<StreamInfo>) -> MediaFacts {
    match audio {
        Some(info) => MediaFacts {
            audio_codec: Some(info.codec),
            audio_channels: info.channels,
            audio_rate: info.sample_rate,
            ..facts
        },
        None => facts,
    }
}

/// The best sound stream, if a piece of it can be decoded.
fn audible(path: &Path, input: &Input) -> Result<Option<StreamInfo>, RenderError> {
    let Some(index) = input.best_stream(StreamKind::Audio) else {
        return Ok(None);
    };
    let info = input.stream(index);
    if info.channels == 0 || info.sample_rate == 0 {
        return Ok(None);
    }
    let mut input = open_input(path)?;
    input.only(index);
    let Ok(mut decoder) = Decoder::open(&input, index, 1) else {
        return Ok(None);
    };
    let (mut packet, mut frame) = (Packet::empty()?, Frame::empty()?);
    for _ in 0..SOUND_TRIES {
        let more = input.read(&mut packet).unwrap_or(false);
        if more && packet.stream() != index {
            continue;
        }
        // A damaged packet is not the end: the next one may be whole.
        let _ = decoder.send(more.then_some(&packet));
        match decoder.receive(&mut frame) {
            Ok(Received::Frame) => return Ok(Some(info)),
            Ok(Received::End) => break,
            Ok(Received::Starved) | Err(_) if !more => break,
            Ok(Received::Starved) | Err(_) => {}
        }
    }
    Ok(None)
}

fn picture_facts(
    container: String,
    info: &StreamInfo,
    format: &FrameFormat,
    orientation: Orientation,
    single: bool,
) -> MediaFacts {
    let aspect = if format.sample_aspect.0 > 0 && format.sample_aspect.1 > 0 {
        format.sample_aspect
    } else {
        info.sample_aspect
    };
    // A picture's density units say nothing about the shape of its pixels.
    let aspect = if single { (1, 1) } else { aspect };
    let (width, height) = square_pixels((format.width, format.height), aspect);
    let (width, height) = if orientation.is_quarter() {
        (height, width)
    } else {
        (width, height)
    };
    MediaFacts {
        kind: if single {
            MediaKind::Image
        } else {
            MediaKind::Video
        },
        container,
        video_codec: Some(info.codec.clone()),
        width,
        height,
        rotation: orientation.rotation,
        mirrored: orientation.mirrored,
        frame_rate: None,
        duration: None,
        interlaced: format.interlaced,
        transfer: format.transfer,
        alpha: format.alpha,
        audio_codec: None,
        audio_channels: 0,
        audio_rate: 0,
    }
}

/// The displayed size: the longer way of stretching is taken, so that no detail is lost. Aspect ratios beyond 1:8 are
/// nonsense and ignored.
fn square_pixels((width, height): (u32, u32), (num, den): (i32, i32)) -> (u32, u32) {
    let (num, den) = (u64::from(num.unsigned_abs()), u64::from(den.unsigned_abs()));
    if num == 0 || den == 0 || num == den || num > 8 * den || den > 8 * num {
        return (width, height);
    }
    let stretched =
        |side: u32, num: u64, den: u64| ((u64::from(side) * num + den / 2) / den).max(1) as u32;
    if num > den {
        (stretched(width, num, den), height)
    } else {
        (width, stretched(height, den, num))
    }
}

/// Refuses a claimed size before anything of it is allocated.
fn check_claims(input: &Input) -> Result<(), RenderError> {
    match input.best_stream(StreamKind::Video) {
        Some(index) => {
            let (width, height) = input.stream(index).size;
            check_size(width, height)
        }
        None => Ok(()),
    }
}

/// Refuses pictures beyond the limits.
pub fn check_size(width: u32, height: u32) -> Result<(), RenderError> {
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(RenderError::limit(
            format!("the picture is {width}x{height} px; a side may have {MAX_SIDE} px"),
            SMALLER,
        ));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(RenderError::limit(
            format!(
                "the picture has {} million pixels ({width}x{height}); the limit is {}",
                pixels / 1_000_000,
                MAX_PIXELS / 1_000_000
            ),
            SMALLER,
        ));
    }
    Ok(())
}

/// FFmpeg shows the black plate of a CMYK JPEG as if it were alpha.
fn refuse_cmyk(info: &StreamInfo, format: &FrameFormat) -> Result<(), RenderError> {
    if info.codec == "mjpeg" && format.alpha {
        return Err(RenderError::unsupported(
            "the JPEG is in print colours (CMYK)",
            "save it as RGB",
        ));
    }
    Ok(())
}

/// What reading every packet of a stream tells.
struct Measured {
    micros: i64,
    packets: u64,
}

fn measure(path: &Path, stream: usize) -> Result<Measured, RenderError> {
    measure_input(open_input(path)?, stream)
}

/// Reads the stream to its end without decoding: first to last presentation time. Headers lie about lengths.
fn measure_input(mut input: Input, stream: usize) -> Result<Measured, RenderError> {
    let unit = input.stream(stream).time_base;
    input.only(stream);
    let mut packet = Packet::empty()?;
    let (mut first, mut end, mut packets, mut bare) = (i64::MAX, i64::MIN, 0u64, 0i64);
    // Damage in the middle ends the measurement, not the file's life: what was read so far is what there is.
    while packets < MAX_PACKETS && input.read(&mut packet).unwrap_or(false) {
        if packet.stream() != stream || packet.is_hidden() {
            continue;
        }
        packets += 1;
        bare += packet.duration().max(0);
        if let Some(time) = packet.pts().or(packet.dts()) {
            first = first.min(time);
            end = end.max(time.saturating_add(packet.duration().max(0)));
        }
    }
    let span = if end > first {
        end.saturating_sub(first)
    } else {
        bare
    };
    let micros = rescale(span, unit, MICROS);
    if packets >= MAX_PACKETS || micros > MAX_MICROS {
        return Err(RenderError::limit(
            format!(
                "the recording is longer than {} hours",
                MAX_MICROS / 3_600_000_000
            ),
            "cut the part you need first",
        ));
    }
    Ok(Measured { micros, packets })
}

/// The claimed average rate, or the measured one where the claim is missing or far from it.
fn frame_rate(info: &StreamInfo, measured: &Measured) -> Option<FrameRate> {
    let counted = measured.packets as f64 * 1e6 / measured.micros.max(1) as f64;
    let claimed = info.average_rate.map(|(num, den)| FrameRate {
        num: num as u32,
        den: den as u32,
    });
    match claimed {
        Some(rate) if measured.packets < 2 || (rate.as_f64() / counted - 1.0).abs() < 0.25 => {
            Some(rate)
        }
        _ if measured.packets >= 2 => Some(FrameRate {
            num: (counted * 1000.0).round().clamp(1.0, 1e6) as u32,
            den: 1000,
        }),
        _ => None,
    }
}

fn to_millis(micros: i64) -> i64 {
    (micros + 500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_limited_by_side_and_by_area() {
        assert!(check_size(16_384, 6000).is_ok());
        let side = check_size(65_535, 2).unwrap_err().to_string();
        assert_eq!(side, "the picture is 65535x2 px; a side may have 16384 px");
        let area = check_size(16_000, 9000).unwrap_err().to_string();
        assert!(area.contains("144 million"), "{area}");
    }

    #[test]
    fn pixels_become_square() {
        assert_eq!(square_pixels((720, 576), (16, 11)), (1047, 576));
        assert_eq!(square_pixels((800, 640), (1, 2)), (800, 1280));
        assert_eq!(square_pixels((640, 480), (0, 1)), (640, 480));
        assert_eq!(square_pixels((640, 480), (5000, 1)), (640, 480));
    }

    #[test]
    fn rates_are_checked_against_the_count() {
        let info = |rate| StreamInfo {
            kind: StreamKind::Video,
            codec: "h264".to_owned(),
            time_base: (1, 1000),
            start: None,
            duration: None,
            average_rate: rate,
            sample_aspect: (0, 1),
            size: (1, 1),
            display_matrix: None,
            alpha_layer: false,
            reorder_delay: 0,
            channels: 0,
            sample_rate: 0,
        };
        let measured = Measured {
            micros: 2_000_000,
            packets: 60,
        };
        let claimed = frame_rate(&info(Some((30_000, 1001))), &measured);
        assert_eq!(
            claimed,
            Some(FrameRate {
                num: 30_000,
                den: 1001
            })
        );
        let lie = frame_rate(&info(Some((1000, 1))), &measured);
        assert_eq!(
            lie,
            Some(FrameRate {
                num: 30_000,
                den: 1000
            })
        );
        assert_eq!(frame_rate(&info(None), &measured), lie);
    }
}
