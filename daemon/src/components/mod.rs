//! What works while nobody looks: parts of the daemon with a life of their own, beside the runner.
//!
//! Each is started once by `daemon` and ends with its shutdown. A part decides when something begins; doing it is the
//! runner's affair.

pub mod schedules;
pub mod watches;
