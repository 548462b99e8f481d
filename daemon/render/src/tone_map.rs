//! HDR pictures (PQ, HLG) for an ordinary screen, through a table computed once.
//!
//! Everything up to about half of paper white keeps its light in proportion; above, highlights are rolled off so that
//! paper white (203 cd/m2, ITU-R BT.2408) lands near seven eighths of the signal and 1000 cd/m2 at all of it. The
//! roll-off is the one of ITU-R BT.2390-11 5.4.1. Colours that BT.709 cannot show move towards grey of the same
//! light. Neighbours: `convert` scales and hands frames over; no other file knows the curves.

use fenta_templates::timeline::ColorTransfer;

use crate::error::RenderError;
use crate::ffi_frame::{Frame, FrameFormat, Matrix};
use crate::picture::bt709;

/// Points along luma and along each chroma: greys change slowly, colours have a bend where the screen's end.
const LUMA_POINTS: usize = 33;
const CHROMA_POINTS: usize = 65;
/// Bits of a 10-bit code below a point of luma and of chroma.
const LUMA_BITS: u32 = 5;
const CHROMA_BITS: u32 = 4;
/// Fixed point of the levels in the table.
const LEVEL_BITS: u32 = 6;
/// Light that the brightest white of the result stands for, cd/m2, and the brightest light that is told apart.
const WHITE: f32 = 250.0;
const PEAK: f32 = 1000.0;
/// The signal is made for screens with this gamma, between a phone's and a television's.
const SCREEN_GAMMA: f32 = 2.2;
/// A still pattern that hides the steps of 8 bits.
const DITHER: [[i32; 4]; 4] = [
    [0, 32, 8, 40],
    [48, 16, 56, 24],
    [12, 44, 4, 36],
    [60, 28, 52, 20],
];

/// From 10-bit YUV of one HDR system to 8-bit BT.709 in limited range.
pub struct ToneMap {
    /// Levels of luma and both chroma at every point, luma slowest; the fourth number is unused.
    table: Vec<[i16; 4]>,
}

impl ToneMap {
    /// The table for frames of a format.
    pub fn new(format: &FrameFormat) -> Self {
        let mut table = Vec::with_capacity(LUMA_POINTS * CHROMA_POINTS * CHROMA_POINTS);
        for y in 0..LUMA_POINTS {
            for u in 0..CHROMA_POINTS {
                for v in 0..CHROMA_POINTS {
                    let codes = [y << LUMA_BITS, u << CHROMA_BITS, v << CHROMA_BITS];
                    let [y, u, v] = shown(codes.map(|code| code as f32), format)
                        .map(|level| (level * (1 << LEVEL_BITS) as f32).round() as i16);
                    table.push([y, u, v, 0]);
                }
            }
        }
        Self { table }
    }

    /// Maps a planar 4:4:4 frame of 10 bits to a 4:2:0 one of 8.
    pub fn apply(&self, frame: &Frame) -> Result<Frame, RenderError> {
        let format = frame.format();
        if format.pixel_name != "yuv444p10le" {
            return Err(RenderError::internal(format!(
                "a {} frame cannot be tone-mapped",
                format.pixel_name
            )));
        }
        let (width, height) = (format.width as usize, format.height as usize);
        let mut out = Frame::yuv420p(format.width, format.height, false)?;
        let mut rows = [vec![[0; 4]; width], vec![[0; 4]; width]];
        for top in (0..height).step_by(2) {
            let bottom = (top + 1).min(height - 1);
            for (row, y) in rows.iter_mut().zip([top, bottom]) {
                self.map_row(frame, (y, height), row)?;
            }
            for (y, row) in [top, bottom].into_iter().zip(&rows) {
                write_luma(&mut out, (y, height), row)?;
            }
            write_chroma(&mut out, (top / 2, height.div_ceil(2)), &rows)?;
        }
        out.tag_bt709();
        Ok(out)
    }

