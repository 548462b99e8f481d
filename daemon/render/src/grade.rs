//! Colour correction on the planes: levels by table, looks by a three-dimensional table.
//!
//! A `.cube` table is turned once into a lattice over luma and the two colour differences, so that pictures never
//! become RGB. Neighbours: `source` grades what it decodes, `compose` what is drawn from nothing; `cube` reads files.

use fenta_templates::timeline::Grade;

use crate::cube::Cube;
use crate::picture::{Picture, bt709};

/// Points of the lattice along each axis.
const POINTS: usize = 33;
/// Bits of a lattice level after the point.
const LEVEL_BITS: u32 = 4;
/// Levels between two points of the lattice.
const STEP: i32 = 8;
/// How far the warmest picture is moved in the two colour differences.
const WARMEST: (f32, f32) = (-26.0, 20.0);

/// A correction, ready to use.
pub struct Grader {
    /// New levels of each plane; none where they stay.
    tables: Option<[[u8; 256]; 3]>,
    lattice: Option<Lattice>,
}

impl Grader {
    /// Prepares a correction.
    pub fn new(grade: &Grade, cube: Option<&Cube>) -> Self {
        let plain = Grade {
            lut: grade.lut,
            ..Grade::default()
        };
        Self {
            tables: (*grade != plain).then(|| tables(grade)),
            lattice: cube.map(Lattice::of),
        }
    }

    /// Corrects a whole picture.
    pub fn apply(&self, picture: &mut Picture) {
        if let Some(tables) = &self.tables {
            for (plane, table) in picture.planes.iter_mut().zip(tables) {
                for sample in &mut plane.data {
                    *sample = table[usize::from(*sample)];
                }
            }
        }
        if let Some(lattice) = &self.lattice {
            lattice.apply(picture);
        }
    }
}

/// New levels: contrast about middle grey, then light; colour about grey, then warmth.
fn tables(grade: &Grade) -> [[u8; 256]; 3] {
    let share = |permille: u32| permille as f32 / 1000.0;
    let (contrast, saturation) = (share(grade.contrast_pm), share(grade.saturation_pm));
    let light = grade.brightness_pm as f32 / 1000.0 * 219.0;
    let warmth = grade.temperature_pm as f32 / 1000.0;
    let table = |middle: f32, factor: f32, shift: f32, (low, high): (f32, f32)| {
        let mut levels = [0u8; 256];
        for (level, new) in levels.iter_mut().enumerate() {
            let moved = middle + (level as f32 - middle) * factor + shift;
            *new = moved.clamp(low, high).round() as u8;
        }
        levels
    };
    [
        table(125.5, contrast, light, (16.0, 235.0)),
        table(128.0, saturation, warmth * WARMEST.0, (16.0, 240.0)),
        table(128.0, saturation, warmth * WARMEST.1, (16.0, 240.0)),
    ]
}

/// What a look makes of luma and colour differences, on a grid whose luma lies closest together.
struct Lattice {
    luma: Vec<i16>,
    chroma: Vec<[i16; 2]>,
}

impl Lattice {
    fn of(cube: &Cube) -> Self {
        let mut luma = Vec::with_capacity(POINTS * POINTS * POINTS);
        let mut chroma = Vec::with_capacity(POINTS * POINTS * POINTS);
        let level = |index: usize| index as f32 * STEP as f32;
        let fixed = |level: f32| (level * f32::from(1i16 << LEVEL_BITS)).round() as i16;
        for u in 0..POINTS {
            for v in 0..POINTS {
                for y in 0..POINTS {
                    let color = rgb([level(y), level(u), level(v)]);
                    let [y, u, v] = bt709(cube.look_up(color));
                    luma.push(fixed(y.clamp(16.0, 235.0)));
                    chroma.push([fixed(u.clamp(16.0, 240.0)), fixed(v.clamp(16.0, 240.0))]);
                }
            }
        }
        Self { luma, chroma }
    }

    fn apply(&self, picture: &mut Picture) {
        let [luma, us, vs] = &mut picture.planes;
        let width = luma.width;
        for row in 0..us.height {
            let (above, below) =
                luma.data[2 * row * width..(2 * row + 2) * width].split_at_mut(width);
            let colors = us.row_mut(row).iter_mut().zip(vs.row_mut(row));
            let squares = above.chunks_exact_mut(2).zip(below.chunks_exact_mut(2));
            for ((u, v), (above, below)) in colors.zip(squares) {
                let corners = Corners::of(*u, *v);
                let sum = [above[0], above[1], below[0], below[1]].map(i32::from);
                let mean = (sum.iter().sum::<i32>() + 2) >> 2;
                for sample in above.iter_mut().chain(below) {
                    *sample = self.luma_at(&corners, i32::from(*sample));
                }
                [*u, *v] = self.chroma_at(&corners, mean);
            }
        }
    }

    fn luma_at(&self, corners: &Corners, y: i32) -> u8 {
        let (slice, part) = ((y / STEP) as usize, y % STEP);
        let mut sum = 0;
        for (at, weight) in corners.0 {
            let (near, far) = (self.luma[at + slice], self.luma[at + slice + 1]);
            sum += weight * (i32::from(near) * (STEP - part) + i32::from(far) * part);
        }
        settled(sum)
    }

