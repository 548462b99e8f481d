//! Quantities to money: by the table of known models, with the price's day and age, and an honest "unknown".
//!
//! Neighbours: `models` holds the prices. What runs on this machine costs nothing; what nobody knows the price of has no
//! price, and a sum with such a part says so.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Meter, Quantity, Spread};
use crate::models::{Known, ModelRef, Models, Role};

/// A price that was read longer ago than this, days, is to be read again; it still counts.
pub const OLD_DAYS: u32 = 90;

/// A price that was read longer ago than this, days, is not believed: nobody knows what it is today.
pub const TOO_OLD_DAYS: u32 = 180;

/// How sure an amount of money is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A known quantity at a fixed price, or free.
    Exact,
    /// The quantity or the price is a range.
    Modelled,
    /// The quantity or the price is not known.
    Unknown,
}

/// What something costs, in US dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much of it is known; the rest is not 0 but unknown.
    pub usd: Spread,
    /// How sure it is. When it is unknown, `usd` holds only the part that is known.
    pub confidence: Confidence,
    /// The oldest day a price in it was read, `YYYY-MM-DD`; none when nothing in it has a price.
    pub price_as_of: Option<String>,
    /// Its age in days.
    pub age_days: Option<u32>,
}

impl Money {
    /// Nothing, for certain.
    pub const FREE: Self = Self {
        usd: Spread::ZERO,
        confidence: Confidence::Exact,
        price_as_of: None,
        age_days: None,
    };

    /// Nobody knows.
    pub const UNKNOWN: Self = Self {
        confidence: Confidence::Unknown,
        ..Self::FREE
    };

    /// The most it may be, in millionths of a dollar, rounded up; none when that is unknown.
    pub fn high_micros(&self) -> Option<u64> {
        self.is_known().then(|| self.usd.high_in(1_000_000))
    }

    /// Whether nothing in it is unknown.
    pub fn is_known(&self) -> bool {
        self.confidence != Confidence::Unknown
    }

    /// Both together: as unsure as the less sure of them, as old as the older.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            usd: self.usd.plus(&other.usd),
            confidence: self.confidence.max(other.confidence),
            price_as_of: match (&self.price_as_of, &other.price_as_of) {
                (Some(a), Some(b)) => Some(a.min(b).clone()),
                (a, b) => a.clone().or_else(|| b.clone()),
            },
            age_days: self.age_days.max(other.age_days),
        }
    }
}

/// What quantities of a node cost with the first of these models that can do the role on a day. Models on this machine
/// and meters nobody sells are free; a model that is not in the table has no known price.
pub fn price(
    role: Option<Role>,
    models: &[ModelRef],
    quantities: &[Quantity],
    today: &str,
) -> Money {
    let known = role.and_then(|role| {
        models
            .first()
            .map(|model| Models::builtin().find(role, model))
    });
    let local = models.first().is_some_and(ModelRef::is_local);
    let priced = |quantity: &Quantity| match known {
        _ if is_free(quantity.meter) || local => Money::FREE,
        // No model is named: the engines of this machine do it, where there are any.
        None if role == Some(Role::Speech) => Money::FREE,
        None | Some(None) => Money::UNKNOWN,
        Some(Some(model)) => price_of(quantity, model, today),
    };
    quantities
        .iter()
        .filter(|quantity| counts(quantity.meter, known.flatten()))
        .map(priced)
        .fold(Money::FREE, |sum, one| sum.plus(&one))
}

/// Rendering on this machine and searches cost no money.
const fn is_free(meter: Meter) -> bool {
    matches!(meter, Meter::RenderSeconds | Meter::StockCalls)
}

/// Of clips and their seconds a model charges one, not both.
fn counts(meter: Meter, model: Option<Known>) -> bool {
    let other = match meter {
        Meter::Clips => Meter::VideoSeconds,
        Meter::VideoSeconds => Meter::Clips,
        _ => return true,
    };
    match model {
        Some(model) => model.price(meter).is_some() || model.price(other).is_none(),
        None => true,
    }
}

fn price_of(quantity: &Quantity, model: Known, today: &str) -> Money {
    let Some(price) = model.price(quantity.meter) else {
        return Money::UNKNOWN;
    };
    if price.high.is_zero() {
        return Money::FREE;
    }
    let age_days = age(&price.as_of, today);
    let too_old = age_days.is_some_and(|days| days > TOO_OLD_DAYS);
    let Some(amount) = quantity.amount.filter(|_| !too_old) else {
        return Money {
            price_as_of: Some(price.as_of.clone()),
            age_days,
            ..Money::UNKNOWN
        };
    };
    let usd = Spread::between(
        amount.low.saturating_mul(price.low),
        amount.expected.saturating_mul(price.expected),
        amount.high.saturating_mul(price.high),
    );
    Money {
        usd,
        confidence: if usd.is_exact() {
            Confidence::Exact
        } else {
            Confidence::Modelled
        },
        price_as_of: Some(price.as_of.clone()),
        age_days,
    }
}

