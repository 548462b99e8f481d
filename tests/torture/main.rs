//! `make torture`: what a daemon is left alone with. Real daemons are ended at every place where they make something durable,
//! killed at random with their workers, given full disks, damaged files and wrong clocks; then their books are read.
//!
//! `FENTA_TORTURE=long` is the long form; `FENTA_TORTURE_ONLY=kills,clock` names campaigns, `FENTA_TORTURE_SEED` a seed.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are its output"
)]

mod adapter;
mod campaign;
mod clock;
mod daemon_program;
mod damage;
mod dice;
mod failpoints;
mod full_disk;
mod kills;
mod place;
mod shop;
mod verdict;
mod workload;

use std::process::ExitCode;
use std::time::Instant;

use campaign::{Campaign, Scale, Table};

/// Every campaign, in the order of what it costs.
const ALL: [Campaign; 5] = [
    clock::CAMPAIGN,
    damage::CAMPAIGN,
    full_disk::CAMPAIGN,
    failpoints::CAMPAIGN,
    kills::CAMPAIGN,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("daemon", rest)) = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        return match daemon_program::run(rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fentad under torture: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let scale = match variable("FENTA_TORTURE").as_deref() {
        Some("long") => Scale::Long,
        _ => Scale::Short,
    };
    let seed = variable("FENTA_TORTURE_SEED")
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_123);
    let only = variable("FENTA_TORTURE_ONLY");
    let wanted = |name: &str| {
        only.as_ref()
            .is_none_or(|only| only.split(',').any(|one| one == name))
    };
    let mut broken = 0;
    for campaign in ALL.iter().filter(|campaign| wanted(campaign.name)) {
        println!("{}: {}", campaign.name, campaign.what);
        let (begun, mut table) = (Instant::now(), Table::default());
        let outcome = (campaign.run)(scale, seed, &mut table);
        table.row("seconds", format!("{:.0}", begun.elapsed().as_secs_f64()));
        table.print();
        if let Err(error) = outcome {
            println!("  BROKEN {error:#}");
            broken += 1;
        }
    }
    match broken {
        0 => {
            println!("nothing accepted was lost, nothing was paid twice");
            ExitCode::SUCCESS
        }
        _ => {
            println!("{broken} campaigns broke something; the seed was {seed}");
            ExitCode::FAILURE
        }
    }
}
