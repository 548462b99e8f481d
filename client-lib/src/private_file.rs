//! Files of this user alone: whole or not at all, in a folder that nobody else looks into.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::Serialize;

/// Writes a value as JSON (file mode 0600, folder 0700), by temporary file and rename.
///
/// # Errors
/// What could not be done, and why.
pub(crate) fn write_json(
    path: &Path,
    value: &impl Serialize,
) -> Result<(), (&'static str, io::Error)> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path.parent().unwrap_or(Path::new("/")))
        .map_err(|error| ("make the folder of", error))?;
    let new = path.with_extension("json.new");
    let _ = fs::remove_file(&new);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| {
            let mut text = serde_json::to_string_pretty(value)?;
            text.push('\n');
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|error| ("write", error))
}
