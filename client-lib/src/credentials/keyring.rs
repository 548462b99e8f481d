//! The system's keyring, through the program that comes with it (`secret-tool` of libsecret): the one door to it.
//!
//! A child process can be given up when the keyring hangs, which it does where nobody sits who could unlock it, and a
//! machine without a desktop has no such program and no such library to load. The key goes through pipes, never
//! through an argument.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Secret;

/// How long the keyring may take; nobody waits for a window that nobody sees.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(20);

const TOOL: &str = "secret-tool";

/// Puts a key into the keyring and looks whether it is there.
pub(super) fn write(vendor: &str, key: &Secret) -> Result<(), String> {
    let label = format!("--label=Fenta: key of {vendor}");
    asked("store", &[&label], vendor, Some(key))?;
    match read(vendor) {
        Ok(found) if found == *key => Ok(()),
        Ok(_) => Err("it gives another key back".to_owned()),
        Err(why) => Err(why),
    }
}

/// The key of a vendor.
pub(super) fn read(vendor: &str) -> Result<Secret, String> {
    let said = asked("lookup", &[], vendor, None)?;
    Secret::new(&said).map_err(|_| "it has no such key".to_owned())
}

/// Takes the key of a vendor out.
pub(super) fn forget(vendor: &str) -> Result<(), String> {
    asked("clear", &[], vendor, None).map(|_| ())
}

fn asked(
    verb: &str,
    options: &[&str],
    vendor: &str,
    input: Option<&Secret>,
) -> Result<String, String> {
    let child = Command::new(TOOL)
        .arg(verb)
        .args(options)
        .args(["application", "fenta", "provider", vendor])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{TOOL} is not installed"));
        }
        Err(error) => return Err(format!("{TOOL} does not start: {error}")),
    };
    if let (Some(mut pipe), Some(key)) = (child.stdin.take(), input) {
        // A program that ended has said why by its code.
        let _ = pipe.write_all(key.expose().as_bytes());
    }
    ended(&mut child)?;
    let mut said = String::new();
    let read = child
        .stdout
        .take()
        .map(|mut out| out.read_to_string(&mut said));
    match read {
        Some(Err(error)) => Err(format!("{TOOL} cannot be read: {error}")),
        _ => Ok(said),
    }
}

/// Waits for the program, not for ever. What it says is shorter than a pipe holds.
fn ended(child: &mut Child) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(_)) => return Err("it is not there or is locked".to_owned()),
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            outcome => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(match outcome {
                    Err(error) => format!("{TOOL} is lost: {error}"),
                    _ => format!("it did not answer within {} s", PATIENCE.as_secs()),
                });
            }
        }
    }
}
