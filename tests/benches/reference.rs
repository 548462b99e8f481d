//! The reference workload beside a hand-written ffmpeg command, in one run, as ratios.
//!
//! Thirty seconds, 1080x1920: four clips and two stills with cross-fades, word-highlight captions, a logo, voice over
//! ducked music; x264 veryfast crf 20 on both sides. Sources are read from the folder in `FENTA_BENCH_MEDIA`
//! (`../shared/bench/media` when unset): clip0-3.mp4, image0-1.jpg, logo.png, voice.wav, music.m4a, subs.ass,
//! words.json, timeline.json. Rounds alternate, so a drift of the machine's speed falls on both sides.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, RationalTime, TimeRange};
use fenta_templates::timeline::*;
use fenta_tests::memory::{MemoryWatch, children};
use fenta_tests::worker::{Workbench, children_cpu_seconds};
use fenta_workflows::action::*;
use fenta_workflows::digest::Digest;
use serde_json::Value;

const FPS: FrameRate = FrameRate::whole(30);
const ROUNDS: usize = 3;
/// As the daemon has them.
const ENCODER_THREADS: u8 = 2;
const LONGEST_RUN: usize = 6;

struct Figures {
    wall: f64,
    cpu: f64,
    /// Of the largest process.
    peak_mib: f64,
    /// Of all processes together.
    tree_mib: f64,
}

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
    let out = tempfile::tempdir()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(measure(|| fenta(&media, &out.path().join("fenta.mp4")))?);
        theirs.push(measure(|| ffmpeg(&media, &out.path().join("ffmpeg.mp4")))?);
        for (name, figures) in [("fenta", &ours[round - 1]), ("ffmpeg", &theirs[round - 1])] {
            println!(
                "round {round} {name:6} wall {:6.1} s  cpu {:6.1} s  peak {:5.0} MiB, largest process {:5.0} MiB",
                figures.wall, figures.cpu, figures.tree_mib, figures.peak_mib
            );
        }
    }
    let median = |pick: fn(&Figures) -> f64| {
        let mut ratios: Vec<f64> = ours
            .iter()
            .zip(&theirs)
            .map(|(a, b)| pick(a) / pick(b))
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    println!(
        "fenta / ffmpeg, median of {ROUNDS} pairs: wall {:.2}  cpu {:.2}  peak memory {:.2}, of the largest process {:.2}",
        median(|f| f.wall),
        median(|f| f.cpu),
        median(|f| f.tree_mib),
        median(|f| f.peak_mib)
    );
    Ok(())
}

fn measure(work: impl FnOnce() -> anyhow::Result<f64>) -> anyhow::Result<Figures> {
    let own = i32::try_from(std::process::id())?;
    let watch = MemoryWatch::start(move || children(own));
    let (start, cpu) = (Instant::now(), children_cpu_seconds()?);
    let peak_mib = work()?;
    Ok(Figures {
        wall: start.elapsed().as_secs_f64(),
        cpu: children_cpu_seconds()? - cpu,
        peak_mib,
        tree_mib: watch.peak_mib(),
    })
}

/// The whole render as the daemon does it: files measured side by side, then runs of segments in a worker, as many at once
/// as their encoders' threads fill the cores.
fn fenta(media: &Path, out: &Path) -> anyhow::Result<f64> {
    let mut bench = Workbench::new()?;
    let timeline = timeline(media, &mut bench)?;
    let segments = timeline.segments();
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism()?.get();
    let renders = cores.div_ceil(usize::from(ENCODER_THREADS));
    let audio = MixRequest {
        plan: timeline.audio.clone(),
        encoding: AudioEncoding {
            encoder: "aac".into(),
            bitrate_kbps: 192,
        },
        part: None,
    };
    let (mut rendered, audio) = std::thread::scope(|scope| -> anyhow::Result<_> {
        let audio = scope.spawn(|| bench.run(Action::Mix(audio)));
        let workers: Vec<_> = (0..renders)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<Vec<(usize, PathBuf)>> {
                    let mut done = Vec::new();
                    while let Some((first, run)) = take(&next, &segments, renders) {
                        let actions = run.iter().map(|segment| segment_action(&timeline, segment));
                        let made = bench.run_together(actions.collect())?;
                        for (index, made) in made.into_iter().enumerate() {
                            done.push((first + index, made.outputs["video"].clone()));
                        }
                    }
                    Ok(done)
                })
            })
            .collect();
        let mut rendered = Vec::new();
        for worker in workers {
            rendered.extend(
                worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a worker thread died"))??,
            );
        }
        let audio = audio
            .join()
            .map_err(|_| anyhow::anyhow!("the mix thread died"))??;
        Ok((rendered, audio.outputs["audio"].clone()))
    })?;
    rendered.sort();
    let digests = rendered
        .iter()
        .map(|(_, path)| bench.add(path))
        .collect::<anyhow::Result<Vec<Digest>>>()?;
    let mux = MuxRequest {
        canvas: timeline.canvas,
        segment_frames: segments.iter().map(|segment| segment.frames).collect(),
        segments: digests,
        audio: Some(bench.add(&audio)?),
        title: String::new(),
        comment: String::new(),
        container: Container::Mp4,
    };
    let made = bench.run(Action::Mux(mux))?;
    std::fs::copy(&made.outputs["video"], out)?;
    Ok(bench.peak_kib.load(Ordering::Relaxed) as f64 / 1024.0)
}

