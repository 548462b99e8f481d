//! The dated table of known models: what each can do, what it costs, until when it lives and what takes its place.
//!
//! Neighbours: `data/models.json` is the table itself, `cost` prices by it, warnings about retired models come from it.
//! A model that is not in it may still be used as `vendor:model`; then nothing is known about it, its price least of all.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ModelRef, Role};
use crate::cost::Meter;
use crate::suggest::nearest;

/// What is known about a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its name, `vendor:model`; for engines on this machine the vendor alone.
    pub id: ModelRef,
    /// What it can be asked to be.
    pub roles: Vec<Role>,
    /// Other spellings people use.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Names that were never a model's, or are no more, and what is taken for them.
    #[serde(default)]
    pub stands_for: Vec<String>,
    /// What it costs, by meter; empty where nothing is known.
    #[serde(default)]
    pub prices: Vec<Price>,
    /// Whether it runs on this machine.
    #[serde(default)]
    pub local: bool,
    /// BCP 47 languages; empty for any or unknown.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Lengths of clips it can make, seconds; empty for any or unknown.
    #[serde(default)]
    pub seconds: Vec<u32>,
    /// Shapes it can make; empty for any or unknown.
    #[serde(default)]
    pub ratios: Vec<String>,
    /// How well a language model keeps to a JSON Schema; none where nobody knows.
    #[serde(default)]
    pub schema: Option<SchemaSupport>,
    /// The last day it answers, `YYYY-MM-DD`.
    #[serde(default)]
    pub retires: Option<String>,
    /// What takes its place.
    #[serde(default)]
    pub substitute: Option<ModelRef>,
}

/// How well a language model keeps to a JSON Schema that is sent along. What it says is checked in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaSupport {
    /// It is held to the schema (`json_schema`, strict).
    Strict,
    /// It is held to JSON (`json_object`); the schema is told in words.
    Json,
    /// It is told the schema in words.
    None,
}

/// What a unit of a meter costs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What is counted.
    pub meter: Meter,
    /// US dollars for one at least.
    pub low: Decimal,
    /// US dollars for one, most likely.
    pub expected: Decimal,
    /// US dollars for one at most; depends on size and quality.
    pub high: Decimal,
    /// The day the price was read, `YYYY-MM-DD`.
    pub as_of: String,
}

/// What a credit of a vendor is worth that charges credits and not money.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditPrice {
    /// Who charges them.
    pub vendor: String,
    /// US dollars for one.
    pub usd: Decimal,
    /// The day the price was read, `YYYY-MM-DD`.
    pub as_of: String,
}

impl KnownModel {
    /// Whether it does not answer any more on a day, `YYYY-MM-DD`.
    pub fn is_retired_on(&self, today: &str) -> bool {
        // Days in this form compare as texts.
        self.retires.as_deref().is_some_and(|last| last <= today)
    }

    /// What a unit costs.
    pub fn price(&self, meter: Meter) -> Option<&Price> {
        self.prices.iter().find(|price| price.meter == meter)
    }
}

/// A model found in the table.
pub type Known = &'static KnownModel;

/// What a text means as the name of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// A model of the table.
    Known(Known),
    /// One that has ended, or is about to, with what takes its place.
    Retired {
        /// The model.
        model: Known,
        /// What to write instead.
        substitute: Option<ModelRef>,
    },
    /// None of the table.
    Unknown {
        /// The model that was probably meant.
        nearest: Option<String>,
    },
}

/// The table.
#[derive(Debug)]
pub struct Models {
    as_of: String,
    credits: Vec<CreditPrice>,
    models: Vec<KnownModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    as_of: String,
    credits: Vec<CreditPrice>,
    models: Vec<KnownModel>,
}

static BUILTIN: LazyLock<Models> = LazyLock::new(|| {
    let document: Document = serde_json::from_str(include_str!("../../data/models.json"))
        .expect("the table ships with the program, because a test reads all of it");
    let mut models = Models {
        as_of: document.as_of,
        credits: document.credits,
        models: document.models,
    };
    if let Some(own) = OWN.get() {
        models.take(own.clone());
    }
    models
});

