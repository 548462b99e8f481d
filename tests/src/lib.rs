//! The harness of Fenta's end-to-end tests and benchmarks.
//!
//! Neighbours: uses every crate of the workspace and the built programs; nothing uses it. Cases live in `cases/`,
//! benchmarks in `benches/`. It must not contain product behaviour: it starts real programs and measures real files.

pub mod api_surface;
pub mod env;
pub mod fakes;
pub mod house;
pub mod http;
pub mod loudness;
pub mod lsp;
pub mod media;
pub mod memory;
pub mod mp4;
pub mod talk;
pub mod tones;
pub mod worker;
