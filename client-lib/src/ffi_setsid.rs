//! Detaching a child process from the terminal: the one place of this crate that needs unsafe code.
//!
//! Used by `daemon_connect`. It must not do anything else between fork and exec.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the child the leader of a session of its own: closing the terminal or pressing Ctrl-C does not reach it.
pub(crate) fn detach(command: &mut Command) {
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe calls are allowed.
    // It makes a single setsid system call through rustix, without allocating, locking or touching the environment;
    // turning the raw OS error into `io::Error` does not allocate either.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}
