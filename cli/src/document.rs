//! A workflow document as the command line names it: a file or standard input, read and compiled here, so that
//! mistakes are shown before a daemon is asked.
//!
//! Neighbours: `fenta_workflows::compile` judges it; `run` and `validate` use it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fenta_client::api::jobs::WorkflowSource;
use fenta_workflows::diagnostic::{Diagnostic, Span, codes};
use fenta_workflows::execution::{SourceFile, compile};
use fenta_workflows::graph::Workflow;

use crate::command_error::CommandError;
use crate::settings::Settings;
use crate::template_file::TemplateFile;
use crate::ui::Ui;

/// A little more than a document may have: the compiler says what is too much, memory stays bounded.
const MAX_READ: u64 = fenta_workflows::MAX_DOCUMENT_BYTES as u64 + 1;

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its text and the name it goes by.
    pub(crate) source: SourceFile,
    path: Option<String>,
    /// Absolute folder its own relative paths refer to.
    pub(crate) dir: String,
}

impl Document {
    /// Reads the file, or standard input for `-`.
    pub(crate) fn read(name: &Path, settings: &Settings) -> Result<Self, CommandError> {
        if name == Path::new("-") {
            let text = bounded_text(io::stdin().lock(), "standard input")?;
            return Ok(Self {
                source: SourceFile {
                    name: "<stdin>".to_owned(),
                    text,
                },
                path: None,
                dir: unicode(&settings.current_dir)?,
            });
        }
        let shown = name.display().to_string();
        let path = settings.current_dir.join(name);
        let file = File::open(&path).map_err(|error| unreadable(&shown, &path, &error))?;
        let (folder, file_name) =
            place(&path).map_err(|error| unreadable(&shown, &path, &error))?;
        Ok(Self {
            source: SourceFile {
                text: bounded_text(file, &shown)?,
                name: shown,
            },
            path: Some(unicode(&folder.join(file_name))?),
            dir: unicode(&folder)?,
        })
    }

    /// The workflow. Warnings are shown; errors come back all at once.
    pub(crate) fn compile(&self, ui: &Ui) -> Result<Workflow, CommandError> {
        let color = ui.err_style().is_on();
        match compile(&self.source) {
            Ok((workflow, warnings)) => {
                for warning in &warnings {
                    ui.rendered(&warning.render(&self.source, color));
                }
                Ok(workflow)
            }
            Err(problems) => Err(CommandError::Document {
                name: self.source.name.clone(),
                errors: problems.error_count(),
                rendered: problems.render(&self.source, color),
                diagnostics: problems.located(&self.source),
            }),
        }
    }

    /// A document that a command writes itself, as if it lay in the current folder.
    pub(crate) fn written(
        name: &str,
        text: String,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            source: SourceFile {
                name: name.to_owned(),
                text,
            },
            path: None,
            dir: unicode(&settings.current_dir)?,
        })
    }

    /// Fails with every file that the document names and that is not there; defaults of given inputs do not matter.
    pub(crate) fn check_files(
        &self,
        workflow: &Workflow,
        given: &BTreeSet<&str>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let folder = Path::new(&self.dir);
        let missing = workflow.missing_files(given, &|path| folder.join(path).exists());
        if missing.is_empty() {
            return self.check_templates(workflow, ui);
        }
        Err(CommandError::Document {
            name: self.source.name.clone(),
            errors: missing.error_count(),
            rendered: missing.render(&self.source, ui.err_style().is_on()),
            diagnostics: missing.located(&self.source),
        })
    }

    /// Its absolute path; standard input has none.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Fails with everything that is wrong with the templates of the user's own that the document names, each shown in
    /// its own text.
    fn check_templates(&self, workflow: &Workflow, ui: &Ui) -> Result<(), CommandError> {
        let mut templates = BTreeMap::new();
        for path in workflow.own_templates() {
            let template = TemplateFile::read(&path, Path::new(&self.dir))?.check(ui)?;
            templates.insert(path, template);
        }
        let found = workflow.check_templates(&templates);
        if found.is_empty() {
            return Ok(());
        }
        Err(CommandError::Document {
            name: self.source.name.clone(),
            errors: found.error_count(),
            rendered: found.render(&self.source, ui.err_style().is_on()),
            diagnostics: found.located(&self.source),
        })
    }

    /// The document as it is sent.
    pub(crate) fn to_source(&self) -> WorkflowSource {
        WorkflowSource {
            path: self.path.clone(),
            name: self.source.name.clone(),
            text: self.source.text.clone(),
            dir: self.dir.clone(),
        }
    }
}

/// A path as text: JSON has no other.
pub(crate) fn unicode(path: &Path) -> Result<String, CommandError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::usage(
            format!("the path {} is not Unicode", path.display()),
            "rename the file or folder",
        )
    })
}

/// Text of a document's size. What is not UTF-8 is said like everything else that is wrong with a document.
pub(crate) fn bounded_text(source: impl Read, name: &str) -> Result<String, CommandError> {
    let bytes = bounded_bytes(source, name, MAX_READ)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        if is_cut(&bytes, at, MAX_READ) {
            return too_long(name, MAX_READ);
        }
        not_utf8(name, &bytes, at)
    })
}

/// The limit may have cut a character in two; whoever gets the text says that it is too long.
fn is_cut(bytes: &[u8], at: usize, limit: u64) -> bool {
    bytes.len() as u64 == limit && at as u64 + 4 > limit
}

