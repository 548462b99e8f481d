//! How a stored picture is turned for display: from display matrices and from EXIF.
//!
//! Neighbours: `probe` asks, `convert` turns. The matrix and the eight EXIF codes come from files and may say
//! anything.

/// A mirroring (left to right) followed by a clockwise turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    /// Clockwise turn: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Mirrored left to right before the turn.
    pub mirrored: bool,
}

impl Orientation {
    /// Shown as stored.
    pub const UPRIGHT: Self = Self {
        rotation: 0,
        mirrored: false,
    };

    /// Whether width and height change places.
    pub const fn is_quarter(self) -> bool {
        self.rotation % 180 == 90
    }

    /// Where a place of the displayed picture (shares of its sides) lies in the stored one.
    pub fn stored(self, (x, y): (f64, f64)) -> (f64, f64) {
        let (x, y) = match self.rotation {
            90 => (y, 1.0 - x),
            180 => (1.0 - x, 1.0 - y),
            270 => (1.0 - y, x),
            _ => (x, y),
        };
        (if self.mirrored { 1.0 - x } else { x }, y)
    }

    /// From a container's display matrix: three rows of three numbers in 16.16 fixed point. Angles between quarter
    /// turns go to the nearest one; a matrix without a direction counts as none.
    pub fn from_matrix(matrix: &[i32; 9]) -> Self {
        let [a, b, c, d] = [matrix[0], matrix[1], matrix[3], matrix[4]].map(f64::from);
        let determinant = a * d - b * c;
        if determinant == 0.0 {
            return Self::UPRIGHT;
        }
        let quarters = ((-c).atan2(d).to_degrees() / 90.0).round().rem_euclid(4.0);
        Self {
            rotation: quarters as u16 * 90,
            mirrored: determinant < 0.0,
        }
    }

    /// From an EXIF orientation, 1-8.
    pub fn from_exif(code: u16) -> Self {
        let (rotation, mirrored) = match code {
            2 => (0, true),
            3 => (180, false),
            4 => (180, true),
            5 => (270, true),
            6 => (90, false),
            7 => (90, true),
            8 => (270, false),
            _ => (0, false),
        };
        Self { rotation, mirrored }
    }
}

/// The EXIF orientation of a JPEG, PNG, WebP or TIFF file, if it says any.
pub fn exif_orientation(file: &[u8]) -> Option<u16> {
    if file.starts_with(b"\x89PNG\r\n\x1a\n")
        && let Some(tiff) = png_profile(file)
    {
        return tiff_orientation(&tiff).filter(|code| (1..=8).contains(code));
    }
    let tiff = if file.starts_with(b"II*\0") || file.starts_with(b"MM\0*") {
        file
    } else if file.starts_with(&[0xFF, 0xD8]) {
        jpeg_exif(file)?
    } else if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        png_exif(file)?
    } else if file.starts_with(b"RIFF") && file.get(8..12)? == b"WEBP" {
        webp_exif(file)?
    } else {
        return None;
    };
    tiff_orientation(tiff).filter(|code| (1..=8).contains(code))
}

/// How an Adobe JPEG stores its colours: 0 as they are, 1 as YCbCr, 2 as YCbCr and black.
pub fn adobe_transform(file: &[u8]) -> Option<u8> {
    jpeg_segments(file).find_map(|(marker, body)| {
        let mark = body.strip_prefix(b"Adobe").filter(|_| marker == 0xEE)?;
        mark.get(6).copied()
    })
}

fn jpeg_exif(file: &[u8]) -> Option<&[u8]> {
    jpeg_segments(file)
        .find_map(|(marker, body)| body.strip_prefix(b"Exif\0\0").filter(|_| marker == 0xE1))
}

