//! `fenta run --batch` and `--matrix`: one workflow, many sets of values, a job each.
//!
//! Rows are read (`table_file`, `lines_file`, `matrix`), all of them are held against the workflow before any job starts
//! (`settle`), executed (`runner`) and added up (`summary`). Work that rows share is done once: the action cache sees to
//! that, nothing here.

mod folder;
mod lines_file;
mod matrix;
pub(crate) mod row;
mod runner;
mod settle;
mod summary;
mod table_file;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fenta_client::exit_code;
use fenta_workflows::InputType;

use self::folder::Template;
use self::row::{Names, Row, Rows};
use self::runner::{Ended, Pace};
use self::summary::Summary;
use super::request::Request;
use crate::command_error::CommandError;
use crate::commands::{Context, wait};
use crate::document::bounded_text_of;
use crate::settings::{Settings, in_environment};

/// More rows belong into several batches.
const MAX_ROWS: usize = 10_000;
/// Jobs at a time where nobody says.
const JOBS_AT_ONCE: u8 = 2;
/// Longest file of rows.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// One workflow with many sets of values.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Batches")]
pub(super) struct BatchArgs {
    /// Execute once per row of a .csv or .jsonl file (`-` for standard input): columns are inputs, `id` names the row
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// Execute once per value, NAME=A,B,C or NAME=@FILE with one a line; several make every combination
    #[arg(long, value_name = "NAME=A,B,C")]
    matrix: Vec<String>,
    /// The folder of each row below the folder for results: {row}, {id} and {INPUT} are filled in
    #[arg(
        long,
        value_name = "TEXT",
        env = "FENTA_NAME_TEMPLATE",
        hide_env_values = true
    )]
    name_template: Option<String>,
    /// Jobs at a time; 2 when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), env = "FENTA_MAX_PARALLEL_JOBS", hide_env_values = true)]
    max_parallel_jobs: Option<u8>,
    /// Start no more rows after the first that fails
    #[arg(long)]
    fail_fast: bool,
    /// Write the JSON summary to a file too
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

impl BatchArgs {
    /// Whether there are rows at all.
    pub(super) fn is_wanted(&self) -> bool {
        self.batch.is_some() || !self.matrix.is_empty()
    }

    /// The first flag that means nothing without rows. The environment may hold its values for every run.
    pub(super) fn without_rows(&self) -> Option<&'static str> {
        let typed = |given: bool, variable: &str| given && !in_environment(variable);
        [
            (
                typed(self.name_template.is_some(), "FENTA_NAME_TEMPLATE"),
                "--name-template",
            ),
            (
                typed(self.max_parallel_jobs.is_some(), "FENTA_MAX_PARALLEL_JOBS"),
                "--max-parallel-jobs",
            ),
            (self.fail_fast, "--fail-fast"),
            (self.summary.is_some(), "--summary"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }

    /// Does it.
    pub(super) fn run(self, context: &Context, request: &Request) -> Result<(), CommandError> {
        let found = self.rows(context, request)?;
        let inputs: Vec<&str> = request
            .workflow
            .inputs()
            .keys()
            .map(String::as_str)
            .collect();
        let template = match &self.name_template {
            Some(text) => Template::parse(text, &inputs)?,
            None => Template::of_ids(),
        };
        let elsewhere: BTreeSet<&str> = found
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().map(|(name, _)| name.as_str()))
            .collect();
        request.check_files(&elsewhere, context)?;
        let ready = settle::settle(request, found, &template)?;
        let at_once = self.max_parallel_jobs.unwrap_or(JOBS_AT_ONCE);
        context
            .ui
            .note(&format!("{} rows, {at_once} at a time", ready.len()));
        let begun = Instant::now();
        let pace = Pace {
            at_once: usize::from(at_once),
            fail_fast: self.fail_fast,
        };
        let ended = wait(runner::execute(context, &ready, pace))?;
        let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tell(context, &request.workflow.name, wall_ms, ended)
    }

    fn rows(&self, context: &Context, request: &Request) -> Result<Rows, CommandError> {
        let names = Names::new(request.workflow.inputs().keys().map(String::as_str));
        let mut found = match &self.batch {
            Some(file) => from_file(file, &names, request, context)?,
            None => Rows {
                rows: vec![Row::default()],
                ..Rows::default()
            },
        };
        let mut axes = Vec::new();
        for written in &self.matrix {
            axes.push(matrix::axis(written, &names, &|file| {
                text_of(Path::new(file), &context.settings)
            })?);
        }
        let rows = found.rows.len() + found.unread;
        if rows == 0 && found.problems.is_empty() {
            return Err(CommandError::usage(
                "the batch has no rows",
                "the first line names inputs, every other line is a row",
            ));
        }
        if rows > MAX_ROWS {
            return Err(CommandError::usage(
                format!("the batch has {rows} rows; at most {MAX_ROWS} run at once"),
                "split the file; finished work is not done again",
            ));
        }
        if !axes.is_empty() {
            found.unread *= axes.iter().map(|axis| axis.values.len()).product::<usize>();
            found.rows = matrix::product(found.rows, &axes)?;
        }
        Ok(found)
    }

