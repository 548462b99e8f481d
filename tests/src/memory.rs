//! How much memory a process and everything it started hold together, from what the kernel counts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(50);

/// Watches the processes below one, in a thread, until it is asked for the peak.
#[derive(Debug)]
pub struct MemoryWatch {
    stop: Arc<AtomicBool>,
    peak_kib: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryWatch {
    /// Begins to watch. `roots` says which processes to look at with all their children; it is asked each time, as they may not
    /// have been started yet.
    pub fn start(roots: impl Fn() -> Vec<i32> + Send + 'static) -> Self {
        let (stop, peak_kib) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stopped, peak) = (Arc::clone(&stop), Arc::clone(&peak_kib));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let now = roots().into_iter().map(tree_kib).sum();
                peak.fetch_max(now, Ordering::Relaxed);
                thread::sleep(EVERY);
            }
        });
        Self {
            stop,
            peak_kib,
            thread: Some(thread),
        }
    }

    /// Ends the watch: the most that all of them held at once, MiB. Pages that several share are counted once (PSS).
    pub fn peak_mib(mut self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A watch that died has seen what it has seen.
            drop(thread.join());
        }
        self.peak_kib.load(Ordering::Relaxed) as f64 / 1024.0
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The processes a process has started and that still run.
pub fn children(pid: i32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    tasks
        .flatten()
        .flat_map(|task| {
            let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<i32>>()
        })
        .collect()
}

fn tree_kib(pid: i32) -> u64 {
    own_kib(pid) + children(pid).into_iter().map(tree_kib).sum::<u64>()
}

/// The proportional set size; nothing once the process has ended.
fn own_kib(pid: i32) -> u64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_counted_while_it_runs() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut child = Command::new("sleep").arg("5").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(children(own).contains(&pid));
        let watch = MemoryWatch::start(move || vec![own]);
        thread::sleep(4 * EVERY);
        assert!(tree_kib(own) > own_kib(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children(own).contains(&pid));
        assert!(watch.peak_mib() > 0.1);
    }
}
