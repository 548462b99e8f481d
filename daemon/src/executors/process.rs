//! A worker process: started in its own process group with nothing but what it is given, read line by line, and ended
//! together with everything it may have started.
//!
//! Neighbours: `worker` knows what the lines mean. This module must not: it only guards memory and processes.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The longest line a worker may say.
const LINE_BYTES: usize = 1 << 20;

/// How much of its standard error is kept: the end.
const STDERR_BYTES: usize = 16 << 10;

/// What went wrong while talking to a process.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("cannot start {program}: {source}")]
    Start {
        program: String,
        source: std::io::Error,
    },
    #[error("lost the connection to the worker: {0}")]
    Pipe(#[from] std::io::Error),
    #[error("the worker said a line of more than {LINE_BYTES} bytes")]
    LongLine,
}

/// A running worker. Dropping it kills its whole group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
    stderr: JoinHandle<Vec<u8>>,
}

impl Process {
    /// Starts `program`, gives it `input` and closes its standard input.
    ///
    /// Must be called on a thread that lives as long as the daemon (a runtime worker is one): the worker asks the
    /// kernel to end it with its parent, and the kernel means the thread.
    pub(super) fn start(
        program: &Path,
        env: &[(OsString, OsString)],
        folder: &Path,
        input: Vec<u8>,
    ) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start {
            program: program.display().to_string(),
            source,
        };
        let mut child = Command::new(program)
            .env_clear()
            .envs(env.iter().cloned())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let piped = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = piped else {
            return Err(failed(std::io::Error::other("its pipes are missing")));
        };
        tokio::spawn(async move {
            // A worker that does not read its job says so on its own channel, or by its exit.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.shutdown().await;
        });
        Ok(Self {
            child,
            lines: BufReader::new(stdout),
            stderr: tokio::spawn(tail(stderr)),
        })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next line without its end; nothing when it has closed its output.
    pub(super) async fn line(&mut self) -> Result<Option<Vec<u8>>, ProcessError> {
        read_line(&mut self.lines, LINE_BYTES).await
    }

    /// Waits for the end of the worker, ends whatever it left behind, and gives the end of its standard error. Who does
    /// not want to wait any longer drops this and calls [`Process::kill`].
    pub(super) async fn finish(&mut self) -> Result<(ExitStatus, String), ProcessError> {
        if let Some(worker) = self.group() {
            // Seen dead but not yet reaped, its number cannot belong to anybody else when the group is killed.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let seen = tokio::task::spawn_blocking(move || waitid(WaitId::Pid(worker), options));
            let _ = seen.await;
            self.kill_group();
        }
        let status = self.child.wait().await?;
        let stderr = (&mut self.stderr).await.unwrap_or_default();
        Ok((status, String::from_utf8_lossy(&stderr).into_owned()))
    }

    /// Ends the worker and everything in its group, now.
    pub(super) async fn kill(mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
    }

    fn group(&self) -> Option<Pid> {
        self.child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
    }

    fn kill_group(&self) {
        // `id` is known only until the worker has been waited for: no other process can have got its number.
        if let Some(group) = self.group() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> Result<Option<Vec<u8>>, ProcessError> {
    let mut line = Vec::new();
    let mut limited = reader.take(limit as u64 + 1);
    limited.read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(line));
    }
    if line.len() > limit {
        return Err(ProcessError::LongLine);
    }
    Ok((!line.is_empty()).then_some(line))
}

async fn tail(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await
        && count > 0
    {
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(STDERR_BYTES);
        kept.drain(..surplus);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn shell(folder: &Path, body: &str, input: &[u8]) -> Process {
        let script = crate::executors::testing::script(folder, "p", "");
        std::fs::write(&script, format!("#!/bin/sh\n{body}\n")).unwrap();
        let env = [("PATH".into(), "/usr/bin:/bin".into())];
        Process::start(&script, &env, folder, input.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_process_gets_its_input_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell(folder.path(), "cat; echo; env | sort; pwd", b"job");
        let mut lines = Vec::new();
        while let Some(line) = process.line().await.unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        let (status, _) = process.finish().await.unwrap();
        assert!(status.success());
        assert_eq!(lines[0], "job");
        assert!(lines.contains(&"PATH=/usr/bin:/bin".to_owned()));
        assert!(!lines.iter().any(|line| line.starts_with("HOME=")));
        assert_eq!(lines.last().unwrap(), &folder.path().display().to_string());
    }

    #[tokio::test]
    async fn killing_takes_the_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        // The child holds the pipe: its reader comes to the end when the child is gone, and not before.
        let child_is_gone = tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap());
        let body = "( exec 3> pipe; echo held; exec sleep 1000 ) & wait";
        let mut process = shell(folder.path(), body, b"");
        assert_eq!(process.line().await.unwrap().unwrap(), b"held");
        assert!(!child_is_gone.is_finished());
        process.kill().await;
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, child_is_gone)
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn a_line_without_end_does_not_fill_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell(folder.path(), "yes | tr -d '\\n'", b"");
        let error = process.line().await.unwrap_err();
        assert!(matches!(error, ProcessError::LongLine), "{error}");
        process.kill().await;
    }

    #[tokio::test]
    async fn the_end_of_standard_error_and_the_signal_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let body = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; kill -9 $$";
        let mut process = shell(folder.path(), body, b"");
        assert!(process.line().await.unwrap().is_none());
        let (status, stderr) = process.finish().await.unwrap();
        assert_eq!(status.signal(), Some(9));
        assert!(stderr.ends_with("line 2999\n"), "{stderr}");
        assert!(stderr.len() <= STDERR_BYTES);
    }

    #[tokio::test]
    async fn lines_up_to_the_limit_are_whole() {
        let mut input = BufReader::new(&b"ab\nabcd\nlast"[..]);
        let mut read = async || read_line(&mut input, 4).await;
        assert_eq!(read().await.unwrap().unwrap(), b"ab");
        assert_eq!(read().await.unwrap().unwrap(), b"abcd");
        assert_eq!(read().await.unwrap().unwrap(), b"last");
        assert_eq!(read().await.unwrap(), None);
    }
}
