//! Sound stays with its picture: films that flash and beep at known times go through a cut that keeps the clips' own
//! sound, and in the finished file every beep is where its flash is, to less than a frame.
//!
//! Both are measured in source and film by FFmpeg's own programs, so that what the file says and what we read out of it
//! cannot be wrong together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_render::probe::probe;
use fenta_templates::template::{Bindings, ClipBinding, instantiate, parse};
use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{
    AUDIO_RATE, ExternalReference, MediaReference, Timeline, Track, TrackItem,
};
use fenta_workflows::action::{
    Action, AudioEncoding, Container, MixRequest, MuxRequest, RenderSegmentRequest, VideoEncoding,
};

use crate::bench::Bench;

/// A frame of the film, seconds.
const FRAME: f64 = 1.0 / 30.0;
const FLASH: &str = "drawbox=color=white:t=fill:enable='gte(t,0.5)*lt(mod(t-0.5,1),0.12)'";
const BEEP: &str = "aevalsrc=exprs='gte(t,0.5)*lt(mod(t-0.5,1),0.12)*0.5*sin(2*PI*1000*t)'";

fn ffmpeg(arguments: &[&str]) -> std::process::Output {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-nostats", "-y"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// How a source is made: everything but flashes and beeps.
struct Made {
    /// File name; its ending is the container.
    name: &'static str,
    fps: &'static str,
    sound_rate: u32,
    seconds: u32,
    /// A filter behind the flashes.
    picture: &'static str,
    /// A filter behind the beeps.
    sound: &'static str,
    codecs: &'static str,
    /// How the file is copied once more; nothing when it is not.
    copied: &'static [&'static str],
}

const USUAL: Made = Made {
    name: "usual.mp4",
    fps: "30",
    sound_rate: 48_000,
    seconds: 5,
    picture: "null",
    sound: "anull",
    codecs: "-c:v libx264 -g 48 -bf 3 -pix_fmt yuv420p -c:a aac",
    copied: &[],
};

impl Made {
    /// Writes the file.
    fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.name);
        let first = folder.join(format!("first-{}", self.name));
        let at = if self.copied.is_empty() {
            &path
        } else {
            &first
        };
        let seconds = self.seconds.to_string();
        let picture = format!(
            "color=black:s=64x64:r={},{FLASH},{}",
            self.fps, self.picture
        );
        let sound = format!("{BEEP}:s={},{}", self.sound_rate, self.sound);
        let mut arguments = vec!["-f", "lavfi", "-t", &seconds, "-i", &picture];
        arguments.extend(["-f", "lavfi", "-t", &seconds, "-i", &sound]);
        arguments.extend(["-map", "0", "-map", "1", "-vsync", "passthrough"]);
        arguments.extend(self.codecs.split(' '));
        arguments.push(at.to_str().unwrap());
        ffmpeg(&arguments);
        if !self.copied.is_empty() {
            let arguments: Vec<&str> = self
                .copied
                .iter()
                .map(|argument| match *argument {
                    "FIRST" => first.to_str().unwrap(),
                    other => other,
                })
                .chain([path.to_str().unwrap()])
                .collect();
            ffmpeg(&arguments);
        }
        path
    }
}

