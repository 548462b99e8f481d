//! Characters in rows and columns. Lines that meet are joined; lines that only cross are not.
//!
//! Neighbours: `text` draws boxes on it, `route` draws lines.

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cell {
    #[default]
    Empty,
    Char(char),
    /// A part of the line with this number, going out of the cell in these directions.
    Line {
        ways: u8,
        line: usize,
    },
}

/// What is drawn so far. It grows as it is drawn on.
#[derive(Clone, Debug, Default)]
pub(super) struct Canvas {
    rows: Vec<Vec<Cell>>,
}

impl Canvas {
    /// Columns it takes.
    pub(super) fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// A box with lines of text in it.
    pub(super) fn frame(&mut self, left: usize, top: usize, width: usize, lines: &[String]) {
        let rule = "─".repeat(width - 2);
        self.write(left, top, &format!("┌{rule}┐"));
        for (at, line) in lines.iter().enumerate() {
            self.write(left, top + 1 + at, &format!("│ {line:<0$} │", width - 4));
        }
        self.write(left, top + 1 + lines.len(), &format!("└{rule}┘"));
    }

    /// A line out of a box's lower edge.
    pub(super) fn down_tee(&mut self, column: usize, row: usize) {
        self.set(column, row, Cell::Char('┬'));
    }

    /// A line into a box's upper edge.
    pub(super) fn arrow(&mut self, column: usize, row: usize) {
        self.set(column, row, Cell::Char('▼'));
    }

    /// A line beside boxes, from one row to before another.
    pub(super) fn vertical(&mut self, column: usize, from: usize, to: usize) {
        self.line_down(column, (from, to), usize::MAX);
    }

    /// A part of a line, from one row to before another.
    pub(super) fn line_down(&mut self, column: usize, (from, to): (usize, usize), line: usize) {
        for row in from..to {
            self.join(column, row, UP | DOWN, line);
        }
    }

    /// A part of a line, from one column to another.
    pub(super) fn line_across(&mut self, row: usize, (from, to): (usize, usize), line: usize) {
        self.join(from, row, RIGHT, line);
        for column in from + 1..to {
            self.join(column, row, LEFT | RIGHT, line);
        }
        self.join(to, row, LEFT, line);
    }

    /// Where a line from above turns.
    pub(super) fn turn_from_above(&mut self, column: usize, row: usize, line: usize) {
        self.join(column, row, UP, line);
    }

    /// Where a line turns down.
    pub(super) fn turn_to_below(&mut self, column: usize, row: usize, line: usize) {
        self.join(column, row, DOWN, line);
    }

    /// The drawing, without white space at the end of its lines.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let line: String = row.iter().map(|cell| cell.char()).collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn write(&mut self, left: usize, row: usize, text: &str) {
        for (at, c) in text.chars().enumerate() {
            self.set(left + at, row, Cell::Char(c));
        }
    }

    fn join(&mut self, column: usize, row: usize, ways: u8, line: usize) {
        let cell = match self.get(column, row) {
            Cell::Line {
                ways: known,
                line: same,
            } if same == line => Cell::Line {
                ways: known | ways,
                line,
            },
            // Lines that cross without meeting: the one that runs down is drawn over the other.
            Cell::Line { ways: known, .. } if known & (UP | DOWN) == UP | DOWN => return,
            _ => Cell::Line { ways, line },
        };
        self.set(column, row, cell);
    }

    fn get(&self, column: usize, row: usize) -> Cell {
        let cells = self.rows.get(row);
        cells
            .and_then(|cells| cells.get(column))
            .copied()
            .unwrap_or_default()
    }

    fn set(&mut self, column: usize, row: usize, cell: Cell) {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, Cell::Empty);
        }
        cells[column] = cell;
    }
}

impl Cell {
    fn char(self) -> char {
        match self {
            Self::Empty => ' ',
            Self::Char(c) => c,
            Self::Line { ways, .. } => line_char(ways),
        }
    }
}

fn line_char(ways: u8) -> char {
    const CHARS: [char; 16] = [
        ' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼',
    ];
    CHARS[usize::from(ways & 15)]
}

/// The same drawing with characters every terminal has.
pub(super) fn to_ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '│' => '|',
            '─' => '-',
            '▼' => 'v',
            '←' => '<',
            '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
            c if c.is_ascii() => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_join_themselves_and_cross_others() {
        let mut canvas = Canvas::default();
        canvas.line_down(2, (0, 3), 0);
        canvas.line_across(1, (0, 4), 1);
        canvas.turn_from_above(0, 1, 1);
        canvas.turn_to_below(4, 1, 1);
        assert_eq!(canvas.to_text(), "  │\n└─│─┐\n  │\n");
        canvas.turn_to_below(3, 1, 1);
        assert_eq!(canvas.to_text(), "  │\n└─│┬┐\n  │\n");
    }

    #[test]
    fn boxes_hold_their_texts() {
        let mut canvas = Canvas::default();
        canvas.frame(1, 0, 7, &["ab".into(), "cde".into()]);
        canvas.arrow(3, 0);
        let text = canvas.to_text();
        assert_eq!(text, " ┌─▼───┐\n │ ab  │\n │ cde │\n └─────┘\n");
        assert_eq!(to_ascii(&text), " +-v---+\n | ab  |\n | cde |\n +-----+\n");
    }
}
