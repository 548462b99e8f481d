//! Reading a media file: one file, by its bytes alone.
//!
//! FFmpeg never opens anything here: it reads through our own callbacks over a file that is already open, may use
//! only the demuxers listed, and every wish of a demuxer to open something else (external tracks, image sequences,
//! playlists) is refused. Neighbours: `ffi_decoder` decodes what is read, `probe` and `decode` ask.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check, check_ptr};
use crate::ffi_packet::Packet;

/// Demuxers that may read a user's file. Nothing here follows references to other files.
const DEMUXERS: &CStr = c"mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,wav,w64,aiff,caf,mp3,flac,aac,\
ac3,eac3,amr,gif,apng,jpeg_pipe,jpegls_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,nut";
/// Bytes looked at, at most, to recognise a file.
const MOST_PROBED: u32 = 1 << 20;
const IO_BUFFER: usize = 64 * 1024;

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Pictures over time.
    Video,
    /// A picture that belongs to the file, not to its time: cover art.
    AttachedPicture,
    /// Sound.
    Audio,
    /// Anything else.
    Other,
}

/// What the container claims about a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// What it carries.
    pub kind: StreamKind,
    /// FFmpeg's codec name.
    pub codec: String,
    /// Unit of its times, seconds.
    pub time_base: (i32, i32),
    /// First presentation time in that unit.
    pub start: Option<i64>,
    /// Claimed length in that unit.
    pub duration: Option<i64>,
    /// Average frame rate, if known.
    pub average_rate: Option<(i32, i32)>,
    /// Pixel aspect ratio the container claims; 0/1 when unknown.
    pub sample_aspect: (i32, i32),
    /// Claimed size.
    pub size: (u32, u32),
    /// Row-major 3x3 display matrix, 16.16 fixed point.
    pub display_matrix: Option<[i32; 9]>,
    /// Whether a VP8/VP9 stream carries a second picture with alpha.
    pub alpha_layer: bool,
    /// How many frames later than decoded a frame may be shown, as the stream's own header says.
    pub reorder_delay: u8,
    /// Channels of a sound.
    pub channels: u16,
    /// Samples per second of a sound.
    pub sample_rate: u32,
    /// Whether the container names a key without which it stays closed (MP4 says so packet by packet).
    pub encrypted: bool,
    /// Dolby Vision without a picture that ordinary players understand.
    pub dolby_only: bool,
}

struct ByteSource {
    file: File,
    size: u64,
    /// Whether the system failed to read: demuxers say the same of files that end too early.
    failed: Arc<AtomicBool>,
}

/// An open media file.
pub struct Input {
    context: NonNull<av::AVFormatContext>,
    io: *mut av::AVIOContext,
    source: *mut ByteSource,
}

// SAFETY: the context is used by one thread at a time; nothing in it is bound to the thread that made it.
unsafe impl Send for Input {}

