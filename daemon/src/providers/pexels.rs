//! Pexels: clips and photos. `GET {base}/videos/search` and `{base}/search`, the key as it is in `Authorization`.
//!
//! Form: pexels.com/api/documentation. It knows no length and no rate in its search: those are looked at here.

use std::sync::Arc;

use fenta_workflows::models::Role;
use serde::Deserialize;
use serde_json::Value as Json;

use super::at_once::AtOnce;
use super::desk::Desk;
use super::stock::{Candidate, Kind, Library, Offered, Page, Search, Shelf, Source, Unread};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "pexels",
    base_url: "https://api.pexels.com/v1",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "PEXELS_API_KEY",
    },
    sends: KeyStyle::Header("authorization"),
    probe: Some("curated"),
    charges: false,
    services: &[Service {
        role: Role::Stock,
        usual: Some("library"),
        open: |desk| Arc::new(AtOnce(Shelf(Pexels { desk }))),
    }],
};

#[derive(Debug)]
struct Pexels {
    desk: Desk,
}

impl Library for Pexels {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn limits(&self) -> &'static [(u32, u64)] {
        &[(200, 3_600_000), (20_000, 30 * 86_400_000)]
    }

    fn question(&self, search: &Search<'_>) -> (&'static str, Vec<(&'static str, String)>) {
        let path = match search.kind {
            Kind::Video => "videos/search",
            Kind::Image => "search",
        };
        let mut query = vec![("query", search.text.to_owned())];
        if search.task.orientation != "any" {
            query.push(("orientation", search.task.orientation.clone()));
        }
        let size = match search.task.quality.as_str() {
            "uhd" => Some("large"),
            "hd" => Some("medium"),
            _ => None,
        };
        query.extend(size.map(|size| ("size", size.to_owned())));
        query.push(("per_page", "80".to_owned()));
        query.push(("page", search.page.to_string()));
        (path, query)
    }

    fn read(&self, _search: &Search<'_>, body: &[u8]) -> Result<Page, Unread> {
        let said: Said =
            serde_json::from_slice(body).map_err(|error| Unread::Form(error.to_string()))?;
        if let Some(error) = said.error {
            return Err(no(&error));
        }
        let candidates = match (said.videos, said.photos) {
            (Some(videos), _) => videos.into_iter().map(Video::candidate).collect(),
            (None, Some(photos)) => photos.into_iter().filter_map(Photo::candidate).collect(),
            (None, None) => {
                return Err(Unread::Form(
                    "it has neither `videos` nor `photos`".to_owned(),
                ));
            }
        };
        Ok(Page {
            candidates,
            more: said.next_page.is_some(),
        })
    }
}

/// What an answer says is wrong, where its status says yes.
pub(super) fn no(error: &Json) -> Unread {
    let status = error["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let said = match &error["message"] {
        Json::String(text) => text.clone(),
        _ => error
            .as_str()
            .map_or_else(|| error.to_string(), str::to_owned),
    };
    Unread::No(
        status
            .filter(|code| (400..600).contains(code))
            .unwrap_or(400),
        said,
    )
}

#[derive(Debug, Deserialize)]
struct Said {
    videos: Option<Vec<Video>>,
    photos: Option<Vec<Photo>>,
    next_page: Option<String>,
    error: Option<Json>,
}

#[derive(Debug, Deserialize)]
struct Video {
    id: u64,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    /// Seconds.
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    url: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    video_files: Vec<VideoFile>,
}

#[derive(Debug, Default, Deserialize)]
struct User {
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
}

#[derive(Debug, Deserialize)]
struct VideoFile {
    quality: Option<String>,
    #[serde(default)]
    file_type: String,
    width: Option<u32>,
    height: Option<u32>,
    fps: Option<f64>,
    size: Option<u64>,
    link: String,
}

impl Video {
    fn candidate(self) -> Candidate {
        let files = self.video_files.into_iter().filter_map(|file| {
            let streamed = file.quality.as_deref() == Some("hls");
            (file.file_type == "video/mp4" && !streamed).then_some(())?;
            Some(Offered {
                source: Source::Url(file.link.parse().ok()?),
                width: file.width?,
                height: file.height?,
                fps_milli: file.fps.map(|fps| (fps * 1000.0).round() as u32),
                bytes: file.size,
            })
        });
        Candidate {
            kind: Kind::Video,
            id: self.id.to_string(),
            width: self.width,
            height: self.height,
            duration_ms: self.duration.saturating_mul(1000),
            words: words(&self.url),
            author: self.user.name,
            author_url: self.user.url,
            page_url: self.url,
            files: files.collect(),
        }
    }
}

/// The words of a page's address, which hold the title: `…/video/a-bee-on-a-flower-123/`.
fn words(page: &str) -> Vec<String> {
    let last = page
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let words = last.split('-').filter(|word| word.parse::<u64>().is_err());
    words.map(str::to_lowercase).collect()
}

#[derive(Debug, Deserialize)]
struct Photo {
    id: u64,
    width: u32,
    height: u32,
    #[serde(default)]
    url: String,
    #[serde(default)]
    photographer: String,
    #[serde(default)]
    photographer_url: String,
    #[serde(default)]
    alt: String,
    src: PhotoFiles,
}

#[derive(Debug, Deserialize)]
struct PhotoFiles {
    original: String,
}

impl Photo {
    fn candidate(self) -> Option<Candidate> {
        let mut words = words(&self.url);
        words.extend(self.alt.split_whitespace().map(str::to_lowercase));
        Some(Candidate {
            kind: Kind::Image,
            id: self.id.to_string(),
            width: self.width,
            height: self.height,
            duration_ms: 0,
            words,
            author: self.photographer,
            author_url: self.photographer_url,
            page_url: self.url,
            files: vec![Offered {
                source: Source::Url(self.src.original.parse().ok()?),
                width: self.width,
                height: self.height,
                fps_milli: None,
                bytes: None,
            }],
        })
    }
}
