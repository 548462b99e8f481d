//! The decoded frames of a file's picture stream, in display order, with times from its first displayed frame.
//!
//! Broken packets are skipped, interlaced frames are deinterlaced, missing timestamps are made up from the frame
//! rate. Neighbours: `probe` looks at the first frames, `source` picks the ones it shows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::error::RenderError;
pub use crate::ffi_decoder::Care;
use crate::ffi_decoder::{Decoder, DecoderError, Received};
use crate::ffi_filter::{FilterChain, FilterNode};
use crate::ffi_frame::Frame;
use crate::ffi_input::{Input, InputError, StreamInfo, StreamKind};
use crate::ffi_output::rescale;
use crate::ffi_packet::Packet;
use crate::order::Order;
use crate::webp::{WebpReader, is_animation};

/// Microseconds, the unit of all times here.
pub const MICROS: (i32, i32) = (1, 1_000_000);
/// Packets in a row that may fail before the file is given up.
const MAX_BROKEN_PACKETS: u32 = 400;
/// What to do about a broken file.
pub(crate) const REPLACE: &str = "replace the file, or convert it with another program first";

/// A decoded frame and when it is shown, in microseconds after the first.
pub struct TimedFrame {
    /// Presentation time.
    pub micros: i64,
    /// The picture.
    pub frame: Frame,
}

/// Opens a file for reading, with errors that say whose fault it is.
pub fn open_input(path: &Path) -> Result<Input, RenderError> {
    Input::open(path).map_err(|error| refused(path, error))
}

/// Whatever FFmpeg says when it opens a file is the file's fault, also when it names memory or a disk: hostile headers
/// ask for more than there is, and files that end early look like a disk that does.
fn refused(path: &Path, error: InputError) -> RenderError {
    match error {
        InputError::Io(source) => RenderError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        },
        InputError::NotListed(format) if PLAYLISTS.contains(&format.as_str()) => {
            RenderError::unsupported(
                format!("this is a playlist (`{format}`), which only names other files"),
                "give the recordings themselves",
            )
        }
        InputError::NotListed(format) => RenderError::unsupported(
            match known_but_unreadable(path) {
                Some(what) => format!("{what} cannot be read here"),
                None => format!("this looks like `{format}`, which is not read here"),
            },
            CONVERT,
        ),
        InputError::Av(error) => match known_but_unreadable(path) {
            Some(what) => RenderError::unsupported(format!("{what} cannot be read here"), CONVERT),
            None if is_cut_off(path) => RenderError::input(
                "the end of the file is missing, and with it the list of what is in it: a recording or a copy that \
                 was broken off",
                "copy it again, or repair it with another program first",
            ),
            None => RenderError::input(
                format!("this is not a media file that can be read: {error}"),
                REPLACE,
            ),
        },
    }
}

/// Formats that hold nothing but references to other files or addresses.
const PLAYLISTS: &[&str] = &["concat", "hls", "dash", "sdp", "rtsp", "imf"];
const CONVERT: &str = "convert it to JPEG, PNG, MP3 or MP4 first";

/// The kinds of pictures people have that this FFmpeg does not read, by their first bytes.
pub fn known_but_unreadable(path: &Path) -> Option<&'static str> {
    let mut head = [0; 32];
    let read = File::open(path)
        .and_then(|mut file| file.read(&mut head))
        .ok()?;
    let head = &head[..read];
    match (head.get(4..8), head.get(8..12)) {
        (Some(b"ftyp"), Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1")) => {
            Some("a HEIC picture")
        }
        _ if head.starts_with(b"<svg") => Some("an SVG drawing"),
        _ => None,
    }
}

/// Whether an MP4 or MOV ends inside of its media, before its index (`moov`) has come: ISO/IEC 14496-12, 4.2.
fn is_cut_off(path: &Path) -> bool {
    /// Boxes looked at; an index comes among the first.
    const MOST: usize = 64;
    let Ok(mut file) = File::open(path) else {
        return false;
    };
    let length = file.metadata().map_or(0, |data| data.len());
    let mut at = 0u64;
    for number in 0..MOST {
        let mut head = [0; 16];
        let read = file
            .seek(SeekFrom::Start(at))
            .and_then(|_| file.read(&mut head));
        if read.is_ok_and(|read| read < 8) || (number == 0 && &head[4..8] != b"ftyp") {
            return false;
        }
        if &head[4..8] == b"moov" {
            return false;
        }
        let size = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            1 => head[8..]
                .iter()
                .fold(0u64, |all, byte| all << 8 | u64::from(*byte)),
            // To the end of the file.
            0 => return true,
            size => u64::from(size),
        };
        at = at.saturating_add(size.max(8));
        if at > length {
            return true;
        }
    }
    false
}

