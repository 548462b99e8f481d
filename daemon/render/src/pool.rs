//! What neighbouring segments of a run hand on: open films and finished stills.
//!
//! A segment takes what it can use; the rest is closed before the segment is drawn, so that never more is open than the
//! clips of one segment need. What is handed on changes nothing in the pictures. Neighbours: `source` parks and takes,
//! `encode` clears.

use fenta_templates::digest::Digest;
use fenta_templates::timeline::{Canvas, Clip};

use crate::decode::Care;
use crate::playback::{Moments, Position};
use crate::source::MediaSource;

/// Open sources between two segments.
#[derive(Default)]
pub struct Pool {
    films: Vec<(Digest, Position)>,
    stills: Vec<(StillKey, Box<MediaSource>)>,
}

/// Everything that decides the pixels of a still, besides when it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct StillKey {
    /// The clip, with the time of another one.
    pub clip: Clip,
    /// Where it is shown.
    pub canvas: Canvas,
}

impl Pool {
    /// Keeps a film where it stands.
    pub fn park_film(&mut self, source: Digest, position: Position) {
        self.films.push((source, position));
    }

    /// Keeps a still.
    pub fn park_still(&mut self, key: StillKey, source: Box<MediaSource>) {
        self.stills.push((key, source));
    }

    /// A film that can be shown on at these moments, the nearest first.
    pub fn take_film(&mut self, source: Digest, care: Care, moments: Moments) -> Option<Position> {
        let able = self
            .films
            .iter()
            .enumerate()
            .filter(|(_, (digest, position))| {
                *digest == source && position.care() == care && position.leads_to(moments)
            });
        let (at, _) = able.min_by_key(|(_, (_, position))| position.ahead(moments))?;
        Some(self.films.remove(at).1)
    }

    /// A still that looks the same.
    pub fn take_still(&mut self, key: &StillKey) -> Option<Box<MediaSource>> {
        let at = self.stills.iter().position(|(known, _)| known == key)?;
        Some(self.stills.remove(at).1)
    }

    /// Closes what nobody took.
    pub fn clear(&mut self) {
        self.films.clear();
        self.stills.clear();
    }
}
