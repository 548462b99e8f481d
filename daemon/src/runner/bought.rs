//! What the calls of a turn came to, for people: beside what they might have cost, so that an estimate that is far off is seen.
//!
//! The books are the store's (`store::call_costs`); here the job's budget hears of them.

use fenta_workflows::cost::Decimal;

use super::node_run::JobShared;
use crate::store::{PaidCall, PaidState};

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
            usd(cost),
            usd(most)
        )),
        None => Some(format!(
            "cost {}, which nobody could tell before",
            usd(cost)
        )),
    }
}

fn usd(micros: u64) -> String {
    let amount = Decimal::new(i64::try_from(micros).unwrap_or(i64::MAX), 6);
    format!("${}", amount.normalize())
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
