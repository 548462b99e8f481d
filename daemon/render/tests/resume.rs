//! A film that one segment has shown is shown on by the next: the frames are those of a fresh search, or it is searched.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_render::decode::Care;
use fenta_render::job::{perform, perform_run};
use fenta_render::playback::{Moments, Playback};
use fenta_render::probe::probe;
use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, TimeRange};
use fenta_templates::timeline::{
    Canvas, Clip, Effects, ExternalReference, Fill, MediaReference, SegmentShot, SegmentSpec,
    SegmentTransition, TransitionKind,
};
use fenta_workflows::action::{Action, RenderSegmentRequest, VideoEncoding};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::WorkerJob;

/// Two seconds of output, as a segment has at the most.
const SPAN: u32 = 60;

/// Two pictures that change everywhere, with noise, three seconds and a bit at 30 frames a second.
fn film(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg("testsrc2=s=160x96:r=30:d=5.3,noise=alls=20:allf=t:all_seed=5")
        .args(["-threads", "1", "-pix_fmt", "yuv420p"])
        .args(arguments)
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    path
}

fn moments(start_micros: i64) -> Moments {
    Moments {
        start_micros,
        frame_micros: 1e6 / 30.0,
    }
}

/// The times and the first plane's bytes of what is shown.
fn shown(film: &mut Playback, frames: u32) -> Vec<(i64, String)> {
    (0..frames)
        .map(|index| {
            film.advance(index).unwrap();
            let timed = film.shown().unwrap();
            let format = timed.frame.format();
            let row = format.width as usize * format.depth.div_ceil(8) as usize;
            let (rows, stride) = timed.frame.plane(0, format.height as usize, row).unwrap();
            let luma: Vec<u8> = rows
                .chunks(stride)
                .flat_map(|chunk| &chunk[..row])
                .copied()
                .collect();
            (timed.micros, blob_digest(&luma).to_string())
        })
        .collect()
}

/// Shows two seconds and then goes on at `start`: whether that was allowed. Frames must be those of a search.
fn goes_on(path: &Path, start: i64) -> bool {
    let mut before =
        Playback::open(path, Care::Whole, moments((start - 2_000_000).max(0))).unwrap();
    let frames = (start.min(2_000_000) * 30 / 1_000_000) as u32;
    shown(&mut before, frames.max(1));
    let position = before.into_position();
    if !position.leads_to(moments(start)) {
        return false;
    }
    let mut resumed = Playback::resume(path, Care::Whole, moments(start), position);
    let mut sought = Playback::open(path, Care::Whole, moments(start)).unwrap();
    let name = path.display();
    let (resumed, sought) = (shown(&mut resumed, SPAN), shown(&mut sought, SPAN));
    let other = resumed.iter().zip(&sought).position(|(a, b)| a != b);
    if let Some(at) = other {
        panic!(
            "{name} at {start}, frame {at}: {:?} or {:?}",
            resumed[at], sought[at]
        );
    }
    true
}

#[test]
fn shows_on_what_a_search_would_show() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: [(&str, &[&str]); 6] = [
        ("b.mp4", &["-c:v", "libx264", "-bf", "3", "-g", "48"]),
        (
            "pyramid.mov",
            &["-c:v", "libx264", "-preset", "slow", "-g", "250"],
        ),
        (
            "vfr.mp4",
            &[
                "-vf",
                "select='gt(mod(n*n,7),1)'",
                "-vsync",
                "vfr",
                "-c:v",
                "libx264",
                "-g",
                "30",
            ],
        ),
        (
            "slow.mp4",
            &["-vf", "fps=12", "-c:v", "libx264", "-g", "24"],
        ),
        (
            "hevc.mp4",
            &[
                "-c:v",
                "libx265",
                "-x265-params",
                "log-level=0:keyint=25:open-gop=0",
            ],
        ),
        ("intra.mov", &["-c:v", "prores_ks"]),
    ];
    for (name, arguments) in kinds {
        let path = film(folder.path(), name, arguments);
        for start in [900_000, 1_966_667, 2_000_000, 3_300_000, 5_250_000] {
            assert!(goes_on(&path, start), "{name} at {start} is searched");
        }
    }
}

