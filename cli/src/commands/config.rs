//! `fenta config`: what the settings are, where they come from, and changing them.
//!
//! Neighbours: `config` holds the keys and the files. Flags win over the environment, that over the project's
//! `fenta.toml`, that over the user's file, that over the defaults.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fenta_workflows::nearest;
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::config::{self, KEYS, Key, Owner};
use crate::replace_file::replace_file;
use crate::ui::table::{Row, Table};

/// Settings of the user and of projects.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// List the settings with their values
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Print the value of a setting
    Get(GetArgs),
    /// Write a setting into the user's file, or into the project's with --project
    Set(SetArgs),
    /// Remove a setting from a file
    Unset(UnsetArgs),
    /// Print where the files are
    Path,
}

/// What to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Also say where each value comes from
    #[arg(long)]
    origin: bool,
}

/// One setting.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The setting, for example daemon.jobs
    #[arg(value_name = "KEY")]
    key: String,
}

/// A setting with a value.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The setting, for example daemon.jobs
    #[arg(value_name = "KEY")]
    key: String,
    /// Its value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// In the nearest fenta.toml, or in a new one here
    #[arg(long)]
    project: bool,
}

/// A setting to remove.
#[derive(Debug, clap::Args)]
pub(crate) struct UnsetArgs {
    /// The setting, for example daemon.jobs
    #[arg(value_name = "KEY")]
    key: String,
    /// From the nearest fenta.toml
    #[arg(long)]
    project: bool,
}

#[derive(Serialize)]
struct Shown {
    key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    origin: String,
    default: &'static str,
    doc: &'static str,
}

#[derive(Serialize)]
struct Files<'a> {
    project: Option<&'a Path>,
    user: Option<&'a Path>,
}

impl ConfigCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::List(args) => list(&args, context),
            Self::Get(args) => get(&args, context),
            Self::Set(args) => set(&args, context),
            Self::Unset(args) => unset(&args, context),
            Self::Path => path(context),
        }
    }
}

fn list(args: &ListArgs, context: &Context) -> Result<(), CommandError> {
    let all = KEYS.iter().map(|key| shown(key, context));
    if context.ui.is_json() {
        return all.into_iter().try_for_each(|one| context.ui.json(&one));
    }
    let mut table = Table::new(if args.origin {
        &["SETTING", "VALUE", "FROM"]
    } else {
        &["SETTING", "VALUE"]
    });
    for one in all {
        let value = one.value.unwrap_or_else(|| one.default.to_owned());
        let row = Row::new().cell(one.key).cell(value);
        table.row(if args.origin {
            row.cell(one.origin)
        } else {
            row
        });
    }
    context.ui.table(&table)
}

fn get(args: &GetArgs, context: &Context) -> Result<(), CommandError> {
    let one = shown(known(&args.key)?, context);
    if context.ui.is_json() {
        return context.ui.json(&one);
    }
    match one.value {
        Some(value) => context.ui.result(&value),
        None => {
            context
                .ui
                .note(&format!("`{}` is not set: {}", one.key, one.default));
            Ok(())
        }
    }
}

/// A key with its value now.
fn shown(key: &'static Key, context: &Context) -> Shown {
    let settings = &context.settings;
    let from_env = key.env.and_then(|name| {
        let (_, value) = settings
            .variables
            .iter()
            .find(|(known, _)| *known == name)?;
        Some((value.clone(), format!("environment: {name}")))
    });
    let from_file = || {
        let setting = settings.config.get(key.name)?;
        Some((setting.value.clone(), setting.file.display().to_string()))
    };
    let (value, origin) = match from_env.or_else(from_file) {
        Some((value, origin)) => (Some(value), origin),
        None => (None, "default".to_owned()),
    };
    Shown {
        key: key.name,
        value,
        origin,
        default: key.default,
        doc: key.doc,
    }
}

fn set(args: &SetArgs, context: &Context) -> Result<(), CommandError> {
    let key = known(&args.key)?;
    let owner = owner(args.project);
    if !key.may_be_set_by(owner) {
        return Err(CommandError::usage(
            format!("a project cannot set `{}`", key.name),
            "leave --project away: then it is set for you",
        ));
    }
    if let Some(complaint) = key.complaint(&args.value) {
        return Err(CommandError::usage(
            format!("{complaint}, not `{}`", args.value),
            key.doc,
        ));
    }
    let path = file(owner, context)?;
    let text = config::set(&path, &text(&path)?, key, &args.value)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| CommandError::Io {
            what: format!("cannot make the folder {}", folder.display()),
            source,
        })?;
    }
    replace_file(&path, text.as_bytes())?;
    let written = format!("{} = {} in {}", key.name, args.value, path.display());
    context.ui.note(&written);
    Ok(())
}

fn unset(args: &UnsetArgs, context: &Context) -> Result<(), CommandError> {
    let key = known(&args.key)?;
    let path = file(owner(args.project), context)?;
    match config::unset(&path, &text(&path)?, key)? {
        Some(text) => {
            replace_file(&path, text.as_bytes())?;
            context
                .ui
                .note(&format!("{} removed from {}", key.name, path.display()));
        }
        None => context
            .ui
            .note(&format!("{} is not in {}", key.name, path.display())),
    }
    Ok(())
}

fn path(context: &Context) -> Result<(), CommandError> {
    let places = &context.settings.places;
    if context.ui.is_json() {
        return context.ui.json(&Files {
            project: places.project.as_deref(),
            user: places.user.as_deref(),
        });
    }
    let mut table = Table::new(&["WHOSE", "FILE"]);
    for (whose, place) in [("project", &places.project), ("user", &places.user)] {
        if let Some(path) = place {
            table.row(Row::new().cell(whose).cell(path.display().to_string()));
        }
    }
    context.ui.table(&table)
}

const fn owner(project: bool) -> Owner {
    if project { Owner::Project } else { Owner::User }
}

/// The file to change.
fn file(owner: Owner, context: &Context) -> Result<PathBuf, CommandError> {
    let settings = &context.settings;
    match owner {
        Owner::Project => Ok(settings
            .places
            .project
            .clone()
            .unwrap_or_else(|| settings.current_dir.join("fenta.toml"))),
        Owner::User => settings.places.user.clone().ok_or_else(|| {
            CommandError::usage(
                "cannot tell where your settings are: HOME is not set",
                "set HOME or XDG_CONFIG_HOME",
            )
        }),
    }
}

/// The file's text; nothing when there is no file.
fn text(path: &Path) -> Result<String, CommandError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| CommandError::Io {
            what: format!("cannot read {}", path.display()),
            source,
        }),
    }
}

fn known(name: &str) -> Result<&'static Key, CommandError> {
    config::find(name).ok_or_else(|| CommandError::NotFound {
        message: format!("there is no setting `{name}`"),
        hint: Some(match nearest(name, KEYS.iter().map(|key| key.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`fenta config list` shows all settings".to_owned(),
        }),
    })
}
