//! Content-addressed storage: blobs under the name of what they hold, `<root>/ab/cdef…`.
//!
//! A blob appears by rename after its bytes are on disk, is never changed afterwards and is read-only. A blob that is
//! missing, cut short or altered is a miss, never an error: whoever needs it makes it again. The index of *actions*
//! lives in SQLite; this module knows bytes only.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fenta_workflows::digest::Digest;

/// Blobs up to this size are hashed when this process first meets them; larger ones whenever they are copied out.
/// So the usual no-op run of a short video checks every byte of it, and gigabytes of footage cost one `stat` each.
const HASHED_AT_FIRST_SIGHT: u64 = 8 << 20;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// What the file system said about a blob that was found whole; any change of it asks for a new look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seal {
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The store of blobs. Cheap to clone. Its calls block: run them on a blocking pool.
#[derive(Clone, Debug)]
pub struct Cas {
    root: Arc<Path>,
    temporary: Arc<Path>,
    sealed: Arc<Mutex<HashMap<Digest, Seal>>>,
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

    /// Whether the blob is there and whole. Damage found on the way is removed, so that the next `put` mends it.
    pub fn contains(&self, digest: &Digest) -> bool {
        let path = self.path(digest);
        let Ok(metadata) = fs::metadata(&path) else {
            return false;
        };
        if metadata.len() != digest.size {
            self.discard(digest, &path);
            return false;
        }
        if digest.size > HASHED_AT_FIRST_SIGHT || self.is_sealed(digest, &metadata) {
            return true;
        }
        self.verify(digest)
    }

    /// Reads every byte of the blob and compares; damage is removed.
    pub fn verify(&self, digest: &Digest) -> bool {
        let path = self.path(digest);
        match File::open(&path).and_then(hash_reader) {
            Ok(found) if found == *digest => {
                self.seal(digest, &path);
                true
            }
            Ok(_) => {
                self.discard(digest, &path);
                false
            }
            Err(_) => false,
        }
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
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o444))?;
        File::open(&temporary)?.sync_all()?;
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            sync_folder(&self.root)?;
        }
        temporary.persist(&path).map_err(|error| error.error)?;
        sync_folder(folder)?;
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

    fn discard(&self, digest: &Digest, path: &Path) {
        tracing::warn!(blob = %digest, "a damaged blob was removed from the store; it will be made again");
        self.seals().remove(digest);
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(blob = %digest, %error, "the damaged blob could not be removed");
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

    #[test]
    fn a_large_blob_is_hashed_when_it_is_copied_out() {
        let f = fixture();
        let bytes = vec![7; usize::try_from(HASHED_AT_FIRST_SIGHT).unwrap() + 1];
        let digest = f.cas.put_bytes(&bytes).unwrap();
        alter(&f.cas.path(&digest), |bytes| bytes[99] ^= 1);
        assert!(f.cas.contains(&digest), "its size is right");
        let mut target = tempfile::tempfile().unwrap();
        assert!(!f.cas.copy_out(&digest, &mut target).unwrap());
        assert!(!f.cas.contains(&digest), "the damage is gone");
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
