//! Values for inputs as they are given: `-p NAME=VALUE`, `-p NAME=@FILE`, `--NAME VALUE` and `--params-file`.
//!
//! Only reads: whether the names and values fit the workflow is `inputs`' business. Flags are the exception: one that
//! is no input is not a value at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use clap::{Args, Command};
use fenta_workflows::{InputType, SourceFile, Workflow, nearest, params_file};

use super::RunArgs;
use crate::command_error::CommandError;
use crate::document::bounded_text;
use crate::settings::Settings;

/// The three ways values are given.
pub(super) struct Given<'a> {
    /// `NAME=VALUE` of `-p`.
    pub(super) params: &'a [String],
    /// `NAME=VALUE` or `NAME` of flags named after inputs.
    pub(super) flags: &'a [String],
    /// `--params-file`.
    pub(super) file: Option<&'a Path>,
}

/// Everything given; `-p` and flags win over the file.
pub(super) fn read(
    given: &Given<'_>,
    workflow: &Workflow,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut params = match given.file {
        Some(file) => from_file(file, settings)?,
        None => BTreeMap::new(),
    };
    let mut pairs: Vec<(String, &str)> = Vec::new();
    for one in given.params {
        pairs.push(pair(one)?);
    }
    for flag in given.flags {
        pairs.push(flag_pair(flag, workflow)?);
    }
    params.extend(values(pairs, &|path| text_of(Path::new(path), settings))?);
    Ok(params)
}

/// `-p NAME=VALUE`.
fn pair(one: &str) -> Result<(String, &str), CommandError> {
    one.split_once('=')
        .map(|(name, value)| (name.to_owned(), value))
        .ok_or_else(|| {
            CommandError::usage(
                format!("-p {one}: there is no `=`"),
                format!("write -p {one}=VALUE, or -p {one}=@FILE for a file's text"),
            )
        })
}

/// `--NAME VALUE`; `--my-name` is the input `my_name`.
fn flag_pair<'a>(flag: &'a str, workflow: &Workflow) -> Result<(String, &'a str), CommandError> {
    let (written, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    };
    let name = written.replace('-', "_");
    let Some(input) = workflow.inputs().get(&name) else {
        return Err(unknown_flag(written, workflow));
    };
    match value {
        Some(value) => Ok((name, value)),
        None if input.input_type == InputType::Bool => Ok((name, "true")),
        None => Err(CommandError::usage(
            format!(
                "--{written} needs a value: the input is of type {}",
                input.input_type
            ),
            format!("write --{written}=VALUE"),
        )),
    }
}

fn unknown_flag(written: &str, workflow: &Workflow) -> CommandError {
    let command = RunArgs::augment_args(Command::new("run"));
    let own = command.get_arguments().filter_map(|arg| arg.get_long());
    let inputs = workflow.inputs().keys().map(String::as_str);
    let message = format!(
        "there is no flag --{written}, and the workflow has no input `{}`",
        written.replace('-', "_")
    );
    match nearest(written, own.chain(inputs.clone())) {
        Some(near) => CommandError::usage(message, format!("did you mean --{near}?")),
        None if workflow.inputs().is_empty() => CommandError::usage(
            message,
            "the workflow has no inputs; `fenta run --help` lists the flags",
        ),
        None => {
            let inputs: Vec<String> = inputs.map(|name| format!("--{name}")).collect();
            CommandError::usage(
                message,
                format!("flags of the workflow's inputs: {}", inputs.join(", ")),
            )
        }
    }
}

/// Texts of `@FILE` are read; no name may come twice.
fn values(
    pairs: Vec<(String, &str)>,
    text_of: &dyn Fn(&str) -> Result<String, CommandError>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut params = BTreeMap::new();
    for (name, value) in pairs {
        let value = match value.strip_prefix('@') {
            None => value.to_owned(),
            Some(text) if text.starts_with('@') => text.to_owned(),
            Some(path) => text_of(path)?,
        };
        if params.insert(name.clone(), value).is_some() {
            return Err(CommandError::usage(
                format!("the input `{name}` is given twice"),
                "keep one of the two; lists are written with commas",
            ));
        }
    }
    Ok(params)
}

