//! Through the whole graph in rounds: everything that can be told is told, then the cache is asked about all of it at
//! once, so that ten thousand nodes are a few questions and not ten thousand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, CachePolicy};
use fenta_workflows::value::Value;
use fenta_workflows::{Budget, Item, LowerError, NodeId, Scope, Stage, Workflow};

use super::super::admission::{self, Gate, Refusal};
use super::super::batch::Item as Asked;
use super::super::executor::{LookUp, OfferTerms};
use super::super::fate::{self, Fate};
use super::super::node_run::refused;
use super::super::purse::{self, Bill, Purse};
use super::super::selection::{Part, Selection};
use super::super::submit::SubmitError;
use super::unit::{Asking, Unit, Verdict};
use super::{Planner, RunTerms};
use crate::runner::freshness::Freshness;

/// What a plan is made of.
pub(super) struct Setting {
    pub(super) planner: Planner,
    pub(super) workflow: Arc<Workflow>,
    pub(super) selection: Selection,
    pub(super) options: RunOptions,
    pub(super) began: String,
    pub(super) tool: Arc<str>,
    pub(super) scope: Scope,
}

/// What is known of a node when the walk is over.
pub(super) struct NodeFound {
    pub(super) node: NodeId,
    /// Its units, by number; one for a plain node, one per turn of a `for_each`.
    pub(super) units: Vec<usize>,
    pub(super) is_for_each: bool,
}

/// Everything the walk found.
pub(super) struct Walked {
    pub(super) setting: Setting,
    pub(super) units: Vec<Unit>,
    /// In the order nodes run; nodes the options leave out have none.
    pub(super) nodes: Vec<NodeFound>,
}

pub(super) async fn walk(setting: Setting) -> Result<Walked, SubmitError> {
    let mut walk = Walk::new(setting);
    loop {
        walk = tokio::task::spawn_blocking(move || {
            walk.advance();
            walk
        })
        .await
        .map_err(|_| SubmitError::Panicked)?;
        if walk.open.is_empty() {
            break;
        }
        walk.ask().await?;
    }
    Ok(walk.finish())
}

struct Walk {
    setting: Setting,
    units: Vec<Unit>,
    /// Units that are not settled.
    open: Vec<usize>,
    found: HashMap<NodeId, NodeFound>,
    /// Units of a node that are not settled.
    unsettled: HashMap<NodeId, usize>,
    /// The nodes each node still waits for, by number.
    waits: HashMap<NodeId, usize>,
    feeds: HashMap<NodeId, Vec<NodeId>>,
    ready: Vec<NodeId>,
    /// What is left of the budget, as the run would have it.
    purse: Purse,
    /// Nodes whose outputs are not known, and the node that has to run for it.
    roots: HashMap<NodeId, String>,
}

impl Setting {
    /// What the job may cost, as the run would have it.
    pub(super) fn budget(&self) -> Option<Budget> {
        let written = self.workflow.settings().budget.clone();
        written.map(|budget| purse::allowing(budget, &self.options))
    }
}

impl Walk {
    fn new(setting: Setting) -> Self {
        let (mut waits, mut feeds) = (HashMap::new(), HashMap::<NodeId, Vec<NodeId>>::new());
        let mut ready = Vec::new();
        let reserved = admission::reserve(&setting.workflow, &setting.selection, &setting.scope);
        let budget = setting.budget();
        let purse = Purse::new(budget.as_ref(), Vec::new(), reserved);
        for node in setting.workflow.order() {
            if setting.selection.part(node) == Part::LeftOut {
                continue;
            }
            let needs = setting.workflow.dependencies(node);
            if needs.is_empty() {
                ready.push(node.clone());
            }
            waits.insert(node.clone(), needs.len());
            for need in needs {
                feeds.entry(need).or_default().push(node.clone());
            }
        }
        Self {
            setting,
            units: Vec::new(),
            open: Vec::new(),
            found: HashMap::new(),
            unsettled: HashMap::new(),
            waits,
            feeds,
            ready,
            purse,
            roots: HashMap::new(),
        }
    }

