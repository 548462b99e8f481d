//! `Input.Motion`: moving backgrounds made from nothing but a seed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use fenta_templates::color::Color;
use fenta_templates::timeline::{Generator, Look};

use super::input_upload::mix;
use super::palette;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{
    Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec, Steps,
    Written, outputs,
};
use crate::value::{GeneratorValue, PortType, Value};

/// The looks with their names.
const LOOKS: [(&str, Look); 6] = [
    ("gradient", Look::Gradient),
    ("bokeh", Look::Bokeh),
    ("particles", Look::Particles),
    ("waves", Look::Waves),
    ("aurora", Look::Aurora),
    ("solid", Look::Solid),
];

const LOOK_NAMES: &[&str] = &[
    "mix",
    "gradient",
    "bokeh",
    "particles",
    "waves",
    "aurora",
    "solid",
];

/// What `mix` stands for: every look that moves, in an order in which neighbours differ most.
const MIX: [Look; 5] = [
    Look::Gradient,
    Look::Particles,
    Look::Waves,
    Look::Bokeh,
    Look::Aurora,
];

/// How many colours a palette has.
const FEWEST_TO_MOST: RangeInclusive<usize> = 2..=5;

/// The node type.
pub(super) struct InputMotion;

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| {
    NodeDescriptor {
    kind: "Input.Motion",
    version: 1,
    summary: "Moving backgrounds made from a seed: no files, no network, no licence.",
    params: vec![
        ParamSpec::with_default(
            "looks",
            ParamType::many(ParamType::OneOf(LOOK_NAMES)),
            Value::List(vec![Value::Text("mix".into())]),
            "Which pictures, one after the other; `mix` takes every moving one.",
        ).filled("name at least one look, or write `mix`"),
        ParamSpec::with_default(
            "palette",
            ParamType::Either(vec![
                ParamType::OneOf(&palette::NAMES),
                ParamType::many(ParamType::Color),
            ]),
            Value::Text("midnight".into()),
            "A palette's name, or two to five colours.",
        ),
        ParamSpec::with_default(
            "count",
            ParamType::Int { min: 1, max: 24 },
            Value::Int(6),
            "How many different backgrounds.",
        ),
        ParamSpec::optional(
            "seed",
            ParamType::Seed,
            "Where their variation comes from; the workflow's seed by default.",
        ),
    ],
    ports: vec![PortSpec::new(
        "media",
        PortType::List(Box::new(PortType::Media)),
        "The backgrounds.",
    )],
    example: "\
fenta: workflow/v1
nodes:
  background: { type: Input.Motion, with: { looks: [aurora, waves], palette: ocean, seed: 7 } }
  voice: { type: Voice.TTS, with: { text: \"The sea is never still.\" } }
  cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.background.media }}\", voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: sea.mp4 } }
",
}
});

impl NodeType for InputMotion {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let colors = written.items("palette");
        // What is computed, and what is no colour, is judged elsewhere.
        let is_color = |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text.starts_with('#'));
        let known = colors.iter().all(|(_, value)| is_color(value));
        if written.has("palette") && known && !FEWEST_TO_MOST.contains(&colors.len()) {
            let error = wrong_count(colors.len());
            found.push(
                Diagnostic::error(codes::BAD_VALUE, written.span("palette"), error.message)
                    .hint(error.hint),
            );
        }
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        _steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let looks = looks(params)?;
        let palette = colors(params)?;
        let mut state = params.seed("seed")?;
        let media = (0..params.u32("count")?)
            .map(|i| {
                let look = looks[i as usize % looks.len()];
                let name = LOOKS.iter().find(|(_, known)| *known == look);
                Value::Generator(GeneratorValue {
                    name: format!("{} {}", name.map_or("motion", |(name, _)| name), i + 1),
                    generator: Generator {
                        look,
                        seed: mix(&mut state),
                        palette: palette.clone(),
                    },
                })
            })
            .collect();
        Ok(outputs([("media", Value::List(media))]))
    }
}

