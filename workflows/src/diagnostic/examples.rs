//! A wrong and a right document for each code, shown by `fenta explain CODE`.
//!
//! Neighbours: `codes` says in words what a code means. A test compiles every pair: the wrong one gives the code, the
//! right one does not, so the examples cannot grow old.

use super::codes;

/// What not to write, and what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// A document that gives the code.
    pub wrong: &'static str,
    /// The same without the mistake.
    pub right: &'static str,
}

/// The example of a code, where its mistake can be shown in a few lines.
pub fn example(code: &str) -> Option<Example> {
    EXAMPLES
        .iter()
        .find(|(known, _, _)| *known == code)
        .map(|(_, wrong, right)| Example { wrong, right })
}

/// The first line of every document; left out below.
pub const FIRST_LINE: &str = "fenta: workflow/v1";

/// Code, wrong, right; documents without their first line.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        codes::SYNTAX,
        r#"description: Bees: a film
nodes:
  a: { type: Input.Text, with: { text: ${{ job.date }} } }"#,
        r#"description: "Bees: a film"
nodes:
  a: { type: Input.Text, with: { text: "${{ job.date }}" } }"#,
    ),
    (
        codes::DUPLICATE_KEY,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }
  a: { type: Input.Text, with: { text: Two. } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }
  b: { type: Input.Text, with: { text: Two. } }"#,
    ),
    (
        codes::ALIAS,
        r#"vars: { intro: &intro Bees dance. }
nodes:
  a: { type: Input.Text, with: { text: *intro } }"#,
        r#"vars: { intro: Bees dance. }
nodes:
  a: { type: Input.Text, with: { text: "${{ vars.intro }}" } }"#,
    ),
    (
        codes::TAG,
        r#"nodes:
  a: { type: Input.Text, with: { text: !include notes.md } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { file: notes.md } }"#,
    ),
    (
        codes::SECOND_DOCUMENT,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }
---
nodes: {}"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::TOO_LARGE,
        r#"vars: { deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] }"#,
        r#"vars: { flat: [1, 2, 3] }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::VERSION,
        r#"version: 1
fenta: 1
nodes: {}"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::UNKNOWN_KEY,
        r#"nodes:
  a: { type: Input.Text, wiht: { text: One. } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::UNAVAILABLE,
        r#"defaults: { timeout: 5m }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
        r#"nodes:
  a: { type: Input.Text, timeout: 5m, with: { text: One. } }"#,
    ),
    (
        codes::WRONG_TYPE,
        r#"name: 2026
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
        r#"name: "2026"
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::MISSING_KEY,
        r#"nodes:
  a: { with: { text: One. } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::BAD_NAME,
        r#"nodes:
  voice-over: { type: Voice.TTS, with: { text: One. } }"#,
        r#"nodes:
  voice_over: { type: Voice.TTS, with: { text: One. } }"#,
    ),
    (
        codes::INPUT,
        r#"inputs: { length: { type: duration, default: 30 } }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
        r#"inputs: { length: { type: duration, default: 30s } }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::SETTING,
        r#"nodes:
  a: { type: Input.Text, cache: never, with: { text: One. } }"#,
        r#"nodes:
  a: { type: Input.Text, cache: off, with: { text: One. } }"#,
    ),
    (
        codes::CRON,
        r#"schedule: { cron: "0 24 * * *", timezone: Europe/Berlin }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
        r#"schedule: { cron: "0 0 * * *", timezone: Europe/Berlin }
nodes:
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::FOR_EACH,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, for_each: "${{ inputs.topic }}", with: { text: "${{ item }}" } }"#,
        r#"inputs: { topics: "string[]" }
nodes:
  a: { type: Input.Text, for_each: "${{ inputs.topics }}", with: { text: "${{ item }}" } }"#,
    ),
    (
        codes::CONDITION,
        r#"inputs: { mood: string }
nodes:
  a: { type: Input.Text, if: "${{ inputs.mood }} == 'calm'", with: { text: One. } }"#,
        r#"inputs: { mood: string }
nodes:
  a: { type: Input.Text, if: "${{ inputs.mood == 'calm' }}", with: { text: One. } }"#,
    ),
    (
        codes::MAYBE_MISSING,
        r#"nodes:
  a: { type: Input.Text, on_error: skip, with: { file: ./notes.md } }
  b: { type: Voice.TTS, with: { text: "${{ nodes.a.text }}" } }"#,
        r#"nodes:
  a: { type: Input.Text, on_error: skip, with: { file: ./notes.md } }
  b: { type: Voice.TTS, with: { text: "${{ default(nodes.a.text, 'No notes today.') }}" } }"#,
    ),
    (
        codes::EXPR_SYNTAX,
        r#"inputs: { fast: bool }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.fast ? 'now' : 'later' }}" } }"#,
        r#"inputs: { fast: bool }
nodes:
  a: { type: Input.Text, with: { text: "${{ 'now' if inputs.fast else 'later' }}" } }"#,
    ),
    (
        codes::EXPR_LIMIT,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ ((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))) }}" } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ 1 + 1 }} bees" } }"#,
    ),
    (
        codes::EXPR_FUNCTION,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ uppercase(inputs.topic) }}" } }"#,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ upper(inputs.topic) }}" } }"#,
    ),
    (
        codes::EXPR_ARGUMENTS,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ truncate(inputs.topic) }}" } }"#,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ truncate(inputs.topic, 40) }}" } }"#,
    ),
    (
        codes::EXPR_VALUE,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.topic + 5 }}" } }"#,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.topic ~ 5 }}" } }"#,
    ),
    (
        codes::EXPR_CONTEXT,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ env.TOPIC }}" } }"#,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.topic }}" } }"#,
    ),
    (
        codes::EXPR_JOB,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ job.today }}" } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ job.date }}" } }"#,
    ),
    (
        codes::UNKNOWN_NODE,
        r#"nodes:
  script: { type: Input.Text, with: { text: One. } }
  voice: { type: Voice.TTS, with: { text: "${{ nodes.scrip.text }}" } }"#,
        r#"nodes:
  script: { type: Input.Text, with: { text: One. } }
  voice: { type: Voice.TTS, with: { text: "${{ nodes.script.text }}" } }"#,
    ),
    (
        codes::UNKNOWN_PORT,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { length: "${{ nodes.voice.duration }}" }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { length: "${{ nodes.voice.seconds }}" }"#,
    ),
    (
        codes::INCOMPLETE,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { length: "${{ nodes.voice }}" }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { length: "${{ nodes.voice.seconds }}" }"#,
    ),
    (
        codes::UNKNOWN_INPUT,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.topik }}" } }"#,
        r#"inputs: { topic: string }
