//! Which actions may be asked for: the network a run may use, the budget it has, the lock it keeps to.
//!
//! A run asks after the cache was asked and before anything starts, so what is refused costs nothing; the plan asks the
//! same of the same actions. Neighbours: `fate` says what a refusal means, `purse` adds up, `pins` knows the lock.

use std::collections::{BTreeMap, BTreeSet};

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, InvokeRequest, RenderSegmentRequest};
use fenta_workflows::cost::{Money, Spread, render_millis};
use fenta_workflows::models::ModelRef;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Item, Network, NodeId, OnExceed, PreparedNode, Scope, Stage, Workflow};

use super::batch::Item as Asked;
use super::pins;
use super::purse::{Amounts, Bill, Price};
use super::selection::{Part, Selection};

/// What decides about the actions of a node.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) options: &'a RunOptions,
    pub(super) part: Part,
    pub(super) node: &'a NodeId,
}

/// Why something may not be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The node fails, and the document says what becomes of that.
    Failed(WorkerFailure),
    /// The run was asked not to do this at all: no rule of the document excuses it.
    Final(WorkerFailure),
}

impl Gate<'_> {
    /// Whether what is missing of these may be asked for.
    pub(super) fn check(&self, asked: &[Asked]) -> Result<(), Refusal> {
        if self.part == Part::FromCache {
            self.all_there(asked).map_err(Refusal::Final)?;
        }
        if let Some(lock) = self.options.frozen_lock() {
            for action in missing(asked) {
                pins::same_maker(lock, self.node, action)
                    .and_then(|()| pins::missing(lock, action))
                    .map_err(|why| Refusal::Final(pins::refused(why)))?;
            }
        }
        calls(asked)
            .try_for_each(|request| self.may_call(request))
            .map_err(Refusal::Failed)
    }

    /// A node the options leave out may only use what is there.
    fn all_there(&self, asked: &[Asked]) -> Result<(), WorkerFailure> {
        let content: Vec<&Asked> = asked.iter().filter(|item| item.is_content()).collect();
        let missing: Vec<&&Asked> = content
            .iter()
            .filter(|item| item.result.is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let kinds: BTreeSet<&str> = missing.iter().map(|item| item.action.kind()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        Err(WorkerFailure {
            class: FailureClass::Input,
            message: format!(
                "{} of {} results are not in the cache ({}), and the options of the run leave the node out",
                missing.len(),
                content.len(),
                kinds.join(", ")
            ),
            hint: format!(
                "run the workflow until `{}` first, or leave the option out",
                self.node
            ),
        })
    }

    /// The rule that keeps the run from the network, if there is one.
    fn local_only(&self) -> Option<&'static str> {
        if self.options.offline {
            Some("this run is offline")
        } else if self.workflow.settings().network == Network::LocalOnly {
            Some("the workflow's `network` is local-only")
        } else {
            None
        }
    }

    /// Whether the run keeps off the network.
    pub(super) fn is_local_only(&self) -> bool {
        self.local_only().is_some()
    }

    fn may_call(&self, request: &InvokeRequest) -> Result<(), WorkerFailure> {
        match self.local_only() {
            Some(rule) => reachable(rule, request).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The action as it is sent: without the models the run may not speak to. What it is remembered under stays what
    /// the document asked for.
    pub(super) fn sent(&self, action: &Action) -> Option<Action> {
        let (Action::Invoke(request), Some(rule)) = (action, self.local_only()) else {
            return None;
        };
        let models = reachable(rule, request).ok()?;
        let mut request = request.clone();
        request.models = models;
        Some(Action::Invoke(request))
    }

    /// What is to be taken from the budget before what is missing is asked for. The whole node is paid for before its
    /// first call; of a render the whole video counts, also where some of it is there: what is bought is the video.
    pub(super) fn bills(
        &self,
        turn: &str,
        node: &PreparedNode,
        asked: &[Asked],
        today: &str,
    ) -> Vec<Bill> {
        let mut bills = Vec::new();
        if calls(asked).next().is_some() {
            bills.push(Bill {
                turn: turn.to_owned(),
                ask: node.key().hash(),
                price: priced(&node.money(today), node.credits(today).as_ref()),
                yields: self.yields(),
            });
        }
        if missing(asked).any(|action| matches!(action, Action::RenderSegment(_))) {
            let needed = asked.iter().map(|item| match &*item.action {
                Action::RenderSegment(request) => length(request),
                _ => 0,
            });
            bills.push(Bill::render(turn, needed.sum(), self.yields()));
        }
        bills
    }

    /// What must run comes first, where the document says so.
    pub(super) fn yields(&self) -> bool {
        let rules = self.workflow.rules(self.node);
        rules.is_some_and(|rules| rules.optional) && leaves_out_optional(self.workflow)
    }
}

fn missing(asked: &[Asked]) -> impl Iterator<Item = &Action> {
    let open = asked.iter().filter(|item| item.result.is_none());
    open.map(|item| &*item.action)
}

fn calls(asked: &[Asked]) -> impl Iterator<Item = &InvokeRequest> {
    missing(asked).filter_map(|action| match action {
        Action::Invoke(request) => Some(&**request),
        _ => None,
    })
}

fn leaves_out_optional(workflow: &Workflow) -> bool {
    let budget = workflow.settings().budget.as_ref();
    budget.is_some_and(|budget| budget.on_exceed == OnExceed::SkipOptional)
}

/// What calls may cost at the most.
pub(super) fn priced(money: &Money, credits: Option<&Spread>) -> Price {
    Price::Calls {
        usd_micros: money.high_micros(),
        millicredits: credits.map(|credits| credits.high_in(1000)),
    }
}

/// The node of a turn: `footage` of `footage[3]`.
pub(super) fn base_name(turn: &str) -> &str {
    turn.split('[').next().unwrap_or(turn)
}

/// What is laid aside for turns that must run, where optional ones give way to them: the most they may cost, as far as
/// the inputs tell.
pub(super) fn reserve(
    workflow: &Workflow,
    selection: &Selection,
    scope: &Scope,
) -> BTreeMap<String, Amounts> {
    let mut reserved = BTreeMap::new();
    if !leaves_out_optional(workflow) {
        return reserved;
    }
    for node in workflow.order() {
        let made = matches!(selection.part(node), Part::Run | Part::Again);
        let optional = workflow.rules(node).is_some_and(|rules| rules.optional);
        if !made || optional || workflow.role(node).is_none() {
            continue;
        }
        let mut lay_aside = |turn: String, scope: &Scope| {
            let day = &scope.job.date;
            let money = workflow.money(node, scope, day);
            let credits = workflow.credits(node, scope, day);
            let amounts = priced(&money, credits.as_ref()).amounts();
            if amounts != Amounts::default() {
                reserved.insert(turn, amounts);
            }
        };
        match workflow.stage(node, scope) {
            Ok(Stage::Skipped) => {}
            Ok(Stage::Each(values)) => {
                for (index, value) in values.into_iter().enumerate() {
                    let scope = Scope {
                        item: Some(Item { index, value }),
                        ..scope.clone()
                    };
                    lay_aside(format!("{node}[{index}]"), &scope);
                }
            }
            // What its list or condition comes to is not known yet: one turn is.
            Ok(Stage::Once) | Err(_) => lay_aside(node.to_string(), scope),
        }
    }
    reserved
}

/// Render seconds of a segment, in thousandths.
pub(super) fn length(request: &RenderSegmentRequest) -> u64 {
    let canvas = &request.segment.canvas;
    let millis = request.segment.range().duration.to_millis();
    render_millis(
        canvas.width,
        canvas.height,
        u64::try_from(millis).unwrap_or_default(),
    )
}

/// The models of a request that a run without network may speak to.
fn reachable(rule: &str, request: &InvokeRequest) -> Result<Vec<ModelRef>, WorkerFailure> {
    if request.stays_here() {
        return Ok(request.models.clone());
    }
    let (local, remote): (Vec<ModelRef>, Vec<ModelRef>) =
        request.models.iter().cloned().partition(ModelRef::is_local);
    if !local.is_empty() {
        return Ok(local);
    }
    let whom = match remote.as_slice() {
        [] => format!("a provider for role `{}`", request.role),
        models => models
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    };
    Err(WorkerFailure {
        class: FailureClass::Unsupported,
        message: format!("{rule}: {whom} may not be called"),
        hint: format!(
            "name a model that runs on this machine in `providers.{}`, or allow the network",
            request.role
        ),
    })
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{ApproveTask, CallWebhookTask, InvokeTask};
    use fenta_workflows::models::Role;
    use fenta_workflows::{SourceFile, compile};

    use super::*;

    fn webhook(url: &str) -> InvokeTask {
        InvokeTask::CallWebhook(CallWebhookTask {
            url: url.to_owned(),
            event: String::new(),
            data: serde_json::Value::Null,
            secret_ref: None,
        })
    }

    fn request(models: &[&str]) -> InvokeRequest {
        InvokeRequest {
            role: Role::Llm,
            models: models.iter().map(|text| text.parse().unwrap()).collect(),
            task: webhook("https://example.org"),
        }
    }

    fn workflow(text: &str) -> Workflow {
        let source = SourceFile {
            name: "w.yaml".to_owned(),
            text: text.to_owned(),
        };
        compile(&source).unwrap().0
    }

    const LOCAL_ONLY: &str = "fenta: workflow/v1\nnetwork: local-only\nnodes:\n  a: { type: Input.Text, with: { text: x } }\n";

    // spec: W-61
    #[test]
    fn only_models_of_this_machine_are_called_where_the_network_is_closed() {
        let (workflow, node) = (workflow(LOCAL_ONLY), NodeId::new("a"));
        let options = RunOptions::default();
        let gate = Gate {
            workflow: &workflow,
            options: &options,
            part: Part::Run,
            node: &node,
        };
        let sent = |models: &[&str]| {
            let action = Action::Invoke(Box::new(request(models)));
            match gate.sent(&action)? {
                Action::Invoke(sent) => Some(sent.models),
                other => panic!("{other:?}"),
            }
        };
        let local = request(&["ollama:qwen3:8b"]).models;
        assert_eq!(sent(&["openrouter:x", "ollama:qwen3:8b"]), Some(local));
        assert_eq!(sent(&["openrouter:x"]), None);
        let refused = gate.may_call(&request(&["openrouter:openai/gpt-6-luna"]));
        assert_eq!(
            refused.unwrap_err().message,
            "the workflow's `network` is local-only: openrouter:openai/gpt-6-luna may not be called"
        );
        let nobody = gate.may_call(&request(&[])).unwrap_err();
        assert!(nobody.message.contains("role `llm`"), "{nobody:?}");
        assert_eq!(gate.may_call(&request(&["openrouter:x", "kokoro"])), Ok(()));
    }

    // spec: W-61
    #[test]
    fn a_person_and_an_address_of_this_machine_are_no_network() {
        let ask = |task| InvokeRequest {
            role: Role::Webhook,
            models: Vec::new(),
            task,
        };
        let asked = |task| reachable("this run is offline", &ask(task));
        let approve = InvokeTask::Approve(ApproveTask {
            show: Vec::new(),
            files: Vec::new(),
            timeout_ms: 10_000,
            approve_by_default: false,
            via: Vec::new(),
        });
        assert!(asked(approve).is_ok());
        assert!(asked(webhook("http://127.0.0.1:8000/hook")).is_ok());
        let remote = asked(webhook("https://example.org/hook")).unwrap_err();
        assert_eq!(
            remote.message,
            "this run is offline: a provider for role `webhook` may not be called"
        );
    }

    #[test]
    fn what_must_run_is_laid_aside_per_turn_and_only_what_is_made() {
        let workflow = workflow(
            "fenta: workflow/v1\nbudget: { max_usd: 9, on_exceed: skip_optional }\ninputs: { topics: { type: \"string[]\", default: [a, b] } }\nnodes:\n\
             \x20 many: { type: Input.KAI.GenerateVideo, for_each: \"${{ inputs.topics }}\", with: { prompt: \"${{ item }}\", model: \"kie:veo3_fast\", seconds: 8 } }\n\
             \x20 extra: { type: Input.KAI.GenerateVideo, optional: true, with: { prompt: x, model: \"kie:veo3\", seconds: 8 } }\n\
             \x20 never: { type: Input.KAI.GenerateVideo, if: \"${{ 1 > 2 }}\", with: { prompt: x, model: \"kie:veo3\", seconds: 8 } }\n\
             \x20 words: { type: Voice.TTS, with: { text: x } }\n\
             outputs:\n  n: ${{ nodes.words.seconds }}\n",
        );
        let inputs = workflow.bind(
            &BTreeMap::new(),
            &fenta_workflows::PathBases {
                workflow_dir: "/w".into(),
                caller_dir: "/c".into(),
            },
        );
        let scope = Scope {
            inputs: inputs.unwrap(),
            ..Scope::default()
        };
        let of = |options: &RunOptions| {
            let selection = Selection::new(&workflow, options).unwrap();
            reserve(&workflow, &selection, &scope)
        };
        let all = of(&RunOptions::default());
        assert_eq!(all.keys().collect::<Vec<_>>(), ["many[0]", "many[1]"]);
        assert_eq!(
            (all["many[1]"].usd_micros, all["many[1]"].millicredits),
            (1_250_000, 250_000)
        );
        let only = RunOptions {
            only: vec!["words".to_owned()],
            ..RunOptions::default()
        };
        assert!(of(&only).is_empty());
    }
}
