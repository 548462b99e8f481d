//! Why a node ran (again): typed, stored per node and job, printed by `fenta explain`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason. A node that ran has at least one; the list is complete, in the order of the node's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum RerunReason {
    /// No earlier job of this workflow has run the node.
    FirstRun,
    /// A parameter written in the document (or filled from an input) changed.
    Param {
        /// Its name.
        key: String,
        /// Short text of the old value.
        old: String,
        /// Short text of the new value.
        new: String,
    },
    /// A parameter that refers to another node's output changed.
    Upstream {
        /// The parameter.
        key: String,
        /// The node it refers to.
        node: String,
        /// Which part of the value changed, where that can be said, for example `scenes[2].text`.
        field: String,
    },
    /// The node's own version changed.
    NodeVersion {
        /// Before.
        old: u32,
        /// Now.
        new: u32,
    },
    /// One of the user's files that the node reads changed, came or went.
    File {
        /// Its name.
        name: String,
    },
    /// The renderer or its libraries changed.
    Tool {
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// Results were gone from the store.
    OutputMissing,
    /// Only the place of the result had changed or was empty: `Output.Download` put it back.
    Replaced,
    /// The earlier job did not finish the node.
    PreviousIncomplete,
    /// Nothing above explains it (said rather than invented).
    NothingObvious,
}

impl fmt::Display for RerunReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstRun => f.write_str("first run"),
            Self::Param { key, old, new } => write!(f, "param {key} {old} -> {new}"),
            Self::Upstream { key, node, field } if field.is_empty() => {
                write!(f, "input {key} changed, from {node}")
            }
            Self::Upstream { key, node, field } => {
                write!(f, "input {key} changed at {field}, from {node}")
            }
            Self::NodeVersion { old, new } => write!(f, "node version {old} -> {new}"),
            Self::File { name } => write!(f, "file {name} changed"),
            Self::Tool { old, new } => write!(f, "renderer {old} -> {new}"),
            Self::OutputMissing => f.write_str("earlier result is gone from the store"),
            Self::Replaced => f.write_str("the file was missing or changed on disk"),
            Self::PreviousIncomplete => f.write_str("the last job did not finish it"),
            Self::NothingObvious => f.write_str("nothing obvious"),
        }
    }
}