nodes:
  a: { type: Input.Text, with: { text: "${{ inputs.topic }}" } }"#,
    ),
    (
        codes::UNKNOWN_VAR,
        r#"vars: { title: Bees }
nodes:
  a: { type: Input.Text, with: { text: "${{ vars.titel }}" } }"#,
        r#"vars: { title: Bees }
nodes:
  a: { type: Input.Text, with: { text: "${{ vars.title }}" } }"#,
    ),
    (
        codes::UNKNOWN_TYPE,
        r#"nodes:
  voice: { type: Voice.TSS, with: { text: One. } }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }"#,
    ),
    (
        codes::UNKNOWN_PARAM,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One., sped: 1.2 } }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One., speed: 1.2 } }"#,
    ),
    (
        codes::MISSING_PARAM,
        r#"nodes:
  captions: { type: Subtitle.Auto }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
  captions: { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }"#,
    ),
    (
        codes::TYPE_MISMATCH,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
  captions: { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.seconds }}" } }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
  captions: { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }"#,
    ),
    (
        codes::BAD_VALUE,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One., speed: 20 } }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One., speed: 1.2 } }"#,
    ),
    (
        codes::SAME_TARGET,
        r#"nodes:
  bed: { type: Input.Music, with: { mood: calm } }
  one: { type: Output.Download, with: { file: "${{ nodes.bed.audio }}", to: a.wav } }
  two: { type: Output.Download, with: { file: "${{ nodes.bed.audio }}", to: ./a.wav } }"#,
        r#"nodes:
  bed: { type: Input.Music, with: { mood: calm } }
  one: { type: Output.Download, with: { file: "${{ nodes.bed.audio }}", to: a.wav } }
  two: { type: Output.Download, with: { file: "${{ nodes.bed.audio }}", to: b.wav } }"#,
    ),
    (
        codes::CYCLE,
        r#"nodes:
  a: { type: Input.Text, with: { text: "${{ nodes.b.text }}" } }
  b: { type: Input.Text, with: { text: "${{ nodes.a.text }}" } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { text: One. } }
  b: { type: Input.Text, with: { text: "${{ nodes.a.text }}" } }"#,
    ),
    (
        codes::CONFLICT,
        r#"nodes:
  a: { type: Input.Text, with: { text: One., file: ./notes.md } }"#,
        r#"nodes:
  a: { type: Input.Text, with: { file: ./notes.md } }"#,
    ),
    (
        codes::PLACEHOLDER,
        r#"nodes:
  motion: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.motion.media }}", fill: { titel: Bees } } }"#,
        r#"nodes:
  motion: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.motion.media }}", fill: { title: Bees } } }"#,
    ),
    (
        codes::OUTPUT,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { voice: "${{ nodes.voice.voice }}" }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { seconds: "${{ nodes.voice.seconds }}" }"#,
    ),
    (
        codes::PATH,
        r#"nodes:
  bed: { type: Input.Music, with: { file: /home/ada/bed.mp3 } }"#,
        r#"nodes:
  bed: { type: Input.Music, with: { file: ./bed.mp3 } }"#,
    ),
    (
        codes::BRACES,
        r#"inputs: { name: string }
nodes:
  a: { type: Input.Text, with: { text: "Hello {{ inputs.name }}" } }"#,
        r#"inputs: { name: string }
nodes:
  a: { type: Input.Text, with: { text: "Hello ${{ inputs.name }}" } }"#,
    ),
    (
        codes::SECRET,
        r#"nodes:
  # the key: AKIA1234567890ABCDEF
  a: { type: Input.Text, with: { text: One. } }"#,
        r#"nodes:
  # the key is in the keyring
  a: { type: Input.Text, with: { text: One. } }"#,
    ),
    (
        codes::FILL_LENGTH,
        r#"inputs: { topic: string }
nodes:
  motion: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.motion.media }}", fill: { title: "${{ inputs.topic }}" } } }"#,
        r#"inputs: { topic: { type: string, max_length: 60 } }
