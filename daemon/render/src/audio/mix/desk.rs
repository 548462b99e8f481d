//! The mixing desk: voice, music and other sounds at their places and levels, added up block by block.
//!
//! Everything that is heard lies on one tape; what is known about it here are places and gains. A block of any stem is
//! made when it is asked for, so neither the number of sounds nor the length of the timeline costs memory. Neighbours:
//! `bus`, `bed` and `ducking` make the parts of a block, `sounds` cuts what is neither voice nor music.

use std::path::Path;

use fenta_templates::timeline::{AUDIO_RATE, AudioPlan, MusicClip};

use super::bed::{Bed, Fades, Seam};
use super::bus::{self, Placed};
use super::ducking::Room;
use super::sounds::{self, Sounds};
use super::{Blobs, blob};
use crate::audio::error::AudioError;
use crate::audio::loudness::Meter;
use crate::audio::pcm::{Stereo, db_to_gain};
use crate::audio::spool::{Spool, Take};
use crate::audio::{LONGEST, RATE, ffi_decode, wav};

/// Loudness of a voice that is not there, LUFS: what sounds are levelled against where nobody speaks or plays.
const NOBODY_LUFS: f64 = -18.0;
/// Decoded beyond the timeline's end: what a change of rate looks ahead, and what broken times take back.
const BEYOND: usize = 2 * RATE as usize;

/// Everything that is heard in a timeline.
pub(super) struct Desk {
    tape: Spool,
    /// Samples of the timeline.
    samples: usize,
    /// Samples of a block.
    size: usize,
    voice: Vec<Placed>,
    room: Room,
    music: Option<Music>,
    sounds: Option<Sounds>,
}

/// The bed at its level.
struct Music {
    bed: Bed,
    /// None leaves it as it is.
    gain: Option<f32>,
    fades: Fades,
}

impl Desk {
    /// Reads everything a plan names; the tape lies in `folder`.
    pub(super) fn new(
        plan: &AudioPlan,
        blobs: &Blobs,
        (samples, size): (usize, usize),
        folder: &Path,
    ) -> Result<Self, AudioError> {
        let tape = Spool::create(folder)?;
        let mut desk = Self {
            voice: voice(plan, blobs, samples, &tape)?,
            tape,
            samples,
            size,
            room: Room::new(&plan.speech, &plan.ducking),
            music: None,
            sounds: None,
        };
        let spoken = desk.loudness(&mut |desk, at, block| desk.voice(at, block))?;
        if let Some(clip) = &plan.music {
            desk.music = Some(desk.music(clip, blobs, spoken)?);
        }
        // Without a voice, sounds are levelled against what there is.
        let mut reference = spoken;
        if !reference.is_finite() && desk.music.is_some() && !plan.sounds.is_empty() {
            reference = desk.loudness(&mut |desk, at, block| {
                let room = desk.room.gains(at, block.len());
                desk.add_music((at, &room), block)
            })?;
        }
        if !reference.is_finite() {
            reference = NOBODY_LUFS;
        }
        desk.sounds = sounds::place(plan, blobs, reference, samples, (&desk.tape, size))?;
        Ok(desk)
    }

    /// Adds everything up.
    pub(super) fn add_up(&self, folder: &Path) -> Result<Spool, AudioError> {
        let sum = Spool::create(folder)?;
        self.play(&mut |desk, at, block| desk.block(at, block), &mut |block| {
            sum.append(block)
        })?;
        Ok(sum)
    }

    /// One block of everything.
    fn block(&self, at: usize, block: &mut Stereo) -> Result<(), AudioError> {
        self.voice(at, block)?;
        if self.music.is_none() && self.sounds.is_none() {
            return Ok(());
        }
        let room = self.room.gains(at, block.len());
        self.add_music((at, &room), block)?;
        if self.sounds.is_some() {
            let mut stem = Stereo::silence(block.len());
            self.yielding((at, &room), &mut stem)?;
            block.add_at(&stem, 0, 1.0);
            let mut stem = Stereo::silence(block.len());
            self.effects(at, &mut stem)?;
            block.add_at(&stem, 0, 1.0);
        }
        Ok(())
    }

    /// Adds the narration to a block that begins at a sample of the timeline.
    pub(super) fn voice(&self, at: usize, block: &mut Stereo) -> Result<(), AudioError> {
        bus::add(&self.voice, &self.tape, at, block)
    }

    /// Adds the music, which makes room for speech.
    pub(super) fn add_music(
        &self,
        (at, room): (usize, &[f32]),
        block: &mut Stereo,
    ) -> Result<(), AudioError> {
        let Some(music) = &self.music else {
            return Ok(());
        };
        let mut stem = Stereo::default();
        music.bed.read(&self.tape, (at, block.len()), &mut stem)?;
        if let Some(gain) = music.gain {
            stem.scale(gain);
        }
        stem.shape(room);
        music.fades.shape(at, &mut stem);
        block.add_at(&stem, 0, 1.0);
        Ok(())
    }

