//! Files somebody gives to the daemon, on disk: parts while they come, whole contents under their digest, and a name of
//! their own for workflows. Names that people give are never names here.
//!
//! A part appears by rename after its bytes are on disk, so whatever was acknowledged is there after a crash. Its calls
//! block: run them on a blocking pool.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fenta_workflows::digest::Digest;

use crate::state_dir::private_folder;
use crate::store::Cas;

/// The size of a part.
pub const PART_BYTES: u64 = 8 << 20;

/// The largest file.
pub const LARGEST: u64 = 64 << 30;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// Where the files are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AssetFiles {
    root: PathBuf,
}

/// How many parts a file of this size has.
pub const fn parts(bytes: u64) -> u32 {
    // `LARGEST` keeps the count far below the end of u32.
    #[allow(clippy::cast_possible_truncation, reason = "see above")]
    let count = bytes.div_ceil(PART_BYTES) as u32;
    count
}

/// How large a part of a file must be; none where there is no such part.
pub const fn part_size(bytes: u64, number: u32) -> Option<u64> {
    if number == 0 || number > parts(bytes) {
        return None;
    }
    let before = (number as u64 - 1) * PART_BYTES;
    let left = bytes - before;
    Some(if left < PART_BYTES { left } else { PART_BYTES })
}

impl AssetFiles {
    /// Below this folder.
    pub fn new(state_dir: &Path) -> Self {
        Self {
            root: state_dir.join("assets"),
        }
    }

    fn cas(&self) -> io::Result<Cas> {
        private_folder(&self.root).map_err(io::Error::other)?;
        Cas::open(&self.root.join("contents"), &self.root.join("whole"))
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.root.join("parts").join(id)
    }

    fn part(&self, id: &str, number: u32) -> PathBuf {
        self.folder(id).join(number.to_string())
    }

    /// Numbers of the parts that are missing.
    pub fn missing(&self, id: &str, bytes: u64) -> Vec<u32> {
        (1..=parts(bytes))
            .filter(|number| {
                let size = fs::metadata(self.part(id, *number)).map(|found| found.len());
                size.ok() != part_size(bytes, *number)
            })
            .collect()
    }

    /// A file to write a part to; [`Self::keep_part`] puts it into its place.
    pub fn new_part(&self, id: &str) -> io::Result<tempfile::NamedTempFile> {
        private_folder(&self.root).map_err(io::Error::other)?;
        let folder = self.folder(id);
        fs::create_dir_all(&folder)?;
        tempfile::Builder::new().prefix("new-").tempfile_in(folder)
    }

    /// A part that is whole.
    pub fn keep_part(
        &self,
        id: &str,
        number: u32,
        written: tempfile::NamedTempFile,
    ) -> io::Result<()> {
        written.as_file().sync_all()?;
        written
            .persist(self.part(id, number))
            .map_err(|error| error.error)?;
        File::open(self.folder(id))?.sync_all()
    }