/// Days from one day, `YYYY-MM-DD`, to another; none when either is no day or the second is before the first.
pub fn age(as_of: &str, today: &str) -> Option<u32> {
    let (from, to): (Date, Date) = (as_of.parse().ok()?, today.parse().ok()?);
    u32::try_from((to - from).get_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    const TODAY: &str = "2026-11-22";

    fn models(names: &[&str]) -> Vec<ModelRef> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn exactly(meter: Meter, number: i64) -> Quantity {
        Quantity::new(meter, Spread::exactly(Decimal::from(number)), "")
    }

    #[test]
    fn the_most_is_rounded_up_and_unknown_is_none() {
        let money = |high: &str| Money {
            usd: Spread::exactly(high.parse().unwrap()),
            ..Money::FREE
        };
        assert_eq!(money("1.25").high_micros(), Some(1_250_000));
        assert_eq!(money("0.0000001").high_micros(), Some(1));
        assert_eq!(Money::FREE.high_micros(), Some(0));
        assert_eq!(Money::UNKNOWN.high_micros(), None);
    }

    #[test]
    fn characters_cost_what_the_table_says() {
        let chars = [exactly(Meter::TtsChars, 700)];
        let one = price(
            Some(Role::Speech),
            &models(&["elevenlabs:eleven_flash_v2_5"]),
            &chars,
            TODAY,
        );
        assert_eq!(one.usd.expected.normalize().to_string(), "0.021");
        assert_eq!(one.confidence, Confidence::Exact);
        assert_eq!(one.price_as_of.as_deref(), Some("2026-06-30"));
        assert_eq!(one.age_days, Some(145));
        let local = price(
            Some(Role::Speech),
            &models(&["kokoro:af_heart"]),
            &chars,
            TODAY,
        );
        assert_eq!(local, Money::FREE);
        assert_eq!(price(Some(Role::Speech), &[], &chars, TODAY), Money::FREE);
    }

    #[test]
    fn what_nobody_knows_is_not_nothing() {
        let tokens = [exactly(Meter::LlmTokensIn, 100)];
        for names in [&["openrouter:openai/gpt-6-luna"][..], &["x:new"], &[]] {
            let money = price(Some(Role::Llm), &models(names), &tokens, TODAY);
            assert!(!money.is_known(), "{names:?}");
        }
        let clip = [Quantity::unknown(Meter::VideoSeconds, "")];
        let money = price(
            Some(Role::Video),
            &models(&["kie:bytedance/seedance-2"]),
            &clip,
            TODAY,
        );
        assert!(!money.is_known());
        assert_eq!(money.age_days, Some(145));
        let render = [exactly(Meter::RenderSeconds, 90)];
        assert_eq!(price(None, &[], &render, TODAY), Money::FREE);
    }

    #[test]
    fn a_price_of_half_a_year_ago_is_not_believed() {
        let chars = [exactly(Meter::TtsChars, 700)];
        let on = |day: &str| {
            let model = models(&["elevenlabs:eleven_flash_v2_5"]);
            price(Some(Role::Speech), &model, &chars, day)
        };
        assert!(on("2026-12-27").is_known(), "180 days");
        let old = on("2026-12-28");
        assert!(!old.is_known() && old.usd == Spread::ZERO);
        assert_eq!(old.age_days, Some(181), "it is told why");
        let local = models(&["kokoro:af_heart"]);
        let local = price(Some(Role::Speech), &local, &chars, "2040-01-01");
        assert_eq!(local, Money::FREE, "what is free stays free");
    }

    #[test]
    fn a_clip_is_paid_once() {
        let both = [exactly(Meter::Clips, 1), exactly(Meter::VideoSeconds, 8)];
        let per_clip = price(Some(Role::Video), &models(&["kie:veo3_fast"]), &both, TODAY);
        assert_eq!(per_clip.usd.expected.to_string(), "0.30");
        let per_second = price(
            Some(Role::Video),
            &models(&["kie:bytedance/seedance-2"]),
            &both,
            TODAY,
        );
        assert_eq!(per_second.usd.expected.to_string(), "1.640");
        assert_eq!(per_second.confidence, Confidence::Modelled);
    }

    fn quantity() -> impl Strategy<Value = Quantity> {
        let number = || (0_i64..10_000_000).prop_map(|cents| Decimal::new(cents, 2));
        (
            proptest::sample::select(Meter::ALL.to_vec()),
            number(),
            number(),
            number(),
            any::<bool>(),
        )
            .prop_map(|(meter, low, expected, high, known)| {
                if known {
                    Quantity::new(meter, Spread::between(low, expected, high), "")
                } else {
                    Quantity::unknown(meter, "")
                }
            })
    }

    proptest! {
        #[test]
        fn money_is_in_order_and_adds_up(
            role in proptest::sample::select(Role::ALL.to_vec()),
            model in any::<proptest::sample::Index>(),
            quantities in proptest::collection::vec(quantity(), 0..6),
        ) {
            let all: Vec<Known> = Models::builtin().all().collect();
            let models = [model.get(&all).id.clone()];
            let money = price(Some(role), &models, &quantities, TODAY);
            prop_assert!(Decimal::ZERO <= money.usd.low);
            prop_assert!(money.usd.low <= money.usd.expected && money.usd.expected <= money.usd.high);
            let one_by_one = quantities
                .iter()
                .filter(|quantity| counts(quantity.meter, Models::builtin().find(role, &models[0])))
                .map(|quantity| price(Some(role), &models, std::slice::from_ref(quantity), TODAY))
                .fold(Money::FREE, |sum, one| sum.plus(&one));
            prop_assert_eq!(&money, &one_by_one);
            prop_assert_eq!(money.plus(&Money::FREE), money);
        }
    }
}
