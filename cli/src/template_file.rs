//! A template document as the command line names it: one that ships, or a file, with everything it extends.
//!
//! Neighbours: `fenta_workflows::template_source` judges it; `template` shows it, and `document` checks the templates a
//! workflow names before anything starts.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};

use fenta_templates::template::{self, Template};
use fenta_workflows::{SourceFile, nearest, template_source};

use crate::command_error::CommandError;
use crate::document::bounded_text;
use crate::ui::Ui;

/// A template that was read.
#[derive(Debug)]
pub(crate) struct TemplateFile {
    /// Its text and the name it goes by.
    pub(crate) source: SourceFile,
    /// The folder that paths in its `extends` refer to.
    folder: PathBuf,
    /// Absolute path of the file; `None` for a template that ships.
    pub(crate) path: Option<PathBuf>,
}

impl TemplateFile {
    /// The template of that name, or the file at that path; relative paths begin at `folder`.
    pub(crate) fn read(name: &str, folder: &Path) -> Result<Self, CommandError> {
        if !template_source::is_path(name) {
            return Self::shipped(name, folder);
        }
        let path = folder.join(name);
        let text = text_of(name, &path)?;
        Ok(Self {
            source: SourceFile {
                name: name.to_owned(),
                text,
            },
            folder: path.parent().unwrap_or(folder).to_path_buf(),
            path: Some(path),
        })
    }

    fn shipped(name: &str, folder: &Path) -> Result<Self, CommandError> {
        let text = template::builtin(name).ok_or_else(|| {
            let names = template::builtin_names();
            CommandError::NotFound {
                message: format!("there is no template `{name}`"),
                hint: Some(match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "there are {}; a file has a `/` in its path or ends in .yaml",
                        names.join(", ")
                    ),
                }),
            }
        })?;
        Ok(Self {
            source: SourceFile {
                name: name.to_owned(),
                text: text.to_owned(),
            },
            folder: folder.to_path_buf(),
            path: None,
        })
    }

    /// The template. Warnings are shown; errors come back all at once.
    pub(crate) fn check(&self, ui: &Ui) -> Result<Template, CommandError> {
        let color = ui.err_style().is_on();
        let unreadable = RefCell::new(None);
        let checked = template_source::check(&self.source, &self.resolver(&unreadable));
        if let Some(error) = unreadable.into_inner() {
            return Err(error);
        }
        match checked {
            Ok((template, warnings)) => {
                for warning in &warnings {
                    ui.rendered(&warning.render(&self.source, color));
                }
                Ok(template)
            }
            Err(problems) => Err(CommandError::Document {
                name: self.source.name.clone(),
                errors: problems.error_count(),
                rendered: problems.render(&self.source, color),
                diagnostics: problems.located(&self.source),
            }),
        }
    }

    /// Everything it extends merged into one YAML text, and the names of what it extends, nearest first. The template
    /// must have been checked.
    pub(crate) fn flattened(&self) -> Result<(String, Vec<String>), CommandError> {
        let unreadable = RefCell::new(None);
        let flat = template::flatten(&self.source.text, &self.resolver(&unreadable));
        if let Some(error) = unreadable.into_inner() {
            return Err(error);
        }
        flat.map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            CommandError::usage(texts.join("; "), "correct the template first")
        })
    }

    /// Reads what `extends` names; a file that cannot be read is put into `unreadable`.
    fn resolver<'a>(
        &'a self,
        unreadable: &'a RefCell<Option<CommandError>>,
    ) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            if !template_source::is_path(name) {
                return None;
            }
            text_of(name, &self.folder.join(name))
                .map_err(|error| {
                    unreadable.borrow_mut().get_or_insert(error);
                })
                .ok()
        }
    }
}

fn text_of(name: &str, path: &Path) -> Result<String, CommandError> {
    let file = File::open(path).map_err(|error| CommandError::Unreadable {
        message: format!("cannot read template `{name}`: {error}"),
        hint: Some("correct the path, or name a template that ships: `fenta template list`".into()),
    })?;
    bounded_text(file, name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_ship_and_paths_are_read_with_what_they_extend() {
        let dir = tempfile::tempdir().unwrap();
        let shipped = TemplateFile::read("daily", dir.path()).unwrap();
        assert!(shipped.path.is_none());
        let (flat, chain) = shipped.flattened().unwrap();
        assert!(flat.contains("name: daily") && chain.is_empty());

        fs::create_dir(dir.path().join("brand")).unwrap();
        fs::write(
            dir.path().join("brand/base.yaml"),
            "fenta: template/v1\nname: base\nextends: quiet\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("brand/mine.yaml"),
            "fenta: template/v1\nname: mine\nextends: ./base.yaml\n",
        )
        .unwrap();
        let mine = TemplateFile::read("brand/mine.yaml", dir.path()).unwrap();
        let (flat, chain) = mine.flattened().unwrap();
        assert_eq!(chain, ["./base.yaml", "quiet", "daily"]);
        assert!(!flat.contains("extends"), "{flat}");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let dir = tempfile::tempdir().unwrap();
        let error = TemplateFile::read("dayly", dir.path()).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `daily`?");
        let error = TemplateFile::read("./none.yaml", dir.path()).unwrap_err();
        assert!(error.to_string().contains("`./none.yaml`"), "{error}");
        fs::write(dir.path().join("a.yaml"), "name: a\nextends: ./none.yaml\n").unwrap();
        let lost = TemplateFile::read("./a.yaml", dir.path()).unwrap();
        assert!(
            lost.flattened()
                .unwrap_err()
                .to_string()
                .contains("none.yaml")
        );
    }
}
