//! Joins encoded segments and the soundtrack into the output file, by copying packets.
//!
//! An MP4 starts with its index, has no edit list, and picture and sound both start at 0. What cannot be joined by
//! copying packets is made by `animation` (GIF) and `sequence` (numbered PNG pictures). Neighbours: `encode` and
//! `audio` wrote what is joined here.

use std::ffi::CStr;
use std::path::Path;

use fenta_templates::time::FrameRate;
use fenta_workflows::action::{Container, MuxFacts, MuxRequest};

use crate::animation;
use crate::compose::Blobs;
use crate::decode::open_input;
use crate::error::RenderError;
use crate::ffi_input::{Input, StreamKind};
use crate::ffi_output::{Output, extradata, rescale};
use crate::ffi_packet::Packet;
use crate::sequence;

/// How far the sound is written ahead of the picture, in units of the picture's rate.
const AUDIO_AHEAD_FRAMES: i64 = 1;

/// Joins the request's blobs into a file in the output folder.
pub fn mux(
    request: &MuxRequest,
    blobs: Blobs,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<MuxFacts, RenderError> {
    if request.segments.len() != request.segment_frames.len() {
        return Err(RenderError::internal(format!(
            "{} segments with {} lengths",
            request.segments.len(),
            request.segment_frames.len()
        )));
    }
    let path = out_dir.join(video_file(request.container));
    let frames = match request.container {
        Container::Gif => animation::write(&path, request, blobs, progress)?,
        Container::PngZip => sequence::write(&path, request, blobs, progress)?,
        _ => join(&path, request, blobs, progress)?,
    };
    let bytes = std::fs::metadata(&path)
        .map_err(|source| RenderError::Io {
            operation: "measure",
            path,
            source,
        })?
        .len();
    let rate = request.canvas.frame_rate;
    Ok(MuxFacts {
        frames,
        duration_ms: frames * 1000 * u64::from(rate.den) / u64::from(rate.num),
        bytes,
    })
}

/// Name of the result inside the output folder.
pub const fn video_file(container: Container) -> &'static str {
    match container {
        Container::Mp4 => "video.mp4",
        Container::Mov => "video.mov",
        Container::Webm => "video.webm",
        Container::Gif => "video.gif",
        Container::PngZip => "video.zip",
        Container::M4a => "audio.m4a",
    }
}

fn join(
    path: &Path,
    request: &MuxRequest,
    blobs: Blobs,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RenderError> {
    let first = request
        .segments
        .first()
        .map(|digest| blobs.path(*digest).and_then(open_segment))
        .transpose()?;
    let audio = request
        .audio
        .map(|digest| blobs.path(digest).and_then(AudioTrack::open))
        .transpose()?;
    if first.is_none() && audio.is_none() {
        return Err(RenderError::internal("there is nothing to join"));
    }
    let mut joiner = Joiner::create(path, request, first.as_ref(), audio)?;
    drop(first);
    let total = request
        .segment_frames
        .iter()
        .map(|frames| u64::from(*frames))
        .sum();
    for (digest, frames) in request.segments.iter().zip(&request.segment_frames) {
        joiner.append(blobs.path(*digest)?, i64::from(*frames))?;
        progress(joiner.frames as u64, total);
    }
    joiner.finish()
}

/// An encoded span that is open for reading.
pub(crate) struct Segment {
    pub(crate) input: Input,
    pub(crate) stream: usize,
}

pub(crate) fn open_segment(path: &Path) -> Result<Segment, RenderError> {
    let input = open_input(path)?;
    let stream = input
        .best_stream(StreamKind::Video)
        .ok_or_else(|| RenderError::internal("a segment holds no picture"))?;
    Ok(Segment { input, stream })
}

struct AudioTrack {
    input: Input,
    stream: usize,
    unit: (i32, i32),
    packet: Packet,
    /// Start of the waiting packet in the stream's unit, counted from the first packet; `None` at the end.
    waiting: Option<i64>,
    first: i64,
}

impl AudioTrack {
    fn open(path: &Path) -> Result<Self, RenderError> {
        let input = open_input(path)?;
        let stream = input
            .best_stream(StreamKind::Audio)
            .ok_or_else(|| RenderError::internal("the soundtrack holds no sound"))?;
        let mut track = Self {
            unit: input.stream(stream).time_base,
            input,
            stream,
            packet: Packet::empty()?,
            waiting: None,
            first: 0,
        };
        track.advance()?;
        // What a player drops at the start has times before 0 when it is read; the container says so again by itself.
        track.first = track.waiting.unwrap_or(0);
        track.waiting = track.waiting.map(|_| 0);
        Ok(track)
    }

    fn advance(&mut self) -> Result<(), RenderError> {
        loop {
            if !self.input.read(&mut self.packet)? {
                self.waiting = None;
                return Ok(());
            }
            if self.packet.stream() == self.stream {
                let pts = self.packet.pts().ok_or_else(|| {
                    RenderError::internal("a packet of the soundtrack has no time")
                })?;
                self.waiting = Some(pts - self.first);
                return Ok(());
            }
        }
    }
}

fn header_options(container: Container) -> &'static [(&'static CStr, &'static CStr)] {
    match container {
        Container::Mp4 => &[
            (c"movflags", c"+faststart+negative_cts_offsets"),
            // Platforms refuse edit lists; without one, times must be right by themselves.
            (c"use_editlist", c"0"),
            (c"brand", c"mp42"),
        ],
        Container::Mov | Container::M4a => &[
            (c"movflags", c"+faststart+negative_cts_offsets"),
            (c"use_editlist", c"0"),
        ],
        // The index comes first here too: browsers can then jump without reading the end.
        Container::Webm => &[
            (c"cues_to_front", c"1"),
            // Opus has times before 0 for what players drop; the picture must not be moved for them.
            (c"avoid_negative_ts", c"disabled"),
        ],
        Container::Gif | Container::PngZip => &[],
    }
}

