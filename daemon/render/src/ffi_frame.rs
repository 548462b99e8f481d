//! A reference-counted FFmpeg picture, with plane access that checks pointer, stride and buffer size.
//!
//! Neighbours: `ffi_decoder` and `ffi_filter` fill frames, `picture` copies their planes out, `ffi_encoder` takes
//! them in. Nothing else touches `AVFrame`.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use fenta_templates::timeline::ColorTransfer;
use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check, check_ptr};

/// How luma and chroma are made from red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// Not said.
    Unspecified,
    /// Red, green and blue themselves.
    Rgb,
    /// ITU-R BT.601 in either of its spellings.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
    /// Another one FFmpeg knows and Fenta does not convert.
    Other,
}

/// Everything about a frame that decides how it is converted.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameFormat {
    /// Stored width.
    pub width: u32,
    /// Stored height.
    pub height: u32,
    /// FFmpeg's pixel format number.
    pub pixel_format: c_int,
    /// FFmpeg's name of it.
    pub pixel_name: String,
    /// Pixel aspect ratio as the decoder says; 0/1 when unknown.
    pub sample_aspect: (i32, i32),
    /// Colour matrix.
    pub matrix: Matrix,
    /// Full (0-255) instead of limited range.
    pub full_range: bool,
    /// Transfer curve.
    pub transfer: ColorTransfer,
    /// Stored as two fields.
    pub interlaced: bool,
    /// Whether the format has an alpha channel (or a palette that may have one).
    pub alpha: bool,
    /// Bits per component of the first component.
    pub depth: u32,
}

/// A picture owned by FFmpeg.
pub struct Frame(NonNull<av::AVFrame>);

// SAFETY: a frame owns its reference; buffers are reference-counted atomically by FFmpeg.
unsafe impl Send for Frame {}

impl Frame {
    /// A frame without buffers, to be filled by a decoder or a filter.
    pub fn empty() -> Result<Self, AvError> {
        // SAFETY: allocates or returns null, which is checked.
        let frame = check_ptr("allocate a frame", unsafe { av::av_frame_alloc() })?;
        // SAFETY: not null, just checked.
        Ok(Self(unsafe { NonNull::new_unchecked(frame) }))
    }

    /// A writable YUV 4:2:0 8-bit frame.
    pub fn yuv420p(width: u32, height: u32, full_range: bool) -> Result<Self, AvError> {
        Self::allocate(
            (width, height),
            if full_range {
                av::AVPixelFormat::AV_PIX_FMT_YUVJ420P
            } else {
                av::AVPixelFormat::AV_PIX_FMT_YUV420P
            },
        )
    }

    /// A writable frame of straight RGBA.
    pub fn rgba(width: u32, height: u32) -> Result<Self, AvError> {
        Self::allocate((width, height), av::AVPixelFormat::AV_PIX_FMT_RGBA)
    }

    /// A writable YUV 4:2:0 8-bit frame with an alpha plane.
    pub fn yuva420p(width: u32, height: u32) -> Result<Self, AvError> {
        Self::allocate((width, height), av::AVPixelFormat::AV_PIX_FMT_YUVA420P)
    }

    fn allocate((width, height): (u32, u32), format: av::AVPixelFormat) -> Result<Self, AvError> {
        let frame = Self::empty()?;
        // SAFETY: the frame is ours and empty; the three fields are what av_frame_get_buffer needs.
        unsafe {
            let raw = frame.0.as_ptr();
            (*raw).width = width as c_int;
            (*raw).height = height as c_int;
            (*raw).format = format as c_int;
            check("allocate a picture", av::av_frame_get_buffer(raw, 0))?;
        }
        Ok(frame)
    }

    /// The pointer for FFmpeg calls inside the doors.
    pub(crate) fn as_ptr(&self) -> *mut av::AVFrame {
        self.0.as_ptr()
    }

    /// Presentation time: the best estimate, in the unit of whoever made the frame.
    pub fn timestamp(&self) -> Option<i64> {
        // SAFETY: the frame is valid for as long as self.
        let raw = unsafe { self.0.as_ref() };
        [raw.best_effort_timestamp, raw.pts]
            .into_iter()
            .find(|time| *time != av::AV_NOPTS_VALUE)
    }

    /// Sets the presentation time and forgets decoder estimates and picture type.
    pub fn set_timestamp(&mut self, pts: i64) {
        // SAFETY: exclusive access; plain fields.
        unsafe {
            let raw = self.0.as_mut();
            raw.pts = pts;
            raw.best_effort_timestamp = pts;
            raw.pict_type = av::AVPictureType::AV_PICTURE_TYPE_NONE;
        }
    }

    /// Asks an encoder with a fixed quantiser scale for this one.
    pub fn set_quantiser(&mut self, quantiser: u8) {
        // SAFETY: exclusive access; plain field.
        unsafe { self.0.as_mut().quality = c_int::from(quantiser) * av::FF_QP2LAMBDA };
    }

