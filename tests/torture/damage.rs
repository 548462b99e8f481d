//! Files of the state are locked, cut short, flipped: a daemon refuses clearly or makes anew what is damaged, and never gives
//! a wrong result.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::campaign::{Campaign, Scale, Table};
use crate::dice::Dice;
use crate::place::{Accepted, Place};
use crate::shop::Shop;
use crate::verdict::{check, undisturbed};
use crate::workload::{Kind, Order};

pub(crate) const CAMPAIGN: Campaign = Campaign {
    name: "damage",
    what: "a locked, cut or flipped database, and blobs that are cut or flipped",
    run,
};

const PATIENCE: Duration = Duration::from_secs(90);

const ORDER: Order = Order {
    kind: Kind::Film,
    number: 1,
};

fn run(scale: Scale, seed: u64, table: &mut Table) -> anyhow::Result<()> {
    let mut dice = Dice::new(seed);
    locked(table)?;
    blobs(&mut dice, scale, table)?;
    database(&mut dice, scale, table)
}

/// Somebody else writes to the database for a while.
fn locked(table: &mut Table) -> anyhow::Result<()> {
    let place = Place::new(&Shop::open(1)?)?;
    let daemon = place.start()?;
    let mut jobs = vec![place.submit(ORDER)?];
    let other = rusqlite::Connection::open(place.state().join("fenta.db"))?;
    other.busy_timeout(Duration::from_secs(10))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(15) {
        let asked = Instant::now();
        let state = place.state_of(&jobs[0].id)?;
        slowest = slowest.max(asked.elapsed());
        ensure!(
            state != "failed",
            "the job failed of a lock: {}",
            place.job(&jobs[0].id)?["error"]
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    other.execute_batch("ROLLBACK")?;
    drop(other);
    place.finish(&jobs, PATIENCE)?;
    jobs.push(place.submit(Order { number: 2, ..ORDER })?);
    place.finish(&jobs, PATIENCE)?;
    daemon.terminate()?;
    check(
        &place,
        &jobs,
        &undisturbed(jobs.iter().map(|job| job.order))?,
    )?;
    table.row("locked for, s", 15);
    table.row("slowest answer meanwhile, ms", slowest.as_millis());
    Ok(())
}

/// A place with a finished job, whose daemon was killed.
fn finished() -> anyhow::Result<(Place, Accepted)> {
    let place = Place::new(&Shop::open(1)?)?;
    let daemon = place.start()?;
    let job = place.submit(ORDER)?;
    place.finish(std::slice::from_ref(&job), PATIENCE)?;
    daemon.kill()?;
    Ok((place, job))
}

fn spoil(path: &Path, dice: &mut Dice, how: u64) -> anyhow::Result<&'static str> {
    let mut bytes = std::fs::read(path)?;
    let at = dice.below(bytes.len() as u64) as usize;
    let what = match how % 3 {
        0 => {
            bytes[at] ^= 1 << dice.below(8);
            "flipped"
        }
        1 => {
            bytes.truncate(at);
            "cut"
        }
        _ => {
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
            "zeroed"
        }
    };
    let mode = std::fs::metadata(path)?.permissions();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?;
    std::fs::write(path, bytes)?;
    std::fs::set_permissions(path, mode)?;
    Ok(what)
}

fn blob_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name.len() == 2) {
            found.extend(blob_files(&path)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every blob in turn, in every way: the next run makes it again and gives the same film.
fn blobs(dice: &mut Dice, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let expected = undisturbed([ORDER])?;
    let (place, first) = finished()?;
    let mut jobs = vec![first];
    let daemon = place.start()?;
    let files = blob_files(&place.state().join("cas"))?;
    let mut spoilt = 0;
    for round in 0..scale.of(1, 5) {
        for (number, file) in files.iter().enumerate() {
            if !file.is_file() || std::fs::metadata(file)?.len() == 0 {
                continue;
            }
            spoil(file, dice, (number + round) as u64)?;
            let film = place.results().join(ORDER.file().context("a film")?);
            std::fs::remove_file(&film)?;
            jobs.push(place.submit(ORDER)?);
            place.finish(&jobs, PATIENCE)?;
            let made = blake3::hash(&std::fs::read(&film)?);
            ensure!(
                Some(&made) == expected.get(&ORDER),
                "a damaged blob {} got into a film",
                file.display()
            );
            spoilt += 1;
        }
    }
    daemon.terminate()?;
    check(&place, &jobs, &expected)?;
    table.row("blobs damaged, each made again", spoilt);
    Ok(())
}

/// Somewhere in the database: refused with its name, or it does not matter.
fn database(dice: &mut Dice, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let expected = undisturbed([ORDER])?;
    let (mut refused, mut unharmed) = (0, 0);
    let (original, _) = finished()?;
    for number in 0..scale.of(24, 300) {
        let place = Place::new(&Shop::open(1)?)?;
        copy(original.state(), place.state())?;
        let name = ["fenta.db", "fenta.db-wal"][number % 2];
        let file = place.state().join(name);
        if !file.is_file() || std::fs::metadata(&file)?.len() == 0 {
            continue;
        }
        let how = spoil(&file, dice, dice_way(number))?;
        match after_damage(&place).with_context(|| format!("{name} was {how}"))? {
            Some(made) => {
                ensure!(
                    Some(&made) == expected.get(&ORDER),
                    "{name} was {how}, and the film is another one"
                );
                unharmed += 1;
            }
            None => refused += 1,
        }
    }
    table.row("databases damaged, refused by name", refused);
    table.row("databases damaged, and the film is the same", unharmed);
    Ok(())
}

fn dice_way(number: usize) -> u64 {
    (number / 2) as u64
}

/// The film that a daemon makes on a damaged database; none where it refuses and says why.
fn after_damage(place: &Place) -> anyhow::Result<Option<blake3::Hash>> {
    let mut daemon = place.spawn(0)?;
    if !place.is_ready(&mut daemon)? {
        let said = place.log();
        ensure!(
            said.contains("fenta.db"),
            "it refused without naming the database: {}",
            place.last_words()
        );
        return Ok(None);
    }
    let job = match place.submit(ORDER) {
        Ok(job) => job,
        Err(error) if names_damage(&format!("{error:#}")) => return Ok(None),
        Err(error) => return Err(error),
    };
    let begun = Instant::now();
    loop {
        let found: Value = match place.job(&job.id) {
            Ok(found) => found,
            Err(error) if names_damage(&format!("{error:#}")) => return Ok(None),
            Err(error) => return Err(error),
        };
        match found["state"].as_str() {
            Some("completed") => break,
            Some("failed") if names_damage(&found["error"].to_string()) => return Ok(None),
            Some("failed") => bail!("it failed without a reason that helps: {}", found["error"]),
            _ => ensure!(
                begun.elapsed() < PATIENCE,
                "it is stuck: {}",
                place.last_words()
            ),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let film = place.results().join(ORDER.file().context("a film")?);
    Ok(Some(blake3::hash(&std::fs::read(film)?)))
}

fn names_damage(text: &str) -> bool {
    ["malformed", "damaged", "not a database", "corrupt"]
        .iter()
        .any(|word| text.contains(word))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
