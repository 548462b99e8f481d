//! `fentad serve`, `owner`, `plan`, `backup` and `restore`: a team server, for whoever runs it. Part of the program, not of
//! the library: it reads standard input and writes to standard output.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use fenta_daemon::clock::SystemClock;
use fenta_daemon::settings::Settings;
use fenta_daemon::state_dir::private_folder;
use fenta_daemon::store::accounts::Accounts;
use fenta_daemon::team::backup::{back_up, restore};
use fenta_daemon::team::config::TeamConfig;
use fenta_daemon::team::{accounts_database, create_owner, serve};
use fenta_workflows::tiers::TierName;

/// The longest password that is read.
const PASSWORD_BYTES: u64 = 4096;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TeamCommand {
    /// Serve several people: accounts, organisations, and a runner for each of them
    Serve(ServeArgs),
    /// Make an organisation with its first owner; a password is made up and told once
    Owner(OwnerArgs),
    /// Give an organisation another plan: free, starter, pro or enterprise
    Plan(PlanArgs),
    /// Copy the whole server to a folder, while it works; again into the same folder copies what is new
    Backup(FolderArgs),
    /// Make the server of a backup, in a state directory that is empty
    Restore(FolderArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The server's settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the log to standard error instead of a file
    #[arg(long)]
    pub(crate) foreground: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OwnerArgs {
    /// Address of the account
    email: String,
    /// Name of the organisation
    org: String,
    /// The server's settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Read the password from standard input instead of making one up
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The organisation: name or id
    org: String,
    /// The plan
    plan: TierName,
    /// The server's settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// The folder of the backup
    folder: PathBuf,
    /// The server's settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl TeamCommand {
    /// Where a server keeps its log; the other commands have none.
    pub(crate) fn log_folder(&self) -> anyhow::Result<Option<PathBuf>> {
        match self {
            Self::Serve(args) if !args.foreground => {
                let config = TeamConfig::read(&args.config)?;
                private_folder(&config.state_dir)?;
                Ok(Some(config.state_dir.join("logs")))
            }
            _ => Ok(None),
        }
    }

    /// Does it.
    pub(crate) async fn run(self, settings: Settings) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        match self {
            Self::Serve(args) => {
                let config = TeamConfig::read(&args.config)?;
                let settings = serve::settings_of(&config, settings);
                Ok(serve::run(config, settings).await?)
            }
            Self::Owner(args) => args.run().await,
            Self::Plan(args) => {
                let accounts = accounts(&TeamConfig::read(&args.config)?)?;
                let known = accounts.set_tier(&args.org, args.plan.name()).await?;
                anyhow::ensure!(known, "there is no organisation `{}`", args.org);
                writeln!(out, "{} has the plan {}", args.org, args.plan)?;
                Ok(())
            }
            Self::Backup(args) => {
                let config = TeamConfig::read(&args.config)?;
                let copied = back_up(&config.state_dir, &std::path::absolute(args.folder)?).await?;
                writeln!(
                    out,
                    "{} organisation(s), {} new file(s), {} bytes",
                    copied.organisations, copied.files, copied.bytes
                )?;
                Ok(())
            }
            Self::Restore(args) => {
                let config = TeamConfig::read(&args.config)?;
                let copied = restore(&std::path::absolute(args.folder)?, &config.state_dir).await?;
                writeln!(
                    out,
                    "{} organisation(s), {} file(s)",
                    copied.organisations, copied.files
                )?;
                Ok(())
            }
        }
    }
}

impl OwnerArgs {
    async fn run(self) -> anyhow::Result<()> {
        let accounts = accounts(&TeamConfig::read(&self.config)?)?;
        let given = match self.password_stdin {
            true => {
                let mut text = String::new();
                std::io::stdin()
                    .lock()
                    .take(PASSWORD_BYTES)
                    .read_to_string(&mut text)?;
                Some(text)
            }
            false => None,
        };
        let made = create_owner(&accounts, &self.email, &self.org, given).await?;
        let mut out = std::io::stdout();
        writeln!(out, "user {}\norganisation {}", made.user, made.org)?;
        if let Some(password) = made.password {
            writeln!(out, "password {password}")?;
        }
        Ok(())
    }
}

fn accounts(config: &TeamConfig) -> anyhow::Result<Accounts> {
    private_folder(&config.state_dir)?;
    let database = accounts_database(&config.state_dir);
    Ok(Accounts::open(&database, false, Arc::new(SystemClock))?)
}
