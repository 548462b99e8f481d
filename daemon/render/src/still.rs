//! Pictures for overlays: a file decoded to premultiplied RGBA, upright.
//!
//! Neighbours: `compose` asks, `text` places and scales what comes out.

use std::path::Path;

use fenta_templates::timeline::MediaWarning;

use crate::convert::{Converter, Output, Target};
use crate::decode::{Care, FrameReader, REPLACE, first_frame};
use crate::error::RenderError;
use crate::ffi_frame::Frame;
use crate::orientation::{Orientation, adobe_transform, exif_orientation};
use crate::probe::check_size;
use crate::text::RgbaImage;

/// Files above this are not searched for EXIF: no logo is that large.
const MAX_EXIF_BYTES: u64 = 64 << 20;

/// Decodes the first picture of a file.
pub fn read_image(path: &Path) -> Result<RgbaImage, RenderError> {
    let mut reader = FrameReader::open(path, Care::Whole)?;
    let frame = first_frame(&mut reader)?;
    let format = frame.format();
    check_size(format.width, format.height)?;
    let orientation = file_orientation(path)?;
    let (w, h) = (format.width, format.height);
    let (width, height) = if orientation.is_quarter() {
        (h, w)
    } else {
        (w, h)
    };
    let target = Target {
        size: (width, height),
        kept: (1.0, 1.0),
        centre: (0.5, 0.5),
        orientation,
    };
    let converted = Converter::new(target, Output::Rgba).convert(&frame)?;
    let row_bytes = width as usize * 4;
    let (rows, stride) = converted
        .plane(0, height as usize, row_bytes)
        .ok_or_else(|| RenderError::internal("the converted picture has another shape"))?;
    let mut data = Vec::with_capacity(row_bytes * height as usize);
    for row in rows.chunks(stride) {
        data.extend_from_slice(&row[..row_bytes]);
    }
    data.chunks_exact_mut(4).for_each(premultiply);
    Ok(RgbaImage {
        width,
        height,
        data,
    })
}

/// The EXIF orientation of a picture file; upright when it says none.
pub fn file_orientation(path: &Path) -> Result<Orientation, RenderError> {
    let bytes = whole_file(path)?;
    Ok(exif_orientation(&bytes).map_or(Orientation::UPRIGHT, Orientation::from_exif))
}

/// A JPEG that ends early: what is missing decodes as nothing at all, which no whole picture holds.
///
/// # Errors
/// When most of the picture is missing.
pub(crate) fn check_jpeg(path: &Path, frame: &Frame) -> Result<Option<MediaWarning>, RenderError> {
    let format = frame.format();
    let bytes = whole_file(path)?;
    if !bytes.starts_with(&JPEG) {
        return Ok(None);
    }
    // Without Adobe's mark nobody knows which way the inks are counted.
    if format.alpha && adobe_transform(&bytes).is_none_or(|transform| transform == 1) {
        return Err(RenderError::unsupported(
            "the JPEG is in print colours (CMYK) without saying how they are counted",
            "save it as RGB",
        ));
    }
    let there = SAMPLED - missing(frame, (format.width as usize, format.height as usize));
    if there == SAMPLED {
        let bytes = whole_file(path)?;
        let open =
            bytes.starts_with(&[0xFF, 0xD8]) && !bytes.windows(2).any(|two| two == [0xFF, 0xD9]);
        return Ok(open.then_some(MediaWarning::Damaged));
    }
    let percent = there * 100 / SAMPLED;
    if percent < LEAST_PERCENT {
        return Err(RenderError::input(
            format!("the JPEG ends early: {percent} % of the picture is there"),
            REPLACE,
        ));
    }
    Ok(Some(MediaWarning::Damaged))
}

/// Whether an AVIF says that its transparency is a picture of its own, by the name ISO/IEC 23000-22 (MIAF) gives those.
/// This FFmpeg reads the colours alone.
pub(crate) fn has_alpha_aside(path: &Path) -> Result<bool, RenderError> {
    const NAME: &[u8] = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
    let bytes = whole_file(path)?;
    Ok(bytes.windows(NAME.len()).any(|window| window == NAME))
}

/// First bytes of a JPEG.
const JPEG: [u8; 2] = [0xFF, 0xD8];
/// Places looked at in a picture.
const SAMPLED: usize = 64 * 64;
/// Less of a picture than this is not worth showing.
const LEAST_PERCENT: usize = 60;

/// How many of the places looked at hold nothing: zero in all three planes, a green outside of every colour.
fn missing(frame: &Frame, (width, height): (usize, usize)) -> usize {
    let (across, down) = match frame.format().pixel_name.as_str() {
        "yuvj420p" => (2, 2),
        "yuvj422p" => (2, 1),
        "yuvj440p" => (1, 2),
        "yuvj444p" => (1, 1),
        _ => return 0,
    };
    let (half_w, half_h) = (width.div_ceil(across), height.div_ceil(down));
    let plane = |index: usize, w: usize, h: usize| {
        let (rows, stride) = frame.plane(index, h, w)?;
        Some((rows, stride, w, h))
    };
    let (Some(luma), Some(blue), Some(red)) = (
        plane(0, width, height),
        plane(1, half_w, half_h),
        plane(2, half_w, half_h),
    ) else {
        return 0;
    };
    let planes = [luma, blue, red];
    let is_empty = |place: usize| {
        let (x, y) = (place % 64, place / 64);
        planes
            .iter()
            .all(|(rows, stride, w, h)| rows[y * h / 64 * stride + x * w / 64] == 0)
    };
    (0..SAMPLED).filter(|place| is_empty(*place)).count()
}

/// A picture file's bytes; none when it is larger than is worth searching.
pub(crate) fn whole_file(path: &Path) -> Result<Vec<u8>, RenderError> {
    let read = std::fs::metadata(path).and_then(|meta| {
        if meta.len() > MAX_EXIF_BYTES {
            return Ok(Vec::new());
        }
        std::fs::read(path)
    });
    read.map_err(|source| RenderError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    })
}

fn premultiply(pixel: &mut [u8]) {
    let alpha = u16::from(pixel[3]);
    for channel in &mut pixel[..3] {
        let product = u16::from(*channel) * alpha + 128;
        *channel = ((product + (product >> 8)) >> 8) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiny_skia::{Color, Paint, Pixmap, Rect, Transform};

    #[test]
    fn reads_a_png_with_transparency() {
        let mut pixmap = Pixmap::new(20, 10).unwrap();
        let mut paint = Paint::default();
        paint.set_color(Color::from_rgba8(200, 100, 0, 128));
        let half = Rect::from_xywh(10.0, 0.0, 10.0, 10.0).unwrap();
        pixmap.fill_rect(half, &paint, Transform::identity(), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo");
        pixmap.save_png(&path).unwrap();

        let image = read_image(&path).unwrap();
        assert_eq!((image.width, image.height), (20, 10));
        assert_eq!(image.pixel(3, 5), [0; 4]);
        let [r, g, b, a] = image.pixel(15, 5);
        assert_eq!(a, 128);
        assert!(
            r.abs_diff(100) <= 1 && g.abs_diff(50) <= 1 && b <= 1,
            "{r} {g} {b}"
        );
    }

    #[test]
    fn refuses_what_is_not_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.png");
        std::fs::write(&path, b"<svg/>").unwrap();
        assert!(matches!(
            read_image(&path),
            Err(RenderError::Unsupported { .. })
        ));
        std::fs::write(&path, b"a logo, described in words").unwrap();
        assert!(matches!(read_image(&path), Err(RenderError::Input { .. })));
    }
}
