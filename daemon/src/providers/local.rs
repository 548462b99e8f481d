//! The library `local`: a folder of the user's own, whose clips come with the question. No network, no key; without clips
//! it has nothing.

use std::sync::Arc;

use fenta_templates::timeline::MediaKind;
use fenta_workflows::action::FindStockTask;
use fenta_workflows::models::Role;

use super::at_once::AtOnce;
use super::desk::Desk;
use super::stock::{Candidate, Kind, Library, Offered, Page, Search, Shelf, Source, Unread};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "local",
    base_url: "",
    place: Place::Here,
    key: KeyUse::None,
    sends: KeyStyle::Bearer,
    probe: None,
    charges: false,
    services: &[Service {
        role: Role::Stock,
        usual: Some("folder"),
        open: |desk| Arc::new(AtOnce(Shelf(Local { desk }))),
    }],
};

#[derive(Debug)]
struct Local {
    desk: Desk,
}

impl Library for Local {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn limits(&self) -> &'static [(u32, u64)] {
        &[]
    }

    fn question(&self, _search: &Search<'_>) -> (&'static str, Vec<(&'static str, String)>) {
        ("", Vec::new())
    }

    fn read(&self, _search: &Search<'_>, _body: &[u8]) -> Result<Page, Unread> {
        Ok(Page::default())
    }

    fn at_hand(&self, task: &FindStockTask) -> Option<Vec<Candidate>> {
        let wanted = |kind: Kind| match task.kind.as_str() {
            "image" => kind == Kind::Image,
            "any" => true,
            _ => kind == Kind::Video,
        };
        let clips = task.own.iter().map(|clip| {
            let facts = &clip.facts;
            let rate = facts.frame_rate.map(|rate| {
                let milli = u64::from(rate.num) * 1000 / u64::from(rate.den.max(1));
                u32::try_from(milli).unwrap_or(u32::MAX)
            });
            Candidate {
                kind: match facts.kind {
                    MediaKind::Image => Kind::Image,
                    _ => Kind::Video,
                },
                id: clip.source.to_string(),
                width: facts.width,
                height: facts.height,
                duration_ms: facts
                    .duration
                    .map_or(0, |length| length.to_millis().unsigned_abs()),
                words: clip.tags.clone(),
                author: String::new(),
                author_url: String::new(),
                page_url: String::new(),
                files: vec![Offered {
                    source: Source::Blob(clip.source, clip.name.clone(), Box::new(facts.clone())),
                    width: facts.width,
                    height: facts.height,
                    fps_milli: rate,
                    bytes: None,
                }],
            }
        });
        Some(clips.filter(|clip| wanted(clip.kind)).collect())
    }
}