/// Whether a file is an AVIF picture or animation.
pub fn is_avif(path: &Path) -> bool {
    let mut head = [0; 12];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && matches!(&head[4..], b"ftypavif" | b"ftypavis")
}

/// Reads one file's pictures.
pub enum FrameReader {
    /// A stream FFmpeg decodes.
    Stream(Box<StreamReader>),
    /// An animated WebP.
    Webp(Box<WebpReader>),
}

impl FrameReader {
    /// Opens the file's best picture stream.
    pub fn open(path: &Path, care: Care) -> Result<Self, RenderError> {
        if is_animation(path) {
            return Ok(Self::Webp(Box::new(WebpReader::open(path)?)));
        }
        StreamReader::new(open_input(path)?, care).map(|reader| Self::Stream(Box::new(reader)))
    }

    /// FFmpeg's name of the codec.
    pub fn codec(&self) -> &str {
        match self {
            Self::Stream(reader) => &reader.info.codec,
            Self::Webp(_) => "webp",
        }
    }

    /// The next frame in display order; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<TimedFrame>, RenderError> {
        match self {
            Self::Stream(reader) => reader.next_frame(),
            Self::Webp(reader) => reader.next_frame(),
        }
    }

    /// Whether reading on gives the frames that a search would give.
    pub fn is_orderly(&self) -> bool {
        match self {
            Self::Stream(reader) => reader.is_orderly(),
            Self::Webp(reader) => !reader.is_damaged(),
        }
    }

    /// Goes to a frame at or before a time; frames before the time may follow. A frame must have been read. False
    /// when the file cannot be searched.
    pub fn seek(&mut self, micros: i64) -> bool {
        match self {
            Self::Stream(reader) => reader.seek(micros),
            Self::Webp(reader) => {
                reader.rewind();
                true
            }
        }
    }
}

/// Reads the best picture stream of an input.
pub struct StreamReader {
    input: Input,
    decoder: Decoder,
    stream: usize,
    info: StreamInfo,
    packet: Packet,
    drained: bool,
    broken: u32,
    damage: u32,
    deinterlacer: Option<FilterChain>,
    flushed: bool,
    ready: VecDeque<Frame>,
    frame_micros: i64,
    last_micros: Option<i64>,
    origin: Option<i64>,
    sought: bool,
    order: Order,
}

impl StreamReader {
    /// Reads from an input that is already open.
    pub fn new(mut input: Input, care: Care) -> Result<Self, RenderError> {
        let stream = input
            .best_stream(StreamKind::Video)
            .ok_or_else(|| no_picture(&input))?;
        let info = input.stream(stream);
        if info.encrypted {
            return Err(encrypted());
        }
        if info.dolby_only {
            return Err(RenderError::unsupported(
                "the picture is Dolby Vision profile 5, whose colours only Dolby's players know",
                "export it as HDR10, HLG or ordinary video",
            ));
        }
        let decoder = Decoder::open(&input, stream, care).map_err(|error| match error {
            DecoderError::NoDecoder(codec) if codec == "none" => RenderError::unsupported(
                "the picture is stored in a way that is not known here",
                "convert the file to H.264 first",
            ),
            DecoderError::NoDecoder(codec) => RenderError::unsupported(
                format!("the video codec `{codec}` cannot be decoded"),
                "convert the file to H.264 first",
            ),
            DecoderError::Av(error) => {
                RenderError::blame_input(error, "the picture stream is damaged", REPLACE)
            }
        })?;
        input.only(stream);
        let order = Order::new(&input, stream);
        let frame_micros = info.average_rate.map_or(40_000, |(num, den)| {
            (i64::from(den) * 1_000_000 / i64::from(num)).clamp(1, 60_000_000)
        });
        Ok(Self {
            input,
            decoder,
            stream,
            info,
            packet: Packet::empty()?,
            drained: false,
            broken: 0,
            damage: 0,
            deinterlacer: None,
            flushed: false,
            ready: VecDeque::new(),
            frame_micros,
            last_micros: None,
            origin: None,
            sought: false,
            order,
        })
    }

