//! The part of the command line that says what to execute: a document, its values, and which of its work.
//!
//! Shared by `run`, `plan` and `timeline show`, so that a plan is the plan of the very job that would run. Neighbours:
//! `params` reads values, `inputs` holds them against the workflow, `selection` says which work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fenta_client::api::jobs::{CreateJob, Lock, RunOptions};
use fenta_workflows::{PathBases, Workflow};

use super::selection::SelectionArgs;
use super::{inputs, params};
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::document::{Document, unicode};

/// A document and its values.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct RequestArgs {
    /// The workflow document; `-` for standard input. Its inputs are flags after it: `w.yaml --topic bees`
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A value for an input: NAME=VALUE, NAME=@FILE for a file's text, NAME=@@TEXT for a text that begins with @
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// A flag named after an input, as `input_flags` passes it on
    #[arg(long = "input-flag", value_name = "NAME=VALUE", hide = true)]
    input_flag: Vec<String>,
    /// Values for inputs from a YAML or JSON file; -p and flags win over it
    #[arg(
        long,
        value_name = "FILE",
        env = "FENTA_PARAMS_FILE",
        hide_env_values = true
    )]
    params_file: Option<PathBuf>,
    /// The folder relative results go to; the current one by default
    #[arg(
        short,
        long,
        value_name = "DIR",
        env = "FENTA_OUT",
        hide_env_values = true
    )]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
}

/// A document that compiles, with the values given for it.
pub(in crate::commands) struct Request {
    pub(in crate::commands) document: Document,
    pub(in crate::commands) workflow: Workflow,
    /// As typed; not yet held against the inputs' types.
    pub(in crate::commands) given: BTreeMap<String, String>,
    pub(in crate::commands) bases: PathBases,
    /// Absolute folder for results, if one was named.
    pub(in crate::commands) out_dir: Option<String>,
    /// What of it to run.
    pub(in crate::commands) options: RunOptions,
}

impl RequestArgs {
    /// Reads everything that is named.
    pub(in crate::commands) fn read(&self, context: &Context) -> Result<Request, CommandError> {
        let Context { settings, ui, .. } = context;
        let document = Document::read(&self.file, settings)?;
        let workflow = document.compile(ui)?;
        let given = params::read(
            &params::Given {
                params: &self.param,
                flags: &self.input_flag,
                file: self.params_file.as_deref(),
            },
            &workflow,
            settings,
        )?;
        let bases = PathBases {
            workflow_dir: document.dir.clone(),
            caller_dir: unicode(&settings.current_dir)?,
        };
        let out_dir = match self.out.as_ref().or(settings.out_dir.as_ref()) {
            Some(out) => Some(unicode(&settings.current_dir.join(out))?),
            None => None,
        };
        let options = self.selection.options(&document, &workflow)?;
        Ok(Request {
            document,
            workflow,
            given,
            bases,
            out_dir,
            options,
        })
    }
}

impl Request {
    /// Makes the values complete and right, or says everything that is wrong with them and with the document's files.
    pub(in crate::commands) fn settle(&mut self, context: &Context) -> Result<(), CommandError> {
        self.check_files(&BTreeSet::new(), context)?;
        inputs::settle(&self.workflow, &mut self.given, &self.bases, &context.ui)
    }

    /// Fails when a file that the document names is not there. Inputs in `elsewhere` get their values later.
    pub(super) fn check_files(
        &self,
        elsewhere: &BTreeSet<&str>,
        context: &Context,
    ) -> Result<(), CommandError> {
        let names = self.given.keys().map(String::as_str);
        let given = names.chain(elsewhere.iter().copied()).collect();
        self.document
            .check_files(&self.workflow, &given, &context.ui)
    }

    /// The job as a frozen run would submit it.
    pub(in crate::commands) fn frozen_job(&self, lock: Lock) -> CreateJob {
        let mut job = self.job();
        job.options.frozen = true;
        job.options.lock = Some(lock);
        job
    }

    /// The job as it is submitted.
    pub(in crate::commands) fn job(&self) -> CreateJob {
        CreateJob {
            workflow: self.document.to_source(),
            params: self.given.clone(),
            caller_dir: self.bases.caller_dir.clone(),
            out_dir: self.out_dir.clone(),
            options: self.options.clone(),
        }
    }
}
