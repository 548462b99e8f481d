//! How near our pictures are to what they should be, beside those of a hand-written ffmpeg command at equal settings.
//!
//! The pictures of the reference workload without texts: four clips cut to portrait, two stills in motion. Frames of
//! every scene are held against a slow composition in `f64` (Lanczos over the true positions of light and colour,
//! BT.709) by SSIM. Sources are read from the folder in `FENTA_BENCH_MEDIA` (`../shared/bench/media` when unset).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

mod composition;
mod films;
mod ssim;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use self::composition::{Cut, Source};
use self::films::{Scene, frames_of};
use self::ssim::Likeness;

/// Frames looked at in each scene.
const LOOKED_AT: i64 = 5;
/// The same encoder at its usual setting, and at one that hardly loses anything: then the scalers alone are compared.
const QUALITIES: [u8; 2] = [20, 4];
/// Differences below this are noise of the encoder's decisions.
const NOISE: f64 = 0.0002;

fn main() -> anyhow::Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/bench/media");
    let media = std::env::var_os("FENTA_BENCH_MEDIA").map_or(default, PathBuf::from);
    if !media.join("timeline.json").is_file() {
        println!(
            "skipped: no reference sources in {}; set FENTA_BENCH_MEDIA",
            media.display()
        );
        return Ok(());
    }
    let scenes = films::scenes(&media)?;
    let folder = tempfile::tempdir()?;
    let mut below = 0;
    for crf in QUALITIES {
        let (ours, theirs) = (
            folder.path().join("fenta.mp4"),
            folder.path().join("ffmpeg.mp4"),
        );
        films::fenta(&media, &scenes, crf, &ours)?;
        films::ffmpeg(&media, &scenes, crf, &theirs)?;
        let bytes = |path: &Path| std::fs::metadata(path).map(|data| data.len() / 1024);
        println!(
            "crf {crf}: fenta {} KiB, ffmpeg {} KiB",
            bytes(&ours)?,
            bytes(&theirs)?
        );
        println!("scene        | fenta    all     luma   colour | ffmpeg   all     luma   colour");
        for scene in &scenes {
            let (a, b) = compare(&media, scene, (&ours, &theirs))?;
            let worse = a.all() + NOISE < b.all() || a.luma + NOISE < b.luma;
            below += usize::from(worse);
            println!(
                "{:12} | {:12.5} {:8.5} {:8.5} | {:12.5} {:8.5} {:8.5}{}",
                scene.name,
                a.all(),
                a.luma,
                a.colour,
                b.all(),
                b.luma,
                b.colour,
                if worse { "  below" } else { "" }
            );
        }
    }
    if below > 0 {
        bail!("{below} scenes are below what ffmpeg makes of them");
    }
    Ok(())
}

/// The mean likeness of both films' frames of a scene.
fn compare(
    media: &Path,
    scene: &Scene,
    films: (&Path, &Path),
) -> anyhow::Result<(Likeness, Likeness)> {
    let locals: Vec<i64> = (0..LOOKED_AT)
        .map(|at| {
            let (first, last) = scene.alone();
            first + (last - first) * at / (LOOKED_AT - 1)
        })
        .collect();
    let global: Vec<i64> = locals.iter().map(|local| scene.start + local).collect();
    let ours = frames_of(films.0, &global)?;
    let theirs = frames_of(films.1, &global)?;
    let wanted = if scene.is_still() {
        vec![0]
    } else {
        locals.clone()
    };
    let sources = Source::read(&media.join(&scene.name), &wanted)?;
    let (mut a, mut b) = (Likeness::default(), Likeness::default());
    for (at, local) in locals.iter().enumerate() {
        let source = sources
            .get(at)
            .or_else(|| sources.first())
            .context("the source has no such frame")?;
        // Each is held against what it was meant to show: both cut to whole pixels, and not to the same.
        let mine = source.compose(cut_of(scene, source, *local, false));
        let other = source.compose(cut_of(scene, source, *local, true));
        a.add(&mine, &ours[at]);
        b.add(&other, &theirs[at]);
    }
    Ok((a.mean(LOOKED_AT as f64), b.mean(LOOKED_AT as f64)))
}

/// What of the source fills the picture.
fn cut_of(scene: &Scene, source: &Source, local: i64, theirs: bool) -> Cut {
    let (width, height) = (source.width as f64, source.height as f64);
    if scene.is_still() {
        let zoom = 1.0 + 0.15 * local as f64 / scene.frames as f64;
        let (w, h) = (height * 9.0 / 16.0 / zoom, height / zoom);
        return Cut {
            left: (width - w) / 2.0,
            top: (height - h) / 2.0,
            width: w,
            height: h,
        };
    }
    let w = if theirs { 606.0 } else { 608.0 };
    Cut {
        left: 656.0,
        top: 0.0,
        width: w,
        height,
    }
}
