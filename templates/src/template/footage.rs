//! Which clip a shot shows, which part of it, and how it moves.
//!
//! A choice depends on the scene's number, on the clips and on the shot's own length rounded up to whole seconds
//! (at 30 fps); never on how long other shots are. Editing one scene therefore leaves the footage of all others alone.

use super::binding::ClipBinding;
use super::picture_rules::{Boundary, PictureRules, TransitionRules};
use super::shots::Shot;
use crate::time::{FrameRate, RationalTime, TimeRange};
use crate::timeline::{
    Clip, Ease, Generator, MediaKind, MediaReference, Motion, Track, TrackItem, Transition,
    TransitionKind,
};

/// Shot lengths are rounded up to a multiple of this before they decide anything.
const STEP: i64 = 30;

/// What footage is chosen from.
pub(crate) struct Shelf<'a> {
    pub(crate) clips: &'a [ClipBinding],
    pub(crate) picture: &'a PictureRules,
    pub(crate) transitions: &'a TransitionRules,
    pub(crate) seed: u64,
    pub(crate) rate: FrameRate,
    /// Preferred shot length in frames; repeated clips go on by this much.
    pub(crate) stride: i64,
}

/// The picture track. There must be at least one clip.
pub(crate) fn track(shots: &[Shot], shelf: &Shelf<'_>) -> Track {
    let blends: Vec<Option<Transition>> = shots
        .iter()
        .enumerate()
        .map(|(at, shot)| (at > 0).then(|| shelf.blend_into(shot)).flatten())
        .collect();
    let mut children = Vec::new();
    for (at, shot) in shots.iter().enumerate() {
        let next = blends.get(at + 1).copied().flatten();
        children.extend(blends[at].map(TrackItem::Transition));
        let handle = next.map_or(0, |blend| blend.out_offset.value);
        children.push(TrackItem::Clip(shelf.clip_for(shot, handle)));
    }
    Track { children }
}

/// A clip's own length in frames; stills and procedural pictures have none.
pub(crate) fn own_frames(clip: &ClipBinding, rate: FrameRate) -> Option<i64> {
    match &clip.media {
        MediaReference::External(file) if file.facts.kind == MediaKind::Video => file
            .facts
            .duration
            .map(|duration| duration.rescaled_to(rate).value.max(1)),
        _ => None,
    }
}

/// `frames` rounded up to whole steps.
const fn rounded_up(frames: i64) -> i64 {
    (frames + STEP - 1) / STEP * STEP
}

/// Which clip the `piece`-th shot of a scene shows. Scenes take the clips in turn; further shots of one scene skip
/// the clip that comes next, so that no clip follows itself where three or more are there.
const fn pick(scene: usize, piece: usize, clips: usize) -> usize {
    let offset = match (piece, clips) {
        (0, _) | (_, 1) => 0,
        (_, 2) => piece % 2,
        (_, 3) => piece % 2 * 2,
        _ => 2 + (piece - 1) % (clips - 2),
    };
    (scene + offset) % clips
}

