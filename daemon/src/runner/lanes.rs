//! Which action runs next. Pure: ids in, ids out.
//!
//! Actions are of classes by what they take (a core, the disk, the network, a provider's patience), each with its own
//! number of places: none holds up the others. In a class the jobs take turns, an urgent one more of them; so a long
//! render does not keep a small job waiting. Of one job, short actions go before renders (they decide what can be rendered
//! next), then first come, first served.
//!
//! Segments have several threads each, those of drafts one: so many run that their threads are as many as the places; the
//! places left are for the short actions beside them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use fenta_client::api::jobs::{Priority, RunOptions};
use fenta_workflows::action::Action;
use fenta_workflows::models::Role;

/// What an action takes while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A core: done by a worker process.
    Encode,
    /// The disk: done inside the daemon.
    Local,
    /// The network: looking something up, telling somebody.
    Network,
    /// A provider that works for us, mostly for money.
    Provider,
}

impl Class {
    const ALL: [Self; 4] = [Self::Encode, Self::Local, Self::Network, Self::Provider];

    /// The class of an action.
    pub(super) const fn of(action: &Action) -> Self {
        match action {
            Action::Invoke(request) => match request.role {
                Role::Stock | Role::Feed | Role::Webhook | Role::Approval => Self::Network,
                Role::Llm
                | Role::Speech
                | Role::Transcribe
                | Role::Image
                | Role::Video
                | Role::Edit
                | Role::Music => Self::Provider,
            },
            _ if action.needs_worker() => Self::Encode,
            _ => Self::Local,
        }
    }
}

/// How many actions of each class run at a time, over all jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) encode: usize,
    /// Threads of encoders that may be rendering segments.
    pub(super) threads: usize,
    pub(super) local: usize,
    pub(super) network: usize,
    pub(super) provider: usize,
}

impl Limits {
    /// Those of a machine that runs so many worker processes.
    pub(super) fn of_workers(workers: usize) -> Self {
        Self {
            encode: workers.max(1),
            threads: workers.max(1),
            local: workers.max(2),
            network: 8,
            provider: 4,
        }
    }
}

/// What a job may have of the places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// How often it is its turn.
    pub(super) priority: Priority,
    /// Worker processes at a time, at most.
    pub(super) at_most: Option<u32>,
}

impl Share {
    /// What the options of a run ask for.
    pub(super) fn of(options: &RunOptions) -> Self {
        Self {
            priority: options.priority,
            at_most: options.jobs,
        }
    }

    /// How far a turn sets a job back: an urgent job has sixteen turns while one without hurry has one.
    const fn stride(self) -> u64 {
        match self.priority {
            Priority::Low => 16,
            Priority::Normal => 4,
            Priority::High => 1,
        }
    }
}

/// Lower goes first within a job.
const fn rank(action: &Action) -> u8 {
    match action {
        Action::RenderSegment(_) => SEGMENT,
        Action::Snapshot(_) => 1,
        _ => 0,
    }
}

/// The threads of a segment's encoder; none for what encodes nothing.
const fn encoder_threads(action: &Action) -> u8 {
    match action {
        Action::RenderSegment(request) if request.encoding.threads > 1 => request.encoding.threads,
        Action::RenderSegment(_) => 1,
        _ => 0,
    }
}

/// The rank of a segment.
const SEGMENT: u8 = 2;

/// The waiting actions and the free places.
#[derive(Debug)]
pub(super) struct Lanes {
    encode: Places,
    local: Places,
    network: Places,
    provider: Places,
}

#[derive(Debug)]
struct Places {
    free: usize,
    /// How many threads of encoders there is yet room for; a segment that has more than that may begin when it is any.
    threads: isize,
    /// Where the job stands whose turn was the last: who comes new begins here.
    now: u64,
    jobs: BTreeMap<String, Line>,
}

/// The actions of one job.
#[derive(Debug)]
struct Line {
    share: Share,
    /// Who stands lowest has the next turn.
    stands: u64,
    running: usize,
    /// Rank, id, and the threads of its encoder.
    waiting: BinaryHeap<Reverse<(u8, u64, u8)>>,
}

impl Line {
    fn may_start(&self, class: Class, threads: isize) -> bool {
        let room = match (class, self.share.at_most) {
            (Class::Encode, Some(most)) => self.running < most.max(1) as usize,
            _ => true,
        };
        let next = self.waiting.peek();
        room && next.is_some_and(|Reverse((rank, ..))| *rank < SEGMENT || threads > 0)
    }
}

impl Lanes {
    /// Lanes with so many places.
    pub(super) fn new(limits: Limits) -> Self {
        let places = |free: usize| Places {
            free: free.max(1),
            threads: isize::try_from(limits.threads.max(1)).unwrap_or(isize::MAX),
            now: 0,
            jobs: BTreeMap::new(),
        };
        Self {
            encode: places(limits.encode),
            local: places(limits.local),
            network: places(limits.network),
            provider: places(limits.provider),
        }
    }

