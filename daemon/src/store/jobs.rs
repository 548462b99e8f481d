//! Jobs: accepted, looked up, listed. How they move from state to state is `transition`'s business.

use fenta_client::api::jobs::{BegunBy, CreateJob, Job, JobError, Priority};
use fenta_workflows::Budget;
use fenta_workflows::job_event::{JobEventKind, JobState};
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::idempotency::{self, Known, Replay};
use super::transition::{self, Transition};
use super::{Store, StoreError, answers, events, node_runs};
use crate::clock::timestamp_text;

/// A job to accept.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The workflow's name.
    pub workflow: String,
    /// The request as it came.
    pub request: CreateJob,
    /// The renderer of the day.
    pub tool: String,
    /// Its nodes in order.
    pub nodes: Vec<NewNode>,
    /// Set when the client wants this request to count once.
    pub replay: Option<Replay>,
}

/// A node of a job to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its name.
    pub node: String,
    /// Its type.
    pub kind: String,
    /// Whether the options of the run leave it out.
    pub left_out: bool,
}

/// How a new job was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A new job.
    New(String),
    /// The key was known: the job it made the first time.
    Known(String),
    /// The key was used for another request.
    KeyReused,
}

/// A job with what only the daemon needs.
#[derive(Clone, Debug)]
pub struct JobRecord {
    /// Its place in the order of all jobs.
    pub ordinal: i64,
    /// As the API shows it, without nodes.
    pub job: Job,
    /// The request that made it; why not, when another version wrote it in a way this one does not read.
    pub request: Result<CreateJob, String>,
    /// The user's calendar day when it was accepted.
    pub local_date: String,
    /// The renderer it was last started with.
    pub tool: String,
    /// Whether someone asked for its end.
    pub cancel_requested: bool,
    /// What was added to its budget.
    pub added: AddedBudget,
}

/// What somebody added to the budget of a job; whole numbers, as the budget counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddedBudget {
    /// Thousandths of render seconds.
    pub render_ms: u64,
    /// Millionths of dollars.
    pub usd_micros: u64,
    /// Thousandths of credits.
    pub millicredits: u64,
}

impl AddedBudget {
    /// The budget with it. What the document does not limit stays without limit.
    #[must_use]
    pub fn to(&self, mut budget: Budget) -> Budget {
        let add = |limit: &mut Option<u64>, more: u64| {
            *limit = limit.map(|limit| limit.saturating_add(more));
        };
        add(&mut budget.max_render_ms, self.render_ms);
        add(&mut budget.max_usd_micros, self.usd_micros);
        add(&mut budget.max_credits, self.millicredits / 1000);
        budget
    }
}

/// A job of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedJob {
    /// Its place in the order of all jobs.
    pub ordinal: i64,
    /// As the API shows it, without nodes.
    pub job: Job,
}

/// Which jobs to list: newest first.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// At most this many.
    pub limit: u32,
    /// Only jobs accepted before the one with this ordinal.
    pub before: Option<i64>,
    /// Only jobs in this state.
    pub state: Option<JobState>,
}

impl Store {
    /// Accepts a job; when this returns, it is on disk.
    pub async fn create_job(&self, new: NewJob) -> Result<Accepted, StoreError> {
        let id = self.clock.fresh_id("job_");
        let at = self.clock.now_text();
        let today = || self.clock.local_date().to_string();
        let date = new.request.options.date.clone().unwrap_or_else(today);
        let accepted = self
            .threads
            .write(move |connection| create(connection, id, &at, &date, &new))
            .await?;
        if let Accepted::New(id) = &accepted {
            self.announce(id, 1);
        }
        Ok(accepted)
    }

    /// Moves a job, if it is in a state the change may start from; returns the job as it is then. For changes that
    /// somebody asks for; who works on the job uses [`Store::change_claimed`].
    pub async fn change_job(&self, id: &str, change: Transition) -> Result<JobRecord, StoreError> {
        let at = self.clock.now_text();
        let owned = id.to_owned();
        let record = self
            .threads
            .write(move |connection| transition::change(connection, &owned, &at, &change, None))
            .await?;
        self.announce(id, record.job.last_seq);
        Ok(record)
    }

