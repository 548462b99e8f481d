//! The one door of toml_edit: a file of settings read with places, and edited without touching the rest of it.
//!
//! Neighbours: `keys` says what may stand in a file; `mod` decides which file wins.

use std::path::Path;

use fenta_workflows::nearest;
use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value, value};

use super::Owner;
use super::keys::{KEYS, Key, Kind, find};
use crate::command_error::CommandError;

/// The part of a user's file that is about providers.
const PROVIDERS: &str = "providers";

/// The values of a file, as the environment would say them; paths absolute.
pub(super) fn read(
    path: &Path,
    text: &str,
    owner: Owner,
) -> Result<Vec<(&'static Key, String)>, CommandError> {
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(path, text, at, error.message().to_owned(), None)
    })?;
    let reader = Reader { path, text, owner };
    let mut values = Vec::new();
    reader.table("", document.as_table(), &mut values)?;
    Ok(values)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    owner: Owner,
}

impl Reader<'_> {
    fn table(
        &self,
        prefix: &str,
        table: &dyn TableLike,
        values: &mut Vec<(&'static Key, String)>,
    ) -> Result<(), CommandError> {
        for (name, item) in table.iter() {
            let full = format!("{prefix}{name}");
            let at = table
                .key(name)
                .and_then(|key| key.span())
                .map_or(0, |span| span.start);
            if full == PROVIDERS {
                // What stands in it the daemon reads and judges: it knows the vendors.
                match self.owner {
                    Owner::User => continue,
                    Owner::Project => return Err(self.providers_of_a_project(at)),
                }
            }
            if let Some(key) = find(&full) {
                values.push((key, self.value(key, item, at)?));
                continue;
            }
            let section = format!("{full}.");
            match item.as_table_like() {
                Some(inner) if KEYS.iter().any(|key| key.name.starts_with(&section)) => {
                    self.table(&section, inner, values)?;
                }
                _ => return Err(self.unknown(&full, at)),
            }
        }
        Ok(())
    }

    fn value(&self, key: &'static Key, item: &Item, at: usize) -> Result<String, CommandError> {
        let fail = |message: String, hint: Option<String>| {
            Err(wrong(self.path, self.text, at, message, hint))
        };
        if !key.may_be_set_by(self.owner) {
            return fail(
                format!("a project cannot set `{}`", key.name),
                Some(format!(
                    "projects come from elsewhere; `fenta config set {} …` sets it for you",
                    key.name
                )),
            );
        }
        let text = match (key.kind, item.as_value()) {
            (Kind::Int { .. }, Some(Value::Integer(number))) => number.value().to_string(),
            (Kind::Bool, Some(Value::Boolean(yes))) => yes.value().to_string(),
            (
                Kind::Choice(_) | Kind::Path | Kind::Size | Kind::Usd | Kind::Text,
                Some(Value::String(text)),
            ) => text.value().clone(),
            (Kind::Usd, Some(Value::Integer(number))) => number.value().to_string(),
            (Kind::Usd, Some(Value::Float(number))) => number.value().to_string(),
            _ => {
                return fail(format!("`{}` must be {}", key.name, key.wanted()), None);
            }
        };
        if let Some(complaint) = key.complaint(&text) {
            return fail(complaint, None);
        }
        if key.kind == Kind::Path {
            let folder = self.path.parent().unwrap_or(Path::new("/"));
            return Ok(folder.join(text).to_string_lossy().into_owned());
        }
        Ok(text)
    }

    fn providers_of_a_project(&self, at: usize) -> CommandError {
        let message = "a project cannot set `providers`".to_owned();
        let hint = "projects come from elsewhere and must not say where your keys are sent; put it into your \
                    config.toml (`fenta config path`)";
        wrong(self.path, self.text, at, message, Some(hint.to_owned()))
    }

    fn unknown(&self, name: &str, at: usize) -> CommandError {
        let names = || KEYS.iter().map(|key| key.name);
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        // `jobs` at the top was meant as `daemon.jobs`.
        let near =
            nearest(name, names()).or_else(|| names().find(|known| last(known) == last(name)));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`fenta config list` shows all settings".to_owned(),
        };
        let message = format!("there is no setting `{name}`");
        wrong(self.path, self.text, at, message, Some(hint))
    }
}

fn wrong(
    path: &Path,
    text: &str,
    at: usize,
    message: String,
    hint: Option<String>,
) -> CommandError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    CommandError::Usage {
        message: format!("{}:{line}:{column}: {message}", path.display()),
        hint,
    }
}

