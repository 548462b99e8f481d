//! What a job may still spend of its budget: render time, money and credits, and when to say so. Pure.
//!
//! `admission` makes the bills; a run asks before work starts and the plan asks the same in the same order. Sums are
//! whole numbers: thousandths of seconds and of credits, millionths of dollars.

use std::collections::{BTreeMap, BTreeSet};

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Budget, OnExceed};

use super::admission::base_name;
use crate::dollars::dollars;
use crate::store::Charge;

/// The budget of a job that has none.
pub(super) const NO_BUDGET: Budget = Budget {
    max_usd_micros: None,
    max_credits: None,
    max_render_ms: None,
    on_exceed: OnExceed::Fail,
    on_exceed_is_written: false,
    alert_at: Vec::new(),
    accepts_unknown: false,
};

/// What a job has used of its budget.
#[derive(Debug, Default)]
pub(super) struct Purse {
    /// What was charged, by turn and by what the turn asked for: asking for the same once more is charged already.
    charged: BTreeMap<(String, String), Amounts>,
    /// The most that turns which must run may still cost.
    reserved: BTreeMap<String, Amounts>,
    /// Percentages that were told, of what.
    told: BTreeSet<(&'static str, u32)>,
}

/// An amount of everything a budget limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) render_ms: u64,
    pub(super) usd_micros: u64,
    pub(super) millicredits: u64,
}

/// What work may take, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Price {
    /// Rendering, thousandths of render seconds.
    Render(u64),
    /// Calls of a provider; what nobody can tell is none.
    Calls {
        usd_micros: Option<u64>,
        millicredits: Option<u64>,
    },
}

/// What a turn may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bill {
    /// The turn: a node's name, with the number of the item in a `for_each`.
    pub(super) turn: String,
    /// What it asks for.
    pub(super) ask: String,
    pub(super) price: Price,
    /// Whether turns that must run come first.
    pub(super) yields: bool,
}

/// A bill that was paid.
#[derive(Debug, PartialEq)]
pub(super) struct Receipt {
    /// What is to be written down; none when it was charged before.
    pub(super) charge: Option<Charge>,
    /// The percentages that were reached by it.
    pub(super) events: Vec<JobEventKind>,
}

/// A budget with what the options of a run allow besides.
pub(super) fn allowing(mut budget: Budget, options: &RunOptions) -> Budget {
    budget.accepts_unknown |= options.accept_unknown;
    budget
}

impl Purse {
    /// What is left when this was charged before, with what is laid aside for turns that must run.
    pub(super) fn new(
        budget: Option<&Budget>,
        charges: Vec<Charge>,
        reserved: BTreeMap<String, Amounts>,
    ) -> Self {
        let charged = charges.into_iter().map(|charge| {
            let amounts = Amounts {
                render_ms: charge.render_ms,
                usd_micros: charge.usd_micros,
                millicredits: charge.millicredits,
            };
            ((charge.turn, charge.ask), amounts)
        });
        let mut purse = Self {
            charged: charged.collect(),
            ..Self::default()
        };
        let paid: Vec<String> = purse.charged.keys().map(|(turn, _)| turn.clone()).collect();
        purse.reserved = reserved;
        for turn in paid {
            purse.release(&turn);
        }
        // What was reached before was told before.
        if let Some(budget) = budget {
            let _ = purse.reached(budget);
        }
        purse
    }

    /// A turn is at its end: nothing is laid aside for it any more.
    pub(super) fn release(&mut self, turn: &str) {
        self.reserved.remove(turn);
        self.reserved.remove(base_name(turn));
    }

