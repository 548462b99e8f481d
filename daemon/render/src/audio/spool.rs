//! Sound on disk: what is too long to be held, as `f32` of both channels in turn.
//!
//! A spool is a file without a name in the job's output folder: it goes with its owner, whatever happens. The system
//! keeps as much of it in memory as it has to spare; the process holds a block at a time. Used by the mix and by composed
//! music; knows nothing of codecs.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::AudioError;
use super::pcm::Stereo;

/// Bytes of a sample of both channels.
const FRAME: usize = 8;
/// Samples that are read or written by one call of the system.
const PIECE: usize = 4096;

/// A sound that lies on disk.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    /// Where it lay, for messages.
    path: PathBuf,
    len: Cell<usize>,
}

/// A span of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Take {
    /// Its first sample.
    pub(crate) from: usize,
    /// Its samples.
    pub(crate) len: usize,
}

impl Take {
    /// A span of this span, shorter where this one ends before.
    pub(crate) fn part(self, from: usize, len: usize) -> Self {
        let from = from.min(self.len);
        Self {
            from: self.from + from,
            len: len.min(self.len - from),
        }
    }
}

impl Spool {
    /// An empty spool in a folder.
    pub(crate) fn create(folder: &Path) -> Result<Self, AudioError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".sound-{number}"));
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path);
        let made = opened.and_then(|file| std::fs::remove_file(&path).map(|()| file));
        match made {
            Ok(file) => Ok(Self {
                file,
                path,
                len: Cell::new(0),
            }),
            Err(source) => Err(AudioError::Io { path, source }),
        }
    }

    /// Samples in it.
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Take {
        Take {
            from: 0,
            len: self.len(),
        }
    }

    /// Adds a block at its end.
    pub(crate) fn append(&self, block: &Stereo) -> Result<(), AudioError> {
        let mut bytes = [0; PIECE * FRAME];
        for (left, right) in block.left.chunks(PIECE).zip(block.right.chunks(PIECE)) {
            let used = left.len() * FRAME;
            let samples = left.iter().zip(right);
            for (to, (left, right)) in bytes.chunks_exact_mut(FRAME).zip(samples) {
                to[..4].copy_from_slice(&left.to_le_bytes());
                to[4..].copy_from_slice(&right.to_le_bytes());
            }
            let at = (self.len.get() * FRAME) as u64;
            self.file
                .write_all_at(&bytes[..used], at)
                .map_err(|source| self.failed(source))?;
            self.len.set(self.len.get() + left.len());
        }
        Ok(())
    }

    /// Reads `count` samples of a take from `start` on; what lies outside of it is silence.
    pub(crate) fn read(
        &self,
        take: Take,
        (start, count): (i64, usize),
        block: &mut Stereo,
    ) -> Result<(), AudioError> {
        block.clear();
        let before = usize::try_from(-start).unwrap_or(0).min(count);
        block.resize(before);
        let mut at = usize::try_from(start).unwrap_or(0).min(take.len);
        let end = (at + count - before).min(take.len);
        let mut bytes = [0; PIECE * FRAME];
        while at < end {
            let piece = PIECE.min(end - at);
            let bytes = &mut bytes[..piece * FRAME];
            self.file
                .read_exact_at(bytes, ((take.from + at) * FRAME) as u64)
                .map_err(|source| self.failed(source))?;
            let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            let frames = bytes.chunks_exact(FRAME);
            block
                .left
                .extend(frames.clone().map(|frame| number(&frame[..4])));
            block.right.extend(frames.map(|frame| number(&frame[4..])));
            at += piece;
        }
        block.resize(count);
        Ok(())
    }

    /// Plays a take in blocks.
    pub(crate) fn play(
        &self,
        take: Take,
        size: usize,
        sink: &mut dyn FnMut(&mut Stereo) -> Result<(), AudioError>,
    ) -> Result<(), AudioError> {
        let mut block = Stereo::default();
        for start in (0..take.len).step_by(size.max(1)) {
            let count = size.max(1).min(take.len - start);
            self.read(take, (start as i64, count), &mut block)?;
            sink(&mut block)?;
        }
        Ok(())
    }

    fn failed(&self, source: std::io::Error) -> AudioError {
        AudioError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from: usize, count: usize) -> Stereo {
        Stereo {
            left: (from..from + count).map(|n| n as f32).collect(),
            right: (from..from + count).map(|n| -(n as f32)).collect(),
        }
    }

    #[test]
    fn what_is_written_in_blocks_is_read_in_others() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::create(dir.path()).unwrap();
        for (from, count) in [(0, 5000), (5000, 1), (5001, 9000)] {
            spool.append(&ramp(from, count)).unwrap();
        }
        assert_eq!(spool.len(), 14_001);
        for size in [1, 1000, 4096, 20_000] {
            let mut heard = Stereo::default();
            spool
                .play(spool.whole(), size, &mut |block| {
                    heard.extend(block);
                    Ok(())
                })
                .unwrap();
            assert_eq!(heard, ramp(0, 14_001));
        }
    }

    #[test]
    fn outside_of_a_take_is_silence() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::create(dir.path()).unwrap();
        spool.append(&ramp(0, 100)).unwrap();
        let take = spool.whole().part(10, 20);
        assert_eq!(take, Take { from: 10, len: 20 });
        let mut block = Stereo::default();
        spool.read(take, (-2, 24), &mut block).unwrap();
        assert_eq!(block.left[..3], [0.0, 0.0, 10.0]);
        assert_eq!(block.left[20..], [28.0, 29.0, 0.0, 0.0]);
        spool.read(take, (-9, 4), &mut block).unwrap();
        assert_eq!(block, Stereo::silence(4));
        spool.read(take, (30, 4), &mut block).unwrap();
        assert_eq!(block, Stereo::silence(4));
        assert_eq!(take.part(15, 20).len, 5);
        assert_eq!(take.part(50, 20).len, 0);
    }

    #[test]
    fn it_leaves_nothing_behind_and_names_its_folder_when_it_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::create(dir.path()).unwrap();
        spool.append(&ramp(0, 10)).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let error = Spool::create(&dir.path().join("absent")).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
