//! The spans of a render in a plan: which have to be drawn, and what changed in them since the last time.

use std::collections::BTreeMap;

use fenta_client::api::plan::{QuotaPlan, SegmentChange, SegmentPlan};
use fenta_templates::timeline::{Overlay, OverlayContent};
use fenta_workflows::action::{Action, RenderSegmentRequest};
use fenta_workflows::cost::render_millis;
use fenta_workflows::plan::{OverlayNames, segment_changes};
use fenta_workflows::value::Value;
use fenta_workflows::{Lowered, PreparedNode};

use super::unit::Unit;
use super::walk::Setting;
use crate::store::EarlierRun;

/// Render seconds of a video of which something has to be drawn; on this machine nothing limits them but the budget.
pub(super) fn quota(setting: &Setting, unit: &Unit) -> Vec<QuotaPlan> {
    if unit.spans.iter().all(|span| span.hit) {
        return Vec::new();
    }
    let millis: u64 = unit
        .spans
        .iter()
        .filter_map(|span| render_request(&span.action))
        .map(|request| {
            let canvas = &request.segment.canvas;
            let millis = request.segment.range().duration.to_millis();
            let millis = u64::try_from(millis).unwrap_or_default();
            render_millis(canvas.width, canvas.height, millis)
        })
        .sum();
    let budget = setting.workflow.settings().budget.as_ref();
    vec![QuotaPlan {
        meter: "render_seconds".to_owned(),
        needed: millis as f64 / 1000.0,
        limit: budget
            .and_then(|budget| budget.max_render_ms)
            .map(|limit| limit as f64 / 1000.0),
    }]
}

fn render_request(action: &Action) -> Option<&RenderSegmentRequest> {
    match action {
        Action::RenderSegment(request) => Some(request),
        _ => None,
    }
}

/// The spans of a render; a span that has to be drawn is compared with what stood there the last time.
pub(super) fn segments(
    unit: &Unit,
    prepared: &PreparedNode,
    earlier: Option<&EarlierRun>,
    tool: &str,
) -> Vec<SegmentPlan> {
    let before = earlier.map(|run| spans_of(prepared, run));
    let names = |overlay: &Overlay| overlay_name(prepared, overlay);
    let (mut start, mut shot, mut plans) = (0_u64, 0_u32, Vec::new());
    for (number, span) in unit.spans.iter().enumerate() {
        let Some(request) = render_request(&span.action) else {
            continue;
        };
        let begins = request
            .segment
            .shot
            .as_ref()
            .is_none_or(|shot| shot.elapsed == 0);
        shot += u32::from(begins);
        let length = request.segment.range().duration.to_millis();
        let end = start + u64::try_from(length).unwrap_or_default();
        let changes = match (&before, span.hit) {
            (_, true) | (None, _) => Vec::new(),
            (Some(before), false) => {
                let changes = changes(before, start, request, shot, &names);
                if changes.is_empty() {
                    vec![unseen_change(earlier, tool)]
                } else {
                    changes
                }
            }
        };
        plans.push(SegmentPlan {
            number: number as u32 + 1,
            start_ms: start,
            end_ms: end,
            hit: span.hit,
            digest: span.digest.short().to_owned(),
            changes,
        });
        start = end;
    }
    plans
}

/// The spans a render was made of the last time, by their first millisecond.
fn spans_of(prepared: &PreparedNode, run: &EarlierRun) -> BTreeMap<u64, RenderSegmentRequest> {
    let lowered = prepared.as_it_was(&run.key).map(|node| node.lower(&[]));
    let Some(Ok(Lowered::Actions(actions))) = lowered else {
        return BTreeMap::new();
    };
    let mut start = 0;
    let mut spans = BTreeMap::new();
    for action in actions {
        if let Action::RenderSegment(request) = action {
            let length = request.segment.range().duration.to_millis();
            spans.insert(start, *request);
            start += u64::try_from(length).unwrap_or_default();
        }
    }
    spans
}

fn changes(
    before: &BTreeMap<u64, RenderSegmentRequest>,
    start: u64,
    request: &RenderSegmentRequest,
    shot: u32,
    names: &OverlayNames<'_>,
) -> Vec<SegmentChange> {
    let Some((_, old)) = before.range(..=start).next_back() else {
        return Vec::new();
    };
    let ended = before.iter().next_back().is_some_and(|(last, old)| {
        let length = old.segment.range().duration.to_millis();
        start >= last + u64::try_from(length).unwrap_or_default()
    });
    if ended {
        return vec![SegmentChange::New];
    }
    segment_changes(old, request, shot, names)
}

/// Why a span that looks the same is drawn again.
fn unseen_change(earlier: Option<&EarlierRun>, tool: &str) -> SegmentChange {
    if earlier.is_some_and(|run| run.tool != tool) {
        SegmentChange::Renderer
    } else {
        SegmentChange::ResultMissing
    }
}

/// The name of an overlay of a segment, found in the timeline by what it shows.
fn overlay_name(prepared: &PreparedNode, overlay: &Overlay) -> String {
    let Some(Value::Timeline(timeline)) = prepared.params().get("timeline") else {
        return String::new();
    };
    let same = |known: &&Overlay| match (&known.content, &overlay.content) {
        (OverlayContent::Text(one), OverlayContent::Text(other)) => one.text == other.text,
        (one, other) => one == other,
    };
    let found = timeline.overlays.iter().find(same);
    found.map_or_else(String::new, |known| known.id.clone())
}