    /// Adds to the budget of a job and lets it go on; one transaction.
    pub async fn requeue_with(
        &self,
        id: &str,
        added: AddedBudget,
    ) -> Result<JobRecord, StoreError> {
        let (at, owned) = (self.clock.now_text(), id.to_owned());
        let record = self
            .threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE jobs SET added_render_ms = added_render_ms + ?2,
                                         added_usd_micros = added_usd_micros + ?3,
                                         added_millicredits = added_millicredits + ?4
                         WHERE id = ?1",
                    )?
                    .execute(params![
                        owned,
                        added.render_ms,
                        added.usd_micros,
                        added.millicredits
                    ])?;
                transition::change(connection, &owned, &at, &Transition::Requeue, None)
            })
            .await?;
        self.announce(id, record.job.last_seq);
        Ok(record)
    }

    /// One job, without its nodes.
    pub async fn job(&self, id: &str) -> Result<JobRecord, StoreError> {
        let id = id.to_owned();
        self.threads
            .read(move |connection| select(connection, &id))
            .await
    }

    /// One job and its nodes, from one moment.
    pub async fn job_with_nodes(&self, id: &str) -> Result<Job, StoreError> {
        let id = id.to_owned();
        self.threads
            .read(move |connection| {
                let transaction = connection.unchecked_transaction()?;
                let mut job = select(&transaction, &id)?.job;
                job.nodes = node_runs::select(&transaction, &id)?;
                Ok(job)
            })
            .await
    }

    /// The full id for an id, a unique beginning of one (with or without `job_`), or `latest`.
    pub async fn resolve_job(&self, given: &str) -> Result<String, StoreError> {
        let given = given.to_owned();
        self.threads
            .read(move |connection| resolve(connection, &given))
            .await
    }

    /// Jobs, newest first, without nodes. What they asked for is not read: documents are large.
    pub async fn list_jobs(&self, filter: JobFilter) -> Result<Vec<ListedJob>, StoreError> {
        self.threads
            .read(move |connection| {
                // Two questions, so that each has its index.
                let of_state = match filter.state {
                    Some(_) => "state = ?3 AND",
                    None => "?3 IS NULL AND",
                };
                let sql = format!(
                    "SELECT {COLUMNS}, '' AS request FROM jobs WHERE {of_state} ordinal < ?1
                     ORDER BY ordinal DESC LIMIT ?2"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let before = filter.before.unwrap_or(i64::MAX);
                let state = filter.state.map(JobState::as_str);
                let rows = statement.query_map(params![before, filter.limit, state], stored)?;
                rows.map(|row| {
                    let JobRecord { ordinal, job, .. } = record(row?)?;
                    Ok(ListedJob { ordinal, job })
                })
                .collect()
            })
            .await
    }

    /// How many jobs are in each state that any is in.
    pub async fn count_jobs(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state",
                )?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Forgets what need not be kept for ever.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let kept = SignedDuration::from_hours(24 * idempotency::KEPT_DAYS);
        let horizon = timestamp_text(self.clock.now() - kept);
        self.threads
            .write(move |connection| {
                idempotency::forget_before(connection, &horizon)?;
                answers::forget_before(connection, &horizon)
            })
            .await
    }
}

fn create(
    connection: &Connection,
    id: String,
    at: &str,
    date: &str,
    new: &NewJob,
) -> Result<Accepted, StoreError> {
    if let Some(replay) = &new.replay {
        match idempotency::look_up(connection, replay)? {
            Known::New => {}
            Known::Same(job) => return Ok(Accepted::Known(job)),
            Known::Other => return Ok(Accepted::KeyReused),
        }
    }
    let source = &new.request.workflow;
    let identity = source.path.as_ref().unwrap_or(&source.name);
    let request = serde_json::to_string(&new.request).map_err(|e| StoreError::row("jobs", e))?;
    connection
        .prepare_cached(
            "INSERT INTO jobs (id, workflow, identity, request, state, local_date, tool, created_at, priority)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            new.workflow,
            identity,
            request,
            date,
            new.tool,
            at,
            new.request.options.priority.rank()
        ])?;
    node_runs::insert_waiting(connection, &id, &new.nodes)?;
    let queued = JobEventKind::JobQueued {
        workflow: new.workflow.clone(),
    };
    events::append(connection, &id, at, &[queued])?;
    if let Some(replay) = &new.replay {
        idempotency::remember(connection, replay, &id, at)?;
    }
    Ok(Accepted::New(id))
}

