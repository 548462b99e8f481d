//! Reads the workspace's own sources and says whether they keep the rules of the house (docs/ARCHITECTURE.md).
//!
//! Counts come from the text with strings and comments blanked: good to a few percent, the same everywhere.

mod scan;

pub use scan::{Function, SourceFile};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The workspace's root folder.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace, because cargo says so")
        .to_owned()
}

/// Every Rust file of a folder below the root, scanned; `target` is left out.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn sources(below: &str) -> anyhow::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    collect(&workspace_root().join(below), &mut found)?;
    found.sort();
    let tests = test_modules(&found)?;
    found
        .iter()
        .map(|path| {
            let file = SourceFile::read(path)?;
            Ok(if tests.contains(path) {
                file.as_test()
            } else {
                file
            })
        })
        .collect()
}

/// Files that are modules declared as `#[cfg(test)] mod name;` by their parent.
fn test_modules(files: &[PathBuf]) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut tests = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let root = ["mod.rs", "lib.rs", "main.rs"]
            .iter()
            .any(|name| file.ends_with(name));
        let folder = if root {
            file.with_file_name("")
        } else {
            file.with_extension("")
        };
        for (at, marker) in text.match_indices("#[cfg(test)]") {
            let declared = text[at + marker.len()..]
                .split_once("mod ")
                .and_then(|(_, rest)| rest.split_once(';'));
            if let Some(name) = declared
                .map(|(name, _)| name)
                .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
            {
                tests.insert(folder.join(format!("{name}.rs")));
                tests.insert(folder.join(name).join("mod.rs"));
            }
        }
    }
    Ok(tests)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !matches!(name, "target" | ".git" | "node_modules") {
            collect(&path, found)?;
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The value below which `share` (0-1) of the sorted numbers lie.
pub fn percentile(numbers: &[usize], share: f64) -> usize {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(last))
        .copied()
        .unwrap_or(0)
}