/// Markers of a JPEG with what they hold, up to where the picture begins.
fn jpeg_segments(file: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        let [0xFF, marker] = *file.get(at..at + 2)? else {
            return None;
        };
        if marker == 0xDA {
            return None;
        }
        let length = u16::from_be_bytes(file.get(at + 2..at + 4)?.try_into().ok()?);
        let end = at + 2 + usize::from(length).max(2);
        let body = file.get(at + 4..end)?;
        at = end;
        Some((marker, body))
    })
}

fn png_exif(file: &[u8]) -> Option<&[u8]> {
    png_chunks(file).find_map(|(name, body)| (name == b"eXIf").then_some(body))
}

/// ImageMagick's way from before PNG had a chunk for EXIF: hexadecimal digits in a text.
fn png_profile(file: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"Raw profile type exif\0";
    let text = png_chunks(file)
        .find_map(|(name, body)| body.strip_prefix(NAME).filter(|_| name == b"tEXt"))?;
    // An empty line, the profile's name, its length, then the digits.
    let mut lines = text.split(|byte| *byte == b'\n').skip(3);
    let digits: Vec<u32> = lines
        .by_ref()
        .flatten()
        .filter_map(|byte| char::from(*byte).to_digit(16))
        .collect();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect();
    Some(bytes.strip_prefix(b"Exif\0\0").unwrap_or(&bytes).to_vec())
}

/// Names of a PNG's chunks with what they hold.
fn png_chunks(file: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 8usize;
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(file.get(at..at + 4)?.try_into().ok()?) as usize;
        let (start, name) = (at + 8, file.get(at + 4..at + 8)?);
        let end = start.checked_add(length)?;
        let body = file.get(start..end)?;
        at = end.checked_add(4)?;
        Some((name, body))
    })
}

fn webp_exif(file: &[u8]) -> Option<&[u8]> {
    let mut at = 12;
    loop {
        let length = u32::from_le_bytes(file.get(at + 4..at + 8)?.try_into().ok()?) as usize;
        let body = at + 8..at.checked_add(8)?.checked_add(length)?;
        if file.get(at..at + 4)? == b"EXIF" {
            let body = file.get(body)?;
            return Some(body.strip_prefix(b"Exif\0\0").unwrap_or(body));
        }
        at = body.end.checked_add(length % 2)?;
    }
}

