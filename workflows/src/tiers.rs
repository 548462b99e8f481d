//! What the tiers of a hosted account allow in a month. The figures are in `tiers.json`, with the day they were looked at.

use std::sync::LazyLock;

use serde::Deserialize;

/// Every tier, the smallest first, and the day they were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// `YYYY-MM-DD`.
    pub as_of: String,
    /// The smallest first.
    pub tiers: Vec<Tier>,
}

/// What one tier allows in a month; nothing where that is agreed with each customer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// As settings write it.
    pub name: String,
    /// As people write it.
    pub title: String,
    /// Its price, US dollars.
    #[serde(default)]
    pub usd_month: Option<String>,
    /// Tokens of language models.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Credits for pictures and videos.
    #[serde(default)]
    pub credits: Option<u64>,
    /// Seconds of video that come out; those of 1080p count as 1.5.
    #[serde(default)]
    pub render_seconds: Option<u64>,
    /// Gigabytes that are kept.
    #[serde(default)]
    pub storage_gb: Option<u64>,
}

static TIERS: LazyLock<Tiers> = LazyLock::new(|| {
    serde_json::from_str(include_str!("tiers.json"))
        .expect("the table of tiers is JSON, because a test reads it")
});

impl Tiers {
    /// The table.
    pub fn builtin() -> &'static Self {
        &TIERS
    }

    /// The tier of a name; the smallest where there is none of that name.
    pub fn named(&self, name: &str) -> &Tier {
        let found = self.tiers.iter().find(|tier| tier.name == name);
        found.unwrap_or(&self.tiers[0])
    }

    /// The smallest tier that allows so many render seconds a month.
    pub fn smallest_for(&self, render_seconds: f64) -> &Tier {
        let enough = |tier: &&Tier| {
            tier.render_seconds
                .is_none_or(|limit| render_seconds <= limit as f64)
        };
        let found = self.tiers.iter().find(enough);
        found.unwrap_or(&self.tiers[self.tiers.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_grows() {
        let tiers = Tiers::builtin();
        let limits: Vec<Option<u64>> = tiers.tiers.iter().map(|one| one.render_seconds).collect();
        assert_eq!(limits, [Some(300), Some(3600), Some(10_800), None]);
        assert_eq!(tiers.named("pro").title, "Pro");
        assert_eq!(tiers.named("").title, "Free");
        for (seconds, wanted) in [(300.0, "Free"), (1485.0, "Starter"), (1e6, "Enterprise")] {
            assert_eq!(tiers.smallest_for(seconds).title, wanted);
        }
    }
}
