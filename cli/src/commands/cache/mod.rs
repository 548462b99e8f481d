//! `fenta cache`: what it holds, whether it is whole, clearing it, and keeping things in it on purpose.

mod clear;
mod look;
mod verify;

use super::Context;
use crate::command_error::CommandError;

/// What the cache holds; check it, clear it, keep things in it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CacheCommand {
    /// List results
    Ls(look::LsArgs),
    /// One result: its blobs, who uses it
    Show(look::ShowArgs),
    /// How much there is of what, and how much there may be
    Du,
    /// Read every blob; damaged ones are set aside and made again when they are needed (exit code 40)
    Verify,
    /// Clear what nobody needs
    Gc(clear::GcArgs),
    /// Keep the results of a job, or one result; without a name list what is kept
    Pin(clear::PinArgs),
    /// Take a pin back
    Unpin(clear::UnpinArgs),
}

impl CacheCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Ls(args) => look::list(context, args).await,
            Self::Show(args) => look::show(context, args).await,
            Self::Du => look::usage(context).await,
            Self::Verify => verify::run(context).await,
            Self::Gc(args) => clear::collect(context, args).await,
            Self::Pin(args) => clear::pin(context, args).await,
            Self::Unpin(args) => clear::unpin(context, args).await,
        }
    }
}

/// `1 blob`, `2 blobs`.
fn count(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