    /// Goes as far as possible without asking.
    fn advance(&mut self) {
        loop {
            for node in std::mem::take(&mut self.ready) {
                self.begin(&node);
            }
            let budget = self.setting.budget();
            let open = std::mem::take(&mut self.open);
            for number in open {
                let unit = &mut self.units[number];
                let awaits = self.roots.get(&unit.node);
                let node = unit.node.clone();
                let setting = &self.setting;
                let local_only = gate(setting, &node).is_local_only();
                let asking = Asking {
                    tool: &setting.tool,
                    offer: &|prepared| {
                        let on = OfferTerms {
                            local_only,
                            budget: budget.as_ref(),
                            today: &setting.scope.job.date,
                        };
                        setting.planner.executor.offer(prepared, &on);
                    },
                    settle: &|action| setting.planner.executor.settled(action, local_only),
                };
                unit.advance(&setting.workflow, &asking, awaits);
                if self.units[number].is_settled() {
                    self.settled(number);
                } else {
                    self.open.push(number);
                }
            }
            if self.ready.is_empty() {
                return;
            }
        }
    }

    /// Every node a node waits for is settled.
    fn begin(&mut self, node: &NodeId) {
        let workflow = Arc::clone(&self.setting.workflow);
        let needs = workflow.dependencies(node);
        let base = &self.setting.scope;
        let scope = Scope {
            inputs: base.inputs.clone(),
            nodes: needs
                .iter()
                .filter_map(|need| base.nodes.get_key_value(need.as_str()))
                .map(|(name, values)| (name.clone(), values.clone()))
                .collect(),
            job: base.job.clone(),
            item: None,
        };
        // Only until the node itself is settled: then it is its own root, or none.
        if let Some(root) = needs.iter().find_map(|need| self.roots.get(need)) {
            self.roots.insert(node.clone(), root.clone());
        }
        let stage = workflow.stage(node, &scope);
        let (first, is_for_each) = (self.units.len(), matches!(stage, Ok(Stage::Each(_))));
        self.add_units(node, Arc::new(scope), stage);
        let units: Vec<usize> = (first..self.units.len()).collect();
        self.unsettled.insert(node.clone(), units.len());
        let found = NodeFound {
            node: node.clone(),
            units: units.clone(),
            is_for_each,
        };
        self.found.insert(node.clone(), found);
        if units.is_empty() {
            self.node_settled(node);
        }
        for number in units {
            if self.units[number].is_settled() {
                self.settled(number);
            } else {
                self.open.push(number);
            }
        }
    }

    fn add_units(&mut self, node: &NodeId, scope: Arc<Scope>, stage: Result<Stage, LowerError>) {
        let verdict = match stage {
            Ok(Stage::Each(values)) => {
                for (index, value) in values.into_iter().enumerate() {
                    self.add_item(node, &scope, Item { index, value });
                }
                return;
            }
            Ok(Stage::Once) => Verdict::Open,
            Ok(Stage::Skipped) => Verdict::Skipped("its `if` is false".to_owned()),
            Err(error) => match self.roots.get(node) {
                Some(root) => Verdict::Pending(root.clone()),
                None => self.unstaged(node, error),
            },
        };
        self.add(node, node.to_string(), scope, verdict);
    }

    fn add_item(&mut self, node: &NodeId, scope: &Scope, item: Item) {
        let label = format!("{node}[{}]", item.index);
        let scope = Scope {
            item: Some(item),
            ..scope.clone()
        };
        let verdict = match self.setting.workflow.takes_part(node, &scope) {
            Ok(true) => Verdict::Open,
            Ok(false) => Verdict::Skipped("its `if` is false".to_owned()),
            Err(error) => self.unstaged(node, error),
        };
        self.add(node, label, Arc::new(scope), verdict);
    }

    /// A node, or an item of it, whose `if` or `for_each` comes to nothing that can be obeyed.
    fn unstaged(&self, node: &NodeId, error: LowerError) -> Verdict {
        let failure = refused(error);
        match fate::of_stage(&self.setting.workflow, node, failure.class) {
            Fate::Skip(excuse) => Verdict::Skipped(excuse.before(&failure)),
            _ => Verdict::Blocked(failure),
        }
    }

