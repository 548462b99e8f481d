//! Functions about texts.
//!
//! Neighbours: `list` for lists. Nothing here makes a text longer than the bound.

use minijinja::Error;
use minijinja::value::Value;

use super::{MAX_TEXT_BYTES, fail, items};
use crate::expr::engine;

fn too_long() -> Error {
    fail(format!("the text is longer than {MAX_TEXT_BYTES} bytes"))
}

fn held(text: String) -> Result<String, Error> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    Ok(text)
}

pub(super) fn lower(text: &str) -> Result<String, Error> {
    held(text.to_lowercase())
}

pub(super) fn upper(text: &str) -> Result<String, Error> {
    held(text.to_uppercase())
}

pub(super) fn trim(text: &str) -> String {
    text.trim().to_owned()
}

pub(super) fn join(list: Value, by: Option<&str>) -> Result<String, Error> {
    let mut text = String::new();
    for (i, item) in items(&list)?.iter().enumerate() {
        if i > 0 {
            text.push_str(by.unwrap_or(""));
        }
        text.push_str(&engine::shown(item)?);
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_long());
        }
    }
    Ok(text)
}

/// JSON on one line. The engine's value is turned into one of ours first, which bounds its size.
pub(super) fn json(value: Value) -> Result<String, Error> {
    let value = engine::from_engine(&value).map_err(fail)?;
    held(value.to_json().to_string())
}

pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    if from.is_empty() {
        return Err(fail("the text to be replaced is empty"));
    }
    let count = text.matches(from).count();
    if text.len().saturating_add(count.saturating_mul(to.len())) > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    Ok(text.replace(from, to))
}

/// Small letters, digits and single dashes: safe in file names. Letters of other scripts are kept.
pub(super) fn slug(text: &str) -> Result<String, Error> {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    held(slug.trim_end_matches('-').to_owned())
}

pub(super) fn split(text: &str, by: Option<&str>) -> Result<Vec<String>, Error> {
    let parts: Vec<String> = match by {
        None => text
            .split_whitespace()
            .take(super::MAX_ITEMS + 1)
            .map(str::to_owned)
            .collect(),
        Some("") => return Err(fail("the separator is empty")),
        Some(by) => text
            .split(by)
            .take(super::MAX_ITEMS + 1)
            .map(str::to_owned)
            .collect(),
    };
    super::bounded(parts.len())?;
    Ok(parts)
}

/// At most `length` characters, the last an ellipsis when something was cut.
pub(super) fn truncate(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(length.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    if length > 0 {
        short.push('…');
    }
    short
}
