//! `fenta prices`: what models cost by the table, each price with the day it was read, and what the user put over it.

use std::fs;

use fenta_workflows::cost::{OLD_DAYS, TOO_OLD_DAYS, age};
use fenta_workflows::models::{Known, Models, OwnPrices, Price, Role, SchemaSupport};
use jiff::Zoned;
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::ui::table::{Row, Table, Tint};

/// What models cost. Prices of your own go into prices.json beside your config.toml, in the form that `--json` prints.
#[derive(Debug, clap::Args)]
pub(crate) struct PricesArgs {
    /// Only models for this role, for example llm
    #[arg(long)]
    role: Option<Role>,
}

/// A price as programs read it: an entry of `models` of prices.json.
#[derive(Serialize)]
struct Line {
    id: String,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<SchemaSupport>,
    prices: Vec<LinePrice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    substitute: Option<String>,
}

#[derive(Serialize)]
struct LinePrice {
    meter: String,
    low: String,
    expected: String,
    high: String,
    as_of: String,
}

impl PricesArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let own = take_own(context)?;
        let wanted = |model: &Known| self.role.is_none_or(|role| model.roles.contains(&role));
        let models: Vec<Known> = Models::builtin().all().filter(wanted).collect();
        if ui.is_json() {
            return models
                .into_iter()
                .try_for_each(|model| ui.json(&line(model)));
        }
        if ui.is_quiet() {
            let mut names = models.iter().map(|model| model.id.to_string());
            return names.try_for_each(|name| ui.result(&name));
        }
        let today = Zoned::now().date().to_string();
        ui.table(&table(&models, &today))?;
        if let Some(path) = own {
            ui.note(&format!(
                "with your own of {path}; a daemon that runs has taken them at its start"
            ));
        }
        Ok(())
    }
}

/// Puts the user's own prices over the table; the path of their file, where there is one.
fn take_own(context: &Context) -> Result<Option<String>, CommandError> {
    let Some(home) = &context.settings.config_home else {
        return Ok(None);
    };
    let path = home.join("fenta/prices.json");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(None);
    };
    let path = path.display().to_string();
    match OwnPrices::parse(&text) {
        Ok(own) => {
            own.install();
            Ok(Some(path))
        }
        Err(error) => Err(CommandError::Unreadable {
            message: format!("{path} holds no prices: {error}"),
            hint: Some(
                "`fenta prices --json` prints entries in the form that is wanted".to_owned(),
            ),
        }),
    }
}

fn line(model: Known) -> Line {
    Line {
        id: model.id.to_string(),
        roles: model.roles.iter().map(ToString::to_string).collect(),
        schema: model.schema,
        prices: model
            .prices
            .iter()
            .map(|price| LinePrice {
                meter: price.meter.to_string(),
                low: price.low.to_string(),
                expected: price.expected.to_string(),
                high: price.high.to_string(),
                as_of: price.as_of.clone(),
            })
            .collect(),
        retires: model.retires.clone(),
        substitute: model.substitute.as_ref().map(ToString::to_string),
    }
}

/// The day a price was read, and what its age means.
fn read_on(price: &Price, today: &str) -> (String, Tint) {
    let day = price.as_of.clone();
    match age(&price.as_of, today).filter(|_| !price.high.is_zero()) {
        Some(days) if days > TOO_OLD_DAYS => (format!("{day}, not believed any more"), Tint::Bad),
        Some(days) if days > OLD_DAYS => (format!("{day}, {days} days old"), Tint::Busy),
        _ => (day, Tint::Plain),
    }
}

fn table(models: &[Known], today: &str) -> Table {
    let mut table = Table::new(&["MODEL", "ROLES", "METER", "USD", "READ ON", "ENDS"]);
    for model in models {
        let roles: Vec<String> = model.roles.iter().map(ToString::to_string).collect();
        let ends = match (&model.retires, &model.substitute) {
            (Some(day), Some(other)) => format!("{day}, then {other}"),
            (Some(day), None) => day.clone(),
            _ => String::new(),
        };
        let row = || Row::new().cell(model.id.to_string()).cell(roles.join(", "));
        if model.prices.is_empty() {
            let unknown = row()
                .cell("")
                .tinted("unknown", "unknown", Tint::Busy)
                .cell("")
                .cell(&ends);
            table.row(unknown);
        }
        for price in &model.prices {
            let (low, high) = (price.low.normalize(), price.high.normalize());
            let usd = match (high.is_zero(), low == high) {
                (true, _) => "free".to_owned(),
                (_, true) => high.to_string(),
                _ => format!("{low} to {high}"),
            };
            let (day, tint) = read_on(price, today);
            let row = row().cell(price.meter.to_string()).cell(usd);
            table.row(row.tinted(day, &price.as_of, tint).cell(&ends));
        }
    }
    table
}
