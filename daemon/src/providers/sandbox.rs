//! The sandbox: pictures and clips that cost nothing and need no key, because no model makes them. It is asked only where
//! a document names it; what comes of it says in large letters what it is.
//!
//! It answers that nothing was made, and the node has the renderer draw (`fenta_workflows`, `nodes/sandbox.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use fenta_workflows::action::{ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked};
use fenta_workflows::models::{ModelRef, Role};
use fenta_workflows::worker::FailureClass;
use futures_util::future::BoxFuture;

use super::at_once::{Answered, Answers, AskFailure, AtOnce};
use super::desk::Desk;
use super::generation::failure;
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::executors::Provider;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "sandbox",
    base_url: "",
    place: Place::Here,
    key: KeyUse::None,
    sends: KeyStyle::Bearer,
    probe: None,
    charges: false,
    services: &[
        Service {
            role: Role::Image,
            usual: Some("picture"),
            open,
        },
        Service {
            role: Role::Video,
            usual: Some("clip"),
            open,
        },
    ],
};

fn open(desk: Desk) -> Arc<dyn Provider> {
    Arc::new(AtOnce(Sandbox(desk)))
}

#[derive(Debug)]
struct Sandbox(Desk);

impl Answers for Sandbox {
    fn desk(&self) -> &Desk {
        &self.0
    }

    fn answer<'a>(
        &'a self,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Answered, AskFailure>> {
        let model = ModelRef::new(VENDOR.name, self.0.model.clone());
        let known = match &request.task {
            InvokeTask::MakeImage(_) => self.0.model == "picture",
            InvokeTask::MakeVideo(_) => self.0.model == "clip",
            _ => false,
        };
        let answer = if known {
            Ok(Answered {
                result: ActionResult {
                    outputs: BTreeMap::new(),
                    facts: ActionFacts::Invoked(Box::new(Invoked::Sandbox {
                        model: model.to_string(),
                    })),
                },
                cost_micros: Some(0),
                said: Vec::new(),
            })
        } else {
            Err(AskFailure::Refused(failure(
                FailureClass::Unsupported,
                format!("the sandbox has no {model} for `{}`", request.role),
                "write `sandbox` alone",
            )))
        };
        Box::pin(std::future::ready(answer))
    }
}
