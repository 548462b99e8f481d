//! How long each kind of action may take before its worker is stopped. Generous: a limit is for what hangs, not for
//! what is slow.

use std::time::Duration;

use fenta_workflows::action::Action;

/// Wall-clock limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallLimits {
    /// What every action may take, whatever its size.
    pub floor: Duration,
    /// What each frame to draw adds.
    pub per_frame: Duration,
    /// What each second of sound to make adds.
    pub per_second_of_sound: Duration,
    /// How long a worker may give no sign of life.
    pub silence: Duration,
    /// How long a worker that counts frames may count none.
    pub stall: Duration,
    /// How long a worker that has given its answer may take to leave.
    pub leave: Duration,
}

impl Default for WallLimits {
    fn default() -> Self {
        Self {
            floor: Duration::from_secs(60),
            per_frame: Duration::from_secs(1),
            per_second_of_sound: Duration::from_secs(2),
            silence: Duration::from_secs(60),
            stall: Duration::from_secs(180),
            leave: Duration::from_secs(15),
        }
    }
}

impl WallLimits {
    /// The limit of an action.
    pub fn wall(&self, action: &Action) -> Duration {
        let work = match action {
            Action::RenderSegment(request) => self.per_frame * request.segment.frames,
            Action::Mix(request) => {
                let millis = request.plan.duration.to_millis().max(0);
                self.sound(u64::try_from(millis).unwrap_or(0) / 1000)
            }
            // Every frame is decoded and looked at, small.
            Action::FindSubject(request) => {
                let millis = request
                    .facts
                    .duration
                    .map_or(0, |length| length.to_millis().max(0));
                self.sound(u64::try_from(millis).unwrap_or(0) / 200)
            }
            Action::ComposeMusic(request) => self.sound(u64::from(request.duration_ms / 1000)),
            Action::Speak(request) => self.sound(request.text.split_whitespace().count() as u64),
            Action::TakeSpeech(request) => {
                let pieces = request.pieces.iter();
                let words = pieces.map(|piece| piece.text.split_whitespace().count() as u64);
                self.sound(words.sum())
            }
            Action::AlignWords(request) => {
                self.sound(request.text.split_whitespace().count() as u64)
            }
            // As long as a recording may be.
            Action::ExtractSpeech(_) => self.sound(300),
            // Joining copies packets: a thousand frames in the time one of them may take to draw.
            Action::Mux(request) => {
                self.per_frame * (request.segment_frames.iter().sum::<u32>() / 1000)
            }
            _ => Duration::ZERO,
        };
        self.floor + work
    }

    /// How long an action may make no progress; nothing for those that cannot say how far they are.
    pub fn stall(&self, action: &Action) -> Option<Duration> {
        matches!(action, Action::RenderSegment(_)).then_some(self.stall)
    }

    fn sound(&self, seconds: u64) -> Duration {
        self.per_second_of_sound * u32::try_from(seconds).unwrap_or(u32::MAX / 4)
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{ComposeMusicRequest, ProbeRequest, SpeakRequest};
    use fenta_workflows::digest::blob_digest;

    use super::*;

    #[test]
    fn larger_work_may_take_longer() {
        let limits = WallLimits::default();
        let probe = Action::Probe(ProbeRequest {
            source: blob_digest(b"x"),
            name: String::new(),
        });
        let music = |duration_ms| {
            Action::ComposeMusic(ComposeMusicRequest {
                seed: 1,
                mood: "calm".to_owned(),
                bpm: 90,
                duration_ms,
            })
        };
        let speak = Action::Speak(SpeakRequest {
            text: "three short words".to_owned(),
            engine: "flite".to_owned(),
            voice: "slt".to_owned(),
            speed_pm: 1000,
        });
        assert_eq!(limits.wall(&probe), Duration::from_secs(60));
        assert_eq!(limits.wall(&music(30_000)), Duration::from_secs(120));
        assert_eq!(limits.wall(&speak), Duration::from_secs(66));
        assert!(limits.wall(&music(u32::MAX)) > limits.wall(&music(30_000)));
    }
}
