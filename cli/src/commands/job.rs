//! `fenta job`: list, show, cancel and resume jobs.

use fenta_client::api::jobs::{
    Job, JobQuery, JobState, NodeRun, NodeState, OutputValue, ResolveJob, ResumeJob,
};
use jiff::Timestamp;

use super::Context;
use super::explain::{has_nothing_to_say, turns_of};
use super::ps::show;
use super::recording::{ExportArgs, ImportArgs, ReplayArgs};
use super::run::finish;
use crate::command_error::CommandError;
use crate::follow::{Followee, Interrupts};
use crate::ui::job_lines::{self, NodeCount};
use crate::ui::span;
use crate::ui::table::{Row, Table};
use crate::ui::turn;

/// `job_` and enough of the id to tell jobs of one day apart by eye.
const SHORT_ID: usize = 4 + 14;

/// Look at, cancel and resume jobs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first
    Ls(LsArgs),
    /// One job with its nodes
    Show(OneJob),
    /// End a job; what it has finished is kept
    Cancel(OneJob),
    /// Go on with a failed, cancelled or paused job; what it has finished is not done again
    Resume(ResumeArgs),
    /// Say whether a call was paid of which nobody knows; the job goes on
    Resolve(ResolveArgs),
    /// Write a job to a file, to look at it elsewhere
    Export(ExportArgs),
    /// Keep a job that was exported, to look at it here
    Import(ImportArgs),
    /// Show a job as it was shown while it ran
    Replay(ReplayArgs),
}

/// List jobs, newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000), env = "FENTA_LIMIT", hide_env_values = true)]
    limit: u32,
    /// Only jobs in this state
    #[arg(long, value_parser = parse_state)]
    state: Option<JobState>,
}

/// A job.
#[derive(Debug, clap::Args)]
pub(crate) struct OneJob {
    /// Id, unique prefix of an id, or `latest`
    #[arg(value_name = "JOB")]
    job: String,
}

/// Go on with a job.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    one: OneJob,
    /// Dollars to add to its budget, where that is what it stopped at
    #[arg(long, value_name = "USD")]
    add_budget: Option<String>,
    /// Credits to add to its budget
    #[arg(long, value_name = "N")]
    add_credits: Option<u64>,
    /// Render seconds to add to its budget
    #[arg(long, value_name = "SECONDS")]
    add_render_seconds: Option<u64>,
    /// Do not wait for its end
    #[arg(short, long)]
    detach: bool,
}

/// Say what became of a paid call.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("verdict").required(true).args(["paid", "not_paid", "found"])))]
pub(crate) struct ResolveArgs {
    #[command(flatten)]
    one: OneJob,
    /// It was paid, and its result is lost: the money counts, and the call is made again
    #[arg(long)]
    paid: bool,
    /// It was not paid
    #[arg(long)]
    not_paid: bool,
    /// The provider has it under this name: its result is fetched
    #[arg(long, value_name = "ID")]
    found: Option<String>,
}

impl ResolveArgs {
    fn verdict(&self) -> ResolveJob {
        match &self.found {
            Some(remote) => ResolveJob::Found {
                remote: remote.clone(),
            },
            None if self.paid => ResolveJob::Paid,
            None => ResolveJob::NotPaid,
        }
    }
}

impl JobCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Ls(args) => list(context, args).await,
            Self::Show(one) => show_one(context, &one.job).await,
            Self::Cancel(one) => cancel(context, &one.job).await,
            Self::Resume(args) => resume(context, args).await,
            Self::Resolve(args) => resolve(context, args).await,
            Self::Export(args) => args.run(context).await,
            Self::Import(args) => args.run(context).await,
            Self::Replay(args) => args.run(context).await,
        }
    }
}

async fn list(context: &Context, args: LsArgs) -> Result<(), CommandError> {
    let library = context.session.library(&context.ui).await?;
    let client = library.client();
    let mut jobs: Vec<Job> = Vec::new();
    let mut cursor = None;
    while jobs.len() < args.limit as usize {
        let left = args.limit - u32::try_from(jobs.len()).unwrap_or(args.limit);
        let query = JobQuery {
            limit: Some(left.min(200)),
            cursor: cursor.take(),
            state: args.state,
        };
        let page = client.jobs(&query).await?;
        let empty = page.items.is_empty();
        jobs.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || empty {
            break;
        }
    }
    show(context, &jobs)
}

async fn show_one(context: &Context, id: &str) -> Result<(), CommandError> {
    let ui = &context.ui;
    let library = context.session.library(ui).await?;
    let job = library.client().job(id).await?;
    if ui.is_json() {
        return ui.json(&job);
    }
    if ui.is_quiet() {
        return ui.result(&job.id);
    }
    ui.result(&facts(&job))?;
    ui.table(&node_table(&job))
}

async fn cancel(context: &Context, id: &str) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let job = client.job(id).await?;
    let job = client.cancel_job(&job.id).await?;
    if ui.is_json() {
        return ui.json(&job);
    }
    ui.note("asked to end");
    ui.result(&job.id)
}

