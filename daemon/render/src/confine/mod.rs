//! What the worker gives up before it looks at anybody's file.
//!
//! Two steps. [`begin`], before anything is read: limits, and dying with its parent. [`lock_in`], when the job is
//! known and before the first of its files is opened: the kernel lets this process (and whatever thread or child it
//! makes) read the files of the job, write into its output folder, and nothing else; no network, no other program, no
//! other process. Neighbours: `files` and `calls` speak to the kernel, `main` and `protocol` call the two steps.
//!
//! The system ties a child to the *thread* that started it: the daemon must start workers from a thread that stays.

mod calls;
mod files;

use std::path::{Path, PathBuf};

use fenta_workflows::action::Action;
use fenta_workflows::worker::{Sandbox, WorkerJob};
use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
    test_kill_process,
};

use crate::{audio, text};

/// Address space a worker may use: an 8K source, its decoder threads and x264 fit several times.
const MAX_ADDRESS_SPACE: u64 = 12 << 30;
/// The largest file it may write, bytes: an hour of mezzanine fits.
const MAX_FILE: u64 = 64 << 30;
/// Files open at a time: a job's sources and what the libraries need, several times over.
const MAX_OPEN_FILES: u64 = 1024;
/// Seconds of processor time, all threads together; the daemon's wall clock is the tighter limit, this one holds when
/// the daemon is stopped or asleep.
const MAX_CPU_SECONDS: u64 = 12 * 3600;
/// How much rather this process is ended than another one when the machine runs out of memory (-1000 to 1000).
const OUT_OF_MEMORY_SCORE: &str = "500";

/// What a job may touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Files, and folders with everything below them, that may be read.
    pub read: Vec<PathBuf>,
    /// The folder that takes the outputs.
    pub write: Option<PathBuf>,
    /// Files that may be run as programs, with the program loader; empty when no program may be started.
    pub run: Vec<PathBuf>,
}

impl Grants {
    /// Exactly what a job needs: its blobs, its output folder, and what its kind of action cannot do without.
    pub fn of(job: &WorkerJob) -> Self {
        let mut grants = Self {
            read: job.blobs.values().map(PathBuf::from).collect(),
            write: (!job.output_dir.is_empty()).then(|| PathBuf::from(&job.output_dir)),
            run: Vec::new(),
        };
        match &job.action {
            Action::ResolveFonts(_) => grants.read.extend(text::font_places()),
            Action::Speak(request) => {
                grants.read.extend(audio::engine_files());
                grants.run = audio::engine_programs(&request.engine);
            }
            // Words are looked for with the libraries of an engine and a recogniser.
            Action::TakeSpeech(_) | Action::AlignWords(_) => {
                grants.read.extend(audio::engine_files());
            }
            _ => {}
        }
        grants
    }
}

/// The first step: limits on this process, and its end with its parent's.
///
/// # Errors
/// When the system refuses one; a worker must not run without them.
pub fn begin() -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Only a wish: some systems do not let a process change its own.
    let _ = std::fs::write("/proc/self/oom_score_adj", OUT_OF_MEMORY_SCORE);
    limit(Resource::Core, 0)?;
    limit(Resource::As, MAX_ADDRESS_SPACE)?;
    limit(Resource::Fsize, MAX_FILE)?;
    limit(Resource::Nofile, MAX_OPEN_FILES)?;
    limit(Resource::Cpu, MAX_CPU_SECONDS)
}

/// Whether the process that gave the job still lives: it may have died before this process could ask to die with it.
/// True when the job does not name it.
pub fn is_wanted(job: &WorkerJob) -> bool {
    let Some(parent) = job.parent else {
        return true;
    };
    let Some(parent) = i32::try_from(parent).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // Where a script stands between the two, the parent is the script.
    getppid() == Some(parent) || test_kill_process(parent) != Err(Errno::SRCH)
}

/// The second step: from here on the kernel allows what `grants` says and nothing else, as far as it can. There is
/// no way back.
pub fn lock_in(grants: &Grants) -> Sandbox {
    let files = files::allow_only(grants);
    let calls = calls::allow_only_work(!grants.run.is_empty());
    if let Err(why) = &files {
        tell(why);
    }
    if let Err(why) = &calls {
        tell(why);
    }
    Sandbox {
        files: files.unwrap_or(None),
        calls: calls.is_ok(),
    }
}

/// One line for the daemon's log.
fn tell(why: &impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "not confined as far as it should be: {why}"
    );
}

/// Lowers a limit, the hard one too; what is lower already stays.
fn limit(resource: Resource, most: u64) -> std::io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let most = now.maximum.map_or(most, |hard| hard.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Files a folder's links lead to outside of it: rules hold for where a file really is.
pub(crate) fn linked_files(folder: &Path) -> Vec<PathBuf> {
    /// No folder of fonts has more; a hostile one must not keep the worker busy.
    const MOST_ENTRIES: usize = 20_000;
    let (mut found, mut folders, mut seen) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST_ENTRIES {
                return found;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_symlink() => found.extend(entry.path().canonicalize().ok()),
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenta_workflows::action::{ComposeMusicRequest, SpeakRequest};
    use fenta_workflows::digest::blob_digest;

    use super::*;

    fn job(action: Action) -> WorkerJob {
        WorkerJob {
            action,
            blobs: BTreeMap::from([(blob_digest(b"x"), "/blobs/x".to_owned())]),
            output_dir: "/out".to_owned(),
            then: Vec::new(),
            parent: None,
        }
    }

    #[test]
    fn a_job_gets_its_blobs_and_its_folder_and_only_speech_gets_more() {
        let music = Action::ComposeMusic(ComposeMusicRequest {
            seed: 1,
            mood: "calm".to_owned(),
            bpm: 90,
            duration_ms: 1000,
        });
        let plain = Grants {
            read: vec!["/blobs/x".into()],
            write: Some("/out".into()),
            run: Vec::new(),
        };
        assert_eq!(Grants::of(&job(music)), plain);
        let speak = |engine: &str| {
            Grants::of(&job(Action::Speak(SpeakRequest {
                text: "a".to_owned(),
                engine: engine.to_owned(),
                voice: "slt".to_owned(),
                speed_pm: 1000,
            })))
        };
        assert!(speak("flite").run.is_empty(), "a library needs no program");
        assert!(speak("flite").read.len() > 1);
        assert!(
            speak("espeak-ng")
                .run
                .iter()
                .all(|path| !path.ends_with("sh"))
        );
    }

    #[test]
    fn a_parent_that_is_gone_is_noticed() {
        let mut job = job(Action::ComposeMusic(ComposeMusicRequest {
            seed: 1,
            mood: "calm".to_owned(),
            bpm: 90,
            duration_ms: 1000,
        }));
        assert!(is_wanted(&job));
        job.parent = Some(std::os::unix::process::parent_id());
        assert!(is_wanted(&job));
        job.parent = Some(u32::MAX);
        assert!(!is_wanted(&job));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        job.parent = Some(child.id());
        assert!(!is_wanted(&job));
    }

    #[test]
    fn links_out_of_a_folder_are_followed_to_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (fonts, away) = (
            folder.path().join("fonts/deep"),
            folder.path().join("a.ttf"),
        );
        std::fs::create_dir_all(&fonts).unwrap();
        std::fs::write(&away, "").unwrap();
        std::os::unix::fs::symlink(&away, fonts.join("a.ttf")).unwrap();
        std::os::unix::fs::symlink("/no/such", fonts.join("b.ttf")).unwrap();
        let found = linked_files(&folder.path().join("fonts"));
        assert_eq!(found, [away.canonicalize().unwrap()]);
    }
}
