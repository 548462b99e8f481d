//! A decoder for one stream of an input, from a list of allowed codecs.
//!
//! Neighbours: `ffi_input` supplies packets, `decode` drives the loop over pictures, `probe` tries whether a sound
//! can be decoded at all. (Decoding sound for real has its own path in `audio`.)
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check, check_ptr};
use crate::ffi_frame::Frame;
use crate::ffi_input::Input;
use crate::ffi_packet::Packet;

/// Picture codecs that may decode a user's file.
const CODECS: &[&str] = &[
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "msmpeg4v2",
    "msmpeg4v3",
    "h263",
    "mjpeg",
    "jpegls",
    "prores",
    "dnxhd",
    "theora",
    "vc1",
    "wmv1",
    "wmv2",
    "wmv3",
    "flv1",
    "ffv1",
    "huffyuv",
    "utvideo",
    "qtrle",
    "cinepak",
    "rawvideo",
    "png",
    "apng",
    "gif",
    "webp",
    "bmp",
    "tiff",
];

/// Sound codecs that may be tried on a user's file, besides the `pcm_` and `adpcm_` families.
const SOUND_CODECS: &[&str] = &[
    "aac", "mp3", "mp2", "vorbis", "opus", "flac", "alac", "ac3", "eac3", "dts", "truehd",
    "amr_nb", "amr_wb", "wmav1", "wmav2",
];

fn is_allowed(codec: &str) -> bool {
    CODECS.contains(&codec)
        || SOUND_CODECS.contains(&codec)
        || codec.starts_with("pcm_")
        || codec.starts_with("adpcm_")
}

/// The decoder itself stops above this many pixels; `probe` sets the (lower) limit people are told about.
const HARD_MAX_PIXELS: i64 = 16_384 * 16_384;

/// What a decoder says when asked for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The frame is filled.
    Frame,
    /// It wants another packet first.
    Starved,
    /// Everything has come out.
    End,
}

/// Why there is no decoder.
#[derive(Debug, thiserror::Error)]
pub enum DecoderError {
    /// The codec is not on the list, or this FFmpeg has no decoder for it.
    #[error("the codec `{0}` cannot be decoded here")]
    NoDecoder(String),
    /// The decoder refused the stream.
    #[error(transparent)]
    Av(#[from] AvError),
}

/// An open decoder.
pub struct Decoder(NonNull<av::AVCodecContext>);

/// How much of a film is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// All of it.
    Whole,
    /// Every frame, with the edges of its blocks: for a picture that is made much smaller.
    Rough,
    /// The same, without the frames that no other is made from.
    Sparse,
}

impl Care {
    /// What is left out: smoothing between blocks, and frames.
    const fn skipped(self) -> (av::AVDiscard, av::AVDiscard) {
        match self {
            Self::Whole => (
                av::AVDiscard::AVDISCARD_DEFAULT,
                av::AVDiscard::AVDISCARD_DEFAULT,
            ),
            Self::Rough => (
                av::AVDiscard::AVDISCARD_ALL,
                av::AVDiscard::AVDISCARD_DEFAULT,
            ),
            Self::Sparse => (
                av::AVDiscard::AVDISCARD_ALL,
                av::AVDiscard::AVDISCARD_NONREF,
            ),
        }
    }
}

// SAFETY: used by one thread at a time; its own threads are internal.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Opens a decoder for a stream, of one thread.
    pub fn open(input: &Input, stream: usize, care: Care) -> Result<Self, DecoderError> {
        let info = input.stream(stream);
        if !is_allowed(&info.codec) {
            return Err(DecoderError::NoDecoder(info.codec));
        }
        // SAFETY: the stream and its parameters live in `input`; every pointer is checked; Self frees on failure.
        unsafe {
            let raw_stream = input.raw_stream(stream);
            let parameters = (*raw_stream).codecpar;
            let codec = find_decoder((*parameters).codec_id, info.alpha_layer);
            if codec.is_null() {
                return Err(DecoderError::NoDecoder(info.codec));
            }
            let context = check_ptr("allocate a decoder", av::avcodec_alloc_context3(codec))?;
            let decoder = Self(NonNull::new_unchecked(context));
            check(
                "read the stream's parameters",
                av::avcodec_parameters_to_context(context, parameters),
            )?;
            (*context).pkt_timebase = (*raw_stream).time_base;
            (*context).thread_count = 1;
            let (blocks, frames) = care.skipped();
            (*context).skip_loop_filter = blocks;
            (*context).skip_frame = frames;
            (*context).max_pixels = HARD_MAX_PIXELS;
            (*context).flags |= av::AV_CODEC_FLAG_BITEXACT as c_int;
            check(
                "open the decoder",
                av::avcodec_open2(context, codec, ptr::null_mut()),
            )?;
            Ok(decoder)
        }
    }

    /// Feeds a packet; `None` says that no more will come.
    pub fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let raw = packet.map_or(ptr::null_mut(), Packet::as_ptr);
        // SAFETY: context and packet are valid; null flushes.
        let code = unsafe { av::avcodec_send_packet(self.0.as_ptr(), raw) };
        check("decode", code).map(drop)
    }

    /// Takes a frame out.
    pub fn receive(&mut self, frame: &mut Frame) -> Result<Received, AvError> {
        // SAFETY: context and frame are valid.
        let code = unsafe { av::avcodec_receive_frame(self.0.as_ptr(), frame.as_ptr()) };
        match code {
            AvError::AGAIN => Ok(Received::Starved),
            AvError::EOF => Ok(Received::End),
            code => check("decode", code).map(|_| Received::Frame),
        }
    }

    /// Forgets everything in flight, after a seek.
    pub fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { av::avcodec_flush_buffers(self.0.as_ptr()) };
    }
}

/// The decoder for a codec. VP8 and VP9 with an alpha layer need libvpx: FFmpeg's own decoders drop the layer.
///
/// # Safety
/// None beyond FFmpeg's static tables; the result may be null.
unsafe fn find_decoder(id: av::AVCodecID, alpha_layer: bool) -> *const av::AVCodec {
    let named = match id {
        av::AVCodecID::AV_CODEC_ID_VP8 if alpha_layer => Some(c"libvpx"),
        av::AVCodecID::AV_CODEC_ID_VP9 if alpha_layer => Some(c"libvpx-vp9"),
        _ => None,
    };
    // SAFETY: look-ups in static tables.
    unsafe {
        let found = named.map_or(ptr::null(), |name| {
            av::avcodec_find_decoder_by_name(name.as_ptr())
        });
        if found.is_null() {
            av::avcodec_find_decoder(id)
        } else {
            found
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: made by avcodec_alloc_context3 and freed once.
        unsafe { av::avcodec_free_context(&raw mut raw) };
    }
}
