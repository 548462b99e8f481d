//! THE LIST of vendors: who can be asked for what on somebody else's computer, or on a server of the user's.
//!
//! Neighbours: `executors` asks [`Providers`] who does a request, `runner::paid` asks that one its four questions. A
//! vendor is one file with one constant and one line below; a wire that several speak (`openai_chat`) and what a role
//! means (`llm`) are files of their own. Nothing here retries or pays: it asks once and says what came of it.

mod ability;
mod at_once;
mod choice;
pub mod config;
pub mod desk;
mod encoded;
mod generation;
pub mod http;
mod llm;
mod plain_text;
mod report;
mod stock;
mod vendor;

mod complaint;
mod elevenlabs;
mod fal;
mod feed;
mod kie;
mod kokoro;
mod llama_cpp;
mod lmstudio;
mod local;
mod ollama;
mod openai;
mod openai_chat;
mod openai_images;
mod openai_speech;
mod openai_transcribe;
mod openrouter;
mod pexels;
mod pixabay;
mod sandbox;
mod sd_server;
mod speaches;
mod speech;
mod transcribe;
mod webhook;
mod whisper_cpp;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fenta_client::credentials::{KeyFile, KeySource, Secret};
use fenta_workflows::action::{CallWebhookTask, InvokeRequest, InvokeTask};
use fenta_workflows::models::{Available, ModelRef, Role};
use fenta_workflows::worker::{FailureClass, WorkerFailure};

pub use at_once::{Answered, Answers, AskFailure, AtOnce};
pub use vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

use crate::clock::Clock;
use crate::executors::{self, Provider};
use crate::store::{Cas, Spending, Store};
use choice::{Choice, Market, Nobody};
use config::{ConfigFile, VendorConfig};
use desk::Desk;
use http::{Http, Pace};

/// Every vendor, in the order they are tried where a document names nobody: servers of the user's first.
pub static VENDORS: &[&Vendor] = &[
    &ollama::VENDOR,
    &lmstudio::VENDOR,
    &llama_cpp::VENDOR,
    &sd_server::VENDOR,
    &kokoro::VENDOR,
    &speaches::VENDOR,
    &whisper_cpp::VENDOR,
    &elevenlabs::VENDOR,
    &openrouter::VENDOR,
    &openai::VENDOR,
    &kie::VENDOR,
    &fal::VENDOR,
    &sandbox::VENDOR,
    &pexels::VENDOR,
    &pixabay::VENDOR,
    &local::VENDOR,
    &feed::VENDOR,
    &webhook::VENDOR,
];

/// What the daemon is told about providers at its start.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// The user's config.toml; none where there is no home folder.
    pub config_file: Option<PathBuf>,
    /// Keys of the environment by variable.
    pub keys: BTreeMap<&'static str, Secret>,
}

impl ProviderSettings {
    /// The user's own prices, beside config.toml; the file need not exist.
    pub fn prices_file(&self) -> Option<PathBuf> {
        let config = self.config_file.as_ref()?;
        Some(config.with_file_name("prices.json"))
    }
}

/// The variables that may hold keys.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    VENDORS.iter().filter_map(|vendor| vendor.key.variable())
}

/// A model that cannot do a task, and why.
pub type Inability = (ModelRef, String);

/// Who can be asked from here. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Providers {
    kind: Arc<Kind>,
    /// Asked before those.
    first: Arc<[Arc<dyn Provider>]>,
}

#[derive(Debug)]
enum Kind {
    /// Those that are configured.
    Configured(Box<Office>),
    /// These, whatever is configured.
    Fixed(Vec<Arc<dyn Provider>>),
}

#[derive(Debug)]
struct Office {
    config: ConfigFile,
    key_file: Option<KeyFile>,
    variables: BTreeMap<&'static str, Secret>,
    http: Http,
    pace: Pace,
    cas: Cas,
    store: Store,
    scratch: PathBuf,
    clock: Arc<dyn Clock>,
}

