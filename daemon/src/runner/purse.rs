//! What a job may still spend of its budget: render time and money, and when to say so.
//!
//! `admission` asks before work starts. Sums are whole numbers: thousandths of seconds, millionths of dollars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Budget, NodeId, Scope, Workflow};

/// What a job has used of its budget.
#[derive(Debug, Default)]
pub(super) struct Purse {
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    render_ms: u64,
    usd_micros: u64,
    /// The most that nodes which must run may still cost, millionths of a dollar.
    reserved: BTreeMap<NodeId, u64>,
    /// Percentages that were told, of what.
    told: BTreeSet<(&'static str, u32)>,
}

/// What a node may cost.
pub(super) struct Bill<'a> {
    pub(super) node: &'a NodeId,
    /// The most, millionths of a dollar; none when nobody can tell.
    pub(super) high_micros: Option<u64>,
    /// Whether nodes that must run come first.
    pub(super) yields: bool,
}

/// Something a budget limits, with its amounts in thousandths or millionths.
struct Limit {
    what: &'static str,
    used: u64,
    limit: u64,
    show: fn(u64) -> String,
}

impl Purse {
    /// A full purse. What the nodes that must run may cost, as far as the inputs tell, is laid aside.
    pub(super) fn new(workflow: &Workflow, scope: &Scope) -> Self {
        let limited = workflow
            .settings()
            .budget
            .as_ref()
            .is_some_and(|budget| budget.max_usd_micros.is_some());
        let must_run =
            |node: &&NodeId| limited && !workflow.rules(node).is_some_and(|rules| rules.optional);
        let reserved = workflow
            .order()
            .iter()
            .filter(must_run)
            .filter_map(|node| {
                let high = workflow.money(node, scope, &scope.job.date).high_micros()?;
                (high > 0).then(|| (node.clone(), high))
            })
            .collect();
        Self {
            spent: Mutex::new(Spent {
                reserved,
                ..Spent::default()
            }),
        }
    }

    /// Takes render time out of the budget; the percentages that were reached by it.
    pub(super) fn render(
        &self,
        budget: &Budget,
        render_ms: u64,
    ) -> Result<Vec<JobEventKind>, WorkerFailure> {
        let Some(limit) = budget.max_render_ms else {
            return Ok(Vec::new());
        };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let together = spent.render_ms.saturating_add(render_ms);
        if together > limit {
            return Err(short(
                format!(
                    "rendering takes {} render seconds, and {} of the budget's {} are left",
                    seconds(render_ms),
                    seconds(limit - spent.render_ms),
                    seconds(limit)
                ),
                "raise `budget.max_render_seconds`, make the video shorter, or render a draft",
            ));
        }
        spent.render_ms = together;
        Ok(spent.reached(
            budget,
            &Limit {
                what: "render seconds",
                used: together,
                limit,
                show: seconds,
            },
        ))
    }

    /// Takes the most a node may cost out of the budget; the percentages that were reached by it.
    pub(super) fn pay(
        &self,
        budget: &Budget,
        bill: &Bill<'_>,
    ) -> Result<Vec<JobEventKind>, WorkerFailure> {
        let Some(limit) = budget.max_usd_micros else {
            return Ok(Vec::new());
        };
        let Some(cost) = bill.high_micros else {
            return Err(short(
                format!(
                    "nobody can tell what it costs, and the budget is {}",
                    dollars(limit)
                ),
                "name a model whose price is known, or remove `budget.max_usd`",
            ));
        };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.reserved.remove(bill.node);
        let kept: u64 = if bill.yields {
            spent.reserved.values().sum()
        } else {
            0
        };
        let left = limit.saturating_sub(spent.usd_micros).saturating_sub(kept);
        if cost > left {
            return Err(short(
                format!(
                    "it may cost {}, and {} of the budget's {} are left",
                    dollars(cost),
                    dollars(left),
                    dollars(limit)
                ),
                "raise `budget.max_usd`, or choose a cheaper model",
            ));
        }
        spent.usd_micros += cost;
        let used = spent.usd_micros;
        Ok(spent.reached(
            budget,
            &Limit {
                what: "dollars",
                used,
                limit,
                show: dollars,
            },
        ))
    }
}

