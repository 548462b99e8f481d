//! From any decoded frame to planar 4:2:0 BT.709 in limited range, cut, scaled and turned on the way.
//!
//! The chain is built from what the frame itself says, and rebuilt when that changes in mid-stream. No text of a
//! user's reaches it: options are numbers and words from this file. Neighbours: `camera` says what to keep, `source`
//! and `snapshot` feed frames.

use fenta_templates::timeline::ColorTransfer;

use crate::error::RenderError;
use crate::ffi_filter::{FilterChain, FilterNode};
use crate::ffi_frame::{Frame, FrameFormat, Matrix};
use crate::orientation::Orientation;
use crate::tone_map::ToneMap;

/// Unspecified material up to this height is standard definition, hence BT.601.
const SD_MAX_HEIGHT: u32 = 576;
/// Smaller pictures are cut to the pixel.
const SMALL: u32 = 64;
const SCALER: &str = "bicubic+accurate_rnd+bitexact";

/// What to make of frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Size after turning.
    pub size: (u32, u32),
    /// Share of the displayed width and height that is kept.
    pub kept: (f64, f64),
    /// The middle of what is kept, in shares of the displayed width and height; moved inwards where that sticks out.
    pub centre: (f64, f64),
    /// How the stored picture is turned for display.
    pub orientation: Orientation,
}

/// Converts the frames of one source.
pub struct Converter {
    target: Target,
    output: Output,
    chain: Option<(FrameFormat, FilterChain)>,
    tone_map: Option<ToneMap>,
}

/// What comes out of a converter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// BT.709 limited 4:2:0, with an alpha plane when the source has one.
    Video,
    /// Straight RGBA.
    Rgba,
    /// Full-range BT.601 4:2:0, as JPEG wants it, from BT.709 limited 4:2:0.
    Jpeg,
}

impl Converter {
    /// A converter to one size and form.
    pub fn new(target: Target, output: Output) -> Self {
        Self {
            target,
            output,
            chain: None,
            tone_map: None,
        }
    }

    /// Converts a frame.
    pub fn convert(&mut self, frame: &Frame) -> Result<Frame, RenderError> {
        let format = frame.format();
        if self
            .chain
            .as_ref()
            .is_none_or(|(known, _)| *known != format)
        {
            let nodes = self.nodes(&format)?;
            let chain = FilterChain::new(frame, (1, 1_000_000), &nodes)?;
            self.tone_map = is_high_range(self.output, &format).then(|| ToneMap::new(&format));
            self.chain = Some((format, chain));
        }
        let (_, chain) = self
            .chain
            .as_mut()
            .ok_or_else(|| RenderError::internal("the conversion was not set up"))?;
        chain.push(Some(frame))?;
        let converted = chain
            .pull()?
            .ok_or_else(|| RenderError::internal("the conversion swallowed a picture"))?;
        match &self.tone_map {
            Some(tone_map) => tone_map.apply(&converted),
            None => Ok(converted),
        }
    }

    fn nodes(&self, format: &FrameFormat) -> Result<Vec<FilterNode>, RenderError> {
        let quarter = self.target.orientation.is_quarter();
        let swap = |(a, b)| if quarter { (b, a) } else { (a, b) };
        let swap_f = |(a, b)| if quarter { (b, a) } else { (a, b) };
        let mut nodes = Vec::new();
        let centre = self.target.orientation.stored(self.target.centre);
        nodes.extend(crop(format, swap_f(self.target.kept), centre));
        let size = swap(self.target.size);
        match self.output {
            Output::Video if is_high_range(self.output, format) => {
                nodes.extend(high_range(format, size)?);
            }
            Output::Video => nodes.extend(standard(format, size)?),
            Output::Rgba => nodes.extend(rgba(format, size)?),
            Output::Jpeg => nodes.extend(jpeg(size)),
        }
        nodes.extend(turn(self.target.orientation));
        Ok(nodes)
    }
}

/// Cuts around a place, where there is anything to cut.
fn crop(format: &FrameFormat, kept: (f64, f64), centre: (f64, f64)) -> Option<FilterNode> {
    let side = |length: u32, share: f64, centre: f64| {
        let kept = f64::from(length) * share;
        // Around the middle as many pairs of pixels go on either side: the filter cuts on the grid of the colour samples,
        // and what it moved by itself would be off by up to two pixels.
        let margin = (f64::from(length) - kept) / 4.0;
        let kept = if centre == 0.5 && length.is_multiple_of(2) && length >= SMALL {
            length - margin.round() as u32 * 4
        } else {
            kept.round() as u32
        };
        kept.clamp(2.min(length), length)
    };
    let (width, height) = (
        side(format.width, kept.0, centre.0),
        side(format.height, kept.1, centre.1),
    );
    if (width, height) == (format.width, format.height) {
        return None;
    }
    // On the grid of the colour samples, as the filter would round it anyway.
    let from = |whole: u32, kept: u32, centre: f64| {
        let room = f64::from(whole - kept);
        let at = f64::from(whole) * centre - f64::from(kept) / 2.0;
        let at = at.clamp(0.0, room);
        if centre == 0.5 {
            (whole - kept) / 2
        } else {
            (at / 2.0).round() as u32 * 2
        }
        .min(whole - kept)
    };
    Some(
        FilterNode::new("crop")
            .with("w", width)
            .with("h", height)
            .with("x", from(format.width, width, centre.0))
            .with("y", from(format.height, height, centre.1)),
    )
}

