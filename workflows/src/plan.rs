//! The plan of a job: what would run, why, for how long and for how much, before anything does.
//!
//! Neighbours: the daemon walks the graph and fills this in (it has the cache and the history); the CLI prints it.
//! Only words and sums live here; nothing here asks, measures or decides.

mod segments;

pub use segments::{OverlayNames, segment_changes};

use std::collections::BTreeMap;
use std::fmt;

use fenta_templates::timeline::Timeline;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use crate::cost::Confidence;
use crate::cost::Money;
use crate::cost::add_usd;
use crate::rerun_reason::RerunReason;

/// What a job would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// The workflow's name.
    pub workflow: String,
    /// The day prices and retirements were looked at, for example 2026-11-22.
    pub as_of: String,
    /// The renderer the plan is made for.
    pub tool: String,
    /// Every node, in the order they run.
    pub nodes: Vec<NodePlan>,
    /// All nodes together.
    pub total: PlanTotal,
    /// What stands in the way of the job, for example a budget that would not be enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
    /// The resolved timelines that can be told already, by node (`cut`, `cut[2]`); only when they were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    pub timelines: BTreeMap<String, Timeline>,
}

impl Plan {
    /// Whether the job would do anything at all.
    pub fn has_work(&self) -> bool {
        self.nodes.iter().any(|node| node.status.is_work())
    }
}

/// What a node would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NodePlan {
    /// Its key in the document; `footage[3]` for one turn of a `for_each`.
    pub node: String,
    /// Its type, for example `Voice.TTS`.
    pub kind: String,
    /// Hit or miss.
    pub status: PlanStatus,
    /// Actions whose results are there.
    pub hits: u32,
    /// Actions that would run, as far as they can be told.
    pub misses: u32,
    /// Whether that is all of them. A node that waits for another's work asks for actions nobody knows yet.
    pub complete: bool,
    /// Why it would run; empty when it would not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<RerunReason>,
    /// Where the work would be done.
    pub place: Place,
    /// How long what is missing would take, summed over its actions; absent when this machine has no history of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<SecondsPlan>,
    /// What it would cost.
    pub money: MoneyPlan,
    /// What it would use of something that is limited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quota: Vec<QuotaPlan>,
    /// The spans of a render, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentPlan>,
    /// The turns of a `for_each`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<NodePlan>,
    /// Why nothing better can be said, or why the node is left out; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Whether a node's results are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Everything is there.
    Hit,
    /// Nothing is there.
    Miss,
    /// Some of it is there.
    Partly,
    /// It depends on what another node makes.
    Pending,
    /// Its `if` is false, or there is nothing to do it for.
    Skipped,
    /// The options of the run leave it out.
    LeftOut,
    /// It cannot work; the note says why.
    Blocked,
}

impl PlanStatus {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Partly => "partly",
            Self::Pending => "pending",
            Self::Skipped => "skipped",
            Self::LeftOut => "left out",
            Self::Blocked => "blocked",
        }
    }

    /// Whether something would run, or would have to.
    pub const fn is_work(self) -> bool {
        matches!(
            self,
            Self::Miss | Self::Partly | Self::Pending | Self::Blocked
        )
    }
}

/// Where work would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "where", rename_all = "snake_case")]
pub enum Place {
    /// On this machine.
    Local,
    /// By a provider.
    Provider {
        /// What it is wanted for, for example `llm`.
        role: String,
        /// `vendor:model` that was chosen; empty when none is configured.
        #[serde(default)]
        model: String,
        /// Why it was chosen, or why there is none.
        why: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Provider { role, model, .. } if model.is_empty() => write!(f, "{role}: none"),
            Self::Provider { model, .. } => f.write_str(model),
        }
    }
}

/// How long something would take, from what this machine measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecondsPlan {
    /// The sum of the medians.
    pub expected: f64,
    /// Measurements the least known of its parts rests on.
    pub samples: u32,
    /// Whether parts are not in the sum, because this machine has never done such work.
    #[serde(default)]
    pub partial: bool,
    /// How far off such estimates were on this machine, in hundredths of what it took: the median of each kind of work,
    /// weighed by its time. Absent where too little was measured to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_error_percent: Option<u32>,
}

impl SecondsPlan {
    /// One after the other.
    pub fn plus(self, other: Self) -> Self {
        let known = [self, other].map(|part| {
            let error = part.past_error_percent?;
            Some((f64::from(error), part.expected))
        });
        // Weighed by what each part takes; a part whose error nobody knows says nothing about the other's.
        let (sum, weight) = known
            .into_iter()
            .flatten()
            .fold((0.0, 0.0), |(sum, weight), (error, expected)| {
                (sum + error * expected, weight + expected)
            });
        Self {
            expected: self.expected + other.expected,
            samples: self.samples.min(other.samples),
            partial: self.partial || other.partial,
            past_error_percent: (weight > 0.0).then(|| (sum / weight).round() as u32),
        }
    }
}