fn resolve(connection: &Connection, given: &str) -> Result<String, StoreError> {
    if given == "latest" {
        return connection
            .prepare_cached("SELECT id FROM jobs ORDER BY ordinal DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?
            .ok_or_else(|| StoreError::UnknownJob(given.to_owned()));
    }
    let beginning = format!("job_{}", given.strip_prefix("job_").unwrap_or(given));
    // Ids are hexadecimal: `g` is the first character after all of them, so the range is every id that begins so.
    let mut statement = connection
        .prepare_cached("SELECT id FROM jobs WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id")?;
    let mut found: Vec<String> = statement
        .query_map([&beginning], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    match (found.len(), given.is_empty()) {
        (0, _) | (_, true) => Err(StoreError::UnknownJob(given.to_owned())),
        (1, _) => Ok(found.remove(0)),
        (count, _) => Err(StoreError::AmbiguousJob {
            given: given.to_owned(),
            count,
        }),
    }
}

/// Everything of a job but what it asked for.
const COLUMNS: &str = "ordinal, id, workflow, identity, state, priority, cancel_requested, local_date, tool,
    created_at, started_at, finished_at, error, outputs, last_seq, added_render_ms, added_usd_micros,
    added_millicredits,
    coalesce((SELECT json_object('kind', 'schedule', 'id', s.id, 'name', s.name) FROM schedule_runs r
              JOIN schedules s ON s.id = r.schedule WHERE r.job IS NOT NULL AND r.job = jobs.id LIMIT 1),
             (SELECT json_object('kind', 'watch', 'id', w.id, 'name', w.name) FROM watch_runs r
              JOIN watches w ON w.id = r.watch WHERE r.job IS NOT NULL AND r.job = jobs.id LIMIT 1)) AS begun_by";

pub(super) fn select(connection: &Connection, id: &str) -> Result<JobRecord, StoreError> {
    let row = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, request FROM jobs WHERE id = ?1"
        ))?
        .query_row([id], stored)
        .optional()?
        .ok_or_else(|| StoreError::UnknownJob(id.to_owned()))?;
    record(row)
}

/// A row as it is stored: JSON and words still unread.
struct StoredJob {
    ordinal: i64,
    id: String,
    workflow: String,
    identity: String,
    request: String,
    state: String,
    priority: i64,
    cancel_requested: bool,
    local_date: String,
    tool: String,
    times: [Option<String>; 3],
    error: Option<String>,
    outputs: String,
    last_seq: u64,
    added: AddedBudget,
    begun_by: Option<String>,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    Ok(StoredJob {
        ordinal: row.get("ordinal")?,
        id: row.get("id")?,
        workflow: row.get("workflow")?,
        identity: row.get("identity")?,
        request: row.get("request")?,
        state: row.get("state")?,
        priority: row.get("priority")?,
        cancel_requested: row.get("cancel_requested")?,
        local_date: row.get("local_date")?,
        tool: row.get("tool")?,
        times: [
            row.get("created_at")?,
            row.get("started_at")?,
            row.get("finished_at")?,
        ],
        error: row.get("error")?,
        outputs: row.get("outputs")?,
        last_seq: row.get("last_seq")?,
        added: AddedBudget {
            render_ms: row.get("added_render_ms")?,
            usd_micros: row.get("added_usd_micros")?,
            millicredits: row.get("added_millicredits")?,
        },
        begun_by: row.get("begun_by")?,
    })
}

