//! Named palettes and orderings of colours for procedural pictures.

use fenta_templates::color::Color;

/// The names, in the order they are documented.
pub(super) const NAMES: [&str; 7] = [
    "midnight", "sunset", "ocean", "forest", "candy", "ember", "mono",
];

/// The colours of a named palette, darkest first.
pub(super) fn named(name: &str) -> Option<Vec<Color>> {
    let rgb: [(u8, u8, u8); 5] = match name {
        "midnight" => [
            (8, 10, 30),
            (24, 28, 74),
            (70, 40, 150),
            (92, 104, 232),
            (120, 196, 255),
        ],
        "sunset" => [
            (38, 14, 48),
            (112, 30, 78),
            (206, 70, 78),
            (246, 144, 84),
            (255, 196, 92),
        ],
        "ocean" => [
            (4, 18, 46),
            (8, 52, 112),
            (0, 112, 158),
            (24, 184, 196),
            (110, 240, 208),
        ],
        "forest" => [
            (10, 26, 20),
            (24, 66, 48),
            (44, 128, 78),
            (120, 190, 84),
            (206, 230, 104),
        ],
        "candy" => [
            (52, 20, 72),
            (142, 46, 142),
            (236, 92, 160),
            (255, 140, 166),
            (255, 196, 150),
        ],
        "ember" => [
            (20, 10, 10),
            (82, 18, 16),
            (176, 48, 22),
            (238, 118, 38),
            (255, 190, 72),
        ],
        "mono" => [
            (14, 15, 18),
            (52, 55, 62),
            (104, 109, 120),
            (166, 172, 184),
            (236, 239, 244),
        ],
        _ => return None,
    };
    Some(rgb.iter().map(|(r, g, b)| Color::rgb(*r, *g, *b)).collect())
}

/// The colours, darkest first, as pictures want them.
pub(super) fn darkest_first(mut colors: Vec<Color>) -> Vec<Color> {
    colors.sort_by_key(|color| (luma(*color), *color));
    colors
}

/// Rec. 709 luma times 10 000; integers, so that the order is the same everywhere.
fn luma(color: Color) -> u32 {
    2126 * u32::from(color.r) + 7152 * u32::from(color.g) + 722 * u32::from(color.b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_five_colours_darkest_first() {
        for name in NAMES {
            let colors = named(name).unwrap();
            assert_eq!(darkest_first(colors.clone()), colors, "{name}");
            assert!(luma(colors[4]) > 3 * luma(colors[0]), "{name} is flat");
        }
        assert_eq!(named("beige"), None);
    }

    #[test]
    fn colours_are_sorted() {
        let sorted = darkest_first(vec![Color::WHITE, Color::BLACK, Color::rgb(255, 0, 0)]);
        assert_eq!(sorted, [Color::BLACK, Color::rgb(255, 0, 0), Color::WHITE]);
    }
}