fn too_long(name: &str, limit: u64) -> CommandError {
    CommandError::Unreadable {
        message: format!("`{name}` is longer than {} MiB", limit / (1024 * 1024)),
        hint: Some("split it, or read long texts with Input.Text".to_owned()),
    }
}

fn not_utf8(name: &str, bytes: &[u8], at: usize) -> CommandError {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let (message, hint) = match utf16 {
        true => ("the document is UTF-16, not UTF-8", "save it as UTF-8"),
        false => (
            "the document is not UTF-8",
            "save it as UTF-8: editors name the encoding beside the file's name or under `Save as`",
        ),
    };
    let source = SourceFile {
        name: name.to_owned(),
        text: String::from_utf8_lossy(bytes).into_owned(),
    };
    let mark = char::REPLACEMENT_CHARACTER.len_utf8();
    let found = Diagnostic::error(codes::ENCODING, Span::new(at, at + mark), message)
        .at(format!(
            "the byte 0x{:02x} fits nowhere in UTF-8",
            bytes[at]
        ))
        .hint(hint);
    CommandError::Document {
        name: name.to_owned(),
        errors: 1,
        rendered: found.render(&source, false),
        diagnostics: vec![found.located(&source)],
    }
}

/// Text of at most so many bytes.
pub(crate) fn bounded_text_of(
    source: impl Read,
    name: &str,
    limit: u64,
) -> Result<String, CommandError> {
    let bytes = bounded_bytes(source, name, limit)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        if is_cut(error.as_bytes(), at, limit) {
            return too_long(name, limit);
        }
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        CommandError::Unreadable {
            message: format!(
                "`{name}` is not UTF-8 text: line {line} has a byte that does not fit"
            ),
            hint: Some("save it as UTF-8".to_owned()),
        }
    })
}

fn bounded_bytes(source: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| CommandError::Unreadable {
            message: format!("cannot read `{name}`: {error}"),
            hint: Some("check what it is".to_owned()),
        })?;
    Ok(bytes)
}

/// The real folder and the name in it. The last step is not followed: a linked document keeps the identity and the
/// folder of the link.
fn place(path: &Path) -> io::Result<(PathBuf, &std::ffi::OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let folder = path.parent().unwrap_or(Path::new("/")).canonicalize()?;
    Ok((folder, name))
}

fn unreadable(shown: &str, path: &Path, error: &io::Error) -> CommandError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => neighbours(path),
        io::ErrorKind::PermissionDenied => Some("check its permissions".to_owned()),
        _ => None,
    };
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    CommandError::Unreadable {
        message: format!("cannot read workflow `{shown}`: {reason}"),
        hint,
    }
}

/// What could have been meant: the documents in the same folder.
fn neighbours(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let Ok(entries) = folder.read_dir() else {
        return Some(format!(
            "the folder {} is not there either",
            folder.display()
        ));
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .collect();
    names.sort();
    names.truncate(5);
    (!names.is_empty()).then(|| format!("in that folder: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::ColorWish;

    fn settings(dir: &Path) -> Settings {
        Settings {
            color: ColorWish::Never,
            no_input: true,
            current_dir: dir.to_path_buf(),
            ..Settings::default()
        }
    }

    #[test]
    fn the_same_document_has_one_identity_however_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("a.yaml"), "x").unwrap();
        let settings = settings(dir.path());
        let plain = Document::read(Path::new("a.yaml"), &settings).unwrap();
        let roundabout = Document::read(Path::new("sub/../a.yaml"), &settings).unwrap();
        assert_eq!(plain.path, roundabout.path);
        assert_eq!(plain.dir, roundabout.dir);
        assert_eq!(roundabout.source.name, "sub/../a.yaml");
    }

    #[test]
    fn a_link_keeps_its_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("real/a.yaml"), "x").unwrap();
        std::os::unix::fs::symlink("real/a.yaml", dir.path().join("link.yaml")).unwrap();
        let linked = Document::read(Path::new("link.yaml"), &settings(dir.path())).unwrap();
        assert!(linked.path.unwrap().ends_with("/link.yaml"));
        assert_eq!(Path::new(&linked.dir), dir.path().canonicalize().unwrap());
    }

    #[test]
    fn a_missing_document_names_its_neighbours() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("daily.yaml"), "x").unwrap();
        let error = Document::read(Path::new("dayly.yaml"), &settings(dir.path())).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(
            error
                .to_string()
                .contains("`dayly.yaml`: there is no such file")
        );
        assert_eq!(error.hint().unwrap(), "in that folder: daily.yaml");
        let error = Document::read(Path::new("no/x.yaml"), &settings(dir.path())).unwrap_err();
        assert!(error.hint().unwrap().contains("not there either"));
    }

    #[test]
    fn folders_and_other_encodings_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("latin.yaml"), b"caf\xe9: 1").unwrap();
        let settings = settings(dir.path());
        let error = Document::read(Path::new("latin.yaml"), &settings).unwrap_err();
        let found = &error.diagnostics()[0];
        assert_eq!(
            (found.code.as_str(), found.line, found.column),
            ("syntax/encoding", 1, 4)
        );
        assert_eq!(error.exit_code(), 3);
        let error = Document::read(Path::new("."), &settings).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
    }

    #[test]
    fn endless_input_is_cut() {
        let text = bounded_text(io::repeat(b'a'), "x").unwrap();
        assert_eq!(text.len() as u64, MAX_READ);
        let wide = "é".repeat(2_400_000);
        let error = bounded_text(wide.as_bytes(), "x").unwrap_err();
        assert!(error.to_string().contains("longer than 4 MiB"), "{error}");
    }
}
