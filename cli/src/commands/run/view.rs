//! The flags that make less of a video than all of it: `--draft` and `--range`.
//!
//! Their results get names of their own, so a finished video is never replaced by a look at it.

use clap::ArgAction;
use clap::builder::FalseyValueParser;
use fenta_client::api::jobs::{Part, View};

/// How much of each video.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ViewArgs {
    /// Render small and quick, with the look of the real one; results end in -draft
    #[arg(long, env = "FENTA_DRAFT", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    draft: bool,
    /// Render only this part of each video, for example 2s..5.5s, 12s.. or ..3s; results end in its times
    #[arg(
        long,
        value_name = "FROM..TO",
        allow_hyphen_values = true,
        env = "FENTA_RANGE",
        hide_env_values = true
    )]
    range: Option<Part>,
}

impl ViewArgs {
    /// As the daemon is told.
    pub(super) fn view(&self) -> View {
        View {
            draft: self.draft,
            part: self.range,
            still: None,
        }
    }
}