async fn resume(context: &Context, args: ResumeArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let mut interrupts = Interrupts::listen()?;
    let before = client.job(&args.one.job).await?;
    // A finished job is not an error: its last event is read again, and its results with it.
    let more = ResumeJob {
        add_usd: args.add_budget,
        add_credits: args.add_credits,
        add_render_seconds: args.add_render_seconds,
    };
    let complete = before.state == JobState::Completed;
    let (job, after) = if complete {
        ui.note("the job is complete already; nothing is left to do");
        (before.clone(), before.last_seq.saturating_sub(1))
    } else {
        (client.resume_job(&before.id, &more).await?, before.last_seq)
    };
    if args.detach {
        return if ui.is_json() {
            ui.json(&job)
        } else {
            ui.result(&job.id)
        };
    }
    let width = job_lines::widest(before.nodes.iter().map(|node| node.node.as_str()));
    let followee = Followee { job, after, width };
    finish(context, followee, client, &mut interrupts)
        .await
        .map(drop)
}

async fn resolve(context: &Context, args: ResolveArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let job = client.resolve_job(&args.one.job, &args.verdict()).await?;
    if ui.is_json() {
        return ui.json(&job);
    }
    ui.note(&format!(
        "it goes on; `fenta logs {} -f` follows it",
        job.id
    ));
    ui.result(&job.id)
}

fn parse_state(text: &str) -> Result<JobState, String> {
    JobState::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| {
            let names: Vec<&str> = JobState::ALL.iter().map(|state| state.as_str()).collect();
            format!("the states are {}", names.join(", "))
        })
}

/// Jobs as a table.
pub(super) fn job_table(jobs: &[Job], now: Timestamp) -> Table {
    let mut header = vec!["JOB", "WORKFLOW", "STATE", "CREATED", "TOOK", "DETAIL"];
    // Most people have no schedules and no watches.
    let some_begun = jobs.iter().any(|job| job.begun_by.is_some());
    if some_begun {
        header.insert(2, "BEGUN BY");
    }
    let mut table = Table::new(&header);
    for job in jobs {
        let begun_by = job.begun_by.as_ref();
        let begun_by = begun_by.map_or(String::new(), |one| format!("{} {}", one.kind, one.name));
        let took = took(job).map_or(String::new(), span::short);
        let mut row = Row::new()
            .both(short_id(&job.id), &job.id)
            .cell(&job.workflow);
        if some_begun {
            row = row.person(&begun_by);
        }
        table.row(
            row.cell(job.state.as_str())
                .both(span::ago(&job.created_at, now), &job.created_at)
                .cell(took)
                .cell(detail(job))
                .program(begun_by),
        );
    }
    table
}