/// The next run of segments, by the daemon's rule: a share of what is left, six at the most.
fn take<'a>(
    next: &AtomicUsize,
    segments: &'a [SegmentSpec],
    renders: usize,
) -> Option<(usize, &'a [SegmentSpec])> {
    let share = |at: usize| match renders {
        1 => (segments.len() - at).min(LONGEST_RUN),
        renders => (segments.len() - at).div_ceil(2 * renders).min(LONGEST_RUN),
    };
    let first = next
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
            (at < segments.len()).then(|| at + share(at))
        })
        .ok()?;
    Some((first, &segments[first..first + share(first)]))
}

fn segment_action(timeline: &Timeline, segment: &SegmentSpec) -> Action {
    Action::RenderSegment(Box::new(RenderSegmentRequest {
        segment: segment.clone(),
        fonts: timeline.fonts_for(segment),
        encoding: VideoEncoding {
            encoder: "libx264".into(),
            preset: "veryfast".into(),
            crf: 20,
            max_rate_kbps: 0,
            gop: 60,
            b_frames: 2,
            threads: ENCODER_THREADS,
            alpha: false,
            draft: false,
        },
    }))
}

fn json(path: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(
        &std::fs::read(path).with_context(|| format!("reading {}", path.display()))?,
    )?)
}

fn frames(count: i64) -> RationalTime {
    RationalTime::new(count, FPS)
}

fn timeline(media: &Path, bench: &mut Workbench) -> anyhow::Result<Timeline> {
    let plan = json(&media.join("timeline.json"))?;
    let total = plan["frames"].as_i64().context("timeline.json: frames")?;
    let inter = FontRequest {
        family: "Inter".into(),
        weight: 700,
    };
    let fonts = resolve_font(bench, &inter)?;
    let samples = RationalTime::new(total * 1600, AUDIO_RATE);
    let words = words(media)?;
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
        picture: picture(media, bench, &plan, total)?,
        overlays: vec![logo(media, bench, total)?],
        captions: Some(CaptionTrack {
            style: caption_style(inter),
            cues: cues(&words),
        }),
        audio: AudioPlan {
            duration: samples,
            voice: vec![AudioClip {
                source: bench.add(&media.join("voice.wav"))?,
                start: RationalTime::new(0, AUDIO_RATE),
                gain_mb: 0,
            }],
            speech: words
                .iter()
                .map(|(_, start, end)| TimeRange::from_units(start * 48, end * 48, AUDIO_RATE))
                .collect(),
            music: Some(MusicClip {
                source: bench.add(&media.join("music.m4a"))?,
                gain_mb: -600,
                fade_in_ms: 0,
                fade_out_ms: 0,
                once: false,
            }),
            sounds: Vec::new(),
            ducking: Ducking::default(),
            loudness: LoudnessTarget::default(),
        },
        fonts,
        profiles: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        origins: Vec::new(),
    })
}

fn resolve_font(bench: &mut Workbench, request: &FontRequest) -> anyhow::Result<Vec<FontFace>> {
    let made = bench.run(Action::ResolveFonts(ResolveFontsRequest {
        fonts: vec![request.clone()],
    }))?;
    for path in made.outputs.values() {
        bench.add(path)?;
    }
    match made.facts {
        ActionFacts::Fonts(faces) => Ok(faces),
        other => bail!("no fonts but {other:?}"),
    }
}

