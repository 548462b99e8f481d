//! How large an action is, in units that its time grows with. Pure.

use fenta_workflows::action::{Action, FindSubjectRequest};

/// Frames of a picture, characters of speech, seconds of sound; 1 for whatever has no size.
pub(super) fn of(action: &Action) -> u64 {
    let units = match action {
        Action::RenderSegment(request) => u64::from(request.segment.frames),
        Action::Speak(request) => request.text.chars().count() as u64,
        Action::ComposeMusic(request) => u64::from(request.duration_ms / 1000),
        Action::FindSubject(request) => seconds(request),
        Action::Mix(request) => {
            u64::try_from(request.plan.duration.to_millis() / 1000).unwrap_or_default()
        }
        Action::Mux(request) => request.segment_frames.iter().map(|f| u64::from(*f)).sum(),
        _ => 1,
    };
    units.max(1)
}

/// Seconds of the source that is looked at; a still has none.
fn seconds(request: &FindSubjectRequest) -> u64 {
    let millis = request
        .facts
        .duration
        .map_or(0, |length| length.to_millis());
    u64::try_from(millis / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::{render, speak, write};

    #[test]
    fn larger_actions_have_more_units() {
        assert_eq!(of(&render(60)), 60);
        assert_eq!(of(&speak("hällo")), 5);
        assert_eq!(of(&speak("")), 1);
        assert_eq!(of(&write("a long text")), 1);
    }
}
