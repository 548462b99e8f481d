//! The shots of a timeline as a table: when, how long, what is seen and how.

use super::outline::{Outline, Shot};
use crate::ui::table::{Row, Table};

/// One shot a line.
pub(super) fn table(outline: &Outline) -> Table {
    let mut table = Table::new(&["SHOT", "START", "LENGTH", "SHOWS", "FILL", "MOTION", "IN"]);
    let rate = outline.rate.as_f64();
    for (number, shot) in (1..).zip(&outline.shots) {
        table.row(row(number, shot, rate));
    }
    table
}

fn row(number: usize, shot: &Shot, rate: f64) -> Row {
    let (start, end) = shot.frames;
    Row::new()
        .cell(number.to_string())
        .both(seconds(start, rate), start.to_string())
        .both(seconds(end - start, rate), (end - start).to_string())
        .both(&shot.shows, &shot.source)
        .cell(&shot.fill)
        .cell(&shot.motion)
        .cell(shot.blend.as_deref().unwrap_or("cut"))
}

fn seconds(frames: i64, rate: f64) -> String {
    format!("{:.2}s", frames as f64 / rate)
}

#[cfg(test)]
mod tests {
    use super::super::outline::tests::outline;
    use super::*;
    use crate::ui::style::Style;

    #[test]
    fn people_read_seconds_and_programs_frames() {
        let table = table(&outline());
        let people = table.for_people(Style::new(false));
        let second = people.lines().nth(2).unwrap_or_default();
        let words: Vec<&str> = second.split_whitespace().collect();
        assert_eq!(words[..4], ["2", "1.50s", "2.50s", "bokeh"], "{people}");
        assert_eq!(
            table.for_pipes().lines().nth(1).unwrap(),
            "2\t45\t75\tbokeh seed 7\tcrop\tzoom 1.00 to 1.12\tfade 6f"
        );
    }
}
