//! Where a film stands: the frame it shows at each moment, in rising order.
//!
//! A film that a segment has shown can be shown on by the next one, where that gives the same frames as searching for
//! the place anew. Neighbours: `decode` supplies frames, `source` turns them into pictures, `pool` keeps films that
//! are between two segments.

use std::path::{Path, PathBuf};

use crate::decode::{Care, FrameReader, TimedFrame, first_frame};
use crate::error::RenderError;

/// Sources are searched only when the wanted time is further ahead than this; otherwise decoding on is cheaper.
const SEEK_AHEAD_MICROS: i64 = 1_000_000;
/// How much earlier to search when a search ended too late; the last resort is the beginning.
const SEEK_MARGINS_MICROS: [i64; 3] = [0, 2_000_000, 10_000_000];
/// Containers round times to a millisecond; a frame may be this late and still count as on time.
const TOLERANCE_MICROS: i64 = 1100;

/// Which moments of a film are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Source time of the first output frame, microseconds.
    pub start_micros: i64,
    /// How far an output frame goes in the source, microseconds.
    pub frame_micros: f64,
}

impl Moments {
    fn at(self, index: u32) -> i64 {
        self.start_micros + (f64::from(index) * self.frame_micros).round() as i64
    }

    fn tolerance(self) -> i64 {
        TOLERANCE_MICROS.min((self.frame_micros / 4.0) as i64)
    }
}

/// An open film with the frame it shows and the one that comes next.
pub struct Position {
    care: Care,
    reader: FrameReader,
    shown: Option<TimedFrame>,
    next: Option<TimedFrame>,
}

impl Position {
    /// How it was decoded so far.
    pub const fn care(&self) -> Care {
        self.care
    }

    /// Whether showing these moments from here gives the frames that a search would give, and at less cost.
    pub fn leads_to(&self, moments: Moments) -> bool {
        self.ahead(moments).is_some() && self.reader.is_orderly()
    }

    /// How far ahead of the shown frame the first moment lies; nothing when that is behind it, or too far.
    pub fn ahead(&self, moments: Moments) -> Option<i64> {
        let ahead = moments.start_micros - self.shown.as_ref()?.micros;
        (-moments.tolerance()..=SEEK_AHEAD_MICROS)
            .contains(&ahead)
            .then_some(ahead)
    }
}

/// A film at the moments of one clip.
pub struct Playback {
    path: PathBuf,
    care: Care,
    position: Position,
    moments: Moments,
}

impl Playback {
    /// Opens a film and finds the frame of the first moment.
    ///
    /// # Errors
    /// When the file cannot be read or decoded.
    pub fn open(path: &Path, care: Care, moments: Moments) -> Result<Self, RenderError> {
        let mut film = Self {
            path: path.to_owned(),
            care,
            position: Position {
                care,
                reader: FrameReader::open(path, care)?,
                shown: None,
                next: None,
            },
            moments,
        };
        film.begin()?;
        Ok(film)
    }

    /// Goes on from a place that leads to these moments.
    pub fn resume(path: &Path, care: Care, moments: Moments, position: Position) -> Self {
        Self {
            path: path.to_owned(),
            care,
            position,
            moments,
        }
    }

    /// Where the film stands, for whoever shows it on.
    pub fn into_position(self) -> Position {
        self.position
    }

    /// The frame that is shown; nothing before the first `advance`.
    pub fn shown(&self) -> Option<&TimedFrame> {
        self.position.shown.as_ref()
    }

    /// Finds the frame of the first moment.
    fn begin(&mut self) -> Result<(), RenderError> {
        let Position { reader, next, .. } = &mut self.position;
        let Some(first) = reader.next_frame()? else {
            return first_frame(reader).map(drop);
        };
        *next = Some(first);
        let (start, tolerance) = (self.moments.start_micros, self.moments.tolerance());
        if start <= SEEK_AHEAD_MICROS {
            return Ok(());
        }
        for margin in SEEK_MARGINS_MICROS {
            if !reader.seek((start - margin).max(0)) {
                break;
            }
            if let Some(found) = reader.next_frame()?
                && found.micros <= start + tolerance
            {
                *next = Some(found);
                return Ok(());
            }
        }
        self.rewind()
    }

    /// From the beginning, in order: always right, only slower.
    fn rewind(&mut self) -> Result<(), RenderError> {
        self.position.reader = FrameReader::open(&self.path, self.care)?;
        self.position.next = self.position.reader.next_frame()?;
        Ok(())
    }

    /// Goes on to the frame shown at an output frame; true when it is another one than before.
    ///
    /// # Errors
    /// When decoding fails.
    pub fn advance(&mut self, index: u32) -> Result<bool, RenderError> {
        let (target, tolerance) = (self.moments.at(index), self.moments.tolerance());
        let Position {
            reader,
            shown,
            next,
            ..
        } = &mut self.position;
        let half = (self.moments.frame_micros / 2.0) as i64;
        let mut changed = false;
        while let Some(coming) = next {
            // The nearest frame is shown, so that other rates are half a frame off at the most; but a picture that
            // stands for long does not give way more than half a frame early.
            let ahead = coming.micros - target;
            let behind = shown.as_ref().map(|shown| target - shown.micros);
            let nearer = ahead <= half && behind.is_some_and(|behind| ahead < behind);
            let due = ahead <= tolerance || nearer;
            if !due && shown.is_some() {
                break;
            }
            *shown = next.take();
            *next = reader.next_frame()?;
            changed = true;
            if !due {
                break;
            }
        }
        Ok(changed)
    }
}
