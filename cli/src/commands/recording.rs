//! `fenta job export`, `import` and `replay`: a job as a file, and what a job looked like.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fenta_client::api::jobs::JobEvent;
use fenta_client::api::recordings::Recording;
use jiff::Timestamp;

use super::Context;
use crate::command_error::CommandError;
use crate::replace_file::replace_file;
use crate::trace::trace;
use crate::ui::job_lines::widest;
use crate::ui::progress::JobProgress;

/// Write a job to a file: its request, its nodes and everything that happened. What looks like a secret is left out.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Id, unique prefix of an id, or `latest`
    #[arg(value_name = "JOB")]
    job: String,
    /// Write here; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Recording)]
    format: Format,
}

/// What a job is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Everything; `import` and `replay` read it
    Recording,
    /// When what ran, for ui.perfetto.dev or chrome://tracing
    Trace,
}

/// Keep a recording beside the jobs of this daemon, to look at it with `show`, `logs` and `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// A file `fenta job export` wrote; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Show a job as it was shown while it ran.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// A job, or a file `fenta job export` wrote
    #[arg(value_name = "JOB|FILE")]
    what: String,
    /// How many times as fast as it was; 0 shows everything at once
    #[arg(long, value_name = "TIMES", default_value_t = 0.0, value_parser = speed)]
    speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed == 0.0 || (0.01..=10_000.0).contains(&speed) => Ok(speed),
        _ => Err("the speed is 0, or a number from 0.01 to 10000".to_owned()),
    }
}

impl ExportArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let library = context.session.library(&context.ui).await?;
        let recording = library.client().recording(&self.job).await?;
        let text = match self.format {
            Format::Recording => pretty(&recording)?,
            Format::Trace => pretty(&trace(&recording.events))?,
        };
        if self.output == Path::new("-") {
            return context.ui.result(&text);
        }
        let path = context.settings.current_dir.join(&self.output);
        write(&path, &text)?;
        context.ui.result(&path.display().to_string())
    }
}

impl ImportArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let recording = read(context, &self.file)?;
        let client = context.session.client(ui).await?;
        let job = client.import_recording(&recording).await?;
        if ui.is_json() {
            return ui.json(&job);
        }
        ui.result(&job.id)
    }
}

impl ReplayArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let file = context.settings.current_dir.join(&self.what);
        let recording = if file.is_file() {
            read(context, &file)?
        } else {
            let library = context.session.library(&context.ui).await?;
            library.client().recording(&self.what).await?
        };
        let width = widest(recording.job.nodes.iter().map(|run| run.node.as_str()));
        let mut progress = JobProgress::new(&context.ui, width);
        let mut before = None;
        for event in &recording.events {
            tokio::time::sleep(pause(before, event, self.speed)).await;
            before = event.at.parse::<Timestamp>().ok().or(before);
            progress.event(event)?;
        }
        Ok(())
    }
}

/// How long an event lets wait for it.
fn pause(before: Option<Timestamp>, event: &JobEvent, speed: f64) -> Duration {
    let (Some(before), Ok(at)) = (before, event.at.parse::<Timestamp>()) else {
        return Duration::ZERO;
    };
    let between = at.duration_since(before);
    if speed == 0.0 || between.is_negative() {
        return Duration::ZERO;
    }
    between.unsigned_abs().div_f64(speed)
}

/// Writes the trace of a job that was followed.
pub(super) async fn write_trace(
    context: &Context,
    job: &str,
    path: &Path,
) -> Result<(), CommandError> {
    let client = context.session.again().await?;
    let recording = client.recording(job).await?;
    write(path, &pretty(&trace(&recording.events))?)?;
    context.ui.note(&format!(
        "trace: {}; ui.perfetto.dev opens it",
        path.display()
    ));
    Ok(())
}

fn pretty(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string_pretty(value).map_err(|error| CommandError::Io {
        what: "cannot write it as JSON".to_owned(),
        source: error.into(),
    })
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    replace_file(path, format!("{text}\n").as_bytes())
}

fn read(context: &Context, file: &Path) -> Result<Recording, CommandError> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(context.settings.current_dir.join(file))
    };
    let text = text.map_err(|source| match source.kind() {
        std::io::ErrorKind::InvalidData => CommandError::usage(
            format!("{} is not a recording: it is no text", file.display()),
            "recordings are made by `fenta job export`",
        ),
        _ => CommandError::Io {
            what: format!("cannot read {}", file.display()),
            source,
        },
    })?;
    let recording: Recording = serde_json::from_str(&text).map_err(|error| {
        CommandError::usage(
            format!("{} is not a recording: {error}", file.display()),
            "recordings are made by `fenta job export`",
        )
    })?;
    recording.check().map_err(|reason| {
        CommandError::usage(
            format!("{} cannot be used: {reason}", file.display()),
            "recordings are made by `fenta job export`",
        )
    })?;
    Ok(recording)
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::JobEventKind;

    use super::*;

    #[test]
    fn pauses_follow_the_speed() {
        let event = JobEvent {
            seq: 2,
            job: "job_1".into(),
            at: "2026-01-01T00:00:03Z".into(),
            kind: JobEventKind::JobCancelled,
        };
        let before = "2026-01-01T00:00:01Z".parse().ok();
        assert_eq!(pause(before, &event, 4.0), Duration::from_millis(500));
        assert_eq!(pause(before, &event, 0.0), Duration::ZERO);
        assert_eq!(pause(None, &event, 1.0), Duration::ZERO);
        let late = "2026-01-01T00:00:09Z".parse().ok();
        assert_eq!(pause(late, &event, 1.0), Duration::ZERO, "clocks may jump");
    }

    #[test]
    fn speeds_have_bounds() {
        assert_eq!(speed("0"), Ok(0.0));
        assert_eq!(speed("2.5"), Ok(2.5));
        assert!(speed("-1").is_err() && speed("NaN").is_err() && speed("1e9").is_err());
    }
}