/// A request with the model that is asked, and what is to be told about the choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The request.
    pub request: InvokeRequest,
    /// For people; may be empty.
    pub notes: Vec<String>,
}

impl Providers {
    /// Those that the user's files and the environment configure.
    pub fn configured(
        settings: ProviderSettings,
        (cas, store): (Cas, Store),
        scratch: PathBuf,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let folder = settings.config_file.as_ref().and_then(|path| path.parent());
        let office = Office {
            key_file: folder.map(KeyFile::in_folder),
            config: ConfigFile::new(settings.config_file),
            variables: settings.keys,
            http: Http::default(),
            pace: Pace::default(),
            cas,
            store,
            scratch,
            clock,
        };
        Self {
            kind: Arc::new(Kind::Configured(Box::new(office))),
            first: Arc::default(),
        }
    }

    /// What all jobs together may spend, as the user's file says now.
    pub fn spending(&self) -> Spending {
        match &*self.kind {
            Kind::Configured(office) => office.config.read().spending,
            Kind::Fixed(_) => Spending::default(),
        }
    }

    /// These and no others.
    pub fn fixed(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self {
            kind: Arc::new(Kind::Fixed(providers)),
            first: Arc::default(),
        }
    }

    /// Who of a node's models can be asked here. A run that keeps off the network asks a server on this machine where
    /// there is one; what is remembered of others counts there too.
    pub fn available(
        &self,
        role: Role,
        models: &[ModelRef],
        local_only: bool,
    ) -> Option<Available> {
        let Kind::Configured(office) = &*self.kind else {
            return None;
        };
        if models
            .iter()
            .any(|model| self.first.iter().any(|one| one.vendor() == model.vendor))
        {
            return None;
        }
        let near = local_only.then(|| office.available(role, models, true));
        let near = near.filter(|found| !found.models.is_empty());
        Some(near.unwrap_or_else(|| office.available(role, models, false)))
    }

    /// Those of these models that cannot do a task, and why, as far as is known.
    pub fn inability(&self, role: Role, models: &[ModelRef], task: &InvokeTask) -> Vec<Inability> {
        let Kind::Configured(office) = &*self.kind else {
            return Vec::new();
        };
        // A file that cannot be read is told by whoever is asked with it.
        let Ok(wires) = generation::wires_with(office.parameters().as_deref()) else {
            return Vec::new();
        };
        let unable = models.iter().filter_map(|model| {
            let why = ability::missing(role, model, task, &wires)?;
            Some((model.clone(), why))
        });
        unable.collect()
    }

    /// Why the model that is asked will surely refuse this; its adapter says the same before anything is sent.
    pub fn unfit(&self, request: &InvokeRequest) -> Option<WorkerFailure> {
        let (Kind::Configured(office), Some(model)) = (&*self.kind, request.models.first()) else {
            return None;
        };
        let wires = generation::wires_with(office.parameters().as_deref()).ok()?;
        let message = ability::picture(model, &request.task, &wires)?;
        Some(WorkerFailure {
            class: FailureClass::Unsupported,
            message,
            hint: "ask for something it does, or name another model".to_owned(),
        })
    }

    /// The same, and these before them.
    #[must_use]
    pub fn beside(mut self, first: Vec<Arc<dyn Provider>>) -> Self {
        self.first = first.into();
        self
    }

    fn among_first(&self, request: &InvokeRequest) -> Option<Arc<dyn Provider>> {
        of_vendor(&self.first, request)
    }

    /// The request as it is sent and remembered: with the one model that is asked for it. Where nobody can be asked it
    /// stays as it is, and [`Providers::refusal`] says why. A run that keeps off the network asks a server on this
    /// machine where there is one.
    pub fn settle(&self, request: &InvokeRequest, local_only: bool) -> Settled {
        let unchanged = || Settled {
            request: request.clone(),
            notes: Vec::new(),
        };
        let Kind::Configured(office) = &*self.kind else {
            return unchanged();
        };
        if self.among_first(request).is_some() {
            return unchanged();
        }
        let near = local_only.then(|| office.choose(request, true).ok());
        // What is remembered of others counts without network too.
        let chosen = near
            .flatten()
            .or_else(|| office.choose(request, false).ok());
        let Some(choice) = chosen else {
            return unchanged();
        };
        let mut settled = unchanged();
        settled.request.models = vec![ModelRef::new(choice.vendor.name, choice.model)];
        settled.notes = choice.notes;
        settled
    }