    /// Tags the frame as BT.709 in limited range.
    pub fn tag_bt709(&mut self) {
        // SAFETY: exclusive access; plain fields.
        unsafe {
            let raw = self.0.as_mut();
            raw.color_range = av::AVColorRange::AVCOL_RANGE_MPEG;
            raw.colorspace = av::AVColorSpace::AVCOL_SPC_BT709;
            raw.color_primaries = av::AVColorPrimaries::AVCOL_PRI_BT709;
            raw.color_trc = av::AVColorTransferCharacteristic::AVCOL_TRC_BT709;
        }
    }

    /// What decides the conversion.
    pub fn format(&self) -> FrameFormat {
        // SAFETY: the frame is valid for as long as self.
        let raw = unsafe { self.0.as_ref() };
        let described = PixelTraits::of(raw.format);
        let full = raw.color_range == av::AVColorRange::AVCOL_RANGE_JPEG
            || described.name.starts_with("yuvj")
            || described.rgb;
        FrameFormat {
            width: raw.width.max(0) as u32,
            height: raw.height.max(0) as u32,
            pixel_format: raw.format,
            pixel_name: described.name,
            sample_aspect: (raw.sample_aspect_ratio.num, raw.sample_aspect_ratio.den),
            matrix: matrix(raw.colorspace, described.rgb),
            full_range: full,
            transfer: transfer(raw.color_trc),
            interlaced: raw.interlaced_frame != 0,
            alpha: described.alpha,
            depth: described.depth,
        }
    }

    /// Whether the decoder reported damage.
    pub fn is_corrupt(&self) -> bool {
        // SAFETY: the frame is valid for as long as self.
        let raw = unsafe { self.0.as_ref() };
        raw.flags & av::AV_FRAME_FLAG_CORRUPT as c_int != 0 || raw.decode_error_flags != 0
    }

    /// Whether the decoder says that decoding can begin here.
    pub fn is_key(&self) -> bool {
        // SAFETY: the frame is valid for as long as self.
        unsafe { self.0.as_ref() }.key_frame != 0
    }

    /// Whether it is a key frame without reference to any other frame: some streams refresh themselves bit by bit and
    /// call other frames keys as well.
    pub fn is_whole_key(&self) -> bool {
        // SAFETY: the frame is valid for as long as self.
        let kind = unsafe { self.0.as_ref() }.pict_type;
        self.is_key() && kind == av::AVPictureType::AV_PICTURE_TYPE_I
    }

    /// Samples of a sound, in each channel.
    pub fn samples(&self) -> u32 {
        // SAFETY: the frame is valid for as long as self.
        unsafe { self.0.as_ref() }.nb_samples.max(0) as u32
    }

    /// Samples per second of a sound.
    pub fn sample_rate(&self) -> u32 {
        // SAFETY: the frame is valid for as long as self.
        unsafe { self.0.as_ref() }.sample_rate.max(0) as u32
    }

    /// Channels of a sound.
    pub fn channels(&self) -> u16 {
        // SAFETY: the frame is valid for as long as self.
        unsafe { self.0.as_ref() }.channels.clamp(0, 64) as u16
    }

    /// The rows of a plane, `row_bytes` each, as `(bytes, stride)`; `None` when the frame does not hold them.
    pub fn plane(&self, index: usize, rows: usize, row_bytes: usize) -> Option<(&[u8], usize)> {
        let (data, stride, length) = self.plane_extent(index, rows, row_bytes)?;
        // SAFETY: plane_extent checked that `length` bytes from `data` lie inside one of the frame's buffers.
        Some((unsafe { std::slice::from_raw_parts(data, length) }, stride))
    }

    /// Whether nobody else holds its buffers.
    pub fn is_writable(&self) -> bool {
        // SAFETY: only reads reference counts.
        unsafe { av::av_frame_is_writable(self.0.as_ptr()) > 0 }
    }

    /// The same rows, writable; the frame must be the only owner of its buffers (it is, straight after allocation).
    pub fn plane_mut(
        &mut self,
        index: usize,
        rows: usize,
        row_bytes: usize,
    ) -> Option<(&mut [u8], usize)> {
        if !self.is_writable() {
            return None;
        }
        let (data, stride, length) = self.plane_extent(index, rows, row_bytes)?;
        // SAFETY: as in `plane`, and nobody else holds the buffers.
        Some((
            unsafe { std::slice::from_raw_parts_mut(data, length) },
            stride,
        ))
    }