fn sources() -> Vec<Made> {
    let usual = |name| Made { name, ..USUAL };
    vec![
        usual("usual.mp4"),
        Made {
            fps: "30000/1001",
            sound_rate: 44_100,
            ..usual("ntsc.mp4")
        },
        Made {
            fps: "24000/1001",
            codecs: "-c:v libx264 -g 48 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le",
            ..usual("film.mov")
        },
        Made {
            fps: "50",
            sound_rate: 44_100,
            ..usual("fifty.mp4")
        },
        Made {
            fps: "25",
            codecs: "-c:v libvpx-vp9 -b:v 200k -deadline realtime -cpu-used 8 -c:a libopus",
            ..usual("web.webm")
        },
        Made {
            fps: "60",
            codecs: "-c:v libx264 -bf 2 -pix_fmt yuv420p -c:a libmp3lame -ac 1",
            sound_rate: 44_100,
            ..usual("record.mkv")
        },
        Made {
            fps: "60",
            picture: "select='not(mod(n,2))*not(lt(mod(n,47),9))+not(mod(n,5))'",
            ..usual("varying.mp4")
        },
        Made {
            copied: &["-ss", "0.23", "-i", "FIRST", "-c", "copy"],
            ..usual("edit list.mp4")
        },
        Made {
            copied: &["-i", "FIRST", "-c", "copy", "-output_ts_offset", "12.345"],
            ..usual("broadcast.ts")
        },
        Made {
            copied: &[
                "-i",
                "FIRST",
                "-itsoffset",
                "0.8",
                "-i",
                "FIRST",
                "-map",
                "0:v",
                "-map",
                "1:a",
                "-c",
                "copy",
            ],
            ..usual("late sound.mp4")
        },
        Made {
            copied: &[
                "-itsoffset",
                "0.43",
                "-i",
                "FIRST",
                "-i",
                "FIRST",
                "-map",
                "0:v",
                "-map",
                "1:a",
                "-c",
                "copy",
            ],
            ..usual("late picture.mkv")
        },
        Made {
            sound: "asetpts='PTS+if(gte(T,1.7),0.31/TB,0)'",
            codecs: "-c:v libx264 -pix_fmt yuv420p -c:a pcm_s16le",
            ..usual("hole in the sound.mkv")
        },
    ]
}

/// Rising edges of a measure that goes from dark to light, silent to loud: seconds.
fn edges(values: impl Iterator<Item = (f64, f64)>, quiet_s: f64) -> Vec<f64> {
    let values: Vec<(f64, f64)> = values.collect();
    let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let mut found = Vec::new();
    let mut last_loud = f64::NEG_INFINITY;
    for (at, value) in values {
        if value > most * 0.4 {
            if at - last_loud > quiet_s {
                found.push(at);
            }
            last_loud = at;
        }
    }
    found
}

/// When pictures turn white and when tones begin, in the file's time from its start.
struct Seen {
    flashes: Vec<f64>,
    beeps: Vec<f64>,
}

