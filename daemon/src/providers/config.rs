//! `[providers.<vendor>]` of the user's config.toml, read anew whenever the file has changed. A project's fenta.toml has
//! no such part: it must not send anybody's keys elsewhere.
//!
//! The one door of toml_edit in the daemon. `fenta config` edits the file; unknown keys are slips and are told.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenta_workflows::cost::Decimal;
use fenta_workflows::models::{Role, vendor_called};
use toml_edit::{Document, Item, TableLike};

use super::http::Url;
use crate::store::Spending;

/// Longest time for work that can be configured.
const LONGEST: i64 = 3600;

/// What the user says about a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorConfig {
    /// Another address than the documented one.
    pub base_url: Option<Url>,
    /// Whether it may be used; a vendor that stands in the file is.
    pub enabled: Option<bool>,
    /// The usual models, by role.
    pub models: BTreeMap<Role, String>,
    /// Hosts that its answers may name although they are no public ones.
    pub hosts: Vec<String>,
    /// How long work may take.
    pub patience: Option<Duration>,
}

/// What the user says about vendors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvidersConfig {
    /// By vendor.
    pub vendors: BTreeMap<String, VendorConfig>,
    /// What all jobs together may spend.
    pub spending: Spending,
    /// What is wrong with the file: nothing of it counts then.
    pub complaint: Option<String>,
}

/// What a file looked like when it was read.
type Look = (u64, i64, i64, u64);

#[derive(Debug, Default)]
struct Known {
    look: Option<Look>,
    config: Arc<ProvidersConfig>,
}

/// The file, read when it has changed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: Option<PathBuf>,
    known: Arc<Mutex<Known>>,
}

impl ConfigFile {
    /// The user's file; none where there is no home folder.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            known: Arc::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What it says now.
    pub fn read(&self) -> Arc<ProvidersConfig> {
        let Some(path) = &self.path else {
            return Arc::default();
        };
        let look = fs::metadata(path).ok().map(|metadata| {
            let at = (metadata.mtime(), metadata.mtime_nsec());
            (metadata.ino(), at.0, at.1, metadata.len())
        });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.look != look || look.is_none() {
            let config = match fs::read_to_string(path) {
                Ok(text) => parse(path, &text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => ProvidersConfig::default(),
                Err(error) => complaint(format!("cannot read {}: {error}", path.display())),
            };
            *known = Known {
                look,
                config: Arc::new(config),
            };
        }
        Arc::clone(&known.config)
    }
}

fn complaint(text: String) -> ProvidersConfig {
    ProvidersConfig {
        complaint: Some(text),
        ..ProvidersConfig::default()
    }
}

/// The part of the file that is about providers.
fn parse(path: &Path, text: &str) -> ProvidersConfig {
    let place = |at: usize, message: String| {
        let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        complaint(format!("{}:{line}: {message}", path.display()))
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            return place(at, error.message().to_owned());
        }
    };
    let spending = match document.as_table().get("spending").map(spending) {
        None => Spending::default(),
        Some(Ok(spending)) => spending,
        Some(Err(message)) => return place(0, message),
    };
    let Some(providers) = document.as_table().get("providers") else {
        return ProvidersConfig {
            spending,
            ..ProvidersConfig::default()
        };
    };
    let Some(providers) = providers.as_table_like() else {
        return place(0, "`providers` must be a table".to_owned());
    };
    let mut vendors = BTreeMap::new();
    for (name, item) in providers.iter() {
        let at = providers
            .key(name)
            .and_then(|key| key.span())
            .map_or(0, |span| span.start);
        match item.as_table_like().map(vendor) {
            Some(Ok(config)) => {
                vendors.insert(vendor_called(name).to_owned(), config);
            }
            Some(Err(message)) => return place(at, format!("providers.{name}: {message}")),
            None => return place(at, format!("`providers.{name}` must be a table")),
        }
    }
    ProvidersConfig {
        vendors,
        spending,
        complaint: None,
    }
}

/// `[spending]`: what all jobs together may spend in a day and in a month.
fn spending(item: &Item) -> Result<Spending, String> {
    let table = item.as_table_like().ok_or("`spending` must be a table")?;
    let mut spending = Spending::default();
    for (key, item) in table.iter() {
        let place = match key {
            "day_usd" => &mut spending.day_micros,
            "month_usd" => &mut spending.month_micros,
            _ => {
                return Err(format!(
                    "there is no setting `spending.{key}`; there are day_usd, month_usd"
                ));
            }
        };
        let amount = item
            .as_str()
            .map(str::to_owned)
            .or_else(|| item.as_integer().map(|whole| whole.to_string()))
            .or_else(|| item.as_float().map(|number| number.to_string()));
        let micros = amount.as_deref().and_then(micros);
        *place = Some(micros.ok_or_else(|| {
            format!(
                "`spending.{key}` must be an amount of dollars with at most six decimals, for example \"20\""
            )
        })?);
    }
    Ok(spending)
}

/// An amount of dollars in millionths.
fn micros(text: &str) -> Option<u64> {
    let amount: Decimal = text.parse().ok()?;
    let micros = amount.checked_mul(Decimal::from(1_000_000))?;
    let fits = !micros.is_sign_negative() && micros.is_integer();
    fits.then(|| micros.normalize().to_string().parse().ok())?
}