/// One number from several, for seeds: the finaliser of SplitMix64 over each part.
fn mixed(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, part| {
        let mut z = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

impl Shelf<'_> {
    /// The blend at the start of a shot, if a rule asks for one and the shot is long enough to show it and itself.
    fn blend_into(&self, shot: &Shot) -> Option<Transition> {
        let (kind, ms) = self.rule_for(shot)?;
        let length = RationalTime::millis(i64::from(ms)).rescaled_to(self.rate);
        let fits = length.value >= 1 && 2 * length.value <= shot.frames();
        fits.then_some(Transition {
            kind,
            in_offset: RationalTime::new(0, self.rate),
            out_offset: length,
        })
    }

    fn rule_for(&self, shot: &Shot) -> Option<(TransitionKind, u32)> {
        let (boundary, number) = if shot.piece == 0 {
            (Boundary::Scene, shot.scene)
        } else {
            (Boundary::Split, shot.scene + shot.piece)
        };
        self.transitions
            .rules
            .iter()
            .find(|rule| rule.at == boundary && number % rule.every.max(1) as usize == 0)
            .map_or(self.transitions.default, |rule| rule.blend)
    }

    /// The clip of a shot; `handle` more frames are seen while the next shot blends in.
    fn clip_for(&self, shot: &Shot, handle: i64) -> Clip {
        let index = pick(shot.scene, shot.piece, self.clips.len());
        let binding = &self.clips[index];
        let reach = rounded_up(shot.frames() + handle);
        let uses = self.uses_before(shot.scene, &binding.media);
        let start = match own_frames(binding, self.rate) {
            Some(own) => self.source_start(own, reach, uses, shot.piece),
            None => 0,
        };
        Clip {
            name: shot.name.clone(),
            media: self.media_for(shot, &binding.media, uses),
            source_range: TimeRange::from_units(start, start + shot.frames(), self.rate),
            fill: self.picture.fill,
            motion: self.motion_for(shot, &binding.media, reach),
        }
    }

    /// How many earlier scenes start with the same picture. Counting scenes and not shots keeps the answer
    /// independent of how scenes are split.
    fn uses_before(&self, scene: usize, media: &MediaReference) -> usize {
        let count = self.clips.len();
        let per_round = self
            .clips
            .iter()
            .filter(|clip| clip.media == *media)
            .count();
        let rest = self.clips[..scene % count]
            .iter()
            .filter(|clip| clip.media == *media)
            .count();
        scene / count * per_round + rest
    }

    /// A procedural picture gets its own variation for every use; files stay what they are.
    fn media_for(&self, shot: &Shot, media: &MediaReference, uses: usize) -> MediaReference {
        match media {
            MediaReference::External(file) => MediaReference::External(file.clone()),
            MediaReference::Generator(generator) => {
                // A scene's first shot is known by its use, so that scenes inserted with their own clips change
                // nothing here; its further shots by the scene as well, because uses do not count them.
                let place = match shot.piece {
                    0 => [uses as u64, 0, 0],
                    piece => [uses as u64, piece as u64, 1 + shot.scene as u64],
                };
                MediaReference::Generator(Generator {
                    seed: mixed(&[self.seed, generator.seed, place[0], place[1], place[2]]),
                    ..generator.clone()
                })
            }
        }
    }

    /// Where a file starts: a tenth in, past slates and shaky hands; each further use goes on from there and starts
    /// over at the end. Further shots of one scene take the parts from the other end. `reach` frames should be left.
    fn source_start(&self, own: i64, reach: i64, uses: usize, piece: usize) -> i64 {
        let base = own / 10;
        let slots = ((own - base) / self.stride.max(1)).max(1);
        let turn = i64::try_from(uses + piece).unwrap_or(i64::MAX);
        let latest = (own - reach).max(0);
        if slots == 1 && turn % 2 == 1 {
            // Too short for two parts: the other one is the end.
            return latest;
        }
        let slot = if piece == 0 {
            turn % slots
        } else {
            slots - 1 - turn % slots
        };
        (base + slot * self.stride).min(latest)
    }

    fn motion_for(&self, shot: &Shot, media: &MediaReference, reach: i64) -> Option<Motion> {
        let MediaReference::External(file) = media else {
            return None;
        };
        let number = shot.scene + shot.piece;
        if file.facts.kind == MediaKind::Image {
            return self.still_motion(number, reach);
        }
        let punch_in = self.picture.punch_in?;
        let every = punch_in.every.max(1) as usize;
        (number % every == every - 1).then_some(Motion {
            zoom_from_pm: punch_in.zoom_pm,
            zoom_to_pm: punch_in.zoom_pm,
            pan_x_pm: 0,
            pan_y_pm: 0,
            // Nothing moves, so no length of the shot may show here.
            over_frames: 1,
            ease: Ease::Linear,
        })
    }

    fn still_motion(&self, number: usize, reach: i64) -> Option<Motion> {
        let rules = self.picture.stills?;
        let back = rules.alternate && number % 2 == 1;
        let to_left = rules.alternate && number % 4 >= 2;
        let (from, to) = if back {
            (rules.zoom_to_pm, rules.zoom_from_pm)
        } else {
            (rules.zoom_from_pm, rules.zoom_to_pm)
        };
        // The move ends at the pan, so a move that ends wide has no room for one.
        let pan = if back { 0 } else { rules.pan_pm as i32 };
        Some(Motion {
            zoom_from_pm: from,
            zoom_to_pm: to,
            pan_x_pm: if to_left { -pan } else { pan },
            pan_y_pm: 0,
            over_frames: u32::try_from(reach).unwrap_or(u32::MAX),
            ease: rules.ease,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture_rules::{PunchIn, StillMotion, TransitionRule};
    use super::super::testing::{generator, still, video};
    use super::*;

    const RATE: FrameRate = FrameRate::whole(30);

    fn shot(scene: usize, piece: usize, start: i64, frames: i64) -> Shot {
        Shot {
            scene,
            piece,
            name: format!("s{scene}"),
            start,
            end: start + frames,
        }
    }

    fn with_shelf<T>(
        clips: &[ClipBinding],
        picture: PictureRules,
        transitions: &TransitionRules,
        check: impl FnOnce(&Shelf<'_>) -> T,
    ) -> T {
        check(&Shelf {
            clips,
            picture: &picture,
            transitions,
            seed: 1,
            rate: RATE,
            stride: 84,
        })
    }

    #[test]
    fn no_clip_follows_itself() {
        for clips in 3..7 {
            for pieces in 1..8 {
                let order: Vec<usize> = (0..9)
                    .flat_map(|scene| (0..pieces).map(move |piece| pick(scene, piece, clips)))
                    .collect();
                assert!(
                    order.windows(2).all(|pair| pair[0] != pair[1]),
                    "{clips} clips, {pieces} pieces: {order:?}"
                );
            }
        }
        assert_eq!(pick(5, 3, 1), 0);
    }

    #[test]
    fn files_start_a_tenth_in_and_go_on_when_repeated() {
        let clips = [video(1, 20_000)];
        with_shelf(
            &clips,
            PictureRules::default(),
            &TransitionRules::default(),
            |shelf| {
                let start = |scene| {
                    shelf
                        .clip_for(&shot(scene, 0, 0, 80), 0)
                        .source_range
                        .first()
                };
                assert_eq!([start(0), start(1), start(2)], [60, 144, 228]);
                assert_eq!(start(6), 60, "six parts fit");
            },
        );
    }

    #[test]
    fn short_files_are_used_from_where_they_suffice() {
        let clips = [video(1, 3_200)];
        with_shelf(
            &clips,
            PictureRules::default(),
            &TransitionRules::default(),
            |shelf| {
                let start = |frames| {
                    shelf
                        .clip_for(&shot(0, 0, 0, frames), 0)
                        .source_range
                        .first()
                };
                assert_eq!(start(60), 9, "a tenth in");
                assert_eq!(start(85), 6, "as late as the length allows");
                assert_eq!(start(200), 0, "from the start; the last frame holds");
            },
        );
    }

    #[test]
    fn a_little_longer_shot_starts_at_the_same_place() {
        let clips = [video(1, 20_000), still(2)];
        let picture = PictureRules {
            stills: Some(StillMotion {
                zoom_from_pm: 1000,
                zoom_to_pm: 1100,
                pan_pm: 40,
                ease: Ease::InOut,
                alternate: true,
            }),
            ..PictureRules::default()
        };
        with_shelf(&clips, picture, &TransitionRules::default(), |shelf| {
            for scene in 0..6 {
                let short = shelf.clip_for(&shot(scene, 0, 0, 61), 9);
                let long = shelf.clip_for(&shot(scene, 0, 500, 80), 9);
                assert_eq!(short.source_range.first(), long.source_range.first());
                assert_eq!(short.motion, long.motion);
            }
        });
    }

    #[test]
    fn procedural_pictures_differ_and_ignore_lengths() {
        let clips = [generator(1), generator(2)];
        with_shelf(
            &clips,
            PictureRules::default(),
            &TransitionRules::default(),
            |shelf| {
                let seed = |scene, piece, frames| match shelf
                    .clip_for(&shot(scene, piece, 0, frames), 0)
                    .media
                {
                    MediaReference::Generator(generator) => generator.seed,
                    MediaReference::External(_) => panic!("a generator"),
                };
                let mut seeds: Vec<u64> = (0..20)
                    .flat_map(|scene| (0..3).map(move |piece| (scene, piece)))
                    .map(|(scene, piece)| seed(scene, piece, 60))
                    .collect();
                assert_eq!(seed(3, 1, 60), seed(3, 1, 200));
                seeds.sort_unstable();
                seeds.dedup();
                assert_eq!(seeds.len(), 60);
            },
        );
    }

    #[test]
    fn stills_alternate_and_stay_inside_their_picture() {
        let clips = [still(1)];
        let picture = PictureRules {
            stills: Some(StillMotion {
                zoom_from_pm: 1000,
                zoom_to_pm: 1120,
                pan_pm: 50,
                ease: Ease::InOut,
                alternate: true,
            }),
            ..PictureRules::default()
        };
        with_shelf(&clips, picture, &TransitionRules::default(), |shelf| {
            let moves: Vec<Motion> = (0..4)
                .map(|scene| shelf.clip_for(&shot(scene, 0, 0, 80), 0).motion.unwrap())
                .collect();
            let ends: Vec<(u32, i32)> = moves.iter().map(|m| (m.zoom_to_pm, m.pan_x_pm)).collect();
            assert_eq!(ends, [(1120, 50), (1000, 0), (1120, -50), (1000, 0)]);
            assert_eq!(moves[0].over_frames, 90);
        });
    }

    #[test]
    fn every_second_clip_comes_closer() {
        let clips = [video(1, 60_000)];
        let picture = PictureRules {
            punch_in: Some(PunchIn {
                zoom_pm: 1060,
                every: 2,
            }),
            ..PictureRules::default()
        };
        with_shelf(&clips, picture, &TransitionRules::default(), |shelf| {
            let closer = |scene| shelf.clip_for(&shot(scene, 0, 0, 80), 0).motion.is_some();
            assert_eq!([closer(0), closer(1), closer(2)], [false, true, false]);
        });
    }

    #[test]
    fn transitions_follow_the_first_rule_that_applies() {
        let rules = TransitionRules {
            rules: vec![
                TransitionRule {
                    blend: Some((TransitionKind::Fade, 300)),
                    at: Boundary::Scene,
                    every: 2,
                },
                TransitionRule {
                    blend: None,
                    at: Boundary::Split,
                    every: 1,
                },
            ],
            default: Some((TransitionKind::WipeLeft, 200)),
        };
        let shots = [
            shot(0, 0, 0, 60),
            shot(1, 0, 60, 60),
            shot(2, 0, 120, 60),
            shot(2, 1, 180, 60),
            shot(4, 0, 240, 17),
        ];
        let clips = [generator(1)];
        let track = with_shelf(&clips, PictureRules::default(), &rules, |shelf| {
            track(&shots, shelf)
        });
        let kinds: Vec<Option<(TransitionKind, i64)>> = track
            .children
            .iter()
            .map(|child| match child {
                TrackItem::Transition(blend) => Some((blend.kind, blend.out_offset.value)),
                _ => None,
            })
            .collect();
        assert_eq!(
            kinds,
            [
                None,
                Some((TransitionKind::WipeLeft, 6)),
                None,
                Some((TransitionKind::Fade, 9)),
                None,
                None,
                None,
            ],
            "no blend at the start, at a split, or into a shot that is too short for one"
        );
        assert_eq!(track.frames(), 257);
    }
}
