//! What the care of the cache does to blobs: count them, take them away, set damaged ones aside.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use fenta_workflows::digest::Digest;

use super::{Cas, Lease, Moment};

/// The folder of damaged blobs, among those of whole ones: blobs' folders have names of two characters.
const QUARANTINE: &str = "quarantine";

/// After a damaged blob was made again, the damaged one has this behind its name.
const MENDED: &str = "mended";

/// A blob that lies in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its name, and the size its file really has.
    pub digest: Digest,
    /// When it came, milliseconds since 1970.
    pub came_ms: i64,
}

/// What became of a blob that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// It is gone.
    Gone,
    /// It was not there.
    Absent,
    /// An active job needs it.
    Held,
}

/// Bytes and files of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// Bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

impl Cas {
    /// Keeps every blob that is asked for or made while the lease lives.
    pub fn lease(&self) -> Lease {
        self.leases.begin()
    }

    /// A blob whose name somebody was just given is kept by their lease.
    pub fn keep(&self, digest: &Digest) {
        self.leases.note(digest);
    }

    /// Whether an active job needs a blob.
    pub fn is_held(&self, digest: &Digest) -> bool {
        self.leases.holds(digest)
    }

    /// Now, in the order of what is asked for.
    pub fn moment(&self) -> Moment {
        self.leases.moment()
    }

    /// The bytes of all blobs; none before the first [`Cas::census`].
    pub fn used(&self) -> Option<u64> {
        let bytes = self.used.load(Ordering::Relaxed);
        u64::try_from(bytes).ok()
    }

    /// Every blob there is, in the order of names.
    pub fn census(&self) -> io::Result<Vec<StoredBlob>> {
        let mut blobs = Vec::new();
        for folder in fs::read_dir(&self.root)? {
            let folder = folder?;
            let name = folder.file_name();
            let Some(name) = name.to_str().filter(|name| name.len() == 2) else {
                continue;
            };
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                // What is taken away meanwhile is not there; what nobody here made is no blob.
                let Ok(metadata) = file.metadata() else {
                    continue;
                };
                let found = file.file_name().to_str().and_then(|rest| {
                    format!("{name}{rest}/{}", metadata.len())
                        .parse::<Digest>()
                        .ok()
                });
                if let Some(digest) = found.filter(|_| metadata.is_file()) {
                    let came_ms = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
                    blobs.push(StoredBlob { digest, came_ms });
                }
            }
        }
        blobs.sort_by_key(|blob| blob.digest);
        let bytes: u64 = blobs.iter().map(|blob| blob.digest.size).sum();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.used.store(bytes, Ordering::Relaxed);
        Ok(blobs)
    }

    /// Takes a blob away, unless an active job needs it or somebody has asked for it since `decided`.
    pub fn evict(&self, digest: &Digest, decided: Moment) -> io::Result<Eviction> {
        let path = self.path(digest);
        // Out of the way by one rename; a crash leaves the rest in the folder that is emptied at every start.
        let away = self.temporary.join(format!("evicted-{}", digest.hex()));
        let moved = self.leases.unless_held(digest, decided, || {
            self.seals().remove(digest);
            fs::rename(&path, &away)
        });
        match moved {
            None => Ok(Eviction::Held),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Eviction::Absent),
            Some(Err(error)) => Err(error),
            Some(Ok(())) => {
                crate::failpoint::reach("blobs: after one is out of the way");
                self.count(-i128::from(digest.size));
                fs::remove_file(away)?;
                Ok(Eviction::Gone)
            }
        }
    }

    /// Whether the last blob of this name was damaged and has not been made again.
    pub fn is_quarantined(&self, digest: &Digest) -> bool {
        self.quarantined(digest).exists()
    }

    /// The folder of damaged blobs.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join(QUARANTINE)
    }

    /// What lies in quarantine.
    pub fn quarantine_size(&self) -> Heap {
        heap(&self.quarantine())
    }

    /// What lies among the unfinished.
    pub fn scratch_size(&self) -> Heap {
        heap(&self.temporary)
    }

    /// Throws away damaged blobs that have been there for this long.
    pub fn empty_quarantine(&self, age: Duration) -> Heap {
        let mut gone = Heap::default();
        let Ok(entries) = fs::read_dir(self.quarantine()) else {
            return gone;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            // The rename into quarantine is the last change of its inode.
            let came = SystemTime::UNIX_EPOCH
                + Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or(0));
            let old = came.elapsed().is_ok_and(|lain| lain >= age);
            if old && fs::remove_file(entry.path()).is_ok() {
                gone.bytes += metadata.len();
                gone.files += 1;
            }
        }
        gone
    }

    /// Sets a damaged blob aside, so that the next `put` mends it and somebody can look at what happened to it.
    pub(super) fn discard(&self, digest: &Digest, path: &Path) {
        self.seals().remove(digest);
        let size = fs::symlink_metadata(path).map_or(0, |metadata| metadata.len());
        let aside = self.quarantined(digest);
        let moved = fs::create_dir_all(self.quarantine()).and_then(|()| fs::rename(path, &aside));
        self.count(-i128::from(size));
        match moved {
            Ok(()) => tracing::warn!(
                blob = %digest,
                found_bytes = size,
                quarantine = %aside.display(),
                "a damaged blob was taken out of the store; it will be made again"
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(blob = %digest, %error, "a damaged blob could not be set aside");
                if let Err(error) = fs::remove_file(path) {
                    tracing::warn!(blob = %digest, %error, "nor could it be removed");
                }
            }
        }
    }

    /// A whole blob of this name is there again.
    pub(super) fn mended(&self, digest: &Digest) {
        let aside = self.quarantined(digest);
        if let Err(error) = fs::rename(&aside, aside.with_extension(MENDED))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(blob = %digest, %error, "the quarantine could not be told");
        }
    }

    pub(super) fn count(&self, change: i128) {
        let change = i64::try_from(change).unwrap_or(0);
        // Below zero nothing has been counted yet.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used >= 0).then(|| used.saturating_add(change).max(0))
            });
    }

    fn quarantined(&self, digest: &Digest) -> PathBuf {
        self.quarantine().join(digest.hex())
    }
}

fn heap(folder: &Path) -> Heap {
    let mut sum = Heap::default();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => {
                    sum.bytes += metadata.len();
                    sum.files += 1;
                }
                Err(_) => {}
            }
        }
    }
    sum
}
