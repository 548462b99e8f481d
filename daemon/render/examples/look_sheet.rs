//! Draws every look at a few moments and writes the pictures as PNG, to be judged by eye.
//!
//! `cargo run -p fenta-render --example look_sheet -- <folder> [seed]`

use std::path::PathBuf;
use std::time::Instant;

use fenta_render::looks;
use fenta_render::picture::{Picture, Yuv};
use fenta_templates::color::Color;
use fenta_templates::time::FrameRate;
use fenta_templates::timeline::{Canvas, Generator, Look};
use tiny_skia::{Pixmap, PremultipliedColorU8};

const SHRINK: usize = 3;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let palettes = [
        ["#0B1026", "#2B2F77", "#7A3E9D", "#F2A65A"],
        ["#04151F", "#0B3C49", "#16DB93", "#8C6BFF"],
        ["#1A0B14", "#7A1E48", "#E85D75", "#FFD6A5"],
    ];
    let canvas = Canvas {
        width: 1080,
        height: 1920,
        frame_rate: FrameRate::whole(30),
        background: Color::BLACK,
    };
    for look in [
        Look::Gradient,
        Look::Bokeh,
        Look::Particles,
        Look::Waves,
        Look::Aurora,
    ] {
        let mut sheet = Pixmap::new(3 * 360, 640).ok_or_else(|| anyhow::anyhow!("no memory"))?;
        for (index, palette) in palettes.iter().enumerate() {
            let generator = Generator {
                look,
                seed: seed + index as u64,
                palette: palette
                    .iter()
                    .map(|color| color.parse())
                    .collect::<Result<_, _>>()?,
            };
            let mut painter = looks::painter(&generator, &canvas);
            let mut out = Picture::filled(1080, 1920, Yuv::BLACK);
            painter.draw(0.0, &mut out);
            let start = Instant::now();
            for frame in 0..10 {
                painter.draw(3.0 + frame as f32 / 30.0, &mut out);
            }
            tracing(look, start.elapsed().as_secs_f64() * 100.0);
            paste(&out, index * 360, &mut sheet);
        }
        sheet.save_png(folder.join(format!("{look:?}.png").to_lowercase()))?;
    }
    Ok(())
}

#[allow(clippy::print_stdout)]
fn tracing(look: Look, milliseconds: f64) {
    println!("{look:?}: {milliseconds:.2} ms/frame");
}

fn paste(picture: &Picture, left: usize, sheet: &mut Pixmap) {
    let width = sheet.width() as usize;
    let pixels = sheet.pixels_mut();
    for y in 0..picture.height() / SHRINK {
        for x in 0..picture.width() / SHRINK {
            let at = |plane: usize, divide: usize| {
                f32::from(picture.planes[plane].row(y * SHRINK / divide)[x * SHRINK / divide])
            };
            let luma = (at(0, 1) - 16.0) / 219.0;
            let (u, v) = ((at(1, 2) - 128.0) / 224.0, (at(2, 2) - 128.0) / 224.0);
            let red = luma + 1.5748 * v;
            let blue = luma + 1.8556 * u;
            let green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152;
            let [r, g, b] = [red, green, blue].map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
            if let Some(color) = PremultipliedColorU8::from_rgba(r, g, b, 255) {
                pixels[y * width + left + x] = color;
            }
        }
    }
}
