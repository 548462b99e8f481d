//! The montage domain of Fenta: time, the timeline, and templates that become timelines.
//!
//! Neighbours: `fenta-workflows` builds on this crate; nothing below it exists. This crate is pure: it never
//! touches files, the network, processes, the environment, clocks or randomness. Everything it needs arrives as
//! values, and everything it makes is a value.

pub mod color;
pub mod digest;
pub mod template;
pub mod time;
pub mod timeline;