    /// Takes a bill out of the budget, or says what is short.
    pub(super) fn pay(&mut self, budget: &Budget, bill: &Bill) -> Result<Receipt, WorkerFailure> {
        self.release(&bill.turn);
        let key = (bill.turn.clone(), bill.ask.clone());
        let before = self.charged.get(&key).copied().unwrap_or_default();
        // Of what nobody can tell there is a line too, which takes what it turns out to cost.
        let mut open = false;
        for limit in limits(budget) {
            let Some(needed) = (limit.of_price)(&bill.price) else {
                continue;
            };
            let Some(needed) = needed else {
                if budget.accepts_unknown && self.spent(limit.of) < limit.limit {
                    open = true;
                    continue;
                }
                if budget.accepts_unknown {
                    return Err(used_up(&limit));
                }
                return Err(unknown(&limit));
            };
            let more = needed.saturating_sub((limit.of)(&before));
            let kept = if bill.yields { self.kept(limit.of) } else { 0 };
            let left = limit
                .limit
                .saturating_sub(self.spent(limit.of))
                .saturating_sub(kept);
            if more > left {
                return Err(short(&limit, more, left));
            }
        }
        let after = before.larger(&bill.price.amounts());
        let is_new = !self.charged.contains_key(&key);
        if after == before && !(open && is_new) {
            return Ok(Receipt {
                charge: None,
                events: Vec::new(),
            });
        }
        self.charged.insert(key, after);
        Ok(Receipt {
            charge: Some(Charge {
                turn: bill.turn.clone(),
                ask: bill.ask.clone(),
                render_ms: after.render_ms,
                usd_micros: after.usd_micros,
                millicredits: after.millicredits,
            }),
            events: self.reached(budget),
        })
    }

    /// Whether a turn was charged money, or may have been: a line without amounts waits for what nobody could tell.
    pub(super) fn has_charged(&self, turn: &str) -> bool {
        let money = |amounts: &Amounts| amounts.usd_micros > 0 || *amounts == Amounts::default();
        let mut charged = self.charged.iter();
        charged.any(|((other, _), amounts)| other == turn && money(amounts))
    }

    /// What the calls of a turn did cost takes the place of what they might have: as it was written down at its end.
    pub(super) fn settle(&mut self, turn: &str, charges: &[Charge]) {
        for charge in charges.iter().filter(|charge| charge.turn == turn) {
            let key = (charge.turn.clone(), charge.ask.clone());
            if let Some(amounts) = self.charged.get_mut(&key) {
                amounts.usd_micros = charge.usd_micros;
                amounts.millicredits = charge.millicredits;
            }
        }
    }

    fn spent(&self, of: fn(&Amounts) -> u64) -> u64 {
        self.charged.values().map(of).fold(0, u64::saturating_add)
    }

    fn kept(&self, of: fn(&Amounts) -> u64) -> u64 {
        self.reserved.values().map(of).fold(0, u64::saturating_add)
    }

    /// The percentages that are reached now and were not told yet.
    fn reached(&mut self, budget: &Budget) -> Vec<JobEventKind> {
        let mut events = Vec::new();
        for limit in limits(budget) {
            let used = self.spent(limit.of);
            let reached = |percent: u32| {
                u128::from(used) * 100 >= u128::from(limit.limit) * u128::from(percent)
            };
            for percent in budget.alert_at.iter().copied() {
                if used > 0 && reached(percent) && self.told.insert((limit.what, percent)) {
                    events.push(JobEventKind::BudgetReached {
                        percent,
                        what: limit.what.to_owned(),
                        used: (limit.show)(used),
                        limit: (limit.show)(limit.limit),
                    });
                }
            }
        }
        events
    }
}

impl Amounts {
    /// Of each the larger one: who asks for more of the same is charged the difference.
    fn larger(&self, other: &Self) -> Self {
        Self {
            render_ms: self.render_ms.max(other.render_ms),
            usd_micros: self.usd_micros.max(other.usd_micros),
            millicredits: self.millicredits.max(other.millicredits),
        }
    }
}

impl Price {
    /// What is known of it.
    pub(super) fn amounts(&self) -> Amounts {
        match self {
            Self::Render(render_ms) => Amounts {
                render_ms: *render_ms,
                ..Amounts::default()
            },
            Self::Calls {
                usd_micros,
                millicredits,
            } => Amounts {
                // No budget is as large as this, and the store holds no larger numbers.
                usd_micros: usd_micros.unwrap_or(0).min(i64::MAX as u64),
                millicredits: millicredits.unwrap_or(0).min(i64::MAX as u64),
                ..Amounts::default()
            },
        }
    }
}

