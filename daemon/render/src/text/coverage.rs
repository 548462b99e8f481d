//! Coverage: which pixels letters, their outlines and their shadow touch, before any colour.
//!
//! Neighbours: `scene` says where the letters are, `raster` paints colours through what is made here. A backdrop depends
//! on shapes and sizes only, so states of a caption that differ in colour alone share one.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, PathSegment, Rect, Stroke, Transform,
};

use super::blur;
use super::glyph::Ink;
use super::image::RgbaImage;
use super::raster::MAX_SIDE;
use super::scene::{Scene, SceneGlyph};

/// A rectangle of whole canvas pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Frame {
    /// One pixel more on each side than asked for, for the soft edge.
    pub(super) fn around(bounds: Rect) -> Self {
        let (x, y) = (
            bounds.left().floor() as i32 - 1,
            bounds.top().floor() as i32 - 1,
        );
        let width = (bounds.right().ceil() as i32 + 1 - x).clamp(1, MAX_SIDE as i32);
        let height = (bounds.bottom().ceil() as i32 + 1 - y).clamp(1, MAX_SIDE as i32);
        Self {
            x,
            y,
            width: width as u32,
            height: height as u32,
        }
    }

    pub(super) fn rect(&self) -> Option<Rect> {
        Rect::from_xywh(
            self.x as f32,
            self.y as f32,
            self.width as f32,
            self.height as f32,
        )
    }

    /// From the canvas to the frame's own pixels.
    pub(super) fn to_local(self) -> Transform {
        Transform::from_translate(-self.x as f32, -self.y as f32)
    }
}

/// What lies behind the letters, as coverage of one frame.
pub(super) struct Backdrop {
    pub(super) frame: Frame,
    /// Letters with their stroke, where there is an outline.
    pub(super) outline: Option<Vec<u8>>,
    /// The same of the words that stand apart.
    pub(super) outline_apart: Option<Vec<u8>>,
    /// Blurred, not yet dropped, where there is a shadow.
    pub(super) shadow: Option<Vec<u8>>,
}

impl Backdrop {
    pub(super) fn of(scene: &Scene<'_>) -> Option<Self> {
        let glyphs = scene.glyphs();
        let frame = Frame::around(scene.bounds(&glyphs)?);
        let (own, others): (Vec<SceneGlyph>, Vec<SceneGlyph>) =
            glyphs.into_iter().partition(|glyph| glyph.apart);
        let (stroke, stroke_apart) = (scene.stroke(false), scene.stroke(true));
        let shadow = scene.visible_shadow();
        let wanted = |stroke: Option<f32>, glyphs: &[SceneGlyph]| {
            !glyphs.is_empty() && (stroke.is_some() || shadow.is_some())
        };
        let cover = |stroke: Option<f32>, glyphs: &[SceneGlyph]| {
            wanted(stroke, glyphs)
                .then(|| silhouette(frame, glyphs, stroke.unwrap_or(0.0)))
                .flatten()
        };
        let plain = cover(stroke, &others);
        let apart = cover(stroke_apart, &own);
        let soft = shadow.and_then(|shadow| {
            let all = [&plain, &apart].into_iter().flatten().fold(None, both)?;
            let glyphs: Vec<&SceneGlyph> = others.iter().chain(&own).collect();
            Some(soft_shadow(all, frame, &glyphs, shadow.blur))
        });
        Some(Self {
            frame,
            shadow: soft,
            outline: plain.filter(|_| stroke.is_some()).map(Mask::take),
            outline_apart: apart.filter(|_| stroke_apart.is_some()).map(Mask::take),
        })
    }
}

/// Two coverages of one frame as one.
fn both(all: Option<Mask>, one: &Mask) -> Option<Mask> {
    let Some(mut all) = all else {
        return Some(one.clone());
    };
    for (sum, value) in all.data_mut().iter_mut().zip(one.data()) {
        *sum = (*sum).max(*value);
    }
    Some(all)
}

/// The coverage of all letters with a stroke around them. Rings are drawn one direction at a time: where the ring of a
/// counter crosses the ring of its letter's outside, their windings would cancel into holes.
fn silhouette(frame: Frame, glyphs: &[SceneGlyph], stroke: f32) -> Option<Mask> {
    let mut mask = Mask::new(frame.width, frame.height)?;
    let transform = frame.to_local();
    let pen = Stroke {
        width: stroke * 2.0,
        line_join: LineJoin::Round,
        line_cap: LineCap::Round,
        ..Stroke::default()
    };
    for glyph in glyphs {
        let Ink::Outline(path) = &glyph.ink else {
            continue;
        };
        mask.fill_path(path, FillRule::Winding, true, transform);
        if stroke <= 0.0 {
            continue;
        }
        for ring in by_direction(path)
            .iter()
            .filter_map(|p| p.stroke(&pen, 1.0))
        {
            mask.fill_path(&ring, FillRule::Winding, true, transform);
        }
    }
    Some(mask)
}

/// The blurred coverage of letters, outlines and emoji.
fn soft_shadow(mut mask: Mask, frame: Frame, glyphs: &[&SceneGlyph], radius: u16) -> Vec<u8> {
    for glyph in glyphs {
        if let Ink::Bitmap { image, rect } = &glyph.ink {
            let (at, scaled) = placed_bitmap(image, *rect, frame);
            add_alpha(&mut mask, &scaled, at);
        }
    }
    let mut coverage = mask.take();
    blur::blur(&mut coverage, frame.width as usize, radius);
    coverage
}

