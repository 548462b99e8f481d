//! From geometry to pixels: plates, shadows, outlines and fills, in painter's order.
//!
//! Neighbours: `scene` and `coverage` say where things are, `caption` and `overlay` what they look like. Everything is
//! drawn from outlines at its final size; nothing already drawn is ever scaled. Blending happens in sRGB, the space in
//! which the layers themselves are later blended into the picture, so that inner and outer edges look alike.

use fenta_templates::color::Color;
use tiny_skia::{
    FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Rect, Shader,
    SpreadMode, Transform,
};

use super::coverage::{Backdrop, Frame, overlap, placed_bitmap};
use super::glyph::Ink;
use super::image::RgbaImage;
use super::scene::{Scene, SceneGlyph, Split, union};

/// No picture is larger than this in either direction.
pub(super) const MAX_SIDE: u32 = 8192;

/// A drawn picture and where its top left pixel goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raster {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) image: RgbaImage,
}

/// A filled rectangle with round corners, in canvas pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plate {
    pub(super) rect: Rect,
    pub(super) radius: f32,
    pub(super) color: Color,
}

impl Plate {
    fn path(&self) -> Option<Path> {
        rounded(self.rect, self.radius)
    }
}

/// A plate alone.
pub(super) fn draw_plate(plate: &Plate) -> Option<Raster> {
    let mut canvas = Canvas::around(plate.rect)?;
    canvas.fill_plate(plate);
    Some(canvas.finish())
}

/// A plate whose colour has become another at its lower edge. The colours run by smoothstep (3t^2 - 2t^3), so that a veil
/// that begins with nothing has no line where it begins.
pub(super) fn draw_veil(plate: &Plate, to: Color) -> Option<Raster> {
    const STOPS: u8 = 16;
    let (path, mut canvas) = (plate.path()?, Canvas::around(plate.rect)?);
    let stops = (0..=STOPS).map(|step| {
        let at = f32::from(step) / f32::from(STOPS);
        let share = at * at * (3.0 - 2.0 * at);
        let mixed = |a: u8, b: u8| f32::from(a) + (f32::from(b) - f32::from(a)) * share;
        let (a, b) = (plate.color, to);
        let color = tiny_skia::Color::from_rgba8(
            mixed(a.r, b.r).round() as u8,
            mixed(a.g, b.g).round() as u8,
            mixed(a.b, b.b).round() as u8,
            mixed(a.a, b.a).round() as u8,
        );
        GradientStop::new(at, color)
    });
    let shader = LinearGradient::new(
        Point::from_xy(0.0, plate.rect.top()),
        Point::from_xy(0.0, plate.rect.bottom()),
        stops.collect(),
        SpreadMode::Pad,
        Transform::identity(),
    )?;
    canvas.fill_with(&path, shader);
    Some(canvas.finish())
}

/// Plates over each other, the first at the bottom; nothing where there are none.
pub(super) fn draw_plates(plates: &[Plate]) -> Option<Raster> {
    let (first, others) = plates.split_first()?;
    let bounds = others
        .iter()
        .fold(first.rect, |all, plate| union(all, plate.rect));
    let mut canvas = Canvas::around(bounds)?;
    for plate in plates {
        canvas.fill_plate(plate);
    }
    Some(canvas.finish())
}

/// The whole scene over a backdrop made for the same letters at the same sizes.
pub(super) fn draw_scene(scene: &Scene<'_>, backdrop: &Backdrop) -> Option<Raster> {
    let plates = scene.plate.iter().chain(&scene.boxes);
    let bounds = plates.fold(backdrop.frame.rect()?, |all, plate| union(all, plate.rect));
    let ground = scene.ground.as_ref().and_then(|ground| {
        let path = ground.path.clone().transform(scene.whole())?;
        Some((path, ground.color))
    });
    let bounds = ground
        .iter()
        .fold(bounds, |all, (path, _)| union(all, path.bounds()));
    let mut canvas = Canvas::around(bounds)?;
    if let Some((path, color)) = ground {
        canvas.fill_path(&path, color);
    }
    if let Some(plate) = &scene.plate {
        canvas.fill_plate(plate);
    }
    if let (Some(shadow), Some(coverage)) = (scene.shadow, &backdrop.shadow) {
        let below = Frame {
            y: backdrop.frame.y + scene.shadow_drop(shadow),
            ..backdrop.frame
        };
        canvas.paint(coverage, below, shadow.color);
    }
    for plate in &scene.boxes {
        canvas.fill_plate(plate);
    }
    if let (Some(outline), Some(coverage)) = (scene.outline, &backdrop.outline) {
        canvas.paint(coverage, backdrop.frame, outline.color);
    }
    if let (Some(outline), Some(coverage)) = (scene.outline_apart, &backdrop.outline_apart) {
        canvas.paint(coverage, backdrop.frame, outline.color);
    }
    for glyph in &scene.glyphs() {
        canvas.fill_glyph(glyph);
    }
    Some(canvas.finish())
}

