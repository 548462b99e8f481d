//! How far a node is, from what its actions say, without drowning the log.
//!
//! A node that renders is measured in frames; any other in thousandths of its actions.

use std::time::Duration;

use fenta_workflows::action::Action;
use tokio::time::Instant;

/// Between two entries of the log.
const PAUSE: Duration = Duration::from_millis(250);

/// Units of an action when the node does not render.
const UNITS: u64 = 1000;

/// See the module.
#[derive(Debug)]
pub(super) struct Progress {
    done: Vec<u64>,
    weights: Vec<u64>,
    told: Option<(Instant, u64)>,
}

impl Progress {
    /// The progress of these actions.
    pub(super) fn of<'a>(actions: impl Iterator<Item = &'a Action> + Clone) -> Self {
        let renders = actions
            .clone()
            .any(|action| matches!(action, Action::RenderSegment(_)));
        let weights: Vec<u64> = actions
            .map(|action| match action {
                Action::RenderSegment(request) => u64::from(request.segment.frames),
                _ if renders => 0,
                _ => UNITS,
            })
            .collect();
        Self {
            done: vec![0; weights.len()],
            weights,
            told: None,
        }
    }

    /// An action is at `done` of `total` of its own units.
    pub(super) fn set(&mut self, action: usize, done: u64, total: u64) {
        let weight = self.weights[action];
        let units = (u128::from(weight) * u128::from(done))
            .checked_div(u128::from(total))
            .map_or(0, |units| {
                u64::try_from(units).unwrap_or(weight).min(weight)
            });
        // Never backwards, also when an attempt begins anew.
        self.done[action] = self.done[action].max(units);
    }

    /// An action has its result.
    pub(super) fn finish(&mut self, action: usize) {
        self.done[action] = self.weights[action];
    }

    /// Units done and in all, when it is time to say so.
    pub(super) fn tell(&mut self, now: Instant) -> Option<(u64, u64)> {
        let (done, total) = (self.done.iter().sum(), self.weights.iter().sum());
        let due = match self.told {
            None => done > 0,
            Some((at, told)) => done > told && (now >= at + PAUSE || done == total),
        };
        due.then(|| {
            self.told = Some((now, done));
            (done, total)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::{render, speak};

    #[test]
    fn renders_are_measured_in_frames() {
        let actions = [render(60), render(30), speak("x")];
        let mut progress = Progress::of(actions.iter());
        let now = Instant::now();
        assert_eq!(progress.tell(now), None, "nothing is done");
        progress.finish(0);
        progress.finish(2);
        assert_eq!(progress.tell(now), Some((60, 90)));
        progress.set(1, 10, 30);
        assert_eq!(progress.tell(now + PAUSE), Some((70, 90)));
    }

    #[test]
    fn it_is_told_four_times_a_second_and_at_the_end() {
        let actions = [speak("x")];
        let mut progress = Progress::of(actions.iter());
        let now = Instant::now();
        progress.set(0, 1, 10);
        assert_eq!(progress.tell(now), Some((100, 1000)));
        progress.set(0, 2, 10);
        assert_eq!(progress.tell(now + PAUSE / 2), None);
        assert_eq!(progress.tell(now + PAUSE), Some((200, 1000)));
        assert_eq!(progress.tell(now + 2 * PAUSE), None, "nothing new");
        progress.finish(0);
        assert_eq!(progress.tell(now + PAUSE), Some((1000, 1000)));
    }

    #[test]
    fn nonsense_from_a_worker_stays_within_bounds() {
        let actions = [speak("x")];
        let mut progress = Progress::of(actions.iter());
        progress.set(0, 5, 10);
        progress.set(0, 1, 10);
        progress.set(0, 7, 0);
        assert_eq!(progress.tell(Instant::now()), Some((500, 1000)));
        progress.set(0, u64::MAX, 1);
        assert_eq!(progress.tell(Instant::now() + PAUSE), Some((1000, 1000)));
    }
}
