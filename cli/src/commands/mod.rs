//! The subcommands: THE LIST. One file each: its arguments and what it does.
//!
//! Neighbours: `app` parses and calls; commands use `session`, `follow` and `ui`. A command never prints its own
//! errors and never ends the program.

mod api;
mod auth;
mod automation;
mod cache;
mod completions;
mod config;
mod context;
mod daemon;
mod doctor;
mod explain;
mod fmt;
mod graph;
mod help;
mod init;
mod job;
mod lock;
mod logs;
mod nodes;
mod plan;
mod prices;
mod providers;
mod ps;
mod recording;
pub(crate) mod run;
mod schedule;
mod schema;
mod service;
mod snapshot;
mod sync;
mod template;
mod timeline;
mod usage;
mod validate;
mod watch;
mod webhook;

use std::future::Future;

use crate::command_error::CommandError;
use crate::session::Session;
use crate::settings::Settings;
use crate::ui::Ui;

/// What every command gets.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) ui: Ui,
    pub(crate) session: Session,
}

/// What `fenta` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Execute a workflow and wait for its results
    Run(run::RunArgs),
    /// Make a picture of a finished video without rendering it
    Snapshot(snapshot::SnapshotArgs),
    /// What a run would do: hits and misses, time and money
    Plan(plan::PlanArgs),
    /// What fenta.lock pins, and whether it still fits
    Lock(lock::LockArgs),
    /// Check a workflow without executing it
    Validate(validate::ValidateArgs),
    /// Write a workflow to begin with
    Init(init::InitArgs),
    /// Lay out workflows and templates
    Fmt(fmt::FmtArgs),
    /// Draw the graph of a workflow
    Graph(graph::GraphArgs),
    /// Look at the timelines a workflow makes
    #[command(subcommand)]
    Timeline(timeline::TimelineCommand),
    /// Running and recent jobs
    Ps(ps::PsArgs),
    /// What happened in a job
    Logs(logs::LogsArgs),
    /// Why nodes ran or did not, or what an error code means
    Explain(explain::ExplainArgs),
    /// Look at, cancel and resume jobs
    #[command(subcommand)]
    Job(job::JobCommand),
    /// What the cache holds; check it, clear it, keep things in it
    #[command(subcommand)]
    Cache(cache::CacheCommand),
    /// Begin workflows by the clock
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Begin workflows when files come into a folder: `fenta watch DIR FILE` here, `add` in the daemon
    #[command(subcommand)]
    Watch(watch::WatchCommand),
    /// What was used and what it cost
    Usage(usage::UsageArgs),
    /// Who can be asked for what this machine cannot do, and servers on it that could be
    Providers(providers::ProvidersArgs),
    /// What models cost, and since when that is known
    Prices(prices::PricesArgs),
    /// Logging in to a server, and keys of providers
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    /// The servers you work with: this machine, the hosted service, those of teams
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Hand in to a server what this machine did: off until you say where
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    /// Messages to addresses of yours, and what they are signed with
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Start, stop and look at the daemon
    #[command(subcommand)]
    Daemon(daemon::DaemonCommand),
    /// Call a route of the API, for scripts
    Api(api::ApiArgs),
    /// The node types workflows are made of
    #[command(subcommand)]
    Nodes(nodes::NodesCommand),
    /// Print a JSON Schema for editors
    Schema(schema::SchemaArgs),
    /// Settings of the user and of projects
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// The templates a video is cut with
    #[command(subcommand)]
    Template(template::TemplateCommand),
    /// Check what Fenta needs on this machine
    Doctor(doctor::DoctorArgs),
    /// Help about a command, or about `exit-codes`
    Help(help::HelpArgs),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Run(args) => args.run(context),
            Self::Snapshot(args) => args.run(context),
            Self::Plan(args) => args.run(context),
            Self::Lock(args) => args.run(context),
            Self::Timeline(command) => command.run(context),
            Self::Validate(args) => args.run(context),
            Self::Init(args) => args.run(context),
            Self::Fmt(args) => args.run(context),
            Self::Graph(args) => args.run(context),
            Self::Ps(args) => wait(args.run(context)),
            Self::Logs(args) => wait(args.run(context)),
            Self::Explain(args) => args.run(context),
            Self::Job(command) => wait(command.run(context)),
            Self::Cache(command) => wait(command.run(context)),
            Self::Schedule(command) => wait(command.run(context)),
            Self::Watch(command) => wait(command.run(context)),
            Self::Usage(args) => wait(args.run(context)),
            Self::Providers(args) => wait(args.run(context)),
            Self::Prices(args) => args.run(context),
            Self::Auth(command) => wait(command.run(context)),
            Self::Context(command) => wait(command.run(context)),
            Self::Sync(command) => wait(command.run(context)),
            Self::Webhook(command) => command.run(context),
            Self::Daemon(command) => wait(command.run(context)),
            Self::Api(args) => wait(args.run(context)),
            Self::Nodes(command) => command.run(context),
            Self::Schema(args) => args.run(context),
            Self::Config(command) => command.run(context),
            Self::Completions(args) => args.run(context),
            Self::Template(command) => command.run(context),
            Self::Doctor(args) => wait(args.run(context)),
            Self::Help(args) => args.run(context),
        }
    }
}

/// Runs what waits for the daemon. One thread is enough: all of it is waiting.
fn wait<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CommandError::Io {
            what: "cannot start the event loop".to_owned(),
            source,
        })?
        .block_on(work)
}
