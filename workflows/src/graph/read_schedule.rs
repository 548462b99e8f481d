//! The first pass over `schedule`: when the workflow runs by itself.
//!
//! Neighbours: `settings` holds what is read, `cron` judges times and zones. `Schedule.Cron` nodes are triggers too; they
//! are read when the nodes are known.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::declare::fit_written;
use super::keys::{CATCH_UP, OVERLAP, SCHEDULE_KEYS};
use super::read_nodes::RawNode;
use super::read_telling::notify;
use super::settings::{CatchUp, Notify, Overlap, Schedule};
use super::shape::{bad, boolean, check_keys, duration, find, map, plain, text, word};
use crate::cron;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::input::InputSpec;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};
use crate::value::Value;

/// The node type that is a schedule.
pub(super) const TRIGGER_NODE: &str = "Schedule.Cron";

/// A schedule whose `inputs` have not been held against the declared inputs yet.
pub(super) struct RawSchedule {
    schedule: Schedule,
    inputs: Vec<Entry>,
}

/// One schedule, or a list of them. `source` is the document's text.
pub(super) fn schedules(entry: &Entry, source: &str, found: &mut Diagnostics) -> Vec<RawSchedule> {
    let items = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    items
        .iter()
        .filter_map(|item| schedule(item, source, found))
        .collect()
}

fn schedule(node: &Node, source: &str, found: &mut Diagnostics) -> Option<RawSchedule> {
    let entries = map(node, "a schedule", found)?;
    check_keys(entries, "a schedule", &SCHEDULE_KEYS, &[], found);
    for key in ["cron", "timezone"] {
        if find(entries, key).is_none() {
            found.push(missing(node.span, key));
        }
    }
    let mut raw = RawSchedule {
        schedule: Schedule {
            cron: String::new(),
            timezone: String::new(),
            catch_up: CatchUp::None,
            overlap: Overlap::Skip,
            jitter_ms: 0,
            start: None,
            end: None,
            inputs: BTreeMap::new(),
            enabled: true,
            node: None,
            notify: Notify::default(),
        },
        inputs: Vec::new(),
    };
    for entry in entries {
        key(&mut raw, entry, source, found);
    }
    if let (Some(start), Some(end)) = (&raw.schedule.start, &raw.schedule.end)
        && start > end
        && let Some(entry) = find(entries, "end")
    {
        bad(
            &entry.value,
            format!("the schedule ends on {end}, before it starts on {start}"),
            "swap the two days",
            found,
        );
    }
    Some(raw)
}

fn missing(span: Span, key: &str) -> Diagnostic {
    let hint = match key {
        "cron" => "write `cron: \"0 7 * * 1-5\"`: minute, hour, day of month, month, day of week",
        _ => "write `timezone: Europe/Berlin`; without it nobody knows whose 7:00 is meant",
    };
    Diagnostic::error(
        codes::MISSING_KEY,
        span,
        format!("the schedule has no `{key}`"),
    )
    .hint(hint)
}

fn key(raw: &mut RawSchedule, entry: &Entry, source: &str, found: &mut Diagnostics) {
    let schedule = &mut raw.schedule;
    match entry.key.as_str() {
        "cron" => schedule.cron = cron_line(entry, source, found).unwrap_or_default(),
        "timezone" => schedule.timezone = timezone(entry, found).unwrap_or_default(),
        "catch_up" => {
            schedule.catch_up = match word(entry, &CATCH_UP, found) {
                Some(1) => CatchUp::Latest,
                Some(2) => CatchUp::All,
                _ => CatchUp::None,
            };
        }
        "overlap" => schedule.overlap = overlap(entry, found),
        "jitter" => schedule.jitter_ms = duration(entry, found).unwrap_or_default(),
        "start" => schedule.start = day(entry, found),
        "end" => schedule.end = day(entry, found),
        "enabled" => schedule.enabled = boolean(entry, found).unwrap_or(true),
        "notify" => schedule.notify = notify(entry, found),
        "inputs" => {
            raw.inputs = map(&entry.value, "`inputs`", found)
                .unwrap_or_default()
                .to_vec();
        }
        _ => {}
    }
}

fn cron_line(entry: &Entry, source: &str, found: &mut Diagnostics) -> Option<String> {
    let line = text(entry, found)?;
    check_cron(&entry.value, &line, source, found);
    Some(line)
}

/// Every slip of a cron line at its field.
fn check_cron(node: &Node, line: &str, source: &str, found: &mut Diagnostics) {
    for slip in cron::check(line).err().unwrap_or_default() {
        let span = part(node, line, source, slip.start..slip.end);
        found.push(Diagnostic::error(codes::CRON, span, slip.message).hint(slip.hint));
    }
}

/// The place of a part of a text in the document; the whole text where escapes make the two differ.
fn part(node: &Node, text: &str, source: &str, bytes: std::ops::Range<usize>) -> Span {
    let written = node.span.of(source);
    match written.find(text) {
        Some(at) if written.len() - text.len() <= 2 && !bytes.is_empty() => Span::new(
            node.span.start + at + bytes.start,
            node.span.start + at + bytes.end,
        ),
        _ => node.span,
    }
}