/// Something a budget limits.
struct Limit {
    what: &'static str,
    key: &'static str,
    limit: u64,
    of: fn(&Amounts) -> u64,
    /// None where the price has nothing to do with it, none within where nobody can tell.
    of_price: fn(&Price) -> Option<Option<u64>>,
    show: fn(u64) -> String,
    hint: &'static str,
}

fn limits(budget: &Budget) -> impl Iterator<Item = Limit> {
    let render = budget.max_render_ms.map(|limit| Limit {
        what: "render seconds",
        key: "budget.max_render_seconds",
        limit,
        of: |amounts| amounts.render_ms,
        of_price: |price| match price {
            Price::Render(render_ms) => Some(Some(*render_ms)),
            Price::Calls { .. } => None,
        },
        show: thousandths,
        hint: "raise `budget.max_render_seconds`, make the video shorter, or render a draft",
    });
    let dollars = budget.max_usd_micros.map(|limit| Limit {
        what: "dollars",
        key: "budget.max_usd",
        limit,
        of: |amounts| amounts.usd_micros,
        of_price: |price| match price {
            Price::Render(_) => None,
            Price::Calls { usd_micros, .. } => Some(*usd_micros),
        },
        show: dollars,
        hint: "raise `budget.max_usd`, or choose a cheaper model",
    });
    let credits = budget.max_credits.map(|limit| Limit {
        what: "credits",
        key: "budget.max_credits",
        limit: limit.saturating_mul(1000),
        of: |amounts| amounts.millicredits,
        of_price: |price| match price {
            Price::Render(_) => None,
            Price::Calls { millicredits, .. } => Some(*millicredits),
        },
        show: credits_text,
        hint: "raise `budget.max_credits`, or choose a cheaper model",
    });
    render.into_iter().chain(dollars).chain(credits)
}

fn unknown(limit: &Limit) -> WorkerFailure {
    let what = match limit.what {
        "credits" => " in credits",
        _ => "",
    };
    failure(
        format!(
            "nobody can tell what it costs{what}, and the budget is {}",
            (limit.show)(limit.limit)
        ),
        format!(
            "name a model whose price is known, accept it with `unknown_prices: accept` in `budget` or with \
             `--accept-unknown`, or remove `{}`",
            limit.key
        ),
    )
}

/// Of a budget that is used up nothing is spent on what nobody can tell.
fn used_up(limit: &Limit) -> WorkerFailure {
    let whole = (limit.show)(limit.limit);
    failure(
        format!("nobody can tell what it costs, and nothing of the budget's {whole} is left"),
        limit.hint.to_owned(),
    )
}

fn short(limit: &Limit, needed: u64, left: u64) -> WorkerFailure {
    let verb = match limit.what {
        "render seconds" => "rendering takes",
        _ => "it may cost",
    };
    let unit = match limit.what {
        "render seconds" => " render seconds",
        _ => "",
    };
    let message = format!(
        "{verb} {}{unit}, and {} of the budget's {} are left",
        (limit.show)(needed),
        (limit.show)(left),
        (limit.show)(limit.limit)
    );
    failure(message, limit.hint.to_owned())
}

fn failure(message: String, hint: String) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Budget,
        message,
        hint,
    }
}

fn thousandths(amount: u64) -> String {
    trimmed(&format!("{}.{:03}", amount / 1000, amount % 1000))
}