    fn add(&mut self, node: &NodeId, label: String, scope: Arc<Scope>, verdict: Verdict) {
        let terms = RunTerms {
            workflow: &self.setting.workflow,
            selection: &self.setting.selection,
            no_cache: self.setting.options.no_cache,
            began: &self.setting.began,
            store: &self.setting.planner.store,
        };
        let freshness = Freshness::new(&terms, node);
        let mut unit = Unit::new(node.clone(), label, scope, freshness);
        unit.verdict = verdict;
        self.units.push(unit);
    }

    fn settled(&mut self, number: usize) {
        let unit = &mut self.units[number];
        let node = unit.node.clone();
        match unit.verdict {
            Verdict::Known(_) | Verdict::Skipped(_) => self.purse.release(&unit.label),
            Verdict::Pending(_) => self.foresee(number),
            _ => {}
        }
        if let Some(left) = self.unsettled.get_mut(&node) {
            *left -= 1;
            if *left == 0 {
                self.node_settled(&node);
            }
        }
    }

    /// All units of a node are settled: its outputs are known, or somebody has to make them.
    fn node_settled(&mut self, node: &NodeId) {
        match self.outputs(node) {
            Ok(outputs) => {
                self.roots.remove(node);
                self.setting.scope.nodes.insert(node.to_string(), outputs);
            }
            Err(root) => {
                self.roots.insert(node.clone(), root);
            }
        }
        self.waits.remove(node);
        for next in self.feeds.remove(node).unwrap_or_default() {
            if let Some(waits) = self.waits.get_mut(&next) {
                *waits -= 1;
                if *waits == 0 {
                    self.ready.push(next);
                }
            }
        }
    }

    fn outputs(&self, node: &NodeId) -> Result<BTreeMap<String, Value>, String> {
        let workflow = &self.setting.workflow;
        let Some(found) = self.found.get(node) else {
            return Err(node.to_string());
        };
        let mut turns = Vec::with_capacity(found.units.len());
        for number in &found.units {
            turns.push(match &self.units[*number].verdict {
                Verdict::Known(outputs) => Some(outputs.clone()),
                Verdict::Skipped(_) => None,
                Verdict::Pending(root) => return Err(root.clone()),
                Verdict::Open | Verdict::Missing | Verdict::Blocked(_) => {
                    return Err(node.to_string());
                }
            });
        }
        Ok(if found.is_for_each {
            workflow.gather(node, turns)
        } else {
            let once = turns.pop().flatten();
            once.unwrap_or_else(|| workflow.skipped(node))
        })
    }

    /// Asks the cache and the machine everything the open units want to know.
    async fn ask(&mut self) -> Result<(), SubmitError> {
        let mut questions: HashMap<Option<String>, Vec<(usize, usize)>> = HashMap::new();
        let mut of_machine = Vec::new();
        for unit in &self.open {
            for (number, asked) in self.units[*unit].asked.iter().enumerate() {
                match asked.action.cache_policy() {
                    CachePolicy::Content => {
                        let since = self.units[*unit].freshness.since().map(str::to_owned);
                        questions.entry(since).or_default().push((*unit, number));
                    }
                    CachePolicy::Machine => of_machine.push((*unit, number)),
                }
            }
        }
        for (since, places) in questions {
            let digests = places
                .iter()
                .map(|(unit, number)| self.units[*unit].asked[*number].digest.clone())
                .collect();
            let planner = &self.setting.planner;
            let answers = planner.executor.look_up(digests, since.as_deref()).await?;
            for ((unit, number), answer) in places.into_iter().zip(answers) {
                self.hear(unit, number, answer);
            }
        }
        for (unit, number) in of_machine {
            self.look(unit, number).await;
        }
        for unit in &self.open {
            let unit = &mut self.units[*unit];
            if matches!(unit.verdict, Verdict::Open)
                && !unit.asked.is_empty()
                && let Some(asked) = unit.take_answers()
            {
                let refused = admitted(&self.setting, &mut self.purse, unit, &asked);
                match refused {
                    Ok(()) => {}
                    Err(Refusal::Failed(failure)) => unit.refuse(&self.setting.workflow, failure),
                    // What a lock does not pin is told of all nodes together.
                    Err(Refusal::Final(_)) if self.setting.options.frozen => {}
                    Err(Refusal::Final(failure)) => unit.verdict = Verdict::Blocked(failure),
                }
            }
        }
        Ok(())
    }

