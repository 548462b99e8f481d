//! The daemon: a server, a runner and a store in one process, `fentad`.
//!
//! Neighbours: it implements the other side of `fenta-client`'s `/v1`, executes what `fenta-workflows` plans, and
//! starts `fenta-render` processes for everything that touches media. It never links FFmpeg: a decoder's bug must not
//! take the daemon down. Nothing below `main.rs` reads the environment, prints or exits.

pub mod asset_files;
pub mod cache;
pub mod clock;
pub mod components;
pub mod daemon;
mod dollars;
pub mod executors;
#[cfg(feature = "failpoints")]
pub mod failpoint;
#[cfg(not(feature = "failpoints"))]
mod failpoint;
pub mod listen;
pub mod logging;
mod network_file_system;
pub mod providers;
pub mod random;
pub mod reader;
pub mod runner;
pub mod server;
pub mod settings;
pub mod state_dir;
pub mod store;
pub mod team;
pub mod token_file;
