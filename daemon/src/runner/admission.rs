//! Which actions may be asked for: the network a run may use, the budget it has, the lock it keeps to.
//!
//! Asked by `node_run` after the cache was asked and before anything starts, so what is refused costs nothing.

use std::collections::BTreeSet;

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, ActionResult, InvokeRequest, RenderSegmentRequest};
use fenta_workflows::cost::render_millis;
use fenta_workflows::models::ModelRef;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Network, OnExceed, PreparedNode, Workflow};

use super::batch::{Batch, Item};
use super::node_run::{NodeRun, Stop};
use super::pins;
use super::purse::Bill;
use super::selection::Part;

impl NodeRun<'_> {
    /// Whether what is missing of a batch may be asked for.
    pub(super) fn admit(&mut self, node: &PreparedNode, batch: &Batch) -> Result<(), Stop> {
        let missing = || batch.missing().map(|number| &*batch.items[number].action);
        if self.turn.job.selection.part(&self.turn.node) == Part::FromCache {
            self.all_there(batch)?;
        }
        if let Some(lock) = self.turn.job.options.frozen_lock() {
            for action in missing() {
                pins::wish(lock, action).map_err(pins::refused)?;
                if let Action::Invoke(request) = action {
                    return Err(pins::refused(no_call(request)).into());
                }
            }
        }
        let mut calls = false;
        for action in missing() {
            if let Action::Invoke(request) = action {
                self.may_call(request)?;
                calls = true;
            }
        }
        if calls && !self.paid {
            self.charge_money(node)?;
        }
        if !self.charged && missing().any(|action| matches!(action, Action::RenderSegment(_))) {
            self.charge_render(batch)?;
        }
        Ok(())
    }

    /// A node the options leave out may only use what is there.
    fn all_there(&self, batch: &Batch) -> Result<(), WorkerFailure> {
        let content: Vec<&Item> = batch
            .items
            .iter()
            .filter(|item| item.is_content())
            .collect();
        let kinds: BTreeSet<&str> = content
            .iter()
            .filter(|item| item.result.is_none())
            .map(|item| item.action.kind())
            .collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let missing = content.iter().filter(|item| item.result.is_none()).count();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        Err(WorkerFailure {
            class: FailureClass::Input,
            message: format!(
                "{missing} of {} results are not in the cache ({}), and the options of the run leave the node out",
                content.len(),
                kinds.join(", ")
            ),
            hint: format!(
                "run the workflow until `{}` first, or leave the option out",
                self.turn.node
            ),
        })
    }

    /// Notes what an action made; in a frozen run only what is pinned passes.
    pub(super) fn pinned(&mut self, action: &Action, result: &ActionResult) -> Result<(), Stop> {
        if let Some(lock) = self.turn.job.options.frozen_lock() {
            pins::outcome(lock, action, result).map_err(pins::refused)?;
        }
        pins::note(&mut self.pins, &self.turn.label, action, result);
        Ok(())
    }

    fn may_call(&self, request: &InvokeRequest) -> Result<(), WorkerFailure> {
        refusal(&self.turn.job.workflow, &self.turn.job.options, request)
    }

    /// The whole node is taken from the budget before its first call, at the most it may cost.
    fn charge_money(&mut self, node: &PreparedNode) -> Result<(), Stop> {
        self.paid = true;
        let job = &self.turn.job;
        let Some(budget) = job.workflow.settings().budget.as_ref() else {
            return Ok(());
        };
        let money = node.money(&self.turn.scope.job.date);
        let optional = job
            .workflow
            .rules(&self.turn.node)
            .is_some_and(|rules| rules.optional);
        let bill = Bill {
            node: &self.turn.node,
            high_micros: money.high_micros(),
            // What must run comes first, where the document says so.
            yields: optional && budget.on_exceed == OnExceed::SkipOptional,
        };
        for event in job.purse.pay(budget, &bill)? {
            job.log.add(event);
        }
        Ok(())
    }

    /// The whole render counts, also where some of its segments are there: what is bought is the video.
    fn charge_render(&mut self, batch: &Batch) -> Result<(), Stop> {
        self.charged = true;
        let Some(budget) = self.turn.job.workflow.settings().budget.as_ref() else {
            return Ok(());
        };
        let needed = batch.items.iter().map(|item| match &*item.action {
            Action::RenderSegment(request) => length(request),
            _ => 0,
        });
        for event in self.turn.job.purse.render(budget, needed.sum())? {
            self.turn.job.log.add(event);
        }
        Ok(())
    }
}

/// Whether a run of a workflow may call a provider.
pub(super) fn refusal(
    workflow: &Workflow,
    options: &RunOptions,
    request: &InvokeRequest,
) -> Result<(), WorkerFailure> {
    let rule = if options.offline {
        "this run is offline"
    } else if workflow.settings().network == Network::LocalOnly {
        "the workflow's `network` is local-only"
    } else {
        return Ok(());
    };
    refuse_remote(rule, request)
}

/// Render seconds of a segment, in thousandths.
fn length(request: &RenderSegmentRequest) -> u64 {
    let canvas = &request.segment.canvas;
    let millis = request.segment.range().duration.to_millis();
    render_millis(
        canvas.width,
        canvas.height,
        u64::try_from(millis).unwrap_or_default(),
    )
}

fn refuse_remote(rule: &str, request: &InvokeRequest) -> Result<(), WorkerFailure> {
    let remote: Vec<&ModelRef> = request
        .models
        .iter()
        .filter(|model| !model.is_local())
        .collect();
    if !request.models.is_empty() && remote.len() < request.models.len() {
        return Ok(());
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

fn no_call(request: &InvokeRequest) -> String {
    format!(
        "the pinned result for role `{}` is not in the store of this machine, and a frozen run calls no provider",
        request.role
    )
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{CallWebhookTask, InvokeTask};
    use fenta_workflows::models::Role;

    use super::*;

    fn request(models: &[&str]) -> InvokeRequest {
        InvokeRequest {
            role: Role::Llm,
            models: models.iter().map(|text| text.parse().unwrap()).collect(),
            task: InvokeTask::CallWebhook(CallWebhookTask {
                url: String::new(),
                event: String::new(),
                data: serde_json::Value::Null,
                secret_ref: None,
            }),
        }
    }

    // spec: W-61
    #[test]
    fn only_models_of_this_machine_may_be_called() {
        let refused = |models: &[&str]| refuse_remote("this run is offline", &request(models));
        assert_eq!(
            refused(&["openrouter:openai/gpt-6-luna"])
                .unwrap_err()
                .message,
            "this run is offline: openrouter:openai/gpt-6-luna may not be called"
        );
        assert!(refused(&[]).unwrap_err().message.contains("role `llm`"));
        assert_eq!(refused(&["openrouter:x", "ollama:qwen3:8b"]), Ok(()));
    }
}
