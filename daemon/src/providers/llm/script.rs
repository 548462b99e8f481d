//! Scripts as models write them: the JSON Schema they are asked to keep to, and the reading that believes none of it.

use fenta_workflows::value::{Scene, Script};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// Longest text of a scene, characters.
const MAX_SCENE: usize = 2000;

/// The schema of a script with so many further first scenes. In the strict form every property is required and no other
/// is allowed; lengths and counts are checked by us.
pub(super) fn schema(with_hooks: bool) -> Json {
    let scene = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["text", "visual", "on_screen", "emphasis"],
        "properties": {
            "text": { "type": "string", "description": "What the narrator says." },
            "visual": {
                "type": "array", "items": { "type": "string" },
                "description": "Three short English search texts for footage, from the most fitting to the most general."
            },
            "on_screen": {
                "type": ["string", "null"],
                "description": "A few words shown beside what is said, or null."
            },
            "emphasis": {
                "type": "array", "items": { "type": "string" },
                "description": "The words of the text that matter most, exactly as they are written there."
            }
        }
    });
    let mut required = vec!["title", "scenes"];
    let mut properties = json!({
        "title": { "type": "string" },
        "scenes": { "type": "array", "items": scene }
    });
    if with_hooks {
        required.push("other_hooks");
        properties["other_hooks"] = json!({
            "type": "array", "items": scene,
            "description": "Other first scenes, each to take the place of the first one."
        });
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties
    })
}

/// A script as it came.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    pub(super) title: String,
    pub(super) scenes: Vec<WrittenScene>,
    #[serde(default)]
    pub(super) other_hooks: Vec<WrittenScene>,
}

/// A scene as it came.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WrittenScene {
    pub(super) text: String,
    #[serde(default)]
    visual: Vec<String>,
    #[serde(default)]
    on_screen: Option<String>,
    #[serde(default)]
    emphasis: Vec<String>,
}

/// The JSON object in what a model said: all of it, or what stands in a fence or between other words.
pub(super) fn object(said: &str) -> Result<Written, Vec<String>> {
    let said = said.trim().trim_start_matches('\u{feff}');
    let whole: Result<Written, _> = serde_json::from_str(said);
    let error = match whole {
        Ok(written) => return Ok(written),
        Err(error) => error,
    };
    // Models that think aloud do so before the object.
    if let (Some(first), Some(last)) = (said.find('{'), said.rfind('}'))
        && first < last
        && let Ok(written) = serde_json::from_str(&said[first..=last])
    {
        return Ok(written);
    }
    Err(vec![format!(
        "it is not the JSON object that was asked for: {error}"
    )])
}

/// What is wrong with a scene, in words for the model.
pub(super) fn complaints(scene: &WrittenScene, name: &str, wrong: &mut Vec<String>) {
    if !scene.text.chars().any(char::is_alphanumeric) {
        wrong.push(format!("{name}: `text` has no words"));
    }
    let chars = scene.text.chars().count();
    if chars > MAX_SCENE {
        wrong.push(format!(
            "{name}: `text` has {chars} characters, at most {MAX_SCENE} are spoken in one scene"
        ));
    }
}

/// The script of scenes that have no complaints.
pub(super) fn script(title: &str, language: &str, scenes: &[WrittenScene]) -> Script {
    let scenes = scenes.iter().enumerate().map(|(at, written)| {
        let mut scene = Scene::new(format!("s{}", at + 1), plain(&written.text));
        let visual = written.visual.iter().map(|text| plain(text));
        scene.visual = visual.filter(|text| !text.is_empty()).take(5).collect();
        let on_screen = written.on_screen.as_deref().map(plain);
        scene.on_screen = on_screen.filter(|text| !text.is_empty());
        let emphasis = written.emphasis.iter().map(|word| plain(word));
        // A word that is not said cannot be stressed.
        scene.emphasis = emphasis
            .filter(|word| !word.is_empty() && scene.text.contains(word.as_str()))
            .collect();
        scene
    });
    Script {
        title: plain(title).chars().take(300).collect(),
        language: language.to_owned(),
        scenes: scenes.collect(),
    }
}

/// Spoken words: one line, without control characters and without the marks of markdown that models cannot leave.
fn plain(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| {
            let word: String = word.chars().filter(|c| !c.is_control()).collect();
            word.replace("**", "").replace('`', "")
        })
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Words as they are counted everywhere.
pub(super) fn words(scenes: &[WrittenScene]) -> usize {
    scenes
        .iter()
        .map(|scene| scene.text.split_whitespace().count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_where_it_stands() {
        let bare = r#"{"title":"T","scenes":[{"text":"Bees dance."}]}"#;
        for said in [
            bare.to_owned(),
            format!("```json\n{bare}\n```"),
            format!("<think>Short.</think>\n{bare}"),
            format!("\u{feff}{bare}\n"),
        ] {
            assert_eq!(object(&said).unwrap().scenes.len(), 1, "{said}");
        }
        for said in [
            "",
            "Sure! Here you are.",
            r#"{"title":"T","scen"#,
            "[]",
            "{}",
        ] {
            assert!(object(said).is_err(), "{said}");
        }
    }

    #[test]
    fn what_is_spoken_is_plain() {
        let written = object(
            r#"{"title":" **T** ","scenes":[{"text":"Bees **dance**\nwell.","visual":["bee"," "],
                "on_screen":"","emphasis":["dance","sing"]}]}"#,
        )
        .unwrap();
        let script = script(&written.title, "en", &written.scenes);
        assert_eq!(script.title, "T");
        let scene = &script.scenes[0];
        assert_eq!(
            (scene.id.as_str(), scene.text.as_str()),
            ("s1", "Bees dance well.")
        );
        assert_eq!(scene.visual, ["bee"]);
        assert_eq!(scene.on_screen, None);
        assert_eq!(scene.emphasis, ["dance"]);
    }
}