impl Spent {
    /// The percentages that are reached now and were not told yet.
    fn reached(&mut self, budget: &Budget, limit: &Limit) -> Vec<JobEventKind> {
        let reached = |percent: u32| {
            u128::from(limit.used) * 100 >= u128::from(limit.limit) * u128::from(percent)
        };
        budget
            .alert_at
            .iter()
            .copied()
            .filter(|percent| reached(*percent) && self.told.insert((limit.what, *percent)))
            .map(|percent| JobEventKind::BudgetReached {
                percent,
                what: limit.what.to_owned(),
                used: (limit.show)(limit.used),
                limit: (limit.show)(limit.limit),
            })
            .collect()
    }
}

fn short(message: String, hint: &str) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Budget,
        message,
        hint: hint.to_owned(),
    }
}

fn seconds(millis: u64) -> String {
    trimmed(&format!("{}.{:03}", millis / 1000, millis % 1000))
}

fn dollars(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    format!("${}", trimmed(&text))
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use fenta_workflows::OnExceed;

    use super::*;

    fn budget(render_ms: u64) -> Budget {
        Budget {
            max_usd_micros: None,
            max_credits: None,
            max_render_ms: Some(render_ms),
            on_exceed: OnExceed::Fail,
            on_exceed_is_written: true,
            alert_at: vec![50, 100],
        }
    }

    #[test]
    fn a_budget_is_used_up_and_says_so_on_the_way() {
        let (purse, budget) = (Purse::default(), budget(10_000));
        assert_eq!(purse.render(&budget, 4_000).unwrap(), []);
        let told = purse.render(&budget, 2_500).unwrap();
        assert!(
            matches!(&told[..], [JobEventKind::BudgetReached { percent: 50, used, .. }] if used == "6.5"),
            "{told:?}"
        );
        let short = purse.render(&budget, 4_000).unwrap_err();
        assert_eq!(short.class, FailureClass::Budget);
        assert_eq!(
            short.message,
            "rendering takes 4 render seconds, and 3.5 of the budget's 10 are left"
        );
        assert_eq!(purse.render(&budget, 3_500).unwrap().len(), 1, "100 %");
    }

    #[test]
    fn optional_nodes_leave_what_others_need_and_unknown_costs_are_not_free() {
        let mut budget = budget(0);
        budget.max_usd_micros = Some(1_000_000);
        let must = NodeId::new("must");
        let purse = Purse {
            spent: Mutex::new(Spent {
                reserved: BTreeMap::from([(must.clone(), 700_000)]),
                ..Spent::default()
            }),
        };
        let hero = NodeId::new("hero");
        let bill = |node, high_micros, yields| Bill {
            node,
            high_micros,
            yields,
        };
        let short = purse.pay(&budget, &bill(&hero, Some(400_000), true));
        assert_eq!(
            short.unwrap_err().message,
            "it may cost $0.4, and $0.3 of the budget's $1 are left"
        );
        let unknown = purse.pay(&budget, &bill(&hero, None, false)).unwrap_err();
        assert!(unknown.message.contains("nobody can tell"), "{unknown:?}");
        let told = purse.pay(&budget, &bill(&must, Some(700_000), false));
        assert_eq!(told.unwrap().len(), 1, "half of it is used");
        assert_eq!(
            purse
                .pay(&budget, &bill(&hero, Some(300_000), true))
                .unwrap()
                .len(),
            1
        );
        let none = purse
            .pay(&budget, &bill(&hero, Some(1), false))
            .unwrap_err();
        assert_eq!(none.class, FailureClass::Budget);
    }
}
