//! What plans of the hosted service include in a month, and what comes on top: one dated table.
//!
//! Neighbours: `data/tiers.json` is the table itself; a team server refuses work by it, a schedule is warned of by it. The
//! local daemon knows no plan: work of one's own machine has no quota.
//!
//! The documentation gives a range for each price of overage; the smaller plan pays the upper end, the larger plan the
//! lower one. The free plan has no overage: at its end there is no more. Enterprise is agreed upon one by one, so nothing
//! of it is in the table.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a plan includes an amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Tokens of language models, read and written.
    Tokens,
    /// Credits of picture and video generation.
    Credits,
    /// Output seconds times the resolution's factor.
    RenderSeconds,
    /// Decimal gigabytes kept.
    StorageGb,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Tokens,
        Self::Credits,
        Self::RenderSeconds,
        Self::StorageGb,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Credits => "credits",
            Self::RenderSeconds => "render_seconds",
            Self::StorageGb => "storage_gb",
        }
    }

    /// What a meter of the usage ledger counts against; none for what no plan limits.
    pub fn of_meter(meter: &str) -> Option<Self> {
        match meter {
            "llm_tokens_in" | "llm_tokens_out" => Some(Self::Tokens),
            "credits" => Some(Self::Credits),
            "render_seconds" => Some(Self::RenderSeconds),
            _ => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A plan's name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TierName {
    /// Nothing to pay, and no more than is included.
    #[default]
    Free,
    /// For one.
    Starter,
    /// For a team.
    Pro,
    /// As agreed.
    Enterprise,
}

impl TierName {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Starter, Self::Pro, Self::Enterprise];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }

    /// What is known about it.
    pub fn tier(self) -> &'static Tier {
        let found = tiers().tiers.iter().find(|tier| tier.name == self);
        found.expect("every name is in the table, because a test reads it")
    }
}

impl fmt::Display for TierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TierName {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|tier| tier.name() == text);
        found.ok_or_else(|| UnknownTier(text.to_owned()))
    }
}

/// No plan has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no plan `{0}`; there are free, starter, pro and enterprise")]
pub struct UnknownTier(pub String);

/// A plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its name.
    pub name: TierName,
    /// As people write it.
    pub title: String,
    /// US dollars a month; none where it is agreed upon.
    #[serde(default)]
    pub usd_per_month: Option<Decimal>,
    /// What a month includes; what is missing has no limit in this table.
    pub quotas: BTreeMap<Resource, Decimal>,
    /// US dollars for one unit more; what is missing cannot be had beyond the quota.
    pub overage: BTreeMap<Resource, Decimal>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// The day it was read, `YYYY-MM-DD`.
    pub as_of: String,
    /// Where it is from.
    pub source: String,
    /// The plans, the smallest first.
    pub tiers: Vec<Tier>,
}

/// The table that comes with this release.
pub fn tiers() -> &'static Tiers {
    static TABLE: LazyLock<Tiers> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../data/tiers.json"))
            .expect("the table is well-formed, because a test reads it")
    });
    &TABLE
}

impl Tiers {
    /// The table that comes with this release.
    pub fn builtin() -> &'static Self {
        tiers()
    }

    /// The plan of a name; the smallest where there is none of that name.
    pub fn named(&self, name: &str) -> &Tier {
        let found = self.tiers.iter().find(|tier| tier.name.name() == name);
        found.unwrap_or(&self.tiers[0])
    }

    /// The smallest plan that includes so many render seconds a month.
    pub fn smallest_for(&self, render_seconds: f64) -> &Tier {
        let enough = |tier: &&Tier| {
            tier.render_seconds()
                .is_none_or(|limit| render_seconds <= limit as f64)
        };
        let found = self.tiers.iter().find(enough);
        found.unwrap_or(&self.tiers[self.tiers.len() - 1])
    }
}

/// Percentages of a quota at which somebody is told.
pub const ALERTS: [u8; 3] = [80, 90, 100];

impl Tier {
    /// Whole render seconds of a month; none where there is no limit.
    pub fn render_seconds(&self) -> Option<u64> {
        let quota = self.quota(Resource::RenderSeconds)?;
        quota.trunc().to_string().parse().ok()
    }

    /// What a month includes of it; none where there is no limit.
    pub fn quota(&self, resource: Resource) -> Option<Decimal> {
        self.quotas.get(&resource).copied()
    }

    /// The highest percentage of [`ALERTS`] that `used` has reached.
    pub fn alert(&self, resource: Resource, used: Decimal) -> Option<u8> {
        let quota = self.quota(resource)?;
        let share = used.checked_mul(Decimal::ONE_HUNDRED)?;
        ALERTS
            .into_iter()
            .rev()
            .find(|percent| share >= quota.saturating_mul(Decimal::from(*percent)))
    }

