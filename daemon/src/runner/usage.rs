//! What a turn used, for the ledger. Pure.
//!
//! Of a render the whole video counts as soon as something of it had to be drawn, as it does in the budget: its length
//! is that of the frames the renderer says it made. Speech and music of this machine are counted and cost nothing. What calls
//! cost the store knows itself (`store::call_costs`).

use fenta_workflows::action::{Action, ActionFacts, ActionResult};
use fenta_workflows::cost::Decimal;

use super::admission::length;
use super::purse::{Bill, Price};
use crate::store::{PriceNote, THIS_MACHINE, Used};

/// Asked of this machine by any turn.
const WORK: &str = "work";

/// Counts while a turn goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// Render time of segments that were drawn, thousandths of seconds.
    drawn_ms: u64,
    /// The same of all segments.
    shown_ms: u64,
    spoken: u64,
    tracks: u64,
}

impl Usage {
    /// A result that was there already.
    pub(super) fn found(&mut self, action: &Action, result: &ActionResult) {
        self.shown_ms += measured(action, result);
    }

    /// A result that was made.
    pub(super) fn made(&mut self, action: &Action, result: &ActionResult) {
        let millis = measured(action, result);
        self.shown_ms += millis;
        self.drawn_ms += millis;
        match action {
            Action::Speak(request) => self.spoken += request.text.chars().count() as u64,
            Action::ComposeMusic(_) => self.tracks += 1,
            _ => {}
        }
    }

    /// What a turn used that came to its end.
    pub(super) fn at_end(&self) -> Vec<Used> {
        let whole = if self.drawn_ms > 0 { self.shown_ms } else { 0 };
        self.with_render(whole)
    }

    /// What a turn used that did not.
    pub(super) fn so_far(&self) -> Vec<Used> {
        self.with_render(self.drawn_ms)
    }

    fn with_render(&self, millis: u64) -> Vec<Used> {
        let own = |ask: &str, meter: &str, amount: Decimal, is_total| {
            (amount > Decimal::ZERO).then(|| Used {
                ask: ask.to_owned(),
                meter: meter.to_owned(),
                amount,
                usd: Some(Decimal::ZERO),
                is_total,
            })
        };
        [
            own("render", "render_seconds", decimal(millis, 3), true),
            own(WORK, "tts_chars", self.spoken.into(), false),
            own(WORK, "tracks", self.tracks.into(), false),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Where the price of a bill is from.
pub(super) fn price_note(bill: &Bill, price_as_of: Option<String>, today: &str) -> PriceNote {
    match bill.price {
        Price::Render(_) => PriceNote {
            source: THIS_MACHINE.to_owned(),
            as_of: today.to_owned(),
        },
        Price::Calls { .. } => PriceNote {
            source: "price table".to_owned(),
            // Without a price there is no day of it: then it is the day nobody knew one.
            as_of: price_as_of.unwrap_or_else(|| today.to_owned()),
        },
    }
}

/// Render seconds of a segment by the frames that came out, in thousandths.
fn measured(action: &Action, result: &ActionResult) -> u64 {
    let (Action::RenderSegment(request), ActionFacts::Segment(facts)) = (action, &result.facts)
    else {
        return 0;
    };
    let asked = u64::from(request.segment.frames).max(1);
    length(request) * u64::from(facts.frames) / asked
}

fn decimal(amount: u64, places: u32) -> Decimal {
    Decimal::new(i64::try_from(amount).unwrap_or(i64::MAX), places)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenta_workflows::action::SegmentFacts;

    use super::*;
    use crate::runner::testing::{render, speak};

    fn segment(frames: u32) -> ActionResult {
        ActionResult {
            outputs: BTreeMap::new(),
            facts: ActionFacts::Segment(SegmentFacts {
                frames,
                bytes: 1,
                view: None,
            }),
        }
    }

    fn told(used: &[Used]) -> Vec<(String, String)> {
        used.iter()
            .map(|one| (one.meter.clone(), one.amount.normalize().to_string()))
            .collect()
    }

    #[test]
    fn a_video_counts_as_a_whole_once_something_of_it_was_drawn() {
        let segment_ms = length(match &render(60) {
            Action::RenderSegment(request) => request,
            _ => unreachable!(),
        });
        let seconds = |count: u64| decimal(segment_ms * count, 3).normalize().to_string();
        let mut usage = Usage::default();
        usage.found(&render(60), &segment(60));
        assert_eq!(usage.at_end(), [], "nothing was drawn");
        usage.made(&render(60), &segment(60));
        assert_eq!(
            told(&usage.at_end()),
            [("render_seconds".to_owned(), seconds(2))]
        );
        assert_eq!(
            told(&usage.so_far()),
            [("render_seconds".to_owned(), seconds(1))]
        );
    }

    #[test]
    fn work_of_this_machine_is_counted_and_free() {
        let mut usage = Usage::default();
        let nothing = ActionResult {
            outputs: BTreeMap::new(),
            facts: ActionFacts::None,
        };
        usage.made(&speak("hällo"), &nothing);
        usage.found(&speak("there"), &nothing);
        let used = usage.at_end();
        assert_eq!(told(&used), [("tts_chars".to_owned(), "5".to_owned())]);
        assert_eq!(used[0].usd, Some(Decimal::ZERO));
    }
}