    /// An action of a job waits. Ids are given in order of arrival.
    pub(super) fn push(&mut self, id: u64, action: &Action, job: &str, share: Share) {
        let places = self.places(Class::of(action));
        let now = places.now;
        let line = places.jobs.entry(job.to_owned()).or_insert_with(|| Line {
            share,
            stands: now,
            running: 0,
            waiting: BinaryHeap::new(),
        });
        line.waiting
            .push(Reverse((rank(action), id, encoder_threads(action))));
    }

    /// Takes a place for the next action of some class, if there are both.
    pub(super) fn next(&mut self) -> Option<u64> {
        Class::ALL
            .into_iter()
            .find_map(|class| self.places(class).next(class))
    }

    /// The job's next segment, if `joins` lets it share the place that was just taken for the job.
    pub(super) fn join(&mut self, job: &str, joins: impl FnOnce(u64) -> bool) -> Option<u64> {
        let line = self.encode.jobs.get_mut(job)?;
        let Reverse((rank, id, _)) = *line.waiting.peek()?;
        if rank < SEGMENT || !joins(id) {
            return None;
        }
        line.waiting.pop();
        // It is a turn as well, although it takes no place of its own.
        line.stands += line.share.stride();
        Some(id)
    }

    /// Gives back the place that a job had for an action.
    pub(super) fn release(&mut self, action: &Action, job: &str) {
        let places = self.places(Class::of(action));
        places.free += 1;
        places.threads += isize::from(encoder_threads(action));
        if let Some(line) = places.jobs.get_mut(job) {
            line.running = line.running.saturating_sub(1);
            if line.running == 0 && line.waiting.is_empty() {
                places.jobs.remove(job);
            }
        }
    }

    const fn places(&mut self, class: Class) -> &mut Places {
        match class {
            Class::Encode => &mut self.encode,
            Class::Local => &mut self.local,
            Class::Network => &mut self.network,
            Class::Provider => &mut self.provider,
        }
    }
}