    /// What is used beyond the quota, and what it costs; none where it cannot be had.
    pub fn overage_usd(&self, resource: Resource, used: Decimal) -> Option<Decimal> {
        let Some(quota) = self.quota(resource) else {
            return Some(Decimal::ZERO);
        };
        let beyond = used.saturating_sub(quota).max(Decimal::ZERO);
        match self.overage.get(&resource) {
            _ if beyond.is_zero() => Some(Decimal::ZERO),
            Some(price) => beyond.checked_mul(*price),
            None => None,
        }
    }

    /// Whether work that needs `wanted` more may begin: within the quota, or where more can be had at a price.
    pub fn allows(&self, resource: Resource, used: Decimal, wanted: Decimal) -> bool {
        let Some(quota) = self.quota(resource) else {
            return true;
        };
        let fits = match wanted.is_zero() {
            // Nobody knows how much it needs: it may begin while something is left.
            true => used < quota,
            false => used.saturating_add(wanted) <= quota,
        };
        fits || self.overage.contains_key(&resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_is_the_documentations() {
        let rows: Vec<(TierName, Option<String>, Vec<String>)> = tiers()
            .tiers
            .iter()
            .map(|tier| {
                let quotas = Resource::ALL
                    .into_iter()
                    .filter_map(|resource| tier.quota(resource))
                    .map(|amount| amount.to_string());
                let price = tier.usd_per_month.map(|usd| usd.to_string());
                (tier.name, price, quotas.collect())
            })
            .collect();
        let row = |name, price: Option<&str>, quotas: &[&str]| {
            let quotas = quotas.iter().map(|text| (*text).to_owned()).collect();
            (name, price.map(str::to_owned), quotas)
        };
        assert_eq!(
            rows,
            [
                row(TierName::Free, Some("0"), &["100000", "50", "300", "5"]),
                row(
                    TierName::Starter,
                    Some("29"),
                    &["1000000", "500", "3600", "50"]
                ),
                row(
                    TierName::Pro,
                    Some("99"),
                    &["5000000", "2000", "10800", "200"]
                ),
                row(TierName::Enterprise, None, &[]),
            ]
        );
        for name in TierName::ALL {
            assert_eq!(name.tier().name, name);
            assert_eq!(name.name().parse(), Ok(name));
        }
        assert!("gold".parse::<TierName>().is_err());
        assert!(tiers().as_of.len() == 10);
    }

    #[test]
    fn plans_are_found_by_name_and_by_need() {
        let tiers = Tiers::builtin();
        assert_eq!(tiers.named("pro").title, "Pro");
        assert_eq!(tiers.named("").title, "Free");
        for (seconds, wanted) in [(300.0, "Free"), (1485.0, "Starter"), (1e6, "Enterprise")] {
            assert_eq!(tiers.smallest_for(seconds).title, wanted);
        }
    }

    #[test]
    fn alerts_come_at_their_percentages() {
        let free = TierName::Free.tier();
        for (used, alert) in [
            ("0", None),
            ("239.999", None),
            ("240", Some(80)),
            ("269.9", Some(80)),
            ("270", Some(90)),
            ("300", Some(100)),
            ("900", Some(100)),
        ] {
            assert_eq!(
                free.alert(Resource::RenderSeconds, decimal(used)),
                alert,
                "{used}"
            );
        }
        let enterprise = TierName::Enterprise.tier();
        assert_eq!(enterprise.alert(Resource::Tokens, Decimal::MAX), None);
    }

    #[test]
    fn overage_has_a_price_or_is_refused() {
        let (free, pro) = (TierName::Free.tier(), TierName::Pro.tier());
        let seconds = Resource::RenderSeconds;
        assert_eq!(
            free.overage_usd(seconds, decimal("300")),
            Some(Decimal::ZERO)
        );
        assert_eq!(free.overage_usd(seconds, decimal("301")), None);
        assert_eq!(
            pro.overage_usd(seconds, decimal("10900")),
            Some(decimal("1.500"))
        );
        let tokens = pro
            .overage_usd(Resource::Tokens, decimal("5100000"))
            .unwrap();
        assert_eq!(tokens.normalize(), decimal("0.08"), "$0.08 for 100K tokens");
        assert!(free.allows(seconds, decimal("290"), decimal("10")));
        assert!(!free.allows(seconds, decimal("290"), decimal("10.001")));
        assert!(free.allows(seconds, decimal("299"), Decimal::ZERO));
        assert!(!free.allows(seconds, decimal("300"), Decimal::ZERO));
        assert!(pro.allows(seconds, decimal("10800"), decimal("90")));
        assert!(
            TierName::Enterprise
                .tier()
                .allows(seconds, Decimal::MAX, Decimal::ONE)
        );
    }

    #[test]
    fn meters_count_against_what_they_are() {
        assert_eq!(Resource::of_meter("llm_tokens_out"), Some(Resource::Tokens));
        assert_eq!(Resource::of_meter("tts_chars"), None);
        assert_eq!(Resource::of_meter("storage_gb_days"), None);
    }
}
