//! Which work of a document: the flags that leave nodes out, make them anew, or keep them from the network.
//!
//! Shared by `run`, `plan` and `timeline show`. Neighbours: the daemon does what these say; names are held against the
//! document here, so that a slip is told before anything starts.

use clap::ArgAction;
use clap::builder::FalseyValueParser;
use fenta_client::api::jobs::{Priority, Refresh, RunOptions, View};
use fenta_workflows::{Workflow, nearest};

use crate::command_error::CommandError;
use crate::document::Document;
use crate::lock_file;

/// Which work.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which work")]
pub(in crate::commands) struct SelectionArgs {
    /// Only these nodes; what they build on must be in the cache
    #[arg(long, value_name = "NODE,...", value_delimiter = ',', conflicts_with_all = ["until", "from"])]
    only: Vec<String>,
    /// These nodes and what they build on; nothing after them
    #[arg(long, value_name = "NODE,...", value_delimiter = ',')]
    until: Vec<String>,
    /// These nodes and what builds on them, again; what they build on must be in the cache
    #[arg(long, value_name = "NODE,...", value_delimiter = ',')]
    from: Vec<String>,
    /// Make results anew although they are there: of these nodes, or of all
    #[arg(long, value_name = "NODE,...", value_delimiter = ',', num_args = 0..=1, require_equals = true, default_missing_value = ALL)]
    refresh: Vec<String>,
    /// Read nothing from the cache
    #[arg(long, env = "FENTA_NO_CACHE", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    no_cache: bool,
    /// Call no provider outside this machine
    #[arg(long, env = "FENTA_OFFLINE", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    offline: bool,
    /// Begin work of which nobody can tell the price, although there is a budget; it counts with what it turns out to cost
    #[arg(long, env = "FENTA_ACCEPT_UNKNOWN", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    accept_unknown: bool,
    /// Use this seed instead of the document's
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        env = "FENTA_SEED",
        hide_env_values = true
    )]
    seed: Option<i64>,
    /// Use exactly what fenta.lock pins, call no provider, and refuse everything else
    #[arg(long, conflicts_with_all = ["refresh", "no_cache", "seed"], env = "FENTA_FROZEN", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    frozen: bool,
    /// How urgent it is: low, normal or high; urgent jobs begin first and have more turns than others
    #[arg(long, value_name = "PRIORITY", default_value = "normal", value_parser = priority, env = "FENTA_PRIORITY", hide_env_values = true, hide_default_value = true)]
    priority: Priority,
    /// Worker processes at a time for this job, at most; the daemon's FENTA_JOBS is for all jobs together
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// The day the run is of instead of today, YYYY-MM-DD: what ${{ job.date }} says
    #[arg(long, value_name = "DAY", env = "FENTA_DATE", hide_env_values = true)]
    date: Option<jiff::civil::Date>,
}

/// What `--refresh` without a node stands for; no node has an empty name.
const ALL: &str = "";

impl SelectionArgs {
    /// Whether results must be exactly those of the lock.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether a part of the document is left out.
    pub(super) fn is_partial(&self) -> bool {
        !(self.only.is_empty() && self.until.is_empty())
    }

    /// The options of the run, with the lock where it is needed.
    pub(super) fn options(
        &self,
        document: &Document,
        workflow: &Workflow,
    ) -> Result<RunOptions, CommandError> {
        for (flag, names) in [
            ("--only", &self.only),
            ("--until", &self.until),
            ("--from", &self.from),
            ("--refresh", &self.refresh),
        ] {
            for name in names.iter().filter(|name| *name != ALL) {
                known(flag, name, workflow)?;
            }
        }
        let lock = match self.frozen {
            true => Some(lock_file::of(document)?.pinned()?),
            false => None,
        };
        Ok(RunOptions {
            only: self.only.clone(),
            until: self.until.clone(),
            from: self.from.clone(),
            refresh: self.refreshed(),
            no_cache: self.no_cache,
            offline: self.offline,
            accept_unknown: self.accept_unknown,
            seed: self.seed,
            frozen: self.frozen,
            lock,
            priority: self.priority,
            jobs: self.jobs,
            date: self.date.map(|day| day.to_string()),
            view: View::default(),
        })
    }

    fn refreshed(&self) -> Refresh {
        if self.refresh.is_empty() {
            Refresh::None
        } else if self.refresh.iter().any(|name| name == ALL) {
            Refresh::All
        } else {
            Refresh::Nodes(self.refresh.clone())
        }
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    let names = Priority::ALL.map(Priority::as_str);
    Priority::ALL
        .into_iter()
        .find(|priority| priority.as_str() == text)
        .ok_or_else(|| format!("the priorities are {}", names.join(", ")))
}

fn known(flag: &str, name: &str, workflow: &Workflow) -> Result<(), CommandError> {
    if workflow.nodes().contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = workflow.nodes().keys().map(|id| id.as_str()).collect();
    let message = format!("{flag} {name}: the workflow has no node `{name}`");
    Err(match nearest(name, names.iter().copied()) {
        Some(near) => CommandError::usage(message, format!("did you mean `{near}`?")),
        None => CommandError::usage(message, format!("its nodes: {}", names.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn parse(args: &[&str]) -> Result<SelectionArgs, clap::Error> {
        let matches = SelectionArgs::augment_args(Command::new("x").no_binary_name(true))
            .try_get_matches_from(args)?;
        SelectionArgs::from_arg_matches(&matches)
    }

    #[test]
    fn lists_and_repetitions_add_up() {
        let args = parse(&["--until", "a,b", "--until", "c", "--seed", "-4"]).unwrap();
        assert_eq!(args.until, ["a", "b", "c"]);
        assert_eq!(args.seed, Some(-4));
        assert!(args.is_partial() && !args.is_frozen());
    }

    #[test]
    fn refresh_is_of_some_or_of_all() {
        assert_eq!(parse(&[]).unwrap().refreshed(), Refresh::None);
        assert_eq!(parse(&["--refresh"]).unwrap().refreshed(), Refresh::All);
        assert_eq!(
            parse(&["--refresh=a,b"]).unwrap().refreshed(),
            Refresh::Nodes(vec!["a".into(), "b".into()])
        );
        assert_eq!(
            parse(&["--refresh=a", "--refresh"]).unwrap().refreshed(),
            Refresh::All
        );
    }

    #[test]
    fn a_job_may_be_urgent_or_modest() {
        let args = parse(&["--priority", "high", "-j", "2"]).unwrap();
        assert_eq!((args.priority, args.jobs), (Priority::High, Some(2)));
        assert_eq!(parse(&[]).unwrap().priority, Priority::Normal);
        for wrong in [&["--priority", "urgent"][..], &["--jobs", "0"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn wishes_that_contradict_each_other_are_refused() {
        for args in [
            &["--only", "a", "--until", "b"][..],
            &["--only", "a", "--from", "b"],
            &["--frozen", "--refresh"],
            &["--frozen", "--no-cache"],
            &["--frozen", "--seed", "1"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        assert!(parse(&["--from", "a", "--until", "b"]).is_ok());
    }
}
