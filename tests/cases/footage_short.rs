//! The second main job: a folder of the user's own clips and stills, of every shape, becomes a vertical short.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::Path;
use std::process::Command;

use fenta_tests::env::FentaEnv;
use fenta_tests::house::workspace_root;
use fenta_tests::media;

/// Makes a source with ffmpeg's generators.
fn make(folder: &Path, name: &str, arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .arg(folder.join(name))
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
}

/// Landscape with sound, portrait at an odd rate, a turned phone clip, a still: each of one colour, so that a frame of the
/// result tells which source it shows.
fn make_sources(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let h264 = [
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-preset",
        "ultrafast",
    ];
    let with = |head: &[&'static str]| [head, &h264[..]].concat();
    let red = with(&[
        "-f",
        "lavfi",
        "-i",
        "color=red:s=640x360:r=30:d=6",
        "-f",
        "lavfi",
        "-i",
        "sine=d=6",
        "-shortest",
    ]);
    make(folder, "1 landscape.mp4", &red);
    make(
        folder,
        "2 portrait.mp4",
        &with(&["-f", "lavfi", "-i", "color=lime:s=360x640:r=23.976:d=6"]),
    );
    make(
        folder,
        "plain.mp4",
        &with(&["-f", "lavfi", "-i", "color=blue:s=640x360:r=50:d=6"]),
    );
    let plain = folder.join("plain.mp4").to_string_lossy().into_owned();
    make(
        folder,
        "3 turned.mov",
        &["-i", &plain, "-c", "copy", "-metadata:s:v", "rotate=90"],
    );
    std::fs::remove_file(folder.join("plain.mp4")).unwrap();
    make(
        folder,
        "4 still.png",
        &[
            "-f",
            "lavfi",
            "-i",
            "color=yellow:s=900x600",
            "-frames:v",
            "1",
        ],
    );
    std::fs::write(folder.join("notes.txt"), "not media").unwrap();
}

/// The mean colour of the middle of a frame, away from captions and overlays.
fn middle(video: &Path, frame: u64) -> [u8; 3] {
    let rgb = media::frame_rgb(video, frame).unwrap();
    let (width, rows) = (1080usize, 860..900usize);
    let mut sums = [0u64; 3];
    for y in rows.clone() {
        for x in 400..680 {
            for (channel, sum) in sums.iter_mut().enumerate() {
                *sum += u64::from(rgb[(y * width + x) * 3 + channel]);
            }
        }
    }
    let count = rows.len() as u64 * 280;
    sums.map(|sum| (sum / count) as u8)
}

fn name_of(rgb: [u8; 3]) -> &'static str {
    match rgb.map(|channel| channel > 120) {
        [true, false, false] => "red",
        [false, true, false] => "green",
        [false, false, true] => "blue",
        [true, true, false] => "yellow",
        _ => "none",
    }
}

#[test]
fn a_folder_of_odd_sources_becomes_a_short_with_one_clip_per_sentence() {
    let env = FentaEnv::new().unwrap();
    make_sources(&env.work().join("clips"));
    let text = "The first clip was filmed on its side. The second one stands upright already. \
        The third was turned by the phone. And the last one never moved at all.";
    env.write("script.txt", text).unwrap();
    let workflow = workspace_root().join("workflows/library/footage-short.yaml");
    let run = [
        "run",
        &workflow.to_string_lossy(),
        "-p",
        "clips=clips",
        "-p",
        "text=@script.txt",
    ];
    let said = env.fenta(&run).unwrap().expect_code(0).unwrap();
    let video = said
        .paths()
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "mp4"))
        .unwrap();

    let picture = media::stream(&video, "video").unwrap();
    let frames: u64 = picture["nb_read_frames"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (picture["width"].as_u64(), picture["height"].as_u64()),
        (Some(1080), Some(1920))
    );
    let mut seen = Vec::new();
    for frame in (10..frames - 10).step_by(15) {
        let name = name_of(middle(&video, frame));
        if name != "none" && seen.last() != Some(&name) {
            seen.push(name);
        }
    }
    assert_eq!(
        seen,
        ["red", "green", "blue", "yellow"],
        "one clip per sentence, in natural order"
    );

    // Taking a clip away changes only what it showed.
    let again = env.fenta(&run).unwrap().expect_code(0).unwrap();
    assert!(again.stderr.contains("up to date"), "{}", again.stderr);
}

#[test]
fn a_folder_without_media_is_refused_by_name() {
    let env = FentaEnv::new().unwrap();
    env.write("empty/notes.txt", "nothing to see").unwrap();
    let workflow = workspace_root().join("workflows/library/footage-short.yaml");
    let said = env
        .fenta(&[
            "run",
            &workflow.to_string_lossy(),
            "-p",
            "clips=empty",
            "-p",
            "text=One sentence.",
        ])
        .unwrap();
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("empty"), "{}", said.stderr);
}

#[test]
fn every_bad_file_of_a_folder_is_named_at_once() {
    let env = FentaEnv::new().unwrap();
    env.write("bad/one.mp4", "this is no film").unwrap();
    env.write("bad/two.jpg", "this is no picture").unwrap();
    let workflow = workspace_root().join("workflows/library/footage-short.yaml");
    let run = [
        "run",
        &workflow.to_string_lossy(),
        "-p",
        "clips=bad",
        "-p",
        "text=One short sentence here.",
    ];
    let said = env.fenta(&run).unwrap().expect_code(10).unwrap();
    for name in ["one.mp4", "two.jpg"] {
        assert!(
            said.stderr.contains(name),
            "`{name}` is missing in\n{}",
            said.stderr
        );
    }
}
