//! One node, or one turn of a `for_each`, while a plan is made: what it would ask for and what of that is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenta_workflows::action::{Action, ActionResult};
use fenta_workflows::digest::ActionDigest;
use fenta_workflows::lock;
use fenta_workflows::value::Value;
use fenta_workflows::worker::WorkerFailure;
use fenta_workflows::{LowerError, Lowered, NodeId, PreparedNode, Scope, Workflow};

use super::super::batch::Item;
use super::super::executor::LookUp;
use super::super::fate::{self, Fate};
use super::super::freshness::Freshness;
use super::super::node_run::{passed_over, refused};
use super::super::reasons::Evidence;
use crate::store::Store;

/// See the module.
pub(super) struct Unit {
    pub(super) node: NodeId,
    pub(super) label: String,
    pub(super) scope: Arc<Scope>,
    pub(super) freshness: Freshness,
    pub(super) prepared: Option<PreparedNode>,
    /// What had gone wrong when the fallback took over.
    pub(super) fell_back: Option<String>,
    results: Vec<ActionResult>,
    /// What it asks for now.
    pub(super) asked: Vec<Item>,
    /// Everything it asked for that would have to run.
    pub(super) missing: Vec<Arc<Action>>,
    pub(super) hits: u32,
    /// What was answered that a lock may pin: generated results, fonts.
    pub(super) answers: Vec<(Arc<Action>, ActionResult)>,
    pub(super) evidence: Evidence,
    /// The spans of a render, with what is there.
    pub(super) spans: Vec<Span>,
    /// What would stop it although it has work to do.
    pub(super) obstacle: Option<WorkerFailure>,
    /// What else is to be said of it; may be empty.
    pub(super) note: String,
    /// What is to be told about who is asked.
    pub(super) told: Vec<String>,
    pub(super) verdict: Verdict,
}

/// How a unit asks: the renderer in keys, and who is asked where nobody here can do it.
pub(super) struct Asking<'a> {
    pub(super) tool: &'a str,
    pub(super) offer: &'a dyn Fn(&mut PreparedNode),
    pub(super) settle: &'a dyn Fn(Action) -> (Action, Vec<String>),
}

/// A span of a render.
pub(super) struct Span {
    pub(super) action: Arc<Action>,
    pub(super) digest: ActionDigest,
    pub(super) hit: bool,
}

/// How far a unit is known.
pub(super) enum Verdict {
    /// Being looked at.
    Open,
    /// All its results are there.
    Known(BTreeMap<String, Value>),
    /// Something has to run.
    Missing,
    /// It builds on something that has to run.
    Pending(String),
    /// It does nothing, and why.
    Skipped(String),
    /// It cannot work.
    Blocked(WorkerFailure),
}

impl Unit {
    pub(super) fn new(
        node: NodeId,
        label: String,
        scope: Arc<Scope>,
        freshness: Freshness,
    ) -> Self {
        let evidence = Evidence::new(&scope.job.workflow_dir);
        Self {
            node,
            label,
            scope,
            freshness,
            prepared: None,
            fell_back: None,
            results: Vec::new(),
            asked: Vec::new(),
            missing: Vec::new(),
            hits: 0,
            answers: Vec::new(),
            evidence,
            spans: Vec::new(),
            obstacle: None,
            note: String::new(),
            told: Vec::new(),
            verdict: Verdict::Open,
        }
    }

    /// Whether it has nothing more to say.
    pub(super) const fn is_settled(&self) -> bool {
        !matches!(self.verdict, Verdict::Open)
    }

    /// Asks for its next actions, or settles. `awaits` is what it builds on that has to run, if anything does.
    pub(super) fn advance(
        &mut self,
        workflow: &Workflow,
        asking: &Asking<'_>,
        awaits: Option<&String>,
    ) {
        while matches!(self.verdict, Verdict::Open) && self.asked.is_empty() {
            if let Err(error) = self.step(workflow, asking) {
                match awaits {
                    // What is not known yet explains more than the error it makes.
                    Some(root) if self.prepared.is_none() => {
                        self.verdict = Verdict::Pending(root.clone());
                    }
                    _ => self.fail(workflow, refused(error)),
                }
            }
        }
    }

