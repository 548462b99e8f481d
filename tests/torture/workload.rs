//! What the daemon has to do meanwhile: short jobs of every kind, each different from all others by its number.

use std::path::Path;

use serde_json::{Value, json};

/// A kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Speech of this machine, a film.
    Film,
    /// Speech that is paid, a film.
    PaidFilm,
    /// Speech that is paid, and nothing else.
    PaidVoice,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::Film, Self::PaidFilm, Self::PaidVoice];

    /// What is said in the job of this number.
    fn text(self, number: usize) -> String {
        let word = |digit: usize| {
            [
                "nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
            ][digit % 10]
        };
        let name = match self {
            Self::Film => "film",
            Self::PaidFilm => "paid film",
            Self::PaidVoice => "paid voice",
        };
        format!(
            "This {name} is {} {} {}",
            word(number / 100),
            word(number / 10),
            word(number)
        )
    }

    pub(crate) fn is_paid(self) -> bool {
        self != Self::Film
    }

    fn document(self) -> String {
        let model = if self.is_paid() {
            ", model: \"elevenlabs:eleven_flash_v2_5\""
        } else {
            ""
        };
        let rule = "retry: { attempts: 10, backoff: 50ms..500ms }";
        let mut text = format!(
            "fenta: workflow/v1\nname: tortured\ninputs:\n  text: {{ type: text }}\n  n: {{ type: int }}\nbudget: {{ max_usd: 1 }}\nnodes:\n\
             \x20 voice: {{ type: Voice.TTS, {rule}, with: {{ text: \"${{{{ inputs.text }}}}\"{model} }} }}\n"
        );
        if self == Self::PaidVoice {
            text.push_str("outputs: { seconds: \"${{ nodes.voice.seconds }}\" }\n");
            return text;
        }
        text.push_str(&format!(
            "  words:  {{ type: Subtitle.Auto, with: {{ voice: \"${{{{ nodes.voice.voice }}}}\" }} }}\n\
             \x20 looks:  {{ type: Input.Motion, with: {{ looks: [gradient], palette: ocean }} }}\n\
             \x20 cut:    {{ type: Edit.Timeline, with: {{ template: daily, clips: \"${{{{ nodes.looks.media }}}}\", voice: \"${{{{ nodes.voice.voice }}}}\", captions: \"${{{{ nodes.words.captions }}}}\", fill: {{ title: \"Torture\" }} }} }}\n\
             \x20 render: {{ type: Output.Render, {rule}, with: {{ timeline: \"${{{{ nodes.cut.timeline }}}}\", profile: draft }} }}\n\
             \x20 file:   {{ type: Output.Download, {rule}, with: {{ file: \"${{{{ nodes.render.video }}}}\", to: \"film-${{{{ inputs.n }}}}.mp4\" }} }}\n\
             outputs: {{ video: \"${{{{ nodes.file.path }}}}\" }}\n"
        ));
        text
    }
}

/// A job by its number: equal ones are equal work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    pub(crate) number: usize,
}

impl Order {
    /// What is paid for, if anything is.
    pub(crate) fn bought(self) -> Option<String> {
        self.kind.is_paid().then(|| self.kind.text(self.number))
    }

    /// The file it makes, if it makes one.
    pub(crate) fn file(self) -> Option<String> {
        (self.kind != Kind::PaidVoice).then(|| format!("film-{}.mp4", self.number))
    }

    /// The request that submits it, with results in a folder.
    pub(crate) fn request(self, folder: &Path) -> Value {
        json!({
            "workflow": { "path": "/w/tortured.yaml", "name": "tortured.yaml", "text": self.kind.document(), "dir": "/w" },
            "params": { "text": self.kind.text(self.number), "n": self.number.to_string() },
            "caller_dir": folder,
        })
    }
}
