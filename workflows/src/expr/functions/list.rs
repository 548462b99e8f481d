//! Functions about lists.
//!
//! Neighbours: `number` adds up and compares. Lists are bounded in length, what is taken and what is made.

use minijinja::Error;
use minijinja::value::{Rest, Value, ValueKind};

use super::{MAX_ITEMS, bounded, fail, items};
use crate::expr::engine;

/// Lists one after the other.
pub(super) fn concat(lists: Rest<Value>) -> Result<Value, Error> {
    let mut all = Vec::new();
    for list in lists.iter() {
        all.extend(items(list)?);
        bounded(all.len())?;
    }
    Ok(Value::from(all))
}

pub(super) fn first(list: Value) -> Result<Value, Error> {
    items(&list)?.into_iter().next().ok_or_else(empty)
}

pub(super) fn last(list: Value) -> Result<Value, Error> {
    items(&list)?.pop().ok_or_else(empty)
}

fn empty() -> Error {
    fail("the list is empty")
}

pub(super) fn flatten(list: Value) -> Result<Value, Error> {
    let mut all = Vec::new();
    for item in items(&list)? {
        match item.kind() {
            ValueKind::Seq | ValueKind::Iterable => all.extend(items(&item)?),
            _ => all.push(item),
        }
        bounded(all.len())?;
    }
    Ok(Value::from(all))
}

pub(super) fn unique(list: Value) -> Result<Value, Error> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    let mut budget = engine::Budget::new();
    for item in items(&list)? {
        if seen.insert(engine::identity(&item, &mut budget).map_err(fail)?) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

pub(super) fn range(start: i64, end: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, end) = end.map_or((0, start), |end| (start, end));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(fail("a step of 0 never gets to the end"));
    }
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        numbers.push(Value::from(at));
        bounded(numbers.len())?;
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(Value::from(numbers))
}

pub(super) fn zip(lists: Rest<Value>) -> Result<Value, Error> {
    let lists = lists.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = lists.first() else {
        return Err(fail("lists are needed: zip(a, b)"));
    };
    if lists.iter().any(|list| list.len() != first.len()) {
        let lengths: Vec<String> = lists.iter().map(|list| list.len().to_string()).collect();
        return Err(fail(format!(
            "the lists are not equally long: {} items",
            lengths.join(", ")
        )));
    }
    bounded(first.len().saturating_mul(lists.len()))?;
    let rows = (0..first.len()).map(|row| {
        let row: Vec<Value> = lists.iter().map(|list| list[row].clone()).collect();
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

pub(super) fn product(lists: Rest<Value>) -> Result<Value, Error> {
    let lists = lists.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    if lists.is_empty() {
        return Err(fail("lists are needed: product(a, b)"));
    }
    let count = lists
        .iter()
        .fold(1_usize, |count, list| count.saturating_mul(list.len()));
    if count.saturating_mul(lists.len()) > MAX_ITEMS {
        return Err(fail(format!(
            "{count} combinations of {} are more than {MAX_ITEMS} items",
            lists.len()
        )));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in &lists {
        rows = rows
            .iter()
            .flat_map(|row| {
                list.iter().map(move |item| {
                    let mut row = row.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    Ok(Value::from(
        rows.into_iter().map(Value::from).collect::<Vec<_>>(),
    ))
}

/// An item chosen by FNV-1a over the key's text: the same on every machine and in every version.
pub(super) fn pick(list: Value, key: Value) -> Result<Value, Error> {
    let items = items(&list)?;
    if items.is_empty() {
        return Err(empty());
    }
    let key = engine::shown(&key)?;
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV are its weak ones.
    let at = (hash ^ (hash >> 32)) % items.len() as u64;
    Ok(items[at as usize].clone())
}
