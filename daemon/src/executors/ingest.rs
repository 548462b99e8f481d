//! Taking one of the user's files into the CAS, reading it only when it may have changed.

use std::path::Path;

use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::Tools;
use super::failure::{blocking, failure, io_failure, store_failure};
use crate::store::FileStamp;

/// The digest of a file that is then a blob.
pub(super) async fn ingest(tools: &Tools, path: &Path) -> Result<Digest, WorkerFailure> {
    let stamp = stamp(tools, path)?;
    if let Some(stamp) = &stamp
        && let Some(digest) = indexed(tools, path, stamp).await?
    {
        return Ok(digest);
    }
    let (cas, file) = (tools.cas.clone(), path.to_owned());
    let digest = blocking("reading a file", move || {
        cas.put_file(&file)
            .map_err(|error| io_failure("read", &file, &error))
    })
    .await?;
    if self::stamp(tools, path)? != stamp {
        return Err(failure(
            FailureClass::Resource,
            format!("{} changed while it was read", path.display()),
            "wait until the file is complete and run it again",
        ));
    }
    if let Some(stamp) = stamp {
        tools
            .store
            .index_file(path, stamp, digest)
            .await
            .map_err(|error| store_failure(&error))?;
    }
    Ok(digest)
}

async fn indexed(
    tools: &Tools,
    path: &Path,
    stamp: &FileStamp,
) -> Result<Option<Digest>, WorkerFailure> {
    let known = tools
        .store
        .indexed_file(path, stamp)
        .await
        .map_err(|error| store_failure(&error))?;
    let Some(digest) = known else {
        return Ok(None);
    };
    let cas = tools.cas.clone();
    let there = blocking("looking for a blob", move || Ok(cas.contains(&digest))).await?;
    Ok(there.then_some(digest))
}

fn stamp(tools: &Tools, path: &Path) -> Result<Option<FileStamp>, WorkerFailure> {
    let metadata = path
        .metadata()
        .map_err(|error| io_failure("read", path, &error))?;
    Ok(FileStamp::of(&metadata, tools.clock.now()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::clock::testing::ManualClock;
    use crate::executors::testing;

    fn age(path: &Path) {
        let past = SystemTime::now() - Duration::from_secs(3600);
        let file = File::options().append(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(past)).unwrap();
    }

    #[tokio::test]
    async fn an_old_file_is_read_once_and_a_changed_one_again() {
        let mut test = testing::tools();
        // A clock far ahead makes every file old enough for the index.
        let clock = ManualClock::default();
        clock.advance(100 * 365 * 24 * 3_600_000);
        test.tools.clock = std::sync::Arc::new(clock);
        let file = test.folder.path().join("clip.mp4");
        fs::write(&file, b"one").unwrap();
        age(&file);
        let first = ingest(&test.tools, &file).await.unwrap();
        let stamp = stamp(&test.tools, &file).unwrap().unwrap();
        let index = test.tools.store.indexed_file(&file, &stamp).await.unwrap();
        assert_eq!(index, Some(first));
        assert_eq!(ingest(&test.tools, &file).await.unwrap(), first);
        fs::write(&file, b"two!").unwrap();
        let second = ingest(&test.tools, &file).await.unwrap();
        assert_eq!(second, fenta_workflows::digest::blob_digest(b"two!"));
    }

    #[tokio::test]
    async fn an_indexed_file_whose_blob_is_gone_is_read_again() {
        let mut test = testing::tools();
        let clock = ManualClock::default();
        clock.advance(100 * 365 * 24 * 3_600_000);
        test.tools.clock = std::sync::Arc::new(clock);
        let file = test.folder.path().join("clip.mp4");
        fs::write(&file, b"one").unwrap();
        let digest = ingest(&test.tools, &file).await.unwrap();
        fs::remove_file(test.tools.cas.path(&digest)).unwrap();
        assert_eq!(ingest(&test.tools, &file).await.unwrap(), digest);
        assert!(test.tools.cas.contains(&digest));
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let test = testing::tools();
        let failure = ingest(&test.tools, Path::new("/no/such.mp4"))
            .await
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Input);
        assert!(failure.message.contains("/no/such.mp4"));
    }
}
