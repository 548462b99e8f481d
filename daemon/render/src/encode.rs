//! Renders a segment: composing in one thread, encoding in another, a few pictures between them.
//!
//! The result is a file with an exact time per frame and nothing in it that differs between runs. Neighbours: `compose`
//! draws, `codec` says how to encode, `ffi_encoder` and `ffi_output` write; `mux` joins what comes out.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use fenta_templates::color::Color;
use fenta_templates::timeline::{Canvas, SegmentSpec};
use fenta_workflows::action::{RenderSegmentRequest, SegmentFacts, SegmentView};

use crate::codec::{SegmentCodec, segment_codec};
use crate::compose::{Blobs, SegmentPainter};
use crate::contrast::ContrastMeter;
use crate::decode::Care;
use crate::error::RenderError;
use crate::ffi_encoder::{Pixels, VideoEncoder};
use crate::ffi_error::AvError;
use crate::ffi_filter::{FilterChain, FilterNode};
use crate::ffi_frame::Frame;
use crate::ffi_output::Output;
use crate::ffi_packet::Packet;
use crate::matte::{BACKGROUNDS, separate};
use crate::picture::{Picture, Plane, Yuv, write_plane};
use crate::pool::Pool;
use crate::spans::SpanFinder;

/// Name of the encoded span inside the output folder; which container it is, its codec decides.
pub const SEGMENT_FILE: &str = "segment.bin";
/// Pictures between composer and encoder: while the encoder finishes a segment and the next one's fills, this much of the
/// next is drawn.
const QUEUE: usize = 4;
const PROGRESS_EVERY: u64 = 10;

/// What a run of segments tells while it goes on.
pub enum RunEvent {
    /// How far the segment is that ends next.
    Progress {
        /// Frames drawn.
        done: u64,
        /// Frames in all.
        total: u64,
    },
    /// The next segment, in order, is in its folder.
    Done(SegmentFacts),
}

/// Draws and encodes a segment into the output folder.
pub fn render_segment(
    request: &RenderSegmentRequest,
    blobs: Blobs,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SegmentFacts, RenderError> {
    let mut facts = None;
    render_segments(
        &[(request, out_dir.to_owned())],
        blobs,
        &mut |event| match event {
            RunEvent::Progress { done, total } => progress(done, total),
            RunEvent::Done(made) => facts = Some(made),
        },
    )?;
    facts.ok_or_else(|| RenderError::internal("a segment ended without a result"))
}

/// Draws and encodes segments one after another, each into its folder. The next one is drawn while the encoder still
/// finishes the one before; each has the bytes it would have alone.
///
/// # Errors
/// Of the first segment that fails; those before it are told as done, those after it are not begun.
pub fn render_segments(
    requests: &[(&RenderSegmentRequest, PathBuf)],
    blobs: Blobs,
    tell: &mut dyn FnMut(RunEvent),
) -> Result<(), RenderError> {
    thread::scope(|scope| {
        let (send, receive) = sync_channel::<Step>(QUEUE);
        let (recycle, recycled) = channel::<Drawn>();
        let (ended, ends) = channel::<Result<u64, RenderError>>();
        scope.spawn(move || encode_steps(&receive, &recycle, &ended));
        let mut run = Run {
            send,
            recycled,
            ends,
            views: Vec::new(),
            finished: 0,
            pool: Pool::default(),
            tell,
        };
        let drawn = requests
            .iter()
            .try_for_each(|(request, folder)| run.draw(request, blobs, folder));
        let left = run.views.len();
        let Run {
            send,
            ends,
            views,
            mut finished,
            tell,
            ..
        } = run;
        drop(send);
        while finished < left {
            let bytes = ends
                .recv()
                .map_err(|_| RenderError::internal("the encoding thread panicked"))??;
            tell(RunEvent::Done(facts_of(&views[finished], bytes)));
            finished += 1;
        }
        drawn
    })
}

/// What the composer hands to the encoder.
enum Step {
    Begin(Box<SegmentCodec>, PathBuf),
    Picture(Drawn),
    End,
}

/// What is known of a drawn segment.
type View = (u32, SegmentView);

fn facts_of((frames, view): &View, bytes: u64) -> SegmentFacts {
    SegmentFacts {
        frames: *frames,
        bytes,
        view: Some(view.clone()),
    }
}

/// The composing side of a run.
struct Run<'t> {
    send: SyncSender<Step>,
    recycled: Receiver<Drawn>,
    ends: Receiver<Result<u64, RenderError>>,
    /// Of the segments that were drawn; the first `finished` of them are encoded too.
    views: Vec<View>,
    finished: usize,
    /// What one segment leaves to the next.
    pool: Pool,
    tell: &'t mut dyn FnMut(RunEvent),
}

