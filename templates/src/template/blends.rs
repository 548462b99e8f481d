//! Which cuts are blends: the rules of `transitions` over the shots of a cut.
//!
//! A decision looks at the shot, at its scene's number and at how many blends came before it; never at what follows.

use super::picture_rules::{Blend, Boundary, TransitionRule, TransitionRules};
use super::shots::Shot;
use crate::time::{FrameRate, RationalTime};
use crate::timeline::Transition;

/// The rules and what they are applied to.
pub(crate) struct Blends<'a> {
    pub(crate) rules: &'a TransitionRules,
    /// The scenes with which a chapter begins, from 0, in order.
    pub(crate) chapters: &'a [usize],
    pub(crate) rate: FrameRate,
}

impl Blends<'_> {
    /// The blend at the start of every shot; the first never has one.
    pub(crate) fn between(&self, shots: &[Shot]) -> Vec<Option<Transition>> {
        let mut blended: u64 = 0;
        shots
            .iter()
            .enumerate()
            .map(|(at, shot)| {
                let blend = (at > 0).then(|| self.into(shot)).flatten()?;
                // The share holds for every beginning of the cut, so the blends are spread over it.
                let allowed = self
                    .rules
                    .max_share_pm
                    .map_or(u64::MAX, |share| u64::from(share) * at as u64 / 1000);
                if blended >= allowed {
                    return None;
                }
                blended += 1;
                Some(blend)
            })
            .collect()
    }

    /// The blend a rule asks for, if the shot is long enough to show it and itself.
    fn into(&self, shot: &Shot) -> Option<Transition> {
        let (kind, ms) = self.rule_for(shot)?;
        let length = RationalTime::millis(i64::from(ms)).rescaled_to(self.rate);
        let fits = length.value >= 1 && 2 * length.value <= shot.frames();
        fits.then_some(Transition {
            kind,
            in_offset: RationalTime::new(0, self.rate),
            out_offset: length,
        })
    }

    fn rule_for(&self, shot: &Shot) -> Blend {
        let chapter = || {
            let begins = |scene: &usize| shot.begins.contains(scene);
            self.chapters.iter().position(begins)
        };
        // Which of its kind a shot is, if it is one.
        let number = |at: Boundary| match at {
            Boundary::Split => shot.begins.is_empty().then_some(shot.scene + shot.piece),
            Boundary::Scene => shot.begins.clone().next(),
            Boundary::Chapter => chapter(),
        };
        let applies = |rule: &&TransitionRule| {
            number(rule.at).is_some_and(|number| number % rule.every.max(1) as usize == 0)
        };
        let rule = self.rules.rules.iter().find(applies);
        rule.map_or(self.rules.default, |rule| rule.blend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::TransitionKind;

    const RATE: FrameRate = FrameRate::whole(30);

    fn shot(scene: usize, piece: usize, frames: i64) -> Shot {
        Shot {
            scene,
            piece,
            name: format!("s{scene}"),
            start: 0,
            end: frames,
            begins: scene..scene + usize::from(piece == 0),
        }
    }

    fn rule(at: Boundary, every: u32, blend: Blend) -> TransitionRule {
        TransitionRule { blend, at, every }
    }

    fn kinds(
        shots: &[Shot],
        rules: &TransitionRules,
        chapters: &[usize],
    ) -> Vec<Option<TransitionKind>> {
        let blends = Blends {
            rules,
            chapters,
            rate: RATE,
        };
        let found = blends.between(shots);
        found
            .iter()
            .map(|blend| blend.map(|blend| blend.kind))
            .collect()
    }

    // spec: T-39
    #[test]
    fn the_first_rule_that_applies_decides() {
        let rules = TransitionRules {
            rules: vec![
                rule(Boundary::Scene, 2, Some((TransitionKind::Fade, 300))),
                rule(Boundary::Split, 1, None),
            ],
            default: Some((TransitionKind::WipeLeft, 200)),
            ..TransitionRules::default()
        };
        let shots = [
            shot(0, 0, 60),
            shot(1, 0, 60),
            shot(2, 0, 60),
            shot(2, 1, 60),
            shot(4, 0, 17),
        ];
        assert_eq!(
            kinds(&shots, &rules, &[]),
            [
                None,
                Some(TransitionKind::WipeLeft),
                Some(TransitionKind::Fade),
                None,
                None
            ],
            "no blend at the start, at a split, or into a shot that is too short for one"
        );
    }

    #[test]
    fn chapters_are_scenes_that_were_named() {
        let rules = TransitionRules {
            rules: vec![rule(
                Boundary::Chapter,
                1,
                Some((TransitionKind::ZoomIn, 300)),
            )],
            ..TransitionRules::default()
        };
        let shots: Vec<Shot> = (0..4).map(|scene| shot(scene, 0, 60)).collect();
        assert_eq!(
            kinds(&shots, &rules, &[0, 2]),
            [None, None, Some(TransitionKind::ZoomIn), None]
        );
        assert_eq!(kinds(&shots, &rules, &[]), [None; 4]);
    }

    // spec: T-40
    #[test]
    fn no_more_than_the_share_are_blends() {
        let rules = |share| TransitionRules {
            default: Some((TransitionKind::Fade, 300)),
            max_share_pm: Some(share),
            ..TransitionRules::default()
        };
        let shots: Vec<Shot> = (0..21).map(|scene| shot(scene, 0, 60)).collect();
        for (share, expected) in [(0, 0), (150, 3), (500, 10), (1000, 20)] {
            let found = kinds(&shots, &rules(share), &[]);
            let blends = found.iter().flatten().count();
            assert_eq!(blends, expected, "{share} permille of 20 cuts");
        }
    }
}
