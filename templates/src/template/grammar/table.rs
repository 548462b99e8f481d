//! The grammar as the tables of the specification, so that the two cannot differ.
//!
//! Only for the test that holds `docs/specs/template.md` against the grammar.

use super::{Field, Section, Shape, State, Word, grammar, visit};

const SPECIFICATION: &str = include_str!("../../../../docs/specs/template.md");
const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->";

fn tables() -> String {
    let mut text = String::new();
    let mut seen: Vec<&str> = Vec::new();
    visit(grammar(), &mut |section| {
        if !seen.contains(&section.name) {
            seen.push(section.name);
            text.push_str(&table(section));
        }
    });
    text
}

fn table(section: &Section) -> String {
    let name = match section.name {
        "" => "the document".to_owned(),
        name => format!("`{name}`"),
    };
    let mut text = format!(
        "\n### {name}\n\n| key | meaning | value | default | state |\n|---|---|---|---|---|\n"
    );
    for field in section.fields {
        text.push_str(&row(field));
    }
    text
}

fn row(field: &Field) -> String {
    let default = match (field.required, field.default) {
        (true, _) => "required".to_owned(),
        (false, "") => "-".to_owned(),
        (false, default) => format!("`{default}`"),
    };
    let state = match field.state {
        State::Works => "works".to_owned(),
        State::Refused(instead) => format!("refused: {instead}"),
    };
    format!(
        "| `{}` | {} | {} | {default} | {state} |\n",
        field.name,
        field.doc,
        told(&field.shape)
    )
}

fn told(shape: &Shape) -> String {
    match shape {
        Shape::Exactly(text) => format!("`{text}`"),
        Shape::Text => "text".to_owned(),
        Shape::Pattern => "text with `${{ name }}`".to_owned(),
        Shape::Name => "name".to_owned(),
        Shape::Bool => "`true`, `false`".to_owned(),
        Shape::Int { min, max, unit } => format!("{min} to {max} {unit}"),
        Shape::Number { min, max, unit } => format!("{min} to {max} {unit}"),
        Shape::Duration { min_ms, max_ms } => {
            let (min, max) = (
                super::super::scalar::told_ms(*min_ms),
                super::super::scalar::told_ms(*max_ms),
            );
            format!("{min} to {max}")
        }
        Shape::Color => "colour".to_owned(),
        Shape::Font => "face".to_owned(),
        Shape::FrameRate => "frame rate".to_owned(),
        Shape::Choice(words) => words.iter().map(word).collect::<Vec<_>>().join(", "),
        Shape::Source(types) => format!("`${{{{ name }}}}` of {}", types.join(" or ")),
        Shape::Condition => "condition".to_owned(),
        Shape::Pair(inner) => format!("[a, b], each {}", told(inner)),
        Shape::List(inner) => format!("list of: {}", told(inner)),
        Shape::Map(section) => format!("map, see `{}`", section.name),
        Shape::Members(section) => format!("list of maps, see `{}`", section.name),
        Shape::Variants { tag, cases } => {
            let names: Vec<String> = cases
                .iter()
                .map(|(_, section)| format!("`{}`", section.name))
                .collect();
            format!("list of maps by `{tag}`, see {}", names.join(", "))
        }
        Shape::Named(inner) => format!("map of names to: {}", told(inner)),
        Shape::OneOf(shapes) => shapes.iter().map(told).collect::<Vec<_>>().join("; or "),
    }
}

fn word(word: &Word) -> String {
    match word.state {
        State::Works => format!("`{}`", word.word),
        State::Refused(_) => format!("~~`{}`~~", word.word),
    }
}

// spec: T-3
#[test]
fn the_specification_lists_every_key_as_it_is() {
    let begin = SPECIFICATION.find(BEGIN).expect("the page has the mark") + BEGIN.len();
    let end = SPECIFICATION.find(END).expect("the page has the mark");
    let written = SPECIFICATION[begin..end].trim();
    let tables = tables();
    assert!(
        written == tables.trim(),
        "the tables of docs/specs/template.md differ from the grammar; they become:\n{tables}"
    );
}