    /// Who is asked for this; none where nobody can be.
    pub fn provider(&self, request: &InvokeRequest) -> Option<Arc<dyn Provider>> {
        self.among_first(request).or_else(|| match &*self.kind {
            Kind::Configured(office) => Some(office.open(office.choose(request, false).ok()?)),
            Kind::Fixed(all) => of_vendor(all, request),
        })
    }

    /// Why nobody can be asked for this; none when somebody can.
    pub fn refusal(&self, request: &InvokeRequest) -> Option<WorkerFailure> {
        if self.among_first(request).is_some() {
            return None;
        }
        match &*self.kind {
            Kind::Configured(office) => match office.choose(request, false) {
                Ok(_) => None,
                Err(Nobody { why, fixes }) => Some(executors::refusal(request, &why, &fixes)),
            },
            Kind::Fixed(_) => match self.provider(request) {
                Some(_) => None,
                None => Some(executors::refusal(request, &[], &[])),
            },
        }
    }

    /// Tells an address of the user's something under our name for it; gives the status of the answer.
    ///
    /// # Errors
    /// Why it did not arrive, or may not have.
    pub async fn tell(
        &self,
        reference: &str,
        task: &CallWebhookTask,
    ) -> Result<u16, WorkerFailure> {
        webhook::tell(self.messenger()?, reference, task).await
    }

    /// Why messages cannot be signed with the secret of this name; nothing where they can.
    pub async fn lacks_signing_secret(&self, name: &str) -> Option<WorkerFailure> {
        match self.messenger() {
            Ok(desk) => webhook::lacks_secret(desk, name).await,
            Err(failure) => Some(failure),
        }
    }

    fn messenger(&self) -> Result<Desk, WorkerFailure> {
        let refused = |message: String| WorkerFailure {
            class: FailureClass::Unsupported,
            message,
            hint: "look at [providers.webhook] in your config.toml".to_owned(),
        };
        let Kind::Configured(office) = &*self.kind else {
            return Err(refused("nobody sends messages from here".to_owned()));
        };
        let config = office.config.read();
        if let Some(complaint) = &config.complaint {
            return Err(refused(complaint.clone()));
        }
        let vendor = &webhook::VENDOR;
        let own = config.vendors.get(vendor.name).cloned();
        let own = own.unwrap_or_default();
        if own.enabled == Some(false) {
            return Err(refused("webhook is switched off in config.toml".to_owned()));
        }
        Ok(office.desk(vendor, &own, String::new()))
    }

    /// How long the vendor of a request wants to be left alone.
    pub fn rest(&self, request: &InvokeRequest) -> Duration {
        match (&*self.kind, request.models.first()) {
            (Kind::Configured(office), Some(model)) => office.pace.left(&model.vendor),
            _ => Duration::ZERO,
        }
    }
}

/// The one that serves the first model of the request that one of them serves.
fn of_vendor(all: &[Arc<dyn Provider>], request: &InvokeRequest) -> Option<Arc<dyn Provider>> {
    let of = |vendor: &str| all.iter().find(|one| one.vendor() == vendor);
    let mut models = request.models.iter();
    models.find_map(|model| of(&model.vendor)).cloned()
}

impl Office {
    fn available(&self, role: Role, models: &[ModelRef], local_only: bool) -> Available {
        let config = self.config.read();
        if let Some(complaint) = &config.complaint {
            return Available {
                models: Vec::new(),
                passed: vec![complaint.clone()],
            };
        }
        let keys = self.keys();
        Market {
            config: &config,
            keys: &keys,
            today: self.clock.local_date().to_string(),
        }
        .available(role, models, local_only)
    }