fn credits_text(millicredits: u64) -> String {
    format!("{} credits", thousandths(millicredits))
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Bill {
    /// Rendering of a turn.
    pub(super) fn render(turn: &str, render_ms: u64, yields: bool) -> Self {
        Self {
            turn: turn.to_owned(),
            // The same video, whatever its parameters are the second time: what is bought is one video.
            ask: "render".to_owned(),
            price: Price::Render(render_ms),
            yields,
        }
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::OnExceed;
    use proptest::prelude::*;

    use super::*;

    fn budget() -> Budget {
        Budget {
            max_usd_micros: None,
            max_credits: None,
            max_render_ms: None,
            on_exceed: OnExceed::Fail,
            on_exceed_is_written: true,
            alert_at: vec![50, 100],
            accepts_unknown: false,
        }
    }

    fn render_budget(render_ms: u64) -> Budget {
        Budget {
            max_render_ms: Some(render_ms),
            ..budget()
        }
    }

    fn dollar_budget(usd_micros: u64) -> Budget {
        Budget {
            max_usd_micros: Some(usd_micros),
            ..budget()
        }
    }

    fn render(turn: &str, ms: u64) -> Bill {
        Bill::render(turn, ms, false)
    }

    fn calls(turn: &str, ask: &str, usd_micros: Option<u64>) -> Bill {
        Bill {
            turn: turn.to_owned(),
            ask: ask.to_owned(),
            price: Price::Calls {
                usd_micros,
                millicredits: Some(0),
            },
            yields: false,
        }
    }

    #[test]
    fn what_a_call_did_not_cost_can_be_spent_on_others() {
        let (mut purse, budget) = (Purse::default(), dollar_budget(1_000));
        let receipt = purse.pay(&budget, &calls("a", "x", Some(900))).unwrap();
        assert!(purse.pay(&budget, &calls("b", "x", Some(600))).is_err());
        assert!(purse.has_charged("a") && !purse.has_charged("b"));
        let charge = Charge {
            usd_micros: 300,
            ..receipt.charge.unwrap()
        };
        purse.settle("a", &[charge]);
        purse.pay(&budget, &calls("b", "x", Some(600))).unwrap();
    }

    // spec: W-60
    #[test]
    fn an_unknown_price_is_refused_unless_it_is_accepted_and_then_counts_with_what_it_was() {
        let accepting = |options: bool, document: bool| {
            let budget = Budget {
                accepts_unknown: document,
                ..dollar_budget(1_000)
            };
            let options = RunOptions {
                accept_unknown: options,
                ..RunOptions::default()
            };
            allowing(budget, &options)
        };
        let mut purse = Purse::default();
        let refused = purse.pay(&accepting(false, false), &calls("a", "x", None));
        let refused = refused.unwrap_err();
        assert!(
            refused.message.starts_with("nobody can tell"),
            "{refused:?}"
        );
        assert!(refused.hint.contains("--accept-unknown"), "{refused:?}");
        for budget in [accepting(true, false), accepting(false, true)] {
            let mut purse = Purse::default();
            let receipt = purse.pay(&budget, &calls("a", "x", None)).unwrap();
            // There is a line for it, so that what it cost can be written into it; the same ask again makes no other.
            let charge = receipt.charge.unwrap();
            assert_eq!(charge.usd_micros, 0);
            assert_eq!(
                purse.pay(&budget, &calls("a", "x", None)).unwrap().charge,
                None
            );
            let charge = Charge {
                usd_micros: 900,
                ..charge
            };
            purse.settle("a", std::slice::from_ref(&charge));
            assert!(purse.pay(&budget, &calls("b", "x", Some(200))).is_err());
            purse.pay(&budget, &calls("b", "x", None)).unwrap();
            purse.settle(
                "a",
                &[Charge {
                    usd_micros: 1_000,
                    ..charge
                }],
            );
            let over = purse.pay(&budget, &calls("c", "x", None)).unwrap_err();
            assert!(
                over.message
                    .contains("nothing of the budget's $0.001 is left"),
                "{over:?}"
            );
        }
    }

    // spec: W-60
    #[test]
    fn a_budget_is_used_up_and_says_so_on_the_way() {
        let (mut purse, budget) = (Purse::default(), render_budget(10_000));
        assert_eq!(purse.pay(&budget, &render("a", 4_000)).unwrap().events, []);
        let told = purse.pay(&budget, &render("b", 2_500)).unwrap().events;
        assert!(
            matches!(&told[..], [JobEventKind::BudgetReached { percent: 50, used, .. }] if used == "6.5"),
            "{told:?}"
        );
        let short = purse.pay(&budget, &render("c", 4_000)).unwrap_err();
        assert_eq!(short.class, FailureClass::Budget);
        assert_eq!(
            short.message,
            "rendering takes 4 render seconds, and 3.5 of the budget's 10 are left"
        );
        let all = purse.pay(&budget, &render("c", 3_500)).unwrap();
        assert_eq!(all.events.len(), 1, "100 %");
    }

    #[test]
    fn optional_turns_leave_what_others_need_and_unknown_costs_are_not_free() {
        let budget = dollar_budget(1_000_000);
        let aside = Amounts {
            usd_micros: 700_000,
            ..Amounts::default()
        };
        let reserved = BTreeMap::from([("must".to_owned(), aside)]);
        let mut purse = Purse::new(Some(&budget), Vec::new(), reserved);
        let optional = |usd_micros| Bill {
            yields: true,
            ..calls("hero", "k", Some(usd_micros))
        };
        let short = purse.pay(&budget, &optional(400_000));
        assert_eq!(
            short.unwrap_err().message,
            "it may cost $0.4, and $0.3 of the budget's $1 are left"
        );
        let unknown = purse.pay(&budget, &calls("hero", "k", None)).unwrap_err();
        assert_eq!(
            unknown.message,
            "nobody can tell what it costs, and the budget is $1"
        );
        let told = purse.pay(&budget, &calls("must", "k", Some(700_000)));
        assert_eq!(told.unwrap().events.len(), 1, "half of it is used");
        let rest = purse.pay(&budget, &optional(300_000)).unwrap();
        assert_eq!(rest.events.len(), 1);
        let none = purse
            .pay(&budget, &calls("hero", "k2", Some(1)))
            .unwrap_err();
        assert_eq!(none.class, FailureClass::Budget);
    }

    // spec: W-60
    #[test]
    fn credits_are_a_limit_of_their_own() {
        let budget = Budget {
            max_credits: Some(150),
            ..budget()
        };
        let bill = |turn: &str, millicredits| Bill {
            price: Price::Calls {
                usd_micros: None,
                millicredits,
            },
            ..calls(turn, "k", None)
        };
        let mut purse = Purse::default();
        let told = purse
            .pay(&budget, &bill("a", Some(100_500)))
            .unwrap()
            .events;
        assert!(
            matches!(&told[..], [JobEventKind::BudgetReached { what, used, .. }] if what == "credits" && used == "100.5 credits"),
            "{told:?}"
        );
        let short = purse.pay(&budget, &bill("b", Some(50_000))).unwrap_err();
        assert_eq!(
            short.message,
            "it may cost 50 credits, and 49.5 credits of the budget's 150 credits are left"
        );
        let unknown = purse.pay(&budget, &bill("b", None)).unwrap_err();
        assert_eq!(
            unknown.message,
            "nobody can tell what it costs in credits, and the budget is 150 credits"
        );
    }

    // spec: W-60
    #[test]
    fn asking_for_the_same_again_is_charged_once_and_for_more_the_difference() {
        let budget = render_budget(10_000);
        let mut purse = Purse::default();
        assert!(
            purse
                .pay(&budget, &render("a", 6_000))
                .unwrap()
                .charge
                .is_some()
        );
        let again = purse.pay(&budget, &render("a", 6_000)).unwrap();
        assert_eq!(
            (again.charge, again.events),
            (None, Vec::new()),
            "a second try"
        );
        let longer = purse.pay(&budget, &render("a", 7_000)).unwrap();
        assert_eq!(longer.charge.unwrap().render_ms, 7_000);
        let short = purse.pay(&budget, &render("b", 4_000)).unwrap_err();
        assert!(short.message.contains("and 3 of"), "{short:?}");

        let budget = dollar_budget(100);
        let mut purse = Purse::default();
        purse.pay(&budget, &calls("a", "first", Some(60))).unwrap();
        let other = purse
            .pay(&budget, &calls("a", "second", Some(60)))
            .unwrap_err();
        assert!(
            other.message.contains("$0.00004"),
            "another question is another call: {other:?}"
        );
    }

    // spec: W-60
    #[test]
    fn a_job_that_goes_on_has_what_it_had_left() {
        let budget = render_budget(10_000);
        let mut first = Purse::default();
        let charge = first.pay(&budget, &render("a", 6_000)).unwrap().charge;
        let aside = Amounts {
            render_ms: 6_000,
            ..Amounts::default()
        };
        let reserved = BTreeMap::from([("a".to_owned(), aside)]);
        let mut second = Purse::new(Some(&budget), charge.into_iter().collect(), reserved);
        assert!(second.reserved.is_empty(), "it was charged");
        let again = second.pay(&budget, &render("a", 6_000)).unwrap();
        assert_eq!((again.charge, again.events), (None, Vec::new()));
        let short = second.pay(&budget, &render("b", 5_000)).unwrap_err();
        assert!(short.message.contains("and 4 of"), "{short:?}");
    }

    /// A call of a turn: what it may cost, what it does cost, and what goes wrong around it.
    #[derive(Clone, Debug)]
    struct Try {
        turn: usize,
        ask: usize,
        high: u64,
        actual: u64,
        /// The job ends after the charge is on disk and before the call.
        dies_before: bool,
        /// The job begins anew afterwards, with what is on disk.
        restarts: bool,
    }

    fn tries() -> impl Strategy<Value = Vec<Try>> {
        let one = (
            0_usize..3,
            0_usize..3,
            0_u64..400,
            0_u64..=100,
            any::<bool>(),
            any::<bool>(),
        );
        let one = one.prop_map(|(turn, ask, high, part, dies_before, restarts)| Try {
            turn,
            ask,
            high,
            actual: high * part / 100,
            dies_before,
            restarts,
        });
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn whatever_fails_the_cap_holds_and_each_alert_is_told_once(limit in 1_u64..1000, tries in tries()) {
            let budget = dollar_budget(limit);
            let mut purse = Purse::new(Some(&budget), Vec::new(), BTreeMap::new());
            let mut disk: BTreeMap<(String, String), Charge> = BTreeMap::new();
            // The dearest answer to each question; the same question again finds it.
            let mut spent: BTreeMap<(String, String), u64> = BTreeMap::new();
            let mut told: Vec<u32> = Vec::new();
            for one in tries {
                let bill = calls(&format!("n{}", one.turn), &format!("k{}", one.ask), Some(one.high));
                let key = (bill.turn.clone(), bill.ask.clone());
                if let Ok(receipt) = purse.pay(&budget, &bill) {
                    if let Some(charge) = receipt.charge {
                        disk.insert(key.clone(), charge);
                    }
                    told.extend(receipt.events.iter().map(|event| match event {
                        JobEventKind::BudgetReached { percent, .. } => *percent,
                        other => panic!("{other:?}"),
                    }));
                    if !one.dies_before {
                        let before = spent.entry(key).or_default();
                        *before = one.actual.max(*before);
                    }
                }
                if one.dies_before || one.restarts {
                    let charges = disk.values().cloned().collect();
                    purse = Purse::new(Some(&budget), charges, BTreeMap::new());
                }
                prop_assert!(spent.values().sum::<u64>() <= limit);
                prop_assert!(purse.spent(|amounts| amounts.usd_micros) <= limit);
            }
            let count = told.len();
            told.sort_unstable();
            told.dedup();
            prop_assert_eq!(told.len(), count, "an alert was told twice");
        }

        #[test]
        fn no_more_is_spent_than_there_is(limit in 0_u64..1000, bills in proptest::collection::vec((0_usize..4, 0_u64..400, any::<bool>()), 0..20)) {
            let budget = render_budget(limit);
            let mut purse = Purse::default();
            for (turn, ms, yields) in bills {
                let _ = purse.pay(&budget, &Bill::render(&format!("n{turn}"), ms, yields));
                prop_assert!(purse.spent(|amounts| amounts.render_ms) <= limit);
            }
        }
    }
}
