//! What the worker gives up before it looks at anybody's file.
//!
//! It dies with its parent, leaves no core dump (which could hold a user's pictures) and cannot take all memory.
//! The system ties a child to the *thread* that started it: the daemon must start workers from a thread that stays.
//! Neighbours: `main` calls it first.

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

/// Address space a worker may use: an 8K source, its decoder threads and x264 fit several times.
const MAX_ADDRESS_SPACE: u64 = 12 << 30;

/// Applies the limits to this process.
///
/// # Errors
/// When the system refuses one; a worker must not run without them.
pub fn confine() -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    limit(Resource::Core, 0)?;
    limit(Resource::As, MAX_ADDRESS_SPACE)
}

fn limit(resource: Resource, most: u64) -> std::io::Result<()> {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}