    fn choose(&self, request: &InvokeRequest, local_only: bool) -> Result<Choice, Nobody> {
        let config = self.config.read();
        let keys = self.keys();
        Market {
            config: &config,
            keys: &keys,
            today: self.clock.local_date().to_string(),
        }
        .choose(request, local_only)
    }

    /// The keys of all vendors that have one: a variable wins over what was stored.
    fn keys(&self) -> BTreeMap<&'static str, Result<(Secret, KeySource), String>> {
        let vendors = VENDORS.iter().filter(|vendor| vendor.key != KeyUse::None);
        vendors
            .filter_map(|vendor| Some((vendor.name, self.key(vendor)?)))
            .collect()
    }

    fn key(&self, vendor: &Vendor) -> Option<Result<(Secret, KeySource), String>> {
        let variable = vendor.key.variable()?;
        if let Some(key) = self.variables.get(variable) {
            let source = KeySource::Variable(variable.to_owned());
            return Some(Ok((key.clone(), source)));
        }
        let file = self.key_file.as_ref()?;
        file.get(vendor.name)
            .map_err(|error| error.to_string())
            .transpose()
    }

    fn open(&self, choice: Choice) -> Arc<dyn Provider> {
        let desk = self.desk(choice.vendor, &choice.config, choice.model);
        (choice.service.open)(desk)
    }

    /// What an adapter of a vendor works with.
    fn desk(&self, vendor: &'static Vendor, config: &VendorConfig, model: String) -> Desk {
        let key = self.key(vendor).and_then(Result::ok);
        let base_url = choice::base_url(vendor, config);
        let mut hosts = config.hosts.clone();
        // Who named a server of their own network named it for its files too; not what else listens on that machine.
        if let (Some(_), Some(host), Some(port)) = (
            &config.base_url,
            base_url.host_str(),
            base_url.port_or_known_default(),
        ) {
            hosts.push(format!("{host}:{port}"));
        }
        Desk {
            vendor,
            http: self.http.clone(),
            cas: self.cas.clone(),
            store: self.store.clone(),
            scratch: self.scratch.clone(),
            clock: Arc::clone(&self.clock),
            pace: self.pace.clone(),
            base_url,
            key: key.map(|(key, _)| key),
            secrets: self.key_file.clone(),
            model,
            hosts,
            patience: config.patience,
            parameters: self.parameters(),
        }
    }

    /// The user's file about how models are asked; it need not be there.
    fn parameters(&self) -> Option<PathBuf> {
        let folder = self.config.path()?.parent()?;
        Some(folder.join(generation::PARAMETERS_FILE))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_sound() {
        let mut names = BTreeSet::new();
        let mut variables = BTreeSet::new();
        for vendor in VENDORS {
            assert!(names.insert(vendor.name), "{} twice", vendor.name);
            let model: ModelRef = vendor.name.parse().unwrap();
            let own = matches!(vendor.place, Place::Own | Place::Here);
            assert_eq!(model.is_local(), own, "{}: see LOCAL_VENDORS", vendor.name);
            if matches!(vendor.place, Place::Own | Place::Hosted) {
                let url: http::Url = vendor.base_url.parse().unwrap();
                let scheme = if own { "http" } else { "https" };
                assert_eq!(url.scheme(), scheme, "{}", vendor.name);
            } else {
                assert_eq!(vendor.base_url, "", "{} has no address", vendor.name);
            }
            assert!(!vendor.base_url.ends_with('/'), "{}", vendor.name);
            assert!(!vendor.services.is_empty(), "{}", vendor.name);
            if let Some(variable) = vendor.key.variable() {
                assert!(variables.insert(variable), "{variable} twice");
                assert!(variable.ends_with("_KEY") || variable.ends_with("_TOKEN"));
            }
        }
    }
}
