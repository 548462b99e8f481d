//! Every kind of file that is offered: made twice from two segments, then read by FFmpeg's own programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_templates::color::Color;
use fenta_templates::digest::Digest;
use fenta_templates::time::{FrameRate, RationalTime, TimeRange};
use fenta_templates::timeline::{
    AUDIO_RATE, Anchor, AudioPlan, Canvas, Clip, Ducking, Fill, Generator, Look, LoudnessTarget,
    MediaReference, Overlay, OverlayContent, Rect, SegmentShot, SegmentSpec, ShapeOverlay,
};
use fenta_workflows::action::{
    Action, AudioEncoding, ComposeMusicRequest, Container, MixRequest, MuxRequest,
    RenderSegmentRequest, VideoEncoding,
};

use crate::bench::Bench;

const CANVAS: Canvas = Canvas {
    width: 144,
    height: 256,
    frame_rate: FrameRate::whole(30),
    background: Color::rgb(20, 30, 40),
};
const FRAMES: u32 = 20;

impl Bench {
    fn segment(&mut self, segment: SegmentSpec, encoding: &VideoEncoding) -> Digest {
        let path = self.make(Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment,
            fonts: Vec::new(),
            encoding: encoding.clone(),
        })));
        self.keep(&path)
    }

    fn sound(&mut self, encoder: &str) -> PathBuf {
        let music = self.make(Action::ComposeMusic(ComposeMusicRequest {
            seed: 3,
            mood: "calm".to_owned(),
            bpm: 90,
            duration_ms: 4000,
        }));
        let source = self.keep(&music);
        let samples = i64::from(2 * FRAMES) * 48_000 / 30;
        self.make(Action::Mix(MixRequest {
            plan: AudioPlan {
                duration: RationalTime::new(samples, AUDIO_RATE),
                music: Some(fenta_templates::timeline::MusicClip {
                    source,
                    gain_mb: 0,
                    fade_in_ms: 0,
                    fade_out_ms: 0,
                    once: false,
                }),
                ..silence()
            },
            encoding: AudioEncoding {
                encoder: encoder.to_owned(),
                bitrate_kbps: 128,
            },
            part: None,
        }))
    }

    /// Two segments and their sound as one file.
    fn file(&mut self, container: Container, encoding: &VideoEncoding, sound: &str) -> PathBuf {
        let segments = [1, 2].map(|seed| self.segment(moving(seed), encoding));
        let audio = (!sound.is_empty()).then(|| {
            let path = self.sound(sound);
            self.keep(&path)
        });
        self.make(Action::Mux(MuxRequest {
            canvas: CANVAS,
            segments: segments.to_vec(),
            segment_frames: vec![FRAMES, FRAMES],
            audio,
            title: String::new(),
            comment: String::new(),
            container,
        }))
    }
}

fn silence() -> AudioPlan {
    serde_json::from_value(serde_json::json!({
        "duration": serde_json::to_value(RationalTime::new(0, AUDIO_RATE)).unwrap(),
        "voice": [], "speech": [], "music": null,
        "ducking": serde_json::to_value(Ducking::default()).unwrap(),
        "loudness": serde_json::to_value(LoudnessTarget::default()).unwrap(),
    }))
    .unwrap()
}

fn encoding(encoder: &str) -> VideoEncoding {
    VideoEncoding {
        encoder: encoder.to_owned(),
        preset: "superfast".to_owned(),
        crf: 20,
        max_rate_kbps: 0,
        gop: 60,
        b_frames: 2,
        threads: 2,
        alpha: false,
        draft: false,
    }
}

fn moving(seed: u64) -> SegmentSpec {
    let clip: Clip = serde_json::from_value(serde_json::json!({
        "name": "",
        "media": serde_json::to_value(MediaReference::Generator(Generator {
            look: Look::Waves,
            seed,
            palette: vec![Color::rgb(10, 20, 80), Color::rgb(240, 120, 90)],
        })).unwrap(),
        "source_range": serde_json::to_value(TimeRange::from_units(0, i64::from(FRAMES), CANVAS.frame_rate)).unwrap(),
        "fill": serde_json::to_value(Fill::Crop).unwrap(),
        "motion": null,
    }))
    .unwrap();
    SegmentSpec {
        canvas: CANVAS,
        frames: FRAMES,
        shot: Some(SegmentShot {
            clip,
            elapsed: 0,
            transition: None,
        }),
        overlays: Vec::new(),
        captions: None,
    }
}

/// A red box at half opacity over nothing.
fn lone_box() -> SegmentSpec {
    let overlay: Overlay = serde_json::from_value(serde_json::json!({
        "id": "box",
        "range": serde_json::to_value(TimeRange::from_units(0, i64::from(FRAMES), CANVAS.frame_rate)).unwrap(),
        "content": serde_json::to_value(OverlayContent::Shape(ShapeOverlay {
            color: Color::rgb(220, 20, 30),
            radius: 0,
            to: None,
        })).unwrap(),
        "rect": serde_json::to_value(Rect { x: 40, y: 60, w: 64, h: 64 }).unwrap(),
        "anchor": serde_json::to_value(Anchor::Center).unwrap(),
        "opacity_pm": 500,
        "enter": null,
        "exit": null,
    }))
    .unwrap();
    SegmentSpec {
        shot: None,
        overlays: vec![overlay],
        ..moving(1)
    }
}

