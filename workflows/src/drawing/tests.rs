//! Pictures of small graphs and of every workflow that ships.

use super::*;
use crate::execution::{SourceFile, compile};
use crate::library;

fn workflow(name: &str, text: &str) -> Workflow {
    let source = SourceFile {
        name: name.into(),
        text: text.into(),
    };
    match compile(&source) {
        Ok((workflow, _)) => workflow,
        Err(found) => panic!("{}", found.render(&source, false)),
    }
}

fn shipped(name: &str) -> Workflow {
    workflow(name, library::find(name).unwrap())
}

const SMALL: &str = "\
fenta: workflow/v1
name: small
nodes:
  end: { type: Input.Text, with: { text: \"A bee. Another bee.\" } }
  voice: { type: Voice.TTS, with: { text: \"${{ nodes.end.text }}\" } }
  back: { type: Input.Motion, needs: [end] }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.back.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: x.mp4 } }
";

#[test]
fn boxes_say_what_flows_where() {
    let drawn = text(&workflow("small.yaml", SMALL), &TextOptions::default());
    let boxes = "
             ┌────────────┐
             │ end        │
             │ Input.Text │
             └──────┬─────┘
         ┌──────────┴─────────┐
┌────────▼────────┐   ┌───────▼──────┐
│ voice           │   │ back         │
│ Voice.TTS       │   │ Input.Motion │
│ text ← end.text │   │ after end    │
└────────┬────────┘   └───────┬──────┘
         │                   ┌┘
        ┌▼───────────────────▼┐
        │ cut                 │
        │ Edit.Timeline       │
        │ voice ← voice.voice │
        │ clips ← back.media  │
        └──────────┬──────────┘
                   │
      ┌────────────▼────────────┐
      │ render                  │
      │ Output.Render           │
      │ timeline ← cut.timeline │
      └────────────┬────────────┘
                   │
        ┌──────────▼──────────┐
        │ save                │
        │ Output.Download     │
        │ file ← render.video │
        └─────────────────────┘
";
    assert_eq!(drawn, boxes[1..]);
}

#[test]
fn narrow_terminals_get_less_and_then_a_list() {
    let workflow = shipped("daily-short");
    let at = |width| {
        let options = TextOptions {
            width: Some(width),
            charset: Charset::Ascii,
        };
        text(&workflow, &options)
    };
    assert!(at(80).contains("clips < background.media"));
    assert!(!at(62).contains("clips < background.media"), "{}", at(62));
    assert!(at(62).contains("| Edit.Timeline |"), "{}", at(62));
    assert!(at(30).contains("cut  Edit.Timeline\n  clips < background.media\n"));
    for width in [80, 62, 30] {
        assert!(at(width).is_ascii());
        assert!(at(width).lines().all(|line| line.len() <= width.max(32)));
    }
}

#[test]
fn every_line_of_a_drawing_ends_in_a_box() {
    for (name, source) in library::ALL {
        let drawn = text(&workflow(name, source), &TextOptions::default());
        let rows: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let at = |row: usize, column: usize| {
            rows.get(row)
                .and_then(|row| row.get(column))
                .copied()
                .unwrap_or(' ')
        };
        let mut arrows = 0;
        for (row, cells) in rows.iter().enumerate() {
            for (column, c) in cells.iter().enumerate() {
                if *c == '▼' {
                    arrows += 1;
                    let above = at(row - 1, column);
                    assert!(
                        "│┐┌┬├┤┼".contains(above),
                        "{name}: {above} above {row}:{column}\n{drawn}"
                    );
                }
            }
        }
        assert!(arrows > 4, "{name}\n{drawn}");
    }
}

#[test]
fn mermaid_has_names_of_its_own() {
    assert_eq!(
        mermaid(&workflow("small.yaml", SMALL)),
        "\
flowchart TD
  n0[\"<b>end</b><br/>Input.Text\"]
  n1[\"<b>voice</b><br/>Voice.TTS\"]
  n2[\"<b>back</b><br/>Input.Motion\"]
  n3[\"<b>cut</b><br/>Edit.Timeline\"]
  n4[\"<b>render</b><br/>Output.Render\"]
  n5[\"<b>save</b><br/>Output.Download\"]
  n0 -->|\"text\"| n1
  n0 -.-> n2
  n1 -->|\"voice\"| n3
  n2 -->|\"media → clips\"| n3
  n3 -->|\"timeline\"| n4
  n4 -->|\"video → file\"| n5
"
    );
}

#[test]
fn graphviz_quotes_every_name() {
    let drawn = dot(&workflow("small.yaml", SMALL));
    assert!(drawn.starts_with("digraph \"small\" {\n"), "{drawn}");
    assert!(
        drawn.contains("  \"end\" [label=\"end\\nInput.Text\"];\n"),
        "{drawn}"
    );
    assert!(
        drawn.contains("  \"end\" -> \"back\" [style=dashed];\n"),
        "{drawn}"
    );
    assert!(
        drawn.contains("  \"back\" -> \"cut\" [label=\"media → clips\"];\n"),
        "{drawn}"
    );
    assert!(drawn.ends_with("}\n"));
}
