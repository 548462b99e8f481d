//! Who is asked: the first model of the list whose vendor is configured here and can do it, or the vendors' own order
//! where the document names nobody. Pure, given what is configured.
//!
//! Neighbours: [`super::Providers`] gives what is configured now, `fenta_workflows::models` knows the models.

use std::collections::BTreeMap;

use fenta_client::credentials::{KeySource, Secret};
use fenta_workflows::action::InvokeRequest;
use fenta_workflows::models::{Available, ModelRef, Models, Role};

use super::VENDORS;
use super::config::{ProvidersConfig, VendorConfig};
use super::http::Url;
use super::vendor::{KeyUse, Place, Service, Vendor};

/// What is configured now.
pub(super) struct Market<'a> {
    pub(super) config: &'a ProvidersConfig,
    /// Keys by vendor, or why one cannot be read.
    pub(super) keys: &'a BTreeMap<&'static str, Result<(Secret, KeySource), String>>,
    /// `YYYY-MM-DD`.
    pub(super) today: String,
}

/// Who is asked.
pub(super) struct Choice {
    pub(super) vendor: &'static Vendor,
    pub(super) service: &'static Service,
    pub(super) model: String,
    pub(super) config: VendorConfig,
    /// What is to be told about it: who was passed over and why, and what took the place of what; may be empty.
    pub(super) notes: Vec<String>,
}

/// Why nobody is.
pub(super) struct Nobody {
    /// Who was passed over, and why.
    pub(super) why: Vec<String>,
    /// What would help, one of them; may be empty.
    pub(super) fixes: Vec<String>,
}

/// Why one is passed over, and what would help.
pub(super) struct Passed {
    pub(super) why: String,
    pub(super) fix: String,
}

