//! Loudness as EBU R128 defines it, measured by FFmpeg's own filter: an oracle that shares no code with the product.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Integrated loudness and true peak of a file's sound.
#[derive(Clone, Copy, Debug)]
pub struct Loudness {
    /// LUFS.
    pub integrated: f64,
    /// dBTP.
    pub true_peak: f64,
}

/// Measures a file.
///
/// # Errors
/// When it has no sound or cannot be decoded.
pub fn measure(path: &Path) -> anyhow::Result<Loudness> {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-i"])
        .arg(path)
        .args(["-vn", "-af", "ebur128=peak=true", "-f", "null", "-"])
        .output()
        .context("starting ffmpeg")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("ffmpeg on {}: {text}", path.display());
    }
    let summary = text
        .rsplit("Summary:")
        .next()
        .with_context(|| format!("no loudness summary: {text}"))?;
    let value = |name: &str| -> anyhow::Result<f64> {
        let line = summary
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .with_context(|| format!("no `{name}` in {summary}"))?
            .parse()
            .map_err(Into::into)
    };
    let loudness = Loudness {
        integrated: value("I:")?,
        true_peak: value("Peak:")?,
    };
    if !loudness.integrated.is_finite() {
        bail!("{} is silent", path.display());
    }
    Ok(loudness)
}