fn picture(media: &Path, bench: &mut Workbench, plan: &Value, total: i64) -> anyhow::Result<Track> {
    let scenes = plan["scenes"].as_array().context("timeline.json: scenes")?;
    let fade = plan["xfade"].as_i64().context("timeline.json: xfade")?;
    let names: Vec<&str> = scenes
        .iter()
        .filter_map(|scene| scene["src"].as_str())
        .collect();
    let mut children = Vec::new();
    for (index, media) in measured(media, bench, &names)?.into_iter().enumerate() {
        let start = scenes[index]["start"].as_i64().context("scene start")?;
        let end = scenes
            .get(index + 1)
            .and_then(|next| next["start"].as_i64())
            .unwrap_or(total);
        let still = media.facts.kind == MediaKind::Image;
        if index > 0 {
            children.push(TrackItem::Transition(Transition {
                kind: TransitionKind::Fade,
                in_offset: frames(0),
                out_offset: frames(fade),
            }));
        }
        children.push(TrackItem::Clip(Clip {
            name: names[index].into(),
            media: MediaReference::External(media),
            source_range: TimeRange::from_units(0, end - start, FPS),
            fill: Fill::Crop,
            motion: still.then_some(Motion {
                zoom_from_pm: 1000,
                zoom_to_pm: 1150,
                pan_x_pm: 0,
                pan_y_pm: 0,
                over_frames: 163,
                ease: Ease::Linear,
            }),
            effects: Effects::default(),
        }));
    }
    Ok(Track { children })
}

/// What the files are, measured by as many processes as there are cores, as the daemon does it.
fn measured(
    media: &Path,
    bench: &mut Workbench,
    names: &[&str],
) -> anyhow::Result<Vec<ExternalReference>> {
    let sources = names
        .iter()
        .map(|name| bench.add(&media.join(name)))
        .collect::<anyhow::Result<Vec<Digest>>>()?;
    let (bench, next) = (&*bench, AtomicUsize::new(0));
    let measure = |at: usize| -> anyhow::Result<(usize, ExternalReference)> {
        let (source, name) = (sources[at], names[at].to_owned());
        match bench
            .run(Action::Probe(ProbeRequest { source, name }))?
            .facts
        {
            ActionFacts::Media(facts) => Ok((at, ExternalReference { source, facts })),
            other => bail!("{}: no facts but {other:?}", names[at]),
        }
    };
    let cores = std::thread::available_parallelism()?.get();
    let mut measured = std::thread::scope(|scope| -> anyhow::Result<_> {
        let one = || {
            let turns = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            let mine = turns.take_while(|at| *at < names.len());
            mine.map(measure).collect::<anyhow::Result<Vec<_>>>()
        };
        let all: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        let mut measured = Vec::new();
        for made in all {
            let made = made.join();
            measured.extend(made.map_err(|_| anyhow::anyhow!("a measuring thread died"))??);
        }
        Ok(measured)
    })?;
    measured.sort_by_key(|(at, _)| *at);
    Ok(measured.into_iter().map(|(_, media)| media).collect())
}

fn logo(media: &Path, bench: &mut Workbench, total: i64) -> anyhow::Result<Overlay> {
    Ok(Overlay {
        id: "logo".into(),
        range: TimeRange::from_units(0, total, FPS),
        content: OverlayContent::Image(bench.add(&media.join("logo.png"))?),
        rect: Rect {
            x: 820,
            y: 60,
            w: 220,
            h: 220,
        },
        anchor: Anchor::TopRight,
        opacity_pm: 800,
        enter: None,
        exit: None,
        keyframes: Vec::new(),
    })
}

fn caption_style(font: FontRequest) -> CaptionStyle {
    CaptionStyle {
        preset: CaptionPreset::Karaoke,
        font,
        size: 88,
        color: Color::WHITE,
        uppercase: false,
        outline: Some(Outline {
            width: 6,
            color: Color::BLACK,
        }),
        shadow: Some(Shadow {
            y: 3,
            blur: 3,
            color: Color::BLACK.with_alpha(128),
        }),
        plate: None,
        highlight: Highlight::new(HighlightMode::Color, Color::rgb(255, 215, 0), 1080),
        emphasis: None,
        max_lines: 2,
        max_width: 900,
        anchor: Anchor::Bottom,
        x: 540,
        y: 1440,
    }
}

/// Words with start and end in milliseconds.
fn words(media: &Path) -> anyhow::Result<Vec<(String, i64, i64)>> {
    let list = json(&media.join("words.json"))?;
    let millis = |value: &Value| (value.as_f64().unwrap_or(0.0) * 1000.0).round() as i64;
    let words = list.as_array().context("words.json is a list")?;
    Ok(words
        .iter()
        .map(|word| {
            (
                word["w"].as_str().unwrap_or_default().to_owned(),
                millis(&word["s"]),
                millis(&word["e"]),
            )
        })
        .collect())
}

