//! Every row held against the workflow before any job starts: all that is wrong with all rows, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fenta_client::api::jobs::CreateJob;
use fenta_workflows::BindError;

use super::folder::{Facts, Template, collisions};
use super::row::{Row, RowProblem, Rows};
use crate::command_error::CommandError;
use crate::commands::run::inputs::paths;
use crate::commands::run::request::Request;

/// Numbers of rows have at least this many digits, so that most batches sort by name.
const MIN_DIGITS: usize = 3;

/// A row whose job can be submitted.
#[derive(Clone, Debug)]
pub(super) struct ReadyRow {
    /// From 1, in the order of the file.
    pub(super) number: usize,
    /// Its folder below the folder for results, which is its name.
    pub(super) name: String,
    /// `rows.csv:3`.
    pub(super) place: String,
    /// Its own values.
    pub(super) values: BTreeMap<String, String>,
    pub(super) job: CreateJob,
}

/// The rows as jobs, or everything that is wrong with them; what was found when they were read is told with it.
pub(super) fn settle(
    request: &Request,
    found: Rows,
    template: &Template,
) -> Result<Vec<ReadyRow>, CommandError> {
    let rows = found.rows.as_slice();
    shared_twice(request, rows)?;
    let mut problems = found.problems;
    let mut bad = BTreeSet::new();
    for (index, row) in rows.iter().enumerate() {
        // Files that all rows share are looked for once.
        let of_row = row_problems(request, row, index == 0);
        if !of_row.is_empty() {
            bad.insert(index);
        }
        problems.extend(of_row);
    }
    let digits = rows.len().to_string().len().max(MIN_DIGITS);
    let folders: Vec<String> = (1..)
        .zip(rows)
        .map(|(number, row)| {
            template.folder(&Facts {
                row,
                number,
                digits,
                values: &all_values(request, row),
            })
        })
        .collect();
    problems.extend(collisions(&folders).into_iter().map(|(first, second)| {
        bad.insert(second);
        let message = format!(
            "its results would overwrite those of {} in `{}`; put {{row}} into --name-template, or give the rows an `id`",
            said(rows, first),
            folders[second]
        );
        RowProblem::new(rows[second].place.clone(), message)
    }));
    if !problems.is_empty() {
        problems.sort();
        // Combinations share their values, and with them what is wrong with those.
        problems.dedup();
        return Err(CommandError::Rows {
            bad: bad.len() + found.unread,
            rows: rows.len() + found.unread,
            problems,
        });
    }
    let ready = (1..).zip(rows).zip(folders);
    Ok(ready
        .map(|((number, row), name)| ReadyRow {
            number,
            place: row.place.to_string(),
            values: row.values(),
            job: job(request, row, &name),
            name,
        })
        .collect())
}

fn said(rows: &[Row], index: usize) -> String {
    let place = rows[index].place.to_string();
    if rows[index].place.line > 0 {
        place
    } else {
        format!("row {}", index + 1)
    }
}

/// A value that all rows share and one of a row's own contradict each other.
fn shared_twice(request: &Request, rows: &[Row]) -> Result<(), CommandError> {
    for name in request.given.keys() {
        if let Some(row) = rows.iter().find(|row| row.has(name)) {
            return Err(CommandError::usage(
                format!(
                    "the input `{name}` is given for all rows and for one of them ({})",
                    row.place_of(name)
                ),
                format!("leave out -p {name} or the rows' own values"),
            ));
        }
    }
    Ok(())
}

fn all_values(request: &Request, row: &Row) -> BTreeMap<String, String> {
    let mut values = request.given.clone();
    values.extend(row.values());
    values
}

fn row_problems(request: &Request, row: &Row, shared: bool) -> Vec<RowProblem> {
    match request
        .workflow
        .bind(&all_values(request, row), &request.bases)
    {
        Err(errors) => errors
            .iter()
            .map(|error| {
                let place = match error {
                    BindError::Unknown { name, .. }
                    | BindError::Missing { name, .. }
                    | BindError::Invalid { name, .. } => row.place_of(name),
                    BindError::Computed { .. } => row.place_of(""),
                };
                RowProblem::new(place, error.to_string())
            })
            .collect(),
        Ok(values) => {
            let mut gone = Vec::new();
            for (name, spec) in request.workflow.inputs() {
                let looked_for = row.has(name) || (shared && request.given.contains_key(name));
                if !looked_for || !spec.input_type.is_path() {
                    continue;
                }
                let paths = values.get(name).map(paths).unwrap_or_default();
                gone.extend(
                    paths
                        .into_iter()
                        .filter(|path| !Path::new(path).exists())
                        .map(|path| {
                            let message =
                                format!("the input `{name}`: there is no file or folder {path}");
                            RowProblem::new(row.place_of(name), message)
                        }),
                );
            }
            gone
        }
    }
}

fn job(request: &Request, row: &Row, folder: &str) -> CreateJob {
    let base = request
        .out_dir
        .as_deref()
        .unwrap_or(&request.bases.caller_dir);
    CreateJob {
        params: all_values(request, row),
        out_dir: Some(format!("{}/{folder}", base.trim_end_matches('/'))),
        ..request.job()
    }
}