    /// What the container claims about the stream.
    pub fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// The stream's index in the file.
    pub fn stream(&self) -> usize {
        self.stream
    }

    /// Nominal length of a frame in microseconds.
    pub fn frame_micros(&self) -> i64 {
        self.frame_micros
    }

    /// Parts that could not be decoded, and frames that were decoded with damage, so far.
    pub fn damage(&self) -> u32 {
        self.damage
    }

    /// Whether a frame so far was stored as two fields.
    pub fn was_interlaced(&self) -> bool {
        self.deinterlacer.is_some()
    }

    /// Whether reading on gives the frames that a search would give: as far as was read, nothing was damaged, made of two
    /// fields, or out of order.
    pub fn is_orderly(&self) -> bool {
        self.order.is_kept() && self.damage == 0 && !self.was_interlaced()
    }

    /// Absolute time of the first frame in microseconds, once it has been read.
    pub fn origin_micros(&self) -> Option<i64> {
        self.origin
    }

    /// The next frame in display order; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<TimedFrame>, RenderError> {
        let frame = loop {
            let Some(frame) = self.whole_frame()? else {
                return Ok(None);
            };
            self.order.see_frame(&frame);
            // Shown before the key frame that a search ended at, it refers to frames before it, which were not decoded.
            if !self.sought || frame.is_key() {
                break frame;
            }
        };
        self.sought = false;
        let absolute = self.absolute_micros(&frame);
        self.last_micros = Some(absolute);
        let origin = *self.origin.get_or_insert(absolute);
        Ok(Some(TimedFrame {
            micros: absolute - origin,
            frame,
        }))
    }

    fn absolute_micros(&self, frame: &Frame) -> i64 {
        let unit = self
            .deinterlacer
            .as_ref()
            .map_or(self.info.time_base, FilterChain::time_base);
        let made_up = self.last_micros.map_or(0, |last| last + self.frame_micros);
        frame
            .timestamp()
            .map_or(made_up, |time| rescale(time, unit, MICROS))
    }

    /// Goes to the last key frame at or before a time, or to one that is decoded before it and shown after it; frames
    /// before the time may follow. The origin must be known (a frame has been read). False when the file cannot be
    /// searched.
    pub fn seek(&mut self, micros: i64) -> bool {
        let Some(origin) = self.origin else {
            return false;
        };
        let target = rescale(origin.saturating_add(micros), MICROS, self.info.time_base);
        if self.input.seek(self.stream, target).is_err() {
            return false;
        }
        self.decoder.flush();
        self.deinterlacer = None;
        self.flushed = false;
        self.ready.clear();
        self.drained = false;
        self.last_micros = None;
        self.sought = true;
        self.order.sought();
        true
    }

    /// The next whole (not interlaced) frame.
    fn whole_frame(&mut self) -> Result<Option<Frame>, RenderError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            let Some(frame) = self.decode()? else {
                return self.flush_deinterlacer();
            };
            if frame.format().interlaced && self.deinterlacer.is_none() {
                let bwdif = FilterNode::new("bwdif")
                    .with("mode", "send_frame")
                    .with("deint", "interlaced");
                let chain = FilterChain::new(&frame, self.info.time_base, &[bwdif])?;
                self.deinterlacer = Some(chain);
            }
            if self.deinterlacer.is_none() {
                return Ok(Some(frame));
            }
            self.deinterlace(Some(&frame))?;
        }
    }

    fn deinterlace(&mut self, frame: Option<&Frame>) -> Result<(), RenderError> {
        if let Some(chain) = &mut self.deinterlacer {
            chain.push(frame)?;
            while let Some(frame) = chain.pull()? {
                self.ready.push_back(frame);
            }
        }
        Ok(())
    }

    /// The deinterlacer holds frames back: at the end they are let go, once.
    fn flush_deinterlacer(&mut self) -> Result<Option<Frame>, RenderError> {
        if !self.flushed {
            self.flushed = true;
            self.deinterlace(None)?;
        }
        Ok(self.ready.pop_front())
    }

    /// The decoder's next frame; `None` at the end.
    fn decode(&mut self) -> Result<Option<Frame>, RenderError> {
        let mut frame = Frame::empty()?;
        loop {
            match self.decoder.receive(&mut frame) {
                Ok(Received::Frame) => {
                    self.broken = 0;
                    self.damage += u32::from(frame.is_corrupt());
                    return Ok(Some(frame));
                }
                Ok(Received::End) => return Ok(None),
                Ok(Received::Starved) => self.feed()?,
                Err(error) if error.is_resource() => return Err(error.into()),
                Err(error) => {
                    self.note_broken(error.to_string())?;
                    if self.drained {
                        return Ok(None);
                    }
                    self.feed()?;
                }
            }
        }
    }

    fn feed(&mut self) -> Result<(), RenderError> {
        loop {
            let more = match self.input.read(&mut self.packet) {
                Ok(more) => more,
                Err(error) => {
                    self.note_broken(error.to_string())?;
                    false
                }
            };
            if !more {
                self.drained = true;
                // A decoder that is already draining says so again, which is no news.
                let _ = self.decoder.send(None);
                return Ok(());
            }
            if self.packet.stream() != self.stream {
                continue;
            }
            if self.packet.is_encrypted() {
                return Err(encrypted());
            }
            self.order.see_packet(&self.packet);
            match self.decoder.send(Some(&self.packet)) {
                Ok(()) => return Ok(()),
                Err(error) if error.is_resource() => return Err(error.into()),
                Err(error) => self.note_broken(error.to_string())?,
            }
        }
    }

    fn note_broken(&mut self, reason: String) -> Result<(), RenderError> {
        self.broken += 1;
        self.damage += 1;
        if self.broken > MAX_BROKEN_PACKETS {
            return Err(RenderError::input(
                format!(
                    "{MAX_BROKEN_PACKETS} parts of the picture stream in a row are damaged: {reason}"
                ),
                REPLACE,
            ));
        }
        Ok(())
    }
}

