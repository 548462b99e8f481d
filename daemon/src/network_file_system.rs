//! File systems the state directory may not be on: their locks do not hold between machines (or at all), and SQLite's
//! write-ahead log needs memory that all its processes share.

use std::path::Path;

/// Names of network file systems as the kernel lists mounts (`/proc/self/mountinfo`, proc(5)).
const NAMES: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.ceph",
    "fuse.curlftpfs",
    "fuse.davfs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "smb3",
    "smbfs",
];

/// The network file system `path` is on; nothing where it is on this machine's own disks, or where that cannot be told.
pub(crate) fn of(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let kind = kind_of(&mounts, &path)?;
    NAMES.contains(&kind).then(|| kind.to_owned())
}

/// The kind of the mount `path` is below: the longest mount point that is its beginning, the last of equal ones, which
/// hides those before it.
fn kind_of<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mut found: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let (mount, rest) = line.split_once(" - ")?;
        let point = unescaped(mount.split(' ').nth(4)?);
        let kind = rest.split(' ').next()?;
        let depth = Path::new(&point).components().count();
        if path.starts_with(&point) && found.is_none_or(|(deepest, _)| depth >= deepest) {
            found = Some((depth, kind));
        }
    }
    found.map(|(_, kind)| kind)
}

/// Blanks, tabs, line ends and backslashes of a path are octal there.
fn unescaped(point: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(point.to_owned(), |text, (code, sign)| {
        text.replace(code, sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/u/.local/state rw shared:3 - tmpfs tmpfs rw
32 22 0:42 / /mnt/my\\040share rw shared:4 - fuse.sshfs me@host:/ rw
33 22 0:43 / /mnt/over rw shared:5 - nfs a:/ rw
34 22 0:44 / /mnt/over rw shared:6 - ext4 /dev/vdb rw
";

    #[test]
    fn the_deepest_mount_counts() {
        let kind = |path: &str| kind_of(MOUNTS, Path::new(path)).unwrap();
        assert_eq!(kind("/var/lib/fenta"), "ext4");
        assert_eq!(kind("/home/u/fenta"), "nfs4");
        assert_eq!(kind("/home/u/.local/state/fenta"), "tmpfs");
        assert_eq!(
            kind("/homestead"),
            "ext4",
            "a beginning of a name is no folder"
        );
        assert_eq!(kind("/mnt/my share/fenta"), "fuse.sshfs");
        assert_eq!(
            kind("/mnt/over/x"),
            "ext4",
            "the last mount hides the one below"
        );
    }

    #[test]
    fn this_machines_own_folders_are_fine() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of(folder.path()), None);
    }
}
