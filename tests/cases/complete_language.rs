//! The document language with the real renderer: items, conditions, skipped nodes, the plan before and after, a frozen
//! run. One story, because each chapter needs what the one before made.
#![allow(clippy::unwrap_used, reason = "a failed step fails the case")]

use fenta_tests::env::FentaEnv;
use fenta_tests::media;
use serde_json::Value as Json;

const DOCUMENT: &str = r##"fenta: workflow/v1
name: two-voices
inputs:
  lines: { type: "string[]", default: ["Bees dance for their sisters. The dance is a map of the meadow. It says how far the flowers are, and where.", "Ants walk in a line."] }
  music: { type: bool, default: false }
  title: { type: string, default: Small dancers }
nodes:
  voices:
    type: Voice.TTS
    for_each: ${{ inputs.lines }}
    max_parallel: 2
    with: { text: "${{ item }}" }
  bed:
    type: Input.Music
    if: ${{ inputs.music }}
    with: { mood: calm }
  looks: { type: Input.Motion, with: { count: 2, palette: ocean } }
  captions: { type: Subtitle.Auto, with: { voice: "${{ nodes.voices.voice[0] }}" } }
  cut:
    type: Edit.Timeline
    with:
      template: daily
      clips: ${{ nodes.looks.media }}
      voice: ${{ nodes.voices.voice[0] }}
      captions: ${{ nodes.captions.captions }}
      music: ${{ default(nodes.bed.audio, null) }}
      fill: { title: "${{ inputs.title }}" }
  render: { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
  file: { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: two.mp4 } }
outputs:
  video: ${{ nodes.file.path }}
"##;

fn plan(env: &FentaEnv, arguments: &[&str]) -> Json {
    let said = env
        .fenta(&[&["plan", "two.yaml", "--json"], arguments].concat())
        .unwrap()
        .expect_code(0)
        .unwrap();
    serde_json::from_str(&said.stdout).unwrap()
}

fn node<'a>(plan: &'a Json, name: &str) -> &'a Json {
    let nodes = plan["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["node"] == name).unwrap()
}

fn statuses(plan: &Json) -> Vec<(&str, &str)> {
    let nodes = plan["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| {
            (
                node["node"].as_str().unwrap(),
                node["status"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_document_with_everything_runs_is_planned_and_frozen() {
    let env = FentaEnv::new().unwrap();
    env.write("two.yaml", DOCUMENT).unwrap();

    // Before anything ran: what can be told is told, the rest says what it waits for.
    let first = plan(&env, &[]);
    assert_eq!(node(&first, "voices")["status"], "miss");
    assert_eq!(node(&first, "voices")["items"].as_array().unwrap().len(), 2);
    assert_eq!(node(&first, "bed")["status"], "skipped");
    assert_eq!(node(&first, "looks")["status"], "hit", "nothing to make");
    let cut = node(&first, "cut");
    assert_eq!(cut["status"], "pending");
    assert_eq!(cut["reasons"][0]["node"], "voices");

    let run = ["run", "two.yaml", "--lock"];
    let said = env.fenta(&run).unwrap().expect_code(0).unwrap();
    let video = said.paths().pop().unwrap();
    assert!(media::stream(&video, "video").is_ok());

    let after = plan(&env, &[]);
    let work: Vec<_> = statuses(&after)
        .into_iter()
        .filter(|(_, status)| !matches!(*status, "hit" | "skipped"))
        .collect();
    assert_eq!(work, [], "everything is there");

    // Another title changes the spans in which it is seen, and the plan says so.
    let edited = plan(&env, &["-p", "title=Large dancers"]);
    let render = node(&edited, "render");
    assert_eq!(render["status"], "partly", "{render}");
    let total = &edited["total"];
    let (drawn, all) = (
        total["segments_to_render"].as_u64().unwrap(),
        total["segments"].as_u64().unwrap(),
    );
    assert!(drawn > 0 && drawn < all, "{drawn} of {all}");
    let missed = render["segments"].as_array().unwrap();
    let missed = missed.iter().find(|span| span["hit"] == false).unwrap();
    assert_eq!(missed["changes"][0]["change"], "overlay", "{missed}");
    assert_eq!(missed["changes"][0]["name"], "title", "{missed}");
    assert!(render["seconds"]["expected"].as_f64().unwrap() > 0.0);
    assert_eq!(node(&edited, "voices")["status"], "hit");

    // Frozen: the same document runs from what is pinned, another text is refused before it is spoken.
    env.fenta(&["run", "two.yaml", "--frozen"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    env.write("two.yaml", &DOCUMENT.replace("Ants walk", "Ants march"))
        .unwrap();
    let refused = env.fenta(&["run", "two.yaml", "--frozen"]).unwrap();
    assert_ne!(refused.code, 0);
    assert!(
        refused.stderr.contains("pins no result"),
        "{}",
        refused.stderr
    );
}
