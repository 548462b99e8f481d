//! Safe zones: the part of the picture that no platform covers with its own interface.
//!
//! Data with a date. Platforms publish little and move things; where sources disagree the wider inset is used.

use super::fields::Fields;
use crate::timeline::{Canvas, Rect};

/// When the table below was collected (year and month).
pub const SAFE_ZONES_AS_OF: &str = "2026-11";

/// The canvas the table is measured on.
const TABLE_WIDTH: u32 = 1080;
const TABLE_HEIGHT: u32 = 1920;

/// Insets from the edges of the canvas in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeZone {
    /// From the top.
    pub top: u32,
    /// From the bottom.
    pub bottom: u32,
    /// From the left.
    pub left: u32,
    /// From the right.
    pub right: u32,
}

const fn zone(top: u32, bottom: u32, left: u32, right: u32) -> SafeZone {
    SafeZone {
        top,
        bottom,
        left,
        right,
    }
}

/// Named zones at 1080x1920. `universal` is the intersection of what the platforms leave to unpaid posts.
/// A name with a date never changes; one without means the newest.
const ZONES: [(&str, SafeZone); 11] = [
    ("universal", UNIVERSAL_2026_11),
    ("tiktok", TIKTOK_2026_11),
    ("reels", REELS_2026_11),
    ("shorts", SHORTS_2026_11),
    ("ads", ADS_2026_11),
    ("none", zone(0, 0, 0, 0)),
    ("universal-2026-11", UNIVERSAL_2026_11),
    ("tiktok-2026-11", TIKTOK_2026_11),
    ("reels-2026-11", REELS_2026_11),
    ("shorts-2026-11", SHORTS_2026_11),
    ("ads-2026-11", ADS_2026_11),
];

const UNIVERSAL_2026_11: SafeZone = zone(270, 480, 65, 180);
const TIKTOK_2026_11: SafeZone = zone(250, 460, 60, 180);
const REELS_2026_11: SafeZone = zone(269, 480, 65, 120);
const SHORTS_2026_11: SafeZone = zone(288, 480, 48, 192);
const ADS_2026_11: SafeZone = zone(270, 670, 65, 180);

impl SafeZone {
    /// A zone by its name, for a canvas of any size.
    pub fn named(name: &str, canvas: &Canvas) -> Option<Self> {
        let (_, table) = ZONES.iter().find(|(known, _)| *known == name)?;
        let (wide, high) = (
            |px: u32| px * canvas.width / TABLE_WIDTH,
            |px: u32| px * canvas.height / TABLE_HEIGHT,
        );
        Some(zone(
            high(table.top),
            high(table.bottom),
            wide(table.left),
            wide(table.right),
        ))
    }

    /// The names that [`SafeZone::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ZONES.iter().map(|(name, _)| *name)
    }

    /// The zone as a rectangle of the canvas.
    pub fn rect(&self, canvas: &Canvas) -> Rect {
        Rect {
            x: self.left as i32,
            y: self.top as i32,
            w: canvas.width.saturating_sub(self.left + self.right).max(1),
            h: canvas.height.saturating_sub(self.top + self.bottom).max(1),
        }
    }

    /// Whether a rectangle lies inside.
    pub fn contains(&self, canvas: &Canvas, rect: &Rect) -> bool {
        let zone = self.rect(canvas);
        let end = |at: i32, length: u32| i64::from(at) + i64::from(length);
        rect.x >= zone.x
            && rect.y >= zone.y
            && end(rect.x, rect.w) <= end(zone.x, zone.w)
            && end(rect.y, rect.h) <= end(zone.y, zone.h)
    }
}

/// Reads `safe_zone`: a name or four insets in canvas pixels. Absent means `universal`.
pub(crate) fn read(fields: &Fields<'_>, canvas: &Canvas) -> SafeZone {
    let standard = SafeZone::named("universal", canvas).unwrap_or(zone(0, 0, 0, 0));
    if fields.is_map("safe_zone") {
        return fields
            .map("safe_zone")
            .map_or(standard, |inner| read_insets(inner, canvas));
    }
    let names: Vec<(&str, &str)> = ZONES.iter().map(|(name, _)| (*name, *name)).collect();
    fields
        .choice("safe_zone", &names)
        .and_then(|name| SafeZone::named(name, canvas))
        .unwrap_or(standard)
}