impl Input {
    /// Opens a file and finds its streams.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let file = File::open(path).map_err(InputError::Io)?;
        let size = file.metadata().map_err(InputError::Io)?.len();
        let failed = Arc::new(AtomicBool::new(false));
        let source = Box::into_raw(Box::new(ByteSource {
            file,
            size,
            failed: Arc::clone(&failed),
        }));
        // SAFETY: `source` is a valid pointer from Box::into_raw; open_source takes it over in every case.
        let opened = unsafe { Self::open_source(source) };
        let input = opened.map_err(|error| {
            if failed.load(Ordering::Relaxed) {
                InputError::Io(std::io::Error::other("the disk did not give its bytes"))
            } else {
                error
            }
        })?;
        // SAFETY: the context is open; null options are allowed.
        check("find the streams", unsafe {
            av::avformat_find_stream_info(input.context.as_ptr(), ptr::null_mut())
        })?;
        Ok(input)
    }

    /// # Safety
    /// `source` must come from `Box::into_raw` and not be used elsewhere.
    unsafe fn open_source(source: *mut ByteSource) -> Result<Self, InputError> {
        // SAFETY: every pointer is checked before use; on failure avformat_open_input frees the context itself, and
        // the guard frees reader and source.
        unsafe {
            let mut guard = IoGuard {
                io: ptr::null_mut(),
                source,
            };
            let buffer = check_ptr("allocate a read buffer", av::av_malloc(IO_BUFFER))?;
            let io = av::avio_alloc_context(
                buffer.cast(),
                IO_BUFFER as c_int,
                0,
                source.cast(),
                Some(read_bytes),
                None,
                Some(seek_bytes),
            );
            if io.is_null() {
                av::av_free(buffer);
            }
            guard.io = check_ptr("allocate a reader", io)?;
            let format = recognise(guard.io)?;
            let mut context = check_ptr("allocate a demuxer", av::avformat_alloc_context())?;
            (*context).pb = guard.io;
            (*context).flags |= av::AVFMT_FLAG_CUSTOM_IO;
            (*context).io_open = Some(refuse_open);
            (*context).strict_std_compliance = av::FF_COMPLIANCE_EXPERIMENTAL;
            let mut options = ptr::null_mut();
            av::av_dict_set(
                &raw mut options,
                c"format_whitelist".as_ptr(),
                DEMUXERS.as_ptr(),
                0,
            );
            av::av_dict_set(
                &raw mut options,
                c"protocol_whitelist".as_ptr(),
                c"file".as_ptr(),
                0,
            );
            let opened =
                av::avformat_open_input(&raw mut context, c"".as_ptr(), format, &raw mut options);
            av::av_dict_free(&raw mut options);
            check("open the file", opened)?;
            let context = NonNull::new_unchecked(check_ptr("open the file", context)?);
            let io = guard.io;
            std::mem::forget(guard);
            Ok(Self {
                context,
                io,
                source,
            })
        }
    }

    /// The demuxer's name.
    pub fn container(&self) -> String {
        // SAFETY: an open context has an input format with a static name.
        unsafe { text((*self.context.as_ref().iformat).name) }
    }

    /// The length the container claims, microseconds; absent where it claims none (an estimate from the size of the
    /// file is no claim).
    pub fn claimed_micros(&self) -> Option<i64> {
        // SAFETY: the context is valid for as long as self.
        let context = unsafe { self.context.as_ref() };
        let guessed = context.duration_estimation_method
            == av::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE;
        known(context.duration).filter(|claimed| *claimed > 0 && !guessed)
    }

    /// Every stream, in file order.
    pub fn streams(&self) -> Vec<StreamInfo> {
        (0..self.stream_count())
            .map(|index| self.stream(index))
            .collect()
    }

    /// How many streams there are.
    pub fn stream_count(&self) -> usize {
        // SAFETY: the context is valid for as long as self.
        unsafe { self.context.as_ref() }.nb_streams as usize
    }

    /// The stream FFmpeg holds for the best of its kind that can be decoded.
    pub fn best_stream(&self, kind: StreamKind) -> Option<usize> {
        let media = match kind {
            StreamKind::Video | StreamKind::AttachedPicture => av::AVMediaType::AVMEDIA_TYPE_VIDEO,
            StreamKind::Audio => av::AVMediaType::AVMEDIA_TYPE_AUDIO,
            StreamKind::Other => return None,
        };
        // SAFETY: the context is open; a null decoder slot is allowed.
        let index = unsafe {
            av::av_find_best_stream(self.context.as_ptr(), media, -1, -1, ptr::null_mut(), 0)
        };
        let index = usize::try_from(index).ok()?;
        (self.stream(index).kind == kind).then_some(index)
    }

    /// What the container claims about one stream.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn stream(&self, index: usize) -> StreamInfo {
        // SAFETY: raw_stream checks the index; stream and parameters live as long as the context.
        unsafe {
            let stream = &*self.raw_stream(index);
            let parameters = &*stream.codecpar;
            let rate = stream.avg_frame_rate;
            StreamInfo {
                kind: kind(stream, parameters),
                codec: text(av::avcodec_get_name(parameters.codec_id)),
                time_base: (stream.time_base.num.max(1), stream.time_base.den.max(1)),
                start: known(stream.start_time),
                duration: known(stream.duration).filter(|duration| *duration > 0),
                average_rate: (rate.num > 0 && rate.den > 0).then_some((rate.num, rate.den)),
                sample_aspect: sample_aspect(stream, parameters),
                size: (
                    parameters.width.max(0) as u32,
                    parameters.height.max(0) as u32,
                ),
                display_matrix: display_matrix(stream),
                alpha_layer: has_alpha_layer(stream),
                reorder_delay: parameters.video_delay.clamp(0, 16) as u8,
                channels: parameters.channels.clamp(0, 64) as u16,
                sample_rate: parameters.sample_rate.max(0) as u32,
                encrypted: tag(stream, c"enc_key_id").is_some(),
                dolby_only: is_dolby_only(stream),
            }
        }
    }

    /// Whether the container lists every packet of a stream, once and in order, and has all of them shown: then a search
    /// ends at a key frame that reading on would pass.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn lists_every_packet(&self, index: usize) -> bool {
        let stream = self.raw_stream(index);
        // SAFETY: raw_stream checks the index; entries are null or valid until the index changes, which reading does.
        unsafe {
            let count = av::avformat_index_get_entries_count(stream);
            let mut last = None;
            count > 0
                && i64::from(count) == (*stream).nb_frames
                && (0..count).all(|at| {
                    let entry = av::avformat_index_get_entry(stream, at);
                    if entry.is_null() {
                        return false;
                    }
                    let before = last.replace((*entry).timestamp);
                    let is_hidden = (*entry).flags() & av::AVINDEX_DISCARD_FRAME as c_int != 0;
                    before < last && !is_hidden
                })
        }
    }

    /// The stream's pointer for calls inside the doors.
    ///
    /// # Panics
    /// When there is no such stream.
    pub(crate) fn raw_stream(&self, index: usize) -> *mut av::AVStream {
        assert!(index < self.stream_count(), "stream {index} does not exist");
        // SAFETY: `streams` holds `nb_streams` valid pointers, and the index was checked.
        unsafe { *self.context.as_ref().streams.add(index) }
    }

    /// Reads the next packet of any stream; false at the end of the file.
    pub fn read(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
        packet.clear();
        // SAFETY: context and packet are valid; the packet is blank.
        let code = unsafe { av::av_read_frame(self.context.as_ptr(), packet.as_ptr()) };
        if code == AvError::EOF {
            return Ok(false);
        }
        check("read the file", code).map(|_| true)
    }

    /// Ignores every stream but one from here on.
    pub fn only(&mut self, index: usize) {
        for other in 0..self.stream_count() {
            // SAFETY: raw_stream checks the index; exclusive access.
            unsafe {
                (*self.raw_stream(other)).discard = if other == index {
                    av::AVDiscard::AVDISCARD_DEFAULT
                } else {
                    av::AVDiscard::AVDISCARD_ALL
                };
            }
        }
    }

    /// Goes to the last key frame at or before a time in the stream's unit.
    pub fn seek(&mut self, index: usize, time: i64) -> Result<(), AvError> {
        // SAFETY: the context is open; libavformat checks the stream index.
        check("seek", unsafe {
            av::av_seek_frame(
                self.context.as_ptr(),
                index as c_int,
                time,
                av::AVSEEK_FLAG_BACKWARD,
            )
        })
        .map(drop)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: made by avformat_open_input; custom IO is not freed by it, so the guard does, afterwards.
        unsafe { av::avformat_close_input(&raw mut context) };
        drop(IoGuard {
            io: self.io,
            source: self.source,
        });
    }
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The system refused.
    #[error("cannot read the file: {0}")]
    Io(std::io::Error),
    /// FFmpeg did not understand it.
    #[error(transparent)]
    Av(#[from] AvError),
    /// It is of a kind that is not on the list.
    #[error("the format `{0}` is not read here")]
    NotListed(String),
}

