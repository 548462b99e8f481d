//! `fenta init`: a workflow of the library, with what an editor and a first run need.
//!
//! Neighbours: `fenta_workflows::library` holds the workflows and their files; nothing that is there is replaced unless
//! the user says so.

use std::fs;
use std::path::{Path, PathBuf};

use fenta_workflows::execution::{SourceFile, compile};
use fenta_workflows::{library, nearest};
use serde::Serialize;

use super::Context;
use super::schema::{SchemaOf, text};
use crate::command_error::CommandError;
use crate::replace_file::replace_file;
use crate::ui::table::{Row, Table};

/// The workflow for those who name none.
const FIRST: &str = "daily-short";
/// The schema's place beside a workflow.
const SCHEMA: &str = ".fenta/workflow.schema.json";

/// Write a workflow to begin with, a schema for the editor and the files the workflow refers to. `--list` shows the
/// workflows there are.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The workflow to begin with
    #[arg(value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// The folder to write to; made when it is not there
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// Give the copy another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// List the workflows and write nothing
    #[arg(long, conflicts_with_all = ["workflow", "name", "force"])]
    list: bool,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct Written {
    files: Vec<String>,
    run: String,
}

impl InitArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        if self.list {
            return list(context);
        }
        let workflow = match &self.workflow {
            Some(name) => name.clone(),
            None => asked(context)?,
        };
        let source = library::find(&workflow).ok_or_else(|| unknown(&workflow))?;
        let name = self.name.clone().unwrap_or_else(|| workflow.clone());
        check_name(&name)?;
        let mut files = vec![
            (
                PathBuf::from(format!("{name}.yaml")),
                document(source, &workflow, &name).into_bytes(),
            ),
            (
                PathBuf::from(SCHEMA),
                (text(SchemaOf::Workflow)? + "\n").into_bytes(),
            ),
        ];
        let beside = library::files(&workflow);
        files.extend(beside.map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())));
        self.write(&files, context)?;
        self.tell(&name, &files, context)
    }

    fn write(&self, files: &[(PathBuf, Vec<u8>)], context: &Context) -> Result<(), CommandError> {
        let dir = context.settings.current_dir.join(&self.dir);
        if !self.force {
            // The schema is ours: writing it anew loses nothing.
            let taken = files
                .iter()
                .map(|(path, _)| path)
                .find(|path| *path != Path::new(SCHEMA) && dir.join(path).exists());
            if let Some(path) = taken {
                return Err(CommandError::usage(
                    format!("{} is there already", self.dir.join(path).display()),
                    "name another one with --name or another folder, or replace it with --force",
                ));
            }
        }
        for (path, bytes) in files {
            let path = dir.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|source| CommandError::Io {
                    what: format!("cannot make the folder {}", folder.display()),
                    source,
                })?;
            }
            replace_file(&path, bytes)?;
        }
        Ok(())
    }

    /// What was written, and what to type next.
    fn tell(
        &self,
        name: &str,
        files: &[(PathBuf, Vec<u8>)],
        context: &Context,
    ) -> Result<(), CommandError> {
        let shown = |path: &Path| {
            let path = self.dir.join(path);
            let plain = path.strip_prefix(".").unwrap_or(&path);
            plain.display().to_string()
        };
        let paths: Vec<String> = files.iter().map(|(path, _)| shown(path)).collect();
        let run = format!("fenta run {}{}", paths[0], self.missing(name, context));
        if context.ui.is_json() {
            return context.ui.json(&Written { files: paths, run });
        }
        for path in &paths {
            context.ui.result(path)?;
        }
        context.ui.note(&format!("next: {run}"));
        Ok(())
    }

    /// Flags for the inputs whose default is a file only the user has.
    fn missing(&self, name: &str, context: &Context) -> String {
        let dir = context.settings.current_dir.join(&self.dir);
        let path = dir.join(format!("{name}.yaml"));
        let source = SourceFile {
            text: fs::read_to_string(&path).unwrap_or_default(),
            name: name.to_owned(),
        };
        let Ok((workflow, _)) = compile(&source) else {
            return String::new();
        };
        let paths = workflow.inputs().iter().filter(|(_, input)| {
            let default = input.default.as_ref().map(|value| value.to_json());
            let file = default.as_ref().and_then(|value| value.as_str());
            input.input_type.is_path() && file.is_some_and(|file| !dir.join(file).exists())
        });
        paths.map(|(name, _)| format!(" -p {name}=PATH")).collect()
    }
}

fn list(context: &Context) -> Result<(), CommandError> {
    let mut table = Table::new(&["WORKFLOW", "WHAT IT MAKES"]);
    for (name, text) in library::ALL {
        let source = SourceFile {
            name: format!("{name}.yaml"),
            text: (*text).to_owned(),
        };
        let description = compile(&source).map_or_else(
            |_| String::new(),
            |(workflow, _)| workflow.description.clone(),
        );
        if context.ui.is_json() {
            context.ui.json(&Listed {
                name,
                description: &description,
            })?;
        }
        table.row(Row::new().cell(*name).cell(description));
    }
    if context.ui.is_json() {
        Ok(())
    } else {
        context.ui.table(&table)
    }
}

/// Asks on a terminal; elsewhere takes the first.
fn asked(context: &Context) -> Result<String, CommandError> {
    if !context.ui.is_interactive() {
        return Ok(FIRST.to_owned());
    }
    let names: Vec<&str> = library::ALL.iter().map(|(name, _)| *name).collect();
    let question = format!("Which workflow ({})? [{FIRST}]", names.join(", "));
    let answer = context.ui.ask(&question)?.unwrap_or_default();
    Ok(match answer.trim() {
        "" => FIRST.to_owned(),
        name => name.to_owned(),
    })
}

fn unknown(name: &str) -> CommandError {
    let names = || library::ALL.iter().map(|(name, _)| *name);
    CommandError::NotFound {
        message: format!("the library has no workflow `{name}`"),
        hint: Some(match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
        }),
    }
}

/// The name becomes a file's name and a value in the document.
fn check_name(name: &str) -> Result<(), CommandError> {
    let plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain && !name.ends_with(".yaml") {
        return Ok(());
    }
    Err(CommandError::usage(
        format!("`{name}` cannot be the name of a workflow"),
        "use letters, digits, -, _ and dots; `.yaml` is added",
    ))
}

/// The library's text under another name, with the line that tells editors of the schema.
fn document(source: &str, old: &str, new: &str) -> String {
    let renamed = source
        .replace(&format!("\nname: {old}\n"), &format!("\nname: {new}\n"))
        .replace(
            &format!("fenta run {old}.yaml"),
            &format!("fenta run {new}.yaml"),
        );
    format!("# yaml-language-server: $schema={SCHEMA}\n{renamed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_compile_under_their_new_name() {
        for (name, text) in library::ALL {
            let source = SourceFile {
                name: "mine.yaml".into(),
                text: document(text, name, "mine"),
            };
            let (workflow, _) = compile(&source).unwrap_or_else(|found| panic!("{found}"));
            assert_eq!(workflow.name, "mine");
            assert!(!source.text.contains(&format!("fenta run {name}.yaml")));
        }
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for name in ["../x", "a/b", "", "-x", "x.yaml", "a b", "a: b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("my-news_2.draft").is_ok());
    }
}
