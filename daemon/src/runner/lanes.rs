//! Which action runs next. Pure: ids in, ids out.
//!
//! Two lanes, because a worker process costs a core and a copied file does not: neither may hold up the other. In a
//! lane, short actions go before renders (they decide what can be rendered next), then first come, first served.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fenta_workflows::action::Action;

/// A group of actions with its own number of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Done by worker processes.
    Worker,
    /// Done inside the daemon.
    Inside,
}

impl Lane {
    /// The lane of an action.
    pub(super) const fn of(action: &Action) -> Self {
        if action.needs_worker() {
            Self::Worker
        } else {
            Self::Inside
        }
    }
}

/// Lower goes first.
const fn rank(action: &Action) -> u8 {
    match action {
        Action::RenderSegment(_) | Action::Snapshot(_) => 1,
        _ => 0,
    }
}

/// The waiting actions and the free places.
#[derive(Debug)]
pub(super) struct Lanes {
    worker: Places,
    inside: Places,
}

#[derive(Debug)]
struct Places {
    free: usize,
    waiting: BinaryHeap<Reverse<(u8, u64)>>,
}

impl Lanes {
    /// Lanes for so many worker processes.
    pub(super) fn new(workers: usize) -> Self {
        let places = |free| Places {
            free,
            waiting: BinaryHeap::new(),
        };
        Self {
            worker: places(workers.max(1)),
            inside: places(workers.max(2)),
        }
    }

    /// An action waits. Ids are given in order of arrival.
    pub(super) fn push(&mut self, id: u64, action: &Action) {
        self.places(Lane::of(action))
            .waiting
            .push(Reverse((rank(action), id)));
    }

    /// Takes a place for the next action of some lane, if there are both.
    pub(super) fn next(&mut self) -> Option<u64> {
        [Lane::Worker, Lane::Inside].into_iter().find_map(|lane| {
            let places = self.places(lane);
            if places.free == 0 {
                return None;
            }
            let Reverse((_, id)) = places.waiting.pop()?;
            places.free -= 1;
            Some(id)
        })
    }

    /// The worker lane's next action, if `joins` lets it share the place that was just taken.
    pub(super) fn join(&mut self, joins: impl FnOnce(u64) -> bool) -> Option<u64> {
        let Reverse((rank, id)) = *self.worker.waiting.peek()?;
        if rank == 0 || !joins(id) {
            return None;
        }
        self.worker.waiting.pop();
        Some(id)
    }

    /// Gives a place back.
    pub(super) fn release(&mut self, lane: Lane) {
        self.places(lane).free += 1;
    }

    const fn places(&mut self, lane: Lane) -> &mut Places {
        match lane {
            Lane::Worker => &mut self.worker,
            Lane::Inside => &mut self.inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::{render, speak, write};

    fn drain(lanes: &mut Lanes) -> Vec<u64> {
        std::iter::from_fn(|| lanes.next()).collect()
    }

    #[test]
    fn short_actions_go_before_renders_and_then_in_order() {
        let mut lanes = Lanes::new(1);
        lanes.push(0, &render(1));
        lanes.push(1, &render(2));
        lanes.push(2, &speak("a"));
        lanes.push(3, &speak("b"));
        let mut order = Vec::new();
        while let Some(id) = lanes.next() {
            order.push(id);
            lanes.release(Lane::Worker);
        }
        assert_eq!(order, [2, 3, 0, 1]);
    }

    #[test]
    fn only_so_many_run_and_the_lanes_do_not_touch() {
        let mut lanes = Lanes::new(2);
        for id in 0..5 {
            lanes.push(id, &render(id));
        }
        assert_eq!(drain(&mut lanes), [0, 1]);
        lanes.push(5, &write("x"));
        assert_eq!(drain(&mut lanes), [5], "renders do not hold up a text");
        lanes.release(Lane::Inside);
        assert_eq!(drain(&mut lanes), [] as [u64; 0]);
        lanes.release(Lane::Worker);
        assert_eq!(drain(&mut lanes), [2]);
    }
}
