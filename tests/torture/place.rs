//! A machine of its own: a state folder, a folder for results, a clock, and the daemon that is killed and started again.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use fenta_tests::talk::Connection;
use serde_json::{Value, json};

use crate::shop::Shop;
use crate::workload::Order;

/// Longer than a start, and an answer, take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(crate) struct Place {
    folder: tempfile::TempDir,
    state: PathBuf,
    results: PathBuf,
    pub(crate) shop: Shop,
}

/// A job as it was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) id: String,
    pub(crate) order: Order,
}

impl Place {
    /// A fresh place.
    pub(crate) fn new(shop: &Shop) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("fenta-torture-")
            .tempdir()?;
        let (state, results) = (folder.path().join("state"), folder.path().join("results"));
        std::fs::create_dir(&results)?;
        std::fs::create_dir(folder.path().join("home"))?;
        std::fs::write(folder.path().join("clock"), "0")?;
        Ok(Self {
            folder,
            state,
            results,
            shop: shop.clone(),
        })
    }

    /// The same with its state somewhere else.
    pub(crate) fn with_state(mut self, state: PathBuf) -> Self {
        self.state = state;
        self
    }

    /// The same with its results somewhere else.
    pub(crate) fn with_results(mut self, results: PathBuf) -> Self {
        self.results = results;
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// Puts the daemon's clock wrong by so much, at once.
    pub(crate) fn set_clock(&self, wrong: i64) -> anyhow::Result<()> {
        let (new, clock) = (self.root().join("clock.new"), self.root().join("clock"));
        std::fs::write(&new, wrong.to_string())?;
        std::fs::rename(new, clock)?;
        Ok(())
    }

    /// Everything the daemons said that was worth a warning.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.root().join("log")).unwrap_or_default()
    }

    fn socket(&self) -> PathBuf {
        self.root().join("s/d.sock")
    }

    /// Starts a daemon that ends at a failpoint; 0 for one that does not.
    pub(crate) fn spawn(&self, failpoint: u64) -> anyhow::Result<Daemon> {
        let said: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.root().join("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["daemon", &self.shop.address.to_string()])
            .arg(self.root().join("clock"))
            .arg(failpoint.to_string())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root().join("home"))
            .env("FENTA_STATE_DIR", &self.state)
            .env("FENTA_SOCKET", self.socket())
            .env("FENTA_JOBS", "2")
            .env("FENTA_IDLE_EXIT_SECS", "0")
            .env("FENTA_CACHE_MIN_FREE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()?;
        Ok(Daemon { child })
    }

    /// Starts a daemon and waits until it answers.
    pub(crate) fn start(&self) -> anyhow::Result<Daemon> {
        let mut daemon = self.spawn(0)?;
        ensure!(
            self.is_ready(&mut daemon)?,
            "the daemon ended at its start: {}",
            self.last_words()
        );
        Ok(daemon)
    }

    /// The end of the log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        log.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
    }

    /// Waits until a daemon answers; false when it ended before.
    pub(crate) fn is_ready(&self, daemon: &mut Daemon) -> anyhow::Result<bool> {
        let begun = Instant::now();
        loop {
            if daemon.ended()?.is_some() {
                return Ok(false);
            }
            let answer = Connection::open(&self.socket()).and_then(|mut one| one.get("/v1/meta"));
            if answer.is_ok_and(|(status, _)| status == 200) {
                return Ok(true);
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "the daemon does not answer: {}",
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Asks the daemon; an error when it dies meanwhile.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body)?
        };
        let (status, answer) = Connection::open(&self.socket())?.ask(method, path, &body)?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path} was answered {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Submits a job; an error when nobody said that it is accepted.
    pub(crate) fn submit(&self, order: Order) -> anyhow::Result<Accepted> {
        let answer = self.ask("POST", "/v1/jobs", &order.request(&self.results))?;
        let id = answer["id"].as_str().context("a job has an id")?.to_owned();
        Ok(Accepted { id, order })
    }

    /// Jobs that are there although nobody was told that they are accepted.
    pub(crate) fn unanswered(&self, order: Order) -> anyhow::Result<Vec<Accepted>> {
        let list = self.ask("GET", "/v1/jobs", &Value::Null)?;
        let ids = list["items"].as_array().context("a list of jobs")?;
        Ok(ids
            .iter()
            .filter_map(|job| job["id"].as_str())
            .map(|id| Accepted {
                id: id.to_owned(),
                order,
            })
            .collect())
    }

    /// The job as it is now.
    pub(crate) fn job(&self, id: &str) -> anyhow::Result<Value> {
        self.ask("GET", &format!("/v1/jobs/{id}"), &Value::Null)
    }

    /// The state of a job as it is now.
    pub(crate) fn state_of(&self, id: &str) -> anyhow::Result<String> {
        let job = self.job(id)?;
        Ok(job["state"]
            .as_str()
            .context("a job has a state")?
            .to_owned())
    }

    /// Does what a person does who is asked what became of a call: looks at the provider's books.
    pub(crate) fn resolve(&self, id: &str) -> anyhow::Result<()> {
        let job = self.job(id)?;
        let message = job["error"]["message"].as_str().unwrap_or_default();
        let reference = message
            .split_whitespace()
            .find(|word| word.starts_with("fenta_"))
            .with_context(|| format!("the job names no call: {message}"))?;
        let verdict = match self.shop.look_up(reference) {
            Some(remote) => json!({ "verdict": "found", "remote": remote }),
            None => json!({ "verdict": "not_paid" }),
        };
        self.ask("POST", &format!("/v1/jobs/{id}/resolve"), &verdict)?;
        Ok(())
    }

    /// Waits until every job is at its end, and says of each which; a person answers what is asked.
    pub(crate) fn finish(
        &self,
        jobs: &[Accepted],
        patience: Duration,
    ) -> anyhow::Result<Vec<String>> {
        let begun = Instant::now();
        let mut states = vec![String::new(); jobs.len()];
        loop {
            for (job, state) in jobs
                .iter()
                .zip(&mut states)
                .filter(|(_, state)| !is_end(state))
            {
                *state = self.state_of(&job.id)?;
                if state == "needs_attention" {
                    self.resolve(&job.id)?;
                }
            }
            let open: Vec<&str> = jobs
                .iter()
                .zip(&states)
                .filter(|(_, state)| !is_end(state))
                .map(|(job, _)| job.id.as_str())
                .collect();
            if open.is_empty() {
                return Ok(states);
            }
            if begun.elapsed() > patience {
                let one = self.job(open[0])?;
                bail!(
                    "{} jobs are stuck after {} s, the first: {} {}; {}",
                    open.len(),
                    patience.as_secs(),
                    one["state"],
                    one["error"],
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Processes that work in this place's state folder.
    pub(crate) fn workers(&self) -> Vec<i32> {
        let scratch = self.state.join("scratch");
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| {
                std::fs::read_link(format!("/proc/{pid}/cwd"))
                    .is_ok_and(|cwd| cwd.starts_with(&scratch))
            })
            .collect()
    }
}

/// Whether a state is an end.
pub(crate) fn is_end(state: &str) -> bool {
    matches!(state, "completed" | "failed" | "cancelled")
}

/// A daemon; it does not outlive this value.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process has an id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        Ok(())
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, patience: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < patience, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Asks it to end, and says how long that took.
    pub(crate) fn terminate(mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.ask_to_end()?;
        self.wait(PATIENCE)?;
        Ok(begun.elapsed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
