//! Where the subject of a picture or video is: what stands out on sampled frames, and a smooth way to follow it.
//!
//! No model is used: edges, colours that differ from the rest, skin and movement against the background make a map of
//! what stands out; a way through the maps of each scene is chosen as a whole, so that it neither trembles nor lags.
//! Neighbours: `saliency` draws the maps, `path` finds the way; the template decides what to do with it.

mod path;
mod saliency;

use std::path::Path;

use fenta_templates::timeline::{FocusKey, MediaFacts, MediaKind, SubjectPath};
use fenta_workflows::action::FindSubjectRequest;

use crate::convert::{Converter, Output, Target};
use crate::decode::{Care, FrameReader, first_frame};
use crate::error::RenderError;
use crate::orientation::Orientation;
use crate::picture::Picture;
use path::{Sample, follow};
use saliency::{Eye, Map};

/// Width of the pictures that are looked at.
const LOOK_WIDTH: u32 = 192;
/// Time between two looks.
const EVERY_MICROS: i64 = 250_000;
/// Most looks at one source; longer ones are looked at less often.
const MOST_LOOKS: i64 = 400;
/// How much more than an even spread the view must hold before anything counts as a subject, permille of the whole.
const STANDS_OUT_PM: f32 = 60.0;

/// Looks at a whole source. `progress` hears `(done, total)` milliseconds.
pub fn find_subject(
    path: &Path,
    request: &FindSubjectRequest,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SubjectPath, RenderError> {
    let facts = &request.facts;
    let mut looker = Looker::new(facts);
    if facts.kind == MediaKind::Image {
        let frame = first_frame(&mut FrameReader::open(path, Care::Whole)?)?;
        looker.look(0, &frame, 0)?;
    } else {
        let total = facts
            .duration
            .map_or(0.0, |length| length.as_seconds() * 1e6) as i64;
        let every = EVERY_MICROS.max(total / MOST_LOOKS);
        // Films in which hardly a frame is made from another are few; of those every frame is looked at.
        if looker.watch((path, Care::Sparse), (every, total), progress)? > 2 * every {
            looker = Looker::new(facts);
            looker.watch((path, Care::Rough), (every, total), progress)?;
        }
        looker.place_cuts(path)?;
    }
    Ok(looker.decided((request.view_w_pm, request.view_h_pm)))
}

/// What was seen so far.
struct Looker {
    converter: Converter,
    eye: Eye,
    due: i64,
    seen: Vec<Seen>,
    scenes: u32,
    /// When the frame before was shown.
    before: i64,
    /// How long a frame is shown.
    frame_micros: i64,
}

/// One look.
struct Seen {
    micros: i64,
    /// Whether a scene begins here.
    cut: bool,
    /// The frame before, where that is of the other scene and frames between them were left out.
    unseen_since: Option<i64>,
    map: Map,
}

impl Looker {
    fn new(facts: &MediaFacts) -> Self {
        let (width, height) = (facts.width.max(1), facts.height.max(1));
        let tall = (f64::from(LOOK_WIDTH) * f64::from(height) / f64::from(width) / 8.0).round();
        let target = Target {
            size: (LOOK_WIDTH, (tall as u32).clamp(2, 128) * 8),
            kept: (1.0, 1.0),
            centre: (0.5, 0.5),
            orientation: Orientation {
                rotation: facts.rotation,
                mirrored: facts.mirrored,
            },
        };
        Self {
            converter: Converter::new(target, Output::Video),
            eye: Eye::default(),
            due: i64::MIN,
            seen: Vec::new(),
            scenes: 1,
            before: 0,
            frame_micros: facts
                .frame_rate
                .map_or(40_000, |rate| (1e6 / rate.as_f64()) as i64),
        }
    }

    /// Looks at a film; the longest time between two of its frames.
    fn watch(
        &mut self,
        (path, care): (&Path, Care),
        (every, total): (i64, i64),
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<i64, RenderError> {
        let mut reader = FrameReader::open(path, care)?;
        let (mut last, mut longest) = (0, 0);
        while let Some(next) = reader.next_frame()? {
            longest = longest.max(next.micros - last);
            last = next.micros;
            self.look(next.micros, &next.frame, every)?;
            progress((next.micros.max(0) / 1000) as u64, (total / 1000) as u64);
        }
        Ok(longest.max(total - last - every))
    }

    /// Finds the frame at which a scene begins where the frames before it were left out. An encoder that begins the scene
    /// with a key frame has said it already.
    fn place_cuts(&mut self, path: &Path) -> Result<(), RenderError> {
        let unsure = |seen: &&mut Seen| seen.unseen_since.is_some();
        let mut cuts: Vec<&mut Seen> = self.seen.iter_mut().filter(unsure).collect();
        if cuts.is_empty() {
            return Ok(());
        }
        let mut reader = FrameReader::open(path, Care::Rough)?;
        // It can be searched when a frame was read.
        let _ = reader.next_frame()?;
        for seen in &mut cuts {
            let (since, until) = (seen.unseen_since.unwrap_or(0), seen.micros);
            if !reader.seek(since) {
                return Ok(());
            }
            let mut eye = Eye::default();
            while let Some(next) = reader.next_frame()? {
                if next.micros < since {
                    continue;
                }
                let picture = Picture::from_frame(&self.converter.convert(&next.frame)?)?;
                let cut = eye.is_other_scene(&picture);
                if cut && next.micros <= until {
                    seen.micros = next.micros;
                }
                if cut || next.micros >= until {
                    break;
                }
            }
        }
        Ok(())
    }

    fn look(
        &mut self,
        micros: i64,
        frame: &crate::ffi_frame::Frame,
        every: i64,
    ) -> Result<(), RenderError> {
        let picture = Picture::from_frame(&self.converter.convert(frame)?)?;
        let cut = self.eye.is_other_scene(&picture);
        if cut {
            self.scenes += 1;
        }
        let before = std::mem::replace(&mut self.before, micros);
        let left_out = micros - before > self.frame_micros * 3 / 2;
        if cut || micros >= self.due {
            self.due = micros + every;
            self.seen.push(Seen {
                micros: micros.max(0),
                cut,
                unseen_since: (cut && left_out && !frame.is_key()).then_some(before),
                map: self.eye.map(picture, cut),
            });
        }
        Ok(())
    }

    /// The way for a view of so much of the width and height.
    fn decided(self, (view_w_pm, view_h_pm): (u32, u32)) -> SubjectPath {
        let across = view_w_pm <= view_h_pm;
        let view = view_w_pm.min(view_h_pm).min(1000) as f32 / 1000.0;
        let samples: Vec<Sample> = self
            .seen
            .iter()
            .map(|seen| Sample {
                at: seen.micros as f32 / 1e6,
                cut: seen.cut,
                profile: seen.map.profile(across),
            })
            .collect();
        let found = follow(&samples, view);
        let permille = |share: f32| (share.clamp(0.0, 1.0) * 1000.0).round() as u16;
        let stands_out = found.covered * 1000.0 > view * 1000.0 + STANDS_OUT_PM;
        let keys = found.points.iter().map(|point| {
            let (x_pm, y_pm) = if across {
                (permille(point.place), 500)
            } else {
                (500, permille(point.place))
            };
            FocusKey {
                at_ms: (point.at * 1000.0).round() as u32,
                x_pm,
                y_pm,
                cut: point.cut,
            }
        });
        SubjectPath {
            keys: if stands_out && view < 0.999 {
                keys.collect()
            } else {
                Vec::new()
            },
            scenes: self.scenes,
            covered_pm: permille(found.covered),
            centre_pm: permille(found.centre),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    /// A wide picture with somebody in a red coat at a place (0-1).
    fn street(at: f32, hue: u8) -> Picture {
        let mut picture = Picture::filled(192, 112, Yuv([90, hue, 128]));
        for y in 0..112 {
            for (x, sample) in picture.planes[0].row_mut(y).iter_mut().enumerate() {
                *sample = 80 + ((x / 3 + y / 5) % 4) as u8 * 6;
            }
        }
        let middle = (at * 192.0) as usize;
        for y in 30..100 {
            let row = picture.planes[0].row_mut(y);
            for (x, sample) in row[middle - 8..middle + 8].iter_mut().enumerate() {
                *sample = if (x + y) % 3 == 0 { 40 } else { 170 };
            }
        }
        for y in 15..50 {
            picture.planes[1].row_mut(y)[middle / 2 - 4..middle / 2 + 4].fill(100);
            picture.planes[2].row_mut(y)[middle / 2 - 4..middle / 2 + 4].fill(190);
        }
        picture
    }

    fn facts() -> MediaFacts {
        MediaFacts {
            kind: MediaKind::Video,
            container: String::new(),
            video_codec: None,
            width: 1920,
            height: 1120,
            rotation: 0,
            mirrored: false,
            frame_rate: None,
            duration: None,
            interlaced: false,
            transfer: fenta_templates::timeline::ColorTransfer::Sdr,
            alpha: false,
            audio_codec: None,
            audio_channels: 0,
            audio_rate: 0,
            audio_start: None,
            warnings: Vec::new(),
        }
    }

    fn looked(pictures: impl Iterator<Item = (i64, Picture)>) -> SubjectPath {
        let mut looker = Looker::new(&facts());
        for (micros, picture) in pictures {
            let cut = looker.eye.is_other_scene(&picture);
            looker.scenes += u32::from(cut);
            let map = looker.eye.map(picture, cut);
            looker.seen.push(Seen {
                micros,
                cut,
                unseen_since: None,
                map,
            });
        }
        looker.decided((330, 1000))
    }

    #[test]
    fn follows_somebody_who_walks_without_trembling() {
        let walk = |step: i64| 0.2 + 0.6 * step as f32 / 39.0;
        let found = looked((0..40).map(|step| (step * 250_000, street(walk(step), 128))));
        assert_eq!(found.scenes, 1);
        let place = |ms: u32| crate::camera::focus_at(&found.keys, ms).0;
        for step in 4..36i64 {
            let away = place(step as u32 * 250) - f64::from(walk(step));
            assert!(
                away.abs() < 0.12,
                "{away} off at step {step}: {:?}",
                found.keys
            );
        }
        let places: Vec<f64> = (0..100).map(|step| place(step * 97)).collect();
        let back = places
            .windows(2)
            .map(|w| (w[0] - w[1]).max(0.0))
            .sum::<f64>();
        assert!(back < 0.01, "never goes back: {back}");
        assert!(found.covered_pm > found.centre_pm);
    }

    #[test]
    fn jumps_where_a_scene_begins() {
        let found = looked((0..24).map(|step| {
            let (at, hue) = if step < 12 { (0.2, 110) } else { (0.8, 170) };
            (step * 250_000, street(at, hue))
        }));
        assert_eq!(found.scenes, 2);
        let cuts: Vec<u32> = found
            .keys
            .iter()
            .filter(|k| k.cut)
            .map(|k| k.at_ms)
            .collect();
        assert_eq!(cuts, [3000]);
        let place = |ms: u32| crate::camera::focus_at(&found.keys, ms).0;
        assert!(place(2990) < 0.3 && place(3000) > 0.7, "{:?}", found.keys);
    }

    #[test]
    fn an_empty_picture_has_no_subject() {
        let found = looked((0..8).map(|step| {
            (
                step * 250_000,
                Picture::filled(192, 112, Yuv([90, 128, 128])),
            )
        }));
        assert!(found.keys.is_empty());
    }
}
