//! Whether a file that came is whole: half a clip with a status that says yes is found out before anybody uses it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes at the end of a picture that may follow its last mark.
const TAIL: u64 = 4096;

/// How the name of a whole file ends; nothing for what is none.
pub(in crate::providers) fn ending(path: &Path) -> io::Result<Option<&'static str>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = [0; 12];
    let read = file.read(&mut head)?;
    let head = &head[..read];
    Ok(match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => boxes_fit(&mut file, length)?.then_some("mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("webm"),
        [0xff, 0xd8, 0xff, ..] => ends_with(&mut file, length, &[0xff, 0xd9])?.then_some("jpg"),
        [0x89, b'P', b'N', b'G', ..] => ends_with(&mut file, length, b"IEND")?.then_some("png"),
        [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P'] => {
            let said = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
            (said + 8 <= length).then_some("webp")
        }
        _ => None,
    })
}

/// Whether the boxes of an ISO file (ISO/IEC 14496-12, 4.2) end where it ends, with its index among them.
fn boxes_fit(file: &mut File, length: u64) -> io::Result<bool> {
    let (mut at, mut indexed) = (0, false);
    while at < length {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at))?;
        if length - at < 8 {
            return Ok(false);
        }
        file.read_exact(&mut head[..8])?;
        let small = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        indexed |= &head[4..8] == b"moov";
        let size = match small {
            0 => length - at,
            1 if length - at >= 16 => {
                file.read_exact(&mut head[8..])?;
                u64::from_be_bytes([
                    head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15],
                ])
            }
            size => size,
        };
        if size < 8 || size > length - at {
            return Ok(false);
        }
        at += size;
    }
    Ok(indexed)
}

fn ends_with(file: &mut File, length: u64, mark: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail.windows(mark.len()).any(|part| part == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        ending(&path).unwrap()
    }

    #[test]
    fn half_a_file_is_none() {
        let mut clip = b"\x00\x00\x00\x10ftypisom\0\0\0\0\x00\x00\x00\x0cmoovabcd".to_vec();
        clip.extend(b"\x00\x00\x00\x10mdat12345678");
        assert_eq!(of(&clip), Some("mp4"));
        assert_eq!(of(&clip[..clip.len() - 3]), None);
        assert_eq!(of(&clip[..16]), None, "without an index");
        assert_eq!(of(b"\xff\xd8\xff\xe0 picture \xff\xd9"), Some("jpg"));
        assert_eq!(of(b"\xff\xd8\xff\xe0 pict"), None);
        assert_eq!(of(b"\x89PNG\r\n\x1a\n....IEND...."), Some("png"));
        assert_eq!(of(b"<html>not found</html>"), None);
        assert_eq!(of(b""), None);
    }
}