    /// Adds the sounds that make room for speech to an empty block.
    pub(super) fn yielding(
        &self,
        (at, room): (usize, &[f32]),
        block: &mut Stereo,
    ) -> Result<(), AudioError> {
        if let Some(sounds) = &self.sounds {
            bus::add(&sounds.yielding, &self.tape, at, block)?;
            block.shape(room);
        }
        Ok(())
    }

    /// Adds the sounds that are heard over everything.
    pub(super) fn effects(&self, at: usize, block: &mut Stereo) -> Result<(), AudioError> {
        match &self.sounds {
            Some(sounds) => bus::add(&sounds.effects, &self.tape, at, block),
            None => Ok(()),
        }
    }

    /// Plays a stem: `fill` adds to an empty block, `sink` takes it.
    fn play(
        &self,
        fill: &mut dyn FnMut(&Self, usize, &mut Stereo) -> Result<(), AudioError>,
        sink: &mut dyn FnMut(&Stereo) -> Result<(), AudioError>,
    ) -> Result<(), AudioError> {
        let mut block = Stereo::default();
        for at in (0..self.samples).step_by(self.size) {
            block.clear();
            block.resize(self.size.min(self.samples - at));
            fill(self, at, &mut block)?;
            sink(&block)?;
        }
        Ok(())
    }

    fn loudness(
        &self,
        fill: &mut dyn FnMut(&Self, usize, &mut Stereo) -> Result<(), AudioError>,
    ) -> Result<f64, AudioError> {
        let mut meter = Meter::new()?;
        self.play(fill, &mut |block| meter.add(block))?;
        meter.integrated()
    }

    /// The bed at its level against a voice of `spoken` LUFS, and its fades. Without a voice there is nothing to be under: the
    /// bed keeps its own level and mastering brings it to the target.
    fn music(&self, clip: &MusicClip, blobs: &Blobs, spoken: f64) -> Result<Music, AudioError> {
        let path = blob(blobs, clip.source)?;
        let take = record(&self.tape, |sink| {
            ffi_decode::play(path, LONGEST.min(self.samples + BEYOND), sink)
        })?;
        let seam = if clip.once {
            Seam::Silence
        } else if wav::loops_whole(path, take.len) {
            Seam::Exact
        } else {
            Seam::CrossFade
        };
        let bed = Bed::new(take, seam, self.samples);
        let played = self.loudness(&mut |desk, at, block| {
            let count = block.len();
            bed.read(&desk.tape, (at, count), block)
        })?;
        // Music that ends before the timeline fades where it ends.
        let heard = match seam {
            Seam::Silence => take.len.min(self.samples),
            Seam::Exact | Seam::CrossFade => self.samples,
        };
        let level = spoken + f64::from(clip.gain_mb) / 100.0 - played;
        Ok(Music {
            bed,
            gain: (spoken.is_finite() && played.is_finite()).then(|| db_to_gain(level)),
            fades: Fades::new(clip, heard),
        })
    }
}

/// Records what is played at the end of a tape.
pub(super) fn record(
    tape: &Spool,
    play: impl FnOnce(&mut dyn FnMut(&Stereo) -> Result<(), AudioError>) -> Result<usize, AudioError>,
) -> Result<Take, AudioError> {
    let from = tape.len();
    play(&mut |block| tape.append(block))?;
    Ok(Take {
        from,
        len: tape.len() - from,
    })
}

fn voice(
    plan: &AudioPlan,
    blobs: &Blobs,
    samples: usize,
    tape: &Spool,
) -> Result<Vec<Placed>, AudioError> {
    let mut placed = Vec::with_capacity(plan.voice.len());
    for clip in &plan.voice {
        let start = clip.start.rescaled_to(AUDIO_RATE).value;
        let inside = usize::try_from(start).ok().filter(|start| *start < samples);
        let Some(start) = inside else {
            return Err(AudioError::OutOfRange {
                what: "the start of a voice clip",
                seen: format!("sample {start}"),
                limit: "inside the timeline",
            });
        };
        let path = blob(blobs, clip.source)?;
        placed.push(Placed {
            take: record(tape, |sink| ffi_decode::play(path, samples - start, sink))?,
            start,
            gain: db_to_gain(f64::from(clip.gain_mb) / 100.0),
            rise: 0,
            fall: 0,
        });
    }
    Ok(placed)
}

/// How a stem is added to a block that begins at a sample, where the music has so much room.
#[cfg(test)]
type Fill = fn(&Desk, (usize, &[f32]), &mut Stereo) -> Result<(), AudioError>;

#[cfg(test)]
impl Desk {
    /// A stem as a whole.
    pub(super) fn stem(&self, fill: Fill) -> Stereo {
        let mut stem = Stereo::default();
        let mut fill = |desk: &Self, at: usize, block: &mut Stereo| {
            let room = desk.room.gains(at, block.len());
            fill(desk, (at, &room), block)
        };
        let mut sink = |block: &Stereo| {
            stem.extend(block);
            Ok(())
        };
        self.play(&mut fill, &mut sink)
            .expect("it plays, because its files were written by the test itself");
        stem
    }
}