fn scale((width, height): (u32, u32)) -> FilterNode {
    FilterNode::new("scale")
        .with("w", width)
        .with("h", height)
        .with("flags", SCALER)
}

fn pixel_format(name: &str) -> FilterNode {
    FilterNode::new("format").with("pix_fmts", name)
}

fn standard(format: &FrameFormat, size: (u32, u32)) -> Result<Vec<FilterNode>, RenderError> {
    let scale = with_source_colors(scale(size), format)?
        .with("out_color_matrix", "bt709")
        .with("out_range", "limited");
    let name = if format.alpha { "yuva420p" } else { "yuv420p" };
    Ok(vec![scale, pixel_format(name)])
}

fn rgba(format: &FrameFormat, size: (u32, u32)) -> Result<Vec<FilterNode>, RenderError> {
    let scale = with_source_colors(scale(size), format)?.with("out_range", "full");
    Ok(vec![scale, pixel_format("rgba")])
}

fn jpeg(size: (u32, u32)) -> Vec<FilterNode> {
    let scale = scale(size)
        .with("in_color_matrix", "bt709")
        .with("in_range", "limited")
        .with("out_color_matrix", "bt601")
        .with("out_range", "full");
    vec![scale, pixel_format("yuvj420p")]
}

fn with_source_colors(scale: FilterNode, format: &FrameFormat) -> Result<FilterNode, RenderError> {
    let matrix = match format.matrix {
        Matrix::Rgb => return Ok(scale),
        Matrix::Unspecified if format.transfer != ColorTransfer::Sdr => "bt2020",
        Matrix::Unspecified if format.height > SD_MAX_HEIGHT => "bt709",
        Matrix::Unspecified | Matrix::Bt601 => "bt601",
        Matrix::Bt709 => "bt709",
        Matrix::Bt2020 => "bt2020",
        Matrix::Other => return Err(unknown_matrix()),
    };
    let range = if format.full_range { "full" } else { "limited" };
    Ok(scale
        .with("in_color_matrix", matrix)
        .with("in_range", range))
}

fn unknown_matrix() -> RenderError {
    RenderError::unsupported(
        "the picture uses a colour matrix other than BT.601, BT.709 and BT.2020",
        "export it again as ordinary H.264",
    )
}

