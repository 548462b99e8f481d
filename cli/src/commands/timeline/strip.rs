//! A timeline as a strip of text: time from left to right, a track a line.
//!
//! Pure: a timeline and a width in, lines out. A column stands for a span of frames; what is shorter than a column still
//! gets one, so that no shot and no caption disappears.

use super::outline::{Frames, Outline};

/// Narrower than this nothing can be told apart.
const MIN_COLUMNS: usize = 24;
/// Widest name of a track.
const MAX_LABEL: usize = 12;
/// Columns between two times of the ruler, at least.
const TICK_COLUMNS: usize = 8;

/// The strip, at most `width` columns wide.
pub(super) fn lines(outline: &Outline, width: usize) -> Vec<String> {
    let names = outline.overlays.iter().map(|(name, _)| name.as_str());
    let label = ["captions"]
        .into_iter()
        .chain(names)
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .min(MAX_LABEL);
    let scale = Scale {
        frames: outline.frames.max(1),
        columns: width.saturating_sub(label + 2).max(MIN_COLUMNS),
    };
    let mut tracks = vec![
        ("time", ruler(outline, scale)),
        ("shots", shots(outline, scale)),
    ];
    for (name, span) in &outline.overlays {
        tracks.push((name, spans(scale, &[*span], '#', '#')));
    }
    if !outline.cues.is_empty() {
        tracks.push(("captions", spans(scale, &outline.cues, '[', '=')));
    }
    if !outline.speech.is_empty() {
        tracks.push(("voice", spans(scale, &outline.speech, '*', '*')));
    }
    if outline.music {
        tracks.push(("music", spans(scale, &[(0, scale.frames)], '~', '~')));
    }
    tracks
        .into_iter()
        .map(|(name, strip)| {
            let name: String = name.chars().take(label).collect();
            format!("{name:<label$}  {}", strip.trim_end())
        })
        .collect()
}

/// Frames to columns.
#[derive(Clone, Copy, Debug)]
struct Scale {
    frames: i64,
    columns: usize,
}

impl Scale {
    /// The column in which a frame lies.
    fn column(self, frame: i64) -> usize {
        let frame = frame.clamp(0, self.frames);
        let column = frame * self.columns as i64 / self.frames;
        usize::try_from(column).unwrap_or(0).min(self.columns - 1)
    }

    /// The columns of a span of frames; at least one.
    fn span(self, first: i64, end: i64) -> std::ops::Range<usize> {
        let start = self.column(first);
        let end = if end >= self.frames {
            self.columns
        } else {
            self.column(end)
        };
        start..end.max(start + 1)
    }

    fn blank(self) -> Vec<char> {
        vec![' '; self.columns]
    }
}

/// Spans with a mark at the beginning of each.
fn spans(scale: Scale, spans: &[Frames], first: char, rest: char) -> String {
    let mut strip = scale.blank();
    for (start, end) in spans {
        let columns = scale.span(*start, *end);
        strip[columns.start] = first;
        for column in columns.skip(1) {
            strip[column] = rest;
        }
    }
    strip.into_iter().collect()
}

/// Seconds where there is room for them, a dot between.
fn ruler(outline: &Outline, scale: Scale) -> String {
    let rate = outline.rate.as_f64();
    let seconds = scale.frames as f64 / rate;
    let wanted = seconds * TICK_COLUMNS as f64 / scale.columns as f64;
    let step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600]
        .into_iter()
        .find(|step| *step as f64 >= wanted)
        .unwrap_or(1200);
    let mut strip = scale.blank();
    for tick in (0..=seconds as u64).step_by(step) {
        let at = scale.column((tick as f64 * rate).round() as i64);
        let text = format!("{tick}s");
        let free = at + text.len() <= scale.columns
            && strip[at.saturating_sub(1)..at + text.len()]
                .iter()
                .all(|place| *place == ' ');
        if free {
            for (place, character) in strip[at..].iter_mut().zip(text.chars()) {
                *place = character;
            }
        } else if strip[at] == ' ' {
            strip[at] = '.';
        }
    }
    strip.into_iter().collect()
}

/// `|1 waves----/2 bokeh---|3 aurora--`: cuts are `|`, blends are `/`, gaps are blank.
fn shots(outline: &Outline, scale: Scale) -> String {
    let mut strip = scale.blank();
    for (number, shot) in (1..).zip(&outline.shots) {
        let mark = if shot.blend.is_some() { '/' } else { '|' };
        let text = format!("{mark}{number} {}", shot.shows);
        let mut characters = text.chars();
        for column in scale.span(shot.frames.0, shot.frames.1) {
            strip[column] = characters.next().unwrap_or('-');
        }
    }
    strip.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::outline::tests::outline;
    use super::*;

    #[test]
    fn every_track_has_a_line_and_every_shot_a_mark() {
        let strip = lines(&outline(), 60);
        assert_eq!(
            strip,
            [
                "time      0s        1s        2s        3s        4s       .",
                "shots     |1 waves-------/2 bokeh-----------------|3 aurora-",
                "head      #########################",
                "captions        [====     [======[==",
                "voice           *****     **********",
                "music     ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
            ]
        );
        assert!(strip.iter().all(|line| line.chars().count() <= 60));
    }

    #[test]
    fn short_things_do_not_disappear() {
        let mut outline = outline();
        outline.frames = 90_000;
        let strip = lines(&outline, 40);
        assert!(strip[1].contains('|'), "{strip:#?}");
        assert!(strip[3].contains('['), "{strip:#?}");
    }

    #[test]
    fn narrow_terminals_get_a_strip_too() {
        let strip = lines(&outline(), 0);
        assert!(strip[1].chars().count() <= MAX_LABEL + 2 + MIN_COLUMNS);
    }
}
