//! Content-addressed storage: blobs under the name of what they hold, `<root>/ab/cdef…`.
//!
//! A blob appears by rename after its bytes are on disk, is never changed afterwards and is read-only. A blob that is
//! missing, cut short or altered is a miss, never an error: whoever needs it makes it again. The index of *actions*
//! lives in SQLite; this module knows bytes only. `leases` knows who needs which blobs, `care` counts them and takes
//! them away.

mod care;
mod leases;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fenta_workflows::digest::Digest;

use crate::failpoint;

pub use care::{Eviction, Heap, StoredBlob};
pub use leases::{Lease, Moment};

/// Blobs up to this size are hashed when this process first meets them. Of larger ones every [`SAMPLED`]th is, those
/// whose file was changed since it was written, and all that are copied out. So the usual no-op run of a short video
/// checks every byte of it, and gigabytes of footage cost one `stat` each.
const HASHED_AT_FIRST_SIGHT: u64 = 8 << 20;

/// One in so many large blobs is hashed at first sight.
const SAMPLED: u64 = 8;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// What the file system said about a blob that was found whole; any change of it asks for a new look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seal {
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// How a blob is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// It is there.
    Whole,
    /// There is none.
    Missing,
    /// It was cut short or altered, now or before; it is in quarantine.
    Damaged,
}

/// The store of blobs. Cheap to clone. Its calls block: run them on a blocking pool.
#[derive(Clone, Debug)]
pub struct Cas {
    root: Arc<Path>,
    temporary: Arc<Path>,
    sealed: Arc<Mutex<HashMap<Digest, Seal>>>,
    leases: leases::Leases,
    /// Bytes of all blobs; negative before they were counted.
    used: Arc<AtomicI64>,
    /// Large blobs met, for taking samples.
    met: Arc<AtomicU64>,
}

impl Cas {
    /// Uses `root` for blobs and `temporary` (on the same file system) for what is not a blob yet.
    pub fn open(root: &Path, temporary: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        fs::create_dir_all(temporary)?;
        Ok(Self {
            root: root.into(),
            temporary: temporary.into(),
            sealed: Arc::default(),
            leases: leases::Leases::default(),
            used: Arc::new(AtomicI64::new(-1)),
            met: Arc::default(),
        })
    }

