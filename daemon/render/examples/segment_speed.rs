//! Draws the segment of a render job without encoding it, and says how long a frame takes.
//!
//! `cargo run --release -p fenta-render --example segment_speed < job.json`

use std::time::Instant;

use anyhow::bail;
use fenta_render::compose::{Blobs, SegmentPainter};
use fenta_render::decode::Care;
use fenta_render::picture::{Picture, Yuv};
use fenta_render::pool::Pool;
use fenta_workflows::action::Action;
use fenta_workflows::worker::{WorkerFailure, WorkerJob};

#[allow(clippy::print_stdout)]
fn main() -> anyhow::Result<()> {
    let job: WorkerJob = serde_json::from_reader(std::io::stdin().lock())?;
    let Action::RenderSegment(request) = &job.action else {
        bail!("the job is not a render_segment");
    };
    let segment = &request.segment;
    let fail = |error| anyhow::anyhow!(WorkerFailure::from(error).message);
    let start = Instant::now();
    let mut painter = SegmentPainter::new(
        segment,
        &request.fonts,
        Blobs(&job.blobs),
        Care::Whole,
        &mut Pool::default(),
    )
    .map_err(fail)?;
    let opened = start.elapsed();
    let (width, height) = (
        segment.canvas.width as usize,
        segment.canvas.height as usize,
    );
    let mut picture = Picture::filled(width, height, Yuv::BLACK);
    let start = Instant::now();
    for frame in 0..segment.frames {
        painter.paint(frame, &mut picture).map_err(fail)?;
    }
    println!(
        "open {:.1} ms, then {:.2} ms a frame",
        opened.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3 / f64::from(segment.frames)
    );
    Ok(())
}
