//! Which actions may be asked for: the network a run may use, the budget it has, the lock it keeps to.
//!
//! Asked by `node_run` after the cache was asked and before anything starts, so what is refused costs nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, ActionResult, InvokeRequest, RenderSegmentRequest};
use fenta_workflows::cost::render_millis;
use fenta_workflows::job_event::JobEventKind;
use fenta_workflows::models::ModelRef;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{Budget, Network, Workflow};

use super::batch::{Batch, Item};
use super::node_run::{NodeRun, Stop};
use super::pins;
use super::selection::Part;

/// What a job has used of its budget.
#[derive(Debug, Default)]
pub(super) struct Purse {
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    render_ms: u64,
    /// Percentages that were told.
    told: BTreeSet<u32>,
}

impl Purse {
    /// Takes render time out of the budget; the percentages that were reached by it.
    fn render(&self, budget: &Budget, render_ms: u64) -> Result<Vec<JobEventKind>, WorkerFailure> {
        let Some(limit) = budget.max_render_ms else {
            return Ok(Vec::new());
        };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let together = spent.render_ms.saturating_add(render_ms);
        if together > limit {
            return Err(WorkerFailure {
                class: FailureClass::Budget,
                message: format!(
                    "rendering takes {} render seconds, and {} of the budget's {} are left",
                    seconds(render_ms),
                    seconds(limit - spent.render_ms),
                    seconds(limit)
                ),
                hint:
                    "raise `budget.max_render_seconds`, make the video shorter, or render a draft"
                        .to_owned(),
            });
        }
        spent.render_ms = together;
        let reached = |percent: u32| together * 100 >= limit * u64::from(percent);
        Ok(budget
            .alert_at
            .iter()
            .copied()
            .filter(|percent| reached(*percent) && spent.told.insert(*percent))
            .map(|percent| JobEventKind::BudgetReached {
                percent,
                what: "render seconds".to_owned(),
                used: seconds(together),
                limit: seconds(limit),
            })
            .collect())
    }
}

impl NodeRun<'_> {
    /// Whether what is missing of a batch may be asked for.
    pub(super) fn admit(&mut self, batch: &Batch) -> Result<(), Stop> {
        let missing = || batch.missing().map(|number| &*batch.items[number].action);
        if self.turn.job.selection.part(&self.turn.node) == Part::FromCache {
            self.all_there(batch)?;
        }
        if let Some(lock) = self.frozen() {
            for action in missing() {
                pins::wish(lock, action).map_err(pins::refused)?;
                if let Action::Invoke(request) = action {
                    return Err(pins::refused(no_call(request)).into());
                }
            }
        }
        for action in missing() {
            if let Action::Invoke(request) = action {
                self.may_call(request)?;
            }
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
        if let Some(lock) = self.frozen() {
            pins::outcome(lock, action, result).map_err(pins::refused)?;
        }
        pins::note(&mut self.pins, &self.turn.label, action, result);
        Ok(())
    }

    fn frozen(&self) -> Option<&fenta_workflows::lock::Lock> {
        let options = &self.turn.job.options;
        options.lock.as_ref().filter(|_| options.frozen)
    }

    fn may_call(&self, request: &InvokeRequest) -> Result<(), WorkerFailure> {
        refusal(&self.turn.job.workflow, &self.turn.job.options, request)
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

fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use fenta_workflows::OnExceed;
    use fenta_workflows::action::{CallWebhookTask, InvokeTask};
    use fenta_workflows::models::Role;

    use super::*;

    fn budget(render_ms: u64) -> Budget {
        Budget {
            max_usd_micros: None,
            max_credits: None,
            max_render_ms: Some(render_ms),
            on_exceed: OnExceed::Fail,
            on_exceed_is_written: true,
            alert_at: vec![50, 100],
        }
    }

    #[test]
    fn a_budget_is_used_up_and_says_so_on_the_way() {
        let (purse, budget) = (Purse::default(), budget(10_000));
        assert_eq!(purse.render(&budget, 4_000).unwrap(), []);
        let told = purse.render(&budget, 2_500).unwrap();
        assert!(
            matches!(&told[..], [JobEventKind::BudgetReached { percent: 50, used, .. }] if used == "6.5"),
            "{told:?}"
        );
        let short = purse.render(&budget, 4_000).unwrap_err();
        assert_eq!(short.class, FailureClass::Budget);
        assert_eq!(
            short.message,
            "rendering takes 4 render seconds, and 3.5 of the budget's 10 are left"
        );
        assert_eq!(purse.render(&budget, 3_500).unwrap().len(), 1, "100 %");
    }

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
