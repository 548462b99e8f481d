//! `Publish`: puts blobs where the user wants them, each by a temporary file beside the target and a rename, so that
//! a player or an uploader never sees half a video. A target that already holds the right bytes is left alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use fenta_workflows::action::{
    ActionFacts, ActionResult, Overwrite, PublishItem, PublishRequest, PublishedFile,
};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::Tools;
use super::failure::{blob_gone, blocking, failure, io_failure, store_failure};
use crate::failpoint;
use crate::store::cas::{Cas, hash_reader, sync_folder};
use crate::store::{FileStamp, Store, StoreError};

/// Numbers tried for a place that is free.
const MOST_NUMBERS: u32 = 999;

pub(super) async fn run(
    tools: &Tools,
    request: &PublishRequest,
) -> Result<ActionResult, WorkerFailure> {
    let items = free_places(tools, request).await?;
    let mut published = Vec::with_capacity(items.len());
    for item in &items {
        published.push(publish(tools, item).await?);
    }
    Ok(ActionResult {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Published(published),
    })
}

/// The result, when every file is in its place already; nothing is written.
pub(super) async fn in_place(
    tools: &Tools,
    request: &PublishRequest,
) -> Result<Option<ActionResult>, WorkerFailure> {
    // A place that is taken is the run's affair: it says so when it gets there.
    let Ok(items) = free_places(tools, request).await else {
        return Ok(None);
    };
    let mut published = Vec::with_capacity(items.len());
    for item in &items {
        if !already_there(tools, Path::new(&item.to), &item.source).await? {
            return Ok(None);
        }
        published.push(PublishedFile {
            path: item.to.clone(),
            digest: item.source,
            written: false,
        });
    }
    Ok(Some(ActionResult {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Published(published),
    }))
}

/// The items with the places they go to: as they are, or under the first number that is free for all of them.
async fn free_places(
    tools: &Tools,
    request: &PublishRequest,
) -> Result<Vec<PublishItem>, WorkerFailure> {
    if request.overwrite == Overwrite::Replace {
        return Ok(request.items.clone());
    }
    for number in 1..=MOST_NUMBERS {
        let items: Vec<PublishItem> = request
            .items
            .iter()
            .map(|item| PublishItem {
                source: item.source,
                to: numbered(&item.to, number),
            })
            .collect();
        match taken(tools, &items).await? {
            None => return Ok(items),
            Some(place) if request.overwrite == Overwrite::Fail => {
                return Err(failure(
                    FailureClass::Input,
                    format!("{place} is there already, with other content"),
                    "move it away, or write `overwrite: suffix` or `replace`",
                ));
            }
            Some(_) => {}
        }
    }
    Err(failure(
        FailureClass::Limit,
        format!("{MOST_NUMBERS} files of this name are there already"),
        "clear the folder, or choose another name",
    ))
}

/// The first place that holds something else.
async fn taken<'a>(
    tools: &Tools,
    items: &'a [PublishItem],
) -> Result<Option<&'a str>, WorkerFailure> {
    for item in items {
        let target = Path::new(&item.to);
        let free = fs::symlink_metadata(target)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !free && !already_there(tools, target, &item.source).await? {
            return Ok(Some(&item.to));
        }
    }
    Ok(None)
}

/// The path with a number before its ending; the first has none.
fn numbered(path: &str, number: u32) -> String {
    if number == 1 {
        return path.to_owned();
    }
    let name_at = path.rfind('/').map_or(0, |at| at + 1);
    match path[name_at..].rfind('.') {
        Some(dot) if dot > 0 => {
            let (stem, ending) = path.split_at(name_at + dot);
            format!("{stem}-{number}{ending}")
        }
        _ => format!("{path}-{number}"),
    }
}

async fn publish(tools: &Tools, item: &PublishItem) -> Result<PublishedFile, WorkerFailure> {
    let target = Path::new(&item.to);
    if !target.is_absolute() {
        return Err(failure(
            FailureClass::Internal,
            format!("`{}` is not an absolute path", item.to),
            "",
        ));
    }
    let in_place = already_there(tools, target, &item.source).await?;
    if !in_place {
        let folder = target.parent().unwrap_or(Path::new("/"));
        let noted = tools.store.note_publish_folder(folder).await;
        noted.map_err(|error| store_failure(&error))?;
        // A watch that sees the file must know it for a result, so this comes before the file does.
        let content = item.source.hex();
        let known = tools.store.note_published(&content, &item.to);
        known.await.map_err(|error| store_failure(&error))?;
        let (cas, source, to) = (tools.cas.clone(), item.source, item.to.clone());
        blocking("publishing a file", move || {
            put_in_place(&cas, &source, Path::new(&to))
        })
        .await?;
    }
    Ok(PublishedFile {
        path: item.to.clone(),
        digest: item.source,
        written: !in_place,
    })
}

