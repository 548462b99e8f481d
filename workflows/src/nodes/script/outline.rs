//! A script without a language model: what the brief and the facts say, put in order, and nothing besides.
//!
//! It writes no sentence of its own. Facts come first, one scene each, newest or first as they were given; without facts
//! the brief's own sentences are the script. So it is honest and rarely good, and the node says so.

use serde_json::Value as Json;

use super::{from_text, sentences};
use crate::action::WriteScriptTask;
use crate::execution::LowerError;
use crate::value::{Scene, Script};

/// Longest title, characters.
const MAX_TITLE: usize = 80;

/// Fields of a fact that say what it is about, in the order they are looked for.
const HEADS: [&str; 4] = ["title", "headline", "name", "text"];

/// Fields of a fact that say more.
const BODIES: [&str; 4] = ["summary", "description", "body", "content"];

/// The script of a brief and its facts, held to the words and scenes that were asked for.
///
/// # Errors
/// When neither has a word.
pub(in super::super) fn outline(task: &WriteScriptTask) -> Result<Script, LowerError> {
    let brief = from_text(&task.brief, None, &task.language)?;
    let facts = task.facts.as_ref().map(facts).unwrap_or_default();
    let sentences: Vec<String> = if facts.is_empty() {
        brief.scenes.into_iter().map(|scene| scene.text).collect()
    } else {
        facts
            .iter()
            .filter_map(|fact| from_text(fact, None, &task.language).ok())
            .flat_map(|script| script.scenes.into_iter().map(|scene| scene.text))
            .collect()
    };
    let most = usize::try_from(task.max_scenes).unwrap_or(usize::MAX);
    let mut left = usize::try_from(task.max_words).unwrap_or(usize::MAX);
    let mut scenes: Vec<Scene> = Vec::new();
    for text in sentences {
        let words = text.split_whitespace().count();
        // The first is always said: a script without words is none.
        if scenes.len() == most || (words > left && !scenes.is_empty()) {
            break;
        }
        left = left.saturating_sub(words);
        let mut scene = Scene::new(format!("s{}", scenes.len() + 1), text);
        scene.visual = search_texts(&scene.text);
        scenes.push(scene);
    }
    if scenes.is_empty() {
        return Err(LowerError::new(
            "neither the brief nor the facts have words for a script",
            "write what the video is about into `brief`",
        ));
    }
    Ok(Script {
        title: title(task, &brief.title),
        language: task.language.clone(),
        scenes,
    })
}

/// The first sentence of the brief, or its heading.
fn title(task: &WriteScriptTask, heading: &str) -> String {
    let first = sentences::split(task.brief.trim(), &task.language);
    let text = match heading {
        "" => first.into_iter().next().unwrap_or_default(),
        heading => heading.to_owned(),
    };
    let text = text.trim_end_matches(['.', '!', '。']);
    if text.chars().count() <= MAX_TITLE {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MAX_TITLE).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

/// What each fact says, as a text.
fn facts(json: &Json) -> Vec<String> {
    match json {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(facts).collect(),
        Json::Object(fields) => {
            let text = |names: &[&str]| {
                let mut found = names.iter().filter_map(|name| fields.get(*name)?.as_str());
                found.find(|text| !text.trim().is_empty()).map(ended)
            };
            let parts = [text(&HEADS), text(&BODIES)];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            match parts.as_slice() {
                // A record of lists, such as `{ items: [...] }`.
                [] => fields
                    .values()
                    .filter(|value| value.is_array())
                    .flat_map(facts)
                    .collect(),
                parts => vec![parts.join(" ")],
            }
        }
        _ => Vec::new(),
    }
}

/// A text that ends as a sentence does.
fn ended(text: &str) -> String {
    let text = text.trim();
    let ends = text.ends_with(['.', '!', '?', '…', '。', '！', '？']);
    format!("{text}{}", if ends { "" } else { "." })
}

/// The longest words of a text, for whoever looks for pictures.
fn search_texts(text: &str) -> Vec<String> {
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 3)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let words: Vec<String> = words.into_iter().take(2).map(str::to_lowercase).collect();
    match words.as_slice() {
        [] => Vec::new(),
        [one] => vec![one.clone()],
        many => vec![many.join(" "), many[0].clone()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(brief: &str, facts: Option<Json>) -> WriteScriptTask {
        WriteScriptTask {
            brief: brief.to_owned(),
            language: "en".to_owned(),
            duration_ms: 20_000,
            max_words: 24,
            tone: String::new(),
            audience: String::new(),
            min_scenes: 3,
            max_scenes: 3,
            hooks: 1,
            facts,
            temperature_pm: 700,
            max_tokens: 900,
            seed: 1,
        }
    }

    fn texts(script: &Script) -> Vec<&str> {
        script
            .scenes
            .iter()
            .map(|scene| scene.text.as_str())
            .collect()
    }

    #[test]
    fn without_facts_the_brief_is_the_script() {
        let script = outline(&task(
            "Bees dance for their sisters. The dance is a map.",
            None,
        ))
        .unwrap();
        assert_eq!(script.title, "Bees dance for their sisters");
        assert_eq!(
            texts(&script),
            ["Bees dance for their sisters.", "The dance is a map."]
        );
        assert_eq!(script.scenes[0].visual, ["sisters dance", "sisters"]);
        assert!(outline(&task("…", None)).is_err());
    }

    #[test]
    fn facts_are_told_one_by_one_until_the_words_are_used_up() {
        let facts = json!([
            { "title": "Bees can count to four", "summary": "A study found it in spring.", "url": "https://example.org" },
            { "title": "Gardens are full of life", "summary": "" },
            { "title": "Flowers talk to bees all day long and through the night", "summary": "" }
        ]);
        let script = outline(&task("Three news about bees.", Some(facts))).unwrap();
        assert_eq!(script.title, "Three news about bees");
        assert_eq!(
            texts(&script),
            [
                "Bees can count to four.",
                "A study found it in spring.",
                "Gardens are full of life."
            ]
        );
        let words: usize = texts(&script)
            .iter()
            .map(|text| text.split_whitespace().count())
            .sum();
        assert!(words <= 24);
    }
}
