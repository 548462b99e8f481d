//! `Invoke` where nobody can be asked: the refusal, with what was asked for, what would help and what works without a
//! provider; never retried, because nothing changes by waiting.
//!
//! Neighbours: `providers` says who can be asked, `fenta_workflows::models` knows the roles. What is done on this machine (speech, music, cutting texts)
//! never comes here: its nodes lower to actions of their own.

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::models::Role;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::Tools;
use super::failure::failure;

/// Only what nobody is asked for comes here: whoever can be asked was asked by `runner::paid`.
pub(super) fn run(tools: &Tools, request: &InvokeRequest) -> Result<ActionResult, WorkerFailure> {
    let why = tools.providers.refusal(request);
    Err(why.unwrap_or_else(|| refusal(request, &[], &[])))
}

/// Nobody can be asked: who was passed over and why, and what would help.
pub(crate) fn refusal(request: &InvokeRequest, why: &[String], fixes: &[String]) -> WorkerFailure {
    let models: Vec<String> = request.models.iter().map(ToString::to_string).collect();
    let asked = if models.is_empty() {
        "none is named".to_owned()
    } else {
        format!("asked for {}", models.join(", "))
    };
    let why = match why {
        _ if models.is_empty() => String::new(),
        [] => String::new(),
        why => format!(" ({})", why.join("; ")),
    };
    let fix = match fixes {
        [] => "this version has no provider for it".to_owned(),
        fixes => fixes.join(", or "),
    };
    failure(
        FailureClass::Unsupported,
        format!(
            "no provider configured for role `{}`: {asked}{why}",
            request.role
        ),
        format!("{fix}; or {}", without(request.role)),
    )
}

/// What does the same, or nearly, without a provider.
const fn without(role: Role) -> &'static str {
    match role {
        Role::Llm => {
            "write the text yourself: Input.Text and Script.Transform with `mode: split` need none"
        }
        Role::Speech => {
            "leave `providers.speech` and `model` out: Voice.TTS then speaks with the built-in engines"
        }
        Role::Transcribe => {
            "give Subtitle.Auto the `voice` of Voice.TTS, whose words are known, or import an SRT with Subtitle.Import"
        }
        Role::Stock => {
            "put files of yours in a folder for Input.Upload, or use the moving backgrounds of Input.Motion"
        }
        Role::Image | Role::Video => {
            "write `sandbox` to try the workflow with marked stand-ins, put files of yours in a folder for Input.Upload, or \
             use the moving backgrounds of Input.Motion"
        }
        Role::Edit => "edit the clip elsewhere and take it in with Input.Upload",
        Role::Music => {
            "write `source: compose`, `file`, or `source: library` with a `folder` of yours at Input.Music: all of them work on \
             this machine"
        }
        Role::Feed => "write what the video is about into Input.Text",
        Role::Webhook => "`fenta logs` tells what happened to a job on this machine",
        Role::Approval => "remove the node and look at the result before you publish it",
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{CallWebhookTask, InvokeTask};
    use fenta_workflows::models::ModelRef;

    use super::*;
    use crate::executors::RetryPolicy;

    fn request(role: Role, models: &[&str]) -> InvokeRequest {
        InvokeRequest {
            role,
            models: models
                .iter()
                .map(|text| text.parse::<ModelRef>().unwrap())
                .collect(),
            task: InvokeTask::CallWebhook(CallWebhookTask {
                url: "https://example.org/hook".to_owned(),
                event: "render.succeeded".to_owned(),
                data: serde_json::Value::Null,
                secret_ref: None,
            }),
        }
    }

    #[test]
    fn the_refusal_names_role_models_and_a_way_on() {
        let models = ["openrouter:openai/gpt-6-luna", "ollama:qwen3:8b"];
        let failure = refusal(&request(Role::Llm, &models), &[], &[]);
        assert_eq!(
            failure.message,
            "no provider configured for role `llm`: asked for openrouter:openai/gpt-6-luna, ollama:qwen3:8b"
        );
        assert!(failure.hint.contains("mode: split"), "{}", failure.hint);
        let nameless = refusal(&request(Role::Feed, &[]), &[], &[]);
        assert_eq!(
            nameless.message,
            "no provider configured for role `feed`: none is named"
        );
    }

    #[test]
    fn it_is_never_tried_again() {
        for role in Role::ALL {
            let failure = refusal(&request(role, &[]), &[], &[]);
            assert_eq!(failure.class, FailureClass::Unsupported);
            assert_eq!(RetryPolicy::default().wait_after(1, failure.class), None);
            assert!(failure.hint.len() > 40, "{role}");
        }
    }
}