    /// Puts the parts together; the digest is that of what is there.
    pub fn complete(&self, id: &str, bytes: u64) -> io::Result<Digest> {
        let cas = self.cas()?;
        let whole = self.root.join("whole").join(format!("{id}.whole"));
        let mut target = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&whole)?;
        let mut buffer = vec![0; CHUNK];
        for number in 1..=parts(bytes) {
            let mut part = File::open(self.part(id, number))?;
            loop {
                let count = part.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                target.write_all(&buffer[..count])?;
            }
        }
        drop(target);
        cas.adopt_file(&whole)
    }

    /// Forgets the parts of a file.
    pub fn forget_parts(&self, id: &str) {
        let _ = fs::remove_dir_all(self.folder(id));
    }

    /// Where a content lies, if it is there and whole.
    pub fn content(&self, digest: &Digest) -> Option<PathBuf> {
        let cas = self.cas().ok()?;
        cas.contains(digest).then(|| cas.path(digest))
    }

    /// The path by which workflows find a file: its own folder, and an ending that says what it is.
    pub fn linked(&self, id: &str, name: &str, digest: &Digest) -> Option<PathBuf> {
        let place = self.link(id, name);
        if !place.is_file() {
            let content = self.content(digest)?;
            fs::create_dir_all(place.parent()?).ok()?;
            fs::hard_link(content, &place).ok()?;
        }
        Some(place)
    }

    fn link(&self, id: &str, name: &str) -> PathBuf {
        let ending = Path::new(name)
            .extension()
            .and_then(|ending| ending.to_str())
            .filter(|ending| ending.len() <= 8 && ending.bytes().all(|b| b.is_ascii_alphanumeric()))
            .map_or_else(String::new, |ending| {
                format!(".{}", ending.to_ascii_lowercase())
            });
        self.root
            .join("files")
            .join(id)
            .join(format!("content{ending}"))
    }

    /// Takes a file away, and its content where nobody else has it.
    pub fn remove(&self, id: &str, content: Option<&Digest>) {
        self.forget_parts(id);
        let _ = fs::remove_dir_all(self.root.join("files").join(id));
        if let (Some(digest), Ok(cas)) = (content, self.cas()) {
            let _ = fs::remove_file(cas.path(digest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(files: &AssetFiles, id: &str, number: u32, bytes: &[u8]) {
        let mut part = files.new_part(id).unwrap();
        part.write_all(bytes).unwrap();
        files.keep_part(id, number, part).unwrap();
    }

    #[test]
    fn sizes_of_parts_add_up() {
        for bytes in [
            0,
            1,
            PART_BYTES - 1,
            PART_BYTES,
            PART_BYTES + 1,
            5 * PART_BYTES + 7,
        ] {
            let sum: u64 = (1..=parts(bytes))
                .map(|n| part_size(bytes, n).unwrap())
                .sum();
            assert_eq!(sum, bytes);
            assert_eq!(part_size(bytes, 0), None);
            assert_eq!(part_size(bytes, parts(bytes) + 1), None);
        }
    }

    #[test]
    fn parts_in_any_order_become_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = AssetFiles::new(folder.path());
        let bytes = PART_BYTES + 3;
        assert_eq!(files.missing("asset_1", bytes), [1, 2]);
        put(&files, "asset_1", 2, b"end");
        assert_eq!(files.missing("asset_1", bytes), [1]);
        let first = vec![7; PART_BYTES as usize];
        // Another process begins where this one stopped.
        let files = AssetFiles::new(folder.path());
        put(&files, "asset_1", 1, &first);
        assert!(files.missing("asset_1", bytes).is_empty());
        let digest = files.complete("asset_1", bytes).unwrap();
        let whole = [&first[..], b"end"].concat();
        assert_eq!(digest, fenta_workflows::digest::blob_digest(&whole));
        files.forget_parts("asset_1");
        assert_eq!(fs::read(files.content(&digest).unwrap()).unwrap(), whole);
        let link = files.linked("asset_1", "../../Bee.MP4", &digest).unwrap();
        assert!(link.starts_with(folder.path().join("assets/files/asset_1")));
        assert!(link.ends_with("content.mp4"));
        files.remove("asset_1", Some(&digest));
        assert!(files.content(&digest).is_none() && !link.exists());
    }

    #[test]
    fn names_are_no_places() {
        let files = AssetFiles::new(Path::new("/s"));
        for name in [
            "../x",
            "..%2fx",
            "..\\x",
            "/abs",
            "C:\\x",
            "x/../../y",
            ".",
            "..",
            ".git",
            "-rf",
            "con",
            "nul.mp4",
            "a:b",
            "a|b",
            "a\nb",
            "x.mp4/",
            "x.mp4.",
            "pipe:1",
            "$(id)",
            "`id`",
            "x.a/b",
            "%03d.png",
            "x.\u{202e}4pm",
            "",
        ] {
            let place = files.link("asset_1", name);
            assert!(place.starts_with("/s/assets/files/asset_1"), "{name}");
            let file = place.file_name().unwrap().to_str().unwrap();
            assert!(file.starts_with("content"), "{name}: {file}");
            assert!(
                file.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
                "{file}"
            );
        }
    }
}
