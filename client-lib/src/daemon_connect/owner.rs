//! The process that owns a state folder, as the system sees it.

use std::fs;
use std::path::Path;

/// Whether the process that the folder names runs, or waits for something. One that was stopped, one that is gone, and one
/// of which nothing can be known, do not.
pub(super) fn goes_on(state_dir: &Path) -> bool {
    let told = fs::read_to_string(state_dir.join("fentad.json")).ok();
    let told = told.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let pid = told.and_then(|told| told.get("pid")?.as_u64());
    pid.and_then(state)
        .is_some_and(|state| "RSDI".contains(state))
}

/// The letter of its state in `/proc/PID/stat` (proc(5)): what stands behind the name, which may hold anything.
fn state(pid: u64) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    after.trim_start().chars().next()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    #[test]
    fn a_process_goes_on_until_it_is_stopped_or_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!goes_on(folder.path()), "nobody is named");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let named = format!("{{\"pid\":{}}}", child.id());
        fs::write(folder.path().join("fentad.json"), named).unwrap();
        assert!(goes_on(folder.path()));
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        let asked = Instant::now();
        while goes_on(folder.path()) && asked.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!goes_on(folder.path()));
        kill_process(pid, Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(!goes_on(folder.path()));
    }
}