/// Four quarter circles joined by lines.
fn rounded(rect: Rect, radius: f32) -> Option<Path> {
    /// Handle length of a cubic that stands for a quarter circle.
    const KAPPA: f32 = 0.552_284_8;
    let r = radius.min(rect.width() / 2.0).min(rect.height() / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(rect));
    }
    let (left, top, right, bottom) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let k = r * (1.0 - KAPPA);
    let mut path = PathBuilder::new();
    path.move_to(left + r, top);
    path.line_to(right - r, top);
    path.cubic_to(right - k, top, right, top + k, right, top + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    path.line_to(left + r, bottom);
    path.cubic_to(left + k, bottom, left, bottom - k, left, bottom - r);
    path.line_to(left, top + r);
    path.cubic_to(left, top + k, left + k, top, left + r, top);
    path.close();
    path.finish()
}

/// A picture on its way.
struct Canvas {
    frame: Frame,
    pixels: Pixmap,
}

impl Canvas {
    fn around(bounds: Rect) -> Option<Self> {
        let frame = Frame::around(bounds);
        let pixels = Pixmap::new(frame.width, frame.height)?;
        Some(Self { frame, pixels })
    }

    fn finish(self) -> Raster {
        Raster {
            x: self.frame.x,
            y: self.frame.y,
            image: RgbaImage {
                width: self.frame.width,
                height: self.frame.height,
                data: self.pixels.take(),
            },
        }
    }

    fn fill_path(&mut self, path: &Path, color: Color) {
        let mut paint = Paint::default();
        paint.set_color_rgba8(color.r, color.g, color.b, color.a);
        let transform = self.frame.to_local();
        self.pixels
            .fill_path(path, &paint, FillRule::Winding, transform, None);
    }

    /// A path in two colours, with a soft pixel between them.
    fn fill_split(&mut self, path: &Path, split: Split) {
        let stop = |at: f32, c: Color| {
            GradientStop::new(at, tiny_skia::Color::from_rgba8(c.r, c.g, c.b, c.a))
        };
        let shader = LinearGradient::new(
            Point::from_xy(split.x - 0.5, 0.0),
            Point::from_xy(split.x + 0.5, 0.0),
            vec![stop(0.0, split.left), stop(1.0, split.right)],
            SpreadMode::Pad,
            Transform::identity(),
        );
        if let Some(shader) = shader {
            self.fill_with(path, shader);
        }
    }

    fn fill_with(&mut self, path: &Path, shader: Shader<'_>) {
        let paint = Paint {
            shader,
            ..Paint::default()
        };
        let transform = self.frame.to_local();
        self.pixels
            .fill_path(path, &paint, FillRule::Winding, transform, None);
    }

    fn fill_plate(&mut self, plate: &Plate) {
        if let Some(path) = plate.path() {
            self.fill_path(&path, plate.color);
        }
    }

    fn fill_glyph(&mut self, glyph: &SceneGlyph) {
        match &glyph.ink {
            Ink::Outline(path) => match glyph.split {
                Some(split) => self.fill_split(path, split),
                None => self.fill_path(path, glyph.color),
            },
            Ink::Bitmap { image, rect } => {
                let (at, scaled) = placed_bitmap(image, *rect, self.frame);
                over(&mut self.pixels, &scaled, at, glyph.color.a);
            }
        }
    }

    /// A colour through the coverage of a frame; what falls outside the picture is left out.
    fn paint(&mut self, coverage: &[u8], from: Frame, color: Color) {
        let source = [color.r, color.g, color.b, 255].map(|v| u32::from(v) * u32::from(color.a));
        let (left, right) = (
            from.x.max(self.frame.x),
            end(from.x, from.width).min(end(self.frame.x, self.frame.width)),
        );
        let (top, bottom) = (
            from.y.max(self.frame.y),
            end(from.y, from.height).min(end(self.frame.y, self.frame.height)),
        );
        if left >= right {
            return;
        }
        let columns = (right - left) as usize;
        for y in top..bottom {
            let at = (y - from.y) as usize * from.width as usize + (left - from.x) as usize;
            let to = (y - self.frame.y) as usize * self.frame.width as usize
                + (left - self.frame.x) as usize;
            let line = &mut self.pixels.data_mut()[to * 4..][..columns * 4];
            for (pixel, &cover) in line.chunks_exact_mut(4).zip(&coverage[at..][..columns]) {
                if cover == 0 {
                    continue;
                }
                let cover = u32::from(cover);
                let left = 255 * 255 - cover * u32::from(color.a);
                for (value, source) in pixel.iter_mut().zip(source) {
                    *value = div_65025(source * cover + u32::from(*value) * left);
                }
            }
        }
    }
}

