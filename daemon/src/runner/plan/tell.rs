//! What a walk found, in the words of a plan: hit or miss and why, place, seconds, money, segments.

use std::collections::BTreeMap;

use fenta_client::api::plan::{
    MoneyPlan, NodePlan, Obstacle, Place, Plan, PlanRequest, PlanStatus, PlanTotal, QuotaPlan,
    SecondsPlan, SegmentChange, SegmentPlan,
};
use fenta_templates::timeline::Timeline;
use fenta_workflows::action::{Action, CachePolicy, RenderSegmentRequest};
use fenta_workflows::cost::render_millis;
use fenta_workflows::plan::segment_changes;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::value::Value;
use fenta_workflows::{Lowered, PreparedNode};

use super::super::reasons::reasons;
use super::super::selection::OptionsError;
use super::super::submit::SubmitError;
use super::super::{admission, pins, units};
use super::money;
use super::unit::{Unit, Verdict};
use super::walk::{NodeFound, Setting, Walked};
use crate::store::{ActionTimes, EarlierRun};

/// Reasons a node shows of all its turns'.
const SHOWN_REASONS: usize = 5;

/// Whether an action counts as work: questions to this machine do not, putting a file in its place does.
pub(super) fn is_content(action: &Action) -> bool {
    action.cache_policy() == CachePolicy::Content || matches!(action, Action::Publish(_))
}

/// What is told with.
struct Teller<'a> {
    walked: &'a Walked,
    times: ActionTimes,
    /// The last time each unit that is no hit ran.
    earlier: BTreeMap<String, EarlierRun>,
    obstacles: Vec<Obstacle>,
}

pub(super) async fn tell(
    walked: Walked,
    request: &PlanRequest,
    today: &str,
) -> Result<Plan, SubmitError> {
    let store = &walked.setting.planner.store;
    let idle = |unit: &&Unit| matches!(unit.verdict, Verdict::Known(_) | Verdict::Skipped(_));
    let labels: Vec<String> = walked
        .units
        .iter()
        .filter(|unit| !idle(unit))
        .map(|unit| unit.label.clone())
        .collect();
    let source = &request.job.workflow;
    let identity = source.path.as_ref().unwrap_or(&source.name);
    let found = store.newest_runs(identity, labels.clone()).await?;
    let times = store.action_times().await?;
    let (today, with_timelines) = (today.to_owned(), request.with_timelines);
    tokio::task::spawn_blocking(move || {
        let earlier = labels
            .into_iter()
            .zip(found)
            .filter_map(|(label, run)| Some((label, run?)))
            .collect();
        let mut teller = Teller {
            walked: &walked,
            times,
            earlier,
            obstacles: Vec::new(),
        };
        teller.plan(today, with_timelines)
    })
    .await
    .map_err(|_| SubmitError::Panicked)
}

