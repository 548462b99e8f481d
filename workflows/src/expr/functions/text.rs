//! Functions about texts.
//!
//! Neighbours: `list` for lists. Nothing here makes a text longer than the bound.

use minijinja::Error;
use minijinja::value::Value;

use super::arguments::Arguments;
use super::{MAX_TEXT_BYTES, fail};
use crate::expr::engine;

fn too_long() -> Error {
    fail(format!("the text is longer than {MAX_TEXT_BYTES} bytes"))
}

fn held(text: String) -> Result<Value, Error> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    Ok(Value::from(text))
}

pub(super) fn lower(it: &Arguments<'_>) -> Result<Value, Error> {
    held(it.text(0)?.to_lowercase())
}

pub(super) fn upper(it: &Arguments<'_>) -> Result<Value, Error> {
    held(it.text(0)?.to_uppercase())
}

pub(super) fn trim(it: &Arguments<'_>) -> Result<Value, Error> {
    Ok(Value::from(it.text(0)?.trim()))
}

pub(super) fn join(it: &Arguments<'_>) -> Result<Value, Error> {
    let by = it.maybe(1, Arguments::text)?.unwrap_or_default();
    let mut text = String::new();
    for (i, item) in it.list(0)?.iter().enumerate() {
        if i > 0 {
            text.push_str(by);
        }
        text.push_str(&engine::shown(item)?);
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_long());
        }
    }
    Ok(Value::from(text))
}

/// JSON on one line. The engine's value is turned into one of ours first, which bounds its size.
pub(super) fn json(it: &Arguments<'_>) -> Result<Value, Error> {
    let value = engine::from_engine(it.value(0)?).map_err(fail)?;
    held(value.to_json().to_string())
}

pub(super) fn replace(it: &Arguments<'_>) -> Result<Value, Error> {
    let (text, from, to) = (it.text(0)?, it.text(1)?, it.text(2)?);
    if from.is_empty() {
        return Err(it.refuse("the text to be replaced is empty"));
    }
    let count = text.matches(from).count();
    if text.len().saturating_add(count.saturating_mul(to.len())) > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    Ok(Value::from(text.replace(from, to)))
}

/// Small letters, digits and single dashes: safe in file names. Letters of other scripts are kept.
pub(super) fn slug(it: &Arguments<'_>) -> Result<Value, Error> {
    let mut slug = String::new();
    for c in it.text(0)?.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    held(slug.trim_end_matches('-').to_owned())
}

pub(super) fn split(it: &Arguments<'_>) -> Result<Value, Error> {
    let text = it.text(0)?;
    let parts: Vec<String> = match it.maybe(1, Arguments::text)? {
        None => text
            .split_whitespace()
            .take(super::MAX_ITEMS + 1)
            .map(str::to_owned)
            .collect(),
        Some("") => return Err(it.refuse("the separator is empty")),
        Some(by) => text
            .split(by)
            .take(super::MAX_ITEMS + 1)
            .map(str::to_owned)
            .collect(),
    };
    super::bounded(parts.len())?;
    Ok(Value::from(parts))
}

/// At most `length` characters, the last an ellipsis when something was cut.
pub(super) fn truncate(it: &Arguments<'_>) -> Result<Value, Error> {
    let (text, length) = (it.text(0)?, it.whole(1)?.unsigned_abs() as usize);
    if text.chars().count() <= length {
        return Ok(Value::from(text));
    }
    let mut short: String = text.chars().take(length.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    if length > 0 {
        short.push('…');
    }
    Ok(Value::from(short))
}
