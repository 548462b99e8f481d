//! Renders a segment: composing in one thread, encoding in another, a few pictures between them.
//!
//! The result is a file with an exact time per frame and nothing in it that differs between runs. Neighbours: `compose`
//! draws, `codec` says how to encode, `ffi_encoder` and `ffi_output` write; `mux` joins what comes out.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use fenta_templates::color::Color;
use fenta_templates::timeline::{Canvas, SegmentSpec};
use fenta_workflows::action::{RenderSegmentRequest, SegmentFacts};

use crate::codec::{SegmentCodec, segment_codec};
use crate::compose::{Blobs, SegmentPainter};
use crate::error::RenderError;
use crate::ffi_encoder::{Pixels, VideoEncoder};
use crate::ffi_error::AvError;
use crate::ffi_filter::{FilterChain, FilterNode};
use crate::ffi_frame::Frame;
use crate::ffi_output::Output;
use crate::ffi_packet::Packet;
use crate::matte::{BACKGROUNDS, separate};
use crate::picture::{Picture, Plane, Yuv, write_plane};
use crate::spans::SpanFinder;

/// Name of the encoded span inside the output folder.
pub const SEGMENT_FILE: &str = "segment.nut";
/// Pictures between composer and encoder.
const QUEUE: usize = 3;
const PROGRESS_EVERY: u64 = 10;