impl Teller<'_> {
    fn plan(&mut self, today: String, with_timelines: bool) -> Plan {
        self.lock_obstacles();
        let walked = self.walked;
        let nodes: Vec<NodePlan> = walked.nodes.iter().map(|node| self.node(node)).collect();
        self.budget_obstacle(&nodes);
        let setting = &walked.setting;
        Plan {
            workflow: setting.workflow.name.clone(),
            as_of: today,
            tool: setting.tool.to_string(),
            total: total(&nodes),
            nodes,
            obstacles: std::mem::take(&mut self.obstacles),
            timelines: if with_timelines {
                timelines(&walked.units)
            } else {
                BTreeMap::new()
            },
        }
    }

    fn node(&mut self, found: &NodeFound) -> NodePlan {
        let walked = self.walked;
        let name = found.node.to_string();
        let units: Vec<&Unit> = found.units.iter().map(|n| &walked.units[*n]).collect();
        match units.as_slice() {
            [] if !found.is_for_each => NodePlan {
                status: PlanStatus::LeftOut,
                note: "the options of the run leave it out".to_owned(),
                ..self.empty(name, found)
            },
            [one] if !found.is_for_each => self.unit(one, name, found),
            many => {
                let items = many
                    .iter()
                    .map(|unit| self.unit(unit, unit.label.clone(), found))
                    .collect();
                together(self.empty(name, found), items)
            }
        }
    }

    fn empty(&self, node: String, found: &NodeFound) -> NodePlan {
        let instance = self.walked.setting.workflow.nodes().get(&found.node);
        NodePlan {
            node,
            kind: instance.map_or("", |instance| instance.kind()).to_owned(),
            status: PlanStatus::Hit,
            hits: 0,
            misses: 0,
            complete: true,
            reasons: Vec::new(),
            place: Place::Local,
            seconds: None,
            money: MoneyPlan::free(),
            quota: Vec::new(),
            segments: Vec::new(),
            items: Vec::new(),
            note: String::new(),
        }
    }

    fn unit(&mut self, unit: &Unit, name: String, found: &NodeFound) -> NodePlan {
        let setting = &self.walked.setting;
        let mut plan = self.empty(name, found);
        plan.hits = unit.hits;
        let missing = unit.missing.iter().filter(|action| is_content(action));
        plan.misses = missing.count() as u32;
        plan.note = unit
            .fell_back
            .as_ref()
            .map_or_else(String::new, |after| format!("uses its fallback: {after}"));
        match &unit.verdict {
            Verdict::Known(_) => {}
            Verdict::Skipped(why) => {
                plan.status = PlanStatus::Skipped;
                plan.note.clone_from(why);
            }
            Verdict::Open | Verdict::Missing => self.miss(unit, &mut plan),
            Verdict::Pending(root) => {
                plan.status = PlanStatus::Pending;
                plan.complete = false;
                plan.reasons = vec![RerunReason::Awaits { node: root.clone() }];
                plan.seconds = self.last_time(unit);
            }
            Verdict::Blocked(failure) => {
                plan.status = PlanStatus::Blocked;
                plan.complete = false;
                plan.note.clone_from(&failure.message);
                self.obstacle(&plan.node, &failure.message, &failure.hint);
            }
        }
        (plan.place, plan.money) = money::of(setting, unit);
        plan
    }

    fn miss(&mut self, unit: &Unit, plan: &mut NodePlan) {
        let setting = &self.walked.setting;
        plan.complete = false;
        plan.status = if plan.hits > 0 {
            PlanStatus::Partly
        } else {
            PlanStatus::Miss
        };
        let earlier = self.earlier.get(&unit.label);
        if let Some(prepared) = &unit.prepared {
            plan.reasons = reasons(prepared.key(), &setting.tool, &unit.evidence, earlier);
            plan.segments = segments(unit, prepared, earlier, &setting.tool);
        }
        plan.seconds = self.seconds(unit, &plan.kind);
        plan.quota = quota(setting, unit);
        for action in &unit.missing {
            if let Action::Invoke(request) = &**action {
                let refusal = admission::refusal(&setting.workflow, &setting.options, request)
                    .err()
                    .or_else(|| setting.planner.executors.refusal(request));
                if let Some(failure) = refusal {
                    self.obstacle(&plan.node, &failure.message, &failure.hint);
                }
            }
        }
    }

    /// From the medians of this machine; what several workers do side by side takes the time of one of them.
    fn seconds(&self, unit: &Unit, kind: &str) -> Option<SecondsPlan> {
        let mut workers_ms = (0.0, 0_u32);
        let mut others_ms = 0.0;
        let (mut samples, mut partial) = (u32::MAX, false);
        for action in unit.missing.iter().filter(|action| is_content(action)) {
            let Some((per_unit, seen)) = self.times.per_unit(kind, action.kind()) else {
                partial = true;
                continue;
            };
            samples = samples.min(seen);
            let millis = per_unit * units::of(action) as f64;
            if action.needs_worker() {
                workers_ms = (workers_ms.0 + millis, workers_ms.1 + 1);
            } else {
                others_ms += millis;
            }
        }
        let at_once = f64::from(workers_ms.1.clamp(1, self.workers()));
        (samples < u32::MAX).then(|| SecondsPlan {
            expected: (workers_ms.0 / at_once + others_ms) / 1000.0,
            samples,
            partial,
        })
    }

    /// What a node took the last time stands in for what nobody can tell yet.
    fn last_time(&self, unit: &Unit) -> Option<SecondsPlan> {
        let earlier = self.earlier.get(&unit.label)?;
        let finished = earlier.finished && earlier.actions > 0;
        let at_once = f64::from(earlier.actions.clamp(1, self.workers()));
        finished.then(|| SecondsPlan {
            expected: earlier.effort_ms as f64 / at_once / 1000.0,
            samples: 1,
            partial: false,
        })
    }

    fn workers(&self) -> u32 {
        let workers = self.walked.setting.planner.workers.max(1);
        u32::try_from(workers).unwrap_or(u32::MAX)
    }

    fn obstacle(&mut self, node: &str, message: &str, hint: &str) {
        self.obstacles.push(Obstacle {
            node: node.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        });
    }

    /// What a frozen run would refuse, as far as it can be told.
    fn lock_obstacles(&mut self) {
        let setting = &self.walked.setting;
        let (workflow, options) = (&setting.workflow, &setting.options);
        match pins::check_nodes(workflow, &setting.selection, options) {
            Ok(()) => {}
            Err(error @ OptionsError::NotPinned(_)) => {
                let (hint, OptionsError::NotPinned(all)) = (error.hint(), error) else {
                    return;
                };
                for message in all {
                    self.obstacle("", &message, &hint);
                }
            }
            Err(error) => self.obstacle("", &error.to_string(), &error.hint()),
        }
        let Some(lock) = options.lock.as_ref().filter(|_| options.frozen) else {
            return;
        };
        for unit in &self.walked.units {
            for action in &unit.missing {
                if let Err(why) = pins::wish(lock, action) {
                    let failure = pins::refused(why);
                    self.obstacle(&unit.label, &failure.message, &failure.hint);
                }
            }
        }
    }

    fn budget_obstacle(&mut self, nodes: &[NodePlan]) {
        let needed: f64 = nodes
            .iter()
            .flat_map(|node| &node.quota)
            .map(|q| q.needed)
            .sum();
        let budget = self.walked.setting.workflow.settings().budget.as_ref();
        if let Some(limit) = budget.and_then(|budget| budget.max_render_ms)
            && needed * 1000.0 > limit as f64
        {
            let message = format!(
                "rendering takes {needed} render seconds, the budget allows {}",
                limit as f64 / 1000.0
            );
            self.obstacle("", &message, "raise `budget.max_render_seconds`");
        }
    }
}

