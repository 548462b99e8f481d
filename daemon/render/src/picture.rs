//! A picture as three planes: YUV 4:2:0, 8 bit, BT.709 limited range. The only form pixels have between decoder and
//! encoder.
//!
//! Neighbours: `blend` and `resample` work on planes, `looks` and `source` make pictures, `encode` takes them.
//! Whole pictures never become RGB here.

use fenta_templates::color::Color;

use crate::error::RenderError;
use crate::ffi_frame::Frame;

/// One component's samples, row after row without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` samples.
    pub data: Vec<u8>,
}

impl Plane {
    /// A plane of one value.
    pub fn filled(width: usize, height: usize, value: u8) -> Self {
        Self {
            width,
            height,
            data: vec![value; width * height],
        }
    }

    /// A row's samples.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// A row's samples, writable.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.width..(y + 1) * self.width]
    }
}

/// A colour in the picture's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yuv(pub [u8; 3]);

impl Yuv {
    /// Black.
    pub const BLACK: Self = Self([16, 128, 128]);
}

impl From<Color> for Yuv {
    fn from(color: Color) -> Self {
        let [r, g, b] = [color.r, color.g, color.b].map(|channel| f32::from(channel) / 255.0);
        Self(bt709([r, g, b]).map(|level| (level + 0.5) as u8))
    }
}

/// BT.709 limited-range levels of a gamma-encoded colour (0-1 per channel), unrounded.
pub fn bt709([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    [
        16.0 + 219.0 * y,
        128.0 + 224.0 * (b - y) / 1.8556,
        128.0 + 224.0 * (r - y) / 1.5748,
    ]
}

/// A YUV 4:2:0 picture with even sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Luma, then the two chroma planes at half the size.
    pub planes: [Plane; 3],
}

impl Picture {
    /// A picture of one colour; odd sides are rounded up.
    pub fn filled(width: usize, height: usize, Yuv([y, u, v]): Yuv) -> Self {
        let (half_w, half_h) = (width.div_ceil(2), height.div_ceil(2));
        Self {
            planes: [
                Plane::filled(2 * half_w, 2 * half_h, y),
                Plane::filled(half_w, half_h, u),
                Plane::filled(half_w, half_h, v),
            ],
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.planes[0].width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.planes[0].height
    }

    /// Makes every pixel one colour.
    pub fn fill(&mut self, Yuv(levels): Yuv) {
        for (plane, level) in self.planes.iter_mut().zip(levels) {
            plane.data.fill(level);
        }
    }

    /// Takes over another picture of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        for (plane, source) in self.planes.iter_mut().zip(&other.planes) {
            plane.data.copy_from_slice(&source.data);
        }
    }

    /// Copies the planes of a decoded YUV 4:2:0 8-bit frame.
    pub fn from_frame(frame: &Frame) -> Result<Self, RenderError> {
        let mut picture = Self::filled(2, 2, Yuv::BLACK);
        picture.take_frame(frame)?;
        Ok(picture)
    }

    /// The same into a picture that is there already; it gets the frame's size.
    pub fn take_frame(&mut self, frame: &Frame) -> Result<(), RenderError> {
        let format = frame.format();
        if !matches!(
            format.pixel_name.as_str(),
            "yuv420p" | "yuvj420p" | "yuva420p"
        ) {
            return Err(RenderError::internal(format!(
                "a {} frame is not planar 4:2:0",
                format.pixel_name
            )));
        }
        let (width, height) = (format.width as usize, format.height as usize);
        if (self.width(), self.height()) != (width.next_multiple_of(2), height.next_multiple_of(2))
        {
            *self = Self::filled(width, height, Yuv::BLACK);
        }
        for (index, plane) in self.planes.iter_mut().enumerate() {
            copy_plane(frame, index, plane)?;
        }
        Ok(())
    }

    /// Copies the planes into a frame of the same size.
    pub fn write_to(&self, frame: &mut Frame) -> Result<(), RenderError> {
        let format = frame.format();
        if (format.width as usize, format.height as usize) != (self.width(), self.height()) {
            return Err(RenderError::internal(format!(
                "a picture of {}x{} px does not fit a frame of {}x{} px",
                self.width(),
                self.height(),
                format.width,
                format.height
            )));
        }
        for (index, plane) in self.planes.iter().enumerate() {
            write_plane(plane, index, frame)?;
        }
        Ok(())
    }
}

/// Copies a plane into a frame's plane of the same size.
pub(crate) fn write_plane(
    plane: &Plane,
    index: usize,
    frame: &mut Frame,
) -> Result<(), RenderError> {
    let (rows, stride) = frame
        .plane_mut(index, plane.height, plane.width)
        .ok_or_else(|| RenderError::internal("the encoder's frame has another shape"))?;
    for (to, from) in rows
        .chunks_mut(stride)
        .zip(plane.data.chunks_exact(plane.width))
    {
        to[..plane.width].copy_from_slice(from);
    }
    Ok(())
}

/// Fills a plane from a frame's plane of the same size.
pub(crate) fn copy_plane(
    frame: &Frame,
    index: usize,
    plane: &mut Plane,
) -> Result<(), RenderError> {
    let (rows, stride) = frame
        .plane(index, plane.height, plane.width)
        .ok_or_else(|| RenderError::internal(format!("plane {index} of a frame is missing")))?;
    let width = plane.width;
    for (to, from) in plane.data.chunks_exact_mut(width).zip(rows.chunks(stride)) {
        to.copy_from_slice(&from[..width]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_their_standard_levels() {
        assert_eq!(Yuv::from(Color::BLACK), Yuv::BLACK);
        assert_eq!(Yuv::from(Color::WHITE), Yuv([235, 128, 128]));
        assert_eq!(Yuv::from(Color::rgb(255, 0, 0)), Yuv([63, 102, 240]));
        assert_eq!(Yuv::from(Color::rgb(0, 0, 255)), Yuv([32, 240, 118]));
    }

    #[test]
    fn goes_through_a_frame_unchanged() {
        let mut picture = Picture::filled(38, 22, Yuv([40, 90, 200]));
        for (index, sample) in picture.planes[0].data.iter_mut().enumerate() {
            *sample = index as u8;
        }
        let mut frame = Frame::yuv420p(38, 22, false).unwrap();
        picture.write_to(&mut frame).unwrap();
        assert_eq!(Picture::from_frame(&frame).unwrap(), picture);
        let mut other = Frame::yuv420p(80, 22, false).unwrap();
        assert!(
            Picture::filled(90, 22, Yuv::BLACK)
                .write_to(&mut other)
                .is_err()
        );
    }

    #[test]
    fn sides_are_even() {
        let picture = Picture::filled(5, 3, Yuv::BLACK);
        assert_eq!((picture.width(), picture.height()), (6, 4));
        assert_eq!(picture.planes[1].data.len(), 6);
    }
}