    fn map_row(
        &self,
        frame: &Frame,
        (y, height): (usize, usize),
        row: &mut [[i32; 4]],
    ) -> Result<(), RenderError> {
        let bytes = row.len() * 2;
        let mut planes = [&[][..]; 3];
        for (index, plane) in planes.iter_mut().enumerate() {
            let (rows, stride) = frame
                .plane(index, height, bytes)
                .ok_or_else(|| RenderError::internal("a plane of an HDR frame is missing"))?;
            *plane = &rows[y * stride..y * stride + bytes];
        }
        let code = |plane: &[u8], x: usize| {
            usize::from(u16::from_le_bytes([plane[2 * x], plane[2 * x + 1]])).min(1023)
        };
        for (x, level) in row.iter_mut().enumerate() {
            *level = self.look_up(planes.map(|plane| code(plane, x)));
        }
        Ok(())
    }

    /// Levels in between the eight nearest points.
    fn look_up(&self, [y, u, v]: [usize; 3]) -> [i32; 4] {
        const Y: i32 = 1 << LUMA_BITS;
        const C: i32 = 1 << CHROMA_BITS;
        let part = |code: usize, bits: u32| (code >> bits, (code & ((1 << bits) - 1)) as i32);
        let ((y, y_part), (u, u_part), (v, v_part)) = (
            part(y, LUMA_BITS),
            part(u, CHROMA_BITS),
            part(v, CHROMA_BITS),
        );
        let at = (y * CHROMA_POINTS + u) * CHROMA_POINTS + v;
        let point = |offset: usize| self.table[at + offset].map(i32::from);
        let mix = |a: [i32; 4], b: [i32; 4], part: i32, whole: i32| {
            [0, 1, 2, 3].map(|n| a[n] * (whole - part) + b[n] * part)
        };
        let edge = |offset: usize| mix(point(offset), point(offset + 1), v_part, C);
        let side = |offset: usize| mix(edge(offset), edge(offset + CHROMA_POINTS), u_part, C);
        let plane = CHROMA_POINTS * CHROMA_POINTS;
        mix(side(0), side(plane), y_part, Y).map(|sum| sum / (Y * C * C))
    }
}

fn write_luma(
    out: &mut Frame,
    (y, height): (usize, usize),
    row: &[[i32; 4]],
) -> Result<(), RenderError> {
    let (rows, stride) = writable(out, 0, (row.len(), height))?;
    let to = &mut rows[y * stride..y * stride + row.len()];
    for (x, (to, level)) in to.iter_mut().zip(row).enumerate() {
        *to = ((level[0] + DITHER[y % 4][x % 4]) >> LEVEL_BITS) as u8;
    }
    Ok(())
}

fn write_chroma(
    out: &mut Frame,
    (y, height): (usize, usize),
    [upper, lower]: &[Vec<[i32; 4]>; 2],
) -> Result<(), RenderError> {
    let width = upper.len().div_ceil(2);
    for plane in [1, 2] {
        let (rows, stride) = writable(out, plane, (width, height))?;
        let to = &mut rows[y * stride..y * stride + width];
        for (x, to) in to.iter_mut().enumerate() {
            let (left, right) = (2 * x, (2 * x + 1).min(upper.len() - 1));
            let sum =
                upper[left][plane] + upper[right][plane] + lower[left][plane] + lower[right][plane];
            *to = ((sum / 4 + (1 << (LEVEL_BITS - 1))) >> LEVEL_BITS) as u8;
        }
    }
    Ok(())
}

fn writable(
    out: &mut Frame,
    plane: usize,
    (width, height): (usize, usize),
) -> Result<(&mut [u8], usize), RenderError> {
    out.plane_mut(plane, height, width)
        .ok_or_else(|| RenderError::internal("a new picture cannot be written to"))
}