fn end(start: i32, length: u32) -> i32 {
    start + length as i32
}

fn div_65025(value: u32) -> u8 {
    ((value + 65025 / 2) / 65025) as u8
}

fn over(pixels: &mut Pixmap, image: &RgbaImage, at: (i32, i32), opacity: u8) {
    let size = (pixels.width(), pixels.height());
    let data = pixels.data_mut();
    let opacity = u32::from(opacity);
    for (to, from) in overlap(size, image, at) {
        let source = &image.data[from * 4..from * 4 + 4];
        let left = 255 * 255 - u32::from(source[3]) * opacity;
        for (value, &source) in data[to * 4..to * 4 + 4].iter_mut().zip(source) {
            *value = div_65025(u32::from(source) * opacity * 255 + u32::from(*value) * left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32, y: f32, w: f32, h: f32) -> Rect {
        Rect::from_xywh(x, y, w, h).unwrap()
    }

    #[test]
    fn painting_over_paint_keeps_premultiplied_colours() {
        let mut canvas = Canvas::around(rect(0.0, 0.0, 8.0, 8.0)).unwrap();
        let (frame, pixels) = (canvas.frame, canvas.pixels.pixels().len());
        canvas.paint(&vec![255; pixels], frame, Color::rgb(200, 100, 0));
        canvas.paint(&vec![128; pixels], frame, Color::BLACK.with_alpha(128));
        let image = canvas.finish().image;
        let darkened = |p: &[u8]| p[3] == 255 && p[0].abs_diff(150) <= 1 && p[1].abs_diff(75) <= 1;
        assert!(image.data.chunks_exact(4).all(darkened));
    }

    #[test]
    fn coverage_of_another_frame_is_painted_where_it_lies_and_cut_at_the_edge() {
        let mut canvas = Canvas::around(rect(0.0, 0.0, 4.0, 10.0)).unwrap();
        let shifted = Frame {
            x: canvas.frame.x + 2,
            y: canvas.frame.y + 3,
            width: 50,
            height: 50,
        };
        canvas.paint(&vec![255; 2500], shifted, Color::BLACK);
        let far = Frame { x: 500, ..shifted };
        canvas.paint(&vec![255; 2500], far, Color::WHITE);
        let image = canvas.finish().image;
        for y in 0..image.height {
            for x in 0..image.width {
                let expected = if x >= 2 && y >= 3 { 255 } else { 0 };
                assert_eq!(image.pixel(x, y), [0, 0, 0, expected], "{x},{y}");
            }
        }
    }

    #[test]
    fn a_plate_is_drawn_where_it_belongs_with_soft_edges() {
        let plate = Plate {
            rect: rect(-10.5, 4.0, 20.0, 6.0),
            radius: 0.0,
            color: Color::WHITE,
        };
        let raster = draw_plate(&plate).unwrap();
        let at = |x: i32, y: i32| {
            raster
                .image
                .pixel((x - raster.x) as u32, (y - raster.y) as u32)[3]
        };
        assert_eq!(at(-10, 4), 255);
        assert!(
            at(-11, 4).abs_diff(128) <= 2,
            "half a pixel is half covered"
        );
        assert_eq!(at(-10, 3), 0);
        assert_eq!(at(8, 9), 255);
    }

    #[test]
    fn a_radius_never_exceeds_half_a_side() {
        let path = rounded(rect(0.0, 0.0, 10.0, 40.0), 500.0).unwrap();
        assert_eq!(path.bounds(), rect(0.0, 0.0, 10.0, 40.0));
    }

    #[test]
    fn bitmaps_are_cut_at_the_picture_s_edge() {
        let mut pixmap = Pixmap::new(4, 4).unwrap();
        let mut image = RgbaImage::transparent(3, 3);
        image.data.fill(255);
        over(&mut pixmap, &image, (-2, 2), 128);
        let alphas: Vec<u8> = pixmap.pixels().iter().map(|p| p.alpha()).collect();
        assert_eq!(alphas, [0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 128, 0, 0, 0]);
    }
}
