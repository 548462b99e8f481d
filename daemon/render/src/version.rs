//! What the worker says about itself: everything that may change its output.

use std::path::PathBuf;

use fenta_templates::time::FrameRate;
use fenta_workflows::worker::{Sandbox, WorkerVersion};

use crate::error::RenderError;
use crate::ffi_encoder::{EncoderSetup, Pixels, VideoEncoder};
use crate::ffi_frame::Frame;
use crate::ffi_packet::Packet;
use crate::ffi_version::library_versions;
use crate::picture::{Picture, Yuv};

/// Bumped whenever the same job may give other bytes.
pub const RENDERER: &str = "10";

/// The renderer's version and its libraries'; how far it is confined is for whoever confines it to say.
pub fn version() -> Result<WorkerVersion, RenderError> {
    let mut libraries = library_versions();
    if let Some(build) = x264_build()? {
        libraries.insert("x264".to_owned(), build);
    }
    for (name, file) in [
        ("flite", "libflite.so.1"),
        ("espeak-ng", "libespeak-ng.so.1"),
    ] {
        libraries.extend(installed(file).map(|version| (name.to_owned(), version)));
    }
    Ok(WorkerVersion {
        renderer: RENDERER.to_owned(),
        libraries,
        sandbox: Sandbox::default(),
    })
}

/// The real file name behind a library's link, which carries its version (`libflite.so.2.2`): the speech engines are
/// loaded or run only when something is spoken, but what they say depends on it.
fn installed(library: &str) -> Option<String> {
    let mut folders: Vec<PathBuf> = ["/usr/local/lib", "/usr/lib64", "/usr/lib"]
        .map(PathBuf::from)
        .to_vec();
    let below = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let mut below: Vec<PathBuf> = below.map(|entry| entry.path()).collect();
    below.sort();
    folders.extend(below);
    let real = folders
        .iter()
        .find_map(|folder| folder.join(library).canonicalize().ok())?;
    Some(real.file_name()?.to_string_lossy().into_owned())
}

/// x264 writes its build into every stream it makes, and says it nowhere else: one tiny frame is encoded and read.
fn x264_build() -> Result<Option<String>, RenderError> {
    let setup = EncoderSetup {
        encoder: c"libx264",
        width: 16,
        height: 16,
        rate: FrameRate::whole(30),
        threads: 1,
        pixels: Pixels::Yuv420,
        quantiser: None,
        max_rate: 0,
        gop: 1,
        b_frames: 0,
        options: vec![(c"preset", "ultrafast".to_owned())],
    };
    // An FFmpeg without x264 cannot render, but it can still say so.
    let Ok(mut encoder) = VideoEncoder::open(&setup) else {
        return Ok(None);
    };
    let mut frame = Frame::yuv420p(16, 16, false)?;
    Picture::filled(16, 16, Yuv::BLACK).write_to(&mut frame)?;
    frame.set_timestamp(0);
    encoder.send(Some(&frame))?;
    encoder.send(None)?;
    let mut packet = Packet::empty()?;
    if encoder.receive(&mut packet)? {
        return Ok(build_in(packet.data()));
    }
    Ok(None)
}

/// `x264 - core 164 r3095 baee400 - ...` inside the first packet.
fn build_in(data: &[u8]) -> Option<String> {
    let mark = b"x264 - core ";
    let at = data.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let text: Vec<u8> = data[at..]
        .iter()
        .copied()
        .take_while(|byte| byte.is_ascii_graphic() || *byte == b' ')
        .take(64)
        .collect();
    let text = String::from_utf8(text).ok()?;
    let build = text.split(" - ").next()?.trim().replace(' ', "-");
    (!build.is_empty()).then_some(build)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_build() {
        let packet = b"\0\0\x06\x05x264 - core 164 r3095 baee400 - H.264/MPEG-4 AVC codec\0";
        assert_eq!(build_in(packet).as_deref(), Some("164-r3095-baee400"));
        assert_eq!(build_in(b"no such thing"), None);
    }

    #[test]
    fn says_everything_that_counts() {
        let version = version().unwrap();
        for library in ["libavcodec", "libavfilter", "libswscale", "x264", "flite"] {
            assert!(version.libraries.contains_key(library), "{library}");
        }
        assert!(
            version
                .tool()
                .starts_with(&format!("fenta-render {RENDERER} ")),
            "{}",
            version.tool()
        );
    }
}
