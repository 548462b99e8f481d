//! Why a node ran (again): typed, stored per node and job, printed by `fenta explain`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason. A node that ran has at least one; the list is complete, in the order of the node's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Results in the store were damaged, and are set aside.
    OutputCorrupt,
    /// The result was taken out of the store to keep it within its bounds.
    Evicted {
        /// How long ago, milliseconds.
        age_ms: u64,
    },
    /// The run was asked to do it again.
    Refreshed,
    /// The node (or the run) does not read the cache.
    CacheOff,
    /// Its result was older than the document allows.
    Expired {
        /// How old, milliseconds.
        age_ms: u64,
        /// How old it may be, milliseconds.
        ttl_ms: u64,
    },
    /// A node it builds on has to run first; what comes out of that decides. Only in plans.
    Awaits {
        /// That node.
        node: String,
    },
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
            Self::OutputCorrupt => f.write_str("earlier result was damaged in the store"),
            Self::Evicted { age_ms } => write!(
                f,
                "earlier result was cleared from the cache {} ago",
                rough(*age_ms)
            ),
            Self::Refreshed => f.write_str("refresh was asked for"),
            Self::CacheOff => f.write_str("the cache is off"),
            Self::Expired { age_ms, ttl_ms } => write!(
                f,
                "result is {} old, {} allowed",
                rough(*age_ms),
                rough(*ttl_ms)
            ),
            Self::Awaits { node } => write!(f, "depends on what {node} makes"),
            Self::Replaced => f.write_str("the file was missing or changed on disk"),
            Self::PreviousIncomplete => f.write_str("the last job did not finish it"),
            Self::NothingObvious => f.write_str("nothing obvious"),
        }
    }
}

/// A length of time in its largest whole unit.
fn rough(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    UNITS.iter().find(|(unit, _)| ms >= *unit).map_or_else(
        || format!("{ms}ms"),
        |(unit, name)| format!("{}{name}", ms / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_result_says_how_old_it_was() {
        let expired = |age_ms, ttl_ms| RerunReason::Expired { age_ms, ttl_ms }.to_string();
        assert_eq!(
            expired(7_300_000, 1_800_000),
            "result is 2h old, 30m allowed"
        );
        assert_eq!(expired(900, 0), "result is 900ms old, 0ms allowed");
    }
}
