//! The memory of this process: always the same before it is written, and large blocks used again as they are.
//!
//! Encoders read a little of what they never wrote (x264 beyond the edge of a picture whose sides are no multiples of
//! 16). In a fresh process that is zero; in one that has encoded before it is what was there. The same segment must
//! have the same bytes either way, so memory is zero when it is handed out.
//!
//! One segment after another takes the same blocks: an encoder's pictures, a decoder's. The C library gives such blocks
//! back to the system one by one, or keeps them between others that are in use; and to clear them it touches what nobody
//! would have. So they are kept here (`blocks`), by size, and cleared where they were written. Neighbours: `main` calls
//! `always_zeroed`; every library of the process comes through the functions below.
#![allow(unsafe_code)]

/// Makes every small allocation of this process start as zeros, where the C library can (glibc, `M_PERTURB` of mallopt(3):
/// memory is filled with the complement of this byte when it is handed out). Large ones are zero anyway.
pub fn always_zeroed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets numbers of the allocator; called first, before any other thread exists.
    unsafe {
        libc::mallopt(libc::M_PERTURB, 0xff);
    }
}

/// What replaces the C library's functions, as its manual describes it ("Replacing malloc"): everything that is not large
/// is left to them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod replaced {
    use libc::{c_int, c_void, size_t};

    use crate::ffi_blocks as blocks;

    unsafe extern "C" {
        fn __libc_malloc(bytes: size_t) -> *mut c_void;
        fn __libc_calloc(count: size_t, bytes: size_t) -> *mut c_void;
        fn __libc_realloc(old: *mut c_void, bytes: size_t) -> *mut c_void;
        fn __libc_memalign(align: size_t, bytes: size_t) -> *mut c_void;
        fn __libc_free(old: *mut c_void);
    }

    /// malloc(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn malloc(bytes: size_t) -> *mut c_void {
        match blocks::allocate(bytes, 1) {
            Some(at) => at.cast(),
            // SAFETY: the call it stands for.
            None => unsafe { __libc_malloc(bytes) },
        }
    }

    /// calloc(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn calloc(count: size_t, bytes: size_t) -> *mut c_void {
        let large = count
            .checked_mul(bytes)
            .and_then(|bytes| blocks::allocate(bytes, 1));
        match large {
            Some(at) => at.cast(),
            // SAFETY: the call it stands for; it refuses what overflows.
            None => unsafe { __libc_calloc(count, bytes) },
        }
    }

    /// realloc(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(old: *mut c_void, bytes: size_t) -> *mut c_void {
        let known = blocks::size_of(old.cast());
        if known.is_none() && (old.is_null() || bytes < blocks::LARGE) {
            // SAFETY: the call it stands for.
            return unsafe { __libc_realloc(old, bytes) };
        }
        if known.is_some_and(|known| bytes <= known && bytes > known / 2) {
            return old;
        }
        // SAFETY: `old` is a block of the caller's with that many bytes, `new` one of `bytes`; they do not overlap.
        unsafe {
            let held = known.unwrap_or_else(|| libc::malloc_usable_size(old));
            let new = malloc(bytes);
            if new.is_null() {
                return new;
            }
            new.cast::<u8>()
                .copy_from_nonoverlapping(old.cast(), held.min(bytes));
            free(old);
            new
        }
    }

    /// memalign(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memalign(align: size_t, bytes: size_t) -> *mut c_void {
        match blocks::allocate(bytes, align) {
            Some(at) => at.cast(),
            // SAFETY: the call it stands for.
            None => unsafe { __libc_memalign(align, bytes) },
        }
    }

    /// aligned_alloc(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn aligned_alloc(align: size_t, bytes: size_t) -> *mut c_void {
        // SAFETY: the same call under another name.
        unsafe { memalign(align, bytes) }
    }

    /// posix_memalign(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn posix_memalign(
        out: *mut *mut c_void,
        align: size_t,
        bytes: size_t,
    ) -> c_int {
        if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
            return libc::EINVAL;
        }
        // SAFETY: `out` is writable, as the caller promises.
        unsafe {
            let made = memalign(align, bytes);
            if made.is_null() {
                return libc::ENOMEM;
            }
            *out = made;
        }
        0
    }

    /// free(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn free(old: *mut c_void) {
        if !blocks::give_back(old.cast()) {
            // SAFETY: the call it stands for.
            unsafe { __libc_free(old) };
        }
    }
}