impl Market<'_> {
    /// Who is asked for this. A run that keeps off the network asks only servers on this machine.
    pub(super) fn choose(
        &self,
        request: &InvokeRequest,
        local_only: bool,
    ) -> Result<Choice, Nobody> {
        if let Some(complaint) = &self.config.complaint {
            return Err(Nobody {
                why: vec![complaint.clone()],
                fixes: vec!["mend the file".to_owned()],
            });
        }
        let named = !request.models.is_empty();
        let mut nobody = Nobody {
            why: Vec::new(),
            fixes: Vec::new(),
        };
        for candidate in candidates(request.role, &request.models) {
            match self.try_one(request.role, &candidate, local_only) {
                Ok(mut choice) => {
                    // Who is not named and not there is no news.
                    if named && !nobody.why.is_empty() {
                        let model = format!("{}:{}", choice.vendor.name, choice.model);
                        let why = format!("{model} is asked: {}", nobody.why.join("; "));
                        choice.notes.push(why);
                    }
                    return Ok(choice);
                }
                Err(passed) => {
                    if !passed.fix.is_empty() {
                        nobody.fixes.push(passed.fix);
                    }
                    nobody.why.push(passed.why);
                }
            }
        }
        Err(nobody)
    }

    /// Who of these can be asked, in order, engines of this machine among them; and why those before the first cannot.
    pub(super) fn available(&self, role: Role, models: &[ModelRef], local_only: bool) -> Available {
        let mut found = Available::default();
        for model in candidates(role, models) {
            if BUILT_IN.contains(&model.vendor.as_str()) {
                found.models.push(model);
                continue;
            }
            match self.try_one(role, &model, local_only) {
                Ok(choice) => {
                    if found.models.is_empty() {
                        found.passed.extend(choice.notes);
                    }
                    let one = ModelRef::new(choice.vendor.name, choice.model);
                    if !found.models.contains(&one) {
                        found.models.push(one);
                    }
                }
                Err(passed) if found.models.is_empty() && !models.is_empty() => {
                    found.passed.push(passed.why);
                }
                Err(_) => {}
            }
        }
        found
    }

    fn try_one(
        &self,
        role: Role,
        candidate: &ModelRef,
        local_only: bool,
    ) -> Result<Choice, Passed> {
        let mut notes = Vec::new();
        let model = self.alive(role, candidate, &mut notes);
        let vendor = VENDORS.iter().copied().find(|one| one.name == model.vendor);
        let service = vendor.and_then(|vendor| Some((vendor, vendor.service(role)?)));
        let Some((vendor, service)) = service else {
            return Err(Passed {
                why: format!("{model} has no adapter for `{role}` in this version"),
                fix: String::new(),
            });
        };
        let config = self.configured(vendor)?;
        let near = vendor.place == Place::Here || is_loopback(&base_url(vendor, &config));
        if local_only && !(model.is_local() && near) {
            return Err(Passed {
                why: format!("{model} is not on this machine"),
                fix: String::new(),
            });
        }
        let usual = || {
            let configured = config.models.get(&role).map(String::as_str);
            configured.or(service.usual).map(str::to_owned)
        };
        let Some(name) = model.model.clone().or_else(usual) else {
            return Err(Passed {
                why: format!("which model of {} is not said", vendor.name),
                fix: format!("write {}:MODEL in `providers.{role}`", vendor.name),
            });
        };
        Ok(Choice {
            vendor,
            service,
            model: name,
            config,
            notes,
        })
    }

    /// The model, or what takes its place when it has ended.
    fn alive(&self, role: Role, candidate: &ModelRef, notes: &mut Vec<String>) -> ModelRef {
        let known = Models::builtin().find(role, candidate);
        let named = known.filter(|_| candidate.model.is_some());
        match named.filter(|known| known.is_retired_on(&self.today)) {
            Some(known) => match &known.substitute {
                Some(other) => {
                    let last = known.retires.as_deref().unwrap_or_default();
                    notes.push(format!(
                        "{candidate} ended on {last}: {other} takes its place"
                    ));
                    other.clone()
                }
                None => candidate.clone(),
            },
            None => candidate.clone(),
        }
    }

    /// What is configured for a vendor that can be asked.
    pub(super) fn configured(&self, vendor: &'static Vendor) -> Result<VendorConfig, Passed> {
        let name = vendor.name;
        let config = self.config.vendors.get(name);
        if config.is_some_and(|config| config.enabled == Some(false)) {
            return Err(Passed {
                why: format!("{name} is switched off in config.toml"),
                fix: format!("take `enabled = false` out of [providers.{name}]"),
            });
        }
        if vendor.place == Place::Own && config.is_none() {
            return Err(Passed {
                why: format!("{name} is not configured"),
                fix: format!("write [providers.{name}] into your config.toml"),
            });
        }
        match self.keys.get(name) {
            Some(Err(why)) => {
                return Err(Passed {
                    why: format!("the key of {name} cannot be read: {why}"),
                    fix: String::new(),
                });
            }
            None if matches!(vendor.key, KeyUse::Needed { .. }) => {
                return Err(Passed {
                    why: format!("{name} has no key"),
                    fix: format!("`fenta auth provider add {name}` stores a key"),
                });
            }
            _ => {}
        }
        Ok(config.cloned().unwrap_or_default())
    }
}

/// Engines that are part of Fenta: they can always be asked, and nobody is asked over a wire for them.
const BUILT_IN: [&str; 3] = ["builtin", "espeak-ng", "flite"];

/// Roles this machine plays itself where a document names nobody.
const OWN_ROLES: [Role; 2] = [Role::Speech, Role::Music];

/// The models that may do it, in the order they are tried.
fn candidates(role: Role, models: &[ModelRef]) -> Vec<ModelRef> {
    if !models.is_empty() {
        return models.to_vec();
    }
    if OWN_ROLES.contains(&role) {
        return Vec::new();
    }
    let able = VENDORS
        .iter()
        .filter(|vendor| vendor.service(role).is_some())
        // What only stands in for something is never chosen by itself.
        .filter(|vendor| vendor.place != Place::Here);
    able.map(|vendor| ModelRef {
        vendor: vendor.name.to_owned(),
        model: None,
    })
    .collect()
}

/// Where a vendor answers.
pub(super) fn base_url(vendor: &Vendor, config: &VendorConfig) -> Url {
    config.base_url.clone().unwrap_or_else(|| {
        // Who has no address is never called at one.
        match vendor.base_url {
            "" => "http://nowhere.invalid",
            documented => documented,
        }
        .parse()
        .expect("addresses of the list are addresses, because a test reads them all")
    })
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