fn watch(path: &Path, film: bool) -> Seen {
    let heard = path.with_extension("f32le");
    let sound = heard.to_str().unwrap();
    // A file of ours has no edit list: the decoder's first sample is its first. In others the clock counts. Both are read
    // in one go: read alone, each stream of a broadcast would begin at nought.
    let (flags, filter) = if film {
        ("+skip_manual", "aresample=48000")
    } else {
        (
            "-skip_manual",
            "aresample=48000:async=1:min_hard_comp=0.01:first_pts=0",
        )
    };
    let output = ffmpeg(&[
        "-flags2",
        flags,
        "-i",
        path.to_str().unwrap(),
        "-map",
        "0:v",
        "-vf",
        "scale=8:8,format=gray,showinfo",
        "-vsync",
        "passthrough",
        "-f",
        "null",
        "-",
        "-map",
        "0:a",
        "-ac",
        "1",
        "-af",
        filter,
        "-f",
        "f32le",
        sound,
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let number = |line: &str, key: &str| -> Option<f64> {
        let rest = line.split(key).nth(1)?.trim_start();
        let end = rest.find([' ', ']']).unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    let flashes = edges(
        said.lines()
            .filter_map(|line| Some((number(line, "pts_time:")?, number(line, "mean:[")?))),
        0.3,
    );
    let samples = std::fs::read(&heard).unwrap();
    let loud = samples.chunks_exact(4).enumerate().map(|(at, bytes)| {
        let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        (at as f64 / 48_000.0, f64::from(value.abs()))
    });
    Seen {
        flashes,
        beeps: edges(loud, 0.3),
    }
}

/// Every flash with how much later its beep is, where there is one within half a second.
fn lags(seen: &Seen) -> Vec<(f64, Option<f64>)> {
    let lag = |flash: &f64| {
        let nearest = seen.beeps.iter().map(|beep| beep - flash);
        let lag = nearest.min_by(|a, b| a.abs().total_cmp(&b.abs()));
        (*flash, lag.filter(|lag| lag.abs() < 0.49))
    };
    seen.flashes.iter().map(lag).collect()
}

/// A cut of whole clips with their own sound.
fn cut(bench: &mut Bench, files: &[PathBuf]) -> Timeline {
    let template = parse(
        "fenta: template/v1\nname: kept\ncanvas: { width: 64, height: 64, fps: 30 }\nsafe_zone: none\nplaceholders:\n  \
         clips: { type: 'media[]' }\nrules: { shot: { min: 200ms, target: 1m, max: 1m } }\nvideo: { fill: stretch }\n\
         tracks:\n  - { id: v, kind: video, source: '${{ clips }}' }\naudio: { clips: keep }\n",
        &|_| None,
    )
    .unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let clips = files.iter().map(|path| ClipBinding {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        media: MediaReference::External(ExternalReference {
            source: bench.keep(path),
            facts: probe(path).unwrap(),
        }),
    });
    let bindings = Bindings {
        clips: clips.collect(),
        seed: 1,
        ..Bindings::default()
    };
    instantiate(&template, &bindings).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// The finished file of a cut.
fn film(bench: &mut Bench, timeline: &Timeline) -> PathBuf {
    let segments = timeline.segments();
    let mut parts = Vec::new();
    for segment in &segments {
        let part = bench.make(Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment: segment.clone(),
            fonts: Vec::new(),
            encoding: VideoEncoding {
                encoder: "libx264".to_owned(),
                preset: "ultrafast".to_owned(),
                crf: 20,
                max_rate_kbps: 0,
                gop: 60,
                b_frames: 2,
                threads: 1,
                alpha: false,
                draft: false,
            },
        })));
        parts.push(bench.keep(&part));
    }
    let sound = bench.make(Action::Mix(MixRequest {
        plan: timeline.audio.clone(),
        encoding: AudioEncoding {
            encoder: "aac".to_owned(),
            bitrate_kbps: 128,
        },
        part: None,
    }));
    let audio = Some(bench.keep(&sound));
    bench.make(Action::Mux(MuxRequest {
        canvas: timeline.canvas,
        segments: parts,
        segment_frames: segments.iter().map(|segment| segment.frames).collect(),
        audio,
        title: String::new(),
        comment: String::new(),
        container: Container::Mp4,
    }))
}

/// First and last second of every clip in the film.
fn spans(timeline: &Timeline) -> Vec<(f64, f64)> {
    let mut at = 0;
    let clips = timeline
        .picture
        .children
        .iter()
        .filter_map(|child| match child {
            TrackItem::Clip(clip) => Some(clip.source_range.duration.value),
            TrackItem::Gap(_) | TrackItem::Transition(_) => None,
        });
    clips
        .map(|frames| {
            let from = at;
            at += frames;
            (from as f64 * FRAME, at as f64 * FRAME)
        })
        .collect()
}

#[test]
fn every_beep_is_heard_with_its_flash() {
    let mut bench = Bench::new();
    let folder = bench.folder.path().to_owned();
    let made = sources();
    let files: Vec<PathBuf> = made.iter().map(|made| made.write(&folder)).collect();
    let timeline = cut(&mut bench, &files);
    let spans = spans(&timeline);
    assert_eq!(spans.len(), files.len());
    let finished = film(&mut bench, &timeline);
    let shown = watch(&finished, true);
    let in_film = lags(&shown);
    let mut wrong = BTreeMap::new();
    for (path, (from, to)) in files.iter().zip(spans) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // What the source itself does: with late sound the distance is not nought.
        let source = lags(&watch(path, false));
        let here = in_film
            .iter()
            .filter(|(flash, _)| (from..to - 0.1).contains(flash));
        let apart: Vec<f64> = source
            .iter()
            .zip(here)
            .filter_map(|((_, own), (_, film))| Some((*film)? - (*own)?))
            .collect();
        let told = |lags: Vec<f64>| {
            lags.iter()
                .map(|lag| (lag * 1e3).round())
                .collect::<Vec<_>>()
        };
        eprintln!(
            "{name:22} in the file {:?} ms, in the film further by {:?} ms",
            told(source.iter().filter_map(|(_, lag)| *lag).collect()),
            told(apart.clone())
        );
        if apart.len() < 4 || apart.iter().any(|lag| lag.abs() >= FRAME) {
            wrong.insert(name, apart);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is a little off in every second is off by frames at the end.
#[test]
fn nothing_drifts_apart_over_five_minutes() {
    const SECONDS: u32 = 300;
    let long = [
        Made {
            fps: "30000/1001",
            sound_rate: 44_100,
            seconds: SECONDS,
            ..USUAL
        },
        Made {
            name: "slow clock.mkv",
            fps: "24000/1001",
            sound_rate: 44_100,
            seconds: SECONDS,
            // The recorder's clock: a sample lasts longer, or less long, than it says.
            sound: "asetpts='PTS*1.0007'",
            codecs: "-c:v libx264 -pix_fmt yuv420p -c:a pcm_s16le",
            ..USUAL
        },
        Made {
            name: "fast clock.mkv",
            seconds: SECONDS,
            sound: "asetpts='PTS*0.9993'",
            codecs: "-c:v libx264 -pix_fmt yuv420p -c:a pcm_s16le",
            ..USUAL
        },
    ];
    for made in long {
        let mut bench = Bench::new();
        let path = made.write(bench.folder.path());
        let mut timeline = cut(&mut bench, std::slice::from_ref(&path));
        lengthen(&mut timeline, i64::from(SECONDS) * 30);
        let finished = film(&mut bench, &timeline);
        let own = lags(&watch(&path, false));
        let shown = lags(&watch(&finished, true));
        let heard =
            |lags: &[(f64, Option<f64>)]| lags.iter().filter(|(_, lag)| lag.is_some()).count();
        let silent: Vec<f64> = shown
            .iter()
            .filter(|(_, lag)| lag.is_none())
            .map(|(at, _)| *at)
            .collect();
        assert!(
            heard(&own).min(heard(&shown)) + 4 > SECONDS as usize,
            "{} flashes with {} beeps, in the film {} without one at {silent:?}",
            own.len(),
            heard(&own),
            shown.len(),
        );
        let mut worst = 0.0_f64;
        for ((_, source), (at, film)) in own.iter().zip(&shown) {
            let (Some(film), Some(source)) = (film, source) else {
                continue;
            };
            let apart = film - source;
            assert!(
                apart.abs() < FRAME,
                "{}: {:+.1} ms apart at {at:.1} s",
                made.name,
                apart * 1e3
            );
            worst = worst.max(apart.abs());
        }
        eprintln!(
            "{}: at most {:.1} ms apart over {SECONDS} s",
            made.name,
            worst * 1e3
        );
    }
}

/// The one clip of a cut, as long as is said.
fn lengthen(timeline: &mut Timeline, frames: i64) {
    let rate = timeline.canvas.frame_rate;
    let Some(TrackItem::Clip(clip)) = timeline.picture.children.first().cloned() else {
        panic!("{:?}", timeline.picture);
    };
    let mut clip = clip;
    clip.source_range = TimeRange::from_units(0, frames, rate);
    timeline.picture = Track {
        children: vec![TrackItem::Clip(clip)],
    };
    timeline.duration = RationalTime::new(frames, rate);
    let samples = RationalTime::new(frames, rate).rescaled_to(AUDIO_RATE);
    timeline.audio.duration = samples;
    timeline.audio.sounds.truncate(1);
    // The cut took a part from its middle.
    timeline.audio.sounds[0].from = RationalTime::new(0, AUDIO_RATE);
    timeline.audio.sounds[0].length = Some(samples);
}
