//! Functions about lists.
//!
//! Neighbours: `number` adds up and compares. Lists are bounded in length, what is taken and what is made.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::arguments::Arguments;
use super::{MAX_ITEMS, bounded, fail, items};
use crate::expr::engine;

/// Lists one after the other.
pub(super) fn concat(it: &Arguments<'_>) -> Result<Value, Error> {
    let mut all = Vec::new();
    for at in 0..it.all().len() {
        all.extend(it.list(at)?);
        bounded(all.len())?;
    }
    Ok(Value::from(all))
}

pub(super) fn first(it: &Arguments<'_>) -> Result<Value, Error> {
    it.list(0)?
        .into_iter()
        .next()
        .ok_or_else(|| it.refuse(EMPTY))
}

pub(super) fn last(it: &Arguments<'_>) -> Result<Value, Error> {
    it.list(0)?.pop().ok_or_else(|| it.refuse(EMPTY))
}

const EMPTY: &str = "the list is empty";

pub(super) fn flatten(it: &Arguments<'_>) -> Result<Value, Error> {
    let mut all = Vec::new();
    for item in it.list(0)? {
        match item.kind() {
            ValueKind::Seq | ValueKind::Iterable => all.extend(items(&item)?),
            _ => all.push(item),
        }
        bounded(all.len())?;
    }
    Ok(Value::from(all))
}

pub(super) fn unique(it: &Arguments<'_>) -> Result<Value, Error> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    let mut budget = engine::Budget::new();
    for item in it.list(0)? {
        if seen.insert(engine::identity(&item, &mut budget).map_err(fail)?) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

pub(super) fn range(it: &Arguments<'_>) -> Result<Value, Error> {
    let (start, end) = match (it.whole(0)?, it.maybe(1, Arguments::whole)?) {
        (start, Some(end)) => (start, end),
        (end, None) => (0, end),
    };
    let step = it.maybe(2, Arguments::whole)?.unwrap_or(1);
    if step == 0 {
        return Err(it.refuse("a step of 0 never gets to the end"));
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

pub(super) fn zip(it: &Arguments<'_>) -> Result<Value, Error> {
    let lists = it.lists()?;
    let first = lists.first().map(Vec::len).unwrap_or_default();
    if lists.iter().any(|list| list.len() != first) {
        let lengths: Vec<String> = lists.iter().map(|list| list.len().to_string()).collect();
        return Err(it.refuse(format!(
            "the lists are not equally long: {} items",
            lengths.join(", ")
        )));
    }
    bounded(first.saturating_mul(lists.len()))?;
    let rows = (0..first).map(|row| {
        let row: Vec<Value> = lists.iter().map(|list| list[row].clone()).collect();
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

pub(super) fn product(it: &Arguments<'_>) -> Result<Value, Error> {
    let lists = it.lists()?;
    let count = lists
        .iter()
        .fold(1_usize, |count, list| count.saturating_mul(list.len()));
    if count.saturating_mul(lists.len()) > MAX_ITEMS {
        return Err(it.refuse(format!(
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
pub(super) fn pick(it: &Arguments<'_>) -> Result<Value, Error> {
    let items = it.list(0)?;
    if items.is_empty() {
        return Err(it.refuse(EMPTY));
    }
    let key = engine::shown(it.value(1)?).map_err(|_| it.wrong(1))?;
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV are its weak ones.
    let at = (hash ^ (hash >> 32)) % items.len() as u64;
    Ok(items[at as usize].clone())
}
