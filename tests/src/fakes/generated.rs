//! Files that fakes of generating vendors give: a green picture and a green clip, made once with the system's FFmpeg.

use std::process::Command;
use std::sync::OnceLock;

/// The colour of every picture and clip.
pub const GREEN: (u8, u8, u8) = (16, 160, 16);

/// A PNG of 180 x 320.
pub fn picture() -> &'static [u8] {
    static PICTURE: OnceLock<Vec<u8>> = OnceLock::new();
    PICTURE.get_or_init(|| made("png", &["-frames:v", "1"]))
}

/// An MP4 of 180 x 320, three seconds long.
pub fn clip() -> &'static [u8] {
    static CLIP: OnceLock<Vec<u8>> = OnceLock::new();
    CLIP.get_or_init(|| made("mp4", &["-t", "3", "-pix_fmt", "yuv420p"]))
}

fn made(ending: &str, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("the system's folder for temporary files is there");
    let path = folder.path().join(format!("made.{ending}"));
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=c=0x10a010:size=180x320:rate=30",
        ])
        .args(arguments)
        .arg(&path)
        .output()
        .expect("the tests need ffmpeg, as others do");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read(&path).expect("ffmpeg wrote it")
}
