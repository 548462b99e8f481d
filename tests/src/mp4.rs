//! Reads the box structure of MP4 files (ISO/IEC 14496-12), to assert what no player tells.

use std::path::Path;

use anyhow::{Context as _, bail};

/// A box: its path from the root (`moov/trak/edts/elst`) and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mp4Box {
    /// Names from the root, joined by slashes.
    pub path: String,
    /// Byte offset of its header.
    pub offset: u64,
    /// Its length with header.
    pub size: u64,
}

/// Boxes that only hold other boxes.
const CONTAINERS: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];

/// Every box of a file in order.
///
/// # Errors
/// When the file is not a sequence of boxes.
pub fn boxes(path: &Path) -> anyhow::Result<Vec<Mp4Box>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let mut found = Vec::new();
    walk(&bytes, 0, bytes.len(), "", &mut found)?;
    Ok(found)
}

fn walk(
    bytes: &[u8],
    mut at: usize,
    end: usize,
    parent: &str,
    found: &mut Vec<Mp4Box>,
) -> anyhow::Result<()> {
    while at + 8 <= end {
        let mut size = u64::from(u32::from_be_bytes(bytes[at..at + 4].try_into()?));
        let kind: [u8; 4] = bytes[at + 4..at + 8].try_into()?;
        let mut header = 8;
        if size == 1 {
            size = u64::from_be_bytes(bytes[at + 8..at + 16].try_into()?);
            header = 16;
        }
        if size < header || at as u64 + size > end as u64 {
            bail!(
                "box {:?} at {at} claims {size} bytes",
                String::from_utf8_lossy(&kind)
            );
        }
        let name = String::from_utf8_lossy(&kind).into_owned();
        let path = if parent.is_empty() {
            name
        } else {
            format!("{parent}/{name}")
        };
        found.push(Mp4Box {
            path: path.clone(),
            offset: at as u64,
            size,
        });
        if CONTAINERS.contains(&&kind) {
            walk(
                bytes,
                at + header as usize,
                at + size as usize,
                &path,
                found,
            )?;
        }
        at += size as usize;
    }
    Ok(())
}