/// The text of `-p name=@file`; the last line end belongs to the file, not to the text.
fn text_of(path: &Path, settings: &Settings) -> Result<String, CommandError> {
    let text = read_text(
        path,
        settings,
        "for an input that is itself a file, write its path without @",
    )?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn from_file(path: &Path, settings: &Settings) -> Result<BTreeMap<String, String>, CommandError> {
    let source = SourceFile {
        name: path.display().to_string(),
        text: read_text(path, settings, "name a YAML or JSON file")?,
    };
    params_file::read(&source).map_err(|problems| CommandError::Document {
        name: source.name.clone(),
        errors: problems.error_count(),
        rendered: problems.render(&source, false),
        diagnostics: problems.located(&source),
    })
}

fn read_text(path: &Path, settings: &Settings, hint: &str) -> Result<String, CommandError> {
    if path == Path::new("-") {
        return bounded_text(io::stdin().lock(), "standard input");
    }
    let shown = path.display().to_string();
    let file = File::open(settings.current_dir.join(path)).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        CommandError::usage(format!("cannot read `{shown}`: {reason}"), hint)
    })?;
    bounded_text(file, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[&str]) -> Result<BTreeMap<String, String>, CommandError> {
        let pairs: Result<Vec<_>, _> = given.iter().map(|text| pair(text)).collect();
        values(pairs?, &|path| Ok(format!("<text of {path}>")))
    }

    fn workflow() -> Workflow {
        let text = "fenta: workflow/v1\ninputs:\n  topic: { type: string, default: x }\n  be_loud: { type: bool, default: false }\nnodes:\n  text: { type: Input.Text, with: { text: \"${{ inputs.topic }} ${{ inputs.be_loud }}\" } }\noutputs: { text: \"${{ nodes.text.text }}\" }\n";
        let source = SourceFile {
            name: "w.yaml".into(),
            text: text.into(),
        };
        fenta_workflows::compile(&source)
            .map_err(|found| found.render(&source, false))
            .unwrap()
            .0
    }

    fn flags(given: &[&str]) -> Result<BTreeMap<String, String>, CommandError> {
        let flags: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        let given = Given {
            params: &[],
            flags: &flags,
            file: None,
        };
        read(&given, &workflow(), &here(Path::new("/")))
    }

    fn one(given: &str) -> (String, String) {
        parse(&[given]).unwrap().pop_first().unwrap()
    }

    #[test]
    fn the_first_equals_sign_parts_name_and_value() {
        assert_eq!(one("a=b=c"), ("a".into(), "b=c".into()));
        assert_eq!(one("a="), ("a".into(), String::new()));
    }

    #[test]
    fn an_at_sign_reads_a_file_and_two_are_one() {
        assert_eq!(one("a=@b.txt").1, "<text of b.txt>");
        assert_eq!(one("a=@@me").1, "@me");
        assert_eq!(one("a=me@home").1, "me@home");
    }

    #[test]
    fn slips_are_told_with_what_to_write() {
        let error = parse(&["text"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().unwrap().contains("-p text=VALUE"));
        let error = parse(&["a=1", "b=2", "a=3"]).unwrap_err();
        assert!(error.to_string().contains("`a` is given twice"));
    }

    #[test]
    fn flags_fill_inputs() {
        let params = flags(&["topic=a=b", "be-loud"]).unwrap();
        assert_eq!(params["topic"], "a=b");
        assert_eq!(params["be_loud"], "true");
        assert_eq!(flags(&["be_loud=false"]).unwrap()["be_loud"], "false");
        let error = flags(&["topic"]).unwrap_err();
        assert!(
            error.to_string().contains("--topic needs a value"),
            "{error}"
        );
        assert!(flags(&["topic=a", "topic=b"]).is_err());
    }

    #[test]
    fn a_flag_that_is_none_is_told_from_flags_and_inputs() {
        let error = flags(&["topik=x"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.hint().unwrap(), "did you mean --topic?");
        let error = flags(&["detatch"]).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean --detach?");
        let error = flags(&["zzz"]).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "flags of the workflow's inputs: --topic, --be_loud"
        );
    }

    #[test]
    fn files_lose_their_last_line_end_only() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t"), "\u{feff}one\n\ntwo\r\n").unwrap();
        let text = read_text(&dir.path().join("t"), &here(dir.path()), "").unwrap();
        assert!(text.ends_with("\r\n"));
        let text = text_of(&dir.path().join("t"), &here(dir.path())).unwrap();
        assert_eq!(text, "one\n\ntwo");
        let error = text_of(Path::new("none"), &here(dir.path())).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("`none`: there is no such file"));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.yaml"), "a: file\nb: 010\n").unwrap();
        let given = ["a=line".to_owned()];
        let given = Given {
            params: &given,
            flags: &[],
            file: Some(Path::new("p.yaml")),
        };
        let params = read(&given, &workflow(), &here(dir.path())).unwrap();
        assert_eq!(params["a"], "line");
        assert_eq!(params["b"], "010");
    }

    fn here(dir: &Path) -> Settings {
        Settings {
            color: crate::settings::ColorWish::Never,
            no_input: true,
            current_dir: dir.to_path_buf(),
            ..Settings::default()
        }
    }
}
