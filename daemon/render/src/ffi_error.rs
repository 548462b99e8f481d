//! FFmpeg's error numbers as a Rust error. Every other `ffi_*` door reports through [`check`].
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::fmt;

use ffmpeg_next::ffi as av;

/// A call into FFmpeg that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvError {
    /// What was attempted, as a fragment: `open the file`.
    pub operation: &'static str,
    /// FFmpeg's negative error number.
    pub code: c_int,
}

impl AvError {
    /// The end of a stream.
    pub const EOF: c_int = av::AVERROR_EOF;
    /// More input (or room for output) is needed first.
    pub const AGAIN: c_int = av::AVERROR(libc_errno::EAGAIN);

    /// Whether there is no space left on the disk.
    pub fn is_full_disk(&self) -> bool {
        self.code == av::AVERROR(libc_errno::ENOSPC)
    }

    /// Whether memory or disk ran out.
    pub fn is_resource(&self) -> bool {
        [libc_errno::ENOMEM, libc_errno::ENOSPC, libc_errno::EIO]
            .iter()
            .any(|errno| self.code == av::AVERROR(*errno))
    }
}

/// The three error numbers FFmpeg shares with POSIX that matter here; equal on Linux and macOS but for `EAGAIN`.
mod libc_errno {
    pub(super) const EIO: i32 = 5;
    pub(super) const ENOMEM: i32 = 12;
    pub(super) const ENOSPC: i32 = 28;
    #[cfg(target_os = "macos")]
    pub(super) const EAGAIN: i32 = 35;
    #[cfg(not(target_os = "macos"))]
    pub(super) const EAGAIN: i32 = 11;
}

impl fmt::Display for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 128];
        // SAFETY: the buffer is as long as said, and av_strerror always terminates it.
        let reason = unsafe {
            av::av_strerror(self.code, text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        write!(
            f,
            "cannot {}: {}",
            self.operation,
            reason.to_string_lossy().to_lowercase()
        )
    }
}

impl std::error::Error for AvError {}

/// Turns a negative return value into an error.
pub(crate) fn check(operation: &'static str, code: c_int) -> Result<c_int, AvError> {
    if code < 0 {
        Err(AvError { operation, code })
    } else {
        Ok(code)
    }
}

/// Turns a null pointer into an out-of-memory error, which is what it means in every call used here.
pub(crate) fn check_ptr<T>(operation: &'static str, pointer: *mut T) -> Result<*mut T, AvError> {
    if pointer.is_null() {
        Err(AvError {
            operation,
            code: av::AVERROR(libc_errno::ENOMEM),
        })
    } else {
        Ok(pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_operation_and_reason() {
        let error = check("read the header", av::AVERROR_INVALIDDATA).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the header: invalid data found when processing input"
        );
        assert!(!error.is_resource());
        assert_eq!(check("count", 7), Ok(7));
    }

    #[test]
    fn null_is_out_of_memory() {
        let error = check_ptr::<u8>("make room", std::ptr::null_mut()).unwrap_err();
        assert!(error.is_resource(), "{error}");
    }
}
