//! The daemon ends at the first place where it makes something durable, then at the second, and so on until a run passes
//! untouched. After each end another daemon goes on, and everything must be as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::campaign::{Campaign, Scale, Table};
use crate::place::{Accepted, Place};
use crate::shop::Shop;
use crate::verdict::{check, undisturbed};
use crate::workload::{Kind, Order};

pub(crate) const CAMPAIGN: Campaign = Campaign {
    name: "failpoints",
    what: "ended at every place where something becomes durable, one after the other",
    run,
};

/// No run has so many places.
const MOST: u64 = 5_000;

const ORDER: Order = Order {
    kind: Kind::PaidFilm,
    number: 1,
};

const PATIENCE: Duration = Duration::from_secs(90);

fn run(scale: Scale, seed: u64, table: &mut Table) -> anyhow::Result<()> {
    let expected = undisturbed([ORDER])?;
    let mut places = BTreeMap::<String, u32>::new();
    let mut broken = Vec::new();
    let (mut number, mut lost_submits) = (1, 0);
    loop {
        ensure!(number < MOST, "no run passes untouched");
        let place = Place::new(&Shop::open(seed)?)?;
        let once = (|| {
            let (jobs, died) = one(&place, number)?;
            lost_submits += usize::from(jobs.is_empty());
            check(&place, &jobs, &expected)?;
            Ok::<_, anyhow::Error>(died)
        })();
        match once {
            Ok(None) => break,
            Ok(Some(name)) => *places.entry(name).or_default() += 1,
            Err(error) => broken.push(format!(
                "place {number}: {error:#} ({})",
                place.last_words()
            )),
        }
        number += 1;
        ensure!(broken.len() < 5, "broken at {}", broken.join("; "));
    }
    let _ = scale;
    table.row("places, each survived", number - 1);
    table.row("kinds of places", places.len());
    table.row("ended before the job was accepted", lost_submits);
    for (name, count) in &places {
        table.row(&format!("  {name}"), count);
    }
    let wanted: BTreeSet<&str> = ["store", "blobs", "publish", "paid", "state"].into();
    let found: BTreeSet<&str> = places
        .keys()
        .filter_map(|name| Some(name.split_once(':')?.0))
        .collect();
    ensure!(found == wanted, "places were reached in {found:?} only");
    ensure!(broken.is_empty(), "broken at {}", broken.join("; "));
    Ok(())
}

/// A run that ends at a failpoint and goes on; gives what was accepted and where it ended, if it did.
fn one(place: &Place, number: u64) -> anyhow::Result<(Vec<Accepted>, Option<String>)> {
    let mut daemon = place.spawn(number)?;
    let mut jobs = Vec::new();
    if place.is_ready(&mut daemon)?
        // Whoever got no answer has nothing accepted, whatever the daemon has.
        && let Ok(job) = place.submit(ORDER)
    {
        jobs.push(job);
        // It dies, or it does not.
        let _ = place.finish(&jobs, PATIENCE);
    }
    let died = match daemon.ended()? {
        Some(_) => true,
        // Its end is part of the run.
        None => {
            daemon.ask_to_end()?;
            daemon.wait(PATIENCE)?;
            place.log().contains("failpoint: ")
        }
    };
    let name = died
        .then(|| {
            let log = place.log();
            let line = log
                .lines()
                .find_map(|line| line.strip_prefix("failpoint: "));
            line.map(str::to_owned)
                .context("it died of something else than the failpoint")
        })
        .transpose()?;
    let daemon = place.start()?;
    place.finish(&jobs, PATIENCE)?;
    if jobs.is_empty() {
        // What was asked for without an answer may be there: it ends too, and counts as asked for.
        jobs.extend(place.unanswered(ORDER)?);
        place.finish(&jobs, PATIENCE)?;
    }
    daemon.terminate()?;
    Ok((jobs, name))
}
