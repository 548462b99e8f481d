//! Pexels: searches of clips and photos with the key as it is, and the files they name.

use serde_json::{Value as Json, json};

use super::stock_files::file;
use super::{Fake, Heard, Reply};

/// What it has for whatever is asked: id, size, seconds, colour, words of its page.
const CLIPS: &[(u64, u32, u32, u64, &str, &str)] = &[
    (101, 540, 960, 6, "0x1d4e89", "blue-water-in-the-morning"),
    (102, 540, 960, 9, "0x2f6b3a", "green-leaves-in-the-wind"),
    (103, 540, 960, 8, "0x8a4b2a", "warm-light-on-a-wall"),
    (104, 540, 960, 7, "0x5b3a7a", "evening-sky-over-a-city"),
    (105, 540, 960, 2, "0x333333", "short-one"),
    (106, 960, 540, 9, "0x7a1f1f", "wide-one"),
];

/// What it answers. A search for `nothing` finds nothing; one for `gone` finds clips whose files have expired.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if let Some(name) = heard.path.strip_prefix("/files/") {
        // Files lie elsewhere, on a server that has no business with the key.
        return match heard.header("authorization") {
            Some(_) => Reply::json(400, &json!({ "error": "no key was asked for here" })),
            None => file(name),
        };
    }
    let key = heard.header("authorization").unwrap_or_default();
    if key.is_empty() || key.contains(' ') {
        return Reply::json(
            401,
            &json!({ "error": "the key goes into the header as it is" }),
        );
    }
    match heard.path.as_str() {
        "/v1/curated" => Reply::json(200, &json!({ "page": 1, "per_page": 1, "photos": [] })),
        "/v1/videos/search" => videos(heard, fake),
        "/v1/search" => photos(heard, fake),
        _ => Reply::json(404, &json!({ "error": "no such path" })),
    }
}

/// What the documentation does not allow.
fn unfit(heard: &Heard) -> Option<String> {
    let orientation = heard.parameter("orientation");
    let known = ["landscape", "portrait", "square"];
    if orientation
        .as_deref()
        .is_some_and(|one| !known.contains(&one))
    {
        return Some("no such orientation".to_owned());
    }
    let size = heard.parameter("size");
    if size
        .as_deref()
        .is_some_and(|one| !["large", "medium", "small"].contains(&one))
    {
        return Some("no such size".to_owned());
    }
    let per_page: u32 = heard.parameter("per_page")?.parse().ok()?;
    if !(1..=80).contains(&per_page) {
        return Some("per_page is at most 80".to_owned());
    }
    let query = heard.parameter("query").unwrap_or_default();
    query.is_empty().then(|| "query is missing".to_owned())
}

fn videos(heard: &Heard, fake: &Fake) -> Reply {
    if let Some(wrong) = unfit(heard) {
        return Reply::json(400, &json!({ "error": wrong }));
    }
    let query = heard.parameter("query").unwrap_or_default();
    let orientation = heard.parameter("orientation");
    let fits = |clip: &&(u64, u32, u32, u64, &str, &str)| match orientation.as_deref() {
        Some("portrait") => clip.2 > clip.1,
        Some("landscape") => clip.1 > clip.2,
        Some("square") => clip.1 == clip.2,
        _ => true,
    };
    let clips: Vec<Json> = match query.as_str() {
        "nothing" => Vec::new(),
        _ => CLIPS
            .iter()
            .filter(fits)
            .map(|clip| video(clip, fake, query == "gone"))
            .collect(),
    };
    let answer = json!({
        "page": 1, "per_page": 80, "total_results": clips.len(), "url": "https://www.pexels.com/videos/",
        "videos": clips
    });
    limited(Reply::json(200, &answer))
}

/// A clip as it is listed: rows of streams and of odd sizes beside the one that will do.
fn video(clip: &(u64, u32, u32, u64, &str, &str), fake: &Fake, gone: bool) -> Json {
    let (id, width, height, seconds, colour, words) = clip;
    let folder = if gone { "expired" } else { "files" };
    let link = |width: u32, height: u32| {
        format!(
            "{}/{folder}/{width}x{height}-{seconds}-{colour}.mp4",
            fake.url()
        )
    };
    json!({
        "id": id, "width": width, "height": height, "duration": seconds,
        "url": format!("https://www.pexels.com/video/{words}-{id}/"),
        "image": format!("https://images.pexels.com/videos/{id}/poster.jpeg"),
        "full_res": null, "tags": [], "avg_color": null,
        "user": { "id": 9, "name": format!("Author {id}"), "url": format!("https://www.pexels.com/@author{id}") },
        "video_files": [
            { "id": 1, "quality": "hls", "file_type": "video/mp4", "width": null, "height": null, "fps": null,
              "link": format!("{}/files/list.m3u8", fake.url()) },
            { "id": 2, "quality": "sd", "file_type": "video/mp4", "width": 270, "height": 480, "fps": 30.0,
              "size": null, "link": link(270, 480) },
            { "id": 3, "quality": "hd", "file_type": "video/mp4", "width": width, "height": height, "fps": 30.0,
              "link": link(*width, *height) },
        ],
        "video_pictures": [{ "id": 1, "nr": 0, "picture": "https://images.pexels.com/1.jpg" }]
    })
}

fn photos(heard: &Heard, fake: &Fake) -> Reply {
    if let Some(wrong) = unfit(heard) {
        return Reply::json(400, &json!({ "error": wrong }));
    }
    let photo = json!({
        "id": 301, "width": 1080, "height": 1920, "url": "https://www.pexels.com/photo/a-quiet-lake-301/",
        "photographer": "Author 301", "photographer_url": "https://www.pexels.com/@author301",
        "photographer_id": 3, "avg_color": "#1d4e89", "alt": "A quiet lake",
        "src": { "original": format!("{}/files/1080x1920-1-0x1d4e89.jpg", fake.url()),
                 "large2x": "https://images.pexels.com/x", "portrait": "https://images.pexels.com/y" }
    });
    limited(Reply::json(
        200,
        &json!({ "page": 1, "per_page": 80, "total_results": 1, "photos": [photo] }),
    ))
}

/// How many calls are left is only said where the answer is yes.
fn limited(mut reply: Reply) -> Reply {
    reply.headers.extend([
        ("x-ratelimit-limit", "20000".to_owned()),
        ("x-ratelimit-remaining", "19684".to_owned()),
        ("x-ratelimit-reset", "1797000000".to_owned()),
    ]);
    reply
}