/// Scaled in the signal's own terms; `tone_map` does the rest.
fn high_range(format: &FrameFormat, size: (u32, u32)) -> Result<Vec<FilterNode>, RenderError> {
    let scale = with_source_colors(scale(size), format)?;
    let same = |option: &str| {
        let given = scale.options.iter().find(|(name, _)| *name == option);
        given.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (matrix, range) = (same("in_color_matrix"), same("in_range"));
    let scale = scale
        .with("out_color_matrix", matrix)
        .with("out_range", range);
    Ok(vec![scale, pixel_format("yuv444p10le")])
}

fn is_high_range(output: Output, format: &FrameFormat) -> bool {
    output == Output::Video && format.transfer != ColorTransfer::Sdr && format.matrix != Matrix::Rgb
}

fn turn(orientation: Orientation) -> Vec<FilterNode> {
    let mut nodes = Vec::new();
    if orientation.mirrored {
        nodes.push(FilterNode::new("hflip"));
    }
    match orientation.rotation {
        90 => nodes.push(FilterNode::new("transpose").with("dir", "clock")),
        180 => nodes.extend([FilterNode::new("hflip"), FilterNode::new("vflip")]),
        270 => nodes.push(FilterNode::new("transpose").with("dir", "cclock")),
        _ => {}
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, Yuv};

    fn target(size: (u32, u32), orientation: Orientation) -> Target {
        Target {
            size,
            kept: (1.0, 1.0),
            centre: (0.5, 0.5),
            orientation,
        }
    }

    fn frame(picture: &Picture, full: bool) -> Frame {
        let mut frame =
            Frame::yuv420p(picture.width() as u32, picture.height() as u32, full).unwrap();
        picture.write_to(&mut frame).unwrap();
        frame
    }

    /// Bright in the top left quarter of a 64x32 picture.
    fn corner() -> Picture {
        let mut picture = Picture::filled(64, 32, Yuv([50, 128, 128]));
        for y in 0..16 {
            picture.planes[0].row_mut(y)[..32].fill(200);
        }
        picture
    }

    #[test]
    fn what_is_cut_around_the_middle_has_it_in_its_middle() {
        // Kept to the pixel these would be odd in size or place, which the filter would move to one side.
        for (size, kept) in [((1280, 720), 405.0), ((300, 200), 112.5), ((322, 64), 36.0)] {
            let mut picture = Picture::filled(size.0, size.1, Yuv([50, 128, 128]));
            for y in 0..size.1 {
                picture.planes[0].row_mut(y)[size.0 / 2 - 6..size.0 / 2 + 6].fill(220);
            }
            let mut target = target((kept as u32 / 2 * 2, size.1 as u32), Orientation::UPRIGHT);
            target.kept = (kept / size.0 as f64, 1.0);
            let converted = Converter::new(target, Output::Video)
                .convert(&frame(&picture, false))
                .unwrap();
            let converted = Picture::from_frame(&converted).unwrap();
            let row = converted.planes[0].row(10);
            let other: Vec<u8> = row.iter().rev().copied().collect();
            let apart = row.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(apart <= Some(3), "{size:?}: {apart:?}");
        }
    }

    #[test]
    fn turns_and_mirrors() {
        let cases = [
            (0, false, (64, 32), (0, 0)),
            (90, false, (32, 64), (1, 0)),
            (180, false, (64, 32), (1, 1)),
            (270, false, (32, 64), (0, 1)),
            (0, true, (64, 32), (1, 0)),
            (90, true, (32, 64), (1, 1)),
        ];
        for (rotation, mirrored, size, (right, bottom)) in cases {
            let orientation = Orientation { rotation, mirrored };
            let mut converter = Converter::new(target(size, orientation), Output::Video);
            let mut source = frame(&corner(), false);
            source.tag_bt709();
            let out = Picture::from_frame(&converter.convert(&source).unwrap()).unwrap();
            assert_eq!(
                (out.width(), out.height()),
                (size.0 as usize, size.1 as usize)
            );
            let (x, y) = (out.width() / 4, out.height() / 4);
            let bright = out.planes[0].row(y + bottom * 2 * y)[x + right * 2 * x];
            assert_eq!(bright, 200, "{rotation} {mirrored}");
            let dark = out.planes[0].row(y + (1 - bottom) * 2 * y)[x + (1 - right) * 2 * x];
            assert_eq!(dark, 50, "{rotation} {mirrored}");
        }
    }

    #[test]
    fn full_range_becomes_limited() {
        let source = frame(&Picture::filled(64, 64, Yuv([255, 128, 128])), true);
        let mut converter = Converter::new(target((32, 32), Orientation::UPRIGHT), Output::Video);
        let out = Picture::from_frame(&converter.convert(&source).unwrap()).unwrap();
        assert!(
            out.planes[0].data[5].abs_diff(235) <= 1,
            "{}",
            out.planes[0].data[5]
        );
    }

    #[test]
    fn bt601_becomes_bt709() {
        // Pure red: 81/90/240 in BT.601, 63/102/240 in BT.709.
        let source = frame(&Picture::filled(64, 64, Yuv([81, 90, 240])), false);
        let mut converter = Converter::new(target((64, 64), Orientation::UPRIGHT), Output::Video);
        let out = Picture::from_frame(&converter.convert(&source).unwrap()).unwrap();
        let levels = [0, 1, 2].map(|plane| out.planes[plane].data[9]);
        for (level, expected) in levels.into_iter().zip([63u8, 102, 240]) {
            assert!(level.abs_diff(expected) <= 2, "{levels:?}");
        }
    }

    #[test]
    fn keeps_the_middle() {
        let mut wide = Picture::filled(96, 32, Yuv([30, 128, 128]));
        for y in 0..32 {
            wide.planes[0].row_mut(y)[32..64].fill(220);
        }
        let target = Target {
            size: (32, 32),
            kept: (1.0 / 3.0, 1.0),
            centre: (0.5, 0.5),
            orientation: Orientation::UPRIGHT,
        };
        let mut converter = Converter::new(target, Output::Video);
        let mut source = frame(&wide, false);
        source.tag_bt709();
        let out = Picture::from_frame(&converter.convert(&source).unwrap()).unwrap();
        assert!(out.planes[0].data.iter().all(|y| *y == 220));
    }

    #[test]
    fn follows_a_change_of_format() {
        let mut converter = Converter::new(target((32, 32), Orientation::UPRIGHT), Output::Video);
        for size in [64, 96, 64] {
            let source = frame(&Picture::filled(size, size, Yuv([90, 128, 128])), false);
            let out = converter.convert(&source).unwrap();
            assert_eq!(out.format().width, 32);
        }
    }
}
