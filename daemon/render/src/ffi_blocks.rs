//! Large blocks of memory straight from the kernel, kept when they are given back and handed out again by size.
//!
//! Neighbours: `ffi_memory` puts this under every allocation of the process. Nothing here may allocate.
//!
//! What is kept is bounded by what was in use: blocks in use and kept ones together never are more than were once in use
//! at the same time, or are now.
#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes from which on a block is large.
pub(crate) const LARGE: usize = 256 << 10;
/// Blocks that can be known at a time; beyond them the C library serves.
const MOST: usize = 2048;
/// Pages asked about at a time when a block is cleared.
const ASKED: usize = 1024;
/// Every block begins on a multiple of this, whatever the size of a page.
const SMALLEST_PAGE: usize = 4096;

#[derive(Clone, Copy)]
struct Block {
    at: usize,
    bytes: usize,
    /// When it was given back; nothing while it is in use.
    kept: Option<u64>,
}

/// All blocks of a process.
struct Blocks {
    known: [Block; MOST],
    count: usize,
    /// Bytes in use.
    used: usize,
    /// Bytes given back and kept.
    kept: usize,
    /// The most that were in use.
    peak: usize,
    clock: u64,
}

static BLOCKS: Mutex<Blocks> = Mutex::new(Blocks::new());

fn blocks() -> MutexGuard<'static, Blocks> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocks {
    const fn new() -> Self {
        let empty = Block {
            at: 0,
            bytes: 0,
            kept: None,
        };
        Self {
            known: [empty; MOST],
            count: 0,
            used: 0,
            kept: 0,
            peak: 0,
            clock: 0,
        }
    }

    /// A kept block of exactly this size, now in use.
    fn reuse(&mut self, bytes: usize, align: usize) -> Option<usize> {
        let known = &mut self.known[..self.count];
        let fits = |block: &&mut Block| {
            block.kept.is_some() && block.bytes == bytes && block.at.is_multiple_of(align)
        };
        // The one given back last is the likeliest to be in a processor's cache.
        let block = known.iter_mut().filter(fits).max_by_key(|b| b.kept)?;
        block.kept = None;
        let at = block.at;
        self.kept -= bytes;
        self.use_more(bytes);
        Some(at)
    }

    /// Notes a fresh block; false when there is no room for the note.
    fn note(&mut self, at: usize, bytes: usize) -> bool {
        if self.count == MOST {
            return false;
        }
        self.known[self.count] = Block {
            at,
            bytes,
            kept: None,
        };
        self.count += 1;
        self.use_more(bytes);
        true
    }

    fn use_more(&mut self, bytes: usize) {
        self.used += bytes;
        self.peak = self.peak.max(self.used);
    }

    /// A kept block that has to go before so many more bytes may be in use: the one that was given back first.
    fn in_the_way_of(&mut self, bytes: usize) -> Option<(usize, usize)> {
        if self.used + self.kept + bytes <= self.peak.max(self.used + bytes) {
            return None;
        }
        let known = &self.known[..self.count];
        let (index, block) = known
            .iter()
            .enumerate()
            .filter(|(_, block)| block.kept.is_some())
            .min_by_key(|(_, block)| block.kept)?;
        let gone = (block.at, block.bytes);
        self.forget(index);
        self.kept -= gone.1;
        Some(gone)
    }

    fn forget(&mut self, index: usize) {
        self.count -= 1;
        self.known[index] = self.known[self.count];
    }

    fn index_of(&self, at: usize) -> Option<usize> {
        self.known[..self.count]
            .iter()
            .position(|block| block.at == at)
    }

    /// Keeps a block that was in use; false when it is none.
    fn give_back(&mut self, at: usize) -> bool {
        let Some(index) = self.index_of(at) else {
            return false;
        };
        self.clock += 1;
        let block = &mut self.known[index];
        block.kept = Some(self.clock);
        self.used -= block.bytes;
        self.kept += block.bytes;
        true
    }
}

/// A large block of zeros; nothing when it is not large, or cannot be had here.
pub(crate) fn allocate(bytes: usize, align: usize) -> Option<*mut u8> {
    if bytes < LARGE || !align.is_power_of_two() {
        return None;
    }
    let bytes = bytes.checked_next_multiple_of(page())?;
    let again = blocks().reuse(bytes, align);
    if let Some(at) = again {
        let at = at as *mut u8;
        // SAFETY: the block was just taken out for us.
        unsafe { clear(at, bytes) };
        return Some(at);
    }
    loop {
        let gone = blocks().in_the_way_of(bytes);
        match gone {
            // SAFETY: nobody knows of the block any more.
            Some((at, bytes)) => unsafe { unmap(at, bytes) },
            None => break,
        }
    }
    let at = map(bytes, align)?;
    if blocks().note(at as usize, bytes) {
        return Some(at);
    }
    // SAFETY: made above and given to nobody.
    unsafe { unmap(at as usize, bytes) };
    None
}