fn read_insets(fields: Fields<'_>, canvas: &Canvas) -> SafeZone {
    let inset = |key: &'static str, side: u32| {
        let inset: u32 = fields.int(key).unwrap_or(0);
        if 2 * inset < side {
            return inset;
        }
        let message = format!("is {inset}, half of the canvas's {side} pixels or more");
        fields.conflict(key, message, "leave more of the picture free");
        0
    };
    let zone = SafeZone {
        top: inset("top", canvas.height),
        bottom: inset("bottom", canvas.height),
        left: inset("left", canvas.width),
        right: inset("right", canvas.width),
    };
    fields.finish();
    zone
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;
    use crate::color::Color;
    use crate::time::FrameRate;

    fn canvas(width: u32, height: u32) -> Canvas {
        Canvas {
            width,
            height,
            frame_rate: FrameRate::whole(30),
            background: Color::BLACK,
        }
    }

    #[test]
    fn zones_scale_with_the_canvas() {
        let full = canvas(1080, 1920);
        let universal = SafeZone::named("universal", &full).unwrap();
        assert_eq!(
            universal.rect(&full),
            Rect {
                x: 65,
                y: 270,
                w: 835,
                h: 1170
            }
        );
        let half = canvas(540, 960);
        assert_eq!(
            SafeZone::named("universal", &half),
            Some(zone(135, 240, 32, 90))
        );
        assert_eq!(SafeZone::named("youtube", &full), None);
    }

    #[test]
    fn zones_are_read_by_name_or_by_insets() {
        let full = canvas(1080, 1920);
        let zone_of = |text: &str| {
            read_for_test(grammar(), &format!("safe_zone: {text}"), |fields| {
                read(&fields, &full)
            })
        };
        assert_eq!(zone_of("tiktok"), (zone(250, 460, 60, 180), Vec::new()));
        assert_eq!(zone_of("{top: 9, left: 3}"), (zone(9, 0, 3, 0), Vec::new()));
        assert!(zone_of("universl").1[0].contains("did you mean `universal`"));
        assert!(zone_of("{left: 540}").1[0].contains("half of the canvas's 1080"));
    }

    #[test]
    fn the_organic_zones_hold_the_universal_one() {
        let full = canvas(1080, 1920);
        let universal = SafeZone::named("universal", &full).unwrap().rect(&full);
        for name in ["tiktok", "reels"] {
            let zone = SafeZone::named(name, &full).unwrap();
            assert!(zone.contains(&full, &universal), "{name}");
        }
    }

    #[test]
    fn a_rectangle_is_inside_up_to_the_last_pixel() {
        let full = canvas(1080, 1920);
        let zone = SafeZone::named("universal", &full).unwrap();
        let rect = |x, y, w, h| Rect { x, y, w, h };
        assert!(zone.contains(&full, &rect(65, 270, 835, 1170)));
        assert!(!zone.contains(&full, &rect(65, 270, 836, 1170)));
        assert!(!zone.contains(&full, &rect(64, 270, 10, 10)));
        assert!(!zone.contains(&full, &rect(100, 1440, 10, 1)));
    }

    #[test]
    fn every_platform_has_a_dated_zone_and_the_plain_name_is_the_newest() {
        let full = canvas(1080, 1920);
        for name in ["universal", "tiktok", "reels", "shorts", "ads"] {
            let dated = format!("{name}-{SAFE_ZONES_AS_OF}");
            let newest = SafeZone::named(name, &full).unwrap();
            assert_eq!(SafeZone::named(&dated, &full), Some(newest), "{dated}");
            assert!(SafeZone::names().any(|known| known == dated));
        }
    }
}
