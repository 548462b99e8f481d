//! Money to credits: what vendors that charge credits take for it, and an honest "unknown".
//!
//! Neighbours: `price` makes the money, `models` holds what a credit is worth. Vendors that charge money take no credits;
//! of a vendor nobody knows, nobody knows that either.

use super::{Money, Spread};
use crate::models::{ModelRef, Models};

/// The credits that work at this price takes from the first of the models that may do it; none when nobody can tell.
pub fn credits(models: &[ModelRef], money: &Money) -> Option<Spread> {
    if money.is_known() && money.usd.high.is_zero() {
        return Some(Spread::ZERO);
    }
    let model = models.first()?;
    let table = Models::builtin();
    match table.credit(&model.vendor) {
        Some(credit) => money.is_known().then(|| money.usd.over(credit.usd)),
        None if model.is_local() || table.knows_vendor(&model.vendor) => Some(Spread::ZERO),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn models(name: &str) -> Vec<ModelRef> {
        vec![name.parse().unwrap()]
    }

    fn money(low: &str, high: &str) -> Money {
        let amount = |text: &str| -> Decimal { text.parse().unwrap() };
        Money {
            usd: Spread::between(amount(low), amount(low), amount(high)),
            ..Money::FREE
        }
    }

    #[test]
    fn a_vendor_of_credits_charges_them_at_their_worth() {
        let taken = credits(&models("kie:veo3_fast"), &money("0.15", "1.25")).unwrap();
        assert_eq!((taken.low, taken.high), (30.into(), 250.into()));
        let part = credits(&models("kie:z-image"), &money("0.004", "0.004")).unwrap();
        assert_eq!(
            part.high_in(1000),
            800,
            "less than one credit is not nothing"
        );
    }

    #[test]
    fn what_is_free_or_paid_in_money_takes_none_and_the_rest_is_unknown() {
        let none = Some(Spread::ZERO);
        assert_eq!(credits(&[], &Money::FREE), none);
        assert_eq!(credits(&models("kie:veo3"), &Money::FREE), none);
        assert_eq!(credits(&models("ollama:x"), &Money::UNKNOWN), none);
        assert_eq!(credits(&models("openrouter:x"), &Money::UNKNOWN), none);
        assert_eq!(credits(&models("kie:veo3"), &Money::UNKNOWN), None);
        assert_eq!(credits(&models("somebody:x"), &money("1", "1")), None);
        assert_eq!(credits(&[], &Money::UNKNOWN), None, "anybody may be asked");
    }
}
