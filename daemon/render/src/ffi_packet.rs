//! One compressed frame as FFmpeg hands it around.
//!
//! Neighbours: `ffi_input` fills packets, `ffi_decoder` and `ffi_output` use them up, `ffi_encoder` makes them.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check_ptr};

/// A compressed frame.
pub struct Packet(NonNull<av::AVPacket>);

// SAFETY: a packet owns its reference; buffers are reference-counted atomically by FFmpeg.
unsafe impl Send for Packet {}

impl Packet {
    /// A packet without data.
    pub fn empty() -> Result<Self, AvError> {
        // SAFETY: allocates or returns null, which is checked.
        let packet = check_ptr("allocate a packet", unsafe { av::av_packet_alloc() })?;
        // SAFETY: not null, just checked.
        Ok(Self(unsafe { NonNull::new_unchecked(packet) }))
    }

    /// The pointer for FFmpeg calls inside the doors.
    pub(crate) fn as_ptr(&self) -> *mut av::AVPacket {
        self.0.as_ptr()
    }

    /// Drops the data, keeps the packet for the next read.
    pub fn clear(&mut self) {
        // SAFETY: valid packet, exclusive access.
        unsafe { av::av_packet_unref(self.0.as_ptr()) };
    }

    /// The stream it belongs to.
    pub fn stream(&self) -> usize {
        // SAFETY: the packet is valid for as long as self.
        unsafe { self.0.as_ref() }.stream_index.max(0) as usize
    }

    /// Presentation time in the stream's unit.
    pub fn pts(&self) -> Option<i64> {
        // SAFETY: the packet is valid for as long as self.
        known(unsafe { self.0.as_ref() }.pts)
    }

    /// Decoding time in the stream's unit.
    pub fn dts(&self) -> Option<i64> {
        // SAFETY: the packet is valid for as long as self.
        known(unsafe { self.0.as_ref() }.dts)
    }

    /// Length in the stream's unit; 0 when unknown.
    pub fn duration(&self) -> i64 {
        // SAFETY: the packet is valid for as long as self.
        unsafe { self.0.as_ref() }.duration
    }

    /// Whether decoding can start here.
    pub fn is_key(&self) -> bool {
        // SAFETY: the packet is valid for as long as self.
        unsafe { self.0.as_ref() }.flags & av::AV_PKT_FLAG_KEY != 0
    }

    /// Whether it is needed for decoding only and never shown (cut away by an edit list).
    pub fn is_hidden(&self) -> bool {
        // SAFETY: the packet is valid for as long as self.
        unsafe { self.0.as_ref() }.flags & av::AV_PKT_FLAG_DISCARD != 0
    }

    /// Whether it is locked with a key.
    pub fn is_encrypted(&self) -> bool {
        let mut size = 0;
        // SAFETY: the packet is valid; only the presence of the data is asked.
        let data = unsafe {
            av::av_packet_get_side_data(
                self.0.as_ptr(),
                av::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO,
                &raw mut size,
            )
        };
        !data.is_null()
    }

    /// The compressed bytes.
    pub fn data(&self) -> &[u8] {
        // SAFETY: `data` points to `size` bytes owned by the packet, or is null with size 0.
        unsafe {
            let raw = self.0.as_ref();
            match usize::try_from(raw.size) {
                Ok(size) if !raw.data.is_null() => std::slice::from_raw_parts(raw.data, size),
                _ => &[],
            }
        }
    }

    /// Readdresses the packet to a stream, with times in that stream's unit.
    pub fn address(&mut self, stream: usize, pts: i64, dts: i64, duration: i64) {
        // SAFETY: exclusive access; plain fields.
        let raw = unsafe { self.0.as_mut() };
        raw.stream_index = stream as i32;
        raw.pts = pts;
        raw.dts = dts;
        raw.duration = duration;
        raw.pos = -1;
    }
}

fn known(time: i64) -> Option<i64> {
    (time != av::AV_NOPTS_VALUE).then_some(time)
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: allocated by av_packet_alloc and freed once.
        unsafe { av::av_packet_free(&raw mut raw) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_packet_says_nothing() {
        let mut packet = Packet::empty().unwrap();
        assert_eq!((packet.pts(), packet.dts()), (None, None));
        assert!(packet.data().is_empty() && !packet.is_key());
        packet.address(1, 40, 38, 2);
        assert_eq!(
            (packet.stream(), packet.pts(), packet.dts()),
            (1, Some(40), Some(38))
        );
        packet.clear();
        assert_eq!(packet.pts(), None);
    }
}