fn short_id(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

fn took(job: &Job) -> Option<u64> {
    span::between(job.started_at.as_deref()?, job.finished_at.as_deref()?)
}

/// The one thing to know about a job: why it failed, or what it made.
fn detail(job: &Job) -> String {
    if let Some(error) = &job.error {
        return if error.node.is_empty() {
            error.message.clone()
        } else {
            format!("{}: {}", error.node, error.message)
        };
    }
    let mut values = job.outputs.values();
    match (values.next(), values.next()) {
        (Some(OutputValue::Text(text)), None) => text.clone(),
        (Some(OutputValue::Text(text)), Some(_)) => {
            format!("{text} and {} more", job.outputs.len() - 1)
        }
        _ => String::new(),
    }
}

/// A job's facts, one a line.
fn facts(job: &Job) -> String {
    let mut lines = vec![
        format!("job       {}", job.id),
        format!("workflow  {}", job.workflow),
    ];
    lines.extend(job.path.iter().map(|path| format!("document  {path}")));
    let begun_by = job.begun_by.iter();
    lines.extend(begun_by.map(|one| format!("begun by  {} {} ({})", one.kind, one.name, one.id)));
    lines.push(format!("state     {}", job.state.as_str()));
    if !job.priority.is_normal() {
        lines.push(format!("priority  {}", job.priority.as_str()));
    }
    lines.push(format!("created   {}", job.created_at));
    lines.extend(took(job).map(|took| format!("took      {}", span::short(took))));
    if let Some(error) = &job.error {
        lines.push(format!("error     {}", detail(job)));
        if !error.hint.is_empty() {
            lines.push(format!("help      {}", error.hint));
        }
    }
    for (name, value) in &job.outputs {
        lines.push(format!("output    {name} = {value}"));
    }
    lines.join("\n")
}

/// A line per node; of turns only those that had something to do.
fn node_table(job: &Job) -> Table {
    let mut table = Table::new(&["NODE", "TYPE", "STATE", "WORK", "WHY"]);
    let nodes = job.nodes.iter();
    for run in nodes.filter(|run| turn::node_of(&run.node).is_none()) {
        let turns = turns_of(job, &run.node);
        let quiet = turns.iter().filter(|turn| has_nothing_to_say(turn)).count();
        let mut reasons = vec![why(run)];
        if quiet > 0 {
            reasons.push(format!(
                "{quiet} of {} turns had nothing to run",
                turns.len()
            ));
        }
        reasons.retain(|reason| !reason.is_empty());
        table.row(node_row(run, run.node.clone(), reasons.join("; ")));
        for turn in turns.into_iter().filter(|turn| !has_nothing_to_say(turn)) {
            table.row(node_row(turn, format!("  {}", turn.node), why(turn)));
        }
    }
    table
}

fn node_row(run: &NodeRun, shown: String, why: String) -> Row {
    Row::new()
        .both(shown, &run.node)
        .cell(&run.kind)
        .cell(run.state.as_str())
        .cell(work(run))
        .cell(why)
}

/// What a node did, in a few words; empty while there is nothing to say.
pub(super) fn work(run: &NodeRun) -> String {
    let count = NodeCount {
        ran: run.ran,
        cached: run.cached,
        wall_ms: run.wall_ms,
        saved_ms: run.saved_ms,
    };
    match run.state {
        _ if run.ran > 0 => format!("{} in {}", job_lines::work(count), span::short(run.wall_ms)),
        NodeState::Finished => job_lines::hit(count),
        _ => String::new(),
    }
}

fn why(run: &NodeRun) -> String {
    if let Some(error) = &run.error {
        return error.message.clone();
    }
    let mut reasons: Vec<String> = run.reasons.iter().map(ToString::to_string).collect();
    reasons.extend(Some(run.note.clone()).filter(|note| !note.is_empty()));
    reasons.join("; ")
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use fenta_client::api::jobs::{JobError, RerunReason};

    use super::*;

    pub(in crate::commands) fn job(state: JobState) -> Job {
        Job {
            begun_by: None,
            id: "job_0123456789abcdef0123456789abcdef".into(),
            workflow: "daily".into(),
            path: Some("/w/daily.yaml".into()),
            state,
            priority: fenta_client::api::jobs::Priority::Normal,
            created_at: "2026-01-01T00:00:00Z".into(),
            started_at: Some("2026-01-01T00:00:01Z".into()),
            finished_at: Some("2026-01-01T00:00:11Z".into()),
            error: None,
            outputs: BTreeMap::from([("video".into(), OutputValue::Text("/o/v.mp4".into()))]),
            nodes: vec![run(NodeState::Finished, 3, 11)],
            last_seq: 9,
        }
    }

    pub(in crate::commands) fn run(state: NodeState, ran: u32, cached: u32) -> NodeRun {
        NodeRun {
            node: "render".into(),
            kind: "Output.Render".into(),
            state,
            ran,
            cached,
            wall_ms: 9_800,
            saved_ms: 31_000,
            reasons: if ran > 0 {
                vec![RerunReason::FirstRun]
            } else {
                Vec::new()
            },
            error: None,
            note: String::new(),
        }
    }

    #[test]
    fn pipes_get_whole_ids_and_times() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let table = job_table(&[job(JobState::Completed)], now);
        assert_eq!(
            table.for_pipes(),
            "job_0123456789abcdef0123456789abcdef\tdaily\tcompleted\t2026-01-01T00:00:00Z\t10s\t/o/v.mp4\t"
        );
        let people = table.for_people(crate::ui::style::Style::new(false));
        assert!(
            people.contains("job_0123456789abcd ") && people.contains("1h ago"),
            "{people}"
        );
    }

    #[test]
    fn a_failed_job_shows_why() {
        let mut failed = job(JobState::Failed);
        failed.error = Some(JobError {
            class: None,
            node: "voice".into(),
            message: "no engine".into(),
            hint: "install it".into(),
        });
        assert_eq!(detail(&failed), "voice: no engine");
        let text = facts(&failed);
        assert!(
            text.contains("error     voice: no engine\nhelp      install it"),
            "{text}"
        );
    }

    #[test]
    fn turns_with_nothing_to_do_are_counted() {
        let mut job = job(JobState::Completed);
        for (index, ran) in [(0, 0), (1, 1), (2, 0)] {
            let mut turn = run(NodeState::Finished, ran, 1);
            turn.node = format!("render[{index}]");
            job.nodes.push(turn);
        }
        let pipes = node_table(&job).for_pipes();
        let lines: Vec<&str> = pipes.lines().collect();
        assert_eq!(lines.len(), 2, "{pipes}");
        assert!(
            lines[0].ends_with("first run; 2 of 3 turns had nothing to run"),
            "{pipes}"
        );
        assert!(lines[1].starts_with("render[1]\t"), "{pipes}");
    }

    #[test]
    fn work_is_told_by_what_happened() {
        assert_eq!(
            work(&run(NodeState::Finished, 3, 11)),
            "ran 3 of 14, saved 31s in 9.8s"
        );
        assert_eq!(work(&run(NodeState::Finished, 0, 2)), "HIT (saved 31s)");
        assert_eq!(work(&run(NodeState::Waiting, 0, 0)), "");
    }

    #[test]
    fn states_are_read_by_the_apis_words() {
        assert_eq!(parse_state("failed"), Ok(JobState::Failed));
        assert!(
            parse_state("done")
                .unwrap_err()
                .contains("queued, processing")
        );
    }
}