/// The demuxer for what the reader holds, if it is on the list.
///
/// # Safety
/// `io` must be an open reader.
unsafe fn recognise(io: *mut av::AVIOContext) -> Result<*const av::AVInputFormat, InputError> {
    let mut format = ptr::null();
    // SAFETY: `io` is promised; name and log context may be empty and null; a recognised format is static.
    unsafe {
        let probed = av::av_probe_input_buffer2(
            io,
            &raw mut format,
            c"".as_ptr(),
            ptr::null_mut(),
            0,
            MOST_PROBED,
        );
        check("recognise the file", probed)?;
        let format = check_ptr("recognise the file", format.cast_mut())?.cast_const();
        let names = text((*format).name);
        let listed = DEMUXERS.to_string_lossy();
        let is_listed = |name: &str| listed.split(',').any(|known| known == name);
        if names.split(',').any(is_listed) {
            Ok(format)
        } else {
            Err(InputError::NotListed(names))
        }
    }
}

struct IoGuard {
    io: *mut av::AVIOContext,
    source: *mut ByteSource,
}

impl Drop for IoGuard {
    fn drop(&mut self) {
        // SAFETY: both pointers are ours; the buffer may have been replaced by libavformat, so it is read back.
        unsafe {
            if !self.io.is_null() {
                av::av_freep((&raw mut (*self.io).buffer).cast());
                av::avio_context_free(&raw mut self.io);
            }
            drop(Box::from_raw(self.source));
        }
    }
}

unsafe extern "C" fn read_bytes(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    let Ok(length) = usize::try_from(size) else {
        return av::AVERROR(22);
    };
    // SAFETY: `opaque` is the ByteSource given to avio_alloc_context; the buffer holds `size` bytes.
    let (source, buffer) = unsafe {
        (
            &mut *opaque.cast::<ByteSource>(),
            std::slice::from_raw_parts_mut(buffer, length),
        )
    };
    match source.file.read(buffer) {
        Ok(0) => AvError::EOF,
        Ok(count) => count as c_int,
        Err(_) => {
            source.failed.store(true, Ordering::Relaxed);
            av::AVERROR(5)
        }
    }
}

