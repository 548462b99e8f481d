//! Given values held against the workflow's inputs before anything starts: names, types, files that must exist.
//! What is missing is asked for where somebody can answer.
//!
//! Neighbours: `fenta_workflows` judges names and types; the daemon judges them again.

use std::collections::BTreeMap;
use std::path::Path;

use fenta_workflows::value::Value;
use fenta_workflows::{BindError, PathBases, Workflow};

use crate::command_error::CommandError;
use crate::ui::Ui;

/// Makes `given` complete and right, or says everything that is wrong with it.
pub(super) fn settle(
    workflow: &Workflow,
    given: &mut BTreeMap<String, String>,
    bases: &PathBases,
    ui: &Ui,
) -> Result<(), CommandError> {
    loop {
        match workflow.bind(given, bases) {
            Ok(values) => return check_files(workflow, given, &values),
            Err(errors) if ui.is_interactive() && errors.iter().all(is_missing) => {
                for error in &errors {
                    if let BindError::Missing { name, .. } = error {
                        given.insert(name.clone(), ask(workflow, name, ui)?);
                    }
                }
            }
            Err(errors) => return Err(refused(workflow, &errors)),
        }
    }
}

fn is_missing(error: &BindError) -> bool {
    matches!(error, BindError::Missing { .. })
}

/// Asks until the answer fits.
fn ask(workflow: &Workflow, name: &str, ui: &Ui) -> Result<String, CommandError> {
    let Some(spec) = workflow.inputs().get(name) else {
        return Ok(String::new());
    };
    if !spec.help.is_empty() {
        ui.note(&spec.help);
    }
    loop {
        let question = format!("{name} ({}):", spec.input_type);
        let Some(answer) = ui.ask(&question)? else {
            return Err(CommandError::usage(
                format!("the input `{name}` has no value"),
                format!("give it with -p {name}=VALUE"),
            ));
        };
        match spec.parse(&answer) {
            Ok(_) if !answer.is_empty() => return Ok(answer),
            Ok(_) => ui.warn("a value is needed"),
            Err(reason) => ui.warn(&reason),
        }
    }
}

/// Everything that is wrong, in one message.
fn refused(workflow: &Workflow, errors: &[BindError]) -> CommandError {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = workflow.inputs().keys().map(String::as_str).collect();
    let hint = if names.is_empty() {
        "the workflow has no inputs".to_owned()
    } else {
        format!("the workflow's inputs: {}", names.join(", "))
    };
    CommandError::usage(texts.join("\n       "), hint)
}

/// Files that are named must be there now: finding out in the middle of a job would be late.
fn check_files(
    workflow: &Workflow,
    given: &BTreeMap<String, String>,
    values: &BTreeMap<String, Value>,
) -> Result<(), CommandError> {
    for (name, spec) in workflow.inputs() {
        if !spec.input_type.is_path() {
            continue;
        }
        for path in values.get(name).map(paths).unwrap_or_default() {
            if Path::new(path).exists() {
                continue;
            }
            let message = format!("the input `{name}`: there is no file or folder {path}");
            return Err(if given.contains_key(name) {
                CommandError::usage(message, format!("check the path given with -p {name}"))
            } else {
                CommandError::Unreadable {
                    message,
                    hint: Some(format!(
                        "it is the default of the workflow; put the file there or give another with -p {name}=PATH"
                    )),
                }
            });
        }
    }
    Ok(())
}

/// The paths inside a value.
pub(super) fn paths(value: &Value) -> Vec<&str> {
    match value {
        Value::Text(path) => vec![path],
        Value::List(items) => items.iter().flat_map(paths).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::{SourceFile, compile};

    use super::*;
    use crate::settings::{ColorWish, Settings};
    use crate::ui::OutputFlags;

    const DOCUMENT: &str = "fenta: workflow/v1\nname: w\ninputs:\n  topic: { type: string, required: true }\n  logo: { type: image, default: logo.png }\nnodes:\n  text:\n    type: Input.Text\n    with: { text: \"${{ inputs.topic }}\" }\n";

    fn settle_with(given: &[(&str, &str)], folder: &Path) -> Result<(), CommandError> {
        let source = SourceFile {
            name: "w.yaml".into(),
            text: DOCUMENT.into(),
        };
        let (workflow, _) = compile(&source).map_err(|found| found.to_string()).unwrap();
        let mut given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let settings = Settings {
            color: ColorWish::Never,
            no_input: true,
            ..Settings::default()
        };
        let bases = PathBases {
            workflow_dir: folder.display().to_string(),
            caller_dir: folder.join("caller").display().to_string(),
        };
        let ui = Ui::new(OutputFlags::default(), &settings);
        settle(&workflow, &mut given, &bases, &ui)
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let error = settle_with(&[("topik", "x")], dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains("`topik`; did you mean `topic`?"), "{text}");
        assert!(text.contains("`topic` (string) has no value"), "{text}");
        assert_eq!(error.hint().unwrap(), "the workflow's inputs: topic, logo");
    }

    #[test]
    fn a_missing_default_is_the_documents_fault() {
        let dir = tempfile::tempdir().unwrap();
        let error = settle_with(&[("topic", "x")], dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(
            error
                .to_string()
                .contains(&format!("{}/logo.png", dir.path().display()))
        );
    }

    #[test]
    fn a_missing_given_file_is_the_callers() {
        let dir = tempfile::tempdir().unwrap();
        let error = settle_with(&[("topic", "x"), ("logo", "my.png")], dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("caller/my.png"), "{error}");
    }

    #[test]
    fn with_all_files_there_nothing_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("logo.png"), "x").unwrap();
        settle_with(&[("topic", "x")], dir.path()).unwrap();
    }
}
