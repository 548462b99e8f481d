//! Tables: aligned for people, tab-separated and complete for pipes.
//!
//! The one door of comfy-table.

use comfy_table::{Cell, Color, ContentArrangement, presets};

use fenta_workflows::diagnostic::printable;

use super::style::Style;

/// Rows under a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Row>,
}

/// One row: each cell for people and for pipes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    people: Vec<(String, Tint)>,
    pipes: Vec<String>,
}

/// What a cell's colour says, where there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tint {
    /// Nothing.
    #[default]
    Plain,
    /// Nothing to worry about.
    Good,
    /// Work to do.
    Busy,
    /// Something is wrong.
    Bad,
    /// Not important.
    Faint,
}

impl Row {
    /// An empty row.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A cell that is the same for both.
    pub(crate) fn cell(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.both(text.clone(), text)
    }

    /// A cell that people read shorter than programs.
    pub(crate) fn both(self, people: impl Into<String>, pipes: impl Into<String>) -> Self {
        self.tinted(people, pipes, Tint::Plain)
    }

    /// A cell of both kinds, with a colour for people.
    pub(crate) fn tinted(
        mut self,
        people: impl Into<String>,
        pipes: impl Into<String>,
        tint: Tint,
    ) -> Self {
        self.people.push((people.into(), tint));
        self.pipes.push(pipes.into());
        self
    }

    /// A cell for people alone.
    pub(crate) fn person(mut self, text: impl Into<String>) -> Self {
        self.people.push((text.into(), Tint::Plain));
        self
    }

    /// A cell for programs alone.
    pub(crate) fn program(mut self, text: impl Into<String>) -> Self {
        self.pipes.push(text.into());
        self
    }

    /// Cells for programs alone.
    pub(crate) fn programs<T: AsRef<str>>(mut self, texts: &[T]) -> Self {
        self.pipes
            .extend(texts.iter().map(|text| text.as_ref().to_owned()));
        self
    }
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Aligned columns, wrapped to the terminal, with a header.
    pub(crate) fn for_people(&self, style: Style) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(self.header.clone());
        for row in &self.rows {
            table.add_row(row.people.iter().map(|(text, tint)| painted(text, *tint)));
        }
        // Whether there is colour is decided by the style, not by what comfy-table finds out about stdout.
        if style.is_on() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.trim_fmt()
    }

    /// One line a row, cells separated by tabs, nothing cut, no header.
    pub(crate) fn for_pipes(&self) -> String {
        let lines: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let cells: Vec<String> = row.pipes.iter().map(|cell| one_line(cell)).collect();
                cells.join("\t")
            })
            .collect();
        lines.join("\n")
    }
}

/// The columns of the terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

fn painted(text: &str, tint: Tint) -> Cell {
    let cell = Cell::new(printable(text));
    match tint {
        Tint::Plain => cell,
        Tint::Good => cell.fg(Color::Green),
        Tint::Busy => cell.fg(Color::Yellow),
        Tint::Bad => cell.fg(Color::Red),
        Tint::Faint => cell.fg(Color::DarkGrey),
    }
}

/// Tabs and line ends inside a cell would look like other cells and rows.
fn one_line(cell: &str) -> String {
    printable(&cell.replace(['\t', '\n', '\r'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "STATE"]);
        table.row(Row::new().both("job_1", "job_1234567").cell("completed"));
        table.row(Row::new().cell("job_2").cell("a\tb\nc"));
        table
    }

    #[test]
    fn pipes_get_everything_and_no_header() {
        assert_eq!(table().for_pipes(), "job_1234567\tcompleted\njob_2\ta b c");
    }

    #[test]
    fn people_get_aligned_columns_with_a_header() {
        let text = table().for_people(Style::new(false));
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[0], "ID     STATE");
        assert_eq!(lines[1], "job_1  completed");
    }

    // spec: W-9
    #[test]
    fn cells_cannot_steer_a_terminal() {
        let mut table = Table::new(&["NAME"]);
        table.row(Row::new().cell("x\u{1b}[31m\u{7}"));
        assert_eq!(table.for_pipes(), "x␛[31m␇");
        for style in [Style::new(false), Style::new(true)] {
            let text = table.for_people(style);
            assert!(text.contains("x␛[31m␇"), "{text:?}");
        }
    }

    #[test]
    fn an_empty_table_says_nothing() {
        let table = Table::new(&["ID"]);
        assert_eq!(
            (table.for_people(Style::new(false)), table.for_pipes()),
            Default::default()
        );
    }
}
