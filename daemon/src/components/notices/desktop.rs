//! The desktop, by `notify-send` of libnotify: whoever has a desktop that shows notifications has it, or can have it.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The program.
const PROGRAM: &str = "notify-send";

/// A desktop that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(10);

/// Shows something.
///
/// # Errors
/// Why nobody can see it, as a sentence for people.
pub(super) async fn show(title: &str, text: &str) -> Result<(), String> {
    let shown = Command::new(PROGRAM)
        .args(["--app-name=Fenta", "--", title, text])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(LONGEST, shown).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!(
                "the program {PROGRAM} is not here; install libnotify, or use a webhook"
            ));
        }
        Ok(Err(error)) => return Err(format!("{PROGRAM} does not start: {error}")),
        Err(_) => return Err(format!("{PROGRAM} did not end within {LONGEST:?}")),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{PROGRAM}: {}", said.trim()))
}
