//! From when on a remembered result counts for a node, and what is said of one that does not. Pure but for the clock
//! of the store.

use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::{CacheRule, NodeId, Workflow};

use super::node_run::Turn;
use super::selection::{Part, Selection};
use crate::store::Store;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Any result counts.
    Any,
    /// Only results made since then, and why.
    Since(String, RerunReason),
    /// Results up to so many milliseconds old.
    Within { since: String, ttl_ms: u64 },
}

/// What decides beside the node: the run, not the document.
pub(super) struct RunTerms<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) selection: &'a Selection,
    pub(super) no_cache: bool,
    /// When the run began.
    pub(super) began: &'a str,
    pub(super) store: &'a Store,
}

impl Freshness {
    /// For one turn of a job.
    pub(super) fn of(turn: &Turn) -> Self {
        let job = &turn.job;
        let terms = RunTerms {
            workflow: &job.workflow,
            selection: &job.selection,
            no_cache: job.options.no_cache,
            began: &job.started_at,
            store: &job.store,
        };
        Self::new(&terms, &turn.node)
    }

    /// For one node of a run. What the run itself made always counts, so a job that goes on does not begin anew.
    pub(super) fn new(terms: &RunTerms<'_>, node: &NodeId) -> Self {
        let since = |reason| Self::Since(terms.began.to_owned(), reason);
        let part = terms.selection.part(node);
        if part == Part::FromCache {
            return Self::Any;
        }
        if part == Part::Again {
            return since(RerunReason::Refreshed);
        }
        if terms.no_cache {
            return since(RerunReason::CacheOff);
        }
        match terms.workflow.rules(node).map(|rules| rules.cache) {
            None | Some(CacheRule::Auto) => Self::Any,
            Some(CacheRule::Off) => since(RerunReason::CacheOff),
            Some(CacheRule::Refresh) => since(RerunReason::Refreshed),
            Some(CacheRule::Ttl(ttl_ms)) => Self::Within {
                since: terms.store.ago_text(ttl_ms),
                ttl_ms,
            },
        }
    }

    /// Results made before this do not count.
    pub(super) fn since(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Since(since, _) | Self::Within { since, .. } => Some(since),
        }
    }

    /// Why a result that was made then does not count.
    pub(super) fn reason(&self, made_at: &str, store: &Store) -> RerunReason {
        match self {
            Self::Any => RerunReason::NothingObvious,
            Self::Since(_, reason) => reason.clone(),
            Self::Within { ttl_ms, .. } => RerunReason::Expired {
                age_ms: store.age_ms(made_at),
                ttl_ms: *ttl_ms,
            },
        }
    }
}