/// The BT.709 levels of 10-bit codes.
fn shown(codes: [f32; 3], format: &FrameFormat) -> [f32; 3] {
    let signal = rgb(codes, format);
    let light = match format.transfer {
        ColorTransfer::Hlg => hlg_light(signal),
        _ => signal.map(pq_light),
    };
    bt709(to_bt709(roll_off(light)).map(|light| light.powf(1.0 / SCREEN_GAMMA)))
}

/// Red, green and blue signals, 0-1.
fn rgb([y, u, v]: [f32; 3], format: &FrameFormat) -> [f32; 3] {
    let (y, u, v) = if format.full_range {
        (y / 1023.0, (u - 512.0) / 1023.0, (v - 512.0) / 1023.0)
    } else {
        ((y - 64.0) / 876.0, (u - 512.0) / 896.0, (v - 512.0) / 896.0)
    };
    let (red, blue) = match format.matrix {
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt601 => (0.299, 0.114),
        _ => (0.2627, 0.0593),
    };
    let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
    let g = (y - red * r - blue * b) / (1.0 - red - blue);
    [r, g, b].map(|signal: f32| signal.clamp(0.0, 1.0))
}

const PQ: [f32; 5] = [
    2610.0 / 16384.0,
    2523.0 / 32.0,
    3424.0 / 4096.0,
    2413.0 / 128.0,
    2392.0 / 128.0,
];

/// SMPTE ST 2084: light in cd/m2 of a signal.
fn pq_light(signal: f32) -> f32 {
    let [m1, m2, c1, c2, c3] = PQ;
    let power = signal.powf(1.0 / m2);
    10_000.0 * ((power - c1).max(0.0) / (c2 - c3 * power)).powf(1.0 / m1)
}

/// SMPTE ST 2084: the signal of a light.
fn pq_signal(light: f32) -> f32 {
    let [m1, m2, c1, c2, c3] = PQ;
    let power = (light / 10_000.0).max(0.0).powf(m1);
    ((c1 + c2 * power) / (1.0 + c3 * power)).powf(m2)
}

/// ITU-R BT.2100: light of an HLG signal on a screen of 1000 cd/m2 with its system gamma of 1.2.
fn hlg_light(signal: [f32; 3]) -> [f32; 3] {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    let scene = signal.map(|signal| {
        if signal <= 0.5 {
            signal * signal / 3.0
        } else {
            (((signal - C) / A).exp() + B) / 12.0
        }
    });
    let gain = PEAK * luminance(scene).max(1e-6).powf(0.2);
    scene.map(|light| light * gain)
}

/// BT.2020 light of a colour.
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2627 * r + 0.6780 * g + 0.0593 * b
}

/// Highlights rolled off. Half by channel, which lets bright colours pale as the eye expects; half by the strongest
/// channel for all three, which keeps them colours. 1 is the brightest the screen shows.
fn roll_off(light: [f32; 3]) -> [f32; 3] {
    let most = light[0].max(light[1]).max(light[2]);
    let gain = if most > 0.0 { eased(most) / most } else { 1.0 };
    light.map(|channel| 0.5 * (eased(channel) + gain * channel) / WHITE)
}