    fn plane_extent(
        &self,
        index: usize,
        rows: usize,
        row_bytes: usize,
    ) -> Option<(*mut u8, usize, usize)> {
        // SAFETY: the frame is valid for as long as self.
        let raw = unsafe { self.0.as_ref() };
        let data = *raw.data.get(index)?;
        let stride = usize::try_from(*raw.linesize.get(index)?).ok()?;
        if data.is_null() || stride < row_bytes || rows == 0 || row_bytes == 0 {
            return None;
        }
        let length = stride.checked_mul(rows - 1)?.checked_add(row_bytes)?;
        let start = data as usize;
        let held = raw.buf.iter().any(|buffer| {
            // SAFETY: non-null entries of `buf` are valid buffer references.
            !buffer.is_null()
                && unsafe {
                    let base = (**buffer).data as usize;
                    start >= base && start + length <= base + (**buffer).size
                }
        });
        held.then_some((data, stride, length))
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: allocated by av_frame_alloc and freed once.
        unsafe { av::av_frame_free(&raw mut raw) };
    }
}

struct PixelTraits {
    name: String,
    rgb: bool,
    alpha: bool,
    depth: u32,
}

impl PixelTraits {
    fn of(format: c_int) -> Self {
        let none = Self {
            name: "none".to_owned(),
            rgb: false,
            alpha: false,
            depth: 0,
        };
        if format < 0 || format >= av::AVPixelFormat::AV_PIX_FMT_NB as c_int {
            return none;
        }
        // SAFETY: the number lies between 0 and NB, and this build's enum matches the linked library.
        let descriptor = unsafe {
            let format: av::AVPixelFormat = std::mem::transmute(format);
            av::av_pix_fmt_desc_get(format)
        };
        if descriptor.is_null() {
            return none;
        }
        // SAFETY: descriptors are static tables of the library.
        unsafe {
            let flags = (*descriptor).flags;
            let has = |flag: u64| flags & flag != 0;
            let palette = has(av::AV_PIX_FMT_FLAG_PAL as u64);
            Self {
                name: CStr::from_ptr((*descriptor).name)
                    .to_string_lossy()
                    .into_owned(),
                rgb: has(av::AV_PIX_FMT_FLAG_RGB as u64) || palette,
                alpha: has(av::AV_PIX_FMT_FLAG_ALPHA as u64) || palette,
                depth: (*descriptor).comp[0].depth.max(0) as u32,
            }
        }
    }
}

fn matrix(space: av::AVColorSpace, rgb: bool) -> Matrix {
    use av::AVColorSpace as S;
    match space {
        _ if rgb => Matrix::Rgb,
        S::AVCOL_SPC_UNSPECIFIED | S::AVCOL_SPC_RESERVED => Matrix::Unspecified,
        S::AVCOL_SPC_BT709 => Matrix::Bt709,
        S::AVCOL_SPC_BT470BG | S::AVCOL_SPC_SMPTE170M => Matrix::Bt601,
        S::AVCOL_SPC_BT2020_NCL | S::AVCOL_SPC_BT2020_CL => Matrix::Bt2020,
        _ => Matrix::Other,
    }
}

fn transfer(curve: av::AVColorTransferCharacteristic) -> ColorTransfer {
    use av::AVColorTransferCharacteristic as T;
    match curve {
        T::AVCOL_TRC_SMPTE2084 => ColorTransfer::Pq,
        T::AVCOL_TRC_ARIB_STD_B67 => ColorTransfer::Hlg,
        _ => ColorTransfer::Sdr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_checked_against_the_buffers() {
        let mut frame = Frame::yuv420p(64, 48, false).unwrap();
        let (luma, stride) = frame.plane(0, 48, 64).unwrap();
        assert!(stride >= 64 && luma.len() >= 64 * 48);
        assert!(frame.plane(0, 48, stride + 1).is_none(), "wider than a row");
        assert!(frame.plane(0, 100_000, 64).is_none(), "more rows than held");
        assert!(frame.plane(3, 1, 1).is_none(), "no such plane");
        let (chroma, _) = frame.plane_mut(1, 24, 32).unwrap();
        chroma.fill(7);
        assert_eq!(frame.plane(1, 24, 32).unwrap().0[31], 7);
        assert!(Frame::empty().unwrap().plane(0, 1, 1).is_none());
    }

    #[test]
    fn describes_what_it_holds() {
        let mut frame = Frame::yuv420p(2, 2, true).unwrap();
        assert_eq!(frame.timestamp(), None);
        frame.set_timestamp(5);
        assert_eq!(frame.timestamp(), Some(5));
        let format = frame.format();
        assert_eq!(format.pixel_name, "yuvj420p");
        assert!(format.full_range && !format.alpha && format.depth == 8);
        assert_eq!(format.matrix, Matrix::Unspecified);
        let mut tagged = Frame::yuv420p(2, 2, false).unwrap();
        tagged.tag_bt709();
        assert_eq!(tagged.format().matrix, Matrix::Bt709);
        assert!(!tagged.format().full_range);
    }
}
