//! A plan as a table: one line a node, segments and turns folded unless they are asked for, the sum last.

use fenta_client::api::plan::{
    Confidence, MoneyPlan, NodePlan, Plan, PlanStatus, SecondsPlan, SegmentPlan,
};

use super::figures;
use crate::ui::table::{Row, Table, Tint};

/// Reasons shown for people; programs get all.
const REASONS_SHOWN: usize = 2;

/// What is unfolded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Detail {
    pub(super) segments: bool,
    pub(super) items: bool,
    /// Whether what times rest on is left out, for want of room.
    pub(super) narrow: bool,
}

/// The whole plan.
///
/// For pipes a line has the columns node, type, place, status, hits, misses, seconds, samples, low, expected, high,
/// confidence, day of the price, why.
pub(super) fn of(plan: &Plan, detail: Detail) -> Table {
    let mut table = Table::new(&["NODE", "PLACE", "CACHE", "TIME", "COST", "WHY"]);
    for node in &plan.nodes {
        add_node(&mut table, node, "", detail);
    }
    table.row(total(plan, detail));
    table
}

fn add_node(table: &mut Table, node: &NodePlan, indent: &str, detail: Detail) {
    table.row(node_row(node, indent, detail));
    if detail.segments {
        for segment in &node.segments {
            table.row(segment_row(node, segment, indent));
        }
    }
    if detail.items {
        for item in &node.items {
            add_node(table, item, "  ", detail);
        }
    }
}

fn node_row(node: &NodePlan, indent: &str, detail: Detail) -> Row {
    let work = node.status.is_work();
    Row::new()
        .both(format!("{indent}{}", node.node), &node.node)
        .program(&node.kind)
        .cell(match work {
            true => node.place.to_string(),
            false => String::new(),
        })
        .tinted(cache(node), node.status.as_str(), tint(node.status))
        .program(node.hits.to_string())
        .program(node.misses.to_string())
        .both(
            time(node.seconds, work, detail),
            node.seconds
                .map_or(String::new(), |known| known.expected.to_string()),
        )
        .program(
            node.seconds
                .map_or(String::new(), |known| known.samples.to_string()),
        )
        .person(match work {
            true => figures::money(&node.money),
            false => String::new(),
        })
        .programs(&money_cells(&node.money))
        .both(why(node, REASONS_SHOWN), why(node, usize::MAX))
}

fn time(known: Option<SecondsPlan>, work: bool, detail: Detail) -> String {
    match detail.narrow {
        true => figures::seconds(known, work),
        false => figures::seconds_with_evidence(known, work),
    }
}

fn money_cells(money: &MoneyPlan) -> [String; 5] {
    let text = |amount: &Option<String>| amount.clone().unwrap_or_default();
    let confidence = match money.confidence {
        Confidence::Exact => "exact",
        Confidence::Modelled => "modelled",
        Confidence::Unknown => "unknown",
    };
    [
        text(&money.low_usd),
        text(&money.expected_usd),
        text(&money.high_usd),
        confidence.to_owned(),
        text(&money.price_as_of),
    ]
}

fn cache(node: &NodePlan) -> String {
    let more = if node.complete { "" } else { "+" };
    let all = node.hits + node.misses;
    match node.status {
        PlanStatus::Hit => "HIT".to_owned(),
        PlanStatus::Miss if all > 1 => format!("MISS {all}{more}"),
        PlanStatus::Miss => "MISS".to_owned(),
        PlanStatus::Partly => format!("MISS {} of {all}{more}", node.misses),
        other => other.as_str().to_owned(),
    }
}

fn tint(status: PlanStatus) -> Tint {
    match status {
        PlanStatus::Hit => Tint::Good,
        PlanStatus::Miss | PlanStatus::Partly | PlanStatus::Pending => Tint::Busy,
        PlanStatus::Blocked => Tint::Bad,
        PlanStatus::Skipped | PlanStatus::LeftOut => Tint::Faint,
    }
}

/// Segments first: they are the answer to "how much of it again".
fn why(node: &NodePlan, shown: usize) -> String {
    let mut parts = Vec::new();
    let to_render = node.segments.iter().filter(|segment| !segment.hit).count();
    if !node.segments.is_empty() {
        parts.push(format!(
            "{to_render} of {} segments to render",
            node.segments.len()
        ));
    }
    if !node.items.is_empty() {
        let busy = node.items.iter().filter(|item| item.status.is_work());
        parts.push(format!(
            "{} of {} items to do",
            busy.count(),
            node.items.len()
        ));
    }
    let reasons = node.reasons.iter().map(ToString::to_string);
    parts.extend(reasons.take(shown));
    if node.reasons.len() > shown {
        parts.push(format!("{} more reasons", node.reasons.len() - shown));
    }
    if !node.note.is_empty() {
        parts.push(node.note.clone());
    }
    parts.join("; ")
}

fn segment_row(node: &NodePlan, segment: &SegmentPlan, indent: &str) -> Row {
    let (state, tint) = match segment.hit {
        true => ("hit", Tint::Good),
        false => ("miss", Tint::Busy),
    };
    let changes: Vec<String> = segment.changes.iter().map(ToString::to_string).collect();
    let place = format!("{}-{}", seconds(segment.start_ms), seconds(segment.end_ms));
    Row::new()
        .both(
            format!("{indent}  #{} {place}s", segment.number),
            format!("{}#{}", node.node, segment.number),
        )
        .program("segment")
        .both("", &place)
        .tinted(state.to_uppercase(), state, tint)
        .programs(&["", ""])
        .both("", "")
        .program("")
        .person("")
        .programs(&["", "", "", "", ""])
        .cell(changes.join(", "))
}

/// `12.5`, without a unit.
fn seconds(millis: u64) -> String {
    let tenths = (millis + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn total(plan: &Plan, detail: Detail) -> Row {
    let total = &plan.total;
    let work = plan.has_work();
    let count = match total.misses {
        0 => format!("{} hits, nothing to do", total.hits),
        misses => format!("{} hits, {misses} to do", total.hits),
    };
    Row::new()
        .cell("total")
        .program("")
        .cell("")
        .both(count, "")
        .program(total.hits.to_string())
        .program(total.misses.to_string())
        .both(
            time(total.seconds, work, detail),
            total
                .seconds
                .map_or(String::new(), |known| known.expected.to_string()),
        )
        .program(
            total
                .seconds
                .map_or(String::new(), |known| known.samples.to_string()),
        )
        .person(figures::money(&total.money))
        .programs(&money_cells(&total.money))
        .cell(figures::segments(total).unwrap_or_default())
}
