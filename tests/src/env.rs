//! A machine of its own for one test: empty home, own state folder, own daemon, cleared environment.
//!
//! The daemon started by the programs under test is ended, by its own process id, when the value is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use anyhow::{Context as _, bail};

/// A hermetic place in which `fenta` runs as a new user would run it.
#[derive(Debug)]
pub struct FentaEnv {
    folder: tempfile::TempDir,
    jobs: u32,
    variables: Vec<(String, String)>,
}

/// What a finished program said.
#[derive(Debug)]
pub struct Said {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Fails unless the program ended with this code.
    ///
    /// # Errors
    /// Names the code and everything the program said.
    pub fn expect_code(self, code: i32) -> anyhow::Result<Self> {
        if self.code != code {
            bail!(
                "expected exit code {code}, got {}\n--- stdout\n{}\n--- stderr\n{}",
                self.code,
                self.stdout,
                self.stderr
            );
        }
        Ok(self)
    }

    /// The lines of standard output that are paths of existing files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.stdout
            .lines()
            .map(PathBuf::from)
            .filter(|path| path.is_file())
            .collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The folder in which cargo put the programs of this build.
///
/// # Errors
/// When they have not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test lies in target/<profile>/deps")?;
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "{} is not built; run `cargo build --workspace` first (`make test` does)",
            path.display()
        );
    }
    Ok(path)
}

impl FentaEnv {
    /// A fresh place.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fenta-test-").tempdir()?;
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self {
            folder,
            jobs: 2,
            variables: Vec::new(),
        })
    }

    /// The same place with another number of parallel workers.
    pub fn with_jobs(mut self, jobs: u32) -> Self {
        self.jobs = jobs;
        self
    }

    /// The folder in which commands run.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The daemon's state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file below the working folder and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.work().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Writes the user's file of settings.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, text: &str) -> anyhow::Result<()> {
        let folder = self.config();
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("config.toml"), text)?;
        Ok(())
    }

    /// The folder of the user's settings.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("home/.config/fenta")
    }

    /// Gives the daemon a variable more, which must be done before it is started.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A program with the cleared environment of this place.
    ///
    /// # Errors
    /// When the program has not been built.
    pub fn command(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(program(name)?);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path().join("home"))
            .env("FENTA_STATE_DIR", self.state())
            .env("FENTA_SOCKET", self.folder.path().join("s/d.sock"))
            .env("FENTA_JOBS", self.jobs.to_string())
            .env("FENTA_IDLE_EXIT_SECS", "120")
            .env("COLUMNS", "100")
            // The keyring of whoever runs the tests stays out of them.
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.work());
        Ok(command)
    }

    /// Runs `fenta` to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn fenta(&self, arguments: &[&str]) -> anyhow::Result<Said> {
        Ok(self.command("fenta")?.args(arguments).output()?.into())
    }

    /// The process id of the daemon that serves this place, if one has written its file.
    pub fn daemon_pid(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.state().join("fentad.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        i32::try_from(value["pid"].as_i64()?).ok()
    }

    /// Ends the daemon at once, as a power cut would.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_daemon(&self) -> anyhow::Result<()> {
        let pid = self.daemon_pid().context("no daemon has been started")?;
        kill(pid)
    }
}

/// Follows a job that was started with `--json` until its render has said something `times` times; returns the last one.
///
/// # Errors
/// When the job ends before, or its output is not piped.
pub fn follow_until(
    child: &mut Child,
    kind: &str,
    times: usize,
) -> anyhow::Result<serde_json::Value> {
    let output = child.stdout.take().context("the output is not piped")?;
    let mut seen = 0;
    for line in BufReader::new(output).lines() {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(&line?) else {
            continue;
        };
        if event["type"] == kind && event["node"] == "render" {
            seen += 1;
            if seen == times {
                return Ok(event);
            }
        }
    }
    bail!("the job ended before {times} `{kind}` events of the render")
}

/// Sends SIGKILL to one process.
///
/// # Errors
/// When there is no such process.
pub fn kill(pid: i32) -> anyhow::Result<()> {
    let pid = rustix::process::Pid::from_raw(pid).context("not a process id")?;
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
    Ok(())
}

impl Drop for FentaEnv {
    fn drop(&mut self) {
        let is_ours = |pid: i32| {
            std::fs::read_link(format!("/proc/{pid}/exe"))
                .is_ok_and(|exe| exe.to_string_lossy().contains("fentad"))
        };
        if let Some(pid) = self.daemon_pid().filter(|pid| is_ours(*pid)) {
            // The daemon may have ended by itself in between; there is nothing to do then.
            let _ = kill(pid);
        }
    }
}