    fn tell(
        &self,
        context: &Context,
        workflow: &str,
        wall_ms: u64,
        ended: Ended,
    ) -> Result<(), CommandError> {
        let ui = &context.ui;
        let signal = ended.signal;
        let summary = Summary::new(workflow, wall_ms, ended.results);
        if let Some(file) = &self.summary {
            write_summary(&context.settings.current_dir.join(file), &summary)?;
        }
        for path in &summary.overwritten {
            ui.warn(&format!(
                "more than one row wrote {path}; name it relative to the folder for results, or put an input into its name"
            ));
        }
        if ui.is_json() {
            ui.json(&summary)?;
        } else if ui.is_quiet() {
            for path in summary.results.iter().flat_map(|row| row.paths()) {
                ui.result(path)?;
            }
        } else {
            ui.note(&summary.line());
            // People get the table; a file or a program gets what it can read.
            if ui.out_is_terminal() {
                ui.table(&summary.table())?;
            } else {
                ui.json(&summary)?;
            }
        }
        outcome(&summary, signal)
    }
}

/// How the command ends: a signal says it, else the worst of the rows.
fn outcome(summary: &Summary, signal: Option<u8>) -> Result<(), CommandError> {
    let rows = summary.rows;
    let ended = |code| CommandError::BatchEnded {
        done: summary.completed,
        rows,
        code,
    };
    match signal {
        Some(code) => Err(ended(code)),
        None if summary.failed > 0 => Err(CommandError::BatchFailed {
            failed: summary.failed,
            rows,
        }),
        None if summary.paused > 0 => Err(ended(exit_code::PAUSED)),
        None if summary.cancelled > 0 => Err(ended(exit_code::CANCELLED)),
        None => Ok(()),
    }
}

fn from_file(
    file: &Path,
    names: &Names,
    request: &Request,
    context: &Context,
) -> Result<Rows, CommandError> {
    let text = text_of(file, &context.settings)?;
    let shown = match file == Path::new("-") {
        true => "<stdin>".to_owned(),
        false => file.display().to_string(),
    };
    if is_lines(file, &text) {
        let inputs = request.workflow.inputs();
        let types = |name: &str| {
            let spec = inputs.get(name);
            spec.map_or(InputType::String, |spec| spec.input_type.clone())
        };
        return Ok(lines_file::read(&shown, &text, names, &types));
    }
    let found = table_file::read(&shown, &text, names);
    if found.empty > 0 {
        context.ui.note(&format!(
            "{shown}: {} rows without any value are left out",
            found.empty
        ));
    }
    Ok(found)
}

/// By the name's end; where that says nothing, a file that begins with a brace is JSON.
fn is_lines(file: &Path, text: &str) -> bool {
    match file.extension().and_then(|end| end.to_str()) {
        Some("jsonl" | "ndjson") => true,
        Some("csv" | "tsv") => false,
        _ => text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('{'),
    }
}

fn text_of(path: &Path, settings: &Settings) -> Result<String, CommandError> {
    if path == Path::new("-") {
        return bounded_text_of(io::stdin().lock(), "standard input", MAX_BYTES);
    }
    let shown = path.display().to_string();
    let file = File::open(settings.current_dir.join(path)).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        CommandError::usage(
            format!("cannot read `{shown}`: {reason}"),
            "name a .csv or .jsonl file, or `-` for standard input",
        )
    })?;
    let text = bounded_text_of(file, &shown, MAX_BYTES)?;
    if text.len() as u64 >= MAX_BYTES {
        return Err(CommandError::usage(
            format!("`{shown}` is longer than 16 MiB"),
            "split it; finished work is not done again",
        ));
    }
    Ok(text)
}

/// Whole or not at all.
fn write_summary(path: &Path, summary: &Summary) -> Result<(), CommandError> {
    let failed = |source| CommandError::Io {
        what: format!("cannot write the summary to {}", path.display()),
        source,
    };
    let text = serde_json::to_string_pretty(summary).map_err(|error| failed(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(file, "{text}").map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