struct Joiner {
    output: Output,
    video_stream: usize,
    audio: Option<(usize, AudioTrack)>,
    unit: (i32, i32),
    extradata: Vec<u8>,
    frames: i64,
    packets: i64,
    /// Frames between decoding and showing, the same for all segments because their parameters are.
    delay: i64,
    packet: Packet,
}

impl Joiner {
    fn create(
        path: &Path,
        request: &MuxRequest,
        first: Option<&Segment>,
        audio: Option<AudioTrack>,
    ) -> Result<Self, RenderError> {
        let FrameRate { num, den } = request.canvas.frame_rate;
        let unit = (den as i32, num as i32);
        let muxer = match request.container {
            Container::Webm => c"webm",
            Container::Mov => c"mov",
            Container::M4a => c"ipod",
            _ => c"mp4",
        };
        let mut output = Output::create(path, muxer)?;
        let video_stream = match first {
            Some(first) => {
                let stream = output.add_copy(&first.input, first.stream, unit)?;
                if first.input.stream(first.stream).codec == "hevc" {
                    // Apple's players want the parameter sets outside the stream, which this tag says.
                    output.set_tag(stream, *b"hvc1");
                }
                stream
            }
            None => 0,
        };
        let audio = audio
            .map(|track| {
                let stream = output.add_copy(&track.input, track.stream, track.unit)?;
                Ok::<_, RenderError>((stream, track))
            })
            .transpose()?;
        if !request.title.is_empty() {
            output.set_metadata(c"title", &request.title)?;
        }
        if !request.comment.is_empty() {
            output.set_metadata(c"comment", &request.comment)?;
        }
        output.write_header(header_options(request.container))?;
        Ok(Self {
            output,
            video_stream,
            audio,
            unit,
            extradata: first.map_or_else(Vec::new, |first| extradata(&first.input, first.stream)),
            frames: 0,
            packets: 0,
            delay: first.map_or(0, |first| {
                i64::from(first.input.stream(first.stream).reorder_delay)
            }),
            packet: Packet::empty()?,
        })
    }

    /// Copies a segment behind what is there. Times are counted, not believed: packet `n` is decoded at tick `n`
    /// less the reordering delay, and shown where its segment says.
    fn append(&mut self, path: &Path, frames: i64) -> Result<(), RenderError> {
        let mut segment = open_segment(path)?;
        if extradata(&segment.input, segment.stream) != self.extradata {
            return Err(RenderError::internal(
                "segments were encoded with different parameters and cannot be joined",
            ));
        }
        let source_unit = segment.input.stream(segment.stream).time_base;
        let base = self.frames;
        let mut count = 0;
        while segment.input.read(&mut self.packet)? {
            if self.packet.stream() != segment.stream {
                continue;
            }
            let pts = self.shown_at(source_unit, frames)?;
            self.write_audio_until(base + count)?;
            let dts = self.packets - self.delay;
            self.packet.address(self.video_stream, base + pts, dts, 1);
            self.output
                .write(&mut self.packet, self.video_stream, self.unit)?;
            self.packets += 1;
            count += 1;
        }
        if count != frames {
            return Err(RenderError::internal(format!(
                "a segment holds {count} frames instead of {frames}"
            )));
        }
        self.frames += frames;
        Ok(())
    }

    fn shown_at(&self, source_unit: (i32, i32), frames: i64) -> Result<i64, RenderError> {
        let pts = self
            .packet
            .pts()
            .map(|pts| rescale(pts, source_unit, self.unit));
        pts.filter(|pts| (0..frames).contains(pts)).ok_or_else(|| {
            RenderError::internal(format!(
                "a packet of a segment is shown at frame {pts:?} of {frames}"
            ))
        })
    }

    fn write_audio_until(&mut self, frame: i64) -> Result<(), RenderError> {
        let Some((stream, track)) = &mut self.audio else {
            return Ok(());
        };
        while let Some(start) = track.waiting {
            if rescale(start, track.unit, self.unit) > frame + AUDIO_AHEAD_FRAMES {
                break;
            }
            let duration = track.packet.duration();
            track.packet.address(*stream, start, start, duration);
            self.output.write(&mut track.packet, *stream, track.unit)?;
            track.advance()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<u64, RenderError> {
        self.write_audio_until(i64::MAX / 2)?;
        self.output.finish()?;
        Ok(self.frames as u64)
    }
}
