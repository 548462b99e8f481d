//! Which clip a shot shows, which part of it, and how it moves.
//!
//! Without `reuse` and `loop_safe` a choice depends on the scene's number, on the clips and on the shot's own length
//! rounded up to whole seconds (at 30 fps); never on how long other shots are. Editing one scene therefore leaves the
//! footage of all others alone. Those two rules look at the whole cut, and say so in the specification.

use std::collections::BTreeMap;

use super::binding::ClipBinding;
use super::blends::Blends;
use super::edit_rules::Reuse;
use super::picture_rules::{PictureRules, Short};
use super::shots::Shot;
use crate::digest::Digest;
use crate::time::{FrameRate, TimeRange};
use crate::timeline::{
    Clip, Ease, Effects, Fill, Generator, MediaKind, MediaReference, Motion, SubjectPath, Track,
    TrackItem,
};

/// Shot lengths are rounded up to a multiple of this before they decide anything.
const STEP: i64 = 30;
/// A clip that would have to be shown more often than this in one shot holds its last frame instead.
const MAX_PASSES: i64 = 6;

/// What footage is chosen from.
pub(crate) struct Shelf<'a> {
    pub(crate) clips: &'a [ClipBinding],
    pub(crate) picture: &'a PictureRules,
    /// The effects that all clips share.
    pub(crate) effects: &'a Effects,
    /// Where the clips' subjects were found.
    pub(crate) subjects: &'a BTreeMap<Digest, SubjectPath>,
    pub(crate) blends: &'a Blends<'a>,
    /// How often files may come back.
    pub(crate) reuse: Option<Reuse>,
    /// Whether the last shot leads back into the first.
    pub(crate) loop_safe: bool,
    pub(crate) seed: u64,
    pub(crate) rate: FrameRate,
    /// Preferred shot length in frames; repeated clips go on by this much.
    pub(crate) stride: i64,
}

/// The picture track, and what could not be kept with these clips.
#[derive(Debug, PartialEq)]
pub(crate) struct Footage {
    pub(crate) track: Track,
    pub(crate) notes: Vec<String>,
}

/// Which clip a shot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    /// Index of the clip.
    clip: usize,
    /// How often its picture was seen before.
    uses: usize,
}

/// The picture track. There must be at least one clip.
pub(crate) fn track(shots: &[Shot], shelf: &Shelf<'_>) -> Footage {
    let blends = shelf.blends.between(shots);
    let mut notes = Vec::new();
    let choices = shelf.choices(shots, &mut notes);
    if shelf.loop_safe && !choices.is_empty() {
        shelf.note_loop(shots, &choices, &mut notes);
    }
    let mut children = Vec::new();
    for (at, shot) in shots.iter().enumerate() {
        let next = blends.get(at + 1).copied().flatten();
        children.extend(blends[at].map(TrackItem::Transition));
        let handle = next.map_or(0, |blend| blend.out_offset.value);
        let mut clip = shelf.clip_for(shot, choices[at], handle);
        if shelf.loop_safe {
            shelf.close_loop(&mut clip, at, shots, &shelf.clips[choices[at].clip]);
        }
        let pieces = shelf.passes(clip, choices[at], &mut notes);
        children.extend(pieces.into_iter().map(in_source_time));
    }
    shelf.note_subjects(&choices, &mut notes);
    Footage {
        track: Track { children },
        notes,
    }
}

/// A clip's own length in frames at the speed it is played; stills and procedural pictures have none.
pub(crate) fn own_frames(
    clip: &ClipBinding,
    rate: FrameRate,
    speed_pm: Option<u32>,
) -> Option<i64> {
    match &clip.media {
        MediaReference::External(file) if file.facts.kind == MediaKind::Video => {
            let own = file.facts.duration?.rescaled_to(rate).value;
            let speed = speed_pm.map_or(1000, i64::from);
            Some((own * 1000 / speed).max(1))
        }
        _ => None,
    }
}

