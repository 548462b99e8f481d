//! A video encoder: pictures in, packets out.
//!
//! Neighbours: `encode` and `snapshot` configure and feed it; `ffi_output` takes its parameters and packets.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};

use fenta_templates::time::FrameRate;
use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check, check_ptr};
use crate::ffi_frame::Frame;
use crate::ffi_packet::Packet;

/// The form of the pictures an encoder takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Planar 4:2:0, 8 bit, BT.709 in limited range: what everything is composed in.
    Yuv420,
    /// The same with an alpha plane, not multiplied in.
    Yuva420,
    /// Planar 4:2:2, 10 bit, BT.709 in limited range.
    Yuv422Ten,
    /// Planar 4:4:4 with alpha, 10 bit, BT.709 in limited range.
    Yuva444Ten,
    /// Packed 8 bit red, green and blue.
    Rgb,
    /// The same with alpha, not multiplied in.
    Rgba,
    /// Planar 4:2:0, 8 bit, BT.601 in full range, as JPEG wants it.
    Jpeg,
}

impl Pixels {
    /// FFmpeg's name of the form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yuv420 => "yuv420p",
            Self::Yuva420 => "yuva420p",
            Self::Yuv422Ten => "yuv422p10le",
            Self::Yuva444Ten => "yuva444p10le",
            Self::Rgb => "rgb24",
            Self::Rgba => "rgba",
            Self::Jpeg => "yuvj420p",
        }
    }

    /// Whether there is an alpha plane or channel.
    pub const fn has_alpha(self) -> bool {
        matches!(self, Self::Yuva420 | Self::Yuva444Ten | Self::Rgba)
    }

    const fn format(self) -> av::AVPixelFormat {
        use av::AVPixelFormat as F;
        match self {
            Self::Yuv420 => F::AV_PIX_FMT_YUV420P,
            Self::Yuva420 => F::AV_PIX_FMT_YUVA420P,
            Self::Yuv422Ten => F::AV_PIX_FMT_YUV422P10LE,
            Self::Yuva444Ten => F::AV_PIX_FMT_YUVA444P10LE,
            Self::Rgb => F::AV_PIX_FMT_RGB24,
            Self::Rgba => F::AV_PIX_FMT_RGBA,
            Self::Jpeg => F::AV_PIX_FMT_YUVJ420P,
        }
    }
}

/// What every encoder here needs to know.
#[derive(Clone, Debug)]
pub struct EncoderSetup<'a> {
    /// FFmpeg's encoder name.
    pub encoder: &'a CStr,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second.
    pub rate: FrameRate,
    /// Threads.
    pub threads: u8,
    /// The form of the pictures.
    pub pixels: Pixels,
    /// Fixed quantiser scale, for JPEG.
    pub quantiser: Option<u8>,
    /// Highest bit rate in bit/s, 0 for none; the buffer holds two seconds of it.
    pub max_rate: i64,
    /// Frames between key frames.
    pub gop: u32,
    /// B-frames between references.
    pub b_frames: u8,
    /// The encoder's own options.
    pub options: Vec<(&'static CStr, String)>,
}

/// An open video encoder.
pub struct VideoEncoder(NonNull<av::AVCodecContext>);

// SAFETY: used by one thread at a time; its own threads are internal.
unsafe impl Send for VideoEncoder {}

impl VideoEncoder {
    /// Opens the encoder.
    pub fn open(setup: &EncoderSetup) -> Result<Self, AvError> {
        // SAFETY: every pointer is checked; Self frees the context on failure.
        unsafe {
            let codec = av::avcodec_find_encoder_by_name(setup.encoder.as_ptr());
            if codec.is_null() {
                return Err(AvError {
                    operation: "find the encoder",
                    code: av::AVERROR_ENCODER_NOT_FOUND,
                });
            }
            let raw = check_ptr("allocate an encoder", av::avcodec_alloc_context3(codec))?;
            let mut encoder = Self(NonNull::new_unchecked(raw));
            configure(encoder.0.as_mut(), setup);
            for (name, value) in &setup.options {
                let value = CString::new(value.as_str()).unwrap_or_default();
                check(
                    "set an encoder option",
                    av::av_opt_set((*raw).priv_data, name.as_ptr(), value.as_ptr(), 0),
                )?;
            }
            check(
                "open the encoder",
                av::avcodec_open2(raw, codec, ptr::null_mut()),
            )?;
            Ok(encoder)
        }
    }

