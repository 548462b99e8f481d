//! Subjects in another shape: clips whose view follows something are looked at again for the shape of the file.
//!
//! A way through a clip is found for views of one shape; a square shows more of a landscape clip than an upright picture
//! does, and less of an upright one. Neighbours: `output_render` asks for the file, `cut_bindings` finds the first ways.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fenta_templates::timeline::{ExternalReference, MediaReference, Timeline, TrackItem};

use crate::action::{Action, ActionFacts, FindSubjectRequest};
use crate::digest::Digest;
use crate::node::{Halt, Steps, wrong_facts};

/// `sized`, looked at again where its shape is another than that of the timeline it was made from.
pub(super) fn in_shape_of<'t>(
    timeline: &Timeline,
    sized: Cow<'t, Timeline>,
    steps: &mut Steps<'_>,
) -> Result<Cow<'t, Timeline>, Halt> {
    let shape = (sized.canvas.width, sized.canvas.height);
    if timeline.canvas.has_shape(shape.0, shape.1) {
        return Ok(sized);
    }
    follow_again(sized.into_owned(), steps).map(Cow::Owned)
}

/// The timeline with the ways of its views found anew; clips of which the new shape cuts nothing off keep their middle.
fn follow_again(mut timeline: Timeline, steps: &mut Steps<'_>) -> Result<Timeline, Halt> {
    let mut requests: BTreeMap<Digest, FindSubjectRequest> = BTreeMap::new();
    for (_, clip) in timeline.picture.clips() {
        if let Some(file) = followed(&clip.media, clip.effects.focus.is_empty())
            && let Some((view_w_pm, view_h_pm)) = timeline.canvas.view_of(&file.facts)
        {
            let request = FindSubjectRequest {
                source: file.source,
                facts: file.facts.clone(),
                view_w_pm,
                view_h_pm,
            };
            requests.insert(file.source, request);
        }
    }
    let actions = requests
        .values()
        .map(|request| Action::FindSubject(Box::new(request.clone())));
    let mut ways = BTreeMap::new();
    if !requests.is_empty() {
        for (source, result) in requests.keys().zip(steps.run(actions.collect())?) {
            let ActionFacts::Subject(path) = &result.facts else {
                return Err(wrong_facts("find_subject").into());
            };
            ways.insert(*source, path.keys.clone());
        }
    }
    for item in &mut timeline.picture.children {
        if let TrackItem::Clip(clip) = item
            && let Some(file) = followed(&clip.media, clip.effects.focus.is_empty())
        {
            clip.effects.focus = ways.get(&file.source).cloned().unwrap_or_default();
        }
    }
    Ok(timeline)
}

fn followed(media: &MediaReference, still: bool) -> Option<&ExternalReference> {
    match media {
        MediaReference::External(file) if !still => Some(file),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fenta_templates::timeline::{FocusKey, MediaKind, SubjectPath};

    use super::*;
    use crate::action::ActionResult;
    use crate::nodes::testing::{facts, media_facts};

    fn key(x_pm: u16) -> FocusKey {
        FocusKey {
            at_ms: 0,
            x_pm,
            y_pm: 500,
            cut: false,
        }
    }

    /// A cut of one landscape clip whose view follows something.
    fn cut() -> Timeline {
        let mut cut: Timeline =
            serde_json::from_str(include_str!("../../../templates/tests/golden/footage.json"))
                .unwrap();
        for item in &mut cut.picture.children {
            if let TrackItem::Clip(clip) = item {
                clip.effects.focus = vec![key(300)];
                if let MediaReference::External(file) = &mut clip.media {
                    file.facts = fenta_templates::timeline::MediaFacts {
                        width: 1920,
                        height: 1080,
                        ..media_facts(MediaKind::Video)
                    };
                }
            }
        }
        cut
    }

    fn focus(timeline: &Timeline) -> Vec<FocusKey> {
        let mut clips = timeline.picture.clips();
        let (_, clip) = clips.next().unwrap();
        clip.effects.focus.clone()
    }

    // spec: T-53
    #[test]
    fn a_square_asks_for_the_subject_in_its_own_shape() {
        let square = cut().reshaped(1080, 1080);
        let Err(Halt::Needs(asked)) = follow_again(square.clone(), &mut Steps::new(&[])) else {
            panic!("nothing is asked");
        };
        let views: Vec<(u32, u32)> = asked
            .iter()
            .map(|action| match action {
                Action::FindSubject(request) => (request.view_w_pm, request.view_h_pm),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(!views.is_empty() && views.iter().all(|view| *view == (562, 1000)));
        let found = SubjectPath {
            keys: vec![key(640)],
            ..SubjectPath::default()
        };
        let results: Vec<ActionResult> = views
            .iter()
            .map(|_| facts(ActionFacts::Subject(found.clone())))
            .collect();
        let made = follow_again(square, &mut Steps::new(&results)).unwrap();
        assert_eq!(focus(&made), [key(640)]);
    }

    #[test]
    fn a_shape_that_shows_all_of_a_clip_has_nothing_to_follow() {
        let wide = cut().reshaped(1920, 1080);
        let made = follow_again(wide, &mut Steps::new(&[])).unwrap();
        assert_eq!(focus(&made), []);
    }
}
