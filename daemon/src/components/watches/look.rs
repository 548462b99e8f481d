//! One look at a folder: what is there is held against what was known, what is whole is taken in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fenta_client::api::watches::FileState;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};

use super::ear::Ear;
use super::groups::{self, Unit};
use super::machine::{self, Quiet};
use super::names::Names;
use super::scan::{self, Found};
use super::take::{self, Miss, Taken};
use super::{Post, Watches, held};
use super::{sidecar, sweep};
use crate::store::{NewWatchRun, StoreError, TakenContent, WatchFileRecord, WatchRecord};

/// Between two looks while files may become whole, at most; also how long what is told is gathered.
pub(super) const GATHER: Duration = Duration::from_millis(200);

/// Between two looks while all that is open waits for somebody else.
const SLOW: Duration = Duration::from_secs(2);

/// Files that are read at a time.
const READERS: usize = 16;

/// Runs whose files are read together; while the next are read, those begin.
const BATCH: usize = 64;

/// So long may a file be not whole before that is told as what it is.
const STUCK: SignedDuration = SignedDuration::from_hours(6);

impl Watches {
    /// Looks at the folder if that is due; gives how long until the next look.
    pub(super) async fn look(
        &self,
        watch: &WatchRecord,
        post: &Post,
    ) -> Result<Duration, StoreError> {
        let ear = self.ear(watch, post).await;
        let mut files = self.store.watch_files(&watch.id).await?;
        let is_open = files.iter().any(|file| file.state.is_open());
        let since = held(&post.looked).map(|at| at.elapsed());
        let heard = ear.heard();
        if !heard && !is_open && since.is_some_and(|since| since < ear.pause()) {
            return Ok(ear.pause().saturating_sub(since.unwrap_or_default()));
        }
        *held(&post.looked) = Some(Instant::now());
        let (rule, out_dir) = (watch.new.rule.clone(), out_dir(watch));
        let seen = tokio::task::spawn_blocking(move || {
            let (names, trouble) = Names::read(&rule, Some(&out_dir));
            scan::scan(&names).map(|found| (names, trouble, found))
        })
        .await
        .map_err(|_| StoreError::Closed)?;
        let (names, trouble, found) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                // A disk that is not plugged in is no reason to forget what was on it.
                let why = format!("{} cannot be looked at: {error}", watch.new.rule.folder);
                *held(&post.trouble) = why;
                *held(&post.ear) = None;
                return Ok(SLOW);
            }
        };
        *held(&post.trouble) = trouble.unwrap_or_default();
        let quiet = Quiet {
            settle: settle(watch),
            is_local: ear.is_local,
        };
        self.note(watch, &mut files, &found, quiet).await?;
        self.take_in(watch, &names, &mut files).await?;
        Ok(self.next_look(&files, &found, quiet, &ear))
    }

    /// Who listens to the folder; a new one where the folder is another, or was not there.
    async fn ear(&self, watch: &WatchRecord, post: &Post) -> Arc<Ear> {
        let folder = PathBuf::from(&watch.new.rule.folder);
        let poll = watch.new.rule.poll_ms.map(Duration::from_millis);
        if let Some(ear) = held(&post.ear).as_ref()
            && ear.is_of(&folder, poll)
        {
            return Arc::clone(ear);
        }
        let wake = Arc::clone(&post.wake);
        let ear = tokio::task::spawn_blocking({
            let folder = folder.clone();
            move || Ear::new(&folder, poll, &wake)
        });
        let ear = Arc::new(match ear.await {
            Ok(ear) => ear,
            Err(_) => Ear::new(&folder, poll, &post.wake),
        });
        if !ear.deaf.is_empty() {
            tracing::info!(
                watch = watch.id,
                why = ear.deaf,
                "a folder is looked at again and again"
            );
        }
        *held(&post.ear) = Some(Arc::clone(&ear));
        ear
    }

    /// Writes down what was seen.
    async fn note(
        &self,
        watch: &WatchRecord,
        files: &mut Vec<WatchFileRecord>,
        found: &BTreeMap<String, Found>,
        quiet: Quiet,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let known: HashMap<&str, &WatchFileRecord> = files
            .iter()
            .map(|file| (file.path.as_str(), file))
            .collect();
        let is_first = !watch.scanned && !watch.new.rule.run_initial;
        let mut changed = HashMap::new();
        for (path, one) in found {
            let before = known.get(path.as_str()).copied();
            if let Some(mut next) = machine::step(before, path, one, now, quiet) {
                next.initial |= is_first;
                changed.insert(path.clone(), next);
            }
        }
        let mut probing: Vec<WatchFileRecord> = files
            .iter()
            .filter(|file| file.state == FileState::Probing && !changed.contains_key(&file.path))
            .cloned()
            .collect();
        probing.extend(
            changed
                .values()
                .filter(|file| file.state == FileState::Probing)
                .cloned(),
        );
        let is_grouped = watch.new.rule.group_by.is_some();
        for file in self.not_yet(probing, found, now, is_grouped).await? {
            changed.insert(file.path.clone(), file);
        }
        let mut gone = Vec::new();
        let mut put = Vec::new();
        files.retain(|file| {
            let is_there = found.contains_key(&file.path);
            if !is_there {
                gone.push(file.path.clone());
            }
            is_there
        });
        for file in files.iter_mut() {
            if let Some(next) = changed.remove(&file.path)
                && next != *file
            {
                file.clone_from(&next);
                put.push(next);
            }
        }
        files.extend(changed.values().cloned());
        put.extend(changed.into_values());
        files.sort_by(|one, other| one.path.cmp(&other.path));
        if !put.is_empty() || !gone.is_empty() || !watch.scanned {
            self.store.put_watch_files(&watch.id, put, gone).await?;
        }
        Ok(())
    }

    /// Those of the files to be read that are open for writing, or empty.
    async fn not_yet(
        &self,
        probing: Vec<WatchFileRecord>,
        found: &BTreeMap<String, Found>,
        now: Timestamp,
        is_grouped: bool,
    ) -> Result<Vec<WatchFileRecord>, StoreError> {
        let identity = |file: &WatchFileRecord| found.get(&file.path).map(|one| one.identity);
        let wanted: HashSet<(u64, u64)> = probing.iter().filter_map(identity).collect();
        let writers = tokio::task::spawn_blocking(move || scan::writers(&wanted))
            .await
            .map_err(|_| StoreError::Closed)?;
        let mut late = Vec::new();
        for mut file in probing {
            let writer = identity(&file).and_then(|one| writers.get(&one));
            if let Some(process) = writer {
                file.state = FileState::Growing;
                file.reason = format!("process {process} has it open for writing");
            } else if file.size == 0 && !(is_grouped && sidecar::is_marker(&file.path)) {
                file.state = FileState::Settling;
                file.reason = "it is empty".to_owned();
            } else {
                continue;
            }
            if is_stuck(&file, now) {
                file.reason = format!("{}, for hours", file.reason);
            }
            late.push(file);
        }
        Ok(late)
    }

    /// Reads what is whole.
    async fn take_in(
        &self,
        watch: &WatchRecord,
        names: &Names,
        files: &mut [WatchFileRecord],
    ) -> Result<(), StoreError> {
        let units = groups::units(&watch.new.rule, names, files);
        let by_path: HashMap<&str, &WatchFileRecord> = files
            .iter()
            .map(|file| (file.path.as_str(), file))
            .collect();
        let of = |unit: &Unit| -> Vec<WatchFileRecord> {
            let paths = unit.paths.iter();
            paths
                .filter_map(|path| by_path.get(path.as_str()).copied().cloned())
                .collect()
        };
        let mut put = Vec::new();
        let mut whole = Vec::new();
        let mut read = HashSet::new();
        for unit in &units {
            let members = of(unit);
            match &unit.waits {
                None => {
                    read.extend(unit.paths.iter().cloned());
                    whole.push(members);
                }
                Some(why) => put.extend(members.into_iter().filter_map(|mut file| {
                    let waits = file.state == FileState::Probing
                        || file.state == FileState::Ready && file.reason != *why;
                    file.state = FileState::Ready;
                    file.reason.clone_from(why);
                    waits.then_some(file)
                })),
            }
        }
        let mut batches = whole.chunks(BATCH);
        let mut taken = match batches.next() {
            Some(first) => Some(self.take_batch(watch, first).await?),
            None => None,
        };
        // Those that are whole begin while the next are read.
        while let Some(missed) = taken.take() {
            put.extend(missed);
            let next = async {
                match batches.next() {
                    Some(batch) => self.take_batch(watch, batch).await.map(Some),
                    None => Ok(None),
                }
            };
            let (next, begun) = tokio::join!(next, self.begin_waiting(watch));
            begun?;
            taken = next?;
        }
        let missed: HashMap<&str, &WatchFileRecord> =
            put.iter().map(|file| (file.path.as_str(), file)).collect();
        for file in files.iter_mut() {
            if let Some(next) = missed.get(file.path.as_str()) {
                file.clone_from(next);
            } else if read.contains(&file.path) {
                file.state = FileState::Queued;
            }
        }
        if !put.is_empty() {
            self.store
                .put_watch_files(&watch.id, put, Vec::new())
                .await?;
        }
        Ok(())
    }

    /// Reads the files of runs and takes their contents in; gives files that could not be.
    async fn take_batch(
        &self,
        watch: &WatchRecord,
        batch: &[Vec<WatchFileRecord>],
    ) -> Result<Vec<WatchFileRecord>, StoreError> {
        let copied = futures_util::stream::iter(batch.to_vec())
            .map(|members| self.copy(watch, members))
            .buffer_unordered(READERS)
            .collect::<Vec<_>>()
            .await;
        let copied = copied.into_iter().collect::<Result<Vec<_>, _>>()?;
        let missed = futures_util::stream::iter(copied)
            .map(|copied| self.take_unit(watch, copied))
            .buffer_unordered(BATCH)
            .collect::<Vec<_>>()
            .await;
        let missed: Result<Vec<_>, _> = missed.into_iter().collect();
        Ok(missed?.concat())
    }

    async fn copy(
        &self,
        watch: &WatchRecord,
        members: Vec<WatchFileRecord>,
    ) -> Result<Copied, StoreError> {
        let key = self.clock.fresh_id("run_");
        let folder = self.copies_of(&watch.id, &key);
        let root = PathBuf::from(&watch.new.rule.folder);
        let (into, wanted) = (folder.clone(), members.clone());
        let taken = tokio::task::spawn_blocking(move || take::take(&root, &wanted, &into))
            .await
            .map_err(|_| StoreError::Closed)?;
        Ok(Copied {
            members,
            key,
            folder,
            taken,
        })
    }

    /// Takes the content of one run in; gives files that could not be.
    async fn take_unit(
        &self,
        watch: &WatchRecord,
        copied: Copied,
    ) -> Result<Vec<WatchFileRecord>, StoreError> {
        let members = copied.members;
        let missed = match copied.taken {
            Err((place, miss)) => missed(members, place, &miss, self.clock.now()),
            Ok(taken) => match self.own_result(&taken.digests).await? {
                Some(path) => {
                    let why = format!("it is a result of a run, published as {path}");
                    ignored(members, &why)
                }
                None => {
                    let run = new_run(taken.content, &members);
                    let is_skipped = !run.skipped.is_empty();
                    let taken = self
                        .store
                        .take_content(&watch.id, run, copied.key, members)
                        .await?;
                    if taken == TakenContent::New && !is_skipped {
                        return Ok(Vec::new());
                    }
                    Vec::new()
                }
            },
        };
        sweep::remove(copied.folder).await;
        Ok(missed)
    }

    async fn own_result(&self, digests: &[String]) -> Result<Option<String>, StoreError> {
        for digest in digests {
            if let Some(path) = self.store.published_at(digest).await? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// How long until the next look has something to decide.
    fn next_look(
        &self,
        files: &[WatchFileRecord],
        found: &BTreeMap<String, Found>,
        quiet: Quiet,
        ear: &Ear,
    ) -> Duration {
        let now = self.clock.now();
        let next = files
            .iter()
            .filter(|file| file.state.is_open())
            .map(|file| {
                if !file.reason.is_empty() {
                    return SLOW;
                }
                if file.state != FileState::Settling {
                    return GATHER;
                }
                let since = match found.get(&file.path) {
                    Some(one) if quiet.is_local && one.changed <= now => one.changed,
                    _ => file.since.parse().unwrap_or(now),
                };
                let left = quiet.settle - now.duration_since(since);
                Duration::try_from(left).unwrap_or(Duration::ZERO)
            });
        // Several that become whole within a moment are read together.
        next.min().map_or(ear.pause(), |next| next.max(GATHER / 4))
    }
}

/// Files of one run that were copied, or could not be.
struct Copied {
    members: Vec<WatchFileRecord>,
    key: String,
    folder: PathBuf,
    taken: Result<Taken, (usize, Miss)>,
}

fn new_run(content: String, members: &[WatchFileRecord]) -> NewWatchRun {
    let skipped = match members.iter().all(|file| file.initial) {
        true => "it was there before the watch (`initial: ignore`)",
        false => "",
    };
    let stamped = |file: &WatchFileRecord| (file.path.clone(), file.stamp.clone());
    NewWatchRun {
        content,
        files: members.iter().map(stamped).collect(),
        skipped: skipped.to_owned(),
    }
}

/// A file of another machine may be slower than it looks: its clock, and what it keeps back, are not ours.
fn settle(watch: &WatchRecord) -> SignedDuration {
    let millis = i64::try_from(watch.new.rule.settle_ms).unwrap_or(i64::MAX);
    SignedDuration::from_millis(millis)
}

/// Where relative results of the runs go.
pub(super) fn out_dir(watch: &WatchRecord) -> String {
    let request = &watch.new.request;
    request
        .out_dir
        .clone()
        .unwrap_or_else(|| request.caller_dir.clone())
}

fn is_stuck(file: &WatchFileRecord, now: Timestamp) -> bool {
    file.since
        .parse::<Timestamp>()
        .is_ok_and(|since| now.duration_since(since) > STUCK)
}

/// What is known of files of which one could not be read: it is looked at again, and the others wait for it.
fn missed(
    members: Vec<WatchFileRecord>,
    place: usize,
    miss: &Miss,
    now: Timestamp,
) -> Vec<WatchFileRecord> {
    let state = |file: &mut WatchFileRecord| match miss {
        Miss::Changed(_) => {
            file.state = FileState::Growing;
            file.since = crate::clock::timestamp_text(now);
        }
        Miss::Partial(why) => {
            file.state = FileState::Settling;
            file.reason.clone_from(why);
            if is_stuck(file, now) {
                file.reason = format!("{why}, for hours");
            }
        }
        Miss::Unreadable(why) => {
            file.state = FileState::Ignored;
            file.reason.clone_from(why);
        }
    };
    let mut missed = Vec::new();
    for (index, mut file) in members.into_iter().enumerate() {
        if index == place {
            state(&mut file);
            missed.push(file);
        } else if file.state == FileState::Probing {
            file.state = FileState::Ready;
            missed.push(file);
        }
    }
    missed
}

fn ignored(members: Vec<WatchFileRecord>, why: &str) -> Vec<WatchFileRecord> {
    let ignored = |mut file: WatchFileRecord| {
        file.state = FileState::Ignored;
        file.reason = why.to_owned();
        file
    };
    members.into_iter().map(ignored).collect()
}
