//! Is a request a job? Everything that can be known before any work is said here, all at once.

use std::collections::BTreeMap;

use fenta_client::api::jobs::CreateJob;
use fenta_workflows::value::Value;
use fenta_workflows::{BindError, LocatedDiagnostic, PathBases, SourceFile, Workflow, compile};

use super::pins;
use super::selection::{OptionsError, Part, Selection};
use crate::executors::RendererError;
use crate::store::{NewJob, NewNode, Replay, StoreError};

/// Why a request did not become a job.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The document is wrong.
    #[error("the workflow has {} problem(s)", .0.len())]
    Document(Vec<LocatedDiagnostic>),
    /// The inputs do not fit.
    #[error("{}", joined(.0))]
    Inputs(Vec<BindError>),
    /// A folder is not absolute.
    #[error("`{field}` is `{value}`, which is not an absolute path")]
    RelativePath {
        /// The request's field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The options of the run do not fit it.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// There is nothing to render with.
    #[error(transparent)]
    Renderer(#[from] RendererError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The daemon is about to end.
    #[error("the daemon is finishing its jobs and takes no new ones")]
    Draining,
    /// Our own mistake.
    #[error("checking the workflow ended unexpectedly")]
    Panicked,
}

fn joined(errors: &[BindError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// A request that can be a job.
pub(super) struct Checked {
    pub(super) workflow: Workflow,
    pub(super) inputs: BTreeMap<String, Value>,
    pub(super) selection: Selection,
}

/// Everything that can be known of a request before any work.
pub(super) fn checked(request: &CreateJob) -> Result<Checked, SubmitError> {
    check_paths(request)?;
    let workflow = compiled(request).map_err(SubmitError::Document)?;
    let inputs = workflow
        .bind(&request.params, &path_bases(request))
        .map_err(SubmitError::Inputs)?;
    let selection = Selection::new(&workflow, &request.options)?;
    Ok(Checked {
        workflow,
        inputs,
        selection,
    })
}

/// The job a request asks for, if it can be one.
pub(super) async fn check(
    request: CreateJob,
    replay: Option<Replay>,
    tool: &str,
) -> Result<NewJob, SubmitError> {
    let tool = tool.to_owned();
    tokio::task::spawn_blocking(move || {
        let Checked {
            workflow,
            selection,
            ..
        } = checked(&request)?;
        pins::check_nodes(&workflow, &selection, &request.options)?;
        let nodes = workflow
            .order()
            .iter()
            .map(|id| {
                let kind = workflow.nodes().get(id).map_or("", |node| node.kind());
                NewNode {
                    node: id.to_string(),
                    kind: kind.to_owned(),
                    left_out: selection.part(id) == Part::LeftOut,
                }
            })
            .collect();
        Ok(NewJob {
            workflow: workflow.name.clone(),
            request,
            tool,
            nodes,
            replay,
        })
    })
    .await
    .map_err(|_| SubmitError::Panicked)?
}

/// The workflow of a request, or everything that is wrong with its document.
pub fn compiled(request: &CreateJob) -> Result<Workflow, Vec<LocatedDiagnostic>> {
    let source = SourceFile {
        name: request.workflow.name.clone(),
        text: request.workflow.text.clone(),
    };
    compile(&source)
        .map(|(workflow, _warnings)| match request.options.seed {
            Some(seed) => workflow.with_seed(seed),
            None => workflow,
        })
        .map_err(|problems| problems.located(&source))
}

/// What relative paths of a request mean.
pub(super) fn path_bases(request: &CreateJob) -> PathBases {
    PathBases {
        workflow_dir: request.workflow.dir.clone(),
        caller_dir: request.caller_dir.clone(),
    }
}

fn check_paths(request: &CreateJob) -> Result<(), SubmitError> {
    let paths = [
        ("workflow.path", request.workflow.path.as_ref()),
        ("workflow.dir", Some(&request.workflow.dir)),
        ("caller_dir", Some(&request.caller_dir)),
        ("out_dir", request.out_dir.as_ref()),
    ];
    for (field, value) in paths {
        if let Some(value) = value.filter(|value| !value.starts_with('/')) {
            return Err(SubmitError::RelativePath {
                field,
                value: value.clone(),
            });
        }
    }
    Ok(())
}
