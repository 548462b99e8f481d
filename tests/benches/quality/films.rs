//! Both films of the workload's pictures: ours as the daemon makes it, and one graph of ffmpeg written by hand.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, RationalTime, TimeRange};
use fenta_templates::timeline::{
    AUDIO_RATE, AudioPlan, Canvas, Clip, Ducking, Ease, Effects, ExternalReference, Fill,
    LoudnessTarget, MediaKind, MediaReference, Motion, SegmentSpec, TemplateStamp, Timeline, Track,
    TrackItem, Transition, TransitionKind,
};
use fenta_tests::worker::Workbench;
use fenta_workflows::action::{
    Action, ActionFacts, Container, MuxRequest, ProbeRequest, RenderSegmentRequest, VideoEncoding,
};
use serde_json::Value;

use super::composition::{Plane, pictures};

const FPS: FrameRate = FrameRate::whole(30);
/// Segments rendered in one process.
const RUN: usize = 6;

/// A scene of the workload.
pub(crate) struct Scene {
    pub(crate) name: String,
    /// Its first frame in the film.
    pub(crate) start: i64,
    /// How long it is, blends included.
    pub(crate) frames: i64,
    /// How long the blend at its beginning is, and that of the next.
    blends: (i64, i64),
}

impl Scene {
    pub(crate) fn is_still(&self) -> bool {
        self.name.ends_with(".jpg")
    }

    /// Its first and last frame, from its start, in which nothing else is seen.
    pub(crate) fn alone(&self) -> (i64, i64) {
        (self.blends.0 + 1, self.frames - self.blends.1 - 2)
    }
}

/// The scenes of the workload's plan.
pub(crate) fn scenes(media: &Path) -> anyhow::Result<Vec<Scene>> {
    let plan: Value = serde_json::from_slice(&std::fs::read(media.join("timeline.json"))?)?;
    let fade = plan["xfade"].as_i64().context("timeline.json: xfade")?;
    let list = plan["scenes"].as_array().context("timeline.json: scenes")?;
    let last = list.len().saturating_sub(1);
    let number = |value: &Value| value.as_i64().context("timeline.json: a number of a scene");
    list.iter()
        .enumerate()
        .map(|(at, scene)| {
            Ok(Scene {
                name: scene["src"]
                    .as_str()
                    .context("timeline.json: src")?
                    .to_owned(),
                start: number(&scene["start"])?,
                frames: number(&scene["frames"])?,
                blends: (
                    if at == 0 { 0 } else { fade },
                    if at == last { 0 } else { fade },
                ),
            })
        })
        .collect()
}

/// Our film.
pub(crate) fn fenta(media: &Path, scenes: &[Scene], crf: u8, out: &Path) -> anyhow::Result<()> {
    let mut bench = Workbench::new()?;
    let timeline = timeline(media, scenes, &mut bench)?;
    let segments = timeline.segments();
    let action = |segment: &SegmentSpec| {
        Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment: segment.clone(),
            fonts: Vec::new(),
            encoding: VideoEncoding {
                encoder: "libx264".into(),
                preset: "veryfast".into(),
                crf,
                max_rate_kbps: 0,
                gop: 60,
                b_frames: 2,
                threads: 1,
                alpha: false,
                draft: false,
            },
        }))
    };
    let mut digests = Vec::new();
    for run in segments.chunks(RUN) {
        let made = bench.run_together(run.iter().map(action).collect())?;
        for made in made {
            digests.push(bench.add(&made.outputs["video"])?);
        }
    }
    let made = bench.run(Action::Mux(MuxRequest {
        canvas: timeline.canvas,
        segment_frames: segments.iter().map(|segment| segment.frames).collect(),
        segments: digests,
        audio: None,
        title: String::new(),
        comment: String::new(),
        container: Container::Mp4,
    }))?;
    std::fs::copy(&made.outputs["video"], out)?;
    Ok(())
}

fn frames(count: i64) -> RationalTime {
    RationalTime::new(count, FPS)
}