/// A bitmap at its final size, and its place in a frame.
pub(super) fn placed_bitmap(
    image: &RgbaImage,
    rect: Rect,
    frame: Frame,
) -> ((i32, i32), RgbaImage) {
    let scaled = image.resized(rect.width().round() as u32, rect.height().round() as u32);
    let at = (
        rect.left().round() as i32 - frame.x,
        rect.top().round() as i32 - frame.y,
    );
    (at, scaled)
}

/// The closed contours of a path, those that turn one way and those that turn the other way.
fn by_direction(path: &Path) -> Vec<Path> {
    let mut turns = [PathBuilder::new(), PathBuilder::new()];
    let mut contour = Contour::default();
    for segment in path.segments() {
        if matches!(segment, PathSegment::MoveTo(_)) {
            contour.flush(&mut turns);
        }
        contour.push(segment);
    }
    contour.flush(&mut turns);
    turns.into_iter().filter_map(PathBuilder::finish).collect()
}

/// One contour on its way into a path.
#[derive(Default)]
struct Contour {
    segments: Vec<PathSegment>,
    points: Vec<tiny_skia::Point>,
}

impl Contour {
    fn push(&mut self, segment: PathSegment) {
        match segment {
            PathSegment::MoveTo(p) | PathSegment::LineTo(p) => self.points.push(p),
            PathSegment::QuadTo(a, p) => self.points.extend([a, p]),
            PathSegment::CubicTo(a, b, p) => self.points.extend([a, b, p]),
            PathSegment::Close => {}
        }
        self.segments.push(segment);
    }

    fn flush(&mut self, turns: &mut [PathBuilder; 2]) {
        let next = self.points.iter().skip(1).chain(self.points.first());
        let area: f32 = self
            .points
            .iter()
            .zip(next)
            .map(|(a, b)| a.x * b.y - b.x * a.y)
            .sum();
        let path = &mut turns[usize::from(area < 0.0)];
        for segment in self.segments.drain(..) {
            match segment {
                PathSegment::MoveTo(p) => path.move_to(p.x, p.y),
                PathSegment::LineTo(p) => path.line_to(p.x, p.y),
                PathSegment::QuadTo(a, p) => path.quad_to(a.x, a.y, p.x, p.y),
                PathSegment::CubicTo(a, b, p) => path.cubic_to(a.x, a.y, b.x, b.y, p.x, p.y),
                PathSegment::Close => path.close(),
            }
        }
        self.points.clear();
    }
}

/// The pixels of a picture that fall inside a target of the given size, as byte offsets (target, source) per pixel.
pub(super) fn overlap(
    target: (u32, u32),
    image: &RgbaImage,
    at: (i32, i32),
) -> impl Iterator<Item = (usize, usize)> {
    let (width, height) = (target.0 as i32, target.1 as i32);
    let (image_width, image_height) = (image.width as i32, image.height as i32);
    (0..image_height)
        .filter(move |y| (0..height).contains(&(y + at.1)))
        .flat_map(move |y| {
            (0..image_width)
                .filter(move |x| (0..width).contains(&(x + at.0)))
                .map(move |x| {
                    let to = (y + at.1) as usize * width as usize + (x + at.0) as usize;
                    (to, y as usize * image_width as usize + x as usize)
                })
        })
}

fn add_alpha(mask: &mut Mask, image: &RgbaImage, at: (i32, i32)) {
    let size = (mask.width(), mask.height());
    let data = mask.data_mut();
    for (to, from) in overlap(size, image, at) {
        data[to] = data[to].max(image.data[from * 4 + 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;

    /// A thin ring: an outer square and a counter that turns the other way.
    fn thin_ring() -> Path {
        let mut path = PathBuilder::new();
        for (edge, points) in [
            (
                20.0,
                [(20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0)],
            ),
            (
                23.0,
                [(23.0, 23.0), (23.0, 57.0), (57.0, 57.0), (57.0, 23.0)],
            ),
        ] {
            path.move_to(edge, edge);
            points
                .iter()
                .skip(1)
                .for_each(|(x, y)| path.line_to(*x, *y));
            path.close();
        }
        path.finish().unwrap()
    }

    #[test]
    fn the_outline_of_a_thin_stem_has_no_holes() {
        let frame = Frame::around(Rect::from_xywh(0.0, 0.0, 80.0, 80.0).unwrap());
        let glyph = SceneGlyph {
            ink: Ink::Outline(thin_ring()),
            color: Color::WHITE,
            split: None,
            apart: false,
        };
        let mask = silhouette(frame, &[glyph], 8.0).unwrap();
        let width = mask.width() as usize;
        let row = (40 - frame.y) as usize;
        let left = (20 - frame.x) as usize;
        for x in left - 7..left + 3 + 7 {
            assert_eq!(mask.data()[row * width + x], 255, "column {x}");
        }
        assert_eq!(mask.data()[row * width + left - 10], 0);
        assert_eq!(
            mask.data()[row * width + left + 20],
            0,
            "the counter stays open"
        );
    }

    #[test]
    fn contours_are_told_apart_by_the_way_they_turn() {
        let parts = by_direction(&thin_ring());
        assert_eq!(parts.len(), 2);
        let mut sizes: Vec<f32> = parts.iter().map(|p| p.bounds().width()).collect();
        sizes.sort_by(f32::total_cmp);
        assert_eq!(sizes, [34.0, 40.0]);
    }

    #[test]
    fn a_frame_is_one_pixel_larger_and_knows_its_place() {
        let frame = Frame::around(Rect::from_xywh(-2.5, 3.0, 4.0, 5.2).unwrap());
        assert_eq!(
            frame,
            Frame {
                x: -4,
                y: 2,
                width: 7,
                height: 8
            }
        );
        assert_eq!(frame.to_local(), Transform::from_translate(4.0, -2.0));
    }
}
