//! The workflow document of Fenta: its syntax, the typed graph, the plan and the action model.
//!
//! Neighbours: builds on `fenta-templates`; `fenta-client`, the daemon and the CLI build on it. Pure: no files, no
//! network, no processes, no environment, no clock, no randomness. Facts about the outside arrive as values
//! ([`action::ActionResult`]s); wishes about the outside leave as values ([`action::Action`]s).

pub mod action;
pub mod digest;
pub mod job_event;
pub mod rerun_reason;
pub mod value;
pub mod worker;
