//! Watches: begins workflows when files come into folders.
//!
//! What the system tells of a folder (`ear`) is a hint; a look (`scan`) is the truth. `names` says which files may count,
//! `machine` when one is whole, `groups` which belong together, `take` copies and hashes them, `runs` begins and ends what
//! they ask for, `after` puts them away, `asked` does what people ask for. Every file and every content is in the store:
//! a content begins one run, whatever its file is called and however often the daemon dies.

mod after;
mod asked;
mod ear;
mod groups;
mod look;
mod machine;
mod names;
mod runs;
mod scan;
mod sidecar;
mod sweep;
mod take;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fenta_client::api::watches::WatchState;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use asked::WatchError;

use super::notices::Notices;
use super::{Ground, Standing};
use crate::clock::Clock;
use crate::runner::Runner;
use crate::store::{Store, StoreError, WatchRecord};
use ear::Ear;

/// Between two looks at which watches there are, when nobody says that they changed.
const ROUND: Duration = Duration::from_secs(10);

/// A watch in the foreground that nobody asked about for so long has lost its command.
const LEASE: Duration = Duration::from_secs(30);

/// Who begins workflows for files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watches {
    store: Store,
    runner: Runner,
    clock: Arc<dyn Clock>,
    notices: Notices,
    /// Where the copies lie that runs are given.
    copies: Arc<Path>,
    /// Something was asked for: see which watches there are.
    wake: Arc<Notify>,
    /// Stands while any watch is active.
    standing: Standing,
    posts: Arc<Mutex<HashMap<String, Arc<Post>>>>,
}

/// What is known of one watch beside what is in the store.
#[derive(Debug)]
struct Post {
    /// Look now.
    wake: Arc<Notify>,
    ear: Mutex<Option<Arc<Ear>>>,
    /// When its folder was looked at.
    looked: Mutex<Option<Instant>>,
    /// When somebody asked about its files.
    asked: Mutex<Instant>,
    /// What keeps it from looking; may be empty.
    trouble: Mutex<String>,
    at_work: Mutex<bool>,
    /// Whether copies that no run needs were removed since the daemon began.
    swept: Mutex<bool>,
}

/// Says that nobody attends to a watch any more, however that came.
struct AtWork<'a>(&'a Post);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        *held(&self.0.at_work) = false;
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watches {
    /// Who begins them, not yet at work. Copies lie in `copies`.
    pub fn new(ground: Ground, copies: PathBuf) -> Self {
        Self {
            store: ground.store,
            runner: ground.runner,
            clock: ground.clock,
            notices: ground.notices,
            copies: copies.into(),
            wake: Arc::default(),
            standing: Standing::new(ground.activity),
            posts: Arc::default(),
        }
    }

    /// Begins workflows until `shutdown`: every watch has a task of its own, so a large file keeps nobody else waiting.
    pub async fn watch(self, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.round(&shutdown).await {
                tracing::warn!(%error, "the watches could not be looked at");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn round(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let watches = self.store.watches().await?;
        let active = |watch: &WatchRecord| watch.state == WatchState::Active;
        self.standing.stand(watches.iter().any(active));
        self.sweep_removed(&watches).await?;
        held(&self.posts).retain(|id, _| watches.iter().any(|watch| watch.id == *id));
        for watch in watches {
            let post = self.post(&watch.id);
            post.wake.notify_one();
            if !std::mem::replace(&mut *held(&post.at_work), true) {
                let (watches, shutdown) = (self.clone(), shutdown.clone());
                tokio::spawn(async move {
                    let _at_work = AtWork(&post);
                    watches.attend(&watch.id, &post, &shutdown).await;
                });
            }
        }
        Ok(())
    }

    /// Looks after one watch until it is gone, or is paused and has nothing in work.
    async fn attend(&self, id: &str, post: &Post, shutdown: &CancellationToken) {
        if !std::mem::replace(&mut *held(&post.swept), true) {
            self.sweep(id).await;
        }
        loop {
            let looked = tokio::select! {
                () = shutdown.cancelled() => return,
                looked = self.look_at(id, post) => looked,
            };
            let pause = match looked {
                Ok(Some(pause)) => pause,
                Ok(None) | Err(StoreError::UnknownWatch(_)) => return,
                Err(error) => {
                    tracing::warn!(watch = id, %error, "a watch could not be looked at");
                    ROUND
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = post.wake.notified() => tokio::time::sleep(look::GATHER.min(pause)).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One look at a watch; gives how long until the next, or nothing where there is none to come.
    async fn look_at(&self, id: &str, post: &Post) -> Result<Option<Duration>, StoreError> {
        let watch = self.store.watch(id).await?;
        if watch.state == WatchState::Paused {
            *held(&post.ear) = None;
            let busy = self.advance(&watch).await?;
            return Ok(busy.then_some(runs::LOOK));
        }
        if watch.new.foreground && held(&post.asked).elapsed() > LEASE {
            let why = "its command in the foreground has ended";
            self.store.set_watch(id, WatchState::Paused, why).await?;
            self.wake.notify_one();
            return Ok(Some(Duration::ZERO));
        }
        // Runs that ended keep no file waiting.
        let (next, ended) = tokio::join!(self.look(&watch, post), self.note_ends(&watch));
        ended?;
        let next = next?;
        let busy = self.begin_waiting(&watch).await?;
        Ok(Some(if busy { next.min(runs::LOOK) } else { next }))
    }

    fn post(&self, id: &str) -> Arc<Post> {
        let mut posts = held(&self.posts);
        let post = posts.entry(id.to_owned()).or_insert_with(|| {
            Arc::new(Post {
                wake: Arc::default(),
                ear: Mutex::default(),
                looked: Mutex::default(),
                asked: Mutex::new(Instant::now()),
                trouble: Mutex::default(),
                at_work: Mutex::default(),
                swept: Mutex::default(),
            })
        });
        Arc::clone(post)
    }

    /// Where the copies of a run lie.
    fn copies_of(&self, watch: &str, key: &str) -> PathBuf {
        self.copies.join(watch).join(key)
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
