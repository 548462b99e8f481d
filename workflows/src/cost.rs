//! What a node's work will take: quantities before anything runs, priced with a date and a confidence.
//!
//! Neighbours: `nodes` estimate quantities from the parameters that are known, `models` knows prices, the plan adds it
//! all up. Money is decimal, never binary floating point. What is not known is said to be unknown: it is never 0.

mod credits;
mod price;

pub use credits::credits;
pub use price::{Confidence, Money, OLD_DAYS, TOO_OLD_DAYS, age, price};

use std::collections::BTreeMap;
use std::fmt;

pub use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::models::ModelRef;
use crate::value::Value;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Tokens a language model reads.
    LlmTokensIn,
    /// Tokens a language model writes.
    LlmTokensOut,
    /// Characters spoken.
    TtsChars,
    /// Seconds of sound transcribed.
    AsrSeconds,
    /// Pictures made.
    Images,
    /// Seconds of video made.
    VideoSeconds,
    /// Clips made or changed.
    Clips,
    /// Pieces of music made.
    Tracks,
    /// Output seconds times the resolution's factor.
    RenderSeconds,
    /// Searches in stock libraries; free, but limited.
    StockCalls,
}

impl Meter {
    /// Every meter.
    pub const ALL: [Self; 10] = [
        Self::LlmTokensIn,
        Self::LlmTokensOut,
        Self::TtsChars,
        Self::AsrSeconds,
        Self::Images,
        Self::VideoSeconds,
        Self::Clips,
        Self::Tracks,
        Self::RenderSeconds,
        Self::StockCalls,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlmTokensIn => "llm_tokens_in",
            Self::LlmTokensOut => "llm_tokens_out",
            Self::TtsChars => "tts_chars",
            Self::AsrSeconds => "asr_seconds",
            Self::Images => "images",
            Self::VideoSeconds => "video_seconds",
            Self::Clips => "clips",
            Self::Tracks => "tracks",
            Self::RenderSeconds => "render_seconds",
            Self::StockCalls => "stock_calls",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A number that is not known exactly. `low <= expected <= high`, and none is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// At least.
    pub low: Decimal,
    /// Most likely.
    pub expected: Decimal,
    /// At most.
    pub high: Decimal,
}

impl Spread {
    /// Nothing.
    pub const ZERO: Self = Self {
        low: Decimal::ZERO,
        expected: Decimal::ZERO,
        high: Decimal::ZERO,
    };

    /// A number that is known.
    pub fn exactly(number: Decimal) -> Self {
        Self::between(number, number, number)
    }

    /// A number with its bounds, put in order.
    pub fn between(low: Decimal, expected: Decimal, high: Decimal) -> Self {
        let expected = expected.max(Decimal::ZERO);
        Self {
            low: low.clamp(Decimal::ZERO, expected),
            expected,
            high: high.max(expected),
        }
    }

    /// Whether it is known exactly.
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }

    /// The most it may be in whole parts, so many to one, rounded up; the largest number there is when it does not fit.
    pub fn high_in(&self, parts: u32) -> u64 {
        let parts = self.high.saturating_mul(Decimal::from(parts)).ceil();
        parts.to_string().parse().unwrap_or(u64::MAX)
    }

    /// Both together; numbers too large to add stay at the largest there is.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.saturating_add(other.high),
        }
    }

    /// How many pieces of this size it is; nothing of pieces without a size.
    #[must_use]
    pub fn over(&self, size: Decimal) -> Self {
        let pieces = |number: Decimal| number.checked_div(size).unwrap_or_default();
        Self::between(pieces(self.low), pieces(self.expected), pieces(self.high))
    }

    /// So many times as much.
    #[must_use]
    pub fn times(&self, factor: Decimal) -> Self {
        let factor = factor.max(Decimal::ZERO);
        Self {
            low: self.low.saturating_mul(factor),
            expected: self.expected.saturating_mul(factor),
            high: self.high.saturating_mul(factor),
        }
    }
}

/// Two decimal amounts together; none when one of them is unknown or no number.
pub(crate) fn add_usd(one: Option<&str>, other: Option<&str>) -> Option<String> {
    let (one, other): (Decimal, Decimal) = (one?.parse().ok()?, other?.parse().ok()?);
    Some(one.saturating_add(other).normalize().to_string())
}

