//! Pixabay: clips and pictures. `GET {base}/videos/` and `{base}/`; the key is taken in the query only, so it is added
//! when the call is made and shown nowhere.
//!
//! Form: pixabay.com/api/docs. Clips have no orientation in its search: it is looked at here.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenta_workflows::models::Role;
use serde::Deserialize;
use serde_json::Value as Json;

use super::at_once::AtOnce;
use super::desk::Desk;
use super::pexels::no;
use super::stock::{Candidate, Kind, Library, Offered, Page, Search, Shelf, Source, Unread};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// Results of a page.
const PER_PAGE: u32 = 100;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "pixabay",
    base_url: "https://pixabay.com/api",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "PIXABAY_API_KEY",
    },
    sends: KeyStyle::Query("key"),
    probe: Some(""),
    charges: false,
    services: &[Service {
        role: Role::Stock,
        usual: Some("library"),
        open: |desk| Arc::new(AtOnce(Shelf(Pixabay { desk }))),
    }],
};

#[derive(Debug)]
struct Pixabay {
    desk: Desk,
}

impl Library for Pixabay {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn limits(&self) -> &'static [(u32, u64)] {
        &[(100, 60_000)]
    }

    fn question(&self, search: &Search<'_>) -> (&'static str, Vec<(&'static str, String)>) {
        let mut query = vec![("q", search.text.to_owned())];
        let path = match search.kind {
            Kind::Video => {
                query.push(("video_type", "film".to_owned()));
                "videos/"
            }
            Kind::Image => {
                query.push(("image_type", "photo".to_owned()));
                let shape = match search.task.orientation.as_str() {
                    "portrait" => Some("vertical"),
                    "landscape" => Some("horizontal"),
                    _ => None,
                };
                query.extend(shape.map(|shape| ("orientation", shape.to_owned())));
                ""
            }
        };
        query.push(("safesearch", search.task.safe.to_string()));
        query.push(("per_page", PER_PAGE.to_string()));
        query.push(("page", search.page.to_string()));
        (path, query)
    }

    fn read(&self, search: &Search<'_>, body: &[u8]) -> Result<Page, Unread> {
        let said: Said =
            serde_json::from_slice(body).map_err(|error| Unread::Form(error.to_string()))?;
        if let Some(error) = said.error {
            return Err(no(&error));
        }
        let Some(hits) = said.hits else {
            return Err(Unread::Form("it has no `hits`".to_owned()));
        };
        let more = u64::from(search.page * PER_PAGE) < said.total;
        let candidates = hits.into_iter().filter_map(Hit::candidate).collect();
        Ok(Page { candidates, more })
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    hits: Option<Vec<Hit>>,
    #[serde(default, rename = "totalHits")]
    total: u64,
    error: Option<Json>,
}

/// A clip, or a picture where it has no `videos`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hit {
    id: u64,
    #[serde(default, rename = "pageURL")]
    page_url: String,
    #[serde(default)]
    tags: String,
    /// Seconds.
    #[serde(default)]
    duration: u64,
    videos: Option<BTreeMap<String, HitFile>>,
    #[serde(default)]
    user: String,
    #[serde(default, rename = "user_id")]
    user_id: u64,
    #[serde(default)]
    image_width: u32,
    #[serde(default)]
    image_height: u32,
    #[serde(rename = "largeImageURL")]
    large: Option<String>,
    #[serde(rename = "fullHDURL")]
    full_hd: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HitFile {
    #[serde(default)]
    url: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    size: Option<u64>,
}

impl Hit {
    fn candidate(self) -> Option<Candidate> {
        let kind = match self.videos {
            Some(_) => Kind::Video,
            None => Kind::Image,
        };
        let files: Vec<Offered> = match &self.videos {
            Some(videos) => videos
                .values()
                .filter_map(|file| {
                    Some(Offered {
                        source: Source::Url(file.url.parse().ok()?),
                        width: file.width,
                        height: file.height,
                        fps_milli: None,
                        bytes: file.size.filter(|size| *size > 0),
                    })
                })
                .collect(),
            None => [(&self.large, 1280), (&self.full_hd, 1920)]
                .into_iter()
                .filter_map(|(url, longest)| {
                    let (width, height) = within(self.image_width, self.image_height, longest);
                    Some(Offered {
                        source: Source::Url(url.as_ref()?.parse().ok()?),
                        width,
                        height,
                        fps_milli: None,
                        bytes: None,
                    })
                })
                .collect(),
        };
        let largest = files
            .iter()
            .max_by_key(|file| u64::from(file.width) * u64::from(file.height))?;
        let tags = self.tags.split([',', ' ']).filter(|tag| !tag.is_empty());
        Some(Candidate {
            kind,
            id: self.id.to_string(),
            width: largest.width,
            height: largest.height,
            duration_ms: self.duration.saturating_mul(1000),
            words: tags.map(str::to_lowercase).collect(),
            author_url: format!("https://pixabay.com/users/{}-{}/", self.user, self.user_id),
            author: self.user,
            page_url: self.page_url,
            files,
        })
    }
}

/// A size made smaller until its longer side is so long.
fn within(width: u32, height: u32, longest: u32) -> (u32, u32) {
    let long = width.max(height).max(1);
    if long <= longest {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(longest) / u64::from(long)) as u32;
    (scaled(width), scaled(height))
}