/// Backgrounds in the place of footage that nobody has: every moving look in turn.
pub(super) fn in_place_of_footage(count: u32, seed: u64) -> Vec<Value> {
    let mut state = seed;
    let palette = palette::named("midnight").unwrap_or_default();
    let first = mix(&mut state) as usize;
    (0..count as usize)
        .map(|i| {
            Value::Generator(GeneratorValue {
                name: format!("background {}", i + 1),
                generator: Generator {
                    look: MIX[(first + i) % MIX.len()],
                    seed: mix(&mut state),
                    palette: palette.clone(),
                },
            })
        })
        .collect()
}

fn looks(params: Params<'_>) -> Result<Vec<Look>, LowerError> {
    let mut looks = Vec::new();
    for value in params.list("looks") {
        match value {
            Value::Text(name) if name == "mix" => looks.extend(MIX),
            Value::Text(name) => looks.extend(
                LOOKS
                    .iter()
                    .filter(|(known, _)| known == name)
                    .map(|(_, look)| *look),
            ),
            _ => {}
        }
    }
    if looks.is_empty() {
        return Err(LowerError::new(
            "`looks` is an empty list",
            "name at least one look, or write `mix`",
        ));
    }
    Ok(looks)
}

fn colors(params: Params<'_>) -> Result<Vec<Color>, LowerError> {
    let texts: Vec<&str> = params
        .list("palette")
        .into_iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if let [name] = texts.as_slice()
        && let Some(colors) = palette::named(name)
    {
        return Ok(colors);
    }
    let colors: Vec<Color> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    if FEWEST_TO_MOST.contains(&colors.len()) && colors.len() == texts.len() {
        return Ok(palette::darkest_first(colors));
    }
    Err(wrong_count(texts.len()))
}

fn wrong_count(count: usize) -> LowerError {
    let colors = if count == 1 { "colour" } else { "colours" };
    LowerError::new(
        format!("`palette` has {count} {colors}; two to five are needed"),
        format!(
            "write a list of colours, or one of {}",
            palette::NAMES.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    fn generators(bench: &Bench) -> Vec<Generator> {
        match &bench.outputs(&[])["media"] {
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::Generator(one) => one.generator.clone(),
                    other => panic!("{other:?}"),
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_seed_gives_the_same_pictures_and_another_seed_others() {
        let one = generators(&Bench::new("Input.Motion").with("seed", Value::Int(1)));
        assert_eq!(one.len(), 6);
        assert_eq!(
            one,
            generators(&Bench::new("Input.Motion").with("seed", Value::Int(1)))
        );
        assert_ne!(
            one,
            generators(&Bench::new("Input.Motion").with("seed", Value::Int(2)))
        );
        let seeds: std::collections::BTreeSet<u64> = one.iter().map(|g| g.seed).collect();
        assert_eq!(seeds.len(), 6);
        assert_eq!(one[0].look, Look::Gradient);
        assert_eq!(one[5].look, Look::Gradient);
        assert_ne!(one[0].look, one[1].look);
    }

    #[test]
    fn own_colours_are_sorted_and_counted() {
        let palette = |colors: &[&str]| {
            Value::List(colors.iter().map(|c| Value::Text((*c).into())).collect())
        };
        let bench = Bench::new("Input.Motion").with("palette", palette(&["#FFFFFF", "#000000"]));
        assert_eq!(generators(&bench)[0].palette, [Color::BLACK, Color::WHITE]);
        let bench = Bench::new("Input.Motion").with("palette", palette(&["#FFFFFF"]));
        assert!(bench.fails(&[]).message.contains("two to five"));
    }

    #[test]
    fn every_documented_look_exists() {
        for name in &LOOK_NAMES[1..] {
            assert!(LOOKS.iter().any(|(known, _)| known == name), "{name}");
        }
        assert_eq!(LOOK_NAMES.len(), LOOKS.len() + 1);
    }
}
