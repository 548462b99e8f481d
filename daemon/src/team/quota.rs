//! How much of its plan an organisation has used this month, and whether more work may begin.

use std::collections::BTreeMap;

use fenta_client::api::orgs::{QuotaRow, QuotaStanding};
use fenta_workflows::cost::Decimal;
use fenta_workflows::tiers::{Resource, TierName, tiers};

use crate::store::{LedgerFilter, Store, StoreError};

/// What is used of each resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    month: String,
    amounts: BTreeMap<Resource, Decimal>,
}

impl Used {
    /// What the ledger of an organisation says about the month of today, and what its blobs take. What is reserved for
    /// open work counts as used: it may be.
    pub async fn of(store: &Store, stored_bytes: Option<u64>) -> Result<Self, StoreError> {
        let month = store.now_text().get(..7).unwrap_or_default().to_owned();
        let filter = LedgerFilter {
            since: Some(format!("{month}-01")),
            until: Some(format!("{month}-31")),
            job: None,
        };
        let mut amounts: BTreeMap<Resource, Decimal> = BTreeMap::new();
        // What devices handed in was done on their own machines: it takes nothing of the plan.
        for row in store.ledger(filter).await? {
            let Some(resource) = Resource::of_meter(&row.meter) else {
                continue;
            };
            let sum = amounts.entry(resource).or_default();
            *sum = match &*row.entry {
                "reserved" => sum.saturating_add(row.amount),
                "released" => sum.saturating_sub(row.amount),
                _ => *sum,
            };
        }
        if let Some(bytes) = stored_bytes {
            let gigabytes = Decimal::from(bytes) / Decimal::from(1_000_000_000_u64);
            amounts.insert(Resource::StorageGb, gigabytes.round_dp(3));
        }
        Ok(Self { month, amounts })
    }

    /// The month, `2026-11`.
    pub fn month(&self) -> &str {
        &self.month
    }

    /// How much of it.
    pub fn amount(&self, resource: Resource) -> Decimal {
        self.amounts.get(&resource).copied().unwrap_or_default()
    }

    /// The alerts that are reached.
    pub fn alerts(&self, name: TierName) -> Vec<(Resource, u8)> {
        let tier = name.tier();
        let reached = |resource| Some((resource, tier.alert(resource, self.amount(resource))?));
        Resource::ALL.into_iter().filter_map(reached).collect()
    }

    /// Refuses work that has no place in the plan any more. `wanted`: what it needs, as far as that is known.
    pub fn check(
        &self,
        name: TierName,
        wanted: &BTreeMap<Resource, Decimal>,
    ) -> Result<(), String> {
        let tier = name.tier();
        for (resource, wanted) in wanted {
            let used = self.amount(*resource);
            if tier.allows(*resource, used, *wanted) {
                continue;
            }
            let quota = tier.quota(*resource).unwrap_or_default();
            let needs = match wanted.is_zero() {
                true => String::new(),
                false => format!(", this needs {}", wanted.normalize()),
            };
            return Err(format!(
                "the plan {name} includes {quota} {resource} a month, {} are used{needs}",
                used.normalize()
            ));
        }
        Ok(())
    }

    /// As the API shows it.
    pub fn standing(&self, name: TierName) -> QuotaStanding {
        let tier = name.tier();
        let row = |resource: Resource| {
            let used = self.amount(resource);
            QuotaRow {
                resource: resource.name().to_owned(),
                used: used.normalize().to_string(),
                quota: tier
                    .quota(resource)
                    .map(|quota| quota.normalize().to_string()),
                alert: tier.alert(resource, used),
                overage_usd: tier
                    .overage_usd(resource, used)
                    .map(|usd| usd.normalize().to_string()),
            }
        };
        QuotaStanding {
            tier: name,
            month: self.month.clone(),
            as_of: tiers().as_of.clone(),
            items: Resource::ALL.into_iter().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(seconds: u64) -> Used {
        Used {
            month: "2026-11".to_owned(),
            amounts: BTreeMap::from([(Resource::RenderSeconds, Decimal::from(seconds))]),
        }
    }

    #[test]
    fn work_beyond_the_plan_is_refused_in_numbers_unless_more_can_be_had() {
        let wanted =
            |seconds: u64| BTreeMap::from([(Resource::RenderSeconds, Decimal::from(seconds))]);
        assert!(used(290).check(TierName::Free, &wanted(10)).is_ok());
        let refused = used(290).check(TierName::Free, &wanted(11)).unwrap_err();
        assert_eq!(
            refused,
            "the plan free includes 300 render_seconds a month, 290 are used, this needs 11"
        );
        assert!(used(300).check(TierName::Free, &wanted(0)).is_err());
        assert!(used(4000).check(TierName::Starter, &wanted(90)).is_ok());
    }

    #[test]
    fn the_standing_tells_alerts_and_overage() {
        let standing = used(3700).standing(TierName::Starter);
        let row = standing
            .items
            .iter()
            .find(|row| row.resource == "render_seconds")
            .unwrap();
        assert_eq!(
            (&*row.used, row.quota.as_deref(), row.alert),
            ("3700", Some("3600"), Some(100))
        );
        assert_eq!(row.overage_usd.as_deref(), Some("2"));
        assert_eq!(
            used(250).alerts(TierName::Free),
            [(Resource::RenderSeconds, 80)]
        );
    }
}