/// The file with a setting added or replaced; everything else stays as it is.
pub(crate) fn set(path: &Path, text: &str, key: &Key, new: &str) -> Result<String, CommandError> {
    let mut document = editable(path, text)?;
    let (section, name) = parts(key);
    let table = document
        .entry(section)
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| wrong(path, text, 0, format!("`{section}` is not a table"), None))?;
    let item = match key.kind {
        Kind::Int { .. } => new.parse::<i64>().map_or_else(|_| value(new), value),
        Kind::Bool => value(new == "true"),
        _ => value(new),
    };
    table.insert(name, item);
    Ok(document.to_string())
}

/// The file without a setting; `None` when it has none.
pub(crate) fn unset(path: &Path, text: &str, key: &Key) -> Result<Option<String>, CommandError> {
    let mut document = editable(path, text)?;
    let (section, name) = parts(key);
    let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) else {
        return Ok(None);
    };
    if table.remove(name).is_none() {
        return Ok(None);
    }
    if table.is_empty() {
        document.remove(section);
    }
    Ok(Some(document.to_string()))
}

fn editable(path: &Path, text: &str) -> Result<DocumentMut, CommandError> {
    text.parse::<DocumentMut>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(path, text, at, error.message().to_owned(), None)
    })
}

fn parts(key: &Key) -> (&'static str, &'static str) {
    key.name
        .split_once('.')
        .expect("every key has a section, because a test says so")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, owner: Owner) -> Result<Vec<(&'static str, String)>, CommandError> {
        let read = read(Path::new("/p/fenta.toml"), text, owner)?;
        Ok(read
            .into_iter()
            .map(|(key, value)| (key.name, value))
            .collect())
    }

    #[test]
    fn values_become_what_the_environment_would_say() {
        let found = values(
            "ui.color = \"never\"\n[daemon]\njobs = 3 # few\n[output]\ndir = \"out\"\n",
            Owner::Project,
        )
        .unwrap();
        let wanted = [
            ("ui.color", "never"),
            ("daemon.jobs", "3"),
            ("output.dir", "/p/out"),
        ];
        assert_eq!(found, wanted.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn what_is_written_into_a_file_is_read_again() {
        for (name, value) in [
            ("cache.ceiling", "40%"),
            ("spending.month_usd", "20.50"),
            ("daemon.jobs", "3"),
            ("ui.ci", "true"),
            ("ui.color", "never"),
        ] {
            let path = Path::new("/c/config.toml");
            let text = set(path, "", find(name).unwrap(), value).unwrap();
            let found = values(&text, Owner::User).unwrap();
            assert_eq!(found, [(name, value.to_owned())], "{text}");
        }
        let number = values("spending.day_usd = 2.5\n", Owner::User).unwrap();
        assert_eq!(number, [("spending.day_usd", "2.5".to_owned())]);
    }

    #[test]
    fn slips_are_shown_where_they_are() {
        for (text, message, hint) in [
            (
                "[daemon]\njbos = 3\n",
                "fenta.toml:2:1: there is no setting `daemon.jbos`",
                "did you mean `daemon.jobs`?",
            ),
            (
                "jobs = 3\n",
                ":1:1: there is no setting `jobs`",
                "did you mean `daemon.jobs`?",
            ),
            (
                "[daemon]\n\njobs = \"3\"\n",
                ":3:1: `daemon.jobs` must be a whole number",
                "",
            ),
            (
                "[ui]\ncolor = \"red\"\n",
                ":2:1: `ui.color` must be one of auto",
                "",
            ),
            (
                "[render]\nprogram = \"./evil\"\n",
                "a project cannot set `render.program`",
                "fenta config set",
            ),
            ("[daemon\n", "fenta.toml:1:", ""),
            (
                "\n[providers.openai]\nbase_url = \"http://evil.example\"\n",
                "a project cannot set `providers`",
                "where your keys are sent",
            ),
            ("daemon = 3\n", ":1:1: there is no setting `daemon`", ""),
        ] {
            let error = values(text, Owner::Project).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(
                error.hint().unwrap_or_default().contains(hint),
                "{text}: {:?}",
                error.hint()
            );
        }
        assert!(values("[render]\nprogram = \"./mine\"\n", Owner::User).is_ok());
        assert!(values("[providers.ollama]\nx = 1\n", Owner::User).is_ok());
    }

    #[test]
    fn edits_leave_the_rest_as_it_is() {
        let path = Path::new("/p/fenta.toml");
        let jobs = find("daemon.jobs").unwrap();
        let before = "# mine\n[ui]\ncolor = \"never\"   # always dark\n";
        let after = set(path, before, jobs, "3").unwrap();
        assert_eq!(after, format!("{before}\n[daemon]\njobs = 3\n"));
        let again = set(path, &after, jobs, "4").unwrap();
        assert!(
            again.contains("jobs = 4\n") && again.starts_with(before),
            "{again}"
        );
        assert_eq!(
            unset(path, &again, jobs).unwrap().unwrap().trim(),
            before.trim()
        );
        assert_eq!(unset(path, before, jobs).unwrap(), None);
    }
}
