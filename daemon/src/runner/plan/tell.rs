//! What a walk found, in the words of a plan: hit or miss and why, place, seconds, money, segments.

use std::collections::BTreeMap;

use fenta_client::api::plan::{
    MoneyPlan, NodePlan, Obstacle, Place, Plan, PlanRequest, PlanStatus, PlanTotal, QuotaPlan,
    SecondsPlan,
};
use fenta_templates::timeline::Timeline;
use fenta_workflows::Workflow;
use fenta_workflows::action::{Action, CachePolicy};
use fenta_workflows::cost::{Decimal, Spread};
use fenta_workflows::lock::NodePins;
use fenta_workflows::models::Role;
use fenta_workflows::node::notes_of;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::value::Value;

use super::super::reasons::reasons;
use super::super::selection::OptionsError;
use super::super::submit::SubmitError;
use super::super::{pins, units};
use super::money;
use super::spans::{quota, segments};
use super::sums::{together, total};
use super::unit::{Unit, Verdict};
use super::walk::{NodeFound, Walked};
use crate::store::{ActionTimes, Allowance, EarlierRun};

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
    /// What all jobs together may still spend.
    allowances: Vec<Allowance>,
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
    let spending = walked.setting.planner.executors.providers().spending();
    let allowances = store.allowances(spending).await?;
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
            allowances,
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
        self.output_obstacles();
        let mut total = total(&nodes);
        self.allowed(&mut total);
        let setting = &walked.setting;
        Plan {
            workflow: setting.workflow.name.clone(),
            as_of: today,
            tool: setting.tool.to_string(),
            total,
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
            Verdict::Known(outputs) => {
                let known = std::mem::take(&mut plan.note);
                let told = (!known.is_empty()).then_some(known);
                let notes: Vec<String> = told.into_iter().chain(notes_of(outputs)).collect();
                plan.note = notes.join("; ");
            }
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
        if let Some(failure) = &unit.obstacle {
            self.obstacle(&plan.node, &failure.message, &failure.hint);
        }
        if !unit.note.is_empty() {
            plan.note.clone_from(&unit.note);
        }
        (plan.place, plan.money) = money::of(setting, unit);
        plan.quota.extend(money::credits(setting, unit));
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
    }

    /// From the medians of this machine; what several workers do side by side takes the time of one of them.
    fn seconds(&self, unit: &Unit, kind: &str) -> Option<SecondsPlan> {
        let mut workers_ms = (0.0, 0_u32);
        let mut others_ms = 0.0;
        let (mut samples, mut partial) = (u32::MAX, false);
        // Past errors, weighed by the work each kind is.
        let (mut errors, mut weight) = (0.0, 0.0);
        for action in unit.missing.iter().filter(|action| is_content(action)) {
            let Some((per_unit, seen)) = self.times.per_unit(kind, action.kind()) else {
                partial = true;
                continue;
            };
            samples = samples.min(seen);
            let millis = per_unit * units::of(action) as f64;
            if let Some(error) = self.times.past_error(kind, action.kind()) {
                errors += error * millis;
                weight += millis;
            }
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
            past_error_percent: (weight > 0.0).then(|| (errors / weight * 100.0).round() as u32),
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
            past_error_percent: None,
        })
    }

    fn workers(&self) -> u32 {
        let workers = self.walked.setting.planner.workers.max(1);
        u32::try_from(workers).unwrap_or(u32::MAX)
    }

    /// Holds the sum against what all jobs together may still spend.
    fn allowed(&mut self, total: &mut PlanTotal) {
        let needed = total
            .money
            .high_usd
            .as_deref()
            .and_then(|usd| usd.parse::<Decimal>().ok());
        let needed = needed.unwrap_or_default();
        if needed.is_zero() {
            return;
        }
        let micros = Spread::exactly(needed).high_in(1_000_000);
        for allowance in self.allowances.clone() {
            if micros > allowance.left_micros() {
                let refusal = allowance.refusal(micros);
                self.obstacle("", &refusal.message, &refusal.hint);
            }
            let dollars = |micros: u64| micros as f64 / 1e6;
            total.quota.push(QuotaPlan {
                meter: format!("dollars for {}", allowance.period),
                needed: dollars(micros),
                limit: Some(dollars(allowance.left_micros())),
            });
        }
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
        for (label, why) in unpinned(self.walked) {
            let failure = pins::refused(why);
            self.obstacle(&label, &failure.message, &failure.hint);
        }
    }

    /// What the values of the run cannot be told as, as far as it can be told.
    fn output_obstacles(&mut self) {
        let setting = &self.walked.setting;
        for error in setting.workflow.output_errors(&setting.scope) {
            self.obstacle("", &error.message, &error.hint);
        }
    }
}

/// What a frozen run would not find in its lock: the node and what it is, as far as it can be told before any work.
pub(super) fn unpinned(walked: &Walked) -> Vec<(String, String)> {
    let Some(lock) = walked.setting.options.frozen_lock() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for unit in &walked.units {
        let made_by = |action: &Action| pins::same_maker(lock, &unit.node, action);
        let actions = unit.missing.iter().filter_map(|action| {
            made_by(action)
                .and_then(|()| pins::missing(lock, action))
                .err()
        });
        let answers = unit.answers.iter().filter_map(|(action, result)| {
            let made = made_by(action).and_then(|()| pins::outcome(lock, action, result));
            made.err()
        });
        let template = match &unit.verdict {
            Verdict::Known(outputs) => {
                pins::template(&mut NodePins::default(), Some(lock), outputs).err()
            }
            _ => None,
        };
        let asked_anew = asked_anew(&walked.setting.workflow, unit);
        let all = actions.chain(answers).chain(template).chain(asked_anew);
        found.extend(all.map(|why| (unit.label.clone(), why)));
    }
    found
}

/// A unit that waits for others is certain to ask for what a frozen run asks nobody.
fn asked_anew(workflow: &Workflow, unit: &Unit) -> Option<String> {
    let role = workflow.role(&unit.node)?;
    let pending = matches!(unit.verdict, Verdict::Pending(_));
    (pending && matches!(role, Role::Webhook | Role::Approval)).then(|| pins::nobody(role))
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
