//! `fenta watch`: workflows that begin when files come into a folder.
//!
//! Neighbours: `rule` reads which files, `here` watches until Ctrl-C, `show` prints watches, files and runs; the daemon looks at
//! the folders.

mod here;
mod rule;
mod show;

use fenta_client::api::watches::{PauseWatch, WatchAgain};

use super::Context;
use super::automation::{show_notices, warn_of_durability};
use crate::command_error::CommandError;
use crate::document::unicode;

/// Begin workflows when files come into a folder. `fenta watch DIR FILE` watches here until Ctrl-C.
#[derive(Debug, clap::Subcommand)]
#[command(
    override_usage = "fenta watch [OPTIONS] [DIR] FILE\n       fenta watch --explain PATH\n       fenta watch <COMMAND>"
)]
pub(crate) enum WatchCommand {
    /// Watch a folder until Ctrl-C: `fenta watch DIR FILE`
    #[command(hide = true)]
    Here(Box<rule::TargetArgs>),
    /// Keep a watch in the daemon
    Add(Box<rule::TargetArgs>),
    /// List watches and how many files are in which state
    Ls,
    /// One watch with its files and its newest runs
    Show(ShowArgs),
    /// Which rule decides about a file
    Explain(FileArgs),
    /// Begin the run of a file's content once more; without a file, all that failed
    Again(AgainArgs),
    /// Look at the folder no more until it is resumed
    Pause(PauseArgs),
    /// Look at the folder again; files that came meanwhile count
    Resume(OneWatch),
    /// Forget a watch and what it knows of contents; its jobs and results stay
    Rm(OneWatch),
}

/// A watch.
#[derive(Debug, clap::Args)]
pub(crate) struct OneWatch {
    /// Its name, its id or a unique prefix of it
    #[arg(value_name = "WATCH")]
    watch: String,
}

/// A watch with its files and runs.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    one: OneWatch,
    /// At most this many runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10000))]
    runs: u32,
    /// All files, also those that had their run
    #[arg(long)]
    all: bool,
}

/// A file of a watched folder.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// The file; the watch of its folder is found by itself
    #[arg(value_name = "PATH")]
    path: std::path::PathBuf,
    /// The watch, where several look at the folder: its name, its id or a unique prefix of it
    #[arg(long, value_name = "WATCH")]
    watch: Option<String>,
}

/// Runs to begin once more.
#[derive(Debug, clap::Args)]
pub(crate) struct AgainArgs {
    #[command(flatten)]
    one: OneWatch,
    /// The file
    #[arg(value_name = "PATH")]
    path: Option<std::path::PathBuf>,
}

/// Pause a watch.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    one: OneWatch,
    /// Why, for those who look later
    #[arg(long, default_value = "")]
    reason: String,
}

impl WatchCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let client = async || context.session.client(ui).await;
        match self {
            Self::Here(args) => here::run(*args, context).await,
            Self::Add(args) => {
                let new = args.read(context)?;
                let made = client().await?.create_watch(&new).await?;
                show::changed(context, &made, "is watched for")?;
                warn_of_durability(context);
                Ok(())
            }
            Self::Ls => {
                let items = client().await?.watches().await?.items;
                show::list(context, &items)?;
                if !items.is_empty() {
                    warn_of_durability(context);
                }
                Ok(())
            }
            Self::Show(args) => {
                let client = client().await?;
                let watch = client.watch(&args.one.watch).await?;
                let files = client.watch_files(&watch.id).await?;
                let runs = client.watch_runs(&watch.id, args.runs).await?;
                show::one(context, &watch, &files, &runs, args.all)?;
                show_notices(context, &client, &watch.id).await
            }
            Self::Explain(args) => args.explain(context).await,
            Self::Again(args) => {
                let path = args.path.map(|path| absolute(context, &path)).transpose()?;
                let what = WatchAgain { path };
                let files = client().await?.watch_again(&args.one.watch, &what).await?;
                if files.items.is_empty() {
                    ui.note("no run failed: there is nothing to begin again");
                }
                show::files(context, &files.items)
            }
            Self::Pause(args) => {
                let why = PauseWatch {
                    reason: args.reason,
                };
                let paused = client().await?.pause_watch(&args.one.watch, &why).await?;
                show::changed(context, &paused, "is paused for")
            }
            Self::Resume(one) => {
                let resumed = client().await?.resume_watch(&one.watch).await?;
                show::changed(context, &resumed, "is watched again for")
            }
            Self::Rm(one) => {
                let removed = client().await?.remove_watch(&one.watch).await?;
                show::changed(context, &removed, "is not watched any more for")
            }
        }
    }
}

impl FileArgs {
    async fn explain(self, context: &Context) -> Result<(), CommandError> {
        let path = absolute(context, &self.path)?;
        let client = context.session.client(&context.ui).await?;
        let watch = match self.watch {
            Some(watch) => watch,
            None => {
                let watches = client.watches().await?.items;
                // The innermost folder, where one watched folder lies in another.
                let mut over: Vec<_> = watches
                    .into_iter()
                    .filter(|watch| std::path::Path::new(&path).starts_with(&watch.rule.folder))
                    .collect();
                over.sort_by_key(|watch| watch.rule.folder.len());
                let Some(watch) = over.pop() else {
                    return Err(CommandError::usage(
                        format!("no watch looks at {path}"),
                        "`fenta watch ls` lists watches and their folders",
                    ));
                };
                watch.id
            }
        };
        let verdict = client.explain_watch(&watch, &path).await?;
        show::verdict(context, &verdict)
    }
}

/// A path as the daemon knows it.
fn absolute(context: &Context, path: &std::path::Path) -> Result<String, CommandError> {
    let whole = context.settings.current_dir.join(path);
    // The folder by what it is, the file by its name: a link is a file of its own.
    let real = match (
        whole.parent().map(std::path::Path::canonicalize),
        whole.file_name(),
    ) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => whole,
    };
    unicode(&real)
}