/// Until here starts count frames as they are played; a source of another speed counts its own.
fn in_source_time(item: TrackItem) -> TrackItem {
    match item {
        TrackItem::Clip(clip) if clip.effects.speed_pm.is_some() => {
            let (range, rate) = (clip.source_range, clip.source_range.start.rate);
            let start = clip.effects.source_frames(range.first());
            TrackItem::Clip(Clip {
                source_range: TimeRange::from_units(start, start + range.duration.value, rate),
                ..clip
            })
        }
        other => other,
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

/// A subject of which less than this is inside the view does not fit it, permille.
const FITS_PM: u16 = 380;

/// How a file's picture meets its subject.
enum Meeting<'a> {
    /// Nothing is asked, or nothing is cut off.
    None,
    /// The view follows it.
    Followed(&'a SubjectPath),
    /// It is larger than the view.
    TooWide(&'a SubjectPath),
    /// Nothing stands out.
    Unseen,
}

impl Shelf<'_> {
    /// The length of a clip at the speed it is played.
    fn own(&self, binding: &ClipBinding) -> Option<i64> {
        own_frames(binding, self.rate, self.picture.effects.speed_pm)
    }

    fn meeting(&self, media: &MediaReference) -> Meeting<'_> {
        let MediaReference::External(file) = media else {
            return Meeting::None;
        };
        let still = file.facts.kind == MediaKind::Image;
        let to_subject = self.picture.stills.is_some_and(|stills| stills.to_subject);
        let cropped = still && to_subject && self.picture.fill == Fill::Crop;
        if !(self.picture.smart || cropped) {
            return Meeting::None;
        }
        match self.subjects.get(&file.source) {
            Some(path) if path.keys.is_empty() => Meeting::Unseen,
            // A still that only moves to its subject keeps its fill.
            Some(path) if self.picture.smart && path.covered_pm < FITS_PM => Meeting::TooWide(path),
            Some(path) => Meeting::Followed(path),
            None => Meeting::None,
        }
    }

    /// What is done to a clip's picture.
    fn effects_for(&self, media: &MediaReference, frames: i64) -> Effects {
        let video =
            matches!(media, MediaReference::External(file) if file.facts.kind == MediaKind::Video);
        let focus = match self.meeting(media) {
            Meeting::Followed(path) => path.keys.clone(),
            _ => Vec::new(),
        };
        let file = matches!(media, MediaReference::External(_));
        Effects {
            speed_pm: self.picture.effects.speed_pm.filter(|_| video),
            focus,
            cutout: self.effects.cutout.filter(|_| file),
            keyframes: self.picture.effects.keyframes(frames),
            backdrop: self.effects.backdrop.filter(|_| file),
            ..self.effects.clone()
        }
    }

    fn fill_for(&self, media: &MediaReference) -> Fill {
        match self.meeting(media) {
            Meeting::TooWide(_) => Fill::Blur,
            _ => self.picture.fill,
        }
    }

    /// Says of every file that is seen how its picture was cut.
    fn note_subjects(&self, choices: &[Choice], notes: &mut Vec<String>) {
        let mut told: Vec<&MediaReference> = Vec::new();
        for choice in choices {
            let binding = &self.clips[choice.clip];
            if told.contains(&&binding.media) {
                continue;
            }
            told.push(&binding.media);
            let name = &binding.name;
            match self.meeting(&binding.media) {
                Meeting::None => {}
                Meeting::Followed(path) => notes.push(format!(
                    "`{name}`: the view {}, {} % of what stands out is in it ({} % in the middle)",
                    followed(path),
                    path.covered_pm / 10,
                    path.centre_pm / 10
                )),
                Meeting::TooWide(path) => notes.push(format!(
                    "`{name}`: only {} % of what stands out fits the view, so all of it is shown over a blurred copy",
                    path.covered_pm / 10
                )),
                Meeting::Unseen => notes.push(format!(
                    "`{name}`: nothing stands out, so the view stays in the middle"
                )),
            }
        }
    }

    /// The clip of every shot.
    fn choices(&self, shots: &[Shot], notes: &mut Vec<String>) -> Vec<Choice> {
        let mut choices: Vec<Choice> = match self.reuse {
            Some(reuse) => self.sparing(shots, reuse, notes),
            None => shots.iter().map(|shot| self.in_turn(shot)).collect(),
        };
        if self.loop_safe && choices.len() > 1 {
            let last = choices.len() - 1;
            choices[last] = choices[0];
        }
        choices
    }

    fn in_turn(&self, shot: &Shot) -> Choice {
        let clip = pick(shot.scene, shot.piece, self.clips.len());
        Choice {
            clip,
            uses: self.uses_before(shot.scene, &self.clips[clip].media),
        }
    }

    /// Every file as seldom as `reuse` asks for, while others are left; after that the one seen longest ago.
    fn sparing(&self, shots: &[Shot], reuse: Reuse, notes: &mut Vec<String>) -> Vec<Choice> {
        let gap = super::edit_rules::frames(reuse.min_gap_ms, self.rate);
        let most = reuse.max_times.map_or(usize::MAX, |times| times as usize);
        let mut seen: Vec<Vec<i64>> = vec![Vec::new(); self.clips.len()];
        let (mut over, mut close) = (0, 0);
        let mut choices = Vec::new();
        for shot in shots {
            let first = pick(shot.scene, shot.piece, self.clips.len());
            // Lowest wins: used up, too soon, then (where one of both is the case) seen more recently.
            let rank = |clip: &usize| {
                let ends = self.file(*clip).map_or(&[][..], |file| &seen[file]);
                let used_up = ends.len() >= most;
                let last = ends.last().copied();
                let soon = last.is_some_and(|end| shot.start - end < gap);
                let since = if used_up || soon {
                    last.unwrap_or(0)
                } else {
                    0
                };
                (used_up, soon, since)
            };
            let order = (0..self.clips.len()).map(|by| (first + by) % self.clips.len());
            let clip = order.min_by_key(rank).unwrap_or(first);
            let (used_up, soon, _) = rank(&clip);
            over += usize::from(used_up);
            close += usize::from(soon);
            let uses = match self.file(clip) {
                Some(file) => {
                    seen[file].push(shot.end);
                    seen[file].len() - 1
                }
                None => self.uses_before(shot.scene, &self.clips[clip].media),
            };
            choices.push(Choice { clip, uses });
        }
        self.note_reuse((over, close), shots.len(), notes);
        choices
    }

    /// The number a file goes by, the same for all clips of it; procedural pictures are never the same twice.
    fn file(&self, clip: usize) -> Option<usize> {
        match &self.clips[clip].media {
            MediaReference::Generator(_) => None,
            media @ MediaReference::External(_) => {
                self.clips.iter().position(|other| other.media == *media)
            }
        }
    }

    fn note_reuse(&self, (over, close): (usize, usize), shots: usize, notes: &mut Vec<String>) {
        let have = format!("{} clips for {shots} shots", self.clips.len());
        if over > 0 {
            notes.push(format!(
                "reuse.max_times: {have}, so {over} shots show a file once more than asked for"
            ));
        }
        if close > 0 {
            notes.push(format!(
                "reuse.min_gap: {have}, so {close} shots show a file sooner again than asked for"
            ));
        }
    }

    /// The clip of a shot; `handle` more frames are seen while the next shot blends in.
    fn clip_for(&self, shot: &Shot, choice: Choice, handle: i64) -> Clip {
        let binding = &self.clips[choice.clip];
        let reach = rounded_up(shot.frames() + handle);
        let start = match self.own(binding) {
            Some(own) => self.source_start(own, reach, choice.uses, shot.piece),
            None => 0,
        };
        Clip {
            name: shot.name.clone(),
            media: self.media_for(shot, &binding.media, choice.uses),
            source_range: TimeRange::from_units(start, start + shot.frames(), self.rate),
            fill: self.fill_for(&binding.media),
            motion: self.motion_for(shot, &binding.media, reach),
            effects: self.effects_for(&binding.media, shot.frames() + handle),
        }
    }

    /// Makes the end lead into the beginning: the last shot shows the first one's clip up to the frame at which the
    /// first shot begins.
    fn close_loop(&self, clip: &mut Clip, at: usize, shots: &[Shot], binding: &ClipBinding) {
        let last = shots.len() - 1;
        if last == 0 || (at != 0 && at != last) {
            return;
        }
        let closing = shots[last].frames();
        let start = match at {
            0 => self.seam(shots, binding),
            _ => (self.seam(shots, binding) - closing).max(0),
        };
        clip.source_range = TimeRange::from_units(start, start + shots[at].frames(), self.rate);
        if at == last {
            clip.media = self.media_for(&shots[0], &binding.media, 0);
            let opening = self.motion_for(&shots[0], &binding.media, closing);
            clip.motion = opening.map(reversed);
        }
    }

    /// The frame of the first clip at which the video begins and ends: late enough for the last shot before it where
    /// the clip allows that.
    fn seam(&self, shots: &[Shot], binding: &ClipBinding) -> i64 {
        let opening = shots[0].frames();
        let closing = shots[shots.len() - 1].frames();
        let room = self.own(binding).map_or(i64::MAX, |own| own - opening);
        let easy = rounded_up(closing);
        if room >= easy {
            easy
        } else {
            room.clamp(0, closing)
        }
    }

    fn note_loop(&self, shots: &[Shot], choices: &[Choice], notes: &mut Vec<String>) {
        let binding = &self.clips[choices[0].clip];
        if shots.len() < 2 {
            notes.push("loop_safe: there is only one shot, so nothing leads back to it".to_owned());
        } else if self.seam(shots, binding) < shots[shots.len() - 1].frames() {
            notes.push(format!(
                "loop_safe: `{}` is too short for the first and the last shot, so the end jumps",
                binding.name
            ));
        }
    }

    /// A shot as the pieces of a source that is too short for it.
    fn passes(&self, clip: Clip, choice: Choice, notes: &mut Vec<String>) -> Vec<TrackItem> {
        let binding = &self.clips[choice.clip];
        let frames = clip.source_range.duration.value;
        let own = self.own(binding).unwrap_or(i64::MAX);
        if clip.source_range.end() <= own {
            return vec![TrackItem::Clip(clip)];
        }
        let count = (frames + own - 1) / own.max(1);
        let held = self.picture.short == Short::Hold || !(2..=MAX_PASSES).contains(&count);
        let told = |frames: i64| frames as f64 / self.rate.as_f64();
        let does = if held {
            let stands = clip.source_range.end() - own;
            format!("its last frame stands {:.1} s", told(stands))
        } else {
            "it is shown again".to_owned()
        };
        notes.push(format!(
            "`{}` lasts {:.1} s, its shot `{}` {:.1} s: {does}",
            binding.name,
            told(own),
            clip.name,
            told(frames)
        ));
        if held {
            return vec![TrackItem::Clip(clip)];
        }
        let mut pieces = Vec::new();
        let mut rest = frames;
        for pass in 0..count {
            let length = rest / (count - pass);
            rest -= length;
            // Every other pass shows the end, so that the same second is not seen twice in a row.
            let start = if pass % 2 == 0 { 0 } else { own - length };
            pieces.push(TrackItem::Clip(Clip {
                source_range: TimeRange::from_units(start, start + length, self.rate),
                ..clip.clone()
            }));
        }
        pieces
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

/// The way of a view, for people.
fn followed(path: &SubjectPath) -> String {
    let along = |pick: fn(&crate::timeline::FocusKey) -> u16| {
        let places = path.keys.iter().map(pick);
        let (low, high) = (places.clone().min(), places.max());
        (low.unwrap_or(500) / 10, high.unwrap_or(500) / 10)
    };
    let ((left, right), (top, bottom)) = (along(|key| key.x_pm), along(|key| key.y_pm));
    let (low, high, side) = if top == 50 && bottom == 50 {
        (left, right, "width")
    } else {
        (top, bottom, "height")
    };
    let scenes = if path.scenes == 1 {
        String::new()
    } else {
        format!(" over {} scenes", path.scenes)
    };
    if low == high {
        format!("stands at {low} % of the {side}{scenes}")
    } else {
        format!("goes between {low} and {high} % of the {side}{scenes}")
    }
}

/// A camera move backwards. The move ends at the pan, so one that begins there begins without it.
const fn reversed(motion: Motion) -> Motion {
    Motion {
        zoom_from_pm: motion.zoom_to_pm,
        zoom_to_pm: motion.zoom_from_pm,
        pan_x_pm: 0,
        pan_y_pm: 0,
        ..motion
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture_rules::{PunchIn, StillMotion, TransitionRules};
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
            begins: scene..scene + usize::from(piece == 0),
        }
    }

    fn with_shelf<T>(
        clips: &[ClipBinding],
        picture: PictureRules,
        check: impl FnOnce(&Shelf<'_>) -> T,
    ) -> T {
        with_subjects(clips, picture, &BTreeMap::new(), check)
    }

    fn with_subjects<T>(
        clips: &[ClipBinding],
        picture: PictureRules,
        subjects: &BTreeMap<Digest, SubjectPath>,
        check: impl FnOnce(&Shelf<'_>) -> T,
    ) -> T {
        let transitions = TransitionRules::default();
        check(&Shelf {
            clips,
            picture: &picture,
            effects: &Effects::default(),
            subjects,
            blends: &Blends {
                rules: &transitions,
                chapters: &[],
                rate: RATE,
            },
            reuse: None,
            loop_safe: false,
            seed: 1,
            rate: RATE,
            stride: 84,
        })
    }

    fn clip_of(shelf: &Shelf<'_>, shot: &Shot, handle: i64) -> Clip {
        shelf.clip_for(shot, shelf.in_turn(shot), handle)
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
        with_shelf(&clips, PictureRules::default(), |shelf| {
            let start = |scene| {
                clip_of(shelf, &shot(scene, 0, 0, 80), 0)
                    .source_range
                    .first()
            };
            assert_eq!([start(0), start(1), start(2)], [60, 144, 228]);
            assert_eq!(start(6), 60, "six parts fit");
        });
    }

    #[test]
    fn short_files_are_used_from_where_they_suffice() {
        let clips = [video(1, 3_200)];
        with_shelf(&clips, PictureRules::default(), |shelf| {
            let start = |frames| {
                clip_of(shelf, &shot(0, 0, 0, frames), 0)
                    .source_range
                    .first()
            };
            assert_eq!(start(60), 9, "a tenth in");
            assert_eq!(start(85), 6, "as late as the length allows");
            assert_eq!(start(200), 0, "from the start; the last frame holds");
        });
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
                to_subject: false,
            }),
            ..PictureRules::default()
        };
        with_shelf(&clips, picture, |shelf| {
            for scene in 0..6 {
                let short = clip_of(shelf, &shot(scene, 0, 0, 61), 9);
                let long = clip_of(shelf, &shot(scene, 0, 500, 80), 9);
                assert_eq!(short.source_range.first(), long.source_range.first());
                assert_eq!(short.motion, long.motion);
            }
        });
    }

    #[test]
    fn procedural_pictures_differ_and_ignore_lengths() {
        let clips = [generator(1), generator(2)];
        with_shelf(&clips, PictureRules::default(), |shelf| {
            let seed = |scene, piece, frames| match clip_of(
                shelf,
                &shot(scene, piece, 0, frames),
                0,
            )
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
        });
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
                to_subject: false,
            }),
            ..PictureRules::default()
        };
        with_shelf(&clips, picture, |shelf| {
            let moves: Vec<Motion> = (0..4)
                .map(|scene| clip_of(shelf, &shot(scene, 0, 0, 80), 0).motion.unwrap())
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
        with_shelf(&clips, picture, |shelf| {
            let closer = |scene| clip_of(shelf, &shot(scene, 0, 0, 80), 0).motion.is_some();
            assert_eq!([closer(0), closer(1), closer(2)], [false, true, false]);
        });
    }

    fn whole(shots: &[Shot], shelf: &Shelf<'_>) -> (Vec<Clip>, Vec<String>) {
        let footage = track(shots, shelf);
        let frames: i64 = shots.iter().map(Shot::frames).sum();
        assert_eq!(footage.track.frames(), frames, "shots tile the cut");
        let clips = footage.track.clips().map(|(_, clip)| clip.clone());
        (clips.collect(), footage.notes)
    }

    fn row(lengths: &[i64]) -> Vec<Shot> {
        let mut start = 0;
        let make = |(scene, frames): (usize, &i64)| {
            let made = shot(scene, 0, start, *frames);
            start += frames;
            made
        };
        lengths.iter().enumerate().map(make).collect()
    }

    // spec: T-34
    #[test]
    fn a_short_video_is_shown_again_and_said_so() {
        let clips = [video(1, 2_000)];
        let shots = row(&[150]);
        let (pieces, notes) = with_shelf(&clips, PictureRules::default(), |shelf| {
            whole(&shots, shelf)
        });
        let ranges: Vec<(i64, i64)> = pieces
            .iter()
            .map(|clip| (clip.source_range.first(), clip.source_range.end()))
            .collect();
        assert_eq!(
            ranges,
            [(0, 50), (10, 60), (0, 50)],
            "from the start, from the end"
        );
        assert_eq!(
            notes,
            ["`clip1` lasts 2.0 s, its shot `s0` 5.0 s: it is shown again"]
        );
        let holding = PictureRules {
            short: Short::Hold,
            ..PictureRules::default()
        };
        let (held, notes) = with_shelf(&clips, holding, |shelf| whole(&shots, shelf));
        assert_eq!((held.len(), held[0].source_range.end()), (1, 150));
        assert_eq!(
            notes,
            ["`clip1` lasts 2.0 s, its shot `s0` 5.0 s: its last frame stands 3.0 s"]
        );
    }

    #[test]
    fn files_come_back_as_seldom_as_they_can() {
        let clips: Vec<ClipBinding> = (1..=4).map(|byte| video(byte, 60_000)).collect();
        let reuse = Reuse {
            max_times: Some(1),
            min_gap_ms: 4000,
        };
        let files = |shots: &[Shot], clips: &[ClipBinding]| {
            with_shelf(clips, PictureRules::default(), |shelf| {
                let shelf = Shelf {
                    reuse: Some(reuse),
                    ..*shelf
                };
                let mut notes = Vec::new();
                let choices = shelf.choices(shots, &mut notes);
                let order: Vec<usize> = choices.iter().map(|choice| choice.clip).collect();
                (order, notes)
            })
        };
        let (order, notes) = files(&row(&[60; 4]), &clips);
        assert_eq!((order, notes), (vec![0, 1, 2, 3], Vec::new()));
        let (order, notes) = files(&row(&[60; 6]), &clips);
        assert_eq!(
            order,
            [0, 1, 2, 3, 0, 1],
            "the one seen longest ago comes back first"
        );
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("reuse.max_times: 4 clips for 6 shots, so 2"));
        let same = [clips[0].clone(), clips[0].clone(), clips[1].clone()];
        let (order, _) = files(&row(&[60; 3]), &same);
        assert_eq!(
            order,
            [0, 2, 0],
            "the same file under two names is one file"
        );
        let made: Vec<ClipBinding> = (1..=2).map(generator).collect();
        let (_, notes) = files(&row(&[60; 9]), &made);
        assert_eq!(
            notes,
            Vec::<String>::new(),
            "procedural pictures never come back"
        );
    }

    #[test]
    fn a_loop_ends_where_it_begins() {
        for clips in [
            vec![video(1, 60_000), video(2, 60_000)],
            vec![generator(1), generator(2)],
        ] {
            let shots = row(&[70, 80, 95]);
            let (pieces, notes) = with_shelf(&clips, PictureRules::default(), |shelf| {
                let shelf = Shelf {
                    loop_safe: true,
                    ..*shelf
                };
                whole(&shots, &shelf)
            });
            let (first, last) = (&pieces[0], &pieces[2]);
            assert_eq!(first.media, last.media);
            assert_eq!(last.source_range.end(), first.source_range.first());
            assert_eq!(notes, Vec::<String>::new());
        }
    }

    #[test]
    fn a_loop_over_a_photograph_moves_back_to_where_it_began() {
        let clips = [still(1), still(2)];
        let picture = PictureRules {
            stills: Some(StillMotion {
                zoom_from_pm: 1000,
                zoom_to_pm: 1120,
                pan_pm: 50,
                ease: Ease::InOut,
                alternate: false,
                to_subject: false,
            }),
            ..PictureRules::default()
        };
        let shots = row(&[70, 80, 95]);
        let (pieces, _) = with_shelf(&clips, picture, |shelf| {
            let shelf = Shelf {
                loop_safe: true,
                ..*shelf
            };
            whole(&shots, &shelf)
        });
        let (first, last) = (pieces[0].motion.unwrap(), pieces[2].motion.unwrap());
        assert_eq!(last.zoom_to_pm, first.zoom_from_pm);
        assert_eq!(last.over_frames, 95);
    }

    #[test]
    fn a_loop_that_cannot_be_is_said() {
        let (_, notes) = with_shelf(&[video(1, 60_000)], PictureRules::default(), |shelf| {
            let shelf = Shelf {
                loop_safe: true,
                ..*shelf
            };
            whole(&row(&[90]), &shelf)
        });
        assert!(notes[0].starts_with("loop_safe: there is only one shot"));
        let (_, notes) = with_shelf(&[video(1, 4_000)], PictureRules::default(), |shelf| {
            let shelf = Shelf {
                loop_safe: true,
                ..*shelf
            };
            whole(&row(&[90, 90]), &shelf)
        });
        assert!(
            notes[0].starts_with("loop_safe: `clip1` is too short"),
            "{notes:?}"
        );
    }

    // spec: T-53
    #[test]
    fn a_smart_crop_follows_shows_all_or_keeps_the_middle_and_says_so() {
        let clips = [
            video(1, 20_000),
            video(2, 20_000),
            video(3, 20_000),
            generator(4),
        ];
        let key = |at_ms, x_pm| crate::timeline::FocusKey {
            at_ms,
            x_pm,
            y_pm: 500,
            cut: false,
        };
        let path = |keys: Vec<crate::timeline::FocusKey>, covered_pm| SubjectPath {
            keys,
            scenes: 1,
            covered_pm,
            centre_pm: 310,
        };
        let digest = super::super::testing::digest;
        let subjects = BTreeMap::from([
            (digest(1), path(vec![key(0, 250), key(4000, 640)], 820)),
            (digest(2), path(vec![key(0, 500)], 350)),
            (digest(3), path(Vec::new(), 320)),
        ]);
        let smart = PictureRules {
            smart: true,
            ..PictureRules::default()
        };
        let shots = row(&[60, 60, 60, 60]);
        let (cut, notes) = with_subjects(&clips, smart, &subjects, |shelf| whole(&shots, shelf));
        let seen: Vec<(Fill, usize)> = cut
            .iter()
            .map(|clip| (clip.fill, clip.effects.focus.len()))
            .collect();
        assert_eq!(
            seen,
            [
                (Fill::Crop, 2),
                (Fill::Blur, 0),
                (Fill::Crop, 0),
                (Fill::Crop, 0)
            ]
        );
        assert_eq!(
            notes,
            [
                "`clip1`: the view goes between 25 and 64 % of the width, 82 % of what stands out is in it (31 % in the middle)",
                "`clip2`: only 35 % of what stands out fits the view, so all of it is shown over a blurred copy",
                "`clip3`: nothing stands out, so the view stays in the middle",
            ]
        );
    }

    // spec: T-54
    #[test]
    fn a_faster_video_lasts_shorter_and_starts_in_its_own_time() {
        let clips = [video(1, 20_000)];
        let effects = super::super::effect_rules::EffectRules::at_speed(2000);
        let fast = PictureRules {
            effects,
            ..PictureRules::default()
        };
        let shots = row(&[60, 60, 60]);
        let (cut, notes) = with_shelf(&clips, fast.clone(), |shelf| whole(&shots, shelf));
        assert_eq!(notes, Vec::<String>::new());
        let starts: Vec<i64> = cut.iter().map(|clip| clip.source_range.first()).collect();
        // A tenth of the ten seconds that are left, then on by the preferred length; twice as much of the source.
        assert_eq!(starts, [60, 228, 396]);
        assert!(
            cut.iter()
                .all(|clip| clip.source_range.duration.value == 60)
        );
        let (_, notes) = with_shelf(&clips, fast, |shelf| whole(&row(&[330]), shelf));
        assert!(notes[0].contains("lasts 10.0 s"), "{notes:?}");
    }
}
