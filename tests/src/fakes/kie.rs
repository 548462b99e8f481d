//! kie.ai: work is given to it and asked for, files are uploaded first, and failures come with status 200.
//!
//! A test tells it what it says next when it is asked how far work is, each once: `WORKING`, `BROKEN` (JSON inside JSON
//! that ends in the middle), `FAIL words`, `OLD` (an address that has ended), `PAGE` (a file that is a web page).

use serde_json::{Value as Json, json};

use super::{Fake, Heard, Reply, generated};

/// Credits that all work takes.
pub const CREDITS: u32 = 12;

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if heard.method == "GET" && heard.path.starts_with("/files/") {
        return file(heard);
    }
    let bearer = heard.header("authorization").unwrap_or_default();
    if !bearer.starts_with("Bearer ") {
        return no(401, "You do not have access permissions");
    }
    let path = heard.path.trim_start_matches("/api/v1");
    match (heard.method.as_str(), path) {
        ("GET", "/chat/credit") => yes(&json!(100)),
        ("POST", "/api/file-stream-upload") => upload(heard, fake),
        ("POST", "/common/download-url") => fresh(heard, fake),
        ("POST", "/jobs/createTask") => {
            let asked = heard.json();
            let model = asked["model"].as_str().unwrap_or_default().to_owned();
            create(&model, &asked["input"], fake)
        }
        ("POST", "/veo/generate") => create("veo", &heard.json(), fake),
        ("POST", "/runway/generate") => create("runway", &heard.json(), fake),
        ("POST", "/aleph/generate") => create("aleph", &heard.json(), fake),
        (
            "GET",
            "/jobs/recordInfo"
            | "/veo/record-info"
            | "/runway/record-detail"
            | "/aleph/record-info",
        ) => detail(path, heard, fake),
        _ => Reply::json(404, &json!({ "code": 404, "msg": "no such path" })),
    }
}

fn yes(data: &Json) -> Reply {
    Reply::json(200, &json!({ "code": 200, "msg": "success", "data": data }))
}

/// The status says yes.
fn no(code: u16, why: &str) -> Reply {
    Reply::json(200, &json!({ "code": code, "msg": why, "data": null }))
}

fn file(heard: &Heard) -> Reply {
    if heard.path.contains("ended") {
        return Reply::json(403, &json!({ "message": "expired" }));
    }
    if heard.path.contains("page") {
        return Reply::file("text/html", b"<html>not what you think</html>".to_vec());
    }
    if heard.path.ends_with(".png") {
        Reply::file("image/png", generated::picture().to_vec())
    } else {
        Reply::file("video/mp4", generated::clip().to_vec())
    }
}

fn upload(heard: &Heard, fake: &Fake) -> Reply {
    let kind = heard.header("content-type").unwrap_or_default();
    let body = String::from_utf8_lossy(&heard.body);
    let whole = kind.starts_with("multipart/form-data; boundary=")
        && body.contains("name=\"uploadPath\"")
        && body.contains("name=\"file\"; filename=");
    if !whole {
        return no(422, "the upload is not whole");
    }
    let number = fake
        .heard()
        .iter()
        .filter(|one| one.path == heard.path)
        .count();
    let url = format!("https://files.example/{number}");
    Reply::json(
        200,
        &json!({ "success": true, "code": 200, "msg": "ok", "data": { "downloadUrl": url, "fileSize": heard.body.len() } }),
    )
}

fn fresh(heard: &Heard, fake: &Fake) -> Reply {
    let old = heard.json()["url"].as_str().unwrap_or_default().to_owned();
    let ending = if old.ends_with(".png") { "png" } else { "mp4" };
    yes(&json!(format!("{}/files/fresh.{ending}", fake.url())))
}

/// Names of work hold what it is, so that nothing has to be remembered.
fn create(model: &str, input: &Json, fake: &Fake) -> Reply {
    if let Some(why) = unfit(model, input) {
        return no(422, &why);
    }
    let kind = if is_picture(model) { "png" } else { "mp4" };
    let number = fake.charged() + 1;
    yes(&json!({ "taskId": format!("task-{number}-{kind}") })).charged()
}

fn is_picture(model: &str) -> bool {
    model.contains("image") && !model.contains("video")
        || matches!(model, "z-image" | "nano-banana-2")
}