fn record(row: StoredJob) -> Result<JobRecord, StoreError> {
    let bad = |error: serde_json::Error| StoreError::row("jobs", error);
    // A list of jobs must not break on one of them. What it asked for is told when it is started.
    let request: Result<CreateJob, String> =
        serde_json::from_str(&row.request).map_err(|error| error.to_string());
    let [created_at, started_at, finished_at] = row.times;
    Ok(JobRecord {
        ordinal: row.ordinal,
        job: Job {
            id: row.id,
            workflow: row.workflow,
            path: Some(row.identity).filter(|identity| identity.starts_with('/')),
            state: serde_json::from_value(serde_json::Value::String(row.state)).map_err(bad)?,
            begun_by: row
                .begun_by
                .and_then(|json| serde_json::from_str::<BegunBy>(&json).ok()),
            priority: Priority::of_rank(row.priority),
            created_at: created_at.unwrap_or_default(),
            started_at,
            finished_at,
            error: row.error.as_deref().map(readable_error),
            outputs: serde_json::from_str(&row.outputs).unwrap_or_default(),
            nodes: Vec::new(),
            last_seq: row.last_seq,
        },
        request,
        local_date: row.local_date,
        tool: row.tool,
        cancel_requested: row.cancel_requested,
        added: row.added,
    })
}