    fn step(&mut self, workflow: &Workflow, asking: &Asking<'_>) -> Result<(), LowerError> {
        let prepared = match &self.prepared {
            Some(prepared) => prepared,
            None => {
                let mut prepared = self.prepare(workflow)?;
                (asking.offer)(&mut prepared);
                self.prepared.insert(prepared)
            }
        };
        match prepared.lower(&self.results)? {
            Lowered::Outputs(outputs) => self.verdict = Verdict::Known(outputs),
            Lowered::Actions(actions) if actions.is_empty() => {
                return Err(LowerError::new(
                    "the node waits for no action",
                    "this is a mistake in the node",
                ));
            }
            Lowered::Actions(actions) => {
                self.told.extend(passed_over(prepared, &actions));
                self.told.dedup();
                for action in actions {
                    let (action, told) = (asking.settle)(action);
                    self.asked.push(Item::new(action, asking.tool));
                    for note in told {
                        if !self.told.contains(&note) {
                            self.told.push(note);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn prepare(&self, workflow: &Workflow) -> Result<PreparedNode, LowerError> {
        if self.fell_back.is_none() {
            return workflow.prepare(&self.node, &self.scope);
        }
        let fallback = workflow.prepare_fallback(&self.node, &self.scope)?;
        fallback.ok_or_else(|| LowerError::new("the node has no fallback", ""))
    }

    /// What a failure means for it, as the document says.
    pub(super) fn fail(&mut self, workflow: &Workflow, failure: WorkerFailure) {
        let fell_back = self.fell_back.is_some();
        match fate::of_work(workflow, &self.node, failure.class, fell_back) {
            Fate::FallBack => self.fall_back(failure.message),
            Fate::Skip(excuse) => self.verdict = Verdict::Skipped(excuse.before(&failure)),
            Fate::Pause => self.verdict = Verdict::Blocked(pausing(failure)),
            Fate::Fail | Fate::Wait | Fate::Ask => self.verdict = Verdict::Blocked(failure),
        }
    }

    /// What it would do may not be done. Where that ends the job, it is still told what would be missing.
    pub(super) fn refuse(&mut self, workflow: &Workflow, failure: WorkerFailure) {
        self.fail(workflow, failure);
        if let Verdict::Blocked(failure) = &self.verdict {
            self.obstacle = Some(failure.clone());
            self.verdict = Verdict::Missing;
        }
    }

    /// What will be refused when its turn comes, while it still waits for others.
    pub(super) fn foresee(&mut self, workflow: &Workflow, failure: WorkerFailure) {
        match fate::of_work(workflow, &self.node, failure.class, true) {
            Fate::Skip(_) => self.note = format!("would be skipped: {}", failure.message),
            Fate::Pause => self.obstacle = Some(pausing(failure)),
            Fate::FallBack | Fate::Fail | Fate::Wait | Fate::Ask => {
                self.obstacle = Some(failure);
            }
        }
    }

    /// The fallback begins anew: nothing of what was asked for before counts.
    fn fall_back(&mut self, after: String) {
        self.fell_back = Some(after);
        self.verdict = Verdict::Open;
        self.prepared = None;
        self.results.clear();
        self.asked.clear();
        self.missing.clear();
        self.spans.clear();
        self.hits = 0;
    }

    /// The cache has answered about one of the actions asked for.
    pub(super) fn hear(&mut self, number: usize, answer: LookUp, store: &Store) {
        match answer {
            LookUp::Hit(row) => self.asked[number].result = Some(row.result),
            LookUp::Gone => self.evidence.gone = true,
            LookUp::Damaged => self.evidence.damaged = true,
            LookUp::Evicted { at } => self.evidence.evicted = Some(store.age_ms(&at)),
            LookUp::Stale { made_at } => {
                self.evidence.stale = Some(self.freshness.reason(&made_at, store));
            }
            LookUp::Miss => {}
        }
    }

    /// Everything asked for was answered. Where something has to run, this is what was asked for.
    pub(super) fn take_answers(&mut self) -> Option<Vec<Item>> {
        let asked = std::mem::take(&mut self.asked);
        let content = |asked: &Item| super::tell::is_content(&asked.action);
        self.hits += asked
            .iter()
            .filter(|one| one.result.is_some() && content(one))
            .count() as u32;
        for one in &asked {
            if matches!(*one.action, Action::RenderSegment(_)) {
                self.spans.push(Span {
                    action: Arc::clone(&one.action),
                    digest: one.digest.clone(),
                    hit: one.result.is_some(),
                });
            }
            if let Some(result) = &one.result {
                self.evidence.note(&one.action, result);
                if is_pinnable(&one.action) {
                    let answer = (Arc::clone(&one.action), result.clone());
                    self.answers.push(answer);
                }
            }
        }
        if asked.iter().all(|one| one.result.is_some()) {
            self.results
                .extend(asked.into_iter().filter_map(|one| one.result));
            return None;
        }
        let missing = asked.iter().filter(|one| one.result.is_none());
        self.missing
            .extend(missing.map(|one| Arc::clone(&one.action)));
        self.verdict = Verdict::Missing;
        Some(asked)
    }
}

/// A budget that is short where the document asks for a person then.
fn pausing(failure: WorkerFailure) -> WorkerFailure {
    WorkerFailure {
        message: format!("the job would pause here: {}", failure.message),
        ..failure
    }
}

fn is_pinnable(action: &Action) -> bool {
    lock::is_generated(action) || matches!(action, Action::ResolveFonts(_))
}
