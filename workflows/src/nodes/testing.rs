//! A bench for node types: give parameters, play the daemon, look at what is asked for.

use std::collections::BTreeMap;

use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{ColorTransfer, MediaFacts, MediaKind};

use crate::action::{
    Action, ActionFacts, ActionResult, Credit, InvokeRequest, Invoked, InvokedMedia,
};
use crate::digest::{Digest, blob_digest};
use crate::execution::{JobFacts, LowerError};
use crate::models::{Available, ModelRef};
use crate::node::{Given, Halt, Known, LowerContext, NodeType, ParamType, Params, Steps};
use crate::value::Value;

/// A node type with parameters, in a job whose document lies in `/w` and whose results go to `/out`.
pub(super) struct Bench {
    node: &'static dyn NodeType,
    given: BTreeMap<String, Value>,
    models: Vec<ModelRef>,
    available: Option<Available>,
    pub(super) job: JobFacts,
}

impl Bench {
    /// Only defaults.
    pub(super) fn new(kind: &str) -> Self {
        Self {
            node: super::find(kind).expect("the test names a node type that exists"),
            given: BTreeMap::new(),
            models: Vec::new(),
            available: None,
            job: JobFacts {
                id: "job_1".into(),
                date: "2026-11-22".into(),
                workflow_dir: "/w".into(),
                out_dir: "/out".into(),
                encoder_threads: 1,
                view: crate::view::View::default(),
            },
        }
    }

    /// With a parameter.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.given.insert(name.to_owned(), value);
        self
    }

    /// With models to do its work.
    pub(super) fn models(mut self, names: &[&str]) -> Self {
        self.models = names
            .iter()
            .map(|name| name.parse().expect("the test names a model"))
            .collect();
        self
    }

    /// On a machine where these of its models can be asked.
    pub(super) fn available(mut self, names: &[&str], passed: &[&str]) -> Self {
        self.available = Some(Available {
            models: names
                .iter()
                .map(|name| name.parse().expect("the test names a model"))
                .collect(),
            passed: passed.iter().map(|why| (*why).to_owned()).collect(),
        });
        self
    }

    /// What the node does with these results.
    pub(super) fn lower(&self, results: &[ActionResult]) -> Result<BTreeMap<String, Value>, Halt> {
        let mut values = BTreeMap::new();
        for spec in &self.node.descriptor().params {
            let given = self.given.get(spec.name).cloned().unwrap_or_else(|| {
                match (&spec.param_type, &spec.default) {
                    (ParamType::Seed, Value::Null) => Value::Int(1),
                    (_, default) => default.clone(),
                }
            });
            let value = spec.fit(given, &self.job)?;
            values.insert(spec.name.to_owned(), value);
        }
        let context = LowerContext {
            params: Params::new(&values),
            job: &self.job,
            models: &self.models,
            available: self.available.as_ref(),
        };
        self.node.lower(&context, &mut Steps::new(results))
    }

    /// Which of these parameters would mean nothing beside those it has.
    pub(super) fn useless(&self, names: &[&'static str]) -> Vec<&'static str> {
        let mut given = Given::default();
        let own = self.given.iter().map(|(name, value)| {
            let value = Some(value.clone());
            (name.as_str(), value)
        });
        for (name, value) in names.iter().map(|name| (*name, None)).chain(own) {
            let known = Known {
                value,
                ..Known::default()
            };
            given.add(name, known);
        }
        let mut found = Vec::new();
        self.node.useless(&given, &mut found);
        found.iter().map(|one| one.name).collect()
    }

    /// The actions it asks for.
    pub(super) fn asks(&self, results: &[ActionResult]) -> Vec<Action> {
        match self.lower(results) {
            Err(Halt::Needs(actions)) => actions,
            other => panic!("no actions asked for: {other:?}"),
        }
    }

    /// Its outputs.
    pub(super) fn outputs(&self, results: &[ActionResult]) -> BTreeMap<String, Value> {
        match self.lower(results) {
            Ok(outputs) => outputs,
            other => panic!("no outputs: {other:?}"),
        }
    }

    /// Its failure.
    pub(super) fn fails(&self, results: &[ActionResult]) -> LowerError {
        match self.lower(results) {
            Err(Halt::Failed(error)) => error,
            other => panic!("no failure: {other:?}"),
        }
    }
}

/// The one provider it asks.
pub(super) fn asked_of(bench: &Bench) -> InvokeRequest {
    match bench.asks(&[]).as_slice() {
        [Action::Invoke(request)] => (**request).clone(),
        other => panic!("no provider is asked: {other:?}"),
    }
}

/// A provider's answer.
pub(super) fn invoked(answer: Invoked) -> ActionResult {
    facts(ActionFacts::Invoked(Box::new(answer)))
}

/// A provider's files: pictures by their ending, else clips; each with its maker.
pub(super) fn found_media(names: &[&str]) -> ActionResult {
    let files = names.iter().map(|name| InvokedMedia {
        output: (*name).to_owned(),
        name: (*name).to_owned(),
        facts: Some(media_facts(if name.ends_with(".png") {
            MediaKind::Image
        } else {
            MediaKind::Video
        })),
        credit: Some(Credit {
            provider: "pexels".into(),
            id: "1".into(),
            author: "A".into(),
            author_url: String::new(),
            page_url: "https://example.org/1".into(),
            license: "free".into(),
        }),
    });
    ActionResult {
        outputs: names
            .iter()
            .map(|name| ((*name).to_owned(), digest(name)))
            .collect(),
        facts: ActionFacts::Invoked(Box::new(Invoked::Media(files.collect()))),
    }
}

/// The digest of a short text.
pub(super) fn digest(text: &str) -> Digest {
    blob_digest(text.as_bytes())
}

/// A result without blobs.
pub(super) fn facts(facts: ActionFacts) -> ActionResult {
    ActionResult {
        outputs: BTreeMap::new(),
        facts,
    }
}

/// A result with one blob and no facts.
pub(super) fn blob(name: &str, text: &str) -> ActionResult {
    ActionResult {
        outputs: BTreeMap::from([(name.to_owned(), digest(text))]),
        facts: ActionFacts::None,
    }
}

/// Plausible measurements.
pub(super) fn media_facts(kind: MediaKind) -> MediaFacts {
    let video = kind == MediaKind::Video;
    let seen = kind != MediaKind::Audio;
    MediaFacts {
        kind,
        container: "x".into(),
        video_codec: seen.then(|| "h264".to_owned()),
        width: if seen { 1080 } else { 0 },
        height: if seen { 1920 } else { 0 },
        rotation: 0,
        mirrored: false,
        frame_rate: video.then(|| FrameRate::whole(30)),
        duration: (kind != MediaKind::Image).then(|| RationalTime::millis(8000)),
        interlaced: false,
        transfer: ColorTransfer::Sdr,
        alpha: false,
        audio_codec: (kind == MediaKind::Audio).then(|| "mp3".to_owned()),
        audio_channels: 0,
        audio_rate: 0,
        audio_start: None,
        warnings: Vec::new(),
    }
}