nodes:
  motion: { type: Input.Motion }
  cut: { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.motion.media }}", fill: { title: "${{ inputs.topic }}" } } }"#,
    ),
    (
        codes::RETIRED_MODEL,
        r#"nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: Bees dance., model: sora } }"#,
        r#"nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: Bees dance., model: "kie:veo3_fast" } }"#,
    ),
    (
        codes::LICENCE,
        r#"nodes:
  bed: { type: Input.Music, with: { source: jamendo, mood: calm } }
  tell: { type: Output.Webhook, with: { url: "https://example.org/done", data: "${{ nodes.bed.audio }}" } }"#,
        r#"nodes:
  bed: { type: Input.Music, with: { mood: calm } }
  tell: { type: Output.Webhook, with: { url: "https://example.org/done", data: "${{ nodes.bed.audio }}" } }"#,
    ),
    (
        codes::UNUSED,
        r#"nodes:
  music: { type: Input.Music }
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { seconds: "${{ nodes.voice.seconds }}" }"#,
        r#"nodes:
  voice: { type: Voice.TTS, with: { text: One. } }
outputs: { seconds: "${{ nodes.voice.seconds }}" }"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};
    use crate::lint::{LintFacts, lint};

    fn codes_of(text: &str) -> Vec<&'static str> {
        let text = match text.contains("fenta:") {
            true => text.to_owned(),
            false => format!("{FIRST_LINE}\n{text}\n"),
        };
        let source = SourceFile {
            name: "example.yaml".into(),
            text,
        };
        match compile(&source) {
            Ok((workflow, warnings)) => {
                let advice = lint(&workflow, &source, &LintFacts::default());
                warnings.iter().chain(&advice).map(|one| one.code).collect()
            }
            Err(found) => found.iter().map(|one| one.code).collect(),
        }
    }

    // spec: W-12
    #[test]
    fn the_wrong_ones_are_wrong_and_the_right_ones_are_right() {
        for (code, wrong, right) in EXAMPLES {
            assert!(
                codes_of(wrong).contains(code),
                "{code}: {:?}",
                codes_of(wrong)
            );
            let left = codes_of(right);
            let fine = left
                .iter()
                .all(|code| matches!(*code, codes::UNUSED | codes::TRIGGER));
            let unused = *code == codes::UNUSED && left.contains(code);
            assert!(fine && !unused, "{code}: {left:?}");
        }
    }

    #[test]
    fn whatever_can_be_shown_is_shown() {
        // A flood, bytes that are no text, what a disk or a day must say, what templates say, and what no version lacks at the moment.
        let without = [
            codes::TOO_MANY,
            codes::ENCODING,
            codes::MISSING_FILE,
            codes::FONT,
            codes::TRIGGER,
            codes::TYPE_UNAVAILABLE,
            codes::OUTLIVED_MODEL,
        ];
        for (code, _) in codes::ALL {
            let shown = example(code).is_some();
            assert!(
                shown || without.contains(code) || code.starts_with("template/"),
                "{code}"
            );
        }
    }
}
