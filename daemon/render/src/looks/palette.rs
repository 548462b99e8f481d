//! Colours of a look: mixed in OKLab, summed as light, kept dark enough for white captions.
//!
//! Neighbours: looks mix here, `field` turns the light into levels.

use fenta_templates::color::Color;

/// Linear light, red green blue.
pub(super) type Light = [f32; 3];

/// A colour in OKLab: perceived lightness, green-red, blue-yellow.
pub(super) type Lab = [f32; 3];

/// Lightness (OKLab) up to which a backdrop colour passes unchanged, and the lightness white is pressed down to.
const KNEE: f32 = 0.46;
const CEILING: f32 = 0.76;

/// The colours of a generator, ready to mix; never empty.
pub(super) struct Palette {
    colors: Vec<Lab>,
}

impl Palette {
    /// The palette's colours as written; an empty list becomes black.
    pub(super) fn new(colors: &[Color]) -> Self {
        let mut colors: Vec<Lab> = colors.iter().copied().map(lab).collect();
        if colors.is_empty() {
            colors.push([0.0; 3]);
        }
        Self { colors }
    }

    /// How many colours there are.
    pub(super) fn len(&self) -> usize {
        self.colors.len()
    }

    /// A colour for use as a backdrop: its lightness is pressed under the ceiling.
    pub(super) fn backdrop(&self, index: usize) -> Lab {
        let [l, a, b] = self.colors[index % self.colors.len()];
        let pressed = if l <= KNEE {
            l
        } else {
            KNEE + (l - KNEE) * (CEILING - KNEE) / (1.0 - KNEE)
        };
        [pressed, a, b]
    }

    /// A colour as written, for small lights.
    pub(super) fn bright(&self, index: usize) -> Lab {
        self.colors[index % self.colors.len()]
    }

    /// The darkest of the first colours, darkened further: the night behind everything.
    pub(super) fn night(&self, share: f32) -> Lab {
        scale(self.backdrop(0), share)
    }
}

/// A colour's place in OKLab.
pub(super) fn lab(color: Color) -> Lab {
    let [r, g, b] = [color.r, color.g, color.b].map(|channel| {
        let c = f32::from(channel) / 255.0;
        if c <= 0.040_45 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

/// The light of an OKLab colour; out-of-gamut parts are cut at zero.
#[inline(always)]
pub(super) fn light([l, a, b]: Lab) -> Light {
    let cube = |x: f32| x * x * x;
    let l_ = cube(l + 0.396_337_78 * a + 0.215_803_76 * b);
    let m_ = cube(l - 0.105_561_346 * a - 0.063_854_17 * b);
    let s_ = cube(l - 0.089_484_18 * a - 1.291_485_5 * b);
    [
        (4.076_741_7 * l_ - 3.307_711_6 * m_ + 0.230_969_94 * s_).max(0.0),
        (-1.268_438 * l_ + 2.609_757_4 * m_ - 0.341_319_4 * s_).max(0.0),
        (-0.004_196_086 * l_ - 0.703_418_6 * m_ + 1.707_614_7 * s_).max(0.0),
    ]
}

/// Between two colours.
#[inline(always)]
pub(super) fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    [
        a[0] + (b[0] - a[0]) * t,
        a[1] + (b[1] - a[1]) * t,
        a[2] + (b[2] - a[2]) * t,
    ]
}

/// Every part times a number: dimmer light, or a darker and greyer colour.
#[inline(always)]
pub(super) fn scale(a: [f32; 3], by: f32) -> [f32; 3] {
    [a[0] * by, a[1] * by, a[2] * by]
}

/// Adds light.
#[inline(always)]
pub(super) fn add(a: &mut Light, b: Light, by: f32) {
    a[0] += b[0] * by;
    a[1] += b[1] * by;
    a[2] += b[2] * by;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklab_round_trips() {
        let [r, g, b] = light(lab(Color::rgb(255, 128, 0)));
        assert!((r - 1.0).abs() < 2e-3, "{r}");
        assert!((g - 0.2158).abs() < 2e-3, "{g}");
        assert!(b < 2e-3, "{b}");
        let white = lab(Color::WHITE);
        assert!((white[0] - 1.0).abs() < 1e-3 && white[1].abs() < 1e-3);
    }

    #[test]
    fn backdrops_stay_under_the_ceiling() {
        let palette = Palette::new(&[Color::rgb(10, 10, 20), Color::WHITE]);
        assert_eq!(palette.len(), 2);
        assert!((palette.backdrop(1)[0] - CEILING).abs() < 1e-3);
        assert_eq!(palette.backdrop(0), palette.bright(0), "dark colours pass");
        assert!(palette.bright(3)[0] > 0.99, "indices wrap");
        assert_eq!(Palette::new(&[]).len(), 1);
    }
}