impl Run<'_> {
    fn draw(
        &mut self,
        request: &RenderSegmentRequest,
        blobs: Blobs,
        folder: &Path,
    ) -> Result<(), RenderError> {
        let segment = &request.segment;
        check_canvas(&segment.canvas, segment.frames)?;
        let codec = segment_codec(&segment.canvas, &request.encoding)?;
        let mut artist = Artist::new(request, blobs, &mut self.pool)?;
        self.pool.clear();
        let mut spans = SpanFinder::default();
        let mut contrast = ContrastMeter::new(segment);
        self.pass(Step::Begin(Box::new(codec), folder.join(SEGMENT_FILE)));
        for frame in 0..segment.frames {
            let mut drawn = self.blank(&artist);
            artist.draw(frame, &mut drawn)?;
            spans.see(&drawn.picture);
            // What a see-through film will lie on is not known.
            if contrast.wants(frame)
                && !request.encoding.alpha
                && let Some(caption) = artist.painter.letters_at(frame)
            {
                contrast.see(frame, &caption, &drawn.picture);
            }
            self.report(u64::from(frame) + 1, u64::from(segment.frames));
            self.pass(Step::Picture(drawn));
            self.hear()?;
        }
        self.pass(Step::End);
        artist.retire(&mut self.pool);
        let view = SegmentView {
            captions: contrast.finish(),
            ..spans.finish()
        };
        self.views.push((segment.frames, view));
        Ok(())
    }

    /// A picture to draw into: one the encoder has done with, of the right size and kind.
    fn blank(&self, artist: &Artist) -> Drawn {
        let fits = |drawn: &Drawn| {
            (drawn.picture.width(), drawn.picture.height()) == artist.size
                && drawn.alpha.is_some() == artist.over_white.is_some()
        };
        self.recycled
            .try_recv()
            .ok()
            .filter(fits)
            .unwrap_or_else(|| artist.blank())
    }

    fn pass(&self, step: Step) {
        // An encoder that hung up says why through its results.
        drop(self.send.send(step));
    }

    /// Tells of segments that were finished meanwhile.
    fn hear(&mut self) -> Result<(), RenderError> {
        while self.finished < self.views.len()
            && let Ok(ended) = self.ends.try_recv()
        {
            let facts = facts_of(&self.views[self.finished], ended?);
            self.finished += 1;
            (self.tell)(RunEvent::Done(facts));
        }
        Ok(())
    }

    /// Progress is that of the segment whose end comes next: others wait for their turn.
    fn report(&mut self, done: u64, total: u64) {
        let is_next = self.finished == self.views.len();
        if is_next && (done.is_multiple_of(PROGRESS_EVERY) || done == total) {
            (self.tell)(RunEvent::Progress { done, total });
        }
    }
}

/// The encoding side of a run: one result per segment.
fn encode_steps(
    steps: &Receiver<Step>,
    recycle: &Sender<Drawn>,
    ended: &Sender<Result<u64, RenderError>>,
) {
    let mut current: Option<(Result<SegmentWriter, RenderError>, PathBuf, i64)> = None;
    for step in steps {
        match step {
            Step::Begin(codec, path) => {
                current = Some((SegmentWriter::create(&path, &codec), path, 0));
            }
            Step::Picture(drawn) => {
                if let Some((Ok(writer), _, index)) = &mut current {
                    let encoded = writer.encode(*index, &drawn);
                    *index += 1;
                    if let (Err(error), Some((writer, ..))) = (encoded, &mut current) {
                        *writer = Err(error);
                    }
                }
                // The composer may be done already and no longer want pictures back.
                drop(recycle.send(drawn));
            }
            Step::End => {
                let result = match current.take() {
                    Some((Ok(writer), path, _)) => writer.finish(&path),
                    Some((Err(error), ..)) => Err(error),
                    None => Err(RenderError::internal("a segment ended that never began")),
                };
                drop(ended.send(result));
            }
        }
    }
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
    fn new(
        request: &RenderSegmentRequest,
        blobs: Blobs,
        pool: &mut Pool,
    ) -> Result<Self, RenderError> {
        let canvas = &request.segment.canvas;
        let size = (canvas.width as usize, canvas.height as usize);
        let care = if request.encoding.draft {
            Care::Rough
        } else {
            Care::Whole
        };
        let mut painter =
            |segment: &SegmentSpec| SegmentPainter::new(segment, &request.fonts, blobs, care, pool);
        if !request.encoding.alpha {
            return Ok(Self {
                painter: painter(&request.segment)?,
                over_white: None,
                size,
            });
        }
        let mut over = |background| {
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

    fn retire(self, pool: &mut Pool) {
        self.painter.retire(pool);
        if let Some((painter, _)) = self.over_white {
            painter.retire(pool);
        }
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
    /// The frame sent before; used again unless the encoder still looks at it.
    spare: Option<Frame>,
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
            spare: None,
        })
    }

    /// Encodes what is held back and closes the file; its size in bytes.
    fn finish(mut self, path: &Path) -> Result<u64, RenderError> {
        self.encoder.send(None)?;
        self.drain()?;
        self.output.finish()?;
        std::fs::metadata(path)
            .map(|metadata| metadata.len())
            .map_err(|source| RenderError::Io {
                operation: "measure",
                path: path.to_owned(),
                source,
            })
    }

    fn encode(&mut self, index: i64, drawn: &Drawn) -> Result<(), RenderError> {
        let mut frame = self.frame(drawn)?;
        frame.set_timestamp(index);
        if matches!(self.pixels, Pixels::Yuv420 | Pixels::Yuva420) {
            self.encoder.send(Some(&frame))?;
        } else {
            let mut formed = self.formed(&frame)?;
            formed.set_timestamp(index);
            self.encoder.send(Some(&formed))?;
        }
        self.spare = Some(frame);
        Ok(self.drain()?)
    }

    fn frame(&mut self, drawn: &Drawn) -> Result<Frame, RenderError> {
        let (width, height) = self.size;
        // Some encoders keep references to what they look ahead at: such a frame is not written to again.
        let mut frame = match self.spare.take().filter(Frame::is_writable) {
            Some(frame) => frame,
            None if drawn.alpha.is_some() => Frame::yuva420p(width, height)?,
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

/// From the composer's form to an encoder's.
pub(crate) fn conversion(pixels: Pixels) -> Vec<FilterNode> {
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
