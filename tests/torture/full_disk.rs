//! The disk of the state, or of the results, is full while jobs are in work: they wait, and go on when there is room.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::campaign::{Campaign, Scale, Table};
use crate::dice::Dice;
use crate::place::{Accepted, Place, is_end};
use crate::shop::Shop;
use crate::verdict::{check, undisturbed};
use crate::workload::{Kind, Order};

pub(crate) const CAMPAIGN: Campaign = Campaign {
    name: "full_disk",
    what: "small disks that fill up under the state and under the results",
    run,
};

/// Room for everything the jobs here make, with a ballast beside it.
const DISK_MIB: u64 = 96;

const PATIENCE: Duration = Duration::from_secs(180);

/// A file system in memory; it goes with the value.
struct Disk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// None where this process may not mount.
    fn mount() -> anyhow::Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("fenta-disk-").tempdir()?;
        let path = folder.path().join("disk");
        std::fs::create_dir(&path)?;
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={DISK_MIB}m,mode=0700"),
                "tmpfs",
            ])
            .arg(&path)
            .output();
        Ok(mounted
            .is_ok_and(|said| said.status.success())
            .then_some(Self {
                path,
                _folder: folder,
            }))
    }

    /// Takes all the room there is, but so much.
    fn fill(&self, but_kib: u64) -> anyhow::Result<()> {
        let file = std::fs::File::create(self.ballast())?;
        let disk = rustix::fs::statvfs(&self.path)?;
        let free = disk.f_bavail * disk.f_frsize;
        let mut size = free.saturating_sub(but_kib * 1024);
        // The daemon writes meanwhile: what it takes is full as well.
        while size > 0 {
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size) {
                Err(rustix::io::Errno::NOSPC) => size = size.saturating_sub(256 << 10),
                outcome => return Ok(outcome?),
            }
        }
        Ok(())
    }

    fn free(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a daemon that is just ending may hold a file.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

fn run(scale: Scale, seed: u64, table: &mut Table) -> anyhow::Result<()> {
    let mut dice = Dice::new(seed);
    let mut waited = 0;
    for (what, is_state) in [("state", true), ("results", false)] {
        let Some(disk) = Disk::mount()? else {
            println!("  skipped: no file system can be mounted here");
            return Ok(());
        };
        let place = Place::new(&Shop::open(seed)?)?;
        let place = match is_state {
            true => place.with_state(disk.path.join("state")),
            false => {
                std::fs::create_dir(disk.path.join("results"))?;
                place.with_results(disk.path.join("results"))
            }
        };
        let (jobs, times) = fill_and_free(&place, &disk, &mut dice, scale)
            .with_context(|| format!("a full disk under the {what}"))?;
        waited += times;
        let expected = undisturbed(jobs.iter().map(|job| job.order))?;
        let books = check(&place, &jobs, &expected)
            .with_context(|| format!("a full disk under the {what}"))?;
        table.row(
            &format!("a full disk under the {what}, times"),
            scale.of(4, 40),
        );
        table.books(&books);
    }
    table.row("times a job was seen to wait", waited);
    ensure!(waited > 0, "no job ever waited: the disks were not full");
    Ok(())
}

/// Fills the disk at some moment of the work, looks whether the daemon still answers, and makes room again.
fn fill_and_free(
    place: &Place,
    disk: &Disk,
    dice: &mut Dice,
    scale: Scale,
) -> anyhow::Result<(Vec<Accepted>, usize)> {
    let daemon = place.start()?;
    let (mut jobs, mut waited) = (Vec::new(), 0);
    for round in 0..scale.of(4, 40) {
        for offset in 0..2 {
            let number = 2 * round + offset;
            let kind = [Kind::PaidFilm, Kind::Film][offset % 2];
            jobs.push(place.submit(Order { kind, number })?);
        }
        std::thread::sleep(Duration::from_millis(dice.below(1_500)));
        disk.fill([0, 0, 200, 2_000][dice.below(4) as usize])?;
        waited += while_full(place, &jobs)?;
        disk.free()?;
        place.finish(&jobs, PATIENCE)?;
        make_room(place, disk.path.as_path())?;
    }
    daemon.terminate()?;
    Ok((jobs, waited))
}

/// For some seconds: reads are answered, nothing fails. Gives how many jobs waited at the end.
fn while_full(place: &Place, jobs: &[Accepted]) -> anyhow::Result<usize> {
    let begun = Instant::now();
    let mut waiting = 0;
    while begun.elapsed() < Duration::from_secs(4) {
        waiting = 0;
        for job in jobs {
            let found = place.job(&job.id)?;
            let state = found["state"].as_str().unwrap_or_default();
            ensure!(
                state != "failed",
                "job {} failed of a full disk: {}",
                job.id,
                found["error"]
            );
            let is_disk = found["error"]["class"] == "disk";
            waiting += usize::from(
                state == "waiting" && is_disk || !is_end(state) && state == "processing",
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(waiting)
}

/// What the cache holds goes, so that the disk is as empty as before.
fn make_room(place: &Place, disk: &Path) -> anyhow::Result<()> {
    if place.state().starts_with(disk) {
        place.ask("POST", "/v1/cache/gc", &serde_json::json!({ "down_to": 0 }))?;
    }
    let _: Value = place.ask("GET", "/v1/meta", &Value::Null)?;
    Ok(())
}
