//! Pictures for overlays: a file decoded to premultiplied RGBA, upright.
//!
//! Neighbours: `compose` asks, `text` places and scales what comes out.

use std::path::Path;

use crate::convert::{Converter, Output, Target};
use crate::decode::{FrameReader, first_frame};
use crate::error::RenderError;
use crate::orientation::{Orientation, exif_orientation};
use crate::probe::check_size;
use crate::text::RgbaImage;

/// Files above this are not searched for EXIF: no logo is that large.
const MAX_EXIF_BYTES: u64 = 64 << 20;

/// Decodes the first picture of a file.
pub fn read_image(path: &Path) -> Result<RgbaImage, RenderError> {
    let mut reader = FrameReader::open(path, 1)?;
    let frame = first_frame(&mut reader)?;
    let format = frame.format();
    check_size(format.width, format.height)?;
    let orientation = file_orientation(path, reader.into_input().size())?;
    let (w, h) = (format.width, format.height);
    let (width, height) = if orientation.is_quarter() {
        (h, w)
    } else {
        (w, h)
    };
    let target = Target {
        size: (width, height),
        kept: (1.0, 1.0),
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
pub fn file_orientation(path: &Path, size: u64) -> Result<Orientation, RenderError> {
    if size > MAX_EXIF_BYTES {
        return Ok(Orientation::UPRIGHT);
    }
    let bytes = std::fs::read(path).map_err(|source| RenderError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(exif_orientation(&bytes).map_or(Orientation::UPRIGHT, Orientation::from_exif))
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