fn vendor(table: &dyn TableLike) -> Result<VendorConfig, String> {
    let mut config = VendorConfig::default();
    for (key, item) in table.iter() {
        match key {
            "base_url" => config.base_url = Some(base_url(item)?),
            "enabled" => {
                let yes = item.as_bool();
                config.enabled = Some(yes.ok_or("`enabled` must be true or false")?);
            }
            "models" => config.models = models(item)?,
            "hosts" => config.hosts = hosts(item)?,
            "timeout_seconds" => {
                let seconds = item.as_integer().filter(|n| (1..=LONGEST).contains(n));
                let wrong =
                    || format!("`timeout_seconds` must be a whole number from 1 to {LONGEST}");
                let seconds = seconds.ok_or_else(wrong)?;
                config.patience = Some(Duration::from_secs(seconds.unsigned_abs()));
            }
            "key" | "api_key" => {
                return Err(format!(
                    "keys do not stand in this file: take `{key}` out and use `fenta auth provider add`"
                ));
            }
            _ => {
                return Err(format!(
                    "there is no setting `{key}`; there are base_url, enabled, models, hosts, timeout_seconds"
                ));
            }
        }
    }
    Ok(config)
}

fn base_url(item: &Item) -> Result<Url, String> {
    let text = item.as_str().ok_or("`base_url` must be a text")?;
    let wrong = || format!("`base_url` is no http or https address: {text}");
    let url: Url = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(wrong()) }
}

fn models(item: &Item) -> Result<BTreeMap<Role, String>, String> {
    let table = item
        .as_table_like()
        .ok_or("`models` must be a table of models by role, for example { llm = \"qwen3:8b\" }")?;
    let mut models = BTreeMap::new();
    for (role, model) in table.iter() {
        let role: Role = role.parse().map_err(|error| format!("models: {error}"))?;
        let model = model.as_str().filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| format!("models: `{role}` must be the name of a model"))?;
        models.insert(role, model.to_owned());
    }
    Ok(models)
}

fn hosts(item: &Item) -> Result<Vec<String>, String> {
    let wrong = "`hosts` must be a list of names or addresses of servers";
    let list = item.as_array().ok_or(wrong)?;
    list.iter()
        .map(|host| host.as_str().map(str::to_owned).ok_or(wrong.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ProvidersConfig {
        parse(Path::new("/c/config.toml"), text)
    }

    #[test]
    fn what_may_be_spent_is_exact() {
        let config = parsed("[spending]\nday_usd = 2.5\nmonth_usd = \"20.000001\"\n");
        assert_eq!(config.complaint, None);
        assert_eq!(config.spending.day_micros, Some(2_500_000));
        assert_eq!(config.spending.month_micros, Some(20_000_001));
        for wrong in [
            "month_usd = -1",
            "day_usd = \"0.0000001\"",
            "day_usd = \"lots\"",
            "week_usd = 1",
        ] {
            let config = parsed(&format!("[spending]\n{wrong}\n"));
            assert!(config.complaint.is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_vendor_is_what_stands_there() {
        let config = parsed(
            "[ui]\ncolor = \"never\"\n[providers.ollama]\nbase_url = \"http://127.0.0.1:11434/v1/\"\n\
             models = { llm = \"qwen3:8b\", tts = \"x\" }\nhosts = [\"nas.local\"]\ntimeout_seconds = 900\n\
             [providers.kie]\nenabled = false\n",
        );
        assert_eq!(config.complaint, None);
        let ollama = &config.vendors["ollama"];
        let base = ollama.base_url.as_ref().unwrap();
        assert_eq!(base.as_str(), "http://127.0.0.1:11434/v1");
        assert_eq!(ollama.models[&Role::Llm], "qwen3:8b");
        assert_eq!(ollama.models[&Role::Speech], "x");
        assert_eq!(ollama.hosts, ["nas.local"]);
        assert_eq!(ollama.patience, Some(Duration::from_secs(900)));
        assert_eq!(config.vendors["kie"].enabled, Some(false));
    }

    #[test]
    fn slips_are_told_with_their_line() {
        for (text, wanted) in [
            (
                "[providers.kie]\nurl = \"x\"\n",
                ":1: providers.kie: there is no setting `url`",
            ),
            (
                "\n[providers.kie]\nkey = \"sk-1\"\n",
                ":2: providers.kie: keys do not stand",
            ),
            (
                "[providers.kie]\nbase_url = \"ftp://x\"\n",
                "no http or https address",
            ),
            (
                "[providers.kie]\nbase_url = \"http://a:b@x\"\n",
                "no http or https address",
            ),
            ("[providers.kie]\ntimeout_seconds = 0\n", "from 1 to 3600"),
            ("providers = 3\n", "must be a table"),
            ("[providers]\nkie = 3\n", "`providers.kie` must be a table"),
            (
                "[providers.kie]\nmodels = { lmm = \"x\" }\n",
                "did you mean `llm`",
            ),
            ("[providers\n", "config.toml:1"),
        ] {
            let config = parsed(text);
            let told = config.complaint.unwrap();
            assert!(told.contains(wanted), "{told}");
            assert!(!told.contains("sk-1"), "{told}");
        }
    }

    #[test]
    fn a_change_is_seen_at_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let file = ConfigFile::new(Some(path.clone()));
        assert!(file.read().vendors.is_empty());
        fs::write(&path, "[providers.ollama]\n").unwrap();
        assert!(file.read().vendors.contains_key("ollama"));
        fs::write(&path, "[providers.lmstudio]\n# longer\n").unwrap();
        assert!(file.read().vendors.contains_key("lmstudio"));
        fs::remove_file(&path).unwrap();
        assert!(file.read().vendors.is_empty());
        assert!(ConfigFile::new(None).read().vendors.is_empty());
    }
}
