//! What a node was made with, for `fenta.lock`, and whether a frozen run may have it.

use std::collections::BTreeMap;

use fenta_client::api::jobs::RunOptions;
use fenta_workflows::action::{Action, ActionFacts, ActionResult};
use fenta_workflows::lock::{self, Lock, NodePins, PinnedResult};
use fenta_workflows::models::Role;
use fenta_workflows::value::Value;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use fenta_workflows::{NodeId, Workflow};

use super::selection::{OptionsError, Part, Selection};

/// Takes note of what an action of a node (or one turn of it) made.
pub(super) fn note(pins: &mut NodePins, label: &str, action: &Action, result: &ActionResult) {
    match action {
        Action::Speak(_) => pins.voice = maker(action),
        Action::Invoke(_) => pins.model = maker(action),
        _ => {}
    }
    if let ActionFacts::Fonts(faces) = &result.facts {
        for face in faces {
            pins.fonts.insert(font(face), face.file);
        }
    }
    if lock::is_generated(action) {
        let pinned = PinnedResult::new(label, action, result);
        pins.results.insert(lock::request_key(action), pinned);
    }
}

/// Who does an action, where the action itself says so: a voice, or the only model it may ask. Which of several models
/// answered, no answer tells.
fn maker(action: &Action) -> Option<String> {
    match action {
        Action::Speak(request) => Some(format!("{}:{}", request.engine, request.voice)),
        Action::Invoke(request) => match request.models.as_slice() {
            [only] => Some(only.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an action of a node is done by whom the lock pins for it.
pub(super) fn same_maker(lock: &Lock, node: &NodeId, action: &Action) -> Result<(), String> {
    let pinned = lock
        .nodes
        .get(node.as_str())
        .and_then(|pinned| match action {
            Action::Speak(_) => pinned.voice.clone(),
            _ => pinned.model.clone(),
        });
    match (pinned, maker(action)) {
        (Some(pinned), Some(now)) if pinned != now => {
            Err(format!("the lock pins {pinned}, and {now} is asked for"))
        }
        _ => Ok(()),
    }
}

/// Takes note of the template a cut was made with; in a frozen run it must be the pinned one.
pub(super) fn template(
    pins: &mut NodePins,
    frozen: Option<&Lock>,
    outputs: &BTreeMap<String, Value>,
) -> Result<(), String> {
    let stamps = outputs.values().filter_map(|value| match value {
        Value::Timeline(timeline) => Some(&timeline.template),
        _ => None,
    });
    for stamp in stamps.filter(|stamp| !stamp.digest.is_empty()) {
        if let Some(lock) = frozen {
            match lock.templates.get(&stamp.name) {
                Some(pinned) if *pinned == stamp.digest => {}
                Some(_) => {
                    return Err(format!(
                        "the template `{}` is not the pinned one",
                        stamp.name
                    ));
                }
                None => {
                    return Err(format!(
                        "the lock does not pin the template `{}`",
                        stamp.name
                    ));
                }
            }
        }
        pins.templates
            .insert(stamp.name.clone(), stamp.digest.clone());
    }
    Ok(())
}

fn font(face: &fenta_templates::timeline::FontFace) -> String {
    format!("{}:{}", face.request.family, face.request.weight)
}

/// Whether a frozen run may ask for an action at all.
pub(super) fn wish(lock: &Lock, action: &Action) -> Result<(), String> {
    if !lock::is_generated(action) {
        return Ok(());
    }
    match lock.results.get(&lock::request_key(action)) {
        Some(_) => Ok(()),
        None => Err(format!(
            "the lock pins no result for this `{}`",
            action.kind()
        )),
    }
}

/// Whether a frozen run may have an action done whose result is not there.
pub(super) fn missing(lock: &Lock, action: &Action) -> Result<(), String> {
    wish(lock, action)?;
    match action {
        Action::Invoke(request) if request.task.is_of_the_moment() => Err(nobody(request.role)),
        Action::Invoke(request) => Err(format!(
            "the pinned result for role `{}` is not in the store of this machine, and a frozen run calls no provider",
            request.role
        )),
        _ => Ok(()),
    }
}

/// Why a frozen run does not do what is asked anew in every run.
pub(super) fn nobody(role: Role) -> String {
    format!("role `{role}` is asked anew in every run, and a frozen run asks nobody")
}

/// Whether what came out of an action is what the lock pins.
pub(super) fn outcome(lock: &Lock, action: &Action, result: &ActionResult) -> Result<(), String> {
    if let ActionFacts::Fonts(faces) = &result.facts {
        for face in faces {
            let name = font(face);
            match lock.fonts.get(&name) {
                Some(file) if *file == face.file => {}
                Some(file) => {
                    return Err(format!(
                        "the font {name} on this machine is {} of {} bytes, the lock pins {} of {} bytes",
                        face.file.short(),
                        face.file.size,
                        file.short(),
                        file.size
                    ));
                }
                None => return Err(format!("the lock does not pin the font {name}")),
            }
        }
    }
    if !lock::is_generated(action) {
        return Ok(());
    }
    match lock.results.get(&lock::request_key(action)) {
        Some(pinned) if pinned.is(result) => Ok(()),
        Some(_) => Err(format!(
            "the result of `{}` on this machine is not the pinned one",
            action.kind()
        )),
        None => wish(lock, action),
    }
}

/// Whether the lock of a frozen run knows every node that runs, as it is. Everything it does not know is named.
pub(super) fn check_nodes(
    workflow: &Workflow,
    selection: &Selection,
    options: &RunOptions,
) -> Result<(), OptionsError> {
    if !options.frozen {
        return Ok(());
    }
    let lock = options.lock.as_ref().ok_or(OptionsError::NoLock)?;
    let mut unpinned = Vec::new();
    for node in workflow.order() {
        if selection.part(node) == Part::LeftOut {
            continue;
        }
        let Some(instance) = workflow.nodes().get(node) else {
            continue;
        };
        let (kind, version) = (instance.kind(), instance.version());
        match lock.nodes.get(node.as_str()) {
            None => unpinned.push(format!("node `{node}` is not in it")),
            Some(pinned) if pinned.kind != kind => {
                unpinned.push(format!("node `{node}` was {}, now {kind}", pinned.kind));
            }
            Some(pinned) if pinned.version != version => unpinned.push(format!(
                "node `{node}`: {kind} was version {}, now {version}",
                pinned.version
            )),
            Some(_) => {}
        }
    }
    if unpinned.is_empty() {
        Ok(())
    } else {
        Err(OptionsError::NotPinned(unpinned))
    }
}

/// The failure of a frozen run that is not what the lock says.
pub(super) fn refused(why: String) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Input,
        message: format!("frozen: {why}"),
        hint: "run it with --lock and without --frozen to pin it as it is now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenta_workflows::action::{CallWebhookTask, InvokeRequest, InvokeTask};
    use fenta_workflows::digest::blob_digest;
    use fenta_workflows::lock::NodeLock;

    use super::*;
    use crate::runner::testing::{speak, write};

    fn result(bytes: &[u8]) -> ActionResult {
        ActionResult {
            outputs: BTreeMap::from([("audio".to_owned(), blob_digest(bytes))]),
            facts: ActionFacts::None,
        }
    }

    fn ask(models: &[&str]) -> Action {
        Action::Invoke(Box::new(InvokeRequest {
            role: Role::Webhook,
            models: models.iter().map(|text| text.parse().unwrap()).collect(),
            task: InvokeTask::CallWebhook(CallWebhookTask {
                url: "https://example.org".to_owned(),
                event: String::new(),
                data: serde_json::Value::Null,
                secret_ref: None,
            }),
        }))
    }

    // spec: W-58
    #[test]
    fn only_who_certainly_did_the_work_is_pinned_and_nobody_else_passes() {
        let mut pins = NodePins::default();
        note(
            &mut pins,
            "a",
            &ask(&["kie:veo3", "kie:veo3_fast"]),
            &result(b"a"),
        );
        assert_eq!(pins.model, None, "either of them may have answered");
        note(&mut pins, "a", &ask(&["kie:veo3"]), &result(b"a"));
        assert_eq!(pins.model.as_deref(), Some("kie:veo3"));
        let node = NodeLock {
            kind: "Voice.TTS".to_owned(),
            version: 1,
            model: pins.model,
            voice: Some("flite:rms".to_owned()),
        };
        let lock = Lock {
            nodes: BTreeMap::from([("a".to_owned(), node)]),
            ..Lock::default()
        };
        let same = |action: &Action| same_maker(&lock, &NodeId::new("a"), action);
        assert_eq!(same(&ask(&["kie:veo3"])), Ok(()));
        assert_eq!(same(&write("x")), Ok(()));
        assert_eq!(
            same(&ask(&["kie:veo3_fast"])).unwrap_err(),
            "the lock pins kie:veo3, and kie:veo3_fast is asked for"
        );
        let voice = same(&speak("hello")).unwrap_err();
        assert_eq!(voice, "the lock pins flite:rms, and flite:slt is asked for");
    }

    // spec: W-58
    #[test]
    fn a_frozen_run_asks_nobody() {
        let lock = Lock::default();
        let refused = missing(&lock, &ask(&[])).unwrap_err();
        assert_eq!(
            refused,
            "role `webhook` is asked anew in every run, and a frozen run asks nobody"
        );
        assert_eq!(missing(&lock, &write("x")), Ok(()));
    }

    #[test]
    fn what_was_generated_is_pinned_and_only_that_passes() {
        let mut pins = NodePins::default();
        note(&mut pins, "voice", &speak("hello"), &result(b"a"));
        note(&mut pins, "voice", &write("text"), &result(b"t"));
        assert_eq!(pins.voice.as_deref(), Some("flite:slt"));
        assert_eq!(pins.model, None);
        assert_eq!(pins.results.len(), 1, "a text is made of what is written");
        let lock = Lock {
            results: pins.results,
            ..Lock::default()
        };
        assert_eq!(outcome(&lock, &speak("hello"), &result(b"a")), Ok(()));
        assert_eq!(wish(&lock, &write("other")), Ok(()));
        let other = outcome(&lock, &speak("hello"), &result(b"b")).unwrap_err();
        assert!(other.contains("not the pinned one"), "{other}");
        let unknown = wish(&lock, &speak("hello you")).unwrap_err();
        assert!(unknown.contains("pins no result"), "{unknown}");
    }
}
