//! Whether a run may begin while others of its schedule go on. Pure.

use fenta_client::api::schedules::{Overlap, RunKind, ScheduleRunState};
use jiff::Timestamp;

use crate::store::ScheduleRunRecord;

/// What is to be done with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It begins.
    Begin,
    /// It waits for those before it.
    Wait,
    /// It is left out.
    Skip(String),
    /// Those that go on are cancelled; it waits for their end.
    CancelAndWait,
    /// Those that go on are cancelled; it begins beside their end.
    CancelAndBegin,
}

/// Whether the job of a run goes on.
pub(super) fn goes_on(run: &ScheduleRunRecord) -> bool {
    run.new.state == ScheduleRunState::Started
        && run.job_state.is_some_and(|state| !state.is_final())
}

/// What is to be done with the next run that may move, of all that are open, oldest first; none when nothing may.
pub(super) fn next(
    open: &[ScheduleRunRecord],
    overlap: Overlap,
    now: Timestamp,
) -> Option<(&ScheduleRunRecord, Turn)> {
    let busy = open.iter().find(|run| goes_on(run));
    let waiting = |run: &&ScheduleRunRecord| run.new.state == ScheduleRunState::Waiting;
    if busy.is_none()
        && let Some(first) = open.iter().find(waiting)
    {
        return Some((first, Turn::Begin));
    }
    let due = open
        .iter()
        .find(|run| run.new.state == ScheduleRunState::Due && run.new.starts_at <= now)?;
    let Some(busy) = busy else {
        return Some((due, Turn::Begin));
    };
    let turn = match (due.new.kind, overlap) {
        (RunKind::Manual, _) | (_, Overlap::AllowAll) => Turn::Begin,
        // What is made good comes one after another, or nothing would come of it.
        (RunKind::CatchUp | RunKind::Backfill, _) | (_, Overlap::BufferAll) => Turn::Wait,
        (_, Overlap::Skip) => Turn::Skip(still(busy)),
        (_, Overlap::BufferOne) => match open.iter().find(waiting) {
            Some(first) => Turn::Skip(format!(
                "{}, and the one of {} waits already",
                still(busy),
                first.new.due_at
            )),
            None => Turn::Wait,
        },
        (_, Overlap::CancelOther) => Turn::CancelAndWait,
        (_, Overlap::TerminateOther) => Turn::CancelAndBegin,
    };
    Some((due, turn))
}

fn still(busy: &ScheduleRunRecord) -> String {
    let state = busy.job_state.map_or("running", |state| state.as_str());
    let job = busy.job.as_deref().unwrap_or("the run before");
    format!("{job} was still {state}")
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::JobState;

    use super::*;
    use crate::store::NewScheduleRun;

    fn run(minute: i64, kind: RunKind, state: ScheduleRunState) -> ScheduleRunRecord {
        let due_at = Timestamp::from_second(minute * 60).unwrap();
        let is_job = state == ScheduleRunState::Started;
        ScheduleRunRecord {
            new: NewScheduleRun {
                due_at,
                kind,
                state,
                starts_at: due_at,
                reason: String::new(),
            },
            job: is_job.then(|| "job_1".to_owned()),
            key: String::new(),
            job_state: is_job.then_some(JobState::Processing),
            job_error: None,
        }
    }

    use RunKind::{Backfill, CatchUp, Manual, Scheduled};
    use ScheduleRunState::{Due, Started, Waiting};

    fn turn(open: &[ScheduleRunRecord], overlap: Overlap) -> Option<(i64, Turn)> {
        let now = Timestamp::from_second(600).unwrap();
        next(open, overlap, now).map(|(run, turn)| (run.new.due_at.as_second() / 60, turn))
    }

    #[test]
    fn every_rule_answers_a_run_that_is_due_while_one_goes_on() {
        let open = [run(1, Scheduled, Started), run(2, Scheduled, Due)];
        let of = |overlap| turn(&open, overlap).unwrap().1;
        assert_eq!(
            of(Overlap::Skip),
            Turn::Skip("job_1 was still processing".to_owned())
        );
        assert_eq!(of(Overlap::BufferOne), Turn::Wait);
        assert_eq!(of(Overlap::BufferAll), Turn::Wait);
        assert_eq!(of(Overlap::CancelOther), Turn::CancelAndWait);
        assert_eq!(of(Overlap::TerminateOther), Turn::CancelAndBegin);
        assert_eq!(of(Overlap::AllowAll), Turn::Begin);
    }

    #[test]
    fn one_place_holds_one() {
        let open = [
            run(1, Scheduled, Started),
            run(2, Scheduled, Waiting),
            run(3, Scheduled, Due),
        ];
        let (minute, turn) = turn(&open, Overlap::BufferOne).unwrap();
        assert_eq!(minute, 3);
        assert!(matches!(turn, Turn::Skip(why) if why.contains("waits already")));
    }

    #[test]
    fn who_waits_begins_when_nothing_goes_on_the_oldest_first() {
        let mut ended = run(1, Scheduled, Started);
        ended.job_state = Some(JobState::Completed);
        let open = [
            ended,
            run(2, Scheduled, Waiting),
            run(3, Scheduled, Waiting),
        ];
        assert_eq!(turn(&open, Overlap::BufferAll), Some((2, Turn::Begin)));
    }

    #[test]
    fn what_is_made_good_comes_one_after_another_whatever_the_rule() {
        for kind in [CatchUp, Backfill] {
            let open = [run(1, kind, Started), run(2, kind, Due)];
            assert_eq!(
                turn(&open, Overlap::Skip),
                Some((2, Turn::Wait)),
                "{kind:?}"
            );
        }
        let open = [run(1, Scheduled, Started), run(2, Manual, Due)];
        assert_eq!(turn(&open, Overlap::Skip), Some((2, Turn::Begin)));
    }

    #[test]
    fn nothing_begins_before_its_time() {
        let open = [run(11, Scheduled, Due)];
        assert_eq!(turn(&open, Overlap::Skip), None);
    }
}
