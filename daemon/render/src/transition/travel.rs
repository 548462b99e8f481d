//! Blends in which pictures move: one pushes the other, lies over it, or both fly past in a fast pan.
//!
//! Neighbours: the parent says which blend and how far.

use super::{ease, mixed, weight};
use crate::picture::{Picture, Plane};

/// Width of the shadow beside a moving picture, as a share of the picture's side.
const SHADOW: f32 = 0.06;
/// How dark the shadow is at the edge, out of 256.
const DARKEST: f32 = 110.0;
/// Longest smear of a fast pan as a share of the side it moves along.
const SMEAR: f32 = 0.5;

/// Where pictures move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the left side.
    Left,
    /// To the right side.
    Right,
    /// To the top.
    Up,
    /// To the bottom.
    Down,
}

impl Way {
    const fn across(self) -> bool {
        matches!(self, Self::Left | Self::Right)
    }

    /// Sign of the movement along its axis.
    const fn sign(self) -> isize {
        match self {
            Self::Left | Self::Up => -1,
            Self::Right | Self::Down => 1,
        }
    }

    /// The length of a plane along the movement.
    const fn length(self, plane: &Plane) -> usize {
        if self.across() {
            plane.width
        } else {
            plane.height
        }
    }
}

/// What happens to the picture that does not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// It is pushed.
    Push,
    /// The new one moves over it.
    Cover,
    /// The old one moves away over it.
    Reveal,
}

/// Draws a movement at `progress` (0-1).
pub(super) fn slide(
    (layout, way): (Layout, Way),
    progress: f32,
    (old, new): (&Picture, &Picture),
    out: &mut Picture,
) {
    let half = way.length(&old.planes[1]);
    let gone = (ease(progress) * half as f32 + 0.5) as isize;
    // In samples of the chroma planes, so that both stay together.
    let leaving = way.sign() * gone;
    let coming = way.sign() * (gone - half as isize);
    match layout {
        Layout::Push => {
            paste(old, way, leaving, out);
            paste(new, way, coming, out);
        }
        Layout::Cover => {
            out.copy_from(old);
            // The shadow falls on what lies before the new picture.
            shade(way, gone, (true, progress), out);
            paste(new, way, coming, out);
        }
        Layout::Reveal => {
            out.copy_from(new);
            shade(way, gone, (false, progress), out);
            paste(old, way, leaving, out);
        }
    }
}

/// Copies what stays visible of a picture moved by `shift` chroma samples.
fn paste(from: &Picture, way: Way, shift: isize, out: &mut Picture) {
    for (index, (from, to)) in from.planes.iter().zip(&mut out.planes).enumerate() {
        let shift = shift * if index == 0 { 2 } else { 1 };
        let length = way.length(from) as isize;
        let target = shift.clamp(0, length) as usize..(length + shift).clamp(0, length) as usize;
        let source = (target.start as isize - shift) as usize;
        if target.is_empty() {
            continue;
        }
        if way.across() {
            for y in 0..to.height {
                let row = &from.row(y)[source..source + target.len()];
                to.row_mut(y)[target.clone()].copy_from_slice(row);
            }
        } else {
            let width = from.width;
            to.data[target.start * width..target.end * width]
                .copy_from_slice(&from.data[source * width..(source + target.len()) * width]);
        }
    }
}

/// Darkens the strip beside the moving edge, on its far side where the new picture `leads`.
fn shade(way: Way, gone: isize, (leads, progress): (bool, f32), out: &mut Picture) {
    // Nothing at either end of the movement, or the shadow would come and go at once.
    let strength = DARKEST * (8.0 * progress.min(1.0 - progress)).clamp(0.0, 1.0);
    for (index, to) in out.planes.iter_mut().enumerate() {
        let scale = if index == 0 { 2 } else { 1 };
        let black = if index == 0 { 16 } else { 128 };
        let length = way.length(to);
        let edge = gone * scale;
        let edge = if way.sign() > 0 {
            edge
        } else {
            length as isize - edge
        };
        // The strip lies ahead of a picture that comes, behind one that goes: the same side of the edge.
        let ahead = if leads { way.sign() } else { -way.sign() };
        let reach = (SHADOW * length as f32).max(1.0);
        for step in 0..reach as isize {
            let at = if ahead > 0 {
                edge + step
            } else {
                edge - 1 - step
            };
            if !(0..length as isize).contains(&at) {
                continue;
            }
            let fall = 1.0 - (step as f32 + 0.5) / reach;
            let dark = (strength * fall * fall) as u16;
            let at = at as usize;
            if way.across() {
                for y in 0..to.height {
                    let sample = &mut to.row_mut(y)[at];
                    *sample = mixed(*sample, black, dark);
                }
            } else {
                for sample in to.row_mut(at) {
                    *sample = mixed(*sample, black, dark);
                }
            }
        }
    }
}

/// Draws a fast pan from one picture to the other, smeared by its own speed.
pub(super) fn whip(way: Way, progress: f32, (old, new): (&Picture, &Picture), out: &mut Picture) {
    let t = progress.clamp(0.0, 1.0);
    let place = t * t * t * (10.0 - 15.0 * t + 6.0 * t * t);
    // Share of the highest speed, which is reached in the middle.
    let speed = 16.0 * t * t * (1.0 - t) * (1.0 - t);
    for (index, to) in out.planes.iter_mut().enumerate() {
        let length = way.length(to) as f32;
        let smear = (SMEAR * length * speed) as usize;
        let (first, second, from) = match way {
            Way::Left | Way::Up => (&old.planes[index], &new.planes[index], place),
            Way::Right | Way::Down => (&new.planes[index], &old.planes[index], 1.0 - place),
        };
        let start = (from * length + 0.5) as usize;
        if way.across() {
            smeared_across((first, second), start, smear, to);
        } else {
            smeared_down((first, second), start, smear, to);
        }
    }
}

