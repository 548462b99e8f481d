//! What the calls of a turn came to, for people: beside what they might have cost, so that an estimate that is far off is seen.
//!
//! The books are the store's (`store::call_costs`); here the job's budget hears of them.

use fenta_workflows::PreparedNode;

use super::node_run::{JobShared, Turn};
use super::paid::Order;
use crate::dollars::dollars;
use crate::store::{PaidCall, PaidState, Priced};

/// Who pays for so many calls of a node, and what each may cost at the most.
pub(super) fn order(turn: &Turn, node: &PreparedNode, calls: u64) -> Order {
    let job = &turn.job;
    let high = node.money(&turn.scope.job.date).high_micros();
    let accepted = job.options.accept_unknown
        || job
            .budget
            .as_ref()
            .is_some_and(|budget| budget.accepts_unknown);
    Order {
        claim: job.claim.clone(),
        turn: turn.label.clone(),
        // What nobody can tell was refused where the job has a limit.
        high_micros: high
            .unwrap_or(0)
            .min(i64::MAX as u64)
            .div_ceil(calls.max(1)),
        cap_micros: job.budget.as_ref().and_then(|budget| budget.max_usd_micros),
        priced: match high {
            Some(_) => Priced::Known,
            None if accepted => Priced::Accepted,
            None => Priced::Unknown,
        },
    }
}

/// The budget gets back what the calls of a turn that is over might have cost and did not.
pub(super) async fn settle(job: &JobShared, turn: &str) {
    if !job.purse().has_charged(turn) {
        return;
    }
    match job.store.charges(&job.id).await {
        Ok(charges) => job.purse().settle(turn, &charges),
        // Then the job goes on as if they had cost that much.
        Err(error) => tracing::warn!(%error, "what calls cost could not be looked up"),
    }
}

/// The note about these calls, with the most they might have cost, in millionths of dollars; nothing where none was
/// charged for, or all were free.
pub(super) fn note(calls: &[PaidCall], most: Option<u64>) -> Option<String> {
    let over = |call: &&PaidCall| {
        matches!(
            call.state,
            PaidState::Made | PaidState::Settled | PaidState::Refused | PaidState::Lost
        )
    };
    let over: Vec<&PaidCall> = calls.iter().filter(over).collect();
    let vendor = &over.last()?.provider;
    let cost: u64 = over.iter().filter_map(|call| call.cost_micros).sum();
    let silent = over.iter().any(|call| call.cost_micros.is_none());
    match most {
        _ if silent => Some(format!("{vendor} does not say what it cost")),
        _ if cost == 0 => None,
        Some(most) => Some(format!(
            "cost {}, estimated at most {}",
            dollars(cost),
            dollars(most)
        )),
        None => Some(format!(
            "cost {}, which nobody could tell before",
            dollars(cost)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(state: PaidState, cost_micros: Option<u64>) -> PaidCall {
        PaidCall {
            reference: "r".to_owned(),
            job: "j".to_owned(),
            turn: "script".to_owned(),
            digest: "d".to_owned(),
            provider: "openrouter".to_owned(),
            state,
            high_micros: 9000,
            remote: String::new(),
            location: String::new(),
            cost_micros,
            detail: String::new(),
        }
    }

    #[test]
    fn what_was_paid_is_told_and_what_nobody_knows_is_not_free() {
        let told = |cost, most| note(&[call(PaidState::Settled, cost)], most);
        assert_eq!(
            told(Some(1230), Some(9000)).unwrap(),
            "cost $0.00123, estimated at most $0.009"
        );
        assert_eq!(
            told(Some(1230), None).unwrap(),
            "cost $0.00123, which nobody could tell before"
        );
        assert_eq!(
            told(None, Some(9000)).unwrap(),
            "openrouter does not say what it cost"
        );
        assert_eq!(told(Some(0), Some(0)), None);
        assert_eq!(note(&[call(PaidState::Unpaid, None)], None), None);
        let both = [
            call(PaidState::Refused, Some(1000)),
            call(PaidState::Settled, Some(500)),
        ];
        assert!(
            note(&both, Some(9000))
                .unwrap()
                .starts_with("cost $0.0015,")
        );
    }
}