fn timeline(media: &Path, scenes: &[Scene], bench: &mut Workbench) -> anyhow::Result<Timeline> {
    let mut children = Vec::new();
    let mut total = 0;
    for scene in scenes {
        let source = bench.add(&media.join(&scene.name))?;
        let made = bench.run(Action::Probe(ProbeRequest {
            source,
            name: scene.name.clone(),
        }))?;
        let ActionFacts::Media(facts) = made.facts else {
            bail!("{}: no facts", scene.name)
        };
        if scene.blends.0 > 0 {
            children.push(TrackItem::Transition(Transition {
                kind: TransitionKind::Fade,
                in_offset: frames(0),
                out_offset: frames(scene.blends.0),
            }));
        }
        let still = facts.kind == MediaKind::Image;
        let own = scene.frames - scene.blends.1;
        total += own;
        children.push(TrackItem::Clip(Clip {
            name: scene.name.clone(),
            media: MediaReference::External(ExternalReference { source, facts }),
            source_range: TimeRange::from_units(0, own, FPS),
            fill: Fill::Crop,
            motion: still.then_some(Motion {
                zoom_from_pm: 1000,
                zoom_to_pm: 1150,
                pan_x_pm: 0,
                pan_y_pm: 0,
                over_frames: scene.frames as u32,
                ease: Ease::Linear,
            }),
            effects: Effects::default(),
        }));
    }
    Ok(Timeline {
        version: 1,
        template: TemplateStamp {
            name: "reference".into(),
            version: "1".into(),
            digest: String::new(),
        },
        canvas: Canvas {
            width: 1080,
            height: 1920,
            frame_rate: FPS,
            background: Color::BLACK,
        },
        duration: frames(total),
        picture: Track { children },
        overlays: Vec::new(),
        captions: None,
        audio: AudioPlan {
            duration: RationalTime::new(total * 1600, AUDIO_RATE),
            voice: Vec::new(),
            speech: Vec::new(),
            music: None,
            sounds: Vec::new(),
            ducking: Ducking::default(),
            loudness: LoudnessTarget::default(),
        },
        fonts: Vec::new(),
        profiles: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        origins: Vec::new(),
    })
}

/// The same by hand: crop before scale, stills on a canvas of twice the size.
pub(crate) fn ffmpeg(media: &Path, scenes: &[Scene], crf: u8, out: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-y", "-loglevel", "error"])
        .current_dir(media);
    let mut graph = String::new();
    for (index, scene) in scenes.iter().enumerate() {
        let length = scene.frames;
        if scene.is_still() {
            graph += &format!(
                "[{index}:v]scale=2160:3840:force_original_aspect_ratio=increase,crop=2160:3840,zoompan=z='1+0.15*on/{length}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d={length}:s=1080x1920:fps=30,setsar=1,format=yuv420p,settb=1/30,setpts=N[v{index}];"
            );
        } else {
            command.args(["-t", &format!("{:.4}", (length as f64 + 0.5) / 30.0)]);
            graph += &format!(
                "[{index}:v]fps=30,crop='2*floor(ih*9/32)':ih,scale=1080:1920:flags=bicubic,setsar=1,format=yuv420p,settb=1/30,setpts=N,trim=end_frame={length}[v{index}];"
            );
        }
        command.args(["-i", &scene.name]);
    }
    let mut current = "v0".to_owned();
    for (index, scene) in scenes.iter().enumerate().skip(1) {
        let (length, offset) = (scene.blends.0 as f64 / 30.0, scene.start as f64 / 30.0);
        graph += &format!(
            "[{current}][v{index}]xfade=transition=fade:duration={length}:offset={offset:.6}[x{index}];"
        );
        current = format!("x{index}");
    }
    graph += &format!("[{current}]format=yuv420p[out]");
    let status = command
        .args([
            "-filter_complex",
            &graph,
            "-map",
            "[out]",
            "-c:v",
            "libx264",
        ])
        .args(["-preset", "veryfast", "-crf", &crf.to_string()])
        .args(["-pix_fmt", "yuv420p"])
        .arg(out)
        .status()
        .context("starting ffmpeg")?;
    if !status.success() {
        bail!("ffmpeg failed");
    }
    Ok(())
}

/// Frames of a film, by number, in rising order.
pub(crate) fn frames_of(film: &Path, wanted: &[i64]) -> anyhow::Result<Vec<[Plane; 3]>> {
    let found = pictures(&raw(film, wanted, "yuv420p")?)?;
    if found.len() != wanted.len() {
        bail!(
            "{}: {} of {} frames",
            film.display(),
            found.len(),
            wanted.len()
        );
    }
    Ok(found)
}

/// Frames of a file as raw bytes.
pub(crate) fn raw(path: &Path, wanted: &[i64], format: &str) -> anyhow::Result<Vec<u8>> {
    let numbers: Vec<String> = wanted
        .iter()
        .map(|number| format!("eq(n,{number})"))
        .collect();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-vf", &format!("select='{}'", numbers.join("+"))])
        .args([
            "-vsync",
            "passthrough",
            "-f",
            "rawvideo",
            "-pix_fmt",
            format,
            "-",
        ])
        .output()
        .context("starting ffmpeg")?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!(
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.stdout)
}