/// Whether the target already holds the blob's bytes; an unchanged target is read only once.
async fn already_there(
    tools: &Tools,
    target: &Path,
    source: &Digest,
) -> Result<bool, WorkerFailure> {
    let Ok(metadata) = fs::symlink_metadata(target) else {
        return Ok(false);
    };
    if metadata.is_dir() {
        return Err(failure(
            FailureClass::Input,
            format!("{} is a folder, the result is a file", target.display()),
            "give the result another name",
        ));
    }
    if !metadata.is_file() || metadata.len() != source.size {
        return Ok(false);
    }
    let stamp = FileStamp::of(&metadata, tools.clock.now());
    if let Some(stamp) = &stamp {
        let known = tools.store.indexed_file(target, stamp).await;
        if let Some(digest) = known.map_err(|error| store_failure(&error))? {
            return Ok(digest == *source);
        }
    }
    let path = target.to_owned();
    let found = blocking("reading a result", move || {
        // A target that cannot be read is simply replaced.
        Ok(File::open(path).and_then(hash_reader).ok())
    })
    .await?;
    if let (Some(digest), Some(stamp)) = (found, stamp) {
        let indexed = tools.store.index_file(target, stamp, digest).await;
        indexed.map_err(|error| store_failure(&error))?;
    }
    Ok(found == Some(*source))
}

fn put_in_place(cas: &Cas, source: &Digest, target: &Path) -> Result<(), WorkerFailure> {
    let refused = |error: io::Error| io_failure("write", target, &error);
    let folder = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|error| io_failure("make the folder", folder, &error))?;
    sweep(folder);
    let mut temporary = tempfile::Builder::new()
        .prefix(&format!("{PARTIAL}{}-", std::process::id()))
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(refused)?;
    if !cas
        .copy_out(source, temporary.as_file_mut())
        .map_err(refused)?
    {
        return Err(blob_gone(source));
    }
    failpoint::reach("publish: half a file beside its place");
    let file = temporary.as_file();
    file.set_permissions(fs::Permissions::from_mode(0o644))
        .and_then(|()| file.sync_all())
        .map_err(refused)?;
    failpoint::reach("publish: a whole file beside its place");
    temporary
        .persist(target)
        .map_err(|error| refused(error.error))?;
    failpoint::reach("publish: the file is in its place");
    sync_folder(folder).map_err(refused)
}

/// How the names of files begin that are not whole yet; the number of the process that writes them follows.
const PARTIAL: &str = ".fenta-";

/// For whoever waits until folders are cleared up: a folder of another machine may not answer at all.
const SWEEPING: Duration = Duration::from_secs(2);

/// Removes what an earlier run of the daemon left half written, in all the folders it wrote to.
pub(crate) async fn sweep_all(store: &Store) -> Result<(), StoreError> {
    let folders = store.publish_folders().await?;
    if folders.is_empty() {
        return Ok(());
    }
    let sweeping =
        tokio::task::spawn_blocking(move || folders.iter().for_each(|folder| sweep(folder)));
    match tokio::time::timeout(SWEEPING, sweeping).await {
        Ok(_) => store.forget_publish_folders().await,
        Err(_) => {
            tracing::warn!("a folder of results does not answer; it is cleared up another time");
            Ok(())
        }
    }
}

