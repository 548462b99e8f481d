//! `/v1/kai`: pictures and clips without a document. Each request becomes a workflow of one node and a folder for its
//! results; texts of the request are inputs of that workflow, so nothing in them is an expression.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use fenta_client::api::jobs::{CreateJob, RunOptions, WorkflowSource};
use fenta_client::api::kai::{GenerateImage, GenerateVideo};
use serde_json::{Map, Value, json};

use super::body::{Sent, invalid};
use super::problem::ApiError;
use super::{AppState, jobs};
use crate::state_dir::private_folder;

/// The longest prompt, in characters.
const PROMPT_CHARS: usize = 10_000;

/// The shapes a picture can have, width to height.
const SHAPES: [(&str, u32, u32); 5] = [
    ("9:16", 9, 16),
    ("3:4", 3, 4),
    ("1:1", 1, 1),
    ("4:3", 4, 3),
    ("16:9", 16, 9),
];

pub(super) async fn image(
    State(state): State<AppState>,
    headers: HeaderMap,
    Sent(what, asked): Sent<GenerateImage>,
) -> Result<Response, ApiError> {
    let asked = [&b"image "[..], &asked[..]].concat();
    submit(&state, &headers, image_document(&what)?, &asked).await
}

pub(super) async fn video(
    State(state): State<AppState>,
    headers: HeaderMap,
    Sent(what, asked): Sent<GenerateVideo>,
) -> Result<Response, ApiError> {
    let asked = [&b"video "[..], &asked[..]].concat();
    submit(&state, &headers, video_document(&what)?, &asked).await
}

/// A workflow with the values of its inputs.
struct Drafted {
    document: Value,
    params: BTreeMap<String, String>,
}

async fn submit(
    state: &AppState,
    headers: &HeaderMap,
    drafted: Drafted,
    asked: &[u8],
) -> Result<Response, ApiError> {
    // A folder of its own for each request: their results have the same names.
    let name = state.clock.fresh_id("kai_");
    let folder = state.state_dir.join("workspaces").join(name);
    private_folder(&folder).map_err(|error| {
        ApiError::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "store/unavailable",
            error.to_string(),
        )
    })?;
    let dir = folder.to_string_lossy().into_owned();
    let request = CreateJob {
        workflow: WorkflowSource {
            path: None,
            name: "kai".to_owned(),
            // Every JSON document is a YAML document.
            text: drafted.document.to_string(),
            dir: dir.clone(),
        },
        params: drafted.params,
        caller_dir: dir,
        out_dir: None,
        options: RunOptions::default(),
    };
    let submitted = jobs::submitted(state, headers, request, asked).await;
    // Whatever was refused, or was accepted before, leaves an empty folder.
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none())
        && submitted.is_err()
    {
        let _ = std::fs::remove_dir(&folder);
    }
    submitted
}

/// What the node is given: `with` grows by what the request says.
struct Given {
    with: Map<String, Value>,
    inputs: Map<String, Value>,
    params: BTreeMap<String, String>,
}

impl Given {
    fn new(prompt: &str) -> Result<Self, ApiError> {
        let mut given = Self {
            with: Map::new(),
            inputs: Map::new(),
            params: BTreeMap::new(),
        };
        given.text("prompt", Some(prompt))?;
        Ok(given)
    }

    /// A text of any kind: it comes in by an input.
    fn text(&mut self, name: &str, value: Option<&str>) -> Result<(), ApiError> {
        let Some(value) = value else { return Ok(()) };
        if value.trim().is_empty() || value.chars().count() > PROMPT_CHARS {
            return Err(invalid(format!(
                "`{name}` must have 1 to {PROMPT_CHARS} characters"
            )));
        }
        self.inputs.insert(
            name.to_owned(),
            json!({ "type": "text", "max_length": PROMPT_CHARS }),
        );
        self.params.insert(name.to_owned(), value.to_owned());
        self.with
            .insert(name.to_owned(), json!(format!("${{{{ inputs.{name} }}}}")));
        Ok(())
    }

    /// A word that stands in the document itself.
    fn word(&mut self, name: &str, value: Option<&str>) -> Result<(), ApiError> {
        let Some(value) = value else { return Ok(()) };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
        if value.is_empty() || value.len() > 120 || !value.bytes().all(plain) {
            return Err(invalid(format!("`{name}` is `{value}`, which is none")));
        }
        self.with.insert(name.to_owned(), json!(value));
        Ok(())
    }

    fn value(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.with.insert(name.to_owned(), value.into());
        }
    }

    fn drafted(self, node: &str, file: Value) -> Drafted {
        Drafted {
            document: json!({
                "fenta": "workflow/v1",
                "name": "kai",
                "inputs": self.inputs,
                "nodes": {
                    "make": { "type": node, "with": self.with },
                    "save": file,
                },
                "outputs": { "files": "${{ nodes.save.path }}" },
            }),
            params: self.params,
        }
    }
}

