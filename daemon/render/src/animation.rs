//! The video as a GIF: one palette for all frames, ordered dithering (which does not crawl), only what changed is
//! written again.
//!
//! The one door to `gif`. Neighbours: `decode` reads the segments, FFmpeg's `palettegen` picks the colours, `mux` asks.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fenta_templates::time::FrameRate;
use fenta_workflows::action::MuxRequest;

use crate::compose::Blobs;
use crate::decode::{Care, FrameReader};
use crate::error::RenderError;
use crate::ffi_filter::{FilterChain, FilterNode};
use crate::ffi_frame::Frame;

/// Most frames a second: browsers slow down anything quicker than 50, and size grows with each.
const MAX_RATE: f64 = 20.0;
/// The palette's entry for what stays as it was.
const UNCHANGED: u8 = 255;
/// How far dithering moves a level at the most, of 255.
const DITHER: i32 = 20;
/// Steps of a channel in the table of nearest colours.
const STEPS: usize = 32;
/// Ordered dithering, 8 x 8 (Bayer 1973): thresholds 0-63.
const BAYER: [[i32; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];

/// Writes the animation; the number of frames of the video (not all of them are kept).
pub(crate) fn write(
    path: &Path,
    request: &MuxRequest,
    blobs: Blobs,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RenderError> {
    let rate = request.canvas.frame_rate;
    let step = (rate.as_f64() / MAX_RATE).ceil().max(1.0) as u64;
    let total = request.segment_frames.iter().copied().map(u64::from).sum();
    let mut palette = PaletteMaker::new();
    for_each_kept(request, blobs, step, &mut |frame, _| palette.add(frame))?;
    let palette = palette.finish()?;
    let mut writer = GifWriter::create(path, request, palette)?;
    let frames = for_each_kept(request, blobs, step, &mut |frame, index| {
        progress(index + 1, total);
        writer.add(frame, (index, (index + step).min(total)), rate)
    })?;
    if frames != total {
        return Err(RenderError::internal(format!(
            "the segments hold {frames} frames instead of {total}"
        )));
    }
    writer.finish()?;
    Ok(frames)
}

/// Decodes the segments and hands on every `step`th frame with its number; the number of all of them.
fn for_each_kept(
    request: &MuxRequest,
    blobs: Blobs,
    step: u64,
    each: &mut dyn FnMut(&Frame, u64) -> Result<(), RenderError>,
) -> Result<u64, RenderError> {
    let mut index = 0;
    for digest in &request.segments {
        let mut reader = FrameReader::open(blobs.path(*digest)?, Care::Whole)?;
        while let Some(timed) = reader.next_frame()? {
            if index % step == 0 {
                each(&timed.frame, index)?;
            }
            index += 1;
        }
    }
    Ok(index)
}

/// To RGB with the colours our own segments have.
fn to_rgb(format: &str) -> [FilterNode; 2] {
    let scale = FilterNode::new("scale")
        .with("flags", "bicubic+accurate_rnd+full_chroma_int+bitexact")
        .with("in_color_matrix", "bt709")
        .with("in_range", "limited")
        .with("out_range", "full");
    [scale, FilterNode::new("format").with("pix_fmts", format)]
}

/// Collects the colours of all frames.
struct PaletteMaker(Option<FilterChain>);

impl PaletteMaker {
    const fn new() -> Self {
        Self(None)
    }

    fn add(&mut self, frame: &Frame) -> Result<(), RenderError> {
        let chain = match &mut self.0 {
            Some(chain) => chain,
            None => {
                let palette = FilterNode::new("palettegen")
                    .with("max_colors", 256)
                    .with("reserve_transparent", 1)
                    .with("stats_mode", "full");
                let nodes: Vec<FilterNode> = to_rgb("bgra").into_iter().chain([palette]).collect();
                self.0.insert(FilterChain::new(frame, (1, 1000), &nodes)?)
            }
        };
        Ok(chain.push(Some(frame))?)
    }

    /// The colours as red, green, blue; 255 of them, the last entry stays free.
    fn finish(self) -> Result<Vec<[u8; 3]>, RenderError> {
        let failed = || RenderError::internal("no palette was made");
        let mut chain = self.0.ok_or_else(failed)?;
        chain.push(None)?;
        let frame = chain.pull()?.ok_or_else(failed)?;
        let (rows, stride) = frame.plane(0, 16, 64).ok_or_else(failed)?;
        let colors: Vec<[u8; 3]> = rows
            .chunks(stride)
            .flat_map(|row| row[..64].chunks_exact(4))
            .map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .take(usize::from(UNCHANGED))
            .collect();
        Ok(colors)
    }
}

/// The nearest palette entry of every colour, to five bits a channel.
struct Nearest(Vec<u8>);

impl Nearest {
    fn new(palette: &[[u8; 3]]) -> Self {
        let level = |step: usize| (step * 255 / (STEPS - 1)) as i32;
        let mut table = Vec::with_capacity(STEPS * STEPS * STEPS);
        for red in 0..STEPS {
            for green in 0..STEPS {
                for blue in 0..STEPS {
                    table.push(nearest(palette, [red, green, blue].map(level)));
                }
            }
        }
        Self(table)
    }

    fn of(&self, pixel: [u8; 3], threshold: i32) -> u8 {
        let moved = (threshold * DITHER) / 63 - DITHER / 2;
        let [red, green, blue] = pixel.map(|level| {
            let level = (i32::from(level) + moved).clamp(0, 255) as usize;
            (level * (STEPS - 1) + 127) / 255
        });
        self.0[(red * STEPS + green) * STEPS + blue]
    }
}

/// By the eye's weights of the channels.
fn nearest(palette: &[[u8; 3]], color: [i32; 3]) -> u8 {
    let far = |entry: &[u8; 3]| -> i32 {
        let weights = [3, 6, 1];
        (0..3)
            .map(|channel| {
                let apart = i32::from(entry[channel]) - color[channel];
                weights[channel] * apart * apart
            })
            .sum()
    };
    let found = (0..palette.len()).min_by_key(|index| far(&palette[*index]));
    found.unwrap_or_default() as u8
}

struct GifWriter {
    encoder: gif::Encoder<BufWriter<File>>,
    rgb: Option<FilterChain>,
    nearest: Nearest,
    size: (usize, usize),
    shown: Vec<u8>,
    started: bool,
    path: PathBuf,
}

impl GifWriter {
    fn create(
        path: &Path,
        request: &MuxRequest,
        palette: Vec<[u8; 3]>,
    ) -> Result<Self, RenderError> {
        let failed = |source| RenderError::Io {
            operation: "write",
            path: path.to_owned(),
            source,
        };
        let size = (request.canvas.width, request.canvas.height);
        let [width, height] = [size.0, size.1].map(u16::try_from);
        let (Ok(width), Ok(height)) = (width, height) else {
            return Err(RenderError::limit(
                format!("a GIF of {} x {} px cannot be written", size.0, size.1),
                "choose a smaller profile; a side may have 65535 px",
            ));
        };
        let nearest = Nearest::new(&palette);
        let mut colors = palette.concat();
        colors.resize(768, 0);
        let file = BufWriter::new(File::create(path).map_err(failed)?);
        let mut encoder = gif::Encoder::new(file, width, height, &colors).map_err(encoding)?;
        encoder
            .set_repeat(gif::Repeat::Infinite)
            .map_err(encoding)?;
        Ok(Self {
            encoder,
            rgb: None,
            nearest,
            size: (usize::from(width), usize::from(height)),
            shown: vec![0; usize::from(width) * usize::from(height)],
            started: false,
            path: path.to_owned(),
        })
    }

    /// Adds a frame that is shown from one video frame to another.
    fn add(
        &mut self,
        frame: &Frame,
        (from, to): (u64, u64),
        rate: FrameRate,
    ) -> Result<(), RenderError> {
        let indices = self.indices(frame)?;
        let (left, top, right, bottom) = if self.started {
            changed(&self.shown, &indices, self.size.0)
        } else {
            (0, 0, self.size.0, self.size.1)
        };
        let mut buffer = Vec::with_capacity((right - left) * (bottom - top));
        for y in top..bottom {
            for x in left..right {
                let at = y * self.size.0 + x;
                let same = self.started && self.shown[at] == indices[at];
                buffer.push(if same { UNCHANGED } else { indices[at] });
            }
        }
        // Times count in hundredths: each is rounded from the start, so that errors do not add up.
        let hundredths = |index: u64| index * 100 * u64::from(rate.den) / u64::from(rate.num);
        let gif_frame = gif::Frame {
            delay: (hundredths(to) - hundredths(from)) as u16,
            dispose: gif::DisposalMethod::Keep,
            transparent: Some(UNCHANGED),
            left: left as u16,
            top: top as u16,
            width: (right - left) as u16,
            height: (bottom - top) as u16,
            buffer: buffer.into(),
            ..gif::Frame::default()
        };
        self.encoder.write_frame(&gif_frame).map_err(encoding)?;
        (self.shown, self.started) = (indices, true);
        Ok(())
    }

    fn indices(&mut self, frame: &Frame) -> Result<Vec<u8>, RenderError> {
        let chain = match &mut self.rgb {
            Some(chain) => chain,
            None => self
                .rgb
                .insert(FilterChain::new(frame, (1, 1000), &to_rgb("rgb24"))?),
        };
        chain.push(Some(frame))?;
        let (width, height) = self.size;
        let odd = || RenderError::internal("a segment has another size than the canvas");
        let rgb = chain.pull()?.ok_or_else(odd)?;
        let (rows, stride) = rgb.plane(0, height, 3 * width).ok_or_else(odd)?;
        let mut indices = Vec::with_capacity(width * height);
        for (row, thresholds) in rows.chunks(stride).zip(BAYER.iter().cycle()) {
            let pixels = row[..3 * width].chunks_exact(3);
            for (pixel, threshold) in pixels.zip(thresholds.iter().cycle()) {
                let color = [pixel[0], pixel[1], pixel[2]];
                indices.push(self.nearest.of(color, *threshold));
            }
        }
        Ok(indices)
    }

    fn finish(self) -> Result<(), RenderError> {
        let failed = |source| RenderError::Io {
            operation: "write",
            path: self.path.clone(),
            source,
        };
        let mut file = self.encoder.into_inner().map_err(encoding)?;
        file.flush().map_err(failed)
    }
}

fn encoding(error: gif::EncodingError) -> RenderError {
    RenderError::internal(format!("the GIF could not be written: {error}"))
}

/// The smallest box around what differs, at least one pixel: left, top, right, bottom.
fn changed(old: &[u8], new: &[u8], width: usize) -> (usize, usize, usize, usize) {
    let mut found: Option<(usize, usize, usize, usize)> = None;
    for (y, (old, new)) in old.chunks(width).zip(new.chunks(width)).enumerate() {
        let differs = |(a, b): (&u8, &u8)| a != b;
        let Some(first) = old.iter().zip(new).position(differs) else {
            continue;
        };
        let last = width
            - 1
            - old
                .iter()
                .zip(new)
                .rev()
                .position(differs)
                .unwrap_or_default();
        let (left, top, right, _) = found.unwrap_or((first, y, last + 1, y + 1));
        found = Some((left.min(first), top, right.max(last + 1), y + 1));
    }
    found.unwrap_or((0, 0, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_as_small_as_what_differs() {
        let old = vec![0; 60];
        let mut new = old.clone();
        assert_eq!(changed(&old, &new, 10), (0, 0, 1, 1));
        new[23] = 1;
        new[47] = 1;
        assert_eq!(changed(&old, &new, 10), (3, 2, 8, 5));
    }

    #[test]
    fn colours_go_to_the_nearest_entry() {
        let nearest = Nearest::new(&[[0, 0, 0], [255, 255, 255], [250, 10, 10]]);
        assert_eq!(nearest.of([255, 0, 0], 31), 2);
        assert_eq!(nearest.of([20, 20, 20], 31), 0);
        let nearest = Nearest::new(&[[0, 0, 0], [255, 255, 255]]);
        let greys: Vec<u8> = (0..64).map(|t| nearest.of([127, 127, 127], t)).collect();
        assert!(greys.contains(&0) && greys.contains(&1), "grey is dithered");
    }
}
