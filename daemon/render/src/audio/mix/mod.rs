//! The soundtrack: voice clips at their samples, music and other sounds that make room for them, the loudness
//! target, AAC.
//!
//! One action mixes the whole timeline, block by block: the sound itself lies on disk (`spool`), so that a film of ten
//! minutes takes no more memory than one of ten seconds. `desk` reads the sources and adds them up, `finish` repeats
//! mastering and encoding until the *decoded* AAC is where it should be.

mod bed;
mod bus;
mod desk;
mod ducking;
mod finish;
mod master;
mod silence;
mod sounds;
mod stretch;

use std::collections::BTreeMap;
use std::path::Path;

use fenta_templates::timeline::{AUDIO_RATE, AudioPlan};
use fenta_workflows::action::{ActionFacts, MixFacts, MixRequest, SilentSpan};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::WorkerFailure;

use self::desk::Desk;
use self::finish::{Finish, TRIES};
use self::master::Master;
use super::error::AudioError;
use super::loudness::Loudness;
use super::{AudioDone, LONGEST, RATE, ffi_encode};

/// Reported for a soundtrack without any block above the gate.
const GATE_LUFS: f64 = -70.0;
/// Samples of a block: short enough for the processor's own memory.
const BLOCK: usize = RATE as usize / 4;

/// Blobs by digest, as the worker's job names them.
type Blobs = BTreeMap<Digest, String>;

/// Mixes and encodes the soundtrack of a timeline.
///
/// The output `audio` is what the encoding asks for. AAC comes in NUT; its decoded sample i, priming counted, is the timeline's sample i (the first
/// 1024 samples of a timeline are therefore silent). Facts are measured on the decoded AAC. While it works, up to three times
/// what is heard lies on disk as files without names in `out_dir`.
///
/// # Errors
/// A [`WorkerFailure`] when a source is missing or unreadable, the plan is out of range, or encoding fails.
pub fn mix(
    request: &MixRequest,
    blobs: &BTreeMap<Digest, String>,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AudioDone, WorkerFailure> {
    Ok(mix_in_blocks(request, blobs, (out_dir, BLOCK), progress)?)
}

/// The mix in blocks of so many samples, which changes nothing that is heard.
fn mix_in_blocks(
    request: &MixRequest,
    blobs: &Blobs,
    (out_dir, size): (&Path, usize),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AudioDone, AudioError> {
    let samples = timeline_samples(&request.plan)?;
    let file = ffi_encode::file_name(&request.encoding)?;
    let total = (TRIES + 2) as u64;
    progress(0, total);
    let desk = Desk::new(&request.plan, blobs, (samples, size), out_dir)?;
    progress(1, total);
    let sound = desk.add_up(out_dir)?;
    // What it was made from is not needed any more.
    drop(desk);
    progress(2, total);
    let job = Finish {
        master: Master::new(&sound, size)?,
        samples,
        target: request.plan.loudness,
        encoding: &request.encoding,
        path: out_dir.join(file),
    };
    let (heard, tried) = job.run(&mut |tries| progress(2 + tries as u64, total))?;
    let kept = match request.part {
        Some(part) => job.keep(&tried, part)?,
        None => samples,
    };
    progress(total, total);
    Ok(AudioDone::audio(
        file,
        ActionFacts::Mix(facts(heard, kept, tried.silent)),
    ))
}

fn timeline_samples(plan: &AudioPlan) -> Result<usize, AudioError> {
    let value = plan.duration.rescaled_to(AUDIO_RATE).value;
    usize::try_from(value)
        .ok()
        .filter(|samples| (1..=LONGEST).contains(samples))
        .ok_or_else(|| AudioError::OutOfRange {
            what: "the soundtrack's length",
            seen: format!("{value} samples"),
            limit: "between 1 sample and 30 minutes (86400000 samples)",
        })
}

fn facts(heard: Loudness, samples: usize, silent: Vec<SilentSpan>) -> MixFacts {
    let hundredths = |value: f64| (value * 100.0).round() as i32;
    MixFacts {
        samples: samples as u64,
        integrated_clufs: hundredths(heard.integrated.max(GATE_LUFS)),
        true_peak_cdb: hundredths(heard.true_peak),
        silent,
    }
}

fn blob(blobs: &Blobs, digest: Digest) -> Result<&Path, AudioError> {
    blobs
        .get(&digest)
        .map(Path::new)
        .ok_or(AudioError::BlobMissing(digest))
}

#[cfg(test)]
mod tests;
