//! Daemons and workers are killed at random while jobs of every kind are submitted and cancelled; nothing may come of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::process::{Pid, Signal, kill_process};

use crate::campaign::{Campaign, Scale, Table};
use crate::dice::Dice;
use crate::place::{Accepted, Daemon, Place, is_end};
use crate::shop::Shop;
use crate::verdict::{check, undisturbed};
use crate::workload::{Kind, Order};

pub(crate) const CAMPAIGN: Campaign = Campaign {
    name: "kills",
    what: "daemons and workers killed at random, over mixed jobs and a provider that fails",
    run,
};

/// Jobs that are open at a time.
const OPEN: usize = 6;

/// A job that is open so long after the last kill is stuck: a lease of 30 s, 30 s more, and the work itself.
const STUCK: Duration = Duration::from_secs(60 + 90);

/// Of a hundred requests to the provider so many go wrong.
const FAULTS: u32 = 10;

struct Storm<'a> {
    place: &'a Place,
    dice: Dice,
    jobs: Vec<Accepted>,
    open: BTreeSet<usize>,
    /// The next number of each kind.
    next: usize,
    asked_to_cancel: usize,
    daemons_killed: usize,
    killed_at_start: usize,
    workers_killed: usize,
}

fn run(scale: Scale, seed: u64, table: &mut Table) -> anyhow::Result<()> {
    let wanted = scale.of(200, 2000);
    let shop = Shop::open(seed)?;
    shop.fail(FAULTS);
    let place = Place::new(&shop)?;
    let mut storm = Storm {
        place: &place,
        dice: Dice::new(seed),
        jobs: Vec::new(),
        open: BTreeSet::new(),
        next: 0,
        asked_to_cancel: 0,
        daemons_killed: 0,
        killed_at_start: 0,
        workers_killed: 0,
    };
    let mut daemon = place.start()?;
    while storm.daemons_killed + storm.workers_killed < wanted {
        daemon = storm.gust(daemon)?;
    }
    let jobs = std::mem::take(&mut storm.jobs);
    table.row("daemons killed", storm.daemons_killed);
    table.row("  of them while they started", storm.killed_at_start);
    table.row("workers killed", storm.workers_killed);
    table.row("asked to cancel", storm.asked_to_cancel);
    let begun = Instant::now();
    place.finish(&jobs, STUCK)?;
    let settled = begun.elapsed();
    table.row(
        "all at their end after the last kill, s",
        format!("{:.1}", settled.as_secs_f64()),
    );
    let end = daemon.terminate()?;
    table.row("the last daemon ended in, ms", end.as_millis());
    let expected = undisturbed(jobs.iter().map(|job| job.order))?;
    table.books(&check(&place, &jobs, &expected)?);
    Ok(())
}

impl Storm<'_> {
    /// Some work, then a kill; gives the daemon that lives afterwards.
    fn gust(&mut self, daemon: Daemon) -> anyhow::Result<Daemon> {
        self.work()?;
        let until = Instant::now() + Duration::from_millis(self.dice.below(900));
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let workers = self.place.workers();
        if self.dice.chance(25) && !workers.is_empty() {
            let pid = workers[self.dice.below(workers.len() as u64) as usize];
            if let Some(pid) = Pid::from_raw(pid) {
                // It may have ended by itself in between.
                self.workers_killed += usize::from(kill_process(pid, Signal::KILL).is_ok());
            }
            return Ok(daemon);
        }
        daemon.kill()?;
        self.daemons_killed += 1;
        while self.dice.chance(20) {
            let newborn = self.place.spawn(0)?;
            std::thread::sleep(Duration::from_millis(self.dice.below(120)));
            newborn.kill()?;
            self.daemons_killed += 1;
            self.killed_at_start += 1;
        }
        self.place.start()
    }

    /// Keeps some jobs open, cancels one now and then, answers what a person is asked.
    fn work(&mut self) -> anyhow::Result<()> {
        for index in self.open.clone() {
            let state = self.place.state_of(&self.jobs[index].id)?;
            ensure!(
                state != "failed",
                "job {} failed: {}",
                self.jobs[index].id,
                self.place.job(&self.jobs[index].id)?["error"]
            );
            if state == "needs_attention" {
                self.place.resolve(&self.jobs[index].id)?;
            }
            if is_end(&state) {
                self.open.remove(&index);
            }
        }
        while self.open.len() < OPEN {
            let kind = Kind::ALL[self.next % Kind::ALL.len()];
            let order = Order {
                kind,
                number: self.next,
            };
            self.next += 1;
            self.jobs.push(self.place.submit(order)?);
            self.open.insert(self.jobs.len() - 1);
        }
        if self.dice.chance(15) {
            let open: Vec<usize> = self.open.iter().copied().collect();
            let index = open[self.dice.below(open.len() as u64) as usize];
            let path = format!("/v1/jobs/{}/cancel", self.jobs[index].id);
            self.place.ask("POST", &path, &serde_json::Value::Null)?;
            self.asked_to_cancel += 1;
        }
        Ok(())
    }
}