    fn chroma_at(&self, corners: &Corners, y: i32) -> [u8; 2] {
        let (slice, part) = ((y / STEP) as usize, y % STEP);
        let mut sums = [0; 2];
        for (at, weight) in corners.0 {
            let (near, far) = (self.chroma[at + slice], self.chroma[at + slice + 1]);
            for index in 0..2 {
                let between = i32::from(near[index]) * (STEP - part) + i32::from(far[index]) * part;
                sums[index] += weight * between;
            }
        }
        sums.map(settled)
    }
}

/// A weighted sum of lattice levels as a level: the weights add up to the cube of a step.
fn settled(sum: i32) -> u8 {
    // Three steps of 8 are nine bits.
    let shift = LEVEL_BITS + 9;
    ((sum + (1 << (shift - 1))) >> shift).clamp(0, 255) as u8
}

/// The four columns of the lattice around a pair of colour differences, with their weights.
struct Corners([(usize, i32); 4]);

impl Corners {
    fn of(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u), i32::from(v));
        let (left, top) = ((u / STEP) as usize, (v / STEP) as usize);
        let (across, down) = (u % STEP, v % STEP);
        let at = |left: usize, top: usize| (left * POINTS + top) * POINTS;
        Self([
            (at(left, top), (STEP - across) * (STEP - down)),
            (at(left, top + 1), (STEP - across) * down),
            (at(left + 1, top), across * (STEP - down)),
            (at(left + 1, top + 1), across * down),
        ])
    }
}

/// The gamma-encoded colour (0-1 per channel) of BT.709 limited-range levels, within the gamut.
fn rgb([y, u, v]: [f32; 3]) -> [f32; 3] {
    let luma = (y - 16.0) / 219.0;
    let (blue, red) = ((u - 128.0) / 224.0 * 1.8556, (v - 128.0) / 224.0 * 1.5748);
    let (r, b) = (luma + red, luma + blue);
    let g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152;
    [r, g, b].map(|channel| channel.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;
    use fenta_templates::color::Color;

    /// A colour's levels after a correction; for what is compared with a graded picture.
    fn graded(grade: &Grade, cube: Option<&Cube>, Yuv(levels): Yuv) -> [u8; 3] {
        let mut picture = Picture::filled(4, 4, Yuv(levels));
        Grader::new(grade, cube).apply(&mut picture);
        [0, 1, 2].map(|plane| picture.planes[plane].data[0])
    }

    const RED: Yuv = Yuv([63, 102, 240]);

    #[test]
    fn the_usual_grade_changes_nothing() {
        for levels in [[16, 128, 128], [235, 128, 128], [120, 90, 200]] {
            assert_eq!(graded(&Grade::default(), None, Yuv(levels)), levels);
        }
    }

    #[test]
    fn each_correction_does_what_it_says() {
        let with = |change: &dyn Fn(&mut Grade)| {
            let mut grade = Grade::default();
            change(&mut grade);
            grade
        };
        let grey = graded(&with(&|g| g.saturation_pm = 0), None, RED);
        assert_eq!((grey[1], grey[2]), (128, 128));
        let light = graded(&with(&|g| g.brightness_pm = 100), None, RED);
        assert_eq!(light[0], 85);
        let hard = graded(&with(&|g| g.contrast_pm = 1500), None, Yuv([160, 128, 128]));
        assert_eq!(hard[0], 177);
        let warm = graded(
            &with(&|g| g.temperature_pm = 500),
            None,
            Yuv([120, 128, 128]),
        );
        assert!(warm[1] < 118 && warm[2] > 134, "{warm:?}");
        let blown = graded(&with(&|g| g.brightness_pm = 1000), None, RED);
        assert_eq!(blown[0], 235, "white stays white");
    }

    #[test]
    fn a_table_that_changes_nothing_changes_next_to_nothing() {
        let cube =
            Cube::parse("LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n")
                .unwrap();
        for color in [
            Color::WHITE,
            Color::BLACK,
            Color::rgb(200, 40, 90),
            Color::rgb(10, 220, 190),
            Color::rgb(128, 128, 128),
        ] {
            let Yuv(levels) = Yuv::from(color);
            let seen = graded(&Grade::default(), Some(&cube), Yuv(levels));
            for (seen, level) in seen.iter().zip(levels) {
                assert!(seen.abs_diff(level) <= 2, "{color}: {seen} for {level}");
            }
        }
    }

    #[test]
    fn a_table_that_swaps_red_and_blue_does_so() {
        let cube =
            Cube::parse("LUT_3D_SIZE 2\n0 0 0\n0 0 1\n0 1 0\n0 1 1\n1 0 0\n1 0 1\n1 1 0\n1 1 1\n")
                .unwrap();
        let Yuv(blue) = Yuv::from(Color::rgb(30, 60, 200));
        let seen = graded(
            &Grade::default(),
            Some(&cube),
            Yuv::from(Color::rgb(200, 60, 30)),
        );
        for (seen, level) in seen.iter().zip(blue) {
            assert!(seen.abs_diff(level) <= 3, "{seen} for {level}");
        }
    }
}
