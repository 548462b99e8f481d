//! The role of a library of footage: search texts become files that fit a frame, each with its maker.
//!
//! Neighbours: a vendor implements [`Library`], which knows its wire and nothing of films; `rank` says which clip fits and
//! which of its files is enough; `fetch` brings it here; `store::provider_memory` remembers searches for a day, calls,
//! and which film took what.

mod fetch;
mod rank;
pub(super) mod whole;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use fenta_templates::timeline::MediaFacts;
use fenta_workflows::action::{
    ActionFacts, ActionResult, Credit, FindStockTask, InvokeRequest, InvokeTask, Invoked,
    InvokedMedia,
};
use fenta_workflows::digest::{Digest, value_hash};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use super::at_once::{Answered, Answers, AskFailure};
use super::desk::Desk;
use super::http::{Answer, Ask, Limits, Reach, Url};
use crate::store::{StoreError, Taker};

/// How long the answer to a search is good for, as Pexels and Pixabay ask.
const DAY_MS: u64 = 86_400_000;

/// How long searches and files are remembered at all.
const KEEP_MS: u64 = 30 * DAY_MS;

/// Pages of a search that are looked at.
const MOST_PAGES: u32 = 3;

/// A library behind some vendor's wire.
pub(super) trait Library: Debug + Send + Sync {
    /// What it works with.
    fn desk(&self) -> &Desk;

    /// Calls it allows in so many milliseconds.
    fn limits(&self) -> &'static [(u32, u64)];

    /// Where a search is asked for: a path below its address and the query, without the key.
    fn question(&self, search: &Search<'_>) -> (&'static str, Vec<(&'static str, String)>);

    /// What an answer to a search says.
    fn read(&self, search: &Search<'_>, body: &[u8]) -> Result<Page, Unread>;

    /// What it has without being asked over the network; none for libraries that must be.
    fn at_hand(&self, task: &FindStockTask) -> Option<Vec<Candidate>> {
        let _ = task;
        None
    }
}

/// What is searched for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    /// Small letters, single spaces.
    pub text: &'a str,
    /// Clips or pictures.
    pub kind: Kind,
    /// The wish it serves.
    pub task: &'a FindStockTask,
    /// From 1.
    pub page: u32,
}

/// Clips or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Clips.
    Video,
    /// Pictures.
    Image,
}

/// A page of results.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub candidates: Vec<Candidate>,
    /// Whether another page follows.
    pub more: bool,
}

/// Why an answer says nothing.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is not whole, or something else altogether.
    Form(String),
    /// It says no although its status says yes.
    No(u16, String),
}

/// Something a library has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub kind: Kind,
    /// Its id at the library.
    pub id: String,
    pub width: u32,
    pub height: u32,
    /// Nothing for pictures.
    pub duration_ms: u64,
    /// Words about it, in small letters.
    pub words: Vec<String>,
    pub author: String,
    pub author_url: String,
    pub page_url: String,
    pub files: Vec<Offered>,
}

/// A file of something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offered {
    pub source: Source,
    pub width: u32,
    pub height: u32,
    /// Frames per second in thousandths, where it is said.
    pub fps_milli: Option<u32>,
    /// Its size, where it is said.
    pub bytes: Option<u64>,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// There.
    Url(Url),
    /// Here, under this name.
    Blob(Digest, String, Box<MediaFacts>),
}

/// A library as somebody who answers.
#[derive(Debug)]
pub(super) struct Shelf<L>(pub L);

/// A file that was brought here.
struct Brought {
    digest: Digest,
    file: InvokedMedia,
}

impl<L: Library> Answers for Shelf<L> {
    fn desk(&self) -> &Desk {
        self.0.desk()
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        self.answer_named("", request)
    }

    fn answer_named<'a>(
        &'a self,
        reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        Box::pin(async move {
            match &request.task {
                InvokeTask::FindStock(task) => self.find(task, job_of(reference)).await,
                _ => Err(AskFailure::Refused(WorkerFailure {
                    class: FailureClass::Unsupported,
                    message: format!("{} is a library of footage", self.desk().vendor.name),
                    hint: "name another provider for this role".to_owned(),
                })),
            }
        })
    }
}

impl<L: Library> Shelf<L> {
    async fn find(&self, task: &FindStockTask, job: &str) -> Result<Answered, AskFailure> {
        let mut taker = self.taker(task, job);
        let (mut brought, mut passed) = self.found(task, &taker).await?;
        if brought.is_empty() && passed.taken > 0 {
            // A search that was edited begins anew in a film whose clips the search before it took; and what is the
            // user's own is shown again before nothing is.
            taker.only_this_job = true;
            if !task.own.is_empty() {
                taker.others_within_ms = 0;
            }
            (brought, passed) = self.found(task, &taker).await?;
        }
        Ok(Answered {
            result: result(self.desk().vendor.name, task, brought, &passed),
            cost_micros: Some(0),
            said: Vec::new(),
        })
    }

