//! Renders a segment: composing in one thread, encoding in another, a few pictures between them.
//!
//! The result is a NUT file with an exact time per frame and nothing in it that differs between runs. Neighbours:
//! `compose` draws, `ffi_encoder` and `ffi_output` write; `mux` joins what comes out.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use fenta_templates::timeline::Canvas;
use fenta_workflows::action::{RenderSegmentRequest, SegmentFacts, VideoEncoding};

use crate::compose::{Blobs, SegmentPainter};
use crate::error::RenderError;
use crate::ffi_encoder::{EncoderSetup, VideoEncoder};
use crate::ffi_error::AvError;
use crate::ffi_frame::Frame;
use crate::ffi_output::Output;
use crate::ffi_packet::Packet;
use crate::picture::{Picture, Yuv};

/// Name of the encoded span inside the output folder.
pub const SEGMENT_FILE: &str = "segment.nut";
/// Pictures between composer and encoder.
const QUEUE: usize = 3;
const PROGRESS_EVERY: u64 = 10;
const PRESETS: &[&str] = &[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
];

/// Draws and encodes a segment into the output folder.
pub fn render_segment(
    request: &RenderSegmentRequest,
    blobs: Blobs,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SegmentFacts, RenderError> {
    let segment = &request.segment;
    check_canvas(&segment.canvas, segment.frames)?;
    let setup = setup(&segment.canvas, &request.encoding)?;
    let path = out_dir.join(SEGMENT_FILE);
    let mut painter =
        SegmentPainter::new(segment, &request.fonts, blobs, request.encoding.threads)?;
    let writer = SegmentWriter::create(&path, &setup)?;
    let (width, height) = (
        segment.canvas.width as usize,
        segment.canvas.height as usize,
    );
    thread::scope(|scope| {
        let (send, receive) = sync_channel::<Picture>(QUEUE);
        let (recycle, recycled) = channel::<Picture>();
        let encoder = scope.spawn(move || writer.run(&receive, &recycle));
        let drawn = (0..segment.frames).try_for_each(|frame| {
            let mut picture = recycled
                .try_recv()
                .unwrap_or_else(|_| Picture::filled(width, height, Yuv::BLACK));
            painter.paint(frame, &mut picture)?;
            report(u64::from(frame) + 1, u64::from(segment.frames), progress);
            // An encoder that hung up says why when it is joined.
            send_on(&send, picture);
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
    })
}

fn send_on(queue: &SyncSender<Picture>, picture: Picture) {
    drop(queue.send(picture));
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

fn setup(canvas: &Canvas, encoding: &VideoEncoding) -> Result<EncoderSetup<'static>, RenderError> {
    if encoding.encoder != "libx264" {
        return Err(RenderError::unsupported(
            format!(
                "the encoder `{}` is not built into this renderer",
                encoding.encoder
            ),
            "use libx264",
        ));
    }
    if !PRESETS.contains(&encoding.preset.as_str()) || encoding.crf > 51 || encoding.gop == 0 {
        return Err(RenderError::unsupported(
            format!(
                "x264 has no preset `{}` with crf {} and a key frame every {} frames",
                encoding.preset, encoding.crf, encoding.gop
            ),
            "use a preset from ultrafast to veryslow, crf 0-51 and a distance of at least 1",
        ));
    }
    Ok(EncoderSetup {
        encoder: c"libx264",
        width: canvas.width,
        height: canvas.height,
        rate: canvas.frame_rate,
        threads: encoding.threads,
        full_range: false,
        quantiser: None,
        max_rate: i64::from(encoding.max_rate_kbps) * 1000,
        gop: encoding.gop,
        b_frames: encoding.b_frames,
        options: vec![
            (c"preset", encoding.preset.clone()),
            (c"crf", encoding.crf.to_string()),
            (c"profile", "high".to_owned()),
            // Key frames at fixed places only: segments must join without knowing each other.
            (c"x264-params", "scenecut=0:open-gop=0".to_owned()),
        ],
    })
}

struct SegmentWriter {
    encoder: VideoEncoder,
    output: Output,
    stream: usize,
    frame: Frame,
    packet: Packet,
    size: (u32, u32),
    unit: (i32, i32),
}

impl SegmentWriter {
    fn create(path: &Path, setup: &EncoderSetup) -> Result<Self, RenderError> {
        let encoder = VideoEncoder::open(setup)?;
        let mut output = Output::create(path, c"nut")?;
        let stream = output.add_encoder(&encoder)?;
        // Frame n of a segment has the time n: nothing is shifted to make decoding times positive.
        output.write_header(&[(c"avoid_negative_ts", c"disabled")])?;
        Ok(Self {
            encoder,
            output,
            stream,
            frame: Frame::empty()?,
            packet: Packet::empty()?,
            size: (setup.width, setup.height),
            unit: (setup.rate.den as i32, setup.rate.num as i32),
        })
    }

    fn run(
        mut self,
        pictures: &Receiver<Picture>,
        recycle: &std::sync::mpsc::Sender<Picture>,
    ) -> Result<(), RenderError> {
        for (index, picture) in pictures.iter().enumerate() {
            self.encode(index as i64, &picture)?;
            // The composer may be done already and no longer want pictures back.
            drop(recycle.send(picture));
        }
        self.encoder.send(None)?;
        self.drain()?;
        self.output.finish()?;
        Ok(())
    }

    fn encode(&mut self, index: i64, picture: &Picture) -> Result<(), RenderError> {
        // The encoder keeps references to what it looks ahead at, so every picture gets its own frame.
        self.frame = Frame::yuv420p(self.size.0, self.size.1, false)?;
        self.frame.tag_bt709();
        picture.write_to(&mut self.frame)?;
        self.frame.set_timestamp(index);
        self.encoder.send(Some(&self.frame))?;
        Ok(self.drain()?)
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
