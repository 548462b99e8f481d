//! Places at which the daemon may be ended at once, to show that ending there harms nothing. In a release nothing of it is left.
//!
//! With the feature `failpoints` (only the torture builds it) [`arm`] says at which place reached the process kills itself,
//! as a power cut would; without it [`reach`] is nothing. Whoever makes something durable reaches one before and one after.

#[cfg(feature = "failpoints")]
pub use armed::{arm, reach};

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn reach(_place: &'static str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    /// Places left until the end; 0 for never.
    static LEFT: AtomicU64 = AtomicU64::new(0);

    /// The process ends at the `number`th place it reaches from now on; 0 for none.
    pub fn arm(number: u64) {
        LEFT.store(number, Ordering::SeqCst);
    }

    /// Ends the process here, if this is the place; it says so on standard error.
    pub fn reach(place: &'static str) {
        let before = LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if before == Ok(1) {
            let _ = writeln!(std::io::stderr(), "failpoint: {place}");
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                // The signal is on its way; nothing more may be done by this thread.
                std::thread::park();
            }
        }
    }
}
