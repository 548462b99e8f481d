//! Animated WebP, which FFmpeg 5 cannot read: whole frames with times, composed by `image-webp`.
//!
//! The one door of that crate. Neighbours: `decode` hands its frames on as those of any other film; a WebP with one
//! picture goes through FFmpeg like every still.

use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image_webp::{DecodingError, WebPDecoder};

use crate::decode::{REPLACE, TimedFrame};
use crate::error::RenderError;
use crate::ffi_frame::Frame;
use crate::probe::check_size;

/// Frames without a length are shown as browsers do.
const DEFAULT_MILLIS: u32 = 100;
/// Memory the decoder may take for one frame's own needs.
const MOST_MEMORY: usize = 1 << 30;

/// An animation, frame by frame.
pub struct WebpReader {
    decoder: WebPDecoder<BufReader<File>>,
    /// The canvas as the decoder fills it: three or four bytes a pixel.
    canvas: Vec<u8>,
    micros: i64,
    given: u32,
    damaged: bool,
}

impl WebpReader {
    /// Opens a file that [`is_animation`] holds for one.
    ///
    /// # Errors
    /// When it is broken or larger than pictures may be.
    pub fn open(path: &Path) -> Result<Self, RenderError> {
        let file = File::open(path).map_err(|source| RenderError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        })?;
        let mut decoder = guarded(|| WebPDecoder::new(BufReader::new(file)))?;
        let (width, height) = decoder.dimensions();
        check_size(width, height)?;
        decoder.set_memory_limit(MOST_MEMORY);
        // What a frame leaves behind is cleared to nothing, not to the colour the file suggests: so do browsers.
        guarded(|| decoder.set_background_color([0; 4]))?;
        let bytes = decoder.output_buffer_size().unwrap_or(0);
        Ok(Self {
            decoder,
            canvas: vec![0; bytes],
            micros: 0,
            given: 0,
            damaged: false,
        })
    }

    /// Frames in the file.
    pub fn frames(&self) -> u32 {
        self.decoder.num_frames()
    }

    /// Frames given so far.
    pub fn given(&self) -> u32 {
        self.given
    }

    /// Whether anything may be transparent.
    pub fn has_alpha(&self) -> bool {
        self.decoder.has_alpha()
    }

    /// Whether frames that were asked for could not be decoded.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Time of the end of the frame given last, microseconds.
    pub fn end_micros(&self) -> i64 {
        self.micros
    }

    /// Begins anew.
    pub fn rewind(&mut self) {
        self.decoder.reset_animation();
        (self.micros, self.given) = (0, 0);
    }

    /// The next frame; `None` at the end, or where the rest is damaged.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn next_frame(&mut self) -> Result<Option<TimedFrame>, RenderError> {
        if self.given == self.frames() {
            return Ok(None);
        }
        let Ok(millis) = guarded(|| self.decoder.read_frame(&mut self.canvas)) else {
            self.damaged = true;
            return Ok(None);
        };
        let (width, height) = self.decoder.dimensions();
        let mut frame = Frame::rgba(width, height)?;
        let (row_bytes, pixel) = (
            width as usize * 4,
            if self.decoder.has_alpha() { 4 } else { 3 },
        );
        let (rows, stride) = frame
            .plane_mut(0, height as usize, row_bytes)
            .ok_or_else(|| RenderError::internal("a new picture cannot be written to"))?;
        let source = self.canvas.chunks_exact(width as usize * pixel);
        for (row, source) in rows.chunks_mut(stride).zip(source) {
            for (to, from) in row.chunks_exact_mut(4).zip(source.chunks_exact(pixel)) {
                to[3] = 255;
                to[..pixel].copy_from_slice(from);
            }
        }
        let shown = self.micros;
        let millis = if millis == 0 { DEFAULT_MILLIS } else { millis };
        self.micros += i64::from(millis) * 1000;
        self.given += 1;
        Ok(Some(TimedFrame {
            micros: shown,
            frame,
        }))
    }
}

/// Whether a file is a WebP that moves, by its first bytes.
pub fn is_animation(path: &Path) -> bool {
    let mut head = [0; 21];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(b"RIFF") && &head[8..16] == b"WEBPVP8X" && head[20] & 2 != 0
}

/// A broken file is an error, also where the decoder panics at it.
fn guarded<T>(decode: impl FnOnce() -> Result<T, DecodingError>) -> Result<T, RenderError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(RenderError::input(
            format!("the animated WebP is damaged: {error}"),
            REPLACE,
        )),
        Err(_) => Err(RenderError::input("the animated WebP is damaged", REPLACE)),
    }
}