/// What the user knows better; set once, before the table is used for the first time.
static OWN: OnceLock<OwnPrices> = OnceLock::new();

/// What the user knows better than the table that ships: prices of their contract, models that are newer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPrices {
    /// Credits of vendors, each in the place of the table's.
    #[serde(default)]
    credits: Vec<CreditPrice>,
    /// Models; one the table has takes over what is written here.
    #[serde(default)]
    models: Vec<KnownModel>,
}

impl OwnPrices {
    /// From the text of the user's file: the form of `data/models.json`, as much of it as is wanted.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let own: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for model in &own.models {
            for price in &model.prices {
                let ordered = Decimal::ZERO <= price.low
                    && price.low <= price.expected
                    && price.expected <= price.high;
                if !ordered {
                    return Err(format!(
                        "{}: of a price low is at most expected, and expected at most high",
                        model.id
                    ));
                }
                if price.as_of.parse::<jiff::civil::Date>().is_err() {
                    return Err(format!("{}: `as_of` is a day, YYYY-MM-DD", model.id));
                }
            }
        }
        Ok(own)
    }

    /// Puts them over the table of this process. False when that was done before.
    pub fn install(self) -> bool {
        OWN.set(self).is_ok()
    }
}

impl Models {
    /// The table that ships.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    fn take(&mut self, own: OwnPrices) {
        for credit in own.credits {
            self.credits.retain(|known| known.vendor != credit.vendor);
            self.credits.push(credit);
        }
        for model in own.models {
            let known = self
                .models
                .iter_mut()
                .find(|known| known.id == model.id && known.roles == model.roles);
            match known {
                Some(known) => known.take(model),
                None => self.models.push(model),
            }
        }
    }

    /// The day the table was made.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// Every model.
    pub fn all(&'static self) -> impl Iterator<Item = Known> {
        self.models.iter()
    }

    /// What a credit of a vendor is worth; none for vendors that charge money.
    pub fn credit(&'static self, vendor: &str) -> Option<&'static CreditPrice> {
        self.credits.iter().find(|credit| credit.vendor == vendor)
    }

    /// Whether the table has a model of a vendor.
    pub fn knows_vendor(&self, vendor: &str) -> bool {
        self.models.iter().any(|model| model.id.vendor == vendor)
    }

    /// Every model of a role.
    pub fn of(&'static self, role: Role) -> impl Iterator<Item = Known> {
        self.all().filter(move |model| model.roles.contains(&role))
    }

    /// The model of the table with this name. A vendor alone means its first model of the role.
    pub fn find(&'static self, role: Role, model: &ModelRef) -> Option<Known> {
        self.of(role).find(|known| {
            known.id == *model || (model.model.is_none() && known.id.vendor == model.vendor)
        })
    }

    /// What a text means in a role on the day the table was made; capitals, spaces, dots and dashes make no difference.
    pub fn resolve(&'static self, role: Role, text: &str) -> Resolved {
        let wanted = plain(text);
        let found = self
            .of(role)
            .find(|known| known.is_called(&wanted))
            .or_else(|| text.parse().ok().and_then(|model| self.find(role, &model)));
        match found {
            Some(model) if model.is_retired_on(&self.as_of) => Resolved::Retired {
                model,
                substitute: model.substitute.clone(),
            },
            Some(model) => Resolved::Known(model),
            None => Resolved::Unknown {
                nearest: self.nearest(role, text),
            },
        }
    }

    fn nearest(&'static self, role: Role, text: &str) -> Option<String> {
        let names: Vec<String> = self.of(role).map(|known| known.id.to_string()).collect();
        let bare = names
            .iter()
            .filter_map(|name| name.split_once(':').map(|(_, model)| model));
        let near = nearest(text, names.iter().map(String::as_str).chain(bare));
        let whole = near.and_then(|near| {
            let ending = format!(":{near}");
            names
                .iter()
                .find(|name| *name == near || name.ends_with(&ending))
        });
        let vendor = || nearest(text, self.of(role).map(|known| known.id.vendor.as_str()));
        whole.cloned().or_else(|| vendor().map(str::to_owned))
    }
}