/// The bytes of a block of ours.
pub(crate) fn size_of(at: *mut u8) -> Option<usize> {
    if at.is_null() || !(at as usize).is_multiple_of(SMALLEST_PAGE) {
        return None;
    }
    let blocks = blocks();
    let index = blocks.index_of(at as usize)?;
    Some(blocks.known[index].bytes)
}

/// Takes a block back; false when it is none of ours.
pub(crate) fn give_back(at: *mut u8) -> bool {
    !at.is_null() && (at as usize).is_multiple_of(SMALLEST_PAGE) && blocks().give_back(at as usize)
}

fn page() -> usize {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).unwrap_or(SMALLEST_PAGE)
}

/// Fresh pages that begin on a multiple of `align`.
fn map(bytes: usize, align: usize) -> Option<*mut u8> {
    let page = page();
    let spare = align.max(page) - page;
    let (rights, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    let all = bytes.checked_add(spare)?;
    // SAFETY: asks for pages anywhere.
    let start = unsafe { libc::mmap(null_mut(), all, rights, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    let start = start as usize;
    let at = start.next_multiple_of(align.max(page));
    // SAFETY: both ends are parts of what was just mapped, in whole pages.
    unsafe {
        unmap(start, at - start);
        unmap(at + bytes, start + all - (at + bytes));
    }
    Some(at as *mut u8)
}

/// # Safety
/// The pages are nobody's any more.
unsafe fn unmap(at: usize, bytes: usize) {
    if bytes > 0 {
        // SAFETY: as promised by the caller. That it fails is no harm: the pages stay.
        unsafe { libc::munmap(at as *mut _, bytes) };
    }
}

/// Clears what was written of a block; pages that nobody touched are zero and stay untouched.
///
/// # Safety
/// The block is the caller's, and its size whole pages.
unsafe fn clear(at: *mut u8, bytes: usize) {
    let page = page();
    let mut states = [0u8; ASKED];
    let mut done = 0;
    while done < bytes {
        let part = (bytes - done).min(ASKED * page);
        let pages = &mut states[..part / page];
        // SAFETY: the part lies inside of the block, and there is a byte for each of its pages.
        unsafe {
            let asked = libc::mincore(at.add(done).cast(), part, pages.as_mut_ptr());
            if asked != 0 {
                pages.fill(1);
            }
            for (index, _) in pages
                .iter()
                .enumerate()
                .filter(|(_, state)| **state & 1 == 1)
            {
                at.add(done + index * page).write_bytes(0, page);
            }
        }
        done += part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 3 * LARGE + 5000;

    #[test]
    fn a_block_comes_again_as_zeros() {
        let at = allocate(SIZE, 64).unwrap();
        let known = size_of(at).unwrap();
        assert!(known >= SIZE && known < SIZE + page());
        // SAFETY: the block is ours until it is given back.
        let bytes = unsafe { std::slice::from_raw_parts_mut(at, known) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes[..5000].fill(7);
        bytes[known - 1] = 9;
        assert!(give_back(at));
        let again = allocate(SIZE, 1).unwrap();
        // SAFETY: the same.
        let bytes = unsafe { std::slice::from_raw_parts_mut(again, known) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        assert!(give_back(again));
    }

    #[test]
    fn blocks_lie_where_they_were_wanted() {
        for align in [1, 64, 4096, 2 << 20] {
            let at = allocate(SIZE, align).unwrap();
            assert!((at as usize).is_multiple_of(align));
            assert!(give_back(at));
        }
        assert!(allocate(LARGE - 1, 64).is_none(), "not large");
        assert!(allocate(SIZE, 3).is_none(), "no alignment");
        assert!(!give_back(std::ptr::null_mut()));
        assert!(size_of(4096 as *mut u8).is_none());
    }

    #[test]
    fn what_is_kept_is_never_more_than_was_used() {
        let mut blocks = Blocks::new();
        for (at, bytes) in [(1, 100), (2, 200), (3, 300)] {
            assert!(blocks.note(at, bytes));
        }
        assert!(blocks.give_back(2) && blocks.give_back(1));
        assert!(!blocks.give_back(9));
        assert_eq!((blocks.used, blocks.kept, blocks.peak), (300, 300, 600));
        assert_eq!(blocks.in_the_way_of(0), None);
        assert_eq!(blocks.in_the_way_of(200), Some((2, 200)), "the oldest goes");
        assert_eq!(blocks.in_the_way_of(200), None);
        assert!(blocks.note(4, 200));
        assert_eq!(blocks.reuse(300, 1), None, "it is in use");
        assert_eq!(blocks.reuse(100, 1), Some(1));
        assert_eq!((blocks.used, blocks.kept, blocks.peak), (600, 0, 600));
        assert_eq!(
            blocks.in_the_way_of(5000),
            None,
            "there is nothing that could go"
        );
    }

    #[test]
    fn a_vector_grows_across_the_limit_and_back() {
        let mut bytes: Vec<u8> = Vec::new();
        for index in 0..3 * LARGE {
            bytes.push(index as u8);
        }
        bytes.truncate(1000);
        bytes.shrink_to_fit();
        assert!((0..1000).all(|index| bytes[index] == index as u8));
    }
}
