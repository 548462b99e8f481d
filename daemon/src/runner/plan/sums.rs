//! Sums of a plan: a node from its turns, the whole from its nodes.

use fenta_client::api::plan::{
    MoneyPlan, NodePlan, Place, PlanStatus, PlanTotal, QuotaPlan, SecondsPlan,
};

/// Reasons a node shows of all its turns'.
const SHOWN_REASONS: usize = 5;

/// The plan of a node from those of its turns.
pub(super) fn together(mut node: NodePlan, items: Vec<NodePlan>) -> NodePlan {
    let count = |wanted: PlanStatus| items.iter().filter(|item| item.status == wanted).count();
    let work = items.iter().filter(|item| item.status.is_work()).count();
    let skipped = count(PlanStatus::Skipped);
    node.status = match work {
        _ if count(PlanStatus::Blocked) > 0 => PlanStatus::Blocked,
        _ if count(PlanStatus::Pending) > 0 => PlanStatus::Pending,
        0 => PlanStatus::Hit,
        _ if work == items.len() - skipped && count(PlanStatus::Partly) == 0 => PlanStatus::Miss,
        _ => PlanStatus::Partly,
    };
    for item in &items {
        node.hits += item.hits;
        node.misses += item.misses;
        node.complete &= item.complete;
        node.seconds = add_seconds(node.seconds, item.seconds, item.status.is_work());
        node.money = node.money.plus(&item.money);
        add_quota(&mut node.quota, &item.quota);
        if item.place != Place::Local {
            node.place = item.place.clone();
        }
        for reason in &item.reasons {
            if node.reasons.len() < SHOWN_REASONS && !node.reasons.contains(reason) {
                node.reasons.push(reason.clone());
            }
        }
    }
    node.note = match (items.len(), skipped) {
        (0, _) => "the list has no items".to_owned(),
        (_, 0) => String::new(),
        (count, skipped) => format!("{skipped} of {count} items skipped"),
    };
    node.items = items;
    node
}

pub(super) fn total(nodes: &[NodePlan]) -> PlanTotal {
    let mut total = PlanTotal {
        hits: 0,
        misses: 0,
        segments_to_render: 0,
        segments: 0,
        seconds: None,
        money: MoneyPlan::free(),
        quota: Vec::new(),
    };
    for node in nodes {
        if node.status == PlanStatus::Hit {
            total.hits += 1;
        }
        if node.status.is_work() {
            total.misses += 1;
        }
        let spans = node
            .segments
            .iter()
            .chain(node.items.iter().flat_map(|item| &item.segments));
        for span in spans {
            total.segments += 1;
            total.segments_to_render += u32::from(!span.hit);
        }
        total.seconds = add_seconds(total.seconds, node.seconds, node.status.is_work());
        total.money = total.money.plus(&node.money);
        add_quota(&mut total.quota, &node.quota);
    }
    total
}

/// A part that is work and has no time makes the sum partial.
fn add_seconds(
    sum: Option<SecondsPlan>,
    part: Option<SecondsPlan>,
    is_work: bool,
) -> Option<SecondsPlan> {
    match (sum, part) {
        (None, None) => None,
        (Some(sum), None) => Some(SecondsPlan {
            partial: sum.partial || is_work,
            ..sum
        }),
        (None, Some(part)) => Some(part),
        (Some(sum), Some(part)) => Some(sum.plus(part)),
    }
}

fn add_quota(sum: &mut Vec<QuotaPlan>, parts: &[QuotaPlan]) {
    for part in parts {
        match sum.iter_mut().find(|known| known.meter == part.meter) {
            Some(known) => known.needed += part.needed,
            None => sum.push(part.clone()),
        }
    }
}