#[test]
fn searches_where_showing_on_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let whole = film(folder.path(), "whole.mp4", &["-c:v", "libx264", "-g", "60"]);
    let cut = folder.path().join("cut.mp4");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-ss", "0.7", "-i"])
        .arg(&whole)
        .args(["-c", "copy"])
        .arg(&cut)
        .status()
        .unwrap();
    assert!(status.success());
    let mut damaged = fs::read(&whole).unwrap();
    for at in [damaged.len() / 3, damaged.len() * 4 / 5] {
        damaged[at..at + 4000].fill(0x55);
    }
    let broken = folder.path().join("broken.mp4");
    fs::write(&broken, damaged).unwrap();
    let kinds: [(&str, &[&str]); 7] = [
        (
            "default.mp4",
            &["-c:v", "libx265", "-x265-params", "log-level=0:keyint=25"],
        ),
        (
            "fields.mp4",
            &[
                "-vf",
                "interlace",
                "-c:v",
                "libx264",
                "-flags",
                "+ilme+ildct",
            ],
        ),
        (
            "refresh.mp4",
            &[
                "-c:v",
                "libx264",
                "-x264-params",
                "intra-refresh=1:keyint=30",
            ],
        ),
        (
            "open.mp4",
            &[
                "-c:v",
                "libx264",
                "-x264-params",
                "open-gop=1:keyint=20:bframes=3",
            ],
        ),
        ("stream.ts", &["-c:v", "libx264", "-g", "30"]),
        (
            "parts.mp4",
            &[
                "-c:v",
                "libx264",
                "-g",
                "30",
                "-movflags",
                "frag_keyframe+empty_moov",
            ],
        ),
        ("old.avi", &["-c:v", "mpeg4", "-bf", "2", "-g", "30"]),
    ];
    let mut paths = vec![cut, broken];
    paths.extend(kinds.map(|(name, arguments)| film(folder.path(), name, arguments)));
    for path in paths {
        let name = path.display();
        for start in [2_500_000, 5_250_000] {
            assert!(!goes_on(&path, start), "{name} is shown on at {start}");
        }
    }
    assert!(
        !Playback::open(&whole, Care::Whole, moments(0))
            .unwrap()
            .into_position()
            .leads_to(moments(0))
    );
    let far = |from, to| {
        let mut film = Playback::open(&whole, Care::Whole, moments(from)).unwrap();
        shown(&mut film, 1);
        film.into_position().leads_to(moments(to))
    };
    assert!(far(2_000_000, 2_900_000), "a little ahead");
    assert!(!far(2_000_000, 3_100_000), "searching is cheaper");
    assert!(!far(2_000_000, 1_900_000), "behind");
}

/// Whatever people have: where it is allowed to show on, the frames are the same.
#[test]
fn shows_the_same_of_every_film_of_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/media");
    if !corpus.is_dir() {
        println!("skipped: no corpus beside the checkout");
        return;
    }
    let mut folders = vec![corpus];
    let (mut films, mut shown_on) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_mp4 = path.extension().is_some_and(|end| {
                ["mp4", "mov", "m4v"].contains(&&*end.to_string_lossy().to_lowercase())
            });
            let small = fs::metadata(&path).unwrap().len() < 3 << 20;
            let known = (is_mp4 && small).then(|| probe(&path).ok()).flatten();
            let Some(facts) = known.filter(|facts| facts.width > 0 && facts.width <= 700) else {
                continue;
            };
            let Some(length) = facts.duration.map(|length| length.to_millis() * 1000) else {
                continue;
            };
            films += 1;
            for start in [length / 3, length / 2, length * 4 / 5] {
                shown_on += u32::from(goes_on(&path, start));
            }
        }
    }
    println!(
        "{films} films, shown on at {shown_on} of {} places",
        3 * films
    );
    assert!(shown_on > films / 2, "{shown_on} of {films}");
}