fn image_document(what: &GenerateImage) -> Result<Drafted, ApiError> {
    let mut given = Given::new(&what.prompt)?;
    given.text("negative", what.negative.as_deref())?;
    given.word("model", what.model.as_deref())?;
    let (aspect, size) = match (what.width, what.height) {
        (Some(width), Some(height)) if width > 0 && height > 0 => {
            (Some(shape(width, height)), Some(size(width.max(height))))
        }
        (None, None) => (None, None),
        _ => return Err(invalid("`width` and `height` are given together")),
    };
    given.word("aspect", what.aspect.as_deref().or(aspect))?;
    given.word("size", size)?;
    given.value("variations", what.variations);
    given.value("seed", what.seed);
    let save = json!({
        "type": "Output.Download",
        "for_each": "${{ nodes.make.images }}",
        "with": { "file": "${{ item }}", "to": "${{ index + 1 }}/" },
    });
    Ok(given.drafted("Input.KAI.GenerateImage", save))
}

fn video_document(what: &GenerateVideo) -> Result<Drafted, ApiError> {
    let mut given = Given::new(&what.prompt)?;
    given.word("model", what.model.as_deref())?;
    given.word("aspect", what.aspect.as_deref())?;
    given.word("resolution", what.resolution.as_deref())?;
    given.value("seconds", what.duration);
    given.value("audio", what.audio);
    given.value("seed", what.seed);
    if let Some(image) = &what.image {
        if !image.starts_with('/') || image.contains("${{") {
            return Err(invalid("`image` must be an absolute path"));
        }
        given.value("image", Some(image.as_str()));
    }
    let save = json!({
        "type": "Output.Download",
        "with": { "file": "${{ nodes.make.video }}", "to": "./" },
    });
    Ok(given.drafted("Input.KAI.GenerateVideo", save))
}

/// The shape that comes nearest.
fn shape(width: u32, height: u32) -> &'static str {
    let wanted = f64::from(width) / f64::from(height);
    let off = |(_, w, h): &(&str, u32, u32)| (f64::from(*w) / f64::from(*h) / wanted).ln().abs();
    SHAPES
        .iter()
        .min_by(|a, b| off(a).total_cmp(&off(b)))
        .map_or("1:1", |(name, _, _)| name)
}

/// The size whose longer side comes nearest.
const fn size(pixels: u32) -> &'static str {
    match pixels {
        0..=1448 => "1K",
        1449..=2896 => "2K",
        _ => "4K",
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::{SourceFile, compile};

    use super::*;

    fn compiles(drafted: &Drafted) {
        let source = SourceFile {
            name: "kai".to_owned(),
            text: drafted.document.to_string(),
        };
        if let Err(problems) = compile(&source) {
            panic!("{:#?}\n{:#}", problems.located(&source), drafted.document);
        }
    }

    #[test]
    fn requests_as_people_write_them_are_workflows() {
        let image = GenerateImage {
            prompt: "A futuristic city at sunset".to_owned(),
            model: Some("kie:flux-2-pro".to_owned()),
            width: Some(1024),
            height: Some(1024),
            variations: Some(3),
            negative: Some("people".to_owned()),
            seed: Some(7),
            aspect: None,
        };
        let drafted = image_document(&image).unwrap();
        assert_eq!(drafted.document["nodes"]["make"]["with"]["aspect"], "1:1");
        compiles(&drafted);
        let video = GenerateVideo {
            prompt: "A cat walking through a neon alley".to_owned(),
            model: Some("veo3_fast".to_owned()),
            duration: Some(8),
            aspect: Some("9:16".to_owned()),
            ..GenerateVideo::default()
        };
        compiles(&video_document(&video).unwrap());
        let least = GenerateImage {
            prompt: "x".to_owned(),
            ..GenerateImage::default()
        };
        compiles(&image_document(&least).unwrap());
    }

    #[test]
    fn what_looks_like_an_expression_stays_text() {
        let hostile = "${{ inputs.negative }} {{ secrets.x }} \"}, \"nodes\": {}";
        let image = GenerateImage {
            prompt: hostile.to_owned(),
            ..GenerateImage::default()
        };
        let drafted = image_document(&image).unwrap();
        assert_eq!(drafted.params["prompt"], hostile);
        assert!(!drafted.document.to_string().contains("secrets"));
        for model in ["${{ inputs.prompt }}", "a b", "", "x\ny"] {
            let wrong = GenerateImage {
                prompt: "x".to_owned(),
                model: Some(model.to_owned()),
                ..GenerateImage::default()
            };
            assert!(image_document(&wrong).is_err(), "{model}");
        }
    }

    #[test]
    fn pixels_become_the_nearest_shape_and_size() {
        assert_eq!((shape(1080, 1920), size(1920)), ("9:16", "2K"));
        assert_eq!((shape(1000, 1010), size(1010)), ("1:1", "1K"));
        assert_eq!((shape(3840, 2160), size(3840)), ("16:9", "4K"));
        assert_eq!(shape(800, 600), "4:3");
    }
}