/// Draws and encodes a segment into the output folder.
pub fn render_segment(
    request: &RenderSegmentRequest,
    blobs: Blobs,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SegmentFacts, RenderError> {
    let segment = &request.segment;
    check_canvas(&segment.canvas, segment.frames)?;
    let codec = segment_codec(&segment.canvas, &request.encoding)?;
    let path = out_dir.join(SEGMENT_FILE);
    let mut artist = Artist::new(request, blobs)?;
    let writer = SegmentWriter::create(&path, &codec)?;
    let mut spans = SpanFinder::default();
    thread::scope(|scope| {
        let (send, receive) = sync_channel::<Drawn>(QUEUE);
        let (recycle, recycled) = channel::<Drawn>();
        let encoder = scope.spawn(move || writer.run(&receive, &recycle));
        let drawn = (0..segment.frames).try_for_each(|frame| {
            let mut drawn = recycled.try_recv().unwrap_or_else(|_| artist.blank());
            artist.draw(frame, &mut drawn)?;
            spans.see(&drawn.picture);
            report(u64::from(frame) + 1, u64::from(segment.frames), progress);
            // An encoder that hung up says why when it is joined.
            send_on(&send, drawn);
            Ok(())
        });
        drop(send);
        let encoded = encoder
            .join()
            .map_err(|_| RenderError::internal("the encoding thread panicked"))?;
        drawn.and(encoded)
    })?;
    let bytes = std::fs::metadata(&path)
        .map_err(|source| RenderError::Io {
            operation: "measure",
            path,
            source,
        })?
        .len();
    Ok(SegmentFacts {
        frames: segment.frames,
        bytes,
        view: Some(spans.finish()),
    })
}

/// A picture on its way to the encoder, with its coverage where the file keeps it.
struct Drawn {
    picture: Picture,
    alpha: Option<Plane>,
}

/// Draws frames; those with transparency twice, over black and over white.
struct Artist {
    painter: SegmentPainter,
    over_white: Option<(SegmentPainter, Picture)>,
    size: (usize, usize),
}

impl Artist {
    fn new(request: &RenderSegmentRequest, blobs: Blobs) -> Result<Self, RenderError> {
        let canvas = &request.segment.canvas;
        let size = (canvas.width as usize, canvas.height as usize);
        let threads = request.encoding.threads;
        let painter =
            |segment: &SegmentSpec| SegmentPainter::new(segment, &request.fonts, blobs, threads);
        if !request.encoding.alpha {
            return Ok(Self {
                painter: painter(&request.segment)?,
                over_white: None,
                size,
            });
        }
        let over = |background| {
            let mut segment = request.segment.clone();
            segment.canvas.background = background;
            painter(&segment)
        };
        Ok(Self {
            painter: over(Color::BLACK)?,
            over_white: Some((
                over(Color::WHITE)?,
                Picture::filled(size.0, size.1, BACKGROUNDS[1]),
            )),
            size,
        })
    }

    fn blank(&self) -> Drawn {
        let (width, height) = self.size;
        Drawn {
            picture: Picture::filled(width, height, Yuv::BLACK),
            alpha: self
                .over_white
                .as_ref()
                .map(|_| Plane::filled(width, height, 0)),
        }
    }

    fn draw(&mut self, frame: u32, drawn: &mut Drawn) -> Result<(), RenderError> {
        self.painter.paint(frame, &mut drawn.picture)?;
        if let (Some((painter, white)), Some(alpha)) = (&mut self.over_white, &mut drawn.alpha) {
            painter.paint(frame, white)?;
            separate(&mut drawn.picture, white, alpha);
        }
        Ok(())
    }
}

fn send_on(queue: &SyncSender<Drawn>, drawn: Drawn) {
    drop(queue.send(drawn));
}

fn report(done: u64, total: u64, progress: &mut dyn FnMut(u64, u64)) {
    if done.is_multiple_of(PROGRESS_EVERY) || done == total {
        progress(done, total);
    }
}

/// Refuses canvases that cannot be drawn or encoded.
pub fn check_canvas(canvas: &Canvas, frames: u32) -> Result<(), RenderError> {
    let side = |side: u32| (16..=8192).contains(&side) && side.is_multiple_of(2);
    if !side(canvas.width) || !side(canvas.height) {
        return Err(RenderError::limit(
            format!("the canvas is {}x{} px", canvas.width, canvas.height),
            "both sides must be even and between 16 and 8192 px",
        ));
    }
    if frames == 0 {
        return Err(RenderError::internal("a segment without frames"));
    }
    Ok(())
}

struct SegmentWriter {
    encoder: VideoEncoder,
    output: Output,
    stream: usize,
    packet: Packet,
    size: (u32, u32),
    unit: (i32, i32),
    pixels: Pixels,
    /// From the composer's form to the encoder's, where they differ.
    form: Option<FilterChain>,
}

impl SegmentWriter {
    fn create(path: &Path, codec: &SegmentCodec) -> Result<Self, RenderError> {
        let setup = &codec.setup;
        let encoder = VideoEncoder::open(setup)?;
        let mut output = Output::create(path, codec.muxer)?;
        let stream = output.add_encoder(&encoder)?;
        // Frame n of a segment has the time n: nothing is shifted to make decoding times positive.
        output.write_header(&[(c"avoid_negative_ts", c"disabled")])?;
        Ok(Self {
            encoder,
            output,
            stream,
            packet: Packet::empty()?,
            size: (setup.width, setup.height),
            unit: (setup.rate.den as i32, setup.rate.num as i32),
            pixels: setup.pixels,
            form: None,
        })
    }

    fn run(mut self, drawn: &Receiver<Drawn>, recycle: &Sender<Drawn>) -> Result<(), RenderError> {
        for (index, drawn) in drawn.iter().enumerate() {
            self.encode(index as i64, &drawn)?;
            // The composer may be done already and no longer want pictures back.
            drop(recycle.send(drawn));
        }
        self.encoder.send(None)?;
        self.drain()?;
        self.output.finish()?;
        Ok(())
    }

    fn encode(&mut self, index: i64, drawn: &Drawn) -> Result<(), RenderError> {
        // The encoder keeps references to what it looks ahead at, so every picture gets its own frame.
        let mut frame = self.frame(drawn)?;
        if !matches!(self.pixels, Pixels::Yuv420 | Pixels::Yuva420) {
            frame = self.formed(&frame)?;
        }
        frame.set_timestamp(index);
        self.encoder.send(Some(&frame))?;
        Ok(self.drain()?)
    }

    fn frame(&self, drawn: &Drawn) -> Result<Frame, RenderError> {
        let (width, height) = self.size;
        let mut frame = match &drawn.alpha {
            Some(_) => Frame::yuva420p(width, height)?,
            None => Frame::yuv420p(width, height, false)?,
        };
        frame.tag_bt709();
        drawn.picture.write_to(&mut frame)?;
        if let Some(alpha) = &drawn.alpha {
            write_plane(alpha, 3, &mut frame)?;
        }
        Ok(frame)
    }

    /// In the encoder's own form.
    fn formed(&mut self, frame: &Frame) -> Result<Frame, RenderError> {
        let chain = match &mut self.form {
            Some(chain) => chain,
            None => {
                let chain = FilterChain::new(frame, self.unit, &conversion(self.pixels))?;
                self.form.insert(chain)
            }
        };
        chain.push(Some(frame))?;
        chain
            .pull()?
            .ok_or_else(|| RenderError::internal("the conversion swallowed a picture"))
    }

    fn drain(&mut self) -> Result<(), AvError> {
        while self.encoder.receive(&mut self.packet)? {
            let (pts, dts) = (self.packet.pts(), self.packet.dts());
            let (pts, dts) = (pts.unwrap_or_default(), dts.unwrap_or_default());
            self.packet.address(self.stream, pts, dts, 1);
            self.output
                .write(&mut self.packet, self.stream, self.unit)?;
        }
        Ok(())
    }
}

fn conversion(pixels: Pixels) -> Vec<FilterNode> {
    let range = match pixels {
        Pixels::Rgb | Pixels::Rgba | Pixels::Jpeg => "full",
        _ => "limited",
    };
    let scale = FilterNode::new("scale")
        .with("flags", "bicubic+accurate_rnd+full_chroma_int+bitexact")
        .with("in_color_matrix", "bt709")
        .with("in_range", "limited")
        .with("out_color_matrix", "bt709")
        .with("out_range", range);
    let format = FilterNode::new("format").with("pix_fmts", pixels.name());
    vec![scale, format]
}