unsafe extern "C" fn seek_bytes(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: `opaque` is the ByteSource given to avio_alloc_context.
    let source = unsafe { &mut *opaque.cast::<ByteSource>() };
    let target = match whence & !av::AVSEEK_FORCE {
        av::AVSEEK_SIZE => return source.size as i64,
        0 => u64::try_from(offset).ok().map(SeekFrom::Start),
        1 => Some(SeekFrom::Current(offset)),
        2 => Some(SeekFrom::End(offset)),
        _ => None,
    };
    target
        .and_then(|target| source.file.seek(target).ok())
        .map_or(i64::from(av::AVERROR(22)), |position| position as i64)
}

/// Refuses whatever a demuxer wants to open besides the file it was given.
unsafe extern "C" fn refuse_open(
    _context: *mut av::AVFormatContext,
    _io: *mut *mut av::AVIOContext,
    _url: *const c_char,
    _flags: c_int,
    _options: *mut *mut av::AVDictionary,
) -> c_int {
    av::AVERROR(1)
}

fn known(time: i64) -> Option<i64> {
    (time != av::AV_NOPTS_VALUE).then_some(time)
}

/// # Safety
/// `pointer` is null or a terminated string.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "none".to_owned();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

fn kind(stream: &av::AVStream, parameters: &av::AVCodecParameters) -> StreamKind {
    match parameters.codec_type {
        av::AVMediaType::AVMEDIA_TYPE_VIDEO
            if stream.disposition & av::AV_DISPOSITION_ATTACHED_PIC != 0 =>
        {
            StreamKind::AttachedPicture
        }
        av::AVMediaType::AVMEDIA_TYPE_VIDEO => StreamKind::Video,
        av::AVMediaType::AVMEDIA_TYPE_AUDIO => StreamKind::Audio,
        _ => StreamKind::Other,
    }
}

fn sample_aspect(stream: &av::AVStream, parameters: &av::AVCodecParameters) -> (i32, i32) {
    [stream.sample_aspect_ratio, parameters.sample_aspect_ratio]
        .into_iter()
        .find(|ratio| ratio.num > 0 && ratio.den > 0)
        .map_or((0, 1), |ratio| (ratio.num, ratio.den))
}

/// Bytes of a stream's side data, if there are at least so many.
fn side_data(stream: &av::AVStream, kind: av::AVPacketSideDataType, least: usize) -> Option<&[u8]> {
    let mut size = 0;
    // SAFETY: the stream is valid; the data belongs to it, is `size` bytes long and lives as long.
    unsafe {
        let data = av::av_stream_get_side_data(stream, kind, &raw mut size);
        (!data.is_null() && size >= least).then(|| std::slice::from_raw_parts(data, size))
    }
}

fn display_matrix(stream: &av::AVStream) -> Option<[i32; 9]> {
    let kind = av::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
    let data = side_data(stream, kind, 36)?;
    let mut matrix = [0i32; 9];
    for (value, bytes) in matrix.iter_mut().zip(data.chunks_exact(4)) {
        *value = i32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(matrix)
}

/// Profile 5, whose colours are its own: the third and the last of eight bytes are profile and compatibility.
fn is_dolby_only(stream: &av::AVStream) -> bool {
    let kind = av::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF;
    side_data(stream, kind, 8).is_some_and(|data| data[2] == 5 && data[7] == 0)
}

fn has_alpha_layer(stream: &av::AVStream) -> bool {
    tag(stream, c"alpha_mode").is_some_and(|value| value == "1")
}

fn tag(stream: &av::AVStream, name: &CStr) -> Option<String> {
    // SAFETY: metadata is null or a valid dictionary; entries are terminated strings.
    unsafe {
        let entry = av::av_dict_get(stream.metadata, name.as_ptr(), ptr::null(), 0);
        (!entry.is_null()).then(|| text((*entry).value))
    }
}

/// A file path as FFmpeg wants it, for the one place that lets FFmpeg open a file: writing our own outputs.
pub(crate) fn file_url(path: &Path) -> Option<CString> {
    CString::new(format!("file:{}", path.to_str()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_media() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.mp4");
        std::fs::write(&path, b"not a film").unwrap();
        assert!(matches!(Input::open(&path), Err(InputError::Av(_))));
        assert!(matches!(
            Input::open(&folder.path().join("absent")),
            Err(InputError::Io(_))
        ));
    }

    #[test]
    fn refuses_playlists_that_name_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let refused = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            match Input::open(&path) {
                Err(InputError::NotListed(format)) => format,
                Err(other) => panic!("{other}"),
                Ok(_) => panic!("read"),
            }
        };
        let concat = b"ffconcat version 1.0\nfile /etc/passwd\n";
        assert_eq!(refused(concat), "concat");
        let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n";
        assert_eq!(refused(playlist), "hls");
    }

    #[test]
    fn paths_become_file_urls() {
        let url = file_url(Path::new("/a/-b:c.mp4")).unwrap();
        assert_eq!(url.as_c_str(), c"file:/a/-b:c.mp4");
        assert!(file_url(Path::new("/a\0b")).is_none());
    }
}
