//! The main job: the keyless short, from the library file to a measured video, then again, then after an edit.
//!
//! One story in one test on purpose: each chapter needs the one before, and a full-size render takes a minute.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};

use fenta_tests::env::FentaEnv;
use fenta_tests::house::workspace_root;
use fenta_tests::{loudness, media, mp4};

fn library(name: &str) -> String {
    workspace_root()
        .join("workflows/library")
        .join(name)
        .to_string_lossy()
        .into_owned()
}

fn video_of(paths: &[PathBuf]) -> PathBuf {
    paths
        .iter()
        .find(|path| path.extension().is_some_and(|end| end == "mp4"))
        .expect("a video among the results")
        .clone()
}

/// Chapter 1: the file is what platforms ask for.
fn check_file(video: &Path) {
    let picture = media::stream(video, "video").unwrap();
    let frames: usize = picture["nb_read_frames"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (picture["width"].as_u64(), picture["height"].as_u64()),
        (Some(1080), Some(1920))
    );
    assert_eq!(picture["codec_name"], "h264");
    assert_eq!(picture["profile"], "High");
    assert_eq!(picture["pix_fmt"], "yuv420p");
    assert_eq!(picture["r_frame_rate"], "30/1");
    for key in ["color_space", "color_transfer", "color_primaries"] {
        assert_eq!(picture[key], "bt709", "{key}");
    }
    assert_eq!(picture["color_range"], "tv");
    assert!(
        (600..=1800).contains(&frames),
        "{frames} frames are not 20-60 s"
    );

    let mut times = media::packet_times(video, "v:0").unwrap();
    times.sort_by(f64::total_cmp);
    assert_eq!(times.len(), frames, "every packet is one frame");
    for (index, time) in times.iter().enumerate() {
        assert!(
            (time - index as f64 / 30.0).abs() < 0.001,
            "frame {index} is shown at {time}"
        );
    }
    let sound = media::stream(video, "audio").unwrap();
    assert_eq!(
        (sound["codec_name"].as_str(), sound["sample_rate"].as_str()),
        (Some("aac"), Some("48000"))
    );
    let first_sound = media::packet_times(video, "a:0").unwrap()[0];
    assert!(first_sound.abs() < 0.001, "sound starts at {first_sound}");
    let heard = media::samples(video).unwrap().len() as f64 / 48_000.0;
    assert!(
        (heard - frames as f64 / 30.0).abs() < 0.05,
        "{heard} s of sound for {frames} frames"
    );

    let boxes = mp4::boxes(video).unwrap();
    assert!(
        boxes.iter().all(|b| !b.path.ends_with("elst")),
        "no edit list"
    );
    let place = |name: &str| boxes.iter().find(|b| b.path == name).unwrap().offset;
    assert!(place("moov") < place("mdat"), "fast start");

    let loudness = loudness::measure(video).unwrap();
    assert!((loudness.integrated + 14.0).abs() <= 0.5, "{loudness:?}");
    assert!(loudness.true_peak <= -1.0, "{loudness:?}");
}

/// Every key frame starts a closed group: decoding from it alone gives the same number of frames as packets follow.
fn check_closed_groups(video: &Path) {
    let value = media::probe(
        video,
        &[
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=pts,dts,flags",
        ],
    )
    .unwrap();
    let packets = value["packets"].as_array().unwrap();
    let mut key_time = i64::MIN;
    for packet in packets {
        let time = packet["pts"].as_i64().unwrap();
        if packet["flags"].as_str().unwrap().starts_with('K') {
            key_time = time;
        }
        assert!(
            time >= key_time,
            "a frame after a key frame is shown before it: the group is open"
        );
    }
    let keys = packets
        .iter()
        .filter(|packet| packet["flags"].as_str().unwrap().starts_with('K'))
        .count();
    assert!(
        keys * 60 >= packets.len(),
        "{keys} key frames for {} frames",
        packets.len()
    );
}

/// Something moves in every second, and nothing is black.
fn check_picture_lives(video: &Path) {
    let (width, height) = (54, 96);
    let frames = media::luma_frames(video, width, height).unwrap();
    let size = (width * height) as usize;
    let frames: Vec<&[u8]> = frames.chunks_exact(size).collect();
    for (second, pair) in frames.chunks(30).enumerate() {
        let (first, last) = (pair[0], pair[pair.len() - 1]);
        let mean = first.iter().map(|luma| u64::from(*luma)).sum::<u64>() / size as u64;
        assert!(mean > 18, "second {second} is black (mean luma {mean})");
        let moved: u64 = first
            .iter()
            .zip(last)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(
            pair.len() < 30 || moved > size as u64 / 8,
            "second {second} is frozen"
        );
    }
}