/// Nothing of it can be decoded without a key.
pub(crate) fn encrypted() -> RenderError {
    RenderError::unsupported(
        "the file is encrypted",
        "use a copy without copy protection",
    )
}

fn no_picture(input: &Input) -> RenderError {
    let kinds: Vec<String> = input
        .streams()
        .iter()
        .map(|stream| format!("{} ({})", kind_name(stream.kind), stream.codec))
        .collect();
    let found = if kinds.is_empty() {
        "no streams".to_owned()
    } else {
        kinds.join(", ")
    };
    RenderError::unsupported(
        format!("the file has no picture that can be decoded; it holds {found}"),
        "use a file with a picture, or convert it to H.264 first",
    )
}

fn kind_name(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Video => "video",
        StreamKind::AttachedPicture => "cover art",
        StreamKind::Audio => "audio",
        StreamKind::Other => "data",
    }
}

/// The only frame (or the first one) of a file, or what is wrong with it.
pub fn first_frame(reader: &mut FrameReader) -> Result<Frame, RenderError> {
    match reader.next_frame()? {
        Some(timed) => Ok(timed.frame),
        None => Err(RenderError::input(
            format!("no picture of the {} stream can be decoded", reader.codec()),
            REPLACE,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi_error::AvError;
    use fenta_workflows::worker::{FailureClass, WorkerFailure};

    #[test]
    fn a_recording_that_was_broken_off_is_told_from_rubbish() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.mp4");
        let written = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            is_cut_off(&path)
        };
        let head = b"\0\0\0\x10ftypisom\0\0\0\0";
        let media = [&head[..], b"\0\0\x10\0mdat", &[7; 400]].concat();
        assert!(written(&media));
        let whole = [&head[..], b"\0\0\0\x08moov", b"\0\0\x10\0mdat", &[7; 40]].concat();
        assert!(!written(&whole), "the index is there");
        assert!(!written(b"notes, and more of them") && !written(b""));
        assert!(!written(&head[..]), "it ends where a box does");
    }

    #[test]
    fn a_hostile_header_is_the_files_fault() {
        let class =
            |error: InputError| WorkerFailure::from(refused(Path::new("/nowhere"), error)).class;
        for errno in [5, 12] {
            let error = AvError {
                operation: "open the file",
                code: -errno,
            };
            assert_eq!(class(InputError::Av(error)), FailureClass::Input);
        }
        let disk = std::io::Error::other("unplugged");
        assert_eq!(class(InputError::Io(disk)), FailureClass::Resource);
        let listed = InputError::NotListed("hls".to_owned());
        assert_eq!(class(listed), FailureClass::Unsupported);
    }
}
