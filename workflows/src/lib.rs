//! The workflow document of Fenta: its syntax, the typed graph, the plan and the action model.
//!
//! Neighbours: builds on `fenta-templates`; `fenta-client`, the daemon and the CLI build on it. Pure: no files, no
//! network, no processes, no environment, no clock, no randomness. Facts about the outside arrive as values
//! ([`action::ActionResult`]s); wishes about the outside leave as values ([`action::Action`]s).
//!
//! A document becomes a [`Workflow`] by [`compile`]; the daemon binds inputs, prepares each node as soon as the
//! values it refers to are known, and asks the prepared node for actions until it has its outputs.

pub mod action;
pub mod cost;
pub mod cron;
pub mod diagnostic;
pub mod digest;
pub mod drawing;
pub mod execution;
mod expr;
pub mod format;
pub mod graph;
pub mod hearing;
pub mod input;
pub mod job_event;
pub mod library;
pub mod lint;
pub mod lock;
pub mod loopback;
pub mod models;
pub mod node;
pub mod node_docs;
pub mod node_key;
pub mod nodes;
pub mod params_file;
pub mod plan;
pub mod rerun_reason;
pub mod schema;
mod suggest;
mod syntax;
pub mod template_source;
pub mod tempo;
pub mod tiers;
pub mod value;
pub mod view;
pub mod worker;

pub use diagnostic::{Checked, Diagnostic, Diagnostics, LocatedDiagnostic, Severity, explain};
pub use execution::{
    Item, JobFacts, LowerError, Lowered, PreparedNode, Scope, SourceFile, Stage, compile,
};
pub use expr::{FUNCTIONS, FunctionDoc};
pub use graph::keys;
pub use graph::{
    After, Backoff, Budget, CacheRule, CatchUp, GroupBy, Network, NodeId, NodeInstance, NodeRules,
    Notify, NotifyOn, OnError, OnExceed, Overlap, RetryClass, RetryRule, Schedule, Settings, Watch,
    WhileBusy, Workflow, missing_files,
};
pub use input::{BindError, InputSpec, InputType, PathBases};
pub use lint::{LintFacts, lint, redacted};
pub use node_key::{NodeKey, ParamKey, rerun_reasons};
pub use suggest::nearest;
pub use syntax::MAX_BYTES as MAX_DOCUMENT_BYTES;