/// The render seconds of so much output, in thousandths: its length times 1 up to 720p, 1.5 up to 1080p, 4 above.
pub fn render_millis(width: u32, height: u32, millis: u64) -> u64 {
    const P720: u64 = 1280 * 720;
    const P1080: u64 = 1920 * 1080;
    let twice = match u64::from(width) * u64::from(height) {
        pixels if pixels <= P720 => 2,
        pixels if pixels <= P1080 => 3,
        _ => 8,
    };
    millis.saturating_mul(twice) / 2
}

/// How much of a meter a node needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// What is counted.
    pub meter: Meter,
    /// How much; `None` when it cannot be said before other nodes have run.
    pub amount: Option<Spread>,
    /// How it was found, or why it is unknown; a short fragment.
    pub why: String,
}

impl Quantity {
    /// A quantity.
    pub fn new(meter: Meter, amount: Spread, why: impl Into<String>) -> Self {
        Self {
            meter,
            amount: Some(amount),
            why: why.into(),
        }
    }

    /// A quantity nobody can tell yet.
    pub fn unknown(meter: Meter, why: impl Into<String>) -> Self {
        Self {
            meter,
            amount: None,
            why: why.into(),
        }
    }
}

/// A node's parameters as far as they are known before it runs. A parameter that is not there depends on nodes that
/// have not run; one that is `Null` is known not to be given.
#[derive(Clone, Debug, Default)]
pub struct KnownParams {
    values: BTreeMap<String, Value>,
    /// The models that may do the node's work, in the order they are tried.
    pub models: Vec<ModelRef>,
}

impl KnownParams {
    /// These values are known; defaults are among them.
    pub fn new(values: BTreeMap<String, Value>, models: Vec<ModelRef>) -> Self {
        Self { values, models }
    }

    /// The value, if it is known; it may be `Null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Whether it is known that nothing is given.
    pub fn is_absent(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Null))
    }

    /// A known text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A known whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(number: i64) -> Decimal {
        Decimal::new(number, 2)
    }

    #[test]
    fn decimals_are_texts() {
        let quantity = Quantity::new(
            Meter::TtsChars,
            Spread::exactly(decimal(1250)),
            "as written",
        );
        let json = serde_json::to_value(&quantity).unwrap();
        assert_eq!(json["amount"]["expected"], "12.50");
        assert_eq!(json["meter"], "tts_chars");
        assert_eq!(serde_json::from_value::<Quantity>(json).unwrap(), quantity);
    }

    #[test]
    fn larger_pictures_take_more_render_seconds() {
        let minute = |width, height| render_millis(width, height, 60_000);
        assert_eq!(minute(540, 960), 60_000);
        assert_eq!(minute(720, 1280), 60_000);
        assert_eq!(minute(1080, 1920), 90_000);
        assert_eq!(minute(2160, 3840), 240_000);
    }

    #[test]
    fn unknown_is_not_nothing() {
        let known = KnownParams::new(BTreeMap::from([("text".into(), Value::Null)]), Vec::new());
        assert!(known.is_absent("text"));
        assert!(!known.is_absent("script"));
        assert_eq!(known.get("script"), None);
    }

    #[test]
    fn meters_have_their_own_names() {
        for meter in Meter::ALL {
            assert_eq!(serde_json::to_value(meter).unwrap(), meter.name());
        }
    }

    fn spread() -> impl Strategy<Value = Spread> {
        (any::<i64>(), any::<i64>(), any::<i64>())
            .prop_map(|(a, b, c)| Spread::between(decimal(a), decimal(b), decimal(c)))
    }

    proptest! {
        #[test]
        fn spreads_are_in_order(a in spread(), b in spread(), factor in any::<i64>()) {
            for one in [a, b, a.plus(&b), a.times(decimal(factor))] {
                prop_assert!(Decimal::ZERO <= one.low && one.low <= one.expected && one.expected <= one.high);
            }
            prop_assert_eq!(a.plus(&Spread::ZERO), a);
        }
    }
}