/// BT.2390: unchanged up to a knee, a Hermite spline above it, all in the perceptual scale of PQ.
fn eased(light: f32) -> f32 {
    let (source, target) = (pq_signal(PEAK), pq_signal(WHITE) / pq_signal(PEAK));
    let knee = 1.5 * target - 0.5;
    let signal = (pq_signal(light) / source).min(1.0);
    if signal < knee {
        return light;
    }
    let t = (signal - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let eased = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * target;
    pq_light(eased * source)
}

/// BT.2020 primaries to BT.709; what lies outside moves towards grey of the same light.
fn to_bt709([r, g, b]: [f32; 3]) -> [f32; 3] {
    let narrow = [
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    ];
    let low = narrow[0].min(narrow[1]).min(narrow[2]);
    let grey = (0.2126 * narrow[0] + 0.7152 * narrow[1] + 0.0722 * narrow[2]).clamp(0.0, 1.0);
    let share = if low < 0.0 { grey / (grey - low) } else { 1.0 };
    let inside = narrow.map(|channel| grey + (channel - grey) * share);
    // Too bright in one channel: darker as a whole rather than of another colour.
    let high = inside[0].max(inside[1]).max(inside[2]).max(1.0);
    inside.map(|channel| (channel / high).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(transfer: ColorTransfer) -> FrameFormat {
        FrameFormat {
            width: 2,
            height: 2,
            pixel_format: 0,
            pixel_name: String::new(),
            sample_aspect: (1, 1),
            matrix: Matrix::Bt2020,
            full_range: false,
            transfer,
            interlaced: false,
            alpha: false,
            depth: 10,
        }
    }

    fn grey(signal: f32, transfer: ColorTransfer) -> [f32; 3] {
        shown([64.0 + 876.0 * signal, 512.0, 512.0], &format(transfer))
    }

    #[test]
    fn curves_have_their_standard_points() {
        assert!((pq_signal(100.0) - 0.5081).abs() < 0.0005);
        assert!((pq_light(pq_signal(203.0)) - 203.0).abs() < 0.5);
        let paper = hlg_light([0.75; 3])[0];
        assert!((paper - 203.0).abs() < 3.0, "{paper}");
        assert!((hlg_light([1.0; 3])[0] - 1000.0).abs() < 1.0);
    }

    #[test]
    fn paper_is_light_and_shadows_keep_their_proportion() {
        for (signal, transfer) in [
            (pq_signal(203.0), ColorTransfer::Pq),
            (0.75, ColorTransfer::Hlg),
        ] {
            let [y, u, v] = grey(signal, transfer);
            let share = (y - 16.0) / 219.0;
            assert!((0.84..0.90).contains(&share), "{share}");
            assert!((u - 128.0).abs() < 0.5 && (v - 128.0).abs() < 0.5);
        }
        let [y, ..] = grey(pq_signal(25.0), ColorTransfer::Pq);
        let kept = ((y - 16.0) / 219.0).powf(SCREEN_GAMMA);
        assert!((kept - 0.1).abs() < 0.002, "{kept}");
        assert!((grey(pq_signal(1000.0), ColorTransfer::Pq)[0] - 235.0).abs() < 1.0);
        assert!((grey(0.0, ColorTransfer::Pq)[0] - 16.0).abs() < 0.1);
    }

    #[test]
    fn brighter_stays_brighter() {
        let levels: Vec<f32> = (0..=100)
            .map(|step| grey(step as f32 / 100.0, ColorTransfer::Pq)[0])
            .collect();
        assert!(levels.windows(2).all(|pair| pair[1] >= pair[0] - 1e-3));
    }

    #[test]
    fn colours_keep_their_hue_and_stay_on_the_screen() {
        let blue = to_bt709(roll_off([0.0, 0.0, 600.0]));
        assert!(blue[2] > blue[0] && blue[2] > blue[1]);
        for colour in [[900.0, 0.0, 0.0], [0.0, 900.0, 0.0], [900.0, 900.0, 0.0]] {
            let shown = to_bt709(roll_off(colour));
            assert!(
                shown.iter().all(|level| (0.0..=1.0).contains(level)),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn the_table_says_what_the_curves_say() {
        let format = format(ColorTransfer::Hlg);
        let map = ToneMap::new(&format);
        for codes in [
            [64, 512, 512],
            [500, 470, 560],
            [721, 512, 512],
            [620, 480, 540],
        ] {
            let exact = shown(codes.map(|code| code as f32), &format);
            let found = map.look_up(codes);
            for (exact, found) in exact.into_iter().zip(found) {
                let found = found as f32 / 64.0;
                assert!((exact - found).abs() < 1.0, "{codes:?}: {exact} {found}");
            }
        }
    }
}