fn timezone(entry: &Entry, found: &mut Diagnostics) -> Option<String> {
    let zone = text(entry, found)?;
    if let Err(near) = cron::check_zone(&zone) {
        let span = entry.value.span;
        let diagnostic = Diagnostic::error(
            codes::SETTING,
            span,
            format!("there is no time zone `{zone}`"),
        )
        .suggest(near.as_deref(), span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint("write its IANA name, for example `Europe/Berlin` or `UTC`"),
        });
    }
    Some(zone)
}

fn overlap(entry: &Entry, found: &mut Diagnostics) -> Overlap {
    match word(entry, &OVERLAP, found) {
        Some(1) => Overlap::BufferOne,
        Some(2 | 6) => Overlap::BufferAll,
        Some(3) => Overlap::CancelOther,
        Some(4) => Overlap::TerminateOther,
        Some(5) => Overlap::AllowAll,
        _ => Overlap::Skip,
    }
}

/// The text of a day.
pub(super) fn day(entry: &Entry, found: &mut Diagnostics) -> Option<String> {
    let written = text(entry, found)?;
    if !crate::input::is_date(&written) {
        bad(
            &entry.value,
            format!("`{}` cannot be `{written}`", entry.key),
            "write a day like 2026-11-22",
            found,
        );
        return None;
    }
    Some(written)
}

/// The schedules with their inputs, each held against its declaration.
pub(super) fn with_inputs(
    raw: Vec<RawSchedule>,
    inputs: &IndexMap<String, InputSpec>,
    found: &mut Diagnostics,
) -> Vec<Schedule> {
    raw.into_iter()
        .map(|mut raw| {
            for entry in &raw.inputs {
                if let Some(value) = input(entry, inputs, found) {
                    raw.schedule.inputs.insert(entry.key.clone(), value);
                }
            }
            raw.schedule
        })
        .collect()
}

fn input(
    entry: &Entry,
    inputs: &IndexMap<String, InputSpec>,
    found: &mut Diagnostics,
) -> Option<Value> {
    let Some(spec) = inputs.get(&entry.key) else {
        let near = nearest(&entry.key, inputs.keys().map(String::as_str));
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_INPUT,
            entry.key_span,
            format!("there is no input `{}`", entry.key),
        )
        .suggest(near, entry.key_span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint("a schedule gives values to declared `inputs` only"),
        });
        return None;
    };
    let value = match plain(&entry.value) {
        Some(value) if value != Value::Null => fit_written(spec, value),
        _ => Err(format!(
            "expected {}, found {}",
            spec.input_type,
            entry.value.noun()
        )),
    };
    value
        .map_err(|reason| {
            found.push(
                Diagnostic::error(
                    codes::INPUT,
                    entry.value.span,
                    format!(
                        "the input `{}` ({}) cannot be this: {reason}",
                        entry.key, spec.input_type
                    ),
                )
                .label(spec.span, "declared here")
                .hint("write a value that fits the declaration"),
            );
        })
        .ok()
}

/// The schedules that `Schedule.Cron` nodes write. Whether their parameters fit is checked with all other nodes'.
pub(super) fn of_nodes(
    nodes: &IndexMap<String, RawNode>,
    source: &str,
    found: &mut Diagnostics,
) -> Vec<Schedule> {
    nodes
        .iter()
        .filter(|(_, node)| {
            node.node_type
                .is_some_and(|node_type| node_type.descriptor().kind == TRIGGER_NODE)
        })
        .filter_map(|(id, node)| of_node(id, node, source, found))
        .collect()
}

fn of_node(id: &str, node: &RawNode, source: &str, found: &mut Diagnostics) -> Option<Schedule> {
    for name in ["cron", "timezone", "enabled"] {
        if let Some(param) = node.with.get(name)
            && param.expr.literal().is_none()
        {
            found.push(
                Diagnostic::error(
                    codes::SETTING,
                    param.expr.span,
                    format!("`{name}` of a schedule cannot be computed"),
                )
                .hint("a schedule is read when nothing runs; write the value itself"),
            );
        }
    }
    let literal = |name: &str| match node.with.get(name)?.expr.literal()? {
        Value::Text(text) => Some((text, node.with[name].expr.span)),
        _ => None,
    };
    let (line, line_span) = literal("cron")?;
    let (timezone, zone_span) = literal("timezone")?;
    let as_node = |span: Span, text: &str| Node {
        kind: Kind::Text(text.to_owned()),
        span,
    };
    check_cron(&as_node(line_span, &line), &line, source, found);
    let zone_entry = Entry {
        key: "timezone".to_owned(),
        key_span: zone_span,
        value: as_node(zone_span, &timezone),
    };
    self::timezone(&zone_entry, found);
    let enabled = node
        .with
        .get("enabled")
        .and_then(|param| param.expr.literal());
    Some(Schedule {
        cron: line,
        timezone,
        catch_up: CatchUp::None,
        overlap: Overlap::Skip,
        jitter_ms: 0,
        start: None,
        end: None,
        inputs: BTreeMap::new(),
        enabled: enabled != Some(Value::Bool(false)),
        node: Some(id.to_owned()),
        notify: Notify::default(),
    })
}
