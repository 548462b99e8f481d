//! Clips and pictures that fakes of libraries offer: small, playable, and each of its own colour.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::Reply;

/// Files by name, made at the first wish.
static MADE: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// The file `{width}x{height}-{seconds}-{colour}.mp4`, or `.jpg`: a landscape of soft light in that colour.
pub(super) fn file(name: &str) -> Reply {
    let kind = if name.ends_with(".mp4") {
        "video/mp4"
    } else {
        "image/jpeg"
    };
    match made(name) {
        Some(bytes) => Reply::file(kind, bytes),
        None => Reply::json(404, &serde_json::json!({ "error": "no such file" })),
    }
}

fn made(name: &str) -> Option<Vec<u8>> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = made.get(name) {
        return Some(bytes.clone());
    }
    let bytes = make(name)?;
    made.insert(name.to_owned(), bytes.clone());
    Some(bytes)
}

fn make(name: &str) -> Option<Vec<u8>> {
    let (stem, ending) = name.rsplit_once('.')?;
    let mut parts = stem.split('-');
    let (size, seconds, colour) = (parts.next()?, parts.next()?, parts.next()?);
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join(name);
    let seconds: u32 = seconds.parse().ok()?;
    let light = format!(
        "gradients=s={size}:r=30:d={seconds}:c0={colour}:c1=black:c2=white:n=3:speed=0.02:seed=7"
    );
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &light]);
    if ending == "mp4" {
        let encode = "-c:v libx264 -pix_fmt yuv420p -preset ultrafast -crf 30 -movflags +faststart";
        ffmpeg.args(encode.split(' '));
    } else {
        ffmpeg.args(["-frames:v", "1"]);
    }
    let done = ffmpeg.arg(&path).status().ok()?;
    done.success().then(|| std::fs::read(&path).ok())?
}