/// Why a job failed, also where another version said it in a way this one does not know: then its words.
fn readable_error(text: &str) -> JobError {
    serde_json::from_str(text).unwrap_or_else(|_| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let message = match word("message") {
            empty if empty.is_empty() => text.to_owned(),
            message => message,
        };
        JobError {
            node: word("node"),
            class: None,
            message,
            hint: word("hint"),
        }
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! Jobs to write events for.

    use std::collections::BTreeMap;

    use fenta_client::api::jobs::WorkflowSource;

    use super::*;
    use crate::store::{Claim, Claimant};

    pub(crate) fn request(name: &str) -> CreateJob {
        CreateJob {
            workflow: WorkflowSource {
                path: Some(format!("/w/{name}.yaml")),
                name: format!("{name}.yaml"),
                text: "fenta: workflow/v1\n".to_owned(),
                dir: "/w".to_owned(),
            },
            params: BTreeMap::new(),
            caller_dir: "/c".to_owned(),
            out_dir: None,
            options: fenta_client::api::jobs::RunOptions::default(),
        }
    }

    pub(crate) fn new_job(name: &str) -> NewJob {
        NewJob {
            workflow: name.to_owned(),
            request: request(name),
            tool: "tool 1".to_owned(),
            nodes: vec![
                new_node("voice", "Voice.TTS"),
                new_node("render", "Output.Render"),
            ],
            replay: None,
        }
    }

    impl Store {
        /// As if another version had written the job's row.
        pub(crate) async fn spoil_request(&self, job: &str, text: &str) {
            self.spoil("request", job, text).await;
        }

        pub(crate) async fn spoil(&self, column: &'static str, job: &str, text: &str) {
            let (job, text) = (job.to_owned(), text.to_owned());
            self.threads
                .write(move |connection| {
                    let sql = format!("UPDATE jobs SET {column} = ?2 WHERE id = ?1");
                    connection.execute(&sql, [job, text])?;
                    Ok(())
                })
                .await
                .unwrap();
        }
    }

    pub(crate) fn claimant(owner: &str) -> Claimant {
        Claimant {
            owner: owner.to_owned(),
            lease: SignedDuration::from_secs(30),
            tool: Some("tool 1".to_owned()),
            lowest: Priority::Low,
            except: Vec::new(),
        }
    }

    /// A fresh job that somebody works on.
    pub(crate) async fn claimed(store: &Store, name: &str) -> Claim {
        let id = create_with(store, name, Priority::High).await;
        let claimed = store.claim_job(claimant("me")).await.unwrap().unwrap();
        assert_eq!(claimed.claim.job, id, "no other job may be there to claim");
        claimed.claim
    }

    pub(crate) async fn create_with(store: &Store, name: &str, priority: Priority) -> String {
        let mut new = new_job(name);
        new.request.options.priority = priority;
        match store.create_job(new).await.unwrap() {
            Accepted::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn new_node(node: &str, kind: &str) -> NewNode {
        NewNode {
            node: node.to_owned(),
            kind: kind.to_owned(),
            left_out: false,
        }
    }

    pub(crate) async fn create(store: &Store, name: &str) -> String {
        create_with(store, name, Priority::Normal).await
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{create, new_job};
    use super::*;
    use crate::store::testing as store_testing;

    #[tokio::test]
    async fn ids_are_found_by_beginning_and_by_latest() {
        let test = store_testing::open();
        let missing = test.store.resolve_job("latest").await;
        assert!(matches!(missing, Err(StoreError::UnknownJob(_))));
        let first = create(&test.store, "a").await;
        let second = create(&test.store, "b").await;
        assert_eq!(test.store.resolve_job(&first).await.unwrap(), first);
        assert_eq!(
            test.store
                .resolve_job(&first["job_".len()..])
                .await
                .unwrap(),
            first
        );
        assert_eq!(test.store.resolve_job("latest").await.unwrap(), second);
        let shared = test.store.resolve_job("job_0").await.unwrap_err();
        assert!(
            shared.to_string().contains("2 jobs begin with it"),
            "{shared}"
        );
        for wrong in ["", "job_f", "'; DROP TABLE jobs", "%"] {
            let outcome = test.store.resolve_job(wrong).await;
            assert!(
                matches!(outcome, Err(StoreError::UnknownJob(_))),
                "{wrong}: {outcome:?}"
            );
        }
    }

    #[tokio::test]
    async fn lists_are_newest_first_and_paged() {
        let test = store_testing::open();
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(create(&test.store, name).await);
        }
        ids.reverse();
        let mut filter = JobFilter {
            limit: 2,
            ..JobFilter::default()
        };
        let page = test.store.list_jobs(filter.clone()).await.unwrap();
        let listed: Vec<&String> = page.iter().map(|record| &record.job.id).collect();
        assert_eq!(listed, [&ids[0], &ids[1]]);
        filter.before = Some(page[1].ordinal);
        let rest = test.store.list_jobs(filter.clone()).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].job.id, ids[2]);
        filter.before = None;
        filter.state = Some(JobState::Failed);
        assert!(test.store.list_jobs(filter).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_another_version_wrote_breaks_no_list() {
        let test = store_testing::open();
        let id = create(&test.store, "a").await;
        let all = || JobFilter {
            limit: 9,
            ..JobFilter::default()
        };
        for (column, text) in [
            ("request", "{"),
            ("outputs", "[1]"),
            (
                "error",
                r#"{"node":"n","class":"of_next_year","message":"m","hint":"h"}"#,
            ),
        ] {
            test.store.spoil(column, &id, text).await;
            assert_eq!(
                test.store.list_jobs(all()).await.unwrap().len(),
                1,
                "{column}"
            );
        }
        let job = test.store.job(&id).await.unwrap();
        assert!(job.request.is_err());
        let error = job.job.error.unwrap();
        assert_eq!(
            (&*error.node, &*error.message, error.class),
            ("n", "m", None)
        );
        test.store.spoil("error", &id, "not even JSON").await;
        let error = test.store.job(&id).await.unwrap().job.error.unwrap();
        assert_eq!(error.message, "not even JSON");
    }

    #[tokio::test]
    async fn a_repeated_request_is_one_job_and_a_reused_key_is_none() {
        let test = store_testing::open();
        let with = |fingerprint: &str| NewJob {
            replay: Some(Replay {
                key: "k".to_owned(),
                fingerprint: fingerprint.to_owned(),
            }),
            ..new_job("a")
        };
        let Accepted::New(id) = test.store.create_job(with("f")).await.unwrap() else {
            panic!("the first request makes a job");
        };
        let again = test.store.create_job(with("f")).await.unwrap();
        assert_eq!(again, Accepted::Known(id));
        let other = test.store.create_job(with("g")).await.unwrap();
        assert_eq!(other, Accepted::KeyReused);
        let all = JobFilter {
            limit: 9,
            ..JobFilter::default()
        };
        assert_eq!(test.store.list_jobs(all).await.unwrap().len(), 1);
        test.clock.advance(1_000 * 3_600 * 24 * 8);
        test.store.tidy().await.unwrap();
        let forgotten = test.store.create_job(with("g")).await.unwrap();
        assert!(matches!(forgotten, Accepted::New(_)), "{forgotten:?}");
    }
}
