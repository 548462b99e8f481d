//! The user's files that need not be read again: path and stat on one side, digest on the other.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use fenta_workflows::digest::Digest;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};

/// A file changed this recently may change again within the same tick of the file system's clock.
const TOO_FRESH_MS: i64 = 2_000;

/// What the file system says about a file; unchanged means that its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp(String);

impl FileStamp {
    /// The stamp, or nothing when the file changed so recently that a stamp would prove nothing.
    pub fn of(metadata: &Metadata, now: Timestamp) -> Option<Self> {
        let newest = metadata.mtime().max(metadata.ctime());
        let age = now.as_millisecond() - newest.saturating_mul(1_000);
        (age >= TOO_FRESH_MS).then(|| {
            Self(format!(
                "{}:{}:{}:{}.{:09}:{}.{:09}",
                metadata.dev(),
                metadata.ino(),
                metadata.size(),
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ))
        })
    }
}

impl Store {
    /// The digest of a file whose stamp has not changed.
    pub async fn indexed_file(
        &self,
        path: &Path,
        stamp: &FileStamp,
    ) -> Result<Option<Digest>, StoreError> {
        let (path, stamp) = (path_text(path), stamp.clone());
        self.threads
            .read(move |connection| {
                let found: Option<String> = connection
                    .prepare_cached("SELECT digest FROM file_index WHERE path = ?1 AND stamp = ?2")?
                    .query_row([path, stamp.0], |row| row.get(0))
                    .optional()?;
                Ok(found.and_then(|text| text.parse().ok()))
            })
            .await
    }

    /// Remembers the digest of a file under its stamp.
    pub async fn index_file(
        &self,
        path: &Path,
        stamp: FileStamp,
        digest: Digest,
    ) -> Result<(), StoreError> {
        let path = path_text(path);
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO file_index (path, stamp, digest) VALUES (?1, ?2, ?3)
                         ON CONFLICT (path) DO UPDATE SET
                            stamp = excluded.stamp, digest = excluded.digest",
                    )?
                    .execute(params![path, stamp.0, digest.to_string()])?;
                Ok(())
            })
            .await
    }
}

/// A path as a key. Paths that are not UTF-8 share a key with their look-alikes, which the stamp (device and inode)
/// tells apart.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use fenta_workflows::digest::blob_digest;

    use super::*;
    use crate::store::testing;

    fn later(metadata: &Metadata, millis: i64) -> Timestamp {
        Timestamp::from_millisecond(metadata.mtime() * 1_000 + millis).unwrap()
    }

    #[test]
    fn a_fresh_file_has_no_stamp() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = file.path().metadata().unwrap();
        assert!(FileStamp::of(&metadata, later(&metadata, 1_999)).is_none());
        assert!(FileStamp::of(&metadata, later(&metadata, 2_000)).is_some());
    }

    #[tokio::test]
    async fn only_the_same_stamp_gives_the_digest() {
        let test = testing::open();
        let file = test.folder.path().join("clip.mp4");
        std::fs::write(&file, b"one").unwrap();
        let metadata = file.metadata().unwrap();
        let stamp = FileStamp::of(&metadata, later(&metadata, 9_000)).unwrap();
        let digest = blob_digest(b"one");
        test.store
            .index_file(&file, stamp.clone(), digest)
            .await
            .unwrap();
        let found = test.store.indexed_file(&file, &stamp).await.unwrap();
        assert_eq!(found, Some(digest));
        std::fs::write(&file, b"longer").unwrap();
        let metadata = file.metadata().unwrap();
        let changed = FileStamp::of(&metadata, later(&metadata, 9_000)).unwrap();
        assert_eq!(
            test.store.indexed_file(&file, &changed).await.unwrap(),
            None
        );
    }
}
