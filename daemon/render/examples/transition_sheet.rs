//! Draws every transition between two pictures at five moments, and says how long a frame takes.
//!
//! `cargo run --release -p fenta-render --example transition_sheet -- <old.png> <new.png> <sheet.png>`

#[path = "sheet/mod.rs"]
mod sheet;

use std::path::PathBuf;
use std::time::Instant;

use fenta_render::picture::{Picture, Yuv};
use fenta_render::transition::Blender;
use fenta_templates::timeline::TransitionKind;
use sheet::Sheet;

const MOMENTS: [f32; 5] = [0.15, 0.35, 0.5, 0.65, 0.85];
/// Transitions beside each other.
const ACROSS: usize = 3;

#[allow(clippy::print_stdout)]
fn main() -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [old, new, to] = paths.as_slice() else {
        anyhow::bail!("give two pictures of 1080x1920 and the name of the sheet");
    };
    let (old, new) = (sheet::read(old)?, sheet::read(new)?);
    let rows = TransitionKind::ALL.len().div_ceil(ACROSS);
    let mut sheet = Sheet::new((ACROSS * MOMENTS.len(), rows), (108, 192))?;
    let mut out = Picture::filled(old.width(), old.height(), Yuv::BLACK);
    for (index, (kind, name, _)) in TransitionKind::ALL.into_iter().enumerate() {
        let mut blender = Blender::new();
        for (at, moment) in MOMENTS.into_iter().enumerate() {
            blender.blend(kind, moment, (&old, &new), &mut out);
            let place = (index % ACROSS * MOMENTS.len() + at, index / ACROSS);
            sheet.paste(&out, place);
        }
        let start = Instant::now();
        for step in 0..20 {
            blender.blend(kind, (step as f32 + 0.5) / 20.0, (&old, &new), &mut out);
        }
        let frame = start.elapsed().as_secs_f64() * 50.0;
        println!("{name}: {frame:.2} ms/frame");
    }
    sheet.save(to)
}
