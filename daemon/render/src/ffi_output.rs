//! Writing a container file: our own outputs only.
//!
//! Neighbours: `encode` writes segments, `mux` the final file.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi as av;

use crate::ffi_encoder::VideoEncoder;
use crate::ffi_error::{AvError, check, check_ptr};
use crate::ffi_input::{Input, file_url};
use crate::ffi_packet::Packet;

/// A container being written.
pub struct Output(NonNull<av::AVFormatContext>);

// SAFETY: used by one thread at a time; nothing in it is bound to the thread that made it.
unsafe impl Send for Output {}

impl Output {
    /// Creates the file. No time, no software name and nothing else that differs between runs gets into it.
    pub fn create(path: &Path, format: &CStr) -> Result<Self, AvError> {
        let url = file_url(path).ok_or(AvError {
            operation: "name the output",
            code: av::AVERROR(22),
        })?;
        let mut raw = ptr::null_mut();
        // SAFETY: the strings are terminated; the result is checked; Self frees on failure.
        unsafe {
            check(
                "allocate the container",
                av::avformat_alloc_output_context2(
                    &raw mut raw,
                    ptr::null(),
                    format.as_ptr(),
                    url.as_ptr(),
                ),
            )?;
            let raw = check_ptr("allocate the container", raw)?;
            let output = Self(NonNull::new_unchecked(raw));
            (*raw).flags |= av::AVFMT_FLAG_BITEXACT;
            check(
                "create the output file",
                av::avio_open(&raw mut (*raw).pb, url.as_ptr(), av::AVIO_FLAG_WRITE),
            )?;
            Ok(output)
        }
    }

    /// Adds a stream for an encoder's packets; its times count in the encoder's unit if the container can.
    pub fn add_encoder(&mut self, encoder: &VideoEncoder) -> Result<usize, AvError> {
        let stream = self.new_stream()?;
        // SAFETY: stream and encoder are valid.
        unsafe {
            let context = encoder.as_ptr();
            check(
                "describe the stream",
                av::avcodec_parameters_from_context((*stream).codecpar, context),
            )?;
            (*stream).time_base = (*context).time_base;
            (*stream).avg_frame_rate = (*context).framerate;
            (*stream).sample_aspect_ratio = (*context).sample_aspect_ratio;
            Ok((*stream).index as usize)
        }
    }

    /// Adds a stream that takes over another file's packets unchanged.
    pub fn add_copy(
        &mut self,
        input: &Input,
        index: usize,
        time_base: (i32, i32),
    ) -> Result<usize, AvError> {
        let stream = self.new_stream()?;
        // SAFETY: both streams are valid; raw_stream checks the index.
        unsafe {
            let source = input.raw_stream(index);
            check(
                "copy the stream's description",
                av::avcodec_parameters_copy((*stream).codecpar, (*source).codecpar),
            )?;
            (*(*stream).codecpar).codec_tag = 0;
            (*stream).time_base = av::AVRational {
                num: time_base.0,
                den: time_base.1,
            };
            (*stream).avg_frame_rate = (*source).avg_frame_rate;
            (*stream).sample_aspect_ratio = (*source).sample_aspect_ratio;
            Ok((*stream).index as usize)
        }
    }

