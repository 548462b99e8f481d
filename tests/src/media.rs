//! Measures media files with the system's `ffprobe` and `ffmpeg`: facts, not claims.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// What `ffprobe` says of a file's streams and packets, as JSON.
///
/// # Errors
/// When `ffprobe` is missing or refuses the file.
pub fn probe(path: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json"])
        .args(arguments)
        .arg(path)
        .output()
        .context("starting ffprobe")?;
    if !output.status.success() {
        bail!(
            "ffprobe {}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The stream of one kind (`video`, `audio`), with its decoded frames counted.
///
/// # Errors
/// When there is no such stream.
pub fn stream(path: &Path, kind: &str) -> anyhow::Result<Value> {
    let value = probe(path, &["-show_streams", "-count_frames"])?;
    let streams = value["streams"].as_array().cloned().unwrap_or_default();
    streams
        .into_iter()
        .find(|stream| stream["codec_type"] == kind)
        .with_context(|| format!("{} has no {kind} stream", path.display()))
}

/// Presentation times of one stream's packets in seconds, in file order.
///
/// # Errors
/// When the file cannot be read.
pub fn packet_times(path: &Path, selector: &str) -> anyhow::Result<Vec<f64>> {
    let value = probe(
        path,
        &[
            "-select_streams",
            selector,
            "-show_entries",
            "packet=pts_time",
        ],
    )?;
    let packets = value["packets"].as_array().cloned().unwrap_or_default();
    packets
        .iter()
        .map(|packet| {
            packet["pts_time"]
                .as_str()
                .context("a packet without a time")?
                .parse()
                .map_err(Into::into)
        })
        .collect()
}

/// One decoded frame as RGB, 3 bytes a pixel.
///
/// # Errors
/// When the frame does not exist.
pub fn frame_rgb(path: &Path, index: u64) -> anyhow::Result<Vec<u8>> {
    let select = format!("select=eq(n\\,{index})");
    raw(
        path,
        &[
            "-vf",
            &select,
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
        ],
    )
}

/// Luma planes of every frame, scaled down to `width` x `height`, one after the other.
///
/// # Errors
/// When the file cannot be decoded.
pub fn luma_frames(path: &Path, width: u32, height: u32) -> anyhow::Result<Vec<u8>> {
    let scale = format!("scale={width}:{height}:flags=area");
    raw(path, &["-vf", &scale, "-f", "rawvideo", "-pix_fmt", "gray"])
}

/// The sound as 48 kHz mono samples, priming included, exactly as a player without edit lists hears it.
///
/// # Errors
/// When the file cannot be decoded.
pub fn samples(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = raw(path, &["-vn", "-ac", "1", "-ar", "48000", "-f", "f32le"])?;
    Ok(bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect())
}

fn raw(path: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-flags2", "+skip_manual", "-i"])
        .arg(path)
        .args(arguments)
        .arg("-")
        .output()
        .context("starting ffmpeg")?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!(
            "ffmpeg on {}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.stdout)
}