impl KnownModel {
    /// What is written wins; what is not stays.
    fn take(&mut self, own: Self) {
        for price in own.prices {
            self.prices.retain(|known| known.meter != price.meter);
            self.prices.push(price);
        }
        self.aliases.extend(own.aliases);
        self.stands_for.extend(own.stands_for);
        if !own.languages.is_empty() {
            self.languages = own.languages;
        }
        if !own.seconds.is_empty() {
            self.seconds = own.seconds;
        }
        if !own.ratios.is_empty() {
            self.ratios = own.ratios;
        }
        self.schema = own.schema.or(self.schema);
        if own.retires.is_some() {
            self.retires = own.retires;
            self.substitute = own.substitute;
        }
    }

    fn is_called(&self, wanted: &str) -> bool {
        plain(&self.id.to_string()) == wanted
            || self
                .id
                .model
                .as_deref()
                .is_some_and(|model| plain(model) == wanted)
            || self.names().any(|name| plain(name) == wanted)
    }

    /// Its other names, good and bad.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.aliases.iter().chain(&self.stands_for)
    }

    /// Whether a text names no model of its own, and this one is taken for it.
    pub fn is_only_meant_by(&self, text: &str) -> bool {
        let wanted = plain(text);
        self.stands_for.iter().any(|name| plain(name) == wanted)
    }
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ':' | '/'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// A text that names no model of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// What was written.
    pub text: String,
    /// For what.
    pub role: Role,
    /// The model that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a model for `{}` that is known",
            self.text, self.role
        )
    }
}

impl std::error::Error for UnknownModel {}

