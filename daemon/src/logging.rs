//! The daemon's own log: one JSON object a line, in a file that is turned over by size, or on standard error.
//!
//! Jobs have their own log, the events in the store; this one is for whoever looks after the daemon.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// A file is turned over when it has grown to this.
const TURN_OVER_BYTES: u64 = 8 << 20;

/// Files that were turned over and are kept.
const KEPT: usize = 3;

/// Where the log goes.
#[derive(Clone, Debug)]
pub enum LogTarget {
    /// To standard error, for people who look at it.
    Stderr,
    /// To `fentad.log` in this folder.
    Folder(PathBuf),
}

/// Starts logging for the whole process. `filter` is a directive list like `info,fenta_daemon=debug`.
pub fn start(target: &LogTarget, filter: &str) -> io::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(io::Error::other)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .json()
        .flatten_event(true)
        .with_current_span(false);
    let started = match target {
        LogTarget::Stderr => builder.with_writer(io::stderr).try_init(),
        LogTarget::Folder(folder) => {
            let file = RotatingFile::open(folder, TURN_OVER_BYTES)?;
            builder.with_writer(file).try_init()
        }
    };
    started.map_err(io::Error::other)
}

/// A log file that makes room for itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RotatingFile {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl RotatingFile {
    /// Goes on with `<folder>/fentad.log`.
    pub fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = append_to(&folder.join("fentad.log"))?;
        let written = file.metadata()?.len();
        Ok(Self {
            inner: Arc::new(Mutex::new(Inner {
                folder: folder.to_owned(),
                file,
                written,
                limit,
            })),
        })
    }
}

impl Inner {
    fn turn_over(&mut self) -> io::Result<()> {
        let name = |index: usize| match index {
            0 => self.folder.join("fentad.log"),
            _ => self.folder.join(format!("fentad.log.{index}")),
        };
        for index in (0..KEPT).rev() {
            match fs::rename(name(index), name(index + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append_to(&name(0))?;
        self.written = 0;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.written > 0 && inner.written + line.len() as u64 > inner.limit {
            inner.turn_over()?;
        }
        inner.file.write_all(line)?;
        inner.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.flush()
    }
}

impl<'a> MakeWriter<'a> for RotatingFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, name: &str) -> Option<String> {
        fs::read_to_string(folder.join(name)).ok()
    }

    #[test]
    fn whole_lines_move_to_older_files_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RotatingFile::open(folder.path(), 10).unwrap();
        for line in [
            "one 5678\n",
            "two 5678\n",
            "three 78\n",
            "four 678\n",
            "five 678\n",
        ] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let at = |name| read(folder.path(), name);
        assert_eq!(at("fentad.log").unwrap(), "five 678\n");
        assert_eq!(at("fentad.log.1").unwrap(), "four 678\n");
        assert_eq!(at("fentad.log.3").unwrap(), "two 5678\n");
        assert_eq!(at("fentad.log.4"), None);
    }

    #[test]
    fn a_reopened_log_counts_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let mut log = RotatingFile::open(folder.path(), 10).unwrap();
            log.write_all(b"line 678\n").unwrap();
        }
        assert_eq!(read(folder.path(), "fentad.log").unwrap(), "line 678\n");
        assert!(read(folder.path(), "fentad.log.1").is_some());
    }

    #[test]
    fn a_line_longer_than_the_limit_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RotatingFile::open(folder.path(), 4).unwrap();
        log.write_all(b"much longer\n").unwrap();
        assert_eq!(read(folder.path(), "fentad.log").unwrap(), "much longer\n");
    }
}
