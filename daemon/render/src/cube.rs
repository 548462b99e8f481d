//! Look-up tables in the `.cube` format (Adobe's "Cube LUT Specification 1.0"): text, one- or three-dimensional.
//!
//! Neighbours: `grade` asks. Files are the user's, so every number is checked.

use crate::error::RenderError;

/// Most points along an axis of a three-dimensional table; the format allows 256, which no camera's look has.
const MAX_POINTS: usize = 129;
/// Most points of a one-dimensional table.
const MAX_CURVE: usize = 65_536;
/// Largest file: a table of the most points with long numbers.
const MAX_BYTES: u64 = 96 << 20;

/// A table from colour to colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Cube {
    size: usize,
    solid: bool,
    low: [f32; 3],
    high: [f32; 3],
    /// Red fastest where three-dimensional.
    colors: Vec<[f32; 3]>,
}

impl Cube {
    /// Reads a table from a file.
    pub fn read(path: &std::path::Path) -> Result<Self, RenderError> {
        let failed = |source| RenderError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > MAX_BYTES {
            return Err(refused(format!(
                "it has {size} bytes, more than {MAX_BYTES}"
            )));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|_| refused("it is not text"))?;
        Self::parse(&text)
    }

    /// Reads a table from its text.
    pub fn parse(text: &str) -> Result<Self, RenderError> {
        let mut table = Self {
            size: 0,
            solid: true,
            low: [0.0; 3],
            high: [1.0; 3],
            colors: Vec::new(),
        };
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let at = |reason: String| refused(format!("line {}: {reason}", number + 1));
            let mut words = line.split_whitespace();
            match words.next() {
                None | Some("TITLE") => {}
                Some(size @ ("LUT_3D_SIZE" | "LUT_1D_SIZE")) => {
                    table.solid = size == "LUT_3D_SIZE";
                    table.size = read_size(words.next(), table.solid).map_err(at)?;
                }
                Some("DOMAIN_MIN") => table.low = numbers(words).map_err(at)?,
                Some("DOMAIN_MAX") => table.high = numbers(words).map_err(at)?,
                Some("LUT_3D_INPUT_RANGE" | "LUT_1D_INPUT_RANGE") => {
                    let range: Vec<f32> = words.filter_map(|word| word.parse().ok()).collect();
                    if let [low, high] = range[..] {
                        (table.low, table.high) = ([low; 3], [high; 3]);
                    }
                }
                Some(_) => {
                    let color = numbers(line.split_whitespace()).map_err(at)?;
                    if table.colors.len() >= table.expected() {
                        let most = table.expected();
                        return Err(at(format!("more colours than the {most} announced")));
                    }
                    table.colors.push(color);
                }
            }
        }
        table.checked()
    }

    fn expected(&self) -> usize {
        if self.solid {
            self.size * self.size * self.size
        } else {
            self.size
        }
    }

    fn checked(self) -> Result<Self, RenderError> {
        if self.size == 0 {
            return Err(refused("it names no LUT_3D_SIZE and no LUT_1D_SIZE"));
        }
        if self.colors.len() != self.expected() {
            return Err(refused(format!(
                "it has {} colours instead of {}",
                self.colors.len(),
                self.expected()
            )));
        }
        let spans = self.low.iter().zip(self.high);
        if spans.into_iter().any(|(low, high)| high - low < 1e-6) {
            return Err(refused("its domain is empty"));
        }
        Ok(self)
    }

    /// The colour it makes of another one (0-1 per channel): between its points, in all directions evenly.
    pub fn look_up(&self, color: [f32; 3]) -> [f32; 3] {
        let last = (self.size - 1) as f32;
        let place = |channel: usize| {
            let share =
                (color[channel] - self.low[channel]) / (self.high[channel] - self.low[channel]);
            let at = share.clamp(0.0, 1.0) * last;
            let low = at.floor().min((last - 1.0).max(0.0));
            (low as usize, at - low)
        };
        let places = [place(0), place(1), place(2)];
        let found = if self.solid {
            self.inside(places)
        } else {
            let far = |at: usize| (at + 1).min(self.size - 1);
            [0, 1, 2].map(|channel| {
                let (at, part) = places[channel];
                let (near, far) = (self.colors[at][channel], self.colors[far(at)][channel]);
                near + (far - near) * part
            })
        };
        found.map(|channel| channel.clamp(0.0, 1.0))
    }

    fn inside(&self, [(r, fr), (g, fg), (b, fb)]: [(usize, f32); 3]) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for corner in 0..8 {
            let step = |bit: usize| corner >> bit & 1;
            let limit = |at: usize, step: usize| (at + step).min(self.size - 1);
            let weight = |part: f32, step: usize| if step == 1 { part } else { 1.0 - part };
            let (r, g, b) = (limit(r, step(0)), limit(g, step(1)), limit(b, step(2)));
            let weight = weight(fr, step(0)) * weight(fg, step(1)) * weight(fb, step(2));
            let color = self.colors[(b * self.size + g) * self.size + r];
            for (sum, channel) in sum.iter_mut().zip(color) {
                *sum += channel * weight;
            }
        }
        sum
    }
}

