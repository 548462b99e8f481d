//! Pixabay: searches of clips and pictures with the key in the query, and the files they name.

use serde_json::{Value as Json, json};

use super::stock_files::file;
use super::{Fake, Heard, Reply};

/// What it answers.
pub fn vendor(heard: &Heard, fake: &Fake) -> Reply {
    if let Some(name) = heard.path.strip_prefix("/files/") {
        return match heard.query.is_empty() {
            true => file(name),
            false => Reply::json(400, &json!("no key was asked for here")),
        };
    }
    if heard.parameter("key").is_none_or(|key| key.len() < 8) {
        return text(
            400,
            "[ERROR 400] Invalid or missing API key (https://pixabay.com/api/docs/).",
        );
    }
    let per_page = heard
        .parameter("per_page")
        .map_or(Some(20), |text| text.parse().ok());
    if !per_page.is_some_and(|count: u32| (3..=200).contains(&count)) {
        return text(400, "[ERROR 400] \"per_page\" is out of valid range.");
    }
    if heard
        .parameter("q")
        .is_some_and(|text| text.chars().count() > 100)
    {
        return text(400, "[ERROR 400] \"q\" is longer than 100 characters.");
    }
    let hits = match heard.path.as_str() {
        "/api/videos/" => vec![
            clip(501, (960, 540), 12, fake),
            clip(502, (540, 960), 11, fake),
        ],
        "/api/" => vec![picture(fake)],
        _ => return text(404, "not found"),
    };
    let answer = json!({ "total": 4692, "totalHits": hits.len(), "hits": hits });
    let mut reply = Reply::json(200, &answer);
    reply.headers.extend([
        ("x-ratelimit-limit", "100".to_owned()),
        ("x-ratelimit-remaining", "99".to_owned()),
        ("x-ratelimit-reset", "58".to_owned()),
    ]);
    reply
}

fn text(status: u16, text: &str) -> Reply {
    Reply {
        status,
        ..Reply::file("text/plain", text.as_bytes().to_vec())
    }
}

fn clip(id: u64, (width, height): (u32, u32), seconds: u64, fake: &Fake) -> Json {
    let url = format!(
        "{}/files/{width}x{height}-{seconds}-0x204060.mp4",
        fake.url()
    );
    let one = |url: &str, width: u32, height: u32| json!({ "url": url, "width": width, "height": height, "size": 0, "thumbnail": "" });
    json!({
        "id": id, "pageURL": format!("https://pixabay.com/videos/id-{id}/"), "type": "film",
        "tags": "flowers, yellow, blossom", "duration": seconds,
        "videos": {
            "large": one("", 0, 0),
            "medium": one(&url, width, height),
            "small": one(&url, width / 2, height / 2),
            "tiny": one(&url, width / 4, height / 4),
        },
        "views": 1, "downloads": 1, "likes": 1, "comments": 0, "user_id": 77, "user": "Coverr", "userImageURL": ""
    })
}

fn picture(fake: &Fake) -> Json {
    json!({
        "id": 601, "pageURL": "https://pixabay.com/photos/id-601/", "type": "photo", "tags": "lake, quiet",
        "webformatURL": "https://pixabay.com/get/x.jpg", "imageWidth": 720, "imageHeight": 1280, "imageSize": 9,
        "largeImageURL": format!("{}/files/720x1280-1-0x204060.jpg", fake.url()),
        "user_id": 78, "user": "Ann"
    })
}