/// The model a text names: one of the table by any of its spellings, or any `vendor:model`.
///
/// # Errors
/// When it is neither.
pub fn named(role: Role, text: &str) -> Result<ModelRef, UnknownModel> {
    match Models::builtin().resolve(role, text) {
        Resolved::Known(known) | Resolved::Retired { model: known, .. } => {
            match text.parse::<ModelRef>() {
                // A vendor alone stays alone: which of its models is usual is the provider's to say.
                Ok(written) if written.vendor == known.id.vendor => Ok(written),
                _ => Ok(known.id.clone()),
            }
        }
        Resolved::Unknown { nearest } => match text.parse::<ModelRef>() {
            Ok(written) if written.model.is_some() => Ok(written),
            _ => Err(UnknownModel {
                text: text.to_owned(),
                role,
                nearest,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn day(text: &str) -> bool {
        text.parse::<jiff::civil::Date>().is_ok()
    }

    #[test]
    fn the_table_is_sound() {
        let models = Models::builtin();
        assert!(day(models.as_of()));
        for credit in &models.credits {
            assert!(models.knows_vendor(&credit.vendor), "{}", credit.vendor);
            assert!(Decimal::ZERO < credit.usd && day(&credit.as_of));
        }
        let mut seen = BTreeSet::new();
        for model in models.all() {
            for role in &model.roles {
                assert!(
                    seen.insert((*role, model.id.to_string())),
                    "{} twice",
                    model.id
                );
            }
            assert!(!model.roles.is_empty(), "{}", model.id);
            for price in &model.prices {
                assert!(Decimal::ZERO <= price.low, "{}", model.id);
                assert!(
                    price.low <= price.expected && price.expected <= price.high,
                    "{}",
                    model.id
                );
                assert!(day(&price.as_of), "{}", model.id);
                assert!(!model.local || price.high.is_zero(), "{}", model.id);
            }
            assert!(
                !model.local || !model.prices.is_empty(),
                "{} has no price",
                model.id
            );
            if let Some(last) = &model.retires {
                assert!(day(last), "{}", model.id);
                let substitute = model.substitute.as_ref();
                let substitute =
                    substitute.unwrap_or_else(|| panic!("{} has no substitute", model.id));
                let takes_over = models.find(model.roles[0], substitute);
                let takes_over = takes_over.unwrap_or_else(|| panic!("{substitute} is not known"));
                assert!(takes_over.retires.is_none(), "{substitute} retires too");
            }
        }
    }

    #[test]
    fn the_users_prices_win_and_new_models_are_known() {
        let mut models = Models {
            as_of: String::new(),
            credits: Vec::new(),
            models: Models::builtin().models.clone(),
        };
        let price = |usd: &str| {
            format!(
                r#"[{{"meter":"llm_tokens_in","low":"{usd}","expected":"{usd}","high":"{usd}","as_of":"2026-11-20"}}]"#
            )
        };
        let text = format!(
            r#"{{"models":[{{"id":"openrouter:openai/gpt-6-luna","roles":["llm"],"prices":{}}},
                {{"id":"openai:gpt-7","roles":["llm"],"prices":{}}}]}}"#,
            price("0.000002"),
            price("0.000003")
        );
        models.take(OwnPrices::parse(&text).unwrap());
        let of = |id: &str| {
            let id: ModelRef = id.parse().unwrap();
            models.models.iter().find(|known| known.id == id).unwrap()
        };
        let luna = of("openrouter:openai/gpt-6-luna");
        assert_eq!(
            luna.price(Meter::LlmTokensIn).unwrap().high.to_string(),
            "0.000002"
        );
        assert_eq!(luna.aliases, ["gpt-6-luna"]);
        assert_eq!(
            luna.schema,
            Some(SchemaSupport::Strict),
            "what is not written stays"
        );
        assert!(of("openai:gpt-7").price(Meter::LlmTokensIn).is_some());
        for (text, wanted) in [
            ("{", "line 1"),
            (r#"{"models":[{"id":"x"}]}"#, "roles"),
            (r#"{"prices":[]}"#, "unknown field"),
        ] {
            let error = OwnPrices::parse(text).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
        let wrong = text.replace(r#""low":"0.000003""#, r#""low":"1""#);
        assert!(
            OwnPrices::parse(&wrong)
                .unwrap_err()
                .contains("openai:gpt-7")
        );
    }

    #[test]
    fn spellings_of_one_model_mean_the_same() {
        for (role, text, id) in [
            (Role::Video, "BIO3", "kie:veo3_fast"),
            (Role::Video, "veo", "kie:veo3_fast"),
            (Role::Video, "C-DANCE", "kie:bytedance/seedance-2"),
            (
                Role::Video,
                "minimax",
                "kie:hailuo/2-3-image-to-video-standard",
            ),
            (Role::Image, "flux-pro", "kie:flux-2-pro"),
            (
                Role::Image,
                "Stable Diffusion",
                "sd-server:stable-diffusion",
            ),
            (Role::Speech, "kokoro", "kokoro:af_heart"),
        ] {
            let Resolved::Known(model) = Models::builtin().resolve(role, text) else {
                panic!("{text} is not known");
            };
            assert_eq!(model.id.to_string(), id, "{text}");
        }
    }

    #[test]
    fn what_has_ended_names_what_takes_its_place() {
        for (role, text, instead) in [
            (Role::Video, "sora", "kie:veo3_fast"),
            (Role::Image, "dall-e-3", "kie:gpt-image-2"),
        ] {
            match Models::builtin().resolve(role, text) {
                Resolved::Retired { model, substitute } => {
                    assert_eq!(substitute.unwrap().to_string(), instead);
                    assert!(model.is_retired_on("2026-11-22"));
                    assert!(!model.is_retired_on("2020-01-01"));
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn any_model_with_its_vendor_may_be_named() {
        assert_eq!(
            named(Role::Llm, "openrouter:some/new-model")
                .unwrap()
                .to_string(),
            "openrouter:some/new-model"
        );
        assert_eq!(
            named(Role::Video, "BIO3").unwrap().to_string(),
            "kie:veo3_fast"
        );
        assert_eq!(named(Role::Speech, "kokoro").unwrap().to_string(), "kokoro");
        let error = named(Role::Video, "veo3_fats").unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("kie:veo3_fast"));
        assert!(named(Role::Image, "some words").is_err());
    }

    #[test]
    fn engines_on_this_machine_cost_nothing() {
        for id in ["flite", "espeak-ng"] {
            let Resolved::Known(model) = Models::builtin().resolve(Role::Speech, id) else {
                panic!("{id}");
            };
            assert!(model.local);
            assert_eq!(model.price(Meter::TtsChars).unwrap().high, Decimal::ZERO);
        }
    }
}