fn tiff_orientation(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes = tiff.get(at..at + 2)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let bytes = tiff.get(4..8)?.try_into().ok()?;
    let directory = if little {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    } as usize;
    let entries = usize::from(u16_at(directory)?);
    (0..entries)
        .map(|index| directory + 2 + 12 * index)
        .find(|entry| u16_at(*entry) == Some(0x0112))
        .and_then(|entry| u16_at(entry + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;

    fn matrix(a: i32, b: i32, c: i32, d: i32) -> [i32; 9] {
        [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]
    }

    fn turned(rotation: u16, mirrored: bool) -> Orientation {
        Orientation { rotation, mirrored }
    }

    #[test]
    fn matrices_of_phones() {
        assert_eq!(
            Orientation::from_matrix(&matrix(1, 0, 0, 1)),
            Orientation::UPRIGHT
        );
        assert_eq!(
            Orientation::from_matrix(&matrix(0, 1, -1, 0)),
            turned(90, false)
        );
        assert_eq!(
            Orientation::from_matrix(&matrix(-1, 0, 0, -1)),
            turned(180, false)
        );
        assert_eq!(
            Orientation::from_matrix(&matrix(0, -1, 1, 0)),
            turned(270, false)
        );
        assert_eq!(
            Orientation::from_matrix(&matrix(-1, 0, 0, 1)),
            turned(0, true)
        );
        assert_eq!(
            Orientation::from_matrix(&matrix(1, 0, 0, -1)),
            turned(180, true)
        );
    }

    #[test]
    fn senseless_matrices_are_upright() {
        assert_eq!(Orientation::from_matrix(&[0; 9]), Orientation::UPRIGHT);
        let skewed = [ONE, 5000, 0, -5000, ONE, 0, 0, 0, 0];
        assert_eq!(Orientation::from_matrix(&skewed), Orientation::UPRIGHT);
        let extreme = Orientation::from_matrix(&[i32::MIN; 9]);
        assert_eq!(extreme, Orientation::UPRIGHT);
    }

    fn tiff(code: u16, little: bool) -> Vec<u8> {
        let mut bytes = if little {
            b"II*\0".to_vec()
        } else {
            b"MM\0*".to_vec()
        };
        let two = |n: u16| {
            if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let four = |n: u32| {
            if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        bytes.extend(four(8));
        bytes.extend(two(1));
        bytes.extend(two(0x0112));
        bytes.extend(two(3));
        bytes.extend(four(1));
        bytes.extend(two(code));
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes
    }

    fn jpeg(tiff: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xE1];
        bytes.extend((tiff.len() as u16 + 8).to_be_bytes());
        bytes.extend(b"Exif\0\0");
        bytes.extend(tiff);
        bytes.extend([0xFF, 0xDA, 0, 2]);
        bytes
    }

    #[test]
    fn reads_exif_of_three_formats_in_both_byte_orders() {
        assert_eq!(exif_orientation(&jpeg(&tiff(6, true))), Some(6));
        assert_eq!(exif_orientation(&jpeg(&tiff(8, false))), Some(8));
        let body = tiff(3, false);
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\0IHDRcrc.".to_vec();
        png.extend((body.len() as u32).to_be_bytes());
        png.extend(b"eXIf");
        png.extend(&body);
        assert_eq!(exif_orientation(&png), Some(3));
        let mut webp = b"RIFF\0\0\0\0WEBPVP8 \x01\0\0\0x\0EXIF".to_vec();
        webp.extend((body.len() as u32).to_le_bytes());
        webp.extend(&body);
        assert_eq!(exif_orientation(&webp), Some(3));
    }

    #[test]
    fn older_ways_of_saying_it_are_read() {
        assert_eq!(exif_orientation(&tiff(7, true)), Some(7));
        let digits: String = tiff(5, false)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = format!("Raw profile type exif\0\nexif\n      26\n457869660000{digits}\n");
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\0IHDRcrc.".to_vec();
        png.extend((text.len() as u32).to_be_bytes());
        png.extend(b"tEXt");
        png.extend(text.as_bytes());
        assert_eq!(exif_orientation(&png), Some(5));
    }

    #[test]
    fn adobes_mark_is_found() {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xEE, 0, 14];
        bytes.extend(b"Adobe\0d@\0\0\0\x02");
        assert_eq!(adobe_transform(&bytes), Some(2));
        assert_eq!(adobe_transform(&bytes[..12]), None);
    }

    #[test]
    fn nonsense_says_nothing() {
        assert_eq!(exif_orientation(&jpeg(&tiff(9, true))), None);
        assert_eq!(exif_orientation(&[]), None);
        let whole = jpeg(&tiff(6, true));
        for length in 0..whole.len() {
            let found = exif_orientation(&whole[..length]);
            assert!(found.is_none() || found == Some(6), "cut at {length}");
        }
        assert_eq!(
            exif_orientation(b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xff"),
            None
        );
        assert_eq!(exif_orientation(&[0xFF, 0xD8, 0xFF, 0xE1, 0, 0]), None);
    }

    #[test]
    fn exif_codes_and_matrices_agree() {
        assert_eq!(Orientation::from_exif(1), Orientation::UPRIGHT);
        assert_eq!(Orientation::from_exif(6), turned(90, false));
        assert_eq!(
            Orientation::from_exif(2),
            Orientation::from_matrix(&matrix(-1, 0, 0, 1))
        );
        // Code 5 swaps x and y: mirrored, then turned by 270 degrees.
        assert_eq!(
            Orientation::from_exif(5),
            Orientation::from_matrix(&matrix(0, 1, 1, 0))
        );
    }
}