const CANVAS: Canvas = Canvas {
    width: 144,
    height: 256,
    frame_rate: FrameRate::whole(30),
    background: Color::BLACK,
};

fn clip(media: &MediaReference, start: i64, frames: i64) -> Clip {
    Clip {
        name: String::new(),
        media: media.clone(),
        source_range: TimeRange::from_units(start, start + frames, CANVAS.frame_rate),
        fill: Fill::Crop,
        motion: None,
        effects: Effects::default(),
    }
}

#[test]
fn a_run_over_one_film_gives_the_bytes_of_segments_alone() {
    fenta_render::ffi_memory::always_zeroed();
    let folder = tempfile::tempdir().unwrap();
    let mut blobs = BTreeMap::new();
    let mut media = |path: PathBuf| {
        let source = blob_digest(&fs::read(&path).unwrap());
        blobs.insert(source, path.to_str().unwrap().to_owned());
        let facts = probe(&path).unwrap();
        MediaReference::External(ExternalReference { source, facts })
    };
    let one = media(film(
        folder.path(),
        "one.mp4",
        &["-c:v", "libx264", "-g", "50"],
    ));
    let two = media(film(
        folder.path(),
        "two.mp4",
        &["-c:v", "libx264", "-g", "40", "-vf", "hflip"],
    ));
    let still = media(film(folder.path(), "still.png", &["-frames:v", "1"]));
    let shot = |clip: Clip, elapsed: u32, from: Option<(Clip, u32)>| SegmentSpec {
        canvas: CANVAS,
        frames: clip.source_range.duration.value as u32,
        shot: Some(SegmentShot {
            clip,
            elapsed,
            transition: from.map(|(from, from_elapsed)| SegmentTransition {
                kind: TransitionKind::Fade,
                frames: 12,
                offset: 0,
                from,
                from_elapsed,
            }),
        }),
        overlays: Vec::new(),
        captions: None,
    };
    let segments = [
        shot(clip(&one, 3, 50), 0, None),
        shot(clip(&one, 53, 31), 50, None),
        shot(clip(&two, 40, 30), 0, Some((clip(&one, 84, 12), 81))),
        shot(clip(&two, 70, 20), 30, None),
        shot(clip(&still, 0, 20), 0, Some((clip(&two, 90, 12), 50))),
        shot(clip(&still, 20, 15), 20, None),
    ];
    let action = |segment: &SegmentSpec| {
        Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment: segment.clone(),
            fonts: Vec::new(),
            encoding: VideoEncoding {
                encoder: "libx264".to_owned(),
                preset: "veryfast".to_owned(),
                crf: 18,
                max_rate_kbps: 0,
                gop: 60,
                b_frames: 2,
                threads: 1,
                alpha: false,
                draft: false,
            },
        }))
    };
    let job = |name: &str, segments: &[SegmentSpec]| {
        let out = folder.path().join(name);
        for index in 0..segments.len() {
            fs::create_dir_all(out.join(index.to_string())).unwrap();
        }
        let mut actions = segments.iter().map(action);
        WorkerJob {
            action: actions.next().unwrap(),
            then: actions.collect(),
            blobs: blobs.clone(),
            output_dir: out.to_str().unwrap().to_owned(),
            parent: None,
        }
    };
    perform_run(&job("run", &segments), &mut |_| ()).unwrap();
    for (index, segment) in segments.iter().enumerate() {
        let name = format!("alone{index}");
        let alone = job(&name, std::slice::from_ref(segment));
        perform(&alone, &mut |_, _| ()).unwrap();
        let read = |folder: &Path| fs::read(folder.join("segment.bin")).unwrap();
        assert!(
            read(&folder.path().join("run").join(index.to_string()))
                == read(&folder.path().join(name)),
            "segment {index}"
        );
    }
}
