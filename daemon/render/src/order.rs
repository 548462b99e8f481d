//! Whether a stream was read just as a search would have found it, so that reading on gives the same frames.
//!
//! Searching ends at a key frame, and everything after it is decoded from there. Reading on gives the same pictures only
//! where nothing from before the key frame is left in them: in undamaged streams, with times of their own, whose listed
//! key frames are whole pictures. Neighbours: `decode` tells what it sees, `playback` asks before it reads on.

use crate::ffi_frame::Frame;
use crate::ffi_input::Input;
use crate::ffi_packet::Packet;

/// Key packets whose frame has not come yet; no codec holds back so many.
const MOST_AWAITED: usize = 40;

/// How a key frame is told from one that only looks like it.
#[derive(Clone, Copy)]
enum Coding {
    /// In H.264 and HEVC a picture of its own may begin what still refers to frames before it.
    H264,
    Hevc,
    /// Elsewhere nothing is left of what was before a key frame.
    Other,
}

/// What was seen of a stream since it was opened.
pub struct Order {
    kept: bool,
    coding: Coding,
    keys: Vec<i64>,
    /// When the key frame is shown that was read last.
    key: Option<i64>,
    /// When the frame is shown that came out last.
    last: Option<i64>,
}

impl Order {
    /// Of a stream that was just opened. Only files of the MP4 family list their packets well enough.
    pub fn new(input: &Input, stream: usize) -> Self {
        Self {
            kept: input.container().starts_with("mov,") && input.lists_every_packet(stream),
            coding: match input.stream(stream).codec.as_str() {
                "h264" => Coding::H264,
                "hevc" => Coding::Hevc,
                _ => Coding::Other,
            },
            keys: Vec::new(),
            key: None,
            last: None,
        }
    }

    /// Whether reading on is as good as searching, as far as was read.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// A packet on its way to the decoder.
    pub fn see_packet(&mut self, packet: &Packet) {
        let time = packet.pts();
        if packet.is_key() {
            self.keys.extend(time);
            self.key = time;
            self.kept &= self.coding.begins_anew(packet.data());
        }
        // Read after a key frame and shown before it, a frame refers to both sides: decoders lose it after a search, and
        // some of them another one at the end.
        let leads = time < self.key;
        let many = self.keys.len() > MOST_AWAITED;
        if time.is_none() || leads || many || packet.is_hidden() {
            self.kept = false;
        }
    }

    /// A frame from the decoder, in the order in which frames come out.
    pub fn see_frame(&mut self, frame: &Frame) {
        let time = frame.timestamp();
        let rises = time.is_some() && time > self.last;
        let listed = self.keys.iter().position(|key| Some(*key) == time);
        let whole = frame.is_key() == frame.is_whole_key() && listed.is_none_or(|_| frame.is_key());
        if let Some(at) = listed {
            self.keys.swap_remove(at);
        }
        self.kept &= rises && whole;
        self.last = time;
    }

    /// The stream goes on elsewhere.
    pub fn sought(&mut self) {
        self.keys.clear();
        (self.key, self.last) = (None, None);
    }
}

impl Coding {
    /// Whether a key packet makes the decoder forget all frames before it: an IDR picture is among its units, each of
    /// which has its length in four bytes before it (ISO/IEC 14496-15; types in H.264 7.4.1 and H.265 7.4.2.2).
    fn begins_anew(self, packet: &[u8]) -> bool {
        let is_idr = |head: u8| match self {
            Self::H264 => head & 0x1f == 5,
            Self::Hevc => matches!(head >> 1 & 0x3f, 19 | 20),
            Self::Other => true,
        };
        let mut rest = packet;
        loop {
            let Some((length, unit)) = rest.split_first_chunk::<4>() else {
                return matches!(self, Self::Other);
            };
            match unit.first() {
                Some(head) if is_idr(*head) => return true,
                _ => {
                    rest = unit
                        .get(u32::from_be_bytes(*length) as usize..)
                        .unwrap_or(&[])
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idr_pictures_begin_anew() {
        let units = |heads: &[u8]| -> Vec<u8> {
            let unit = |head: &u8| [0, 0, 0, 3, *head, 9, 9];
            heads.iter().flat_map(unit).collect()
        };
        assert!(Coding::H264.begins_anew(&units(&[0x67, 0x68, 0x06, 0x65])));
        assert!(!Coding::H264.begins_anew(&units(&[0x67, 0x06, 0x41])));
        assert!(Coding::Hevc.begins_anew(&units(&[0x40, 20 << 1])));
        assert!(!Coding::Hevc.begins_anew(&units(&[0x40, 21 << 1])), "CRA");
        for coding in [Coding::H264, Coding::Hevc] {
            assert!(!coding.begins_anew(&[]));
            assert!(!coding.begins_anew(&[0xff, 0xff, 0xff, 0xff, 1, 2]));
        }
        assert!(Coding::Other.begins_anew(&[]) && Coding::Other.begins_anew(&[1; 9]));
    }
}
