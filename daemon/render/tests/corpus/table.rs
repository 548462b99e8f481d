//! The table as text: one line a file, columns parted by bars.

use crate::row::Row;

/// How far levels may be off: other builds of FFmpeg round differently.
const LEVELS: u8 = 3;
const COLUMNS: usize = 10;
const HEAD: [&str; COLUMNS] = [
    "file", "verdict", "shown", "turn", "frames", "seconds", "rate", "sound", "corners", "said",
];

fn cells(row: &Row) -> [&str; COLUMNS] {
    [
        &row.file,
        &row.verdict,
        &row.size,
        &row.turn,
        &row.frames,
        &row.seconds,
        &row.rate,
        &row.sound,
        &row.corners,
        &row.said,
    ]
}

/// The table as text, columns aligned.
pub(crate) fn print(rows: &[Row]) -> String {
    let lines: Vec<_> = std::iter::once(HEAD)
        .chain(rows.iter().map(cells))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..COLUMNS - 1)
        .map(|column| width(column).unwrap())
        .collect();
    let mut text = String::new();
    for line in lines {
        let padded = line.iter().enumerate().map(|(column, cell)| {
            format!(
                "{cell:width$}",
                width = widths.get(column).copied().unwrap_or(0)
            )
        });
        let line = padded.collect::<Vec<_>>().join(" | ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Reads what [`print`] wrote.
pub(crate) fn read(text: &str) -> Vec<Row> {
    let lines = text.lines().skip(1);
    lines
        .map(|line| {
            let mut cells = line.splitn(COLUMNS, '|').map(|cell| cell.trim().to_owned());
            let mut next = || cells.next().unwrap_or_default();
            Row {
                file: next(),
                verdict: next(),
                size: next(),
                turn: next(),
                frames: next(),
                seconds: next(),
                rate: next(),
                sound: next(),
                corners: next(),
                said: next(),
            }
        })
        .collect()
}

/// Lines that differ, old above new.
pub(crate) fn compare(known: &[Row], seen: &[Row]) -> Vec<String> {
    let line = |row: &Row| cells(row).join(" | ");
    let find = |rows: &[Row], file: &str| rows.iter().find(|row| row.file == file).cloned();
    let mut changes = Vec::new();
    for row in seen {
        match find(known, &row.file) {
            None => changes.push(format!("new  {}", line(row))),
            Some(old) if !agree(&old, row) => {
                changes.push(format!("was  {}\n is  {}", line(&old), line(row)));
            }
            Some(_) => {}
        }
    }
    let gone = known.iter().filter(|row| find(seen, &row.file).is_none());
    changes.extend(gone.map(|row| format!("gone {}", line(row))));
    changes
}

fn agree(known: &Row, seen: &Row) -> bool {
    let without = |row: &Row| Row {
        corners: String::new(),
        ..row.clone()
    };
    without(known) == without(seen) && near(&known.corners, &seen.corners)
}

fn near(known: &str, seen: &str) -> bool {
    let levels = |text: &str| -> Option<Vec<u8>> {
        text.split_whitespace()
            .map(|level| level.parse().ok())
            .collect()
    };
    match (levels(known), levels(seen)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.abs_diff(*b) <= LEVELS)
        }
        _ => known == seen,
    }
}
