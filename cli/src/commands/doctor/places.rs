//! The checks of folders and disks.

use std::path::Path;

use super::Check;

/// Under this, a render may not fit.
const LOW_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Under this, nothing fits.
const LEAST_BYTES: u64 = 200 * 1024 * 1024;

/// Whether the state folder can be written: a file is written there.
pub(super) fn state_dir(dir: &Path) -> Check {
    const NAME: &str = "state folder";
    let shown = dir.display();
    let existing = nearest_existing(dir);
    match tempfile::Builder::new()
        .prefix(".fenta-doctor")
        .tempfile_in(existing)
    {
        Ok(_) if existing == dir => Check::ok(NAME, shown.to_string()),
        Ok(_) => Check::ok(NAME, format!("{shown} (not made yet)")),
        Err(error) => Check::failed(
            NAME,
            format!("cannot write to {}: {error}", existing.display()),
            format!(
                "sudo chown \"$USER\" {} && chmod u+rwx {0}, or name another folder with FENTA_STATE_DIR",
                existing.display()
            ),
        ),
    }
}

/// Whether results fit beside it.
pub(super) fn free_space(dir: &Path) -> Check {
    const NAME: &str = "disk space";
    let existing = nearest_existing(dir);
    match rustix::fs::statvfs(existing) {
        Ok(disk) => judge(disk.f_bavail.saturating_mul(disk.f_frsize), existing),
        Err(error) => Check::warning(
            NAME,
            format!("cannot tell how much is free: {error}"),
            format!("df -h {}", existing.display()),
        ),
    }
}

fn judge(free: u64, dir: &Path) -> Check {
    const NAME: &str = "disk space";
    let shown = format!("{} free", gigabytes(free));
    let fix = format!(
        "free some on the disk of {}, or name another folder with FENTA_STATE_DIR",
        dir.display()
    );
    if free < LEAST_BYTES {
        Check::failed(NAME, shown, fix)
    } else if free < LOW_BYTES {
        Check::warning(NAME, shown, fix)
    } else {
        Check::ok(NAME, shown)
    }
}

fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / (1024 * 1024 * 1024 / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// The folder itself, or the nearest one above it that exists.
fn nearest_existing(dir: &Path) -> &Path {
    dir.ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_folder_that_is_not_made_yet_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        let check = state_dir(&deep);
        assert_eq!(check.verdict, Verdict::Ok);
        assert!(check.found.ends_with("(not made yet)"), "{}", check.found);
        assert!(!deep.exists(), "looking must not make it");
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_way_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        std::fs::write(&file, "").unwrap();
        assert_eq!(nearest_existing(&file.join("x")), dir.path());
    }

    #[test]
    fn space_is_judged_by_what_a_render_needs() {
        let verdict = |bytes| judge(bytes, Path::new("/s")).verdict;
        assert_eq!(verdict(LEAST_BYTES - 1), Verdict::Failed);
        assert_eq!(verdict(LEAST_BYTES), Verdict::Warning);
        assert_eq!(verdict(LOW_BYTES), Verdict::Ok);
        assert_eq!(gigabytes(LOW_BYTES + LOW_BYTES / 4), "2.5 GiB");
    }
}
