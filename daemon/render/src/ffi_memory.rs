//! Memory that is always the same before it is written.
//!
//! Encoders read a little of what they never wrote (x264 beyond the edge of a picture whose sides are no multiples of
//! 16). In a fresh process that is zero; in one that has encoded before it is what was there. The same segment must
//! have the same bytes either way.
#![allow(unsafe_code)]

/// Makes every allocation of this process start as zeros, where the C library can (glibc, `M_PERTURB` of mallopt(3): memory
/// is filled with the complement of this byte when it is handed out). Costs one pass over what is allocated.
pub fn always_zeroed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number of the allocator; called first, before any other thread exists.
    unsafe {
        libc::mallopt(libc::M_PERTURB, 0xff);
    }
}
