//! The video as numbered PNG pictures in one ZIP file, for programs that want frames.
//!
//! The one door to `zip`. The pictures are stored as they are (PNG is compressed already), with no date, so that equal
//! frames give equal files. Neighbours: `encode` made the segments, `mux` asks.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use fenta_workflows::action::MuxRequest;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::compose::Blobs;
use crate::error::RenderError;
use crate::ffi_packet::Packet;
use crate::mux::open_segment;

/// What every PNG file starts with (PNG specification, section 5.2).
const PNG_SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// Writes `frame-00001.png` and so on; the number of frames.
pub(crate) fn write(
    path: &Path,
    request: &MuxRequest,
    blobs: Blobs,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RenderError> {
    let failed = |source| RenderError::Io {
        operation: "write",
        path: path.to_owned(),
        source,
    };
    let file = File::create(path).map_err(failed)?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let total = request.segment_frames.iter().copied().map(u64::from).sum();
    let mut number = 0u64;
    let mut packet = Packet::empty()?;
    for (digest, frames) in request.segments.iter().zip(&request.segment_frames) {
        let mut segment = open_segment(blobs.path(*digest)?)?;
        let before = number;
        while segment.input.read(&mut packet)? {
            if packet.stream() != segment.stream {
                continue;
            }
            number += 1;
            add(&mut zip, number, packet.data(), &failed)?;
        }
        if number - before != u64::from(*frames) {
            return Err(RenderError::internal(format!(
                "a segment holds {} frames instead of {frames}",
                number - before
            )));
        }
        progress(number, total);
    }
    let mut out = zip.finish().map_err(|error| failed(as_io(error)))?;
    out.flush().map_err(failed)?;
    Ok(number)
}

fn add(
    zip: &mut ZipWriter<BufWriter<File>>,
    number: u64,
    png: &[u8],
    failed: &impl Fn(std::io::Error) -> RenderError,
) -> Result<(), RenderError> {
    if !png.starts_with(&PNG_SIGNATURE) {
        return Err(RenderError::internal(format!(
            "frame {number} is not a PNG picture"
        )));
    }
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(false);
    zip.start_file(format!("frame-{number:05}.png"), options)
        .map_err(|error| failed(as_io(error)))?;
    zip.write_all(png).map_err(failed)
}

fn as_io(error: ZipError) -> std::io::Error {
    match error {
        ZipError::Io(error) => error,
        other => std::io::Error::other(other),
    }
}
