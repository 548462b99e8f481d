//! One frame of a segment as a JPEG or PNG, and how it looks as a whole.
//!
//! Neighbours: `compose` draws the frame, `convert` turns it into JPEG's colours and PNG's.

use std::path::Path;

use fenta_templates::timeline::{CoverSpec, StillFormat};
use fenta_workflows::action::PictureFacts;

use crate::compose::{Blobs, SegmentPainter};
use crate::convert::{Converter, Output, Target};
use crate::decode::Care;
use crate::encode::{check_canvas, conversion};
use crate::error::RenderError;
use crate::ffi_encoder::{EncoderSetup, Pixels, VideoEncoder};
use crate::ffi_filter::FilterChain;
use crate::ffi_frame::Frame;
use crate::ffi_packet::Packet;
use crate::orientation::Orientation;
use crate::picture::{Picture, Yuv};
use crate::pool::Pool;

/// Luma up to this is nearly black, and from this on nearly white.
const NEARLY: (u8, u8) = (32, 224);

/// Name of the picture inside the output folder.
pub const fn picture_file(format: StillFormat) -> &'static str {
    match format {
        StillFormat::Jpeg => "cover.jpg",
        StillFormat::Png => "frame.png",
    }
}

/// Draws the frame and writes it into the output folder.
///
/// # Errors
/// When the frame does not exist or cannot be drawn or written.
pub fn snapshot(
    cover: &CoverSpec,
    blobs: Blobs,
    out_dir: &Path,
) -> Result<PictureFacts, RenderError> {
    let canvas = &cover.segment.canvas;
    check_canvas(canvas, cover.segment.frames)?;
    if cover.frame >= cover.segment.frames || !(1..=100).contains(&cover.quality) {
        return Err(RenderError::internal(format!(
            "frame {} of {} at quality {} cannot be drawn",
            cover.frame, cover.segment.frames, cover.quality
        )));
    }
    let mut painter = SegmentPainter::new(
        &cover.segment,
        &cover.fonts,
        blobs,
        Care::Whole,
        &mut Pool::default(),
    )?;
    let mut picture = Picture::filled(canvas.width as usize, canvas.height as usize, Yuv::BLACK);
    painter.paint(cover.frame, &mut picture)?;
    let bytes = match cover.format {
        StillFormat::Jpeg => encode_jpeg(&picture, cover.quality)?,
        StillFormat::Png => encode_png(&picture)?,
    };
    let path = out_dir.join(picture_file(cover.format));
    std::fs::write(&path, bytes).map_err(|source| RenderError::Io {
        operation: "write",
        path,
        source,
    })?;
    Ok(looks(&picture))
}

/// How a picture looks as a whole; every second pixel of every second row is looked at.
pub fn looks(picture: &Picture) -> PictureFacts {
    let luma = &picture.planes[0];
    let (mut count, mut sum, mut dark, mut bright, mut detail) = (0u64, 0u64, 0u64, 0u64, 0u64);
    for y in (1..luma.height.saturating_sub(1)).step_by(2) {
        let (above, row, below) = (luma.row(y - 1), luma.row(y), luma.row(y + 1));
        for x in (1..luma.width.saturating_sub(1)).step_by(2) {
            let level = row[x];
            let around = [above[x], below[x], row[x - 1], row[x + 1]];
            let around: i32 = around.into_iter().map(i32::from).sum();
            count += 1;
            sum += u64::from(level);
            dark += u64::from(level <= NEARLY.0);
            bright += u64::from(level >= NEARLY.1);
            // Four times the difference from the mean of the neighbours.
            detail += u64::from((4 * i32::from(level) - around).unsigned_abs());
        }
    }
    let count = count.max(1);
    let share = |part: u64| (part * 1000 / count) as u32;
    let above_black = (sum / count).saturating_sub(16);
    PictureFacts {
        brightness_pm: (above_black * 1000 / 219).min(1000) as u32,
        dark_pm: share(dark),
        bright_pm: share(bright),
        detail: (detail * 25 / count) as u32,
    }
}

/// A picture as PNG bytes.
///
/// # Errors
/// When it cannot be converted or encoded.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let mut frame = Frame::yuv420p(width, height, false)?;
    frame.tag_bt709();
    picture.write_to(&mut frame)?;
    frame.set_timestamp(0);
    let mut chain = FilterChain::new(&frame, (1, 1), &conversion(Pixels::Rgb))?;
    chain.push(Some(&frame))?;
    let converted = chain
        .pull()?
        .ok_or_else(|| RenderError::internal("the conversion swallowed a picture"))?;
    let encoder = VideoEncoder::open(&EncoderSetup {
        encoder: c"png",
        width,
        height,
        rate: fenta_templates::time::FrameRate::whole(1),
        threads: 1,
        pixels: Pixels::Rgb,
        quantiser: None,
        max_rate: 0,
        gop: 1,
        b_frames: 0,
        options: vec![(c"pred", "mixed".to_owned())],
    })?;
    one_picture(encoder, &converted, "PNG")
}