    /// Feeds a picture; `None` says that no more will come.
    pub fn send(&mut self, frame: Option<&Frame>) -> Result<(), AvError> {
        let raw = frame.map_or(ptr::null_mut(), Frame::as_ptr);
        // SAFETY: context and frame are valid; null flushes.
        let code = unsafe { av::avcodec_send_frame(self.0.as_ptr(), raw) };
        check("encode", code).map(drop)
    }

    /// Takes a packet out; false when more input is needed or everything has come out.
    pub fn receive(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
        // SAFETY: context and packet are valid.
        let code = unsafe { av::avcodec_receive_packet(self.0.as_ptr(), packet.as_ptr()) };
        if code == AvError::AGAIN || code == AvError::EOF {
            return Ok(false);
        }
        check("encode", code).map(|_| true)
    }

    /// The pointer for FFmpeg calls inside the doors.
    pub(crate) fn as_ptr(&self) -> *const av::AVCodecContext {
        self.0.as_ptr()
    }
}

fn configure(context: &mut av::AVCodecContext, setup: &EncoderSetup) {
    context.width = setup.width as c_int;
    context.height = setup.height as c_int;
    context.sample_aspect_ratio = av::AVRational { num: 1, den: 1 };
    context.time_base = av::AVRational {
        num: setup.rate.den as c_int,
        den: setup.rate.num as c_int,
    };
    context.framerate = av::AVRational {
        num: setup.rate.num as c_int,
        den: setup.rate.den as c_int,
    };
    context.thread_count = c_int::from(setup.threads.max(1));
    context.gop_size = setup.gop as c_int;
    context.max_b_frames = c_int::from(setup.b_frames);
    context.rc_max_rate = setup.max_rate;
    context.rc_buffer_size = setup.max_rate.saturating_mul(2).min(i64::from(c_int::MAX)) as c_int;
    let mut flags = av::AV_CODEC_FLAG_BITEXACT;
    if let Some(quantiser) = setup.quantiser {
        flags |= av::AV_CODEC_FLAG_QSCALE;
        context.global_quality = c_int::from(quantiser) * av::FF_QP2LAMBDA;
        context.qmin = 1;
    } else {
        flags |= av::AV_CODEC_FLAG_GLOBAL_HEADER | av::AV_CODEC_FLAG_CLOSED_GOP;
    }
    context.flags = flags as c_int;
    context.pix_fmt = setup.pixels.format();
    match setup.pixels {
        Pixels::Jpeg => {
            context.color_range = av::AVColorRange::AVCOL_RANGE_JPEG;
            context.colorspace = av::AVColorSpace::AVCOL_SPC_BT470BG;
            return;
        }
        Pixels::Rgb | Pixels::Rgba => return,
        _ => {}
    }
    context.color_range = av::AVColorRange::AVCOL_RANGE_MPEG;
    context.colorspace = av::AVColorSpace::AVCOL_SPC_BT709;
    context.color_primaries = av::AVColorPrimaries::AVCOL_PRI_BT709;
    context.color_trc = av::AVColorTransferCharacteristic::AVCOL_TRC_BT709;
    context.chroma_sample_location = av::AVChromaLocation::AVCHROMA_LOC_LEFT;
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: made by avcodec_alloc_context3 and freed once.
        unsafe { av::avcodec_free_context(&raw mut raw) };
    }
}
