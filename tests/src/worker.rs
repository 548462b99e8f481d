//! Runs single actions in `fenta-render` processes, without a daemon, and measures what they cost.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use fenta_workflows::action::{Action, ActionFacts};
use fenta_workflows::digest::{Digest, blob_digest};
use fenta_workflows::worker::{WorkerEvent, WorkerJob};

use crate::env::program;

/// Blobs by digest and a folder for outputs.
#[derive(Debug)]
pub struct Workbench {
    folder: tempfile::TempDir,
    blobs: BTreeMap<Digest, String>,
    outputs: AtomicU64,
    /// Largest resident memory of any worker so far, KiB.
    pub peak_kib: AtomicU64,
}

/// Outputs by name and what was learnt.
type Answer = (BTreeMap<String, String>, ActionFacts);

/// What one action made.
#[derive(Debug)]
pub struct Made {
    /// Files by output name.
    pub outputs: BTreeMap<String, PathBuf>,
    /// What was learnt.
    pub facts: ActionFacts,
}

impl Workbench {
    /// An empty bench.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fenta-bench-").tempdir()?;
        Ok(Self {
            folder,
            blobs: BTreeMap::new(),
            outputs: AtomicU64::new(0),
            peak_kib: AtomicU64::new(0),
        })
    }

    /// Makes a file known by its content.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add(&mut self, path: &Path) -> anyhow::Result<Digest> {
        let digest = blob_digest(
            &std::fs::read(path).with_context(|| format!("reading {}", path.display()))?,
        );
        self.blobs
            .insert(digest, path.to_string_lossy().into_owned());
        Ok(digest)
    }

    /// Does one action in a process of its own.
    ///
    /// # Errors
    /// What the worker reported, or that it died.
    pub fn run(&self, action: Action) -> anyhow::Result<Made> {
        let number = self.outputs.fetch_add(1, Ordering::Relaxed);
        let output_dir = self.folder.path().join(number.to_string());
        std::fs::create_dir(&output_dir)?;
        let blobs = action
            .blobs()
            .into_iter()
            .filter_map(|digest| Some((digest, self.blobs.get(&digest)?.clone())));
        let job = WorkerJob {
            blobs: blobs.collect(),
            action,
            output_dir: output_dir.to_string_lossy().into_owned(),
            then: Vec::new(),
            parent: None,
        };
        let (outputs, facts) = self.converse(&job)?;
        Ok(Made {
            outputs: outputs
                .into_iter()
                .map(|(name, file)| (name, output_dir.join(file)))
                .collect(),
            facts,
        })
    }

    /// Renders neighbouring segments in one process, as the daemon does.
    ///
    /// # Errors
    /// What the worker reported, or that it died.
    pub fn run_together(&self, mut actions: Vec<Action>) -> anyhow::Result<Vec<Made>> {
        if actions.len() == 1 {
            return Ok(vec![self.run(actions.remove(0))?]);
        }
        let number = self.outputs.fetch_add(1, Ordering::Relaxed);
        let output_dir = self.folder.path().join(number.to_string());
        let mut blobs = BTreeMap::new();
        for (member, action) in actions.iter().enumerate() {
            std::fs::create_dir_all(output_dir.join(member.to_string()))?;
            for digest in action.blobs() {
                blobs.extend(self.blobs.get(&digest).map(|path| (digest, path.clone())));
            }
        }
        let job = WorkerJob {
            blobs,
            action: actions.remove(0),
            then: actions,
            output_dir: output_dir.to_string_lossy().into_owned(),
            parent: None,
        };
        let made = self.events(&job)?.into_iter().enumerate();
        Ok(made
            .map(|(member, (outputs, facts))| Made {
                outputs: outputs
                    .into_iter()
                    .map(|(name, file)| (name, output_dir.join(member.to_string()).join(file)))
                    .collect(),
                facts,
            })
            .collect())
    }

    fn converse(&self, job: &WorkerJob) -> anyhow::Result<Answer> {
        self.events(job)?.pop().context("the worker died")
    }

    /// Everything the worker has made, in order.
    fn events(&self, job: &WorkerJob) -> anyhow::Result<Vec<Answer>> {
        let mut child = Command::new(program("fenta-render")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = child
            .stdin
            .take()
            .context("a piped child has a standard input")?;
        stdin.write_all(&serde_json::to_vec(job)?)?;
        drop(stdin);
        let stdout = child
            .stdout
            .take()
            .context("a piped child has a standard output")?;
        let status = format!("/proc/{}/status", child.id());
        let mut made = Vec::new();
        for line in BufReader::new(stdout).lines() {
            match serde_json::from_str::<WorkerEvent>(&line?)? {
                WorkerEvent::Progress { .. } | WorkerEvent::Beat => {}
                WorkerEvent::Done { outputs, facts } => made.push((outputs, facts)),
                WorkerEvent::Failed(failure) => bail!("{}; {}", failure.message, failure.hint),
            }
            self.note_memory(&status);
        }
        child.wait()?;
        if made.len() != 1 + job.then.len() {
            bail!("the worker died");
        }
        Ok(made)
    }

    fn note_memory(&self, status: &str) {
        let text = std::fs::read_to_string(status).unwrap_or_default();
        let high_water = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high_water
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0);
        self.peak_kib.fetch_max(kib, Ordering::Relaxed);
    }
}

/// User and system CPU seconds of this process's finished children.
///
/// # Errors
/// Where there is no `/proc`.
pub fn children_cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| -> anyhow::Result<f64> {
        Ok(fields
            .get(at)
            .context("short /proc/self/stat")?
            .parse::<f64>()?)
    };
    // Fields 16 and 17 of proc(5), cutime and cstime, in clock ticks of 1/100 s.
    Ok((ticks(13)? + ticks(14)?) / 100.0)
}