/// Groups of up to four words, ended by punctuation, as the subtitle file of the workload has them.
fn cues(words: &[(String, i64, i64)]) -> Vec<Cue> {
    let frame = |ms: i64| RationalTime::millis(ms).rescaled_to(FPS).value;
    let mut groups: Vec<Vec<&(String, i64, i64)>> = vec![Vec::new()];
    for word in words {
        let group = groups
            .last_mut()
            .expect("there is always a last group, because the list starts with one");
        group.push(word);
        if group.len() == 4 || word.0.ends_with(['.', '?', '!', ',']) {
            groups.push(Vec::new());
        }
    }
    groups
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| Cue {
            range: TimeRange::from_units(frame(group[0].1), frame(group[group.len() - 1].2), FPS),
            words: group
                .iter()
                .map(|(text, start, end)| CueWord {
                    text: text.clone(),
                    range: TimeRange::from_units(frame(*start), frame(*end), FPS),
                    emphasis: false,
                })
                .collect(),
        })
        .collect()
}

/// One filter graph, written by hand with care: crop before scale, stills on a 2x canvas, logo decoded once.
fn ffmpeg(media: &Path, out: &Path) -> anyhow::Result<f64> {
    let plan = json(&media.join("timeline.json"))?;
    let scenes = plan["scenes"].as_array().context("timeline.json: scenes")?;
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-y", "-loglevel", "error"])
        .current_dir(media);
    let mut graph = String::new();
    for (index, scene) in scenes.iter().enumerate() {
        let (name, length) = (
            scene["src"].as_str().unwrap_or_default(),
            scene["frames"].as_i64().unwrap_or(0),
        );
        if name.ends_with(".mp4") {
            command.args(["-t", &format!("{:.4}", (length as f64 + 0.5) / 30.0)]);
            graph += &format!(
                "[{index}:v]fps=30,crop='2*floor(ih*9/32)':ih,scale=1080:1920:flags=bicubic,setsar=1,format=yuv420p,settb=1/30,setpts=N,trim=end_frame={length}[v{index}];"
            );
        } else {
            graph += &format!(
                "[{index}:v]scale=2160:3840:force_original_aspect_ratio=increase,crop=2160:3840,zoompan=z='1+0.15*on/{length}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d={length}:s=1080x1920:fps=30,setsar=1,format=yuv420p,settb=1/30,setpts=N[v{index}];"
            );
        }
        command.args(["-i", name]);
    }
    let mut current = "v0".to_owned();
    for (index, scene) in scenes.iter().enumerate().skip(1) {
        let offset = scene["start"].as_f64().unwrap_or(0.0) / 30.0;
        graph += &format!(
            "[{current}][v{index}]xfade=transition=fade:duration=0.5:offset={offset:.6}[x{index}];"
        );
        current = format!("x{index}");
    }
    let count = scenes.len();
    graph += &format!(
        "[{current}]ass=subs.ass[s];[{count}:v]format=rgba,colorchannelmixer=aa=0.8,format=yuva420p[lg];[s][lg]overlay=W-w-40:60:format=yuv420,format=yuv420p[vout];"
    );
    let (voice, music) = (count + 1, count + 2);
    graph += &format!(
        "[{voice}:a]aformat=sample_rates=48000:channel_layouts=stereo,asplit[vo][sc];[{music}:a]aformat=sample_rates=48000:channel_layouts=stereo,volume=0.5[mu];[mu][sc]sidechaincompress=threshold=0.03:ratio=8:attack=20:release=300[du];[vo][du]amix=inputs=2:duration=first:normalize=0,loudnorm=I=-14:TP=-1.5:LRA=11,aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo[aout]"
    );
    command.args([
        "-i",
        "logo.png",
        "-i",
        "voice.wav",
        "-stream_loop",
        "-1",
        "-i",
        "music.m4a",
        "-filter_complex",
        &graph,
    ]);
    command.args([
        "-map", "[vout]", "-map", "[aout]", "-t", "30", "-c:v", "libx264", "-preset", "veryfast",
        "-crf", "20",
    ]);
    command
        .args([
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            "-b:a",
            "192k",
            "-movflags",
            "+faststart",
        ])
        .arg(out);
    let mut child = command.spawn().context("starting ffmpeg")?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0u64;
    while child.try_wait()?.is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .unwrap_or(0),
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    if !child.wait()?.success() {
        bail!("ffmpeg failed");
    }
    Ok(peak as f64 / 1024.0)
}
