//! Measures a media file: by decoding its first pictures and reading all of it, not by believing its header.
//!
//! Neighbours: `decode` reads pictures, `measure` reads lengths, `orientation` interprets; `job` passes the facts on.
//! Every file ends in facts or in a typed verdict that names what was seen.

use std::path::Path;

use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{ColorTransfer, MediaFacts, MediaKind, MediaWarning};

use crate::decode::{Care, REPLACE, StreamReader, encrypted, is_avif, open_input};
use crate::error::RenderError;
use crate::ffi_frame::{Frame, FrameFormat};
use crate::ffi_input::{Input, StreamInfo, StreamKind};
use crate::ffi_output::extradata;
use crate::hevc::has_alpha_layer;
use crate::measure::{Heard, Listen, Measured, hear, measure};
use crate::orientation::Orientation;
use crate::still::{check_jpeg, file_orientation, has_alpha_aside};
use crate::webp::{WebpReader, is_animation};

/// Longest side of a picture.
const MAX_SIDE: u32 = 16_384;
/// Most pixels of a picture.
const MAX_PIXELS: u64 = 100_000_000;
/// Frames decoded in search of damage, and the pixels they may have together.
const LOOKED_AT: u64 = 60;
const LOOKED_AT_PIXELS: u64 = 60_000_000;
/// A header may be off by a tenth and half a second before it is spoken of.
const CLAIM_ROOM_MICROS: i64 = 500_000;
/// A shorter sound is none.
const LEAST_MICROS: i64 = 1000;
const SMALLER: &str = "scale it down first";
/// Demuxers of single pictures.
const STILL_DEMUXERS: &[&str] = &[
    "jpeg_pipe",
    "jpegls_pipe",
    "png_pipe",
    "webp_pipe",
    "bmp_pipe",
    "tiff_pipe",
];
/// Demuxers of pictures that may move; with one frame they count as stills.
const MOVING_STILLS: &[&str] = &["gif", "apng"];

/// Measures a file.
pub fn probe(path: &Path) -> Result<MediaFacts, RenderError> {
    if is_animation(path) {
        return probe_webp(path);
    }
    let input = open_input(path)?;
    if input.best_stream(StreamKind::Video).is_none()
        && input.best_stream(StreamKind::Audio).is_some()
    {
        return probe_audio(path, input);
    }
    check_claims(&input)?;
    let container = input.container();
    let streams = input.streams();
    let claimed = input.claimed_micros();
    let alpha_layer = input
        .best_stream(StreamKind::Video)
        .filter(|stream| input.stream(*stream).codec == "hevc")
        .is_some_and(|stream| has_alpha_layer(&extradata(&input, stream)));
    let mut reader = StreamReader::new(input, Care::Whole)?;
    let seen = look(&mut reader, single(&container, path))?;
    let orientation = if seen.single {
        file_orientation(path)?
    } else {
        let matrix = reader.info().display_matrix;
        matrix.map_or(Orientation::UPRIGHT, |matrix| {
            Orientation::from_matrix(&matrix)
        })
    };
    let mut picture = picture_facts(container, reader.info(), &seen, orientation);
    let mut warnings = seen.warnings(reader.damage());
    let unreadable = alpha_layer || (is_avif(path) && has_alpha_aside(path)?);
    if !picture.alpha && unreadable {
        warnings.push(MediaWarning::TransparencyUnreadable);
    }
    if seen.single {
        warnings.extend(check_jpeg(path, &seen.first)?);
        picture.warnings = warnings;
        return Ok(picture);
    }
    let measured = measure(open_input(path)?, reader.stream())?;
    warnings.extend(length_warning(claimed, measured.whole_micros));
    if !measured.steady && !MOVING_STILLS.contains(&picture.container.as_str()) {
        warnings.push(MediaWarning::VariableRate);
    }
    let heard = hear(path, Listen::Begin)?;
    warnings.extend(sound_warning(&streams, heard.as_ref()));
    let length = if measured.micros > 0 {
        measured.micros
    } else {
        reader.frame_micros()
    };
    let offset = heard.as_ref().and_then(|heard| heard.first_micros);
    let offset = offset
        .zip(reader.origin_micros())
        .map(|(a, v)| a.saturating_sub(v));
    Ok(with_audio(
        MediaFacts {
            frame_rate: frame_rate(reader.info(), &measured),
            duration: Some(millis(length)),
            audio_start: offset.map(millis).filter(|start| start.value != 0),
            warnings: sorted(warnings),
            ..picture
        },
        heard,
    ))
}