fn read_size(word: Option<&str>, solid: bool) -> Result<usize, String> {
    let most = if solid { MAX_POINTS } else { MAX_CURVE };
    let size: usize = word
        .and_then(|word| word.parse().ok())
        .ok_or("the size is not a number")?;
    if (2..=most).contains(&size) {
        Ok(size)
    } else {
        Err(format!("the size is {size}; 2 to {most} are possible"))
    }
}

fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Result<[f32; 3], String> {
    let found: Vec<f32> = words
        .map(|word| {
            let number = word.parse::<f32>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| {
                let shown: String = word.chars().take(40).collect();
                format!("`{shown}` is not a number")
            })
        })
        .collect::<Result<_, _>>()?;
    <[f32; 3]>::try_from(found).map_err(|found| format!("{} numbers instead of 3", found.len()))
}

fn refused(reason: impl std::fmt::Display) -> RenderError {
    RenderError::unsupported(
        format!("the look-up table cannot be read: {reason}"),
        "give a table in the .cube format, as colour tools export it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_table_with_everything_around_it() {
        let text = "# a look\nTITLE \"x\"\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\nLUT_3D_SIZE 2\n\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1 # white\n";
        let cube = Cube::parse(text).unwrap();
        let seen = cube.look_up([0.25, 0.5, 0.75]);
        for (seen, wanted) in seen.iter().zip([0.25, 0.5, 0.75]) {
            assert!((seen - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn curves_apply_to_each_channel() {
        let cube = Cube::parse("LUT_1D_SIZE 3\n0 0 1\n0.2 0.5 0.5\n1 1 0\n").unwrap();
        let seen = cube.look_up([0.5, 0.25, 0.0]);
        assert!((seen[0] - 0.2).abs() < 1e-5 && (seen[1] - 0.25).abs() < 1e-5);
        assert_eq!(seen[2], 1.0);
    }

    #[test]
    fn broken_tables_say_what_is_wrong_and_where() {
        for (text, part) in [
            ("", "names no LUT_3D_SIZE"),
            ("LUT_3D_SIZE 1\n", "line 1: the size is 1"),
            ("LUT_3D_SIZE 900\n", "2 to 129"),
            ("LUT_3D_SIZE 2\n0 0\n", "line 2: 2 numbers instead of 3"),
            ("LUT_3D_SIZE 2\n0 0 NaN\n", "`NaN` is not a number"),
            ("LUT_1D_SIZE 2\n0 0 0\n", "1 colours instead of 2"),
            (
                "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n1 1 1\n",
                "line 4: more colours",
            ),
            (
                "LUT_1D_SIZE 2\nDOMAIN_MAX 0 1 1\n0 0 0\n1 1 1\n",
                "domain is empty",
            ),
            ("<html>", "is not a number"),
        ] {
            let error = Cube::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