/// Removes what a daemon that was killed left half written in a folder.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let writer = name
            .to_str()
            .filter(|name| name.ends_with(".partial"))
            .and_then(|name| name.strip_prefix(PARTIAL)?.split_once('-')?.0.parse().ok())
            .and_then(Pid::from_raw);
        // Somebody else's process of the same number only means that the file stays until the next time.
        if let Some(writer) = writer
            && test_kill_process(writer) == Err(Errno::SRCH)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "half a file cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::testing::{self, TestTools};

    async fn publish_to(test: &TestTools, blob: &[u8], to: &Path) -> Result<bool, WorkerFailure> {
        let source = test.tools.cas.put_bytes(blob).unwrap();
        let request = PublishRequest {
            items: vec![PublishItem {
                source,
                to: to.to_string_lossy().into_owned(),
            }],
            overwrite: Overwrite::Replace,
        };
        let result = run(&test.tools, &request).await?;
        match result.facts {
            ActionFacts::Published(files) => Ok(files[0].written),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_next_run_clears_up_where_the_last_one_wrote() {
        let test = testing::tools();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let gone = dead.id();
        dead.wait().unwrap();
        let results = test.folder.path().join("results");
        publish_to(&test, b"video", &results.join("a.mp4"))
            .await
            .unwrap();
        let half = results.join(format!(".fenta-{gone}-abc.partial"));
        fs::write(&half, "half").unwrap();
        sweep_all(&test.tools.store).await.unwrap();
        assert!(!half.exists() && results.join("a.mp4").exists());
        assert!(test.tools.store.publish_folders().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_a_killed_daemon_left_half_written_goes() {
        let test = testing::tools();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let (gone, alive) = (dead.id(), std::process::id());
        dead.wait().unwrap();
        let names = [
            format!(".fenta-{gone}-abc.partial"),
            format!(".fenta-{alive}-abc.partial"),
            ".fenta-notes".to_owned(),
            "mine.partial".to_owned(),
        ];
        for name in &names {
            fs::write(test.folder.path().join(name), "half").unwrap();
        }
        let target = test.folder.path().join("a.mp4");
        publish_to(&test, b"video", &target).await.unwrap();
        let left = names.map(|name| test.folder.path().join(name).exists());
        assert_eq!(left, [false, true, true, true]);
    }

    #[tokio::test]
    async fn a_result_is_written_once_and_put_back_when_it_changed() {
        let test = testing::tools();
        let target = test.folder.path().join("out/deep/a.mp4");
        assert!(publish_to(&test, b"video", &target).await.unwrap());
        assert!(!publish_to(&test, b"video", &target).await.unwrap());
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        for change in [Some(&b"vide0"[..]), Some(b"longer than it was"), None] {
            match change {
                Some(bytes) => fs::write(&target, bytes).unwrap(),
                None => fs::remove_file(&target).unwrap(),
            }
            assert!(publish_to(&test, b"video", &target).await.unwrap());
            assert_eq!(fs::read(&target).unwrap(), b"video");
        }
        let left: Vec<_> = fs::read_dir(target.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    /// Publishes a film and its subtitles as `look`; the places they got.
    async fn publish_pair(
        test: &TestTools,
        film: &[u8],
        overwrite: Overwrite,
    ) -> Result<Vec<String>, WorkerFailure> {
        let item = |blob: &[u8], name: &str| PublishItem {
            source: test.tools.cas.put_bytes(blob).unwrap(),
            to: test.folder.path().join(name).to_string_lossy().into_owned(),
        };
        let request = PublishRequest {
            items: vec![item(film, "v1.0/look.mp4"), item(b"srt", "v1.0/look.srt")],
            overwrite,
        };
        match run(&test.tools, &request).await?.facts {
            ActionFacts::Published(files) => Ok(files
                .into_iter()
                .map(|file| file.path.rsplit('/').next().unwrap().to_owned())
                .collect()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn numbers_are_given_to_all_files_together_and_only_when_the_content_differs() {
        let test = testing::tools();
        for (film, places) in [
            (b"one", ["look.mp4", "look.srt"]),
            (b"two", ["look-2.mp4", "look-2.srt"]),
            (b"one", ["look.mp4", "look.srt"]),
            (b"two", ["look-2.mp4", "look-2.srt"]),
        ] {
            let got = publish_pair(&test, film, Overwrite::Suffix).await.unwrap();
            assert_eq!(got, places);
        }
        let error = publish_pair(&test, b"new", Overwrite::Fail)
            .await
            .unwrap_err();
        assert_eq!(error.class, FailureClass::Input);
        assert!(
            error.message.contains("look.mp4 is there already"),
            "{error:?}"
        );
        let same = publish_pair(&test, b"one", Overwrite::Fail).await.unwrap();
        assert_eq!(same[0], "look.mp4");
    }

    #[test]
    fn numbers_stand_before_the_ending() {
        assert_eq!(numbered("/a.b/look.mp4", 2), "/a.b/look-2.mp4");
        assert_eq!(numbered("/a.b/look", 12), "/a.b/look-12");
        assert_eq!(numbered("/a.b/.look", 3), "/a.b/.look-3");
    }

    #[tokio::test]
    async fn a_link_is_replaced_and_what_it_points_to_is_not_touched() {
        let test = testing::tools();
        let precious = test.folder.path().join("precious");
        fs::write(&precious, b"video").unwrap();
        let target = test.folder.path().join("a.mp4");
        std::os::unix::fs::symlink(&precious, &target).unwrap();
        assert!(publish_to(&test, b"other", &target).await.unwrap());
        assert_eq!(fs::read(&precious).unwrap(), b"video");
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
    }

    #[tokio::test]
    async fn places_that_do_not_work_are_named() {
        let test = testing::tools();
        let folder = test.folder.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let error = publish_to(&test, b"v", &folder).await.unwrap_err();
        assert!(error.message.contains("is a folder"), "{error:?}");
        let file = test.folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let below = publish_to(&test, b"v", &file.join("a.mp4")).await;
        assert_eq!(below.unwrap_err().class, FailureClass::Input);
    }

    #[tokio::test]
    async fn a_blob_that_is_gone_or_damaged_never_reaches_the_target() {
        let test = testing::tools();
        let target = test.folder.path().join("a.mp4");
        let source = test.tools.cas.put_bytes(b"video").unwrap();
        let path = test.tools.cas.path(&source);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"vide0").unwrap();
        let request = PublishRequest {
            items: vec![PublishItem {
                source,
                to: target.to_string_lossy().into_owned(),
            }],
            overwrite: Overwrite::Replace,
        };
        let failure = run(&test.tools, &request).await.unwrap_err();
        assert!(failure.message.contains(&source.short()), "{failure:?}");
        assert!(!target.exists());
    }
}