    /// What a unit that waits for others will be refused, as far as that is certain already.
    fn foresee(&mut self, number: usize) {
        let setting = &self.setting;
        let (workflow, unit) = (&setting.workflow, &mut self.units[number]);
        let Some(budget) = setting.budget() else {
            return;
        };
        let gate = gate(setting, &unit.node);
        let money = workflow.money(&unit.node, &unit.scope, &setting.scope.job.date);
        // What is unknown now may be known when its turn comes.
        if gate.part == Part::FromCache || !money.is_known() || money.usd.high.is_zero() {
            return;
        }
        let credits = workflow.credits(&unit.node, &unit.scope, &setting.scope.job.date);
        let bill = Bill {
            turn: unit.label.clone(),
            ask: String::new(),
            price: admission::priced(&money, credits.as_ref()),
            yields: gate.yields(),
        };
        if let Err(failure) = self.purse.pay(&budget, &bill) {
            unit.foresee(workflow, failure);
        }
    }

    fn hear(&mut self, unit: usize, number: usize, answer: LookUp) {
        let store = &self.setting.planner.store;
        self.units[unit].hear(number, answer, store);
    }

    /// A question to this machine that only reads.
    async fn look(&mut self, unit: usize, number: usize) {
        let setting = &self.setting;
        let Some(asked) = self.units[unit].asked.get(number) else {
            return;
        };
        let action = Arc::clone(&asked.action);
        let renderer = setting.planner.renderer.path();
        let looked = setting
            .planner
            .executors
            .look(&action, renderer, &setting.tool)
            .await;
        let unit = &mut self.units[unit];
        match looked {
            Ok(result) => {
                unit.evidence.published |= result.is_none();
                if let Some(asked) = unit.asked.get_mut(number) {
                    asked.result = result;
                }
            }
            Err(failure) => unit.fail(&setting.workflow, failure),
        }
    }

    fn finish(mut self) -> Walked {
        let order = self.setting.workflow.order();
        let nodes = order
            .iter()
            .map(|node| {
                self.found.remove(node).unwrap_or_else(|| NodeFound {
                    node: node.clone(),
                    units: Vec::new(),
                    is_for_each: false,
                })
            })
            .collect();
        Walked {
            units: self.units,
            nodes,
            setting: self.setting,
        }
    }
}

fn gate<'a>(setting: &'a Setting, node: &'a NodeId) -> Gate<'a> {
    Gate {
        workflow: &setting.workflow,
        options: &setting.options,
        part: setting.selection.part(node),
        node,
    }
}

/// Whether a run would do what is missing, asked as the run asks: the options and the network, the budget, and then
/// whether there is anybody who could.
fn admitted(
    setting: &Setting,
    purse: &mut Purse,
    unit: &Unit,
    asked: &[Asked],
) -> Result<(), Refusal> {
    let gate = gate(setting, &unit.node);
    gate.check(asked)?;
    if let (Some(budget), Some(prepared)) = (setting.budget(), &unit.prepared) {
        let today = &setting.scope.job.date;
        for bill in gate.bills(&unit.label, prepared, asked, today) {
            purse.pay(&budget, &bill).map_err(Refusal::Failed)?;
        }
    }
    for action in asked.iter().filter(|one| one.result.is_none()) {
        if let Action::Invoke(request) = &*action.action {
            let providers = setting.planner.executors.providers();
            let refused = providers.refusal(request);
            if let Some(failure) = refused.or_else(|| providers.unfit(request)) {
                return Err(Refusal::Failed(failure));
            }
        }
    }
    Ok(())
}
