//! The clock jumps, both ways and far, while jobs are in work and while they wait for a provider.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::campaign::{Campaign, Scale, Table};
use crate::place::{Accepted, Place};
use crate::shop::Shop;
use crate::verdict::{check, undisturbed};
use crate::workload::{Kind, Order};

pub(crate) const CAMPAIGN: Campaign = Campaign {
    name: "clock",
    what: "the time of day jumps by hours, days and years, both ways",
    run,
};

const HOUR: i64 = 3_600_000;

/// Where the clock stands, one after the other.
const JUMPS: [i64; 8] = [
    HOUR,
    -HOUR,
    24 * HOUR,
    -24 * HOUR,
    8 * HOUR,
    87_600 * HOUR,
    -87_600 * HOUR,
    0,
];

const PATIENCE: Duration = Duration::from_secs(120);

fn run(scale: Scale, seed: u64, table: &mut Table) -> anyhow::Result<()> {
    let shop = Shop::open(seed)?;
    let place = Place::new(&shop)?;
    let mut jobs: Vec<Accepted> = Vec::new();
    let mut daemon = place.start()?;
    let (mut kills, mut jumps) = (0, 0);
    for round in 0..scale.of(1, 8) {
        for (step, wrong) in JUMPS.into_iter().enumerate() {
            let number = round * JUMPS.len() + step;
            let kind = Kind::ALL[number % Kind::ALL.len()];
            jobs.push(place.submit(Order { kind, number })?);
            std::thread::sleep(Duration::from_millis(150));
            place.set_clock(wrong)?;
            jumps += 1;
            if step % 2 == 1 {
                daemon.kill()?;
                kills += 1;
                daemon = place.start()?;
            }
            let begun = std::time::Instant::now();
            place
                .finish(&jobs, PATIENCE)
                .with_context(|| format!("the clock was put to {} h", wrong / HOUR))?;
            ensure!(begun.elapsed() < PATIENCE, "too long");
        }
    }
    // A job waits for a provider; then it is ten years ago.
    shop.refuse(true);
    let waits = place.submit(Order {
        kind: Kind::PaidVoice,
        number: 900,
    })?;
    wait_for(&place, &waits.id, "waiting")?;
    place.set_clock(-87_600 * HOUR)?;
    shop.refuse(false);
    jobs.push(waits);
    let begun = std::time::Instant::now();
    place
        .finish(&jobs, PATIENCE)
        .context("a job waited, and it was ten years earlier")?;
    table.row("jumps", jumps + 1);
    table.row("daemons killed between", kills);
    table.row(
        "a job that waited went on after, s",
        format!("{:.1}", begun.elapsed().as_secs_f64()),
    );
    daemon.terminate()?;
    let expected = undisturbed(jobs.iter().map(|job| job.order))?;
    table.books(&check(&place, &jobs, &expected)?);
    Ok(())
}

fn wait_for(place: &Place, job: &str, state: &str) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let found = place.state_of(job)?;
        if found == state {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "job {job} is {found}, expected {state}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