/// The plan of a node from those of its turns.
fn together(mut node: NodePlan, items: Vec<NodePlan>) -> NodePlan {
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

fn total(nodes: &[NodePlan]) -> PlanTotal {
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
        (Some(sum), Some(part)) => Some(SecondsPlan {
            expected: sum.expected + part.expected,
            samples: sum.samples.min(part.samples),
            partial: sum.partial || part.partial,
        }),
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

/// Render seconds of a video of which something has to be drawn; on this machine nothing limits them but the budget.
fn quota(setting: &Setting, unit: &Unit) -> Vec<QuotaPlan> {
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
fn segments(
    unit: &Unit,
    prepared: &PreparedNode,
    earlier: Option<&EarlierRun>,
    tool: &str,
) -> Vec<SegmentPlan> {
    let before = earlier.map(|run| spans_of(prepared, run));
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
            (Some(before), false) => changes(before, start, request, shot, earlier, tool),
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
    earlier: Option<&EarlierRun>,
    tool: &str,
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
    let changes = segment_changes(old, request, shot);
    match changes.is_empty() {
        false => changes,
        true if earlier.is_some_and(|run| run.tool != tool) => vec![SegmentChange::Renderer],
        true => vec![SegmentChange::ResultMissing],
    }
}

fn timelines(units: &[Unit]) -> BTreeMap<String, Timeline> {
    units
        .iter()
        .filter_map(|unit| {
            let Verdict::Known(outputs) = &unit.verdict else {
                return None;
            };
            outputs.values().find_map(|value| match value {
                Value::Timeline(timeline) => Some((unit.label.clone(), Timeline::clone(timeline))),
                _ => None,
            })
        })
        .collect()
}
