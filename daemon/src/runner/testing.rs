//! Actions and runners for tests.

use fenta_workflows::action::{Action, SpeakRequest, WriteRequest};

/// A render of so many frames; its content does not matter.
pub(crate) fn render(frames: u64) -> Action {
    Action::RenderSegment(
        serde_json::from_value(serde_json::json!({
            "segment": {
                "canvas": {"width": 1080, "height": 1920, "rate": {"num": 30, "den": 1}},
                "frames": frames,
                "shot": null,
                "overlays": [],
                "captions": []
            },
            "fonts": [],
            "encoding": {
                "encoder": "libx264", "preset": "veryfast", "crf": 19, "max_rate_kbps": 0,
                "gop": 60, "b_frames": 2, "threads": 1
            }
        }))
        .unwrap(),
    )
}

pub(crate) fn speak(text: &str) -> Action {
    Action::Speak(SpeakRequest {
        text: text.to_owned(),
        engine: "flite".to_owned(),
        voice: "slt".to_owned(),
        speed_pm: 1000,
    })
}

pub(crate) fn write(text: &str) -> Action {
    Action::Write(WriteRequest {
        name: "a.txt".to_owned(),
        text: text.to_owned(),
    })
}
