//! `Input.Text`: a text written in the document or read from a file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::{SubtitleFormat, read_subtitles};

use super::subtitle_import::unreadable;
use crate::action::{Action, ActionFacts, ReadTextRequest};
use crate::diagnostic::Diagnostics;
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs, wrong_facts,
};
use crate::value::{PortType, Value};

/// Longest text, characters.
const MAX_CHARS: usize = 1_000_000;

/// What becomes of Markdown.
const MARKDOWN: &str = "write `txt` or leave it out: Markdown is taken as it is, and its marks go when it is cut into scenes or spoken";

/// The node type.
pub(super) struct InputText;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Text",
    version: 1,
    summary: "A text, written in the document or read from a file.",
    params: vec![
        ParamSpec::optional(
            "text",
            ParamType::Text {
                max_chars: MAX_CHARS,
            },
            "The text itself.",
        ),
        ParamSpec::optional(
            "file",
            ParamType::SourcePath,
            "A text file (UTF-8, at most 1 MiB) to read instead; Markdown is fine.",
        ),
        ParamSpec::with_default(
            "format",
            ParamType::OneOf(&["auto", "txt", "srt", "vtt", "ass"]),
            Value::Text("auto".into()),
            "How the file is written: of srt, vtt and ass only the text is taken, txt is taken as it is; `auto` goes by the \
             file's ending.",
        )
        .later_words(&[("md", MARKDOWN)]),
    ],
    ports: vec![PortSpec::new("text", PortType::Text, "The text.")],
    example: "\
fenta: workflow/v1
nodes:
  words: { type: Input.Text, with: { text: \"Honey never spoils.\" } }
outputs:
  text: ${{ nodes.words.text }}
",
}
});

impl NodeType for InputText {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        written.one_of("text", "file", found);
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if !given.has("file") {
            given.useless(&["format"], Some("text"), "`text` is taken as it is", found);
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let text = match context.params.get("text") {
            Some(_) => context.params.text("text")?.to_owned(),
            None => read(context.params, steps)?,
        };
        Ok(outputs([("text", Value::Text(text))]))
    }
}

fn read(params: Params<'_>, steps: &mut Steps<'_>) -> Result<String, Halt> {
    let path = params.text("file")?;
    let text = read_text(path, steps)?;
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let format = match params.text("format")? {
        "auto" => ending.to_lowercase(),
        format => format.to_owned(),
    };
    let format = match format.as_str() {
        "srt" => SubtitleFormat::Srt,
        "vtt" => SubtitleFormat::Vtt,
        "ass" | "ssa" => SubtitleFormat::Ass,
        _ => return Ok(text),
    };
    let read = read_subtitles(&text, Some(format)).map_err(|error| unreadable(path, &error))?;
    let lines: Vec<String> = read
        .subtitles
        .iter()
        .map(|one| one.lines.join(" "))
        .collect();
    Ok(lines.join("\n"))
}

/// The text of a file of the user's.
pub(super) fn read_text(path: &str, steps: &mut Steps<'_>) -> Result<String, Halt> {
    let action = Action::ReadText(ReadTextRequest {
        path: path.to_owned(),
    });
    match &steps.run_one(action)?.facts {
        ActionFacts::Text(text) => Ok(text.clone()),
        _ => Err(wrong_facts("read_text").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, facts};
    use super::*;

    fn text_of(file: &str, content: &str) -> Value {
        let read = facts(ActionFacts::Text(content.to_owned()));
        let bench = Bench::new("Input.Text").with("file", Value::Text(file.into()));
        bench.outputs(&[read])["text"].clone()
    }

    #[test]
    fn of_subtitles_only_the_text_is_taken() {
        let srt = "1\n00:00:00,000 --> 00:00:01,000\nBees\ndance.\n\n2\n00:00:01,000 --> 00:00:02,000\nFar.\n";
        assert_eq!(
            text_of("a.SRT", srt),
            Value::Text("Bees dance.\nFar.".into())
        );
        assert_eq!(text_of("a.md", srt), Value::Text(srt.into()));
        let read = facts(ActionFacts::Text(srt.to_owned()));
        let plain = Bench::new("Input.Text")
            .with("file", Value::Text("a.srt".into()))
            .with("format", Value::Text("txt".into()));
        assert_eq!(plain.outputs(&[read])["text"], Value::Text(srt.into()));
    }
}
