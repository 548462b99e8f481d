//! What must hold when everything is over: looked up in the books of the daemon and of the provider, not asked of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use fenta_daemon::clock::SystemClock;
use fenta_daemon::store::{Cas, LedgerFilter, LedgerRow, Store};

use crate::place::{Accepted, Place, is_end};
use crate::shop::{PRICE_MICROS, Shop};
use crate::workload::Order;

/// What was found in the books.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) jobs: usize,
    pub(crate) completed: usize,
    pub(crate) cancelled: usize,
    pub(crate) paid_calls: usize,
    pub(crate) blobs: usize,
    pub(crate) events: usize,
    pub(crate) ledger_rows: usize,
}

/// The bytes that jobs make when nobody disturbs them, by what was ordered.
pub(crate) fn undisturbed(
    orders: impl IntoIterator<Item = Order>,
) -> anyhow::Result<BTreeMap<Order, blake3::Hash>> {
    let place = Place::new(&Shop::open(1)?)?;
    let daemon = place.start()?;
    let mut jobs = Vec::new();
    for order in orders {
        if order.file().is_some() {
            jobs.push(place.submit(order)?);
        }
    }
    let states = place.finish(
        &jobs,
        std::time::Duration::from_secs(60 + 20 * jobs.len() as u64),
    )?;
    ensure!(
        states.iter().all(|state| state == "completed"),
        "an undisturbed job did not complete: {states:?}"
    );
    daemon.terminate()?;
    let mut made = BTreeMap::new();
    for job in jobs {
        made.insert(job.order, hash(&place, job.order)?);
    }
    Ok(made)
}

fn hash(place: &Place, order: Order) -> anyhow::Result<blake3::Hash> {
    let file = place
        .results()
        .join(order.file().context("the order makes a file")?);
    let bytes = std::fs::read(&file)
        .with_context(|| format!("the result {} is not there", file.display()))?;
    Ok(blake3::hash(&bytes))
}

/// Looks at everything a place has after its daemon ended; `expected` are the bytes of an untouched run.
pub(crate) fn check(
    place: &Place,
    jobs: &[Accepted],
    expected: &BTreeMap<Order, blake3::Hash>,
) -> anyhow::Result<Books> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let books = runtime.block_on(books(place, jobs))?;
    let completed = jobs_in(&runtime, place, jobs, "completed")?;
    for job in &completed {
        if job.order.file().is_some() {
            let wanted = expected
                .get(&job.order)
                .context("an untouched run made it too")?;
            ensure!(
                hash(place, job.order)? == *wanted,
                "job {} made other bytes than an untouched run",
                job.id
            );
        }
    }
    check_paid(place, jobs, &completed)?;
    let left = partial_files(place.results());
    ensure!(left.is_empty(), "half files are left: {left:?}");
    ensure!(
        place.workers().is_empty(),
        "workers are left: {:?}",
        place.workers()
    );
    Ok(Books {
        completed: completed.len(),
        ..books
    })
}

fn jobs_in<'a>(
    runtime: &tokio::runtime::Runtime,
    place: &Place,
    jobs: &'a [Accepted],
    state: &str,
) -> anyhow::Result<Vec<&'a Accepted>> {
    let store = open(place)?;
    let mut found = Vec::new();
    for job in jobs {
        let record = runtime.block_on(store.job(&job.id))?;
        if record.job.state.as_str() == state {
            found.push(job);
        }
    }
    Ok(found)
}

fn open(place: &Place) -> anyhow::Result<Store> {
    let path = place.state().join("fenta.db");
    // As after a crash: the file is checked from end to end.
    Ok(Store::open(&path, true, Arc::new(SystemClock))?)
}

async fn books(place: &Place, jobs: &[Accepted]) -> anyhow::Result<Books> {
    let store = open(place)?;
    let mut books = Books {
        jobs: jobs.len(),
        ..Books::default()
    };
    for job in jobs {
        let record = store
            .job(&job.id)
            .await
            .with_context(|| format!("job {} was accepted and is lost", job.id))?;
        let state = record.job.state.as_str();
        ensure!(is_end(state), "job {} is {state}", job.id);
        ensure!(
            state != "failed",
            "job {} failed: {:?}",
            job.id,
            record.job.error
        );
        books.cancelled += usize::from(state == "cancelled");
        let events = store.events_after(&job.id, 0, 1_000_000).await?;
        let gap = (1..)
            .zip(&events)
            .find(|(number, event)| event.seq != *number);
        ensure!(
            gap.is_none(),
            "the events of job {} have a gap at {gap:?}",
            job.id
        );
        books.events += events.len();
        books.paid_calls += store.paid_calls(&job.id).await?.len();
    }
    let rows = store.ledger(LedgerFilter::default()).await?;
    books.ledger_rows = rows.len();
    balanced(&rows)?;
    let cas = Cas::open(&place.state().join("cas"), &place.state().join("scratch"))?;
    for blob in cas.census()? {
        ensure!(
            cas.verify(&blob.digest),
            "blob {} is not what its name says",
            blob.digest
        );
        books.blobs += 1;
    }
    Ok(books)
}

/// Of every turn and meter: what was reserved is what was settled and released. Amounts are counted in millionths.
fn balanced(rows: &[LedgerRow]) -> anyhow::Result<()> {
    let mut sums: BTreeMap<(&str, &str, &str), i128> = BTreeMap::new();
    for row in rows {
        let sign = if row.entry == "reserved" { 1 } else { -1 };
        *sums.entry((&row.job, &row.turn, &row.meter)).or_default() +=
            sign * micros(&row.amount.to_string())?;
    }
    let wrong: Vec<_> = sums.iter().filter(|(_, sum)| **sum != 0).collect();
    ensure!(wrong.is_empty(), "the ledger does not balance: {wrong:?}");
    Ok(())
}

fn micros(text: &str) -> anyhow::Result<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    ensure!(
        part.len() <= 6,
        "the ledger counts {text}, finer than millionths"
    );
    Ok(format!("{whole}{part:0<6}").parse()?)
}

/// Every text was paid for once at the most, those of completed jobs exactly once, and the ledger says the same sum.
fn check_paid(place: &Place, jobs: &[Accepted], completed: &[&Accepted]) -> anyhow::Result<()> {
    let paid = place.shop.paid();
    let twice: Vec<_> = paid.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "paid more than once: {twice:?}");
    let mut bought = 0;
    for job in completed {
        if let Some(text) = job.order.bought() {
            ensure!(
                paid.contains_key(&text),
                "job {} completed, and the provider was not paid for `{text}`",
                job.id
            );
            bought += 1;
        }
    }
    let settled = settled(place, completed)?;
    let expected = bought * i128::from(PRICE_MICROS);
    ensure!(
        settled == expected,
        "completed jobs settled {settled} millionths of dollars, the provider charged {expected}"
    );
    ensure!(
        paid.len() <= jobs.len(),
        "the provider was paid for what nobody ordered"
    );
    Ok(())
}

fn settled(place: &Place, completed: &[&Accepted]) -> anyhow::Result<i128> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = open(place)?;
    let rows = runtime.block_on(store.ledger(LedgerFilter::default()))?;
    let mut sum = 0;
    for row in &rows {
        let ours = completed.iter().any(|job| job.id == row.job);
        if ours && row.entry == "settled" && row.meter == "usd" {
            sum += micros(&row.amount.to_string())?;
        }
    }
    Ok(sum)
}

/// Everything below a folder that is not there for good.
fn partial_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".partial"))
        .collect()
}