fn one_picture(
    mut encoder: VideoEncoder,
    frame: &Frame,
    kind: &str,
) -> Result<Vec<u8>, RenderError> {
    encoder.send(Some(frame))?;
    encoder.send(None)?;
    let mut packet = Packet::empty()?;
    if !encoder.receive(&mut packet)? {
        return Err(RenderError::internal(format!(
            "the {kind} encoder gave nothing"
        )));
    }
    Ok(packet.data().to_vec())
}

/// A picture as JPEG bytes; quality 1-100.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let mut frame = Frame::yuv420p(width, height, false)?;
    frame.tag_bt709();
    picture.write_to(&mut frame)?;
    let target = Target {
        size: (width, height),
        kept: (1.0, 1.0),
        centre: (0.5, 0.5),
        orientation: Orientation::UPRIGHT,
    };
    let mut converted = Converter::new(target, Output::Jpeg).convert(&frame)?;
    converted.set_timestamp(0);
    converted.set_quantiser(quantiser(quality));
    let encoder = VideoEncoder::open(&EncoderSetup {
        encoder: c"mjpeg",
        width,
        height,
        rate: fenta_templates::time::FrameRate::whole(1),
        threads: 1,
        pixels: Pixels::Jpeg,
        quantiser: Some(quantiser(quality)),
        max_rate: 0,
        gop: 1,
        b_frames: 0,
        options: Vec::new(),
    })?;
    one_picture(encoder, &converted, "JPEG")
}

/// FFmpeg's scale runs from 2 (best that makes sense) to 31.
fn quantiser(quality: u8) -> u8 {
    let worse = u16::from(100 - quality.clamp(1, 100));
    (2 + worse * 29 / 99) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::still::read_image;
    use fenta_templates::color::Color;

    #[test]
    fn quality_maps_to_the_whole_scale() {
        assert_eq!((quantiser(100), quantiser(1), quantiser(0)), (2, 31, 31));
    }

    /// A picture of one colour, written and read again, is at most so many levels from it.
    fn survives(write: impl Fn(&Picture) -> Vec<u8>, name: &str, room: u8) {
        for color in [
            Color::rgb(220, 30, 40),
            Color::WHITE,
            Color::rgb(10, 90, 200),
        ] {
            let picture = Picture::filled(64, 48, Yuv::from(color));
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, write(&picture)).unwrap();
            let [r, g, b, a] = read_image(&path).unwrap().pixel(20, 20);
            let near = |seen: u8, meant: u8| seen.abs_diff(meant) <= room;
            assert!(
                near(r, color.r) && near(g, color.g) && near(b, color.b) && a == 255,
                "{color} became {r},{g},{b},{a} in {name}"
            );
        }
    }

    #[test]
    fn colours_survive_the_change_of_matrix_and_range() {
        survives(|picture| encode_jpeg(picture, 95).unwrap(), "cover", 4);
    }

    #[test]
    fn png_keeps_every_level() {
        survives(|picture| encode_png(picture).unwrap(), "frame.png", 2);
    }

    #[test]
    fn looks_tell_sharp_from_soft_and_dark_from_bright() {
        let mut sharp = Picture::filled(64, 64, Yuv([100, 128, 128]));
        for (index, sample) in sharp.planes[0].data.iter_mut().enumerate() {
            if (index / 3).is_multiple_of(2) {
                *sample = 160;
            }
        }
        let flat = looks(&Picture::filled(64, 64, Yuv([100, 128, 128])));
        assert_eq!((flat.detail, flat.dark_pm, flat.bright_pm), (0, 0, 0));
        assert_eq!(flat.brightness_pm, 383);
        assert!(looks(&sharp).detail > 500, "{:?}", looks(&sharp));
        let black = looks(&Picture::filled(64, 64, Yuv::BLACK));
        assert_eq!((black.brightness_pm, black.dark_pm), (0, 1000));
    }

    #[test]
    fn better_quality_is_more_bytes() {
        let mut picture = Picture::filled(128, 128, Yuv::BLACK);
        for (index, sample) in picture.planes[0].data.iter_mut().enumerate() {
            *sample = (16 + index * 7919 % 200) as u8;
        }
        let size = |quality| encode_jpeg(&picture, quality).unwrap().len();
        assert!(size(95) > 2 * size(20));
    }
}
