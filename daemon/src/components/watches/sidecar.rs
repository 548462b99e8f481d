//! What lies beside a file: `clip.yaml` or `clip.csv` of its group gives values of the workflow's inputs, `clip.done` says
//! that all of it is there.

use std::collections::BTreeMap;
use std::path::Path;

use fenta_workflows::SourceFile;

use super::groups::extension;

/// Files that hold values.
pub(super) const EXTENSIONS: [&str; 3] = ["yaml", "yml", "csv"];

/// The longest such file, bytes.
const LONGEST: u64 = 1 << 20;

/// Whether a file of a group holds values.
pub(super) fn is_one(path: &str) -> bool {
    extension(path).is_some_and(|end| EXTENSIONS.contains(&end.as_str()))
}

/// Whether a file of a group only says that the others are all there: `touch clip.done`. It may be empty, and is no input.
pub(super) fn is_marker(path: &str) -> bool {
    extension(path).is_some_and(|end| matches!(end.as_str(), "done" | "ready" | "ok"))
}

/// The values in it, as typed.
///
/// # Errors
/// What is wrong with it, as a sentence for people.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let wrong = |why: &dyn std::fmt::Display| format!("{name}: {why}");
    if path
        .metadata()
        .is_ok_and(|metadata| metadata.len() > LONGEST)
    {
        return Err(wrong(&"it is larger than 1 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    if extension(&name).as_deref() == Some("csv") {
        return one_row(&text).map_err(|why| wrong(&why));
    }
    let source = SourceFile {
        name: name.clone(),
        text,
    };
    fenta_workflows::params_file::read(&source).map_err(|found| {
        let first = found.located(&source).into_iter().next();
        first.map_or_else(
            || wrong(&"it cannot be read"),
            |one| format!("{name}:{}:{} {}", one.line, one.column, one.message),
        )
    })
}

/// A header and one row.
fn one_row(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = reader.records();
    let Some(row) = rows.next() else {
        return Err("it has no row below the names of the inputs".to_owned());
    };
    let row = row.map_err(|error| error.to_string())?;
    if rows.next().is_some() {
        return Err(
            "it has several rows; one run takes one, `fenta run --batch` takes all".to_owned(),
        );
    }
    // A cell that is empty leaves the input at its default.
    let cells = header
        .iter()
        .zip(row.iter())
        .filter(|(_, value)| !value.is_empty());
    Ok(cells
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_yaml_and_from_one_row() {
        let folder = tempfile::tempdir().unwrap();
        let read_text = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        let bees = BTreeMap::from([("topic".to_owned(), "bees, ants".to_owned())]);
        assert_eq!(read_text("a.yaml", "topic: bees, ants\n"), Ok(bees.clone()));
        assert_eq!(
            read_text("a.csv", "topic,voice\n\"bees, ants\",\n"),
            Ok(bees)
        );
        for (name, text, part) in [
            ("a.yml", "- bees", "a.yml:1:1"),
            ("a.csv", "topic\n", "no row"),
            ("a.csv", "topic\na\nb\n", "several rows"),
        ] {
            let wrong = read_text(name, text).unwrap_err();
            assert!(wrong.contains(part), "{wrong}");
        }
    }
}