    /// Names a stream's codec by another of its four-letter tags.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn set_tag(&mut self, stream: usize, tag: [u8; 4]) {
        // SAFETY: the index is checked against the number of streams; exclusive access.
        unsafe {
            let context = self.0.as_mut();
            assert!(
                stream < context.nb_streams as usize,
                "stream {stream} does not exist"
            );
            (*(**context.streams.add(stream)).codecpar).codec_tag = u32::from_le_bytes(tag);
        }
    }

    fn new_stream(&mut self) -> Result<*mut av::AVStream, AvError> {
        // SAFETY: the context is valid; the result is checked.
        check_ptr("add a stream", unsafe {
            av::avformat_new_stream(self.0.as_ptr(), ptr::null())
        })
    }

    /// Sets a metadata entry of the whole file.
    pub fn set_metadata(&mut self, key: &CStr, value: &str) -> Result<(), AvError> {
        let value = CString::new(value.replace('\0', "")).unwrap_or_default();
        // SAFETY: the dictionary belongs to the context; the strings are terminated.
        let code = unsafe {
            av::av_dict_set(
                &raw mut self.0.as_mut().metadata,
                key.as_ptr(),
                value.as_ptr(),
                0,
            )
        };
        check("set the metadata", code).map(drop)
    }

    /// Writes the header.
    pub fn write_header(&mut self, options: &[(&CStr, &CStr)]) -> Result<(), AvError> {
        let mut dictionary = ptr::null_mut();
        // SAFETY: the dictionary is ours; what the muxer did not take is freed.
        let code = unsafe {
            for (name, value) in options {
                av::av_dict_set(&raw mut dictionary, name.as_ptr(), value.as_ptr(), 0);
            }
            let code = av::avformat_write_header(self.0.as_ptr(), &raw mut dictionary);
            av::av_dict_free(&raw mut dictionary);
            code
        };
        check("write the header", code).map(drop)
    }

    /// The unit in which packets of a stream are counted, known after the header.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn time_base(&self, stream: usize) -> (i32, i32) {
        // SAFETY: the index is checked against the number of streams.
        unsafe {
            let context = self.0.as_ref();
            assert!(
                stream < context.nb_streams as usize,
                "stream {stream} does not exist"
            );
            let unit = (**context.streams.add(stream)).time_base;
            (unit.num, unit.den)
        }
    }

    /// Writes a packet whose times count in `unit`; the packet is empty afterwards.
    pub fn write(
        &mut self,
        packet: &mut Packet,
        stream: usize,
        unit: (i32, i32),
    ) -> Result<(), AvError> {
        let target = self.time_base(stream);
        // SAFETY: packet and context are valid; the muxer takes the packet's reference.
        let code = unsafe {
            let raw = packet.as_ptr();
            (*raw).stream_index = stream as i32;
            av::av_packet_rescale_ts(raw, rational(unit), rational(target));
            av::av_interleaved_write_frame(self.0.as_ptr(), raw)
        };
        check("write a packet", code).map(drop)
    }

    /// Writes what is left and closes the file.
    pub fn finish(mut self) -> Result<(), AvError> {
        // SAFETY: the header has been written; avio_closep reports write errors that came late.
        unsafe {
            check("finish the file", av::av_write_trailer(self.0.as_ptr()))?;
            check(
                "close the file",
                av::avio_closep(&raw mut self.0.as_mut().pb),
            )
            .map(drop)
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the file, if still open, and the context are ours; avio_closep accepts null.
        unsafe {
            av::avio_closep(&raw mut self.0.as_mut().pb);
            av::avformat_free_context(self.0.as_ptr());
        }
    }
}

fn rational(unit: (i32, i32)) -> av::AVRational {
    av::AVRational {
        num: unit.0,
        den: unit.1,
    }
}

/// A stream's out-of-band decoder data.
pub fn extradata(input: &Input, index: usize) -> Vec<u8> {
    // SAFETY: raw_stream checks the index; `extradata` holds `extradata_size` bytes or is null.
    unsafe {
        let parameters = &*(*input.raw_stream(index)).codecpar;
        match usize::try_from(parameters.extradata_size) {
            Ok(size) if !parameters.extradata.is_null() => {
                std::slice::from_raw_parts(parameters.extradata, size).to_vec()
            }
            _ => Vec::new(),
        }
    }
}

/// Times in one unit, counted in another, rounded to nearest.
pub fn rescale(time: i64, from: (i32, i32), to: (i32, i32)) -> i64 {
    // SAFETY: pure arithmetic; both units are positive.
    unsafe { av::av_rescale_q(time, rational(from), rational(to)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescales_to_nearest() {
        assert_eq!(rescale(1, (1, 30), (1, 90_000)), 3000);
        assert_eq!(rescale(1, (1, 3), (1, 1000)), 333);
        assert_eq!(rescale(-2, (1, 30), (1, 15_360)), -1024);
    }

    #[test]
    fn refuses_folders_that_do_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Output::create(&folder.path().join("no/such.nut"), c"nut").is_err());
    }
}
