//! Where the speech engines lie: everything that speaking may read and run besides its job.
//!
//! The engines are not part of the worker: a library with its voices is opened, or a program with its data is run,
//! only when something is spoken. Neighbours: `confine` asks before it shuts everything else; `espeak` looks for its
//! program in the same folders.

use std::path::{Path, PathBuf};

/// Folders with programs; the caller's environment does not decide what is run.
const PROGRAM_FOLDERS: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"];
/// Libraries, voices and data of the engines, and what the loader of programs looks things up in.
const READ: [&str; 12] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/usr/share/espeak-ng-data",
    "/usr/local/share/espeak-ng-data",
    "/usr/share/espeak-ng",
    "/usr/share/pocketsphinx",
    "/usr/local/share/pocketsphinx",
];
/// What the kernel starts to start a program.
const LOADERS: [&str; 3] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
];

/// What the engines may have to read. Some of it does not exist on every machine.
pub fn engine_files() -> Vec<PathBuf> {
    READ.map(PathBuf::from).to_vec()
}

/// Programs that speaking with `engine` runs: none for an engine that is a library, else its program and the loader.
pub fn engine_programs(engine: &str) -> Vec<PathBuf> {
    if engine != "espeak-ng" {
        return Vec::new();
    }
    installed(engine)
        .into_iter()
        .chain(LOADERS.map(PathBuf::from))
        .collect()
}

/// Where a program is installed.
pub(super) fn installed(program: &str) -> Option<PathBuf> {
    PROGRAM_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.is_file())
}