fn check_sidecars(video: &Path) {
    let srt = std::fs::read_to_string(video.with_extension("srt")).unwrap();
    assert!(srt.starts_with("1\n00:00:0"), "{srt}");
    assert!(srt.matches(" --> ").count() >= 6, "{srt}");
    let cover = video.with_extension("jpg");
    let picture = media::stream(&cover, "video").unwrap();
    assert_eq!(
        (picture["width"].as_u64(), picture["height"].as_u64()),
        (Some(1080), Some(1920))
    );
}

/// Numbers of the last job's nodes: (node, ran, cached).
fn node_counts(env: &FentaEnv) -> Vec<(String, u64, u64)> {
    let said = env
        .fenta(&["job", "show", "latest", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let job: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let nodes = job["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| {
            (
                node["node"].as_str().unwrap().to_owned(),
                node["ran"].as_u64().unwrap(),
                node["cached"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn counts_of(counts: &[(String, u64, u64)], node: &str) -> (u64, u64) {
    counts
        .iter()
        .find(|(name, ..)| name == node)
        .map(|(_, ran, cached)| (*ran, *cached))
        .unwrap()
}

const TEXT: &str = "Honey never goes bad. Jars from old tombs were still safe to eat after three thousand years. \
    Bees take the water out of nectar until almost nothing can live in it. They also add an acid that keeps germs away. \
    That is why people put honey on cuts long before anyone had seen a germ. \
    So the jar in your kitchen could outlive your house. Just keep the lid closed and the honey dry.";

#[test]
fn the_keyless_short_is_made_kept_and_edited() {
    let env = FentaEnv::new().unwrap();
    let text = env.write("script.txt", TEXT).unwrap();
    let (workflow, text_param) = (
        library("daily-short.yaml"),
        format!("text=@{}", text.display()),
    );
    let run = ["run", &workflow, "-p", &text_param, "-p", "title=Honey"];

    let first = env.fenta(&run).unwrap().expect_code(0).unwrap();
    let video = video_of(&first.paths());
    check_file(&video);
    check_closed_groups(&video);
    check_picture_lives(&video);
    check_sidecars(&video);
    let original = std::fs::read(&video).unwrap();

    // Again: nothing runs, and it says so.
    let again = env.fenta(&run).unwrap().expect_code(0).unwrap();
    assert!(again.stderr.contains("up to date"), "{}", again.stderr);
    assert!(
        node_counts(&env).iter().all(|(_, ran, _)| *ran == 0),
        "{:?}",
        node_counts(&env)
    );
    assert_eq!(std::fs::read(&video).unwrap(), original);

    // One word of the last sentence changes: only segments of that scene are rendered.
    env.write(
        "script.txt",
        &TEXT.replace("the honey dry", "the honey cool"),
    )
    .unwrap();
    env.fenta(&run).unwrap().expect_code(0).unwrap();
    let counts = node_counts(&env);
    let (ran, cached) = counts_of(&counts, "render");
    assert!(
        // Beside the scene's segments: sound, joining, reading back, the words' boxes and five texts see the whole video.
        cached > ran && (4..=12).contains(&ran),
        "render ran {ran}, cached {cached}"
    );
    assert_eq!(
        counts_of(&counts, "voice").0,
        1,
        "one sentence is spoken again"
    );
    let explained = env
        .fenta(&["explain", "latest"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    for changed in ["param text", "the honey cool", "input timeline changed"] {
        assert!(
            explained.stdout.contains(changed),
            "`{changed}` is not named in\n{}",
            explained.stdout
        );
    }
    let edited = std::fs::read(&video).unwrap();
    assert_ne!(edited, original);

    // The same edit from an empty cache gives the same bytes.
    let fresh = FentaEnv::new().unwrap().with_jobs(1);
    let text = fresh
        .write(
            "script.txt",
            &TEXT.replace("the honey dry", "the honey cool"),
        )
        .unwrap();
    let text_param = format!("text=@{}", text.display());
    let said = fresh
        .fenta(&["run", &workflow, "-p", &text_param, "-p", "title=Honey"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(
        std::fs::read(video_of(&said.paths())).unwrap(),
        edited,
        "a render after an edit equals a fresh one"
    );
}