/// For each model the parameters it must have, and those it may, with how they are written.
const PARAMETERS: &[(&str, &str, &str)] = &[
    (
        "flux-2/pro-text-to-image",
        "prompt:text aspect_ratio:text resolution:text",
        "",
    ),
    (
        "flux-2/pro-image-to-image",
        "input_urls:list prompt:text aspect_ratio:text resolution:text",
        "",
    ),
    ("z-image", "prompt:text aspect_ratio:text", ""),
    (
        "bytedance/seedance-2",
        "prompt:text",
        "first_frame_url:text last_frame_url:text aspect_ratio:text resolution:text duration:number generate_audio:flag",
    ),
    (
        "kling-3.0/video",
        "prompt:text duration:text mode:text multi_shots:flag",
        "image_urls:list aspect_ratio:text sound:flag",
    ),
    (
        "hailuo/2-3-image-to-video-standard",
        "prompt:text image_url:text",
        "duration:text resolution:text",
    ),
    (
        "wan/2-7-text-to-video",
        "prompt:text",
        "ratio:text resolution:text duration:number seed:number",
    ),
    (
        "topaz/video-upscale",
        "video_url:text",
        "upscale_factor:text",
    ),
    (
        "veo",
        "prompt:text model:text",
        "imageUrls:list generationType:text aspectRatio:text resolution:text duration:number",
    ),
    (
        "runway",
        "prompt:text duration:number quality:text",
        "imageUrl:text aspectRatio:text waterMark:text",
    ),
    (
        "aleph",
        "prompt:text videoUrl:text",
        "referenceImage:text aspectRatio:text seed:number",
    ),
];

/// What the documented form does not allow.
fn unfit(model: &str, input: &Json) -> Option<String> {
    let Some((_, needed, others)) = PARAMETERS.iter().find(|(name, _, _)| *name == model) else {
        return Some(format!("The model name `{model}` is not supported"));
    };
    let forms = |text: &'static str| {
        text.split_whitespace()
            .filter_map(|one| one.split_once(':'))
    };
    let fields = input.as_object()?;
    if let Some((name, _)) = forms(needed).find(|(name, _)| !fields.contains_key(*name)) {
        return Some(format!("{name} is required"));
    }
    for (name, value) in fields {
        let mut all = forms(needed).chain(forms(others));
        let Some((_, form)) = all.find(|(known, _)| known == name) else {
            return Some(format!("{name} is not allowed"));
        };
        let fits = match form {
            "text" => value.is_string(),
            "number" => value.is_i64() || value.is_u64(),
            "list" => value
                .as_array()
                .is_some_and(|list| list.iter().all(Json::is_string)),
            _ => value.is_boolean(),
        };
        if !fits {
            return Some(format!("{name} must be a {form}"));
        }
    }
    None
}

fn detail(path: &str, heard: &Heard, fake: &Fake) -> Reply {
    let task = heard.query.strip_prefix("taskId=").unwrap_or_default();
    let Some(kind) = task
        .strip_prefix("task-")
        .and_then(|rest| rest.split('-').nth(1))
    else {
        return no(404, "recordInfo is null");
    };
    let line = fake.next_line().unwrap_or_default();
    let name = match line.as_str() {
        "OLD" => "ended",
        "PAGE" => "page",
        _ => task,
    };
    let url = format!("{}/files/{name}.{kind}", fake.url());
    let failed = line.strip_prefix("FAIL ");
    match path {
        "/jobs/recordInfo" => {
            let result = json!({ "resultUrls": [url] }).to_string();
            let state = match (line.as_str(), failed) {
                ("WORKING", _) => "generating",
                (_, Some(_)) => "fail",
                _ => "success",
            };
            let result = match line.as_str() {
                "BROKEN" => result[..result.len() - 3].to_owned(),
                _ => result,
            };
            yes(&json!({
                "taskId": task, "model": "m", "state": state, "param": "{}",
                "resultJson": if state == "success" { result } else { String::new() },
                "failCode": if failed.is_some() { "501" } else { "" },
                "failMsg": failed.unwrap_or_default(),
                "creditsConsumed": if state == "success" { CREDITS } else { 0 },
                "createTime": 1_763_888_000_000_u64
            }))
        }
        "/runway/record-detail" => {
            let state = if line == "WORKING" {
                "generating"
            } else {
                "success"
            };
            yes(
                &json!({ "taskId": task, "state": state, "videoInfo": { "videoUrl": url }, "expireFlag": 0 }),
            )
        }
        "/aleph/record-info" => {
            let flag = u8::from(line != "WORKING");
            yes(
                &json!({ "taskId": task, "successFlag": flag, "errorCode": 0, "response": { "resultVideoUrl": url } }),
            )
        }
        _ => {
            let flag = match (line.as_str(), failed) {
                ("WORKING", _) => 0,
                (_, Some(_)) => 3,
                _ => 1,
            };
            yes(&json!({
                "taskId": task, "paramJson": "{}", "successFlag": flag, "response": { "resultUrls": [url] },
                "errorCode": failed.map(|_| 501), "errorMessage": failed.unwrap_or_default()
            }))
        }
    }
}
