//! `fenta schema`: JSON Schemas for editors.
//!
//! Neighbours: `fenta_workflows::schema` makes those of documents, `config` the one of its own files.

use clap::ValueEnum;
use serde_json::Value as Json;

use super::Context;
use crate::command_error::CommandError;
use crate::config;

/// Print a JSON Schema (draft-07) for editors. Name it in a document with
/// `# yaml-language-server: $schema=PATH`; `fenta init` does so by itself.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "DOCUMENT")]
    document: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Workflows
    Workflow,
    /// Templates
    Template,
    /// `fenta.toml` and the user's `config.toml`
    Config,
}

impl SchemaArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        context.ui.result(&text(self.document)?)
    }
}

/// The schema as it is printed and written beside documents.
pub(super) fn text(document: SchemaOf) -> Result<String, CommandError> {
    let schema: Json = match document {
        SchemaOf::Workflow => fenta_workflows::schema::workflow(),
        SchemaOf::Template => fenta_workflows::schema::template(),
        SchemaOf::Config => config::schema(),
    };
    serde_json::to_string_pretty(&schema).map_err(|error| CommandError::Io {
        what: "cannot write the schema as JSON".to_owned(),
        source: error.into(),
    })
}