    /// The folder of all blobs.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob lies, whether it is there or not.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join(&hex[..2]).join(&hex[2..])
    }

    /// Whether the blob is there and whole. Damage found on the way is set aside, so that the next `put` mends it.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.look(digest) == BlobState::Whole
    }

    /// How the blob is found. Damage found on the way is set aside.
    pub fn look(&self, digest: &Digest) -> BlobState {
        self.leases.note(digest);
        let path = self.path(digest);
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            return self.absent(digest);
        };
        if !metadata.is_file() || metadata.len() != digest.size {
            self.discard(digest, &path);
            return BlobState::Damaged;
        }
        if self.is_sealed(digest, &metadata) {
            return BlobState::Whole;
        }
        let unchanged = metadata.modified().is_ok_and(|time| time == mark(digest));
        if digest.size > HASHED_AT_FIRST_SIGHT && unchanged && !self.is_sample() {
            self.seal(digest, &path);
            return BlobState::Whole;
        }
        self.read(digest)
    }

    /// Reads every byte of the blob and compares; damage is set aside.
    pub fn verify(&self, digest: &Digest) -> bool {
        self.read(digest) == BlobState::Whole
    }

    fn read(&self, digest: &Digest) -> BlobState {
        let path = self.path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.absent(digest),
            Err(error) => {
                tracing::warn!(blob = %digest, %error, "a blob could not be opened");
                return BlobState::Missing;
            }
        };
        let found = hash_reader(&file);
        match found {
            Ok(found) if found == *digest => {
                // A store of an earlier version, or one that was copied without times, is marked as it is read.
                if file
                    .metadata()
                    .and_then(|metadata| metadata.modified())
                    .is_ok_and(|time| time != mark(digest))
                {
                    let _ = file.set_modified(mark(digest));
                }
                self.seal(digest, &path);
                BlobState::Whole
            }
            // A disk that cannot read a file back has damaged it.
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => BlobState::Missing,
            Ok(_) | Err(_) => {
                self.discard(digest, &path);
                BlobState::Damaged
            }
        }
    }

    fn absent(&self, digest: &Digest) -> BlobState {
        if self.is_quarantined(digest) {
            BlobState::Damaged
        } else {
            BlobState::Missing
        }
    }

    /// Whether it is the turn of a large blob to be read.
    fn is_sample(&self) -> bool {
        self.met
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SAMPLED)
    }

    /// Keeps bytes.
    pub fn put_bytes(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = fenta_workflows::digest::blob_digest(bytes);
        if self.contains(&digest) {
            return Ok(digest);
        }
        let mut temporary = self.temporary_file()?;
        temporary.write_all(bytes)?;
        self.install(temporary.into_temp_path(), &digest)?;
        Ok(digest)
    }

    /// Keeps a copy of somebody's file, which may change afterwards; the digest is that of the copy.
    pub fn put_file(&self, source: &Path) -> io::Result<Digest> {
        let temporary = self.temporary_file()?.into_temp_path();
        // `fs::copy` shares blocks where the file system can.
        fs::copy(source, &temporary)?;
        let digest = hash_reader(File::open(&temporary)?)?;
        if !self.contains(&digest) {
            self.install(temporary, &digest)?;
        }
        Ok(digest)
    }

    /// Takes over a file that nobody else writes (a worker's output on the same file system) without copying it.
    pub fn adopt_file(&self, source: &Path) -> io::Result<Digest> {
        let digest = hash_reader(File::open(source)?)?;
        if self.contains(&digest) {
            fs::remove_file(source)?;
        } else {
            self.install(tempfile::TempPath::try_from_path(source)?, &digest)?;
        }
        Ok(digest)
    }

    /// Copies a blob to `target`, hashing on the way; false when the blob is not there or not whole.
    pub fn copy_out(&self, digest: &Digest, target: &mut File) -> io::Result<bool> {
        self.leases.note(digest);
        let path = self.path(digest);
        let Ok(mut source) = File::open(&path) else {
            return Ok(false);
        };
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; CHUNK];
        let mut size = 0u64;
        loop {
            let count = source.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            target.write_all(&buffer[..count])?;
            size += count as u64;
        }
        let whole = size == digest.size && *hasher.finalize().as_bytes() == digest.hash;
        if !whole {
            self.discard(digest, &path);
        }
        Ok(whole)
    }

    fn temporary_file(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new()
            .prefix("blob-")
            .tempfile_in(&self.temporary)
    }

    /// Bytes to disk, then the name, then the folder: after a power cut the name never points at less.
    fn install(&self, temporary: tempfile::TempPath, digest: &Digest) -> io::Result<()> {
        self.leases.note(digest);
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o444))?;
        let file = File::open(&temporary)?;
        file.set_modified(mark(digest))?;
        failpoint::reach("blobs: before the bytes are on disk");
        file.sync_all()?;
        failpoint::reach("blobs: after the bytes are on disk");
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            sync_folder(&self.root)?;
            failpoint::reach("blobs: after a folder is made");
        }
        temporary.persist(&path).map_err(|error| error.error)?;
        failpoint::reach("blobs: after the name is there");
        sync_folder(folder)?;
        failpoint::reach("blobs: after the name is on disk");
        self.count(i128::from(digest.size));
        self.mended(digest);
        self.seal(digest, &path);
        Ok(())
    }

    fn is_sealed(&self, digest: &Digest, metadata: &fs::Metadata) -> bool {
        self.seals().get(digest) == Some(&Seal::of(metadata))
    }

    fn seal(&self, digest: &Digest, path: &Path) {
        if let Ok(metadata) = fs::metadata(path) {
            self.seals().insert(*digest, Seal::of(&metadata));
        }
    }

    fn seals(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Seal>> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seal {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The time a blob's file is given: it follows from its name, so whoever writes to the file gives it away. Times within
/// fifteen years from September 2001, whole seconds, which every file system keeps.
fn mark(digest: &Digest) -> SystemTime {
    let [a, b, c, d, ..] = digest.hash;
    let seconds = u64::from(u32::from_le_bytes([a, b, c, d])) % 500_000_000;
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

/// The digest of everything a reader gives.
pub fn hash_reader(mut reader: impl Read) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0u64;
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok(Digest {
                hash: *hasher.finalize().as_bytes(),
                size,
            });
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        cas: Cas,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(&folder.path().join("cas"), &folder.path().join("tmp")).unwrap();
        Fixture { folder, cas }
    }

    fn reopened(fixture: &Fixture) -> Cas {
        Cas::open(
            &fixture.folder.path().join("cas"),
            &fixture.folder.path().join("tmp"),
        )
        .unwrap()
    }

    fn alter(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn temporaries(fixture: &Fixture) -> usize {
        fs::read_dir(fixture.folder.path().join("tmp"))
            .unwrap()
            .count()
    }

    #[test]
    fn bytes_come_back_under_their_hash_and_read_only() {
        let f = fixture();
        let digest = f.cas.put_bytes(b"hello").unwrap();
        assert_eq!(digest, fenta_workflows::digest::blob_digest(b"hello"));
        assert_eq!(fs::read(f.cas.path(&digest)).unwrap(), b"hello");
        let mode = fs::metadata(f.cas.path(&digest)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o444);
        assert!(f.cas.contains(&digest));
        assert_eq!(temporaries(&f), 0);
    }

    #[test]
    fn a_copied_file_and_an_adopted_file_are_the_same_blob() {
        let f = fixture();
        let mine = f.folder.path().join("mine.txt");
        fs::write(&mine, b"the same").unwrap();
        let copied = f.cas.put_file(&mine).unwrap();
        assert!(mine.exists(), "the user's file stays");
        let output = f.folder.path().join("tmp/out.bin");
        fs::write(&output, b"the same").unwrap();
        let adopted = f.cas.adopt_file(&output).unwrap();
        assert!(!output.exists(), "the worker's file is taken over");
        assert_eq!(copied, adopted);
        assert_eq!(temporaries(&f), 0);
    }

    #[test]
    fn a_changed_source_does_not_change_the_blob() {
        let f = fixture();
        let mine = f.folder.path().join("mine.txt");
        fs::write(&mine, b"before").unwrap();
        let digest = f.cas.put_file(&mine).unwrap();
        fs::write(&mine, b"after!").unwrap();
        assert_eq!(fs::read(f.cas.path(&digest)).unwrap(), b"before");
    }

    #[test]
    fn a_truncated_blob_is_a_miss_and_is_mended_by_the_next_put() {
        let f = fixture();
        let digest = f.cas.put_bytes(b"0123456789").unwrap();
        alter(&f.cas.path(&digest), |bytes| bytes.truncate(4));
        assert!(!f.cas.contains(&digest));
        assert!(!f.cas.path(&digest).exists(), "damage does not stay");
        f.cas.put_bytes(b"0123456789").unwrap();
        assert!(f.cas.contains(&digest));
    }

    #[test]
    fn a_flipped_bit_is_found_by_this_process_and_by_the_next() {
        let f = fixture();
        for reopen in [false, true] {
            let digest = f.cas.put_bytes(b"0123456789").unwrap();
            alter(&f.cas.path(&digest), |bytes| bytes[3] ^= 1);
            let cas = if reopen { reopened(&f) } else { f.cas.clone() };
            assert!(!cas.contains(&digest), "reopen: {reopen}");
        }
    }

    /// A large blob in a store that has taken its sample already.
    fn large(f: &Fixture, fill: u8) -> Digest {
        f.cas.met.store(1, Ordering::Relaxed);
        let bytes = vec![fill; usize::try_from(HASHED_AT_FIRST_SIGHT).unwrap() + 1];
        f.cas.put_bytes(&bytes).unwrap()
    }

    /// Changes a byte as a failing disk does: no time tells of it.
    fn decay(f: &Fixture, digest: &Digest) {
        alter(&f.cas.path(digest), |bytes| bytes[99] ^= 1);
        let file = File::options()
            .append(true)
            .open(f.cas.path(digest))
            .unwrap();
        file.set_modified(mark(digest)).unwrap();
        f.cas.seals().clear();
    }

    #[test]
    fn a_large_blob_that_somebody_wrote_to_is_found_out_at_once() {
        let f = fixture();
        let digest = large(&f, 7);
        alter(&f.cas.path(&digest), |bytes| bytes[99] ^= 1);
        assert_eq!(f.cas.look(&digest), BlobState::Damaged);
    }

    #[test]
    fn a_large_blob_that_decayed_is_found_when_it_is_copied_out_or_sampled() {
        let f = fixture();
        let digest = large(&f, 7);
        decay(&f, &digest);
        assert!(f.cas.contains(&digest), "its size and time are right");
        let mut target = tempfile::tempfile().unwrap();
        assert!(!f.cas.copy_out(&digest, &mut target).unwrap());
        assert_eq!(f.cas.look(&digest), BlobState::Damaged);

        let digest = large(&f, 8);
        decay(&f, &digest);
        f.cas.met.store(SAMPLED, Ordering::Relaxed);
        assert!(!f.cas.contains(&digest));
    }

    #[test]
    fn damage_is_set_aside_and_told_until_the_blob_is_made_again() {
        let f = fixture();
        let digest = f.cas.put_bytes(b"0123456789").unwrap();
        alter(&f.cas.path(&digest), |bytes| bytes[3] ^= 1);
        assert_eq!(f.cas.look(&digest), BlobState::Damaged);
        let aside = f.cas.quarantine().join(digest.hex());
        assert_eq!(fs::read(&aside).unwrap(), b"0122456789");
        let next = reopened(&f);
        assert_eq!(next.look(&digest), BlobState::Damaged, "another process");
        next.put_bytes(b"0123456789").unwrap();
        assert_eq!(next.look(&digest), BlobState::Whole);
        assert!(!aside.exists() && aside.with_extension("mended").exists());
        fs::remove_file(next.path(&digest)).unwrap();
        assert_eq!(next.look(&digest), BlobState::Missing);
        assert_eq!(next.empty_quarantine(Duration::from_secs(60)).files, 0);
        assert_eq!(next.empty_quarantine(Duration::ZERO).files, 1);
    }

    #[test]
    fn blobs_are_counted_and_taken_away_unless_a_job_needs_them() {
        let f = fixture();
        assert_eq!(f.cas.used(), None, "nobody has counted");
        let kept = f.cas.put_bytes(b"kept").unwrap();
        assert_eq!(f.cas.census().unwrap().len(), 1);
        let gone = f.cas.put_bytes(b"gone!").unwrap();
        assert_eq!(f.cas.used(), Some(9));
        let job = f.cas.lease();
        assert!(f.cas.contains(&kept));
        let now = f.cas.moment();
        assert_eq!(f.cas.evict(&kept, now).unwrap(), Eviction::Held);
        assert_eq!(f.cas.evict(&gone, now).unwrap(), Eviction::Gone);
        assert_eq!(f.cas.evict(&gone, now).unwrap(), Eviction::Absent);
        assert_eq!(f.cas.used(), Some(4));
        drop(job);
        assert_eq!(f.cas.evict(&kept, f.cas.moment()).unwrap(), Eviction::Gone);
        assert!(!f.cas.contains(&kept));
        assert_eq!(f.cas.census().unwrap(), []);
        assert_eq!(temporaries(&f), 0);
    }

    #[test]
    fn copying_out_gives_the_bytes_or_says_that_they_are_gone() {
        let f = fixture();
        let digest = f.cas.put_bytes(b"abc").unwrap();
        let target = f.folder.path().join("t");
        assert!(
            f.cas
                .copy_out(&digest, &mut File::create(&target).unwrap())
                .unwrap()
        );
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        fs::remove_file(f.cas.path(&digest)).unwrap();
        assert!(
            !f.cas
                .copy_out(&digest, &mut File::create(&target).unwrap())
                .unwrap()
        );
    }

    #[test]
    fn many_writers_of_one_blob_agree() {
        let f = fixture();
        let bytes = vec![42; 1 << 20];
        let digests: Vec<Digest> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| f.cas.put_bytes(&bytes).unwrap()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(reopened(&f).verify(&digests[0]));
        assert_eq!(temporaries(&f), 0);
    }
}