    fn taker(&self, task: &FindStockTask, job: &str) -> Taker {
        Taker {
            vendor: self.desk().vendor.name.to_owned(),
            film: task.film.clone(),
            // Items of one node are told apart by what they ask for, so that each keeps its own where others come and go.
            place: format!("{} {}", task.place, value_hash("asked", &task.queries)),
            job: job.to_owned(),
            unique_in_film: task.unique_in_run,
            only_this_job: false,
            others_within_ms: u64::from(task.exclude_used_days) * DAY_MS,
        }
    }

    /// What a taker may have, here.
    async fn found(
        &self,
        task: &FindStockTask,
        taker: &Taker,
    ) -> Result<(Vec<Brought>, rank::Passed), AskFailure> {
        let mut brought = Vec::new();
        let mut passed = rank::Passed::default();
        for query in &task.queries {
            let text = normalised(query);
            for page in 1..=MOST_PAGES {
                let missing = (task.count as usize).saturating_sub(brought.len());
                if missing == 0 {
                    break;
                }
                let (candidates, more) = self.candidates(task, &text, page).await?;
                let ranked = rank::ranked(candidates, task, &text, &mut passed);
                let files = self
                    .take((task, taker), ranked, missing, &mut passed)
                    .await?;
                brought.extend(files);
                if !more {
                    break;
                }
            }
        }
        Ok((brought, passed))
    }

    /// What the library has for a text, and whether there is more of it.
    async fn candidates(
        &self,
        task: &FindStockTask,
        text: &str,
        page: u32,
    ) -> Result<(Vec<Candidate>, bool), AskFailure> {
        if let Some(own) = self.0.at_hand(task) {
            return Ok((own, false));
        }
        let kinds: &[Kind] = match task.kind.as_str() {
            "image" => &[Kind::Image],
            "any" => &[Kind::Video, Kind::Image],
            _ => &[Kind::Video],
        };
        let (mut candidates, mut more) = (Vec::new(), false);
        for kind in kinds {
            let found = self
                .search(&Search {
                    text,
                    kind: *kind,
                    task,
                    page,
                })
                .await?;
            more |= found.more;
            candidates.extend(found.candidates);
        }
        Ok((candidates, more))
    }

    /// Takes what nobody else has and brings it here.
    async fn take(
        &self,
        (task, taker): (&FindStockTask, &Taker),
        mut ranked: Vec<Candidate>,
        mut missing: usize,
        passed: &mut rank::Passed,
    ) -> Result<Vec<Brought>, AskFailure> {
        let desk = self.desk();
        let mut brought = Vec::new();
        while missing > 0 && !ranked.is_empty() {
            let things = ranked.iter().map(|one| one.id.clone()).collect();
            let taken = desk.store.take(taker.clone(), things, missing).await;
            let taken = taken.map_err(|error| unremembered(&error))?;
            if taken.is_empty() {
                passed.taken += ranked.len();
                break;
            }
            for (at, number) in taken.iter().enumerate() {
                let candidate = &ranked[*number];
                match self.bring(task, candidate).await {
                    Ok(Some(file)) => {
                        brought.push(file);
                        missing -= 1;
                    }
                    Ok(None) => {
                        passed.broken += 1;
                        self.free(taker, &candidate.id).await?;
                    }
                    Err(failure) => {
                        for number in &taken[at..] {
                            self.free(taker, &ranked[*number].id).await?;
                        }
                        return Err(failure);
                    }
                }
            }
            // What was looked at is not looked at again; what others have stays theirs.
            let last = taken.last().copied().unwrap_or_default();
            let rest = ranked.split_off(last + 1);
            passed.taken += ranked.len() - taken.len();
            ranked = rest;
        }
        Ok(brought)
    }

    async fn free(&self, taker: &Taker, id: &str) -> Result<(), AskFailure> {
        let given = self.desk().store.give_back(taker, id).await;
        given.map_err(|error| unremembered(&error))
    }

    /// The answer to a search: of the last day, or asked for now.
    async fn search(&self, search: &Search<'_>) -> Result<Page, AskFailure> {
        let desk = self.desk();
        let (path, query) = self.0.question(search);
        let question = question(desk.vendor.name, path, &query);
        let known = desk.store.remembered_answer(&question).await;
        if let Some(known) = known.map_err(|error| unremembered(&error))?
            && known.age_ms < DAY_MS
            && let Ok(page) = self.0.read(search, &known.body)
        {
            return Ok(page);
        }
        self.may_ask().await?;
        let answer = self.ask(path, &query).await?;
        let page = match self.0.read(search, &answer.body) {
            Ok(page) => page,
            Err(Unread::No(status, said)) => {
                return Err(AskFailure::Refused(desk.refused(status, &said)));
            }
            Err(Unread::Form(why)) => {
                return Err(AskFailure::Lost(WorkerFailure {
                    class: FailureClass::Server,
                    message: format!(
                        "{} answered with {} bytes that are no answer of a search: {why}",
                        desk.vendor.name, answer.bytes
                    ),
                    hint: "check `base_url` of the provider in config.toml".to_owned(),
                }));
            }
        };
        let kept = desk
            .store
            .remember_answer(&question, ("", ""), answer.body, KEEP_MS)
            .await;
        kept.map_err(|error| unremembered(&error))?;
        Ok(page)
    }

