//! Sound: speaking a text, composing a music bed, mixing the soundtrack.
//!
//! Everything is computed in `f32` at 48 kHz by this module's own code; FFmpeg only decodes what others recorded and
//! encodes the finished mix. Callers are the worker's dispatch (one call per action); pictures are none of its
//! business, and it reads and writes no file that was not named in the request.

mod beats;
mod error;
mod ffi_decode;
mod ffi_encode;
mod filter;
mod limiter;
mod loudness;
mod mix;
mod music;
mod pcm;
mod resample;
mod speech;
mod spool;
mod wav;

use std::collections::BTreeMap;

use fenta_templates::timeline::LONGEST_MS;
use fenta_workflows::action::ActionFacts;

pub use beats::find_beats;
pub use mix::mix;
pub use music::compose_music;
pub use speech::{align_words, engine_files, engine_programs, extract_speech, speak, take_speech};

/// Samples per second of everything this module makes.
pub(crate) const RATE: u32 = 48_000;

/// The longest recording or soundtrack in samples, bounded by the disk: about 2 GB while mixing.
pub(crate) const LONGEST: usize = RATE as usize / 1000 * LONGEST_MS as usize;

/// A finished audio action.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioDone {
    /// Output name to file name inside the output folder.
    pub outputs: BTreeMap<String, String>,
    /// What was measured.
    pub facts: ActionFacts,
}

impl AudioDone {
    /// One output called `audio`.
    fn audio(file: &str, facts: ActionFacts) -> Self {
        Self {
            outputs: BTreeMap::from([("audio".to_owned(), file.to_owned())]),
            facts,
        }
    }
}