impl Places {
    fn next(&mut self, class: Class) -> Option<u64> {
        if self.free == 0 {
            return None;
        }
        // Of those that stand equal, the one whose action waits longest.
        let threads = self.threads;
        let (_, line) = self
            .jobs
            .iter_mut()
            .filter(|(_, line)| line.may_start(class, threads))
            .min_by_key(|(_, line)| (line.stands, line.waiting.peek().map(|first| first.0.1)))?;
        let Reverse((_, id, threads)) = line.waiting.pop()?;
        self.threads -= isize::from(threads);
        self.now = self.now.max(line.stands);
        line.stands += line.share.stride();
        line.running += 1;
        self.free -= 1;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{CallWebhookTask, InvokeRequest, InvokeTask};

    use super::*;
    use crate::runner::job_run::ENCODER_THREADS;
    use crate::runner::testing::{render, speak, write};

    fn lanes(workers: usize) -> Lanes {
        Lanes::new(Limits::of_workers(workers))
    }

    fn drain(lanes: &mut Lanes) -> Vec<u64> {
        std::iter::from_fn(|| lanes.next()).collect()
    }

    fn urgent(priority: Priority) -> Share {
        Share {
            priority,
            at_most: None,
        }
    }

    /// Everything that waits, one after another; ids tell the jobs: 100 and more are of job `b`.
    fn one_by_one(lanes: &mut Lanes) -> Vec<u64> {
        let mut order = Vec::new();
        while let Some(id) = lanes.next() {
            order.push(id);
            lanes.release(&render(id), if id < 100 { "a" } else { "b" });
        }
        order
    }

    #[test]
    fn short_actions_of_a_job_go_before_its_renders_and_then_in_order() {
        let mut lanes = lanes(1);
        for (id, action) in [render(1), render(2), speak("a"), speak("b")]
            .iter()
            .enumerate()
        {
            lanes.push(id as u64, action, "a", Share::default());
        }
        assert_eq!(one_by_one(&mut lanes), [2, 3, 0, 1]);
    }

    #[test]
    fn only_so_many_run_and_the_classes_do_not_touch() {
        let mut lanes = lanes(2 * usize::from(ENCODER_THREADS));
        for id in 0..5 {
            lanes.push(id, &render(id), "a", Share::default());
        }
        assert_eq!(drain(&mut lanes), [0, 1]);
        lanes.push(5, &write("x"), "a", Share::default());
        assert_eq!(drain(&mut lanes), [5], "renders do not hold up a text");
        lanes.release(&write("x"), "a");
        assert_eq!(drain(&mut lanes), [] as [u64; 0]);
        lanes.release(&render(0), "a");
        assert_eq!(drain(&mut lanes), [2]);
    }

    #[test]
    fn segments_leave_places_to_short_actions() {
        let workers = usize::from(ENCODER_THREADS);
        let mut lanes = lanes(workers);
        for id in 0..3 {
            lanes.push(id, &render(id), "a", Share::default());
        }
        assert_eq!(drain(&mut lanes), [0], "its threads fill the machine");
        for id in 100..103 {
            lanes.push(id, &speak(&id.to_string()), "b", Share::default());
        }
        let short: Vec<u64> = (100..99 + workers as u64).collect();
        assert_eq!(drain(&mut lanes), short);
        lanes.release(&speak("100"), "b");
        assert_eq!(drain(&mut lanes), [99 + workers as u64], "not a segment");
        lanes.release(&render(0), "a");
        assert_eq!(drain(&mut lanes), [1]);
    }

    #[test]
    fn an_odd_machine_is_filled_and_drafts_fill_it_by_themselves() {
        let begun = |workers: usize, threads: u8| {
            let mut lanes = lanes(workers);
            for id in 0..20 {
                let Action::RenderSegment(mut request) = render(id) else {
                    unreachable!("it renders");
                };
                request.encoding.threads = threads;
                lanes.push(id, &Action::RenderSegment(request), "a", Share::default());
            }
            drain(&mut lanes).len()
        };
        assert_eq!((begun(1, 2), begun(13, 2)), (1, 7));
        assert_eq!((begun(1, 1), begun(2, 1), begun(13, 1)), (1, 2, 13));
    }

    #[test]
    fn a_long_render_does_not_keep_a_small_job_waiting() {
        let mut lanes = lanes(1);
        for id in 0..50 {
            lanes.push(id, &render(id), "a", Share::default());
        }
        assert_eq!(lanes.next(), Some(0));
        for id in 100..102 {
            lanes.push(id, &render(id), "b", Share::default());
        }
        lanes.release(&render(0), "a");
        let order = one_by_one(&mut lanes);
        assert_eq!(order[..4], [100, 1, 101, 2], "they take turns");
        assert_eq!(order.len(), 51);
    }

    #[test]
    fn whoever_comes_late_does_not_make_up_for_turns_it_never_waited_for() {
        let mut lanes = lanes(1);
        for id in 0..40 {
            lanes.push(id, &render(id), "a", Share::default());
        }
        for _ in 0..20 {
            lanes.next();
            lanes.release(&render(0), "a");
        }
        for id in 100..120 {
            lanes.push(id, &render(id), "b", Share::default());
        }
        let order = one_by_one(&mut lanes);
        let of_b = order[..10].iter().filter(|id| **id >= 100).count();
        assert_eq!(of_b, 5, "{order:?}");
    }

    #[test]
    fn an_urgent_job_has_more_turns_and_starves_nobody() {
        let mut lanes = lanes(1);
        for id in 0..40 {
            lanes.push(id, &render(id), "a", urgent(Priority::Normal));
            lanes.push(100 + id, &render(id), "b", urgent(Priority::High));
        }
        let order = one_by_one(&mut lanes);
        let of_a = order[..20].iter().filter(|id| **id < 100).count();
        assert_eq!(of_a, 4, "one turn of five: {order:?}");
    }

    #[test]
    fn a_job_has_at_most_the_workers_it_asked_for() {
        let mut lanes = lanes(4 * usize::from(ENCODER_THREADS));
        let two = Share {
            at_most: Some(2),
            ..Share::default()
        };
        for id in 0..5 {
            lanes.push(id, &render(id), "a", two);
        }
        lanes.push(100, &render(9), "b", Share::default());
        assert_eq!(drain(&mut lanes), [0, 100, 1]);
        lanes.release(&render(0), "a");
        assert_eq!(drain(&mut lanes), [2]);
    }

    #[test]
    fn joining_a_render_is_a_turn_too() {
        let mut lanes = lanes(1);
        for id in 0..6 {
            lanes.push(id, &render(id), "a", Share::default());
        }
        assert_eq!(lanes.next(), Some(0));
        assert_eq!(lanes.join("a", |_| true), Some(1));
        assert_eq!(lanes.join("a", |_| false), None);
        assert_eq!(lanes.join("b", |_| true), None);
        for id in 100..103 {
            lanes.push(id, &render(id), "b", Share::default());
        }
        lanes.release(&render(0), "a");
        assert_eq!(one_by_one(&mut lanes)[..3], [100, 101, 2]);
    }

    #[test]
    fn providers_and_the_network_have_places_of_their_own() {
        let mut lanes = lanes(1);
        let call = |role| {
            Action::Invoke(Box::new(InvokeRequest {
                role,
                models: Vec::new(),
                task: InvokeTask::CallWebhook(CallWebhookTask {
                    url: "https://example.org".to_owned(),
                    event: "e".to_owned(),
                    data: serde_json::Value::Null,
                    secret_ref: None,
                }),
            }))
        };
        for id in 0..10 {
            lanes.push(id, &call(Role::Video), "a", Share::default());
        }
        lanes.push(10, &render(1), "a", Share::default());
        lanes.push(11, &call(Role::Webhook), "a", Share::default());
        let limits = Limits::of_workers(1);
        let started = drain(&mut lanes);
        assert_eq!(started.len(), limits.encode + limits.provider + 1);
        assert!(
            started.contains(&10) && started.contains(&11),
            "{started:?}"
        );
    }
}