/// A share of a sum of `count` samples, in 16.16.
fn share(count: usize) -> u32 {
    65_536 / count as u32
}

/// The window of a row of both pictures beside each other, each sample the mean of those within the smear.
fn smeared_across((left, right): (&Plane, &Plane), start: usize, smear: usize, to: &mut Plane) {
    let (width, count) = (to.width, 2 * (smear / 2) + 1);
    let (reach, share) = (smear / 2, share(count));
    let mut sums = vec![0u32; width + 2 * reach + 1];
    for y in 0..to.height {
        let (left, right) = (left.row(y), right.row(y));
        let sample = |at: isize| {
            let at = at.clamp(0, 2 * width as isize - 1) as usize;
            if at < width {
                left[at]
            } else {
                right[at - width]
            }
        };
        let mut sum = 0;
        for (step, total) in sums.iter_mut().skip(1).enumerate() {
            sum += u32::from(sample((start + step) as isize - reach as isize));
            *total = sum;
        }
        let spans = sums[count..].iter().zip(&sums);
        for (to, (end, begin)) in to.row_mut(y).iter_mut().zip(spans) {
            *to = (((end - begin) * share + 32_768) >> 16).min(255) as u8;
        }
    }
}

/// The same for pictures one below the other.
fn smeared_down((top, bottom): (&Plane, &Plane), start: usize, smear: usize, to: &mut Plane) {
    let (height, count) = (to.height, 2 * (smear / 2) + 1);
    let (reach, share) = ((smear / 2) as isize, share(count));
    let row = |at: isize| {
        let at = at.clamp(0, 2 * height as isize - 1) as usize;
        if at < height {
            top.row(at)
        } else {
            bottom.row(at - height)
        }
    };
    let mut sums = vec![0u32; to.width];
    let start = start as isize;
    for at in start - reach..=start + reach {
        for (sum, sample) in sums.iter_mut().zip(row(at)) {
            *sum += u32::from(*sample);
        }
    }
    for y in 0..height {
        for (to, sum) in to.row_mut(y).iter_mut().zip(&sums) {
            *to = ((sum * share + 32_768) >> 16).min(255) as u8;
        }
        let at = start + y as isize;
        let (enters, leaves) = (row(at + reach + 1), row(at - reach));
        for ((sum, enters), leaves) in sums.iter_mut().zip(enters).zip(leaves) {
            *sum = *sum + u32::from(*enters) - u32::from(*leaves);
        }
    }
}

/// A quick burst of white: up within the first third, down over the rest.
pub(super) fn flash(progress: f32, (old, new): (&Picture, &Picture), out: &mut Picture) {
    const PEAK: f32 = 0.3;
    let (from, light) = if progress < PEAK {
        (old, ease(progress / PEAK))
    } else {
        let left = 1.0 - (progress - PEAK) / (1.0 - PEAK);
        (new, left * left)
    };
    let weight = weight(light);
    for ((to, from), white) in out.planes.iter_mut().zip(&from.planes).zip([235, 128, 128]) {
        for (to, from) in to.data.iter_mut().zip(&from.data) {
            *to = mixed(*from, white, weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    #[test]
    fn a_smear_keeps_flat_pictures_flat_and_softens_the_seam() {
        let (old, new) = (
            Picture::filled(64, 64, Yuv([200, 60, 190])),
            Picture::filled(64, 64, Yuv([50, 150, 100])),
        );
        for way in [Way::Left, Way::Right, Way::Up, Way::Down] {
            let mut out = old.clone();
            whip(way, 0.5, (&old, &new), &mut out);
            let levels = &out.planes[0].data;
            assert!(levels.iter().all(|level| (49..=201).contains(level)));
            let soft = levels.iter().filter(|level| (60..190).contains(*level));
            assert!(soft.count() > 64 * 20, "{way:?}");
            whip(way, 0.5, (&old, &old), &mut out);
            assert!(
                out.planes[0]
                    .data
                    .iter()
                    .all(|level| level.abs_diff(200) <= 1)
            );
        }
    }

    #[test]
    fn a_cover_leaves_the_old_picture_in_its_place_and_shades_it() {
        let (old, new) = (
            Picture::filled(100, 40, Yuv([200, 60, 190])),
            Picture::filled(100, 40, Yuv([50, 150, 100])),
        );
        let mut out = old.clone();
        slide((Layout::Cover, Way::Left), 0.5, (&old, &new), &mut out);
        let row = out.planes[0].row(7);
        assert_eq!((row[0], row[60], row[99]), (200, 50, 50));
        assert!(row[49] < 170, "shadow at the edge: {}", row[49]);
        slide((Layout::Reveal, Way::Down), 0.5, (&old, &new), &mut out);
        let column = |y: usize| out.planes[0].row(y)[9];
        assert_eq!((column(0), column(39), column(20)), (50, 200, 200));
        assert!(column(19) < 45, "shadow under the old one: {}", column(19));
    }
}