/// What something would cost. Amounts are decimal texts in US dollars; an amount nobody knows is absent, never zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MoneyPlan {
    /// At least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_usd: Option<String>,
    /// Probably.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_usd: Option<String>,
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_usd: Option<String>,
    /// How sure that is.
    pub confidence: Confidence,
    /// The day of the oldest price used; absent where no price was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_as_of: Option<String>,
    /// How many days old that price is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_age_days: Option<i64>,
}

impl MoneyPlan {
    /// Work of this machine.
    pub fn free() -> Self {
        let zero = Some("0".to_owned());
        Self {
            low_usd: zero.clone(),
            expected_usd: zero.clone(),
            high_usd: zero,
            confidence: Confidence::Exact,
            price_as_of: None,
            price_age_days: None,
        }
    }

    /// Both together. What is unknown in one is unknown in the sum, but for the least it costs.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let oldest = match (&self.price_as_of, &other.price_as_of) {
            (Some(one), Some(two)) if two < one => other,
            (None, Some(_)) => other,
            _ => self,
        };
        Self {
            low_usd: add_usd(
                self.low_usd.as_deref().or(Some("0")),
                other.low_usd.as_deref().or(Some("0")),
            ),
            expected_usd: add_usd(self.expected_usd.as_deref(), other.expected_usd.as_deref()),
            high_usd: add_usd(self.high_usd.as_deref(), other.high_usd.as_deref()),
            confidence: self.confidence.max(other.confidence),
            price_as_of: oldest.price_as_of.clone(),
            price_age_days: oldest.price_age_days,
        }
    }

    /// Nobody knows.
    pub const fn unknown() -> Self {
        Self {
            low_usd: None,
            expected_usd: None,
            high_usd: None,
            confidence: Confidence::Unknown,
            price_as_of: None,
            price_age_days: None,
        }
    }
}

impl From<Money> for MoneyPlan {
    fn from(money: Money) -> Self {
        let text = |amount: Decimal| Some(amount.normalize().to_string());
        let known = money.is_known();
        Self {
            low_usd: (known || !money.usd.low.is_zero())
                .then(|| text(money.usd.low))
                .flatten(),
            expected_usd: known.then(|| text(money.usd.expected)).flatten(),
            high_usd: known.then(|| text(money.usd.high)).flatten(),
            confidence: money.confidence,
            price_as_of: money.price_as_of,
            price_age_days: money.age_days.map(i64::from),
        }
    }
}

/// What would be used of something that is limited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct QuotaPlan {
    /// What is counted, for example `render_seconds`.
    pub meter: String,
    /// How much the job would use.
    pub needed: f64,
    /// How much there is; absent where nothing limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

/// One span of a render.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SegmentPlan {
    /// Its place, from 1.
    pub number: u32,
    /// First millisecond.
    pub start_ms: u64,
    /// First millisecond after it.
    pub end_ms: u64,
    /// Whether its result is there.
    pub hit: bool,
    /// The first 12 characters of its action's digest.
    pub digest: String,
    /// What differs from what stood there the last time; empty for hits and where nothing stood there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<SegmentChange>,
}

/// What makes a span of a render another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SegmentChange {
    /// The video was shorter.
    New,
    /// Size, rate or background of the picture.
    Canvas,
    /// The length of the span.
    Length,
    /// Which words the captions show.
    CaptionText,
    /// When the captions show them.
    CaptionTiming,
    /// How the captions look.
    CaptionStyle,
    /// A text, picture or shape above the picture.
    Overlay {
        /// Its name in the template; empty where it has none.
        name: String,
    },
    /// Another picture or clip.
    ShotSource {
        /// The shot, from 1.
        shot: u32,
    },
    /// Another part of the same clip.
    ShotPart {
        /// The shot, from 1.
        shot: u32,
    },
    /// Crop, camera move or fill of the same picture.
    ShotFraming {
        /// The shot, from 1.
        shot: u32,
    },
    /// The blend from the shot before.
    Transition,
    /// A font file.
    Font,
    /// How the video is encoded.
    Encoding,
    /// The renderer itself.
    Renderer,
    /// Nothing changed: its result is gone from the store, or was never made.
    ResultMissing,
}