/// Facts of a file of one kind without anything in it yet.
fn empty(kind: MediaKind, container: String) -> MediaFacts {
    MediaFacts {
        kind,
        container,
        video_codec: None,
        width: 0,
        height: 0,
        rotation: 0,
        mirrored: false,
        frame_rate: None,
        duration: None,
        interlaced: false,
        transfer: ColorTransfer::Sdr,
        alpha: false,
        audio_codec: None,
        audio_channels: 0,
        audio_rate: 0,
        audio_start: None,
        warnings: Vec::new(),
    }
}

fn sorted(mut warnings: Vec<MediaWarning>) -> Vec<MediaWarning> {
    warnings.sort();
    warnings.dedup();
    warnings
}

/// What the first pictures show.
struct Seen {
    first: Frame,
    format: FrameFormat,
    interlaced: bool,
    single: bool,
}

impl Seen {
    fn warnings(&self, damage: u32) -> Vec<MediaWarning> {
        let mut warnings = Vec::new();
        if damage > 0 {
            warnings.push(MediaWarning::Damaged);
        }
        if self.interlaced {
            warnings.push(MediaWarning::Interlaced);
        }
        if self.format.transfer != ColorTransfer::Sdr {
            warnings.push(MediaWarning::HighDynamicRange);
        }
        warnings
    }
}

/// Decodes the first frame, and as many more as show whether the rest is whole.
fn look(reader: &mut StreamReader, single: Single) -> Result<Seen, RenderError> {
    let Some(first) = reader.next_frame()? else {
        return Err(RenderError::input(
            format!(
                "no picture of the {} stream can be decoded",
                reader.info().codec
            ),
            REPLACE,
        ));
    };
    let format = first.frame.format();
    check_size(format.width, format.height)?;
    let mut seen = Seen {
        interlaced: reader.was_interlaced(),
        single: single == Single::Yes,
        first: first.frame,
        format,
    };
    if seen.single {
        return Ok(seen);
    }
    let pixels = u64::from(seen.format.width) * u64::from(seen.format.height);
    let frames = LOOKED_AT.min(LOOKED_AT_PIXELS / pixels.max(1)).max(2);
    let mut more = 0;
    while more + 1 < frames && reader.next_frame()?.is_some() {
        more += 1;
    }
    seen.interlaced = reader.was_interlaced();
    seen.single = more == 0 && single == Single::Perhaps;
    Ok(seen)
}

/// Whether a file holds one picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Single {
    Yes,
    Perhaps,
    No,
}

fn single(container: &str, path: &Path) -> Single {
    if STILL_DEMUXERS.contains(&container) {
        Single::Yes
    } else if MOVING_STILLS.contains(&container) || is_avif(path) {
        Single::Perhaps
    } else {
        Single::No
    }
}

fn probe_webp(path: &Path) -> Result<MediaFacts, RenderError> {
    let mut reader = WebpReader::open(path)?;
    let Some(first) = reader.next_frame()? else {
        return Err(RenderError::input(
            "no picture of the animated WebP can be decoded",
            REPLACE,
        ));
    };
    let format = first.frame.format();
    while reader.next_frame()?.is_some() {}
    let orientation = file_orientation(path)?;
    let frames = reader.given();
    let size = turned((format.width, format.height), orientation);
    let moves = frames > 1;
    Ok(MediaFacts {
        video_codec: Some("webp".to_owned()),
        width: size.0,
        height: size.1,
        rotation: orientation.rotation,
        mirrored: orientation.mirrored,
        frame_rate: moves.then(|| counted_rate(u64::from(frames), reader.end_micros())),
        duration: moves.then(|| millis(reader.end_micros())),
        alpha: reader.has_alpha(),
        warnings: reader
            .is_damaged()
            .then_some(MediaWarning::Damaged)
            .into_iter()
            .collect(),
        ..empty(
            if moves {
                MediaKind::Video
            } else {
                MediaKind::Image
            },
            "webp".to_owned(),
        )
    })
}

fn probe_audio(path: &Path, input: Input) -> Result<MediaFacts, RenderError> {
    let container = input.container();
    let index = input
        .best_stream(StreamKind::Audio)
        .ok_or_else(|| RenderError::internal("the sound stream vanished"))?;
    let (info, streams, claimed) = (input.stream(index), input.streams(), input.claimed_micros());
    if info.encrypted {
        return Err(encrypted());
    }
    let measured = measure(input, index)?;
    let Some(heard) = hear(path, Listen::Through)? else {
        return Err(RenderError::unsupported(
            format!(
                "the sound cannot be decoded: codec `{}`, {} channels, {} Hz",
                info.codec, info.channels, info.sample_rate
            ),
            "convert it to WAV or AAC first",
        ));
    };
    let length = if heard.is_unfinished() {
        measured.micros.max(heard.micros)
    } else {
        heard.micros
    };
    if length < LEAST_MICROS {
        return Err(RenderError::input(
            format!("the sound lasts {length} microseconds"),
            REPLACE,
        ));
    }
    let alone = streams
        .iter()
        .filter(|stream| stream.kind == StreamKind::Audio)
        .count()
        == 1;
    let mut warnings: Vec<MediaWarning> = heard
        .damaged
        .then_some(MediaWarning::Damaged)
        .into_iter()
        .collect();
    warnings.extend(length_warning(claimed.filter(|_| alone), length));
    let silent = MediaFacts {
        duration: Some(millis(length)),
        warnings: sorted(warnings),
        ..empty(MediaKind::Audio, container)
    };
    Ok(with_audio(silent, Some(heard)))
}

