//! One frame of a segment as a JPEG.
//!
//! Neighbours: `compose` draws the frame, `convert` turns it into JPEG's colours.

use std::path::Path;

use fenta_templates::timeline::CoverSpec;

use crate::compose::{Blobs, SegmentPainter};
use crate::convert::{Converter, Output, Target};
use crate::encode::check_canvas;
use crate::error::RenderError;
use crate::ffi_encoder::{EncoderSetup, Pixels, VideoEncoder};
use crate::ffi_frame::Frame;
use crate::ffi_packet::Packet;
use crate::orientation::Orientation;
use crate::picture::{Picture, Yuv};
use crate::pool::Pool;

/// Name of the picture inside the output folder.
pub const COVER_FILE: &str = "cover.jpg";

/// Draws the frame and writes it into the output folder.
pub fn snapshot(cover: &CoverSpec, blobs: Blobs, out_dir: &Path) -> Result<(), RenderError> {
    let canvas = &cover.segment.canvas;
    check_canvas(canvas, cover.segment.frames)?;
    if cover.frame >= cover.segment.frames || !(1..=100).contains(&cover.quality) {
        return Err(RenderError::internal(format!(
            "frame {} of {} at quality {} cannot be drawn",
            cover.frame, cover.segment.frames, cover.quality
        )));
    }
    let mut painter =
        SegmentPainter::new(&cover.segment, &cover.fonts, blobs, 1, &mut Pool::default())?;
    let mut picture = Picture::filled(canvas.width as usize, canvas.height as usize, Yuv::BLACK);
    painter.paint(cover.frame, &mut picture)?;
    let jpeg = encode_jpeg(&picture, cover.quality)?;
    let path = out_dir.join(COVER_FILE);
    std::fs::write(&path, jpeg).map_err(|source| RenderError::Io {
        operation: "write",
        path,
        source,
    })
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
    let mut encoder = VideoEncoder::open(&EncoderSetup {
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
    encoder.send(Some(&converted))?;
    encoder.send(None)?;
    let mut packet = Packet::empty()?;
    if !encoder.receive(&mut packet)? {
        return Err(RenderError::internal("the JPEG encoder gave nothing"));
    }
    Ok(packet.data().to_vec())
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

    #[test]
    fn colours_survive_the_change_of_matrix_and_range() {
        for color in [
            Color::rgb(220, 30, 40),
            Color::WHITE,
            Color::rgb(10, 90, 200),
        ] {
            let picture = Picture::filled(64, 48, Yuv::from(color));
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cover");
            std::fs::write(&path, encode_jpeg(&picture, 95).unwrap()).unwrap();
            let [r, g, b, a] = read_image(&path).unwrap().pixel(20, 20);
            let near = |seen: u8, meant: u8| seen.abs_diff(meant) <= 4;
            assert!(
                near(r, color.r) && near(g, color.g) && near(b, color.b) && a == 255,
                "{color} became {r},{g},{b},{a}"
            );
        }
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