impl fmt::Display for SegmentChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Canvas => f.write_str("canvas"),
            Self::Length => f.write_str("length"),
            Self::CaptionText => f.write_str("caption text"),
            Self::CaptionTiming => f.write_str("caption timing"),
            Self::CaptionStyle => f.write_str("caption style"),
            Self::Overlay { name } if name.is_empty() => f.write_str("overlay"),
            Self::Overlay { name } => write!(f, "overlay {name}"),
            Self::ShotSource { shot } => write!(f, "shot {shot} source"),
            Self::ShotPart { shot } => write!(f, "shot {shot} part of the clip"),
            Self::ShotFraming { shot } => write!(f, "shot {shot} framing"),
            Self::Transition => f.write_str("transition"),
            Self::Font => f.write_str("font"),
            Self::Encoding => f.write_str("encoding"),
            Self::Renderer => f.write_str("renderer"),
            Self::ResultMissing => f.write_str("result not in the store"),
        }
    }
}

/// All nodes together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlanTotal {
    /// Nodes that have nothing to do.
    pub hits: u32,
    /// Nodes that have something to do.
    pub misses: u32,
    /// Spans to render and spans in all, as far as they can be told.
    pub segments_to_render: u32,
    /// Spans in all.
    pub segments: u32,
    /// How long, summed over actions; absent when nothing of it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<SecondsPlan>,
    /// How much.
    pub money: MoneyPlan,
    /// What would be used of something that is limited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quota: Vec<QuotaPlan>,
}

/// Something that would stop the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Obstacle {
    /// The node it would stop at; empty for the whole job.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// What stands in the way.
    pub message: String,
    /// What to do; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Spread;

    #[test]
    fn money_nobody_knows_is_absent_and_not_nothing() {
        assert_eq!(MoneyPlan::from(Money::FREE), MoneyPlan::free());
        assert_eq!(MoneyPlan::from(Money::UNKNOWN), MoneyPlan::unknown());
        let money = Money {
            usd: Spread::between(
                Decimal::new(150, 3),
                Decimal::new(30, 2),
                Decimal::new(125, 2),
            ),
            confidence: Confidence::Modelled,
            price_as_of: Some("2026-06-30".to_owned()),
            age_days: Some(145),
        };
        let plan = MoneyPlan::from(money);
        assert_eq!(plan.low_usd.as_deref(), Some("0.15"));
        assert_eq!(plan.high_usd.as_deref(), Some("1.25"));
        assert_eq!(plan.price_age_days, Some(145));
    }

    #[test]
    fn an_unknown_amount_is_absent_on_the_wire() {
        let unknown = serde_json::to_value(MoneyPlan::unknown()).unwrap();
        assert_eq!(unknown, serde_json::json!({ "confidence": "unknown" }));
        let free = serde_json::to_value(MoneyPlan::free()).unwrap();
        assert_eq!(free["high_usd"], "0");
    }

    #[test]
    fn sums_are_exact_and_an_unknown_part_stays_unknown() {
        let amount = |text: &str, day: Option<&str>| MoneyPlan {
            low_usd: Some(text.to_owned()),
            expected_usd: Some(text.to_owned()),
            high_usd: Some(text.to_owned()),
            confidence: Confidence::Modelled,
            price_as_of: day.map(str::to_owned),
            price_age_days: day.map(|_| 1),
        };
        let sum = amount("0.1", Some("2026-06-30")).plus(&amount("0.2", Some("2026-01-01")));
        assert_eq!(sum.expected_usd.as_deref(), Some("0.3"));
        assert_eq!(sum.price_as_of.as_deref(), Some("2026-01-01"));
        let part = MoneyPlan::free().plus(&sum).plus(&MoneyPlan::unknown());
        assert_eq!(part.confidence, Confidence::Unknown);
        assert_eq!(
            (part.low_usd.as_deref(), part.high_usd),
            (Some("0.3"), None)
        );
    }

    #[test]
    fn only_what_would_run_is_work() {
        let work = [
            PlanStatus::Miss,
            PlanStatus::Partly,
            PlanStatus::Pending,
            PlanStatus::Blocked,
        ];
        assert!(work.iter().all(|status| status.is_work()));
        let idle = [PlanStatus::Hit, PlanStatus::Skipped, PlanStatus::LeftOut];
        assert!(!idle.iter().any(|status| status.is_work()));
    }

    #[test]
    fn changes_and_places_read_well() {
        assert_eq!(
            SegmentChange::ShotSource { shot: 3 }.to_string(),
            "shot 3 source"
        );
        let overlay = |name: &str| SegmentChange::Overlay { name: name.into() };
        assert_eq!(overlay("").to_string(), "overlay");
        assert_eq!(overlay("head").to_string(), "overlay head");
        let nobody = Place::Provider {
            role: "llm".into(),
            model: String::new(),
            why: "no provider is configured".into(),
        };
        assert_eq!(nobody.to_string(), "llm: none");
    }
}