    /// Whether the vendor allows another call now.
    async fn may_ask(&self) -> Result<(), AskFailure> {
        let desk = self.desk();
        let vendor = desk.vendor.name;
        let counted = desk.store.count_call(vendor, self.0.limits()).await;
        let Some(wait) = counted.map_err(|error| unremembered(&error))? else {
            return Ok(());
        };
        desk.pace.rest(vendor, Duration::from_millis(wait));
        Err(AskFailure::Refused(WorkerFailure {
            class: FailureClass::RateLimit,
            message: format!(
                "{vendor} was asked as often as it allows; the next call may be made in {} s",
                wait.div_ceil(1000)
            ),
            hint: "it goes on by itself".to_owned(),
        }))
    }

    async fn ask(
        &self,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Answer, AskFailure> {
        let desk = self.desk();
        let mut url = desk.url(path);
        url.query_pairs_mut().extend_pairs(query);
        let limits = hurried(Limits::QUESTION, desk.patience);
        let answer = desk
            .http
            .call(Ask {
                key: desk.auth(),
                ..Ask::get(url, Reach::Configured, limits)
            })
            .await?;
        desk.hear(&answer);
        self.leave_alone(&answer);
        if !answer.is_ok() {
            let said = String::from_utf8_lossy(&answer.body);
            // Pixabay says so of a wrong key with a status that says something else.
            let status = match answer.status {
                400 if said.to_lowercase().contains("api key") => 401,
                status => status,
            };
            return Err(AskFailure::Refused(desk.refused(status, &said)));
        }
        if answer.content_type() == "text/html" {
            let page = desk.refused(404, "a page came instead of an answer");
            return Err(AskFailure::Refused(page));
        }
        Ok(answer)
    }

    /// The last call that was allowed says so, and until when.
    fn leave_alone(&self, answer: &Answer) {
        let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
        let (Some(0), Some(reset)) = (number("x-ratelimit-remaining"), number("x-ratelimit-reset"))
        else {
            return;
        };
        let desk = self.desk();
        let now = desk.clock.now().as_second();
        // Some say when, some say in how many seconds.
        let wait = if reset > now {
            reset - now
        } else {
            reset.min(3600)
        };
        let wait = Duration::from_secs(u64::try_from(wait).unwrap_or_default());
        desk.pace.rest(desk.vendor.name, wait);
    }
}

/// The job's part of the name of a call.
fn job_of(reference: &str) -> &str {
    reference.rsplit_once('_').map_or("", |(job, _)| job)
}

/// A search as it is remembered.
fn question(vendor: &str, path: &str, query: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("search {vendor} {path} {}", pairs.join("&"))
}

/// Limits for somebody who has less patience.
fn hurried(limits: Limits, patience: Option<Duration>) -> Limits {
    let Some(patience) = patience else {
        return limits;
    };
    Limits {
        answer: limits.answer.min(patience),
        idle: limits.idle.min(patience),
        ..limits
    }
}

fn normalised(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    // Longer ones are refused (Pixabay).
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(100) {
        text.truncate(end);
    }
    text
}

fn unremembered(error: &StoreError) -> AskFailure {
    AskFailure::Refused(WorkerFailure {
        class: FailureClass::Resource,
        message: format!("what was taken cannot be remembered: {error}"),
        hint: "check the disk and run it again".to_owned(),
    })
}

fn result(
    vendor: &str,
    task: &FindStockTask,
    brought: Vec<Brought>,
    passed: &rank::Passed,
) -> ActionResult {
    if brought.is_empty() {
        let nothing = Invoked::NothingFits {
            by: vendor.to_owned(),
            why: passed.told(vendor, task),
        };
        return ActionResult {
            outputs: BTreeMap::new(),
            facts: ActionFacts::Invoked(Box::new(nothing)),
        };
    }
    let mut outputs = BTreeMap::new();
    let mut files = Vec::with_capacity(brought.len());
    for one in brought {
        outputs.insert(one.file.output.clone(), one.digest);
        files.push(one.file);
    }
    ActionResult {
        outputs,
        facts: ActionFacts::Invoked(Box::new(Invoked::Media(files))),
    }
}

/// Who made it.
fn credit(vendor: &str, license: &str, candidate: &Candidate) -> Credit {
    Credit {
        provider: vendor.to_owned(),
        id: candidate.id.clone(),
        author: candidate.author.clone(),
        author_url: candidate.author_url.clone(),
        page_url: candidate.page_url.clone(),
        license: license.to_owned(),
    }
}