fn probe(path: &Path, wanted: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-show_entries", wanted])
        .args(["-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.trim().is_empty(), "{}: {errors}", path.display());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A frame as RGBA, decoded by a decoder that knows about alpha.
fn rgba(path: &Path, decoder: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(decoder)
        .arg("-i")
        .arg(path)
        .args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgba", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.len(), 144 * 256 * 4);
    output.stdout
}

#[test]
fn every_codec_fills_its_container() {
    let kinds = [
        (Container::Mp4, "libx264", "aac", "h264,40"),
        (Container::Mp4, "libx265", "aac", "hevc,40"),
        (Container::Mp4, "libsvtav1", "aac", "av1,40"),
        (Container::Mov, "prores_ks", "aac", "prores,40"),
        (Container::Mov, "libx264", "aac", "h264,40"),
        (Container::Webm, "libvpx-vp9", "libopus", "vp9,40"),
        (Container::Webm, "libsvtav1", "libopus", "av1,40"),
    ];
    for (container, encoder, sound, wanted) in kinds {
        let mut bench = Bench::new();
        let file = bench.file(container, &encoding(encoder), sound);
        let video = Command::new("ffprobe")
            .args(["-v", "error", "-count_frames", "-select_streams", "v"])
            .args(["-show_entries", "stream=codec_name,nb_read_frames"])
            .args(["-of", "csv=p=0"])
            .arg(&file)
            .output()
            .unwrap();
        let seen = String::from_utf8_lossy(&video.stdout).trim().to_owned();
        assert_eq!(seen, wanted, "{container:?} {encoder}");
        let starts = probe(&file, "stream=start_time");
        let starts: Vec<f64> = starts
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        assert_eq!(starts.len(), 2, "{container:?} {encoder}");
        assert!(
            starts.iter().all(|at| at.abs() < 0.008),
            "{encoder} {starts:?}"
        );
        let duration: f64 = probe(&file, "format=duration").parse().unwrap();
        assert!(
            (duration - 40.0 / 30.0).abs() < 0.05,
            "{encoder} {duration}"
        );
        let mut other = Bench::new();
        let again = other.file(container, &encoding(encoder), sound);
        assert!(
            fs::read(&file).unwrap() == fs::read(&again).unwrap(),
            "{container:?} {encoder} differs between runs"
        );
    }
}

#[test]
fn transparency_reaches_the_file() {
    let kinds: [(Container, &str, &[&str]); 2] = [
        (Container::Webm, "libvpx-vp9", &["-c:v", "libvpx-vp9"]),
        (Container::Mov, "prores_ks", &[]),
    ];
    for (container, encoder, decoder) in kinds {
        let mut bench = Bench::new();
        let encoding = VideoEncoding {
            alpha: true,
            ..encoding(encoder)
        };
        let segment = bench.segment(lone_box(), &encoding);
        let file = bench.make(Action::Mux(MuxRequest {
            canvas: CANVAS,
            segments: vec![segment],
            segment_frames: vec![FRAMES],
            audio: None,
            title: String::new(),
            comment: String::new(),
            container,
        }));
        let pixels = rgba(&file, decoder);
        let at = |x: usize, y: usize| &pixels[(y * 144 + x) * 4..][..4];
        assert!(at(5, 5)[3] <= 3, "{encoder} outside: {:?}", at(5, 5));
        let inside = at(72, 92);
        assert!(inside[3].abs_diff(128) <= 5, "{encoder} inside: {inside:?}");
        let near = [220, 20, 30]
            .iter()
            .zip(inside)
            .all(|(a, b)| b.abs_diff(*a) <= 12);
        assert!(near, "{encoder} straight colour: {inside:?}");
    }
}

#[test]
fn pictures_and_animations() {
    let mut bench = Bench::new();
    let zip = bench.file(Container::PngZip, &encoding("png"), "");
    let listed = Command::new("python3")
        .args(["-m", "zipfile", "-l"])
        .arg(&zip)
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("frame-00001.png") && listed.contains("frame-00040.png"));
    assert_eq!(listed.matches(".png").count(), 40);
    let gif = bench.file(Container::Gif, &encoding("libx264"), "");
    assert_eq!(
        probe(&gif, "stream=codec_name,width,height,nb_read_frames"),
        "gif,144,256,20"
    );
    let duration: f64 = probe(&gif, "format=duration").parse().unwrap();
    assert!((duration - 40.0 / 30.0).abs() < 0.02, "{duration}");
    // The animation looks like the video it was made from.
    let video = bench.file(Container::Mp4, &encoding("libx264"), "");
    let (a, b) = (rgba(&gif, &[]), rgba(&video, &[]));
    let apart: u64 = a
        .iter()
        .zip(&b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let mean = apart as f64 / a.len() as f64;
    assert!(mean < 6.0, "mean distance {mean}");
}

#[test]
fn sound_alone() {
    for (encoder, name, codec) in [
        ("pcm_s16le", "audio.wav", "pcm_s16le,48000,2"),
        ("libmp3lame", "audio.mp3", "mp3,48000,2"),
    ] {
        let mut bench = Bench::new();
        let path = bench.sound(encoder);
        assert!(path.ends_with(name), "{}", path.display());
        assert_eq!(
            probe(&path, "stream=codec_name,sample_rate,channels"),
            codec
        );
    }
    let mut bench = Bench::new();
    let aac = bench.sound("aac");
    let audio = bench.keep(&aac);
    let file = bench.make(Action::Mux(MuxRequest {
        canvas: CANVAS,
        segments: Vec::new(),
        segment_frames: Vec::new(),
        audio: Some(audio),
        title: String::new(),
        comment: String::new(),
        container: Container::M4a,
    }));
    assert_eq!(probe(&file, "stream=codec_name,channels"), "aac,2");
}
