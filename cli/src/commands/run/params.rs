//! Values for inputs as they are given: `-p NAME=VALUE`, `-p NAME=@FILE` and `--params-file`.
//!
//! Only reads: whether the names and values fit the workflow is `inputs`' business.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use fenta_workflows::{SourceFile, params_file};

use crate::command_error::CommandError;
use crate::document::bounded_text;
use crate::settings::Settings;

/// Everything given; `-p` wins over the file.
pub(super) fn read(
    given: &[String],
    file: Option<&Path>,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut params = match file {
        Some(file) => from_file(file, settings)?,
        None => BTreeMap::new(),
    };
    params.extend(from_args(given, &|path| {
        text_of(Path::new(path), settings)
    })?);
    Ok(params)
}

fn from_args(
    given: &[String],
    text_of: &dyn Fn(&str) -> Result<String, CommandError>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut params = BTreeMap::new();
    for one in given {
        let Some((name, value)) = one.split_once('=') else {
            return Err(CommandError::usage(
                format!("-p {one}: there is no `=`"),
                format!("write -p {one}=VALUE, or -p {one}=@FILE for a file's text"),
            ));
        };
        let value = match value.strip_prefix('@') {
            None => value.to_owned(),
            Some(text) if text.starts_with('@') => text.to_owned(),
            Some(path) => text_of(path)?,
        };
        if params.insert(name.to_owned(), value).is_some() {
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
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        from_args(&given, &|path| Ok(format!("<text of {path}>")))
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
        let params = read(&given, Some(Path::new("p.yaml")), &here(dir.path())).unwrap();
        assert_eq!(params["a"], "line");
        assert_eq!(params["b"], "010");
    }

    fn here(dir: &Path) -> Settings {
        Settings {
            state_dir: Default::default(),
            socket: Default::default(),
            fentad: Vec::new(),
            render: Vec::new(),
            color: crate::settings::ColorWish::Never,
            no_input: true,
            ci: false,
            github: false,
            current_dir: dir.to_path_buf(),
        }
    }
}