fn with_audio(facts: MediaFacts, audio: Option<Heard>) -> MediaFacts {
    match audio {
        Some(heard) => MediaFacts {
            audio_codec: Some(heard.info.codec),
            audio_channels: heard.info.channels,
            audio_rate: heard.info.sample_rate,
            ..facts
        },
        None => facts,
    }
}

/// A header that says more than there is: the file ends early, or lies. Containers round, pad and count silence:
/// small differences are no news.
fn length_warning(claimed: Option<i64>, found: i64) -> Option<MediaWarning> {
    let claimed = claimed?;
    let room = (found / 10).saturating_add(CLAIM_ROOM_MICROS);
    (claimed > found.saturating_add(room)).then(|| MediaWarning::LengthDiffers {
        claimed_ms: to_millis(claimed),
        found_ms: to_millis(found),
    })
}

/// There is a sound stream, and nothing comes out of it.
fn sound_warning(streams: &[StreamInfo], heard: Option<&Heard>) -> Option<MediaWarning> {
    let stream = streams
        .iter()
        .find(|stream| stream.kind == StreamKind::Audio)?;
    heard.is_none().then(|| MediaWarning::SoundUnreadable {
        codec: stream.codec.clone(),
    })
}

fn picture_facts(
    container: String,
    info: &StreamInfo,
    seen: &Seen,
    orientation: Orientation,
) -> MediaFacts {
    let (format, single) = (&seen.format, seen.single);
    let aspect = if format.sample_aspect.0 > 0 && format.sample_aspect.1 > 0 {
        format.sample_aspect
    } else {
        info.sample_aspect
    };
    // A picture's density units say nothing about the shape of its pixels.
    let aspect = if single { (1, 1) } else { aspect };
    let size = square_pixels((format.width, format.height), aspect);
    let (width, height) = turned(size, orientation);
    let kind = if single {
        MediaKind::Image
    } else {
        MediaKind::Video
    };
    MediaFacts {
        video_codec: Some(info.codec.clone()),
        width,
        height,
        rotation: orientation.rotation,
        mirrored: orientation.mirrored,
        interlaced: seen.interlaced,
        transfer: format.transfer,
        // The fourth plane of a JPEG is the black of print colours, which the decoder has already used.
        alpha: format.alpha && info.codec != "mjpeg",
        ..empty(kind, container)
    }
}

fn turned((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    if orientation.is_quarter() {
        (height, width)
    } else {
        (width, height)
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

/// The claimed average rate, or the measured one where the claim is missing or far from it.
fn frame_rate(info: &StreamInfo, measured: &Measured) -> Option<FrameRate> {
    let counted = counted_rate(measured.packets, measured.micros);
    let claimed = info.average_rate.map(|(num, den)| FrameRate {
        num: num as u32,
        den: den as u32,
    });
    match claimed {
        Some(rate)
            if measured.packets < 2 || (rate.as_f64() / counted.as_f64() - 1.0).abs() < 0.25 =>
        {
            Some(rate)
        }
        _ if measured.packets >= 2 => Some(counted),
        _ => None,
    }
}

/// Frames over their time, in thousandths.
fn counted_rate(frames: u64, micros: i64) -> FrameRate {
    let rate = frames as f64 * 1e9 / micros.max(1) as f64;
    FrameRate {
        num: rate.round().clamp(1.0, 1e6) as u32,
        den: 1000,
    }
}

fn millis(micros: i64) -> RationalTime {
    RationalTime::millis(to_millis(micros))
}

fn to_millis(micros: i64) -> i64 {
    micros.saturating_add(500).div_euclid(1000)
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
    fn headers_are_spoken_of_when_they_are_far_off() {
        let second = 1_000_000;
        assert_eq!(length_warning(None, second), None);
        assert_eq!(length_warning(Some(1_400_000), second), None);
        assert_eq!(
            length_warning(Some(143_165_577_000), second),
            Some(MediaWarning::LengthDiffers {
                claimed_ms: 143_165_577,
                found_ms: 1000
            })
        );
        assert_eq!(length_warning(Some(second), 9 * second), None);
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
            encrypted: false,
            dolby_only: false,
        };
        let measured = Measured {
            micros: 2_000_000,
            whole_micros: 2_000_000,
            packets: 60,
            steady: true,
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
