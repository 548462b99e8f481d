//! Rows from a table of values separated by commas, semicolons or tabs. The one door of csv.
//!
//! Spreadsheets differ in what they write; what can be told apart is read, and what cannot is said with its place.

use csv::{ReaderBuilder, StringRecord};

use super::row::{Cell, Column, Names, Place, Row, RowProblem, Rows};

const SEPARATORS: [(u8, &str); 3] = [(b',', "comma"), (b';', "semicolon"), (b'\t', "tab")];

/// A file's rows.
pub(super) fn read(file: &str, text: &str, names: &Names) -> Rows {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = |line: u64, column: usize| Place {
        file: file.to_owned(),
        line,
        column,
    };
    let separator = separator(text, names);
    let (text, mut found) = before_open_quote(text, separator, &at);
    let mut records = records(text, separator).into_iter();
    let Some((_, header)) = records.next() else {
        let message = "it is empty; the first line names inputs of the workflow";
        found.problems.push(RowProblem::new(at(0, 0), message));
        return found;
    };
    let columns = match columns(&header, names, &|column| at(1, column)) {
        Ok(columns) => columns,
        Err(problems) => {
            found.unread += records.count();
            found.problems.splice(0..0, problems);
            return found;
        }
    };
    for (line, record) in records {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            found.empty += 1;
        } else if record.len() != columns.len() {
            found.unread += 1;
            let message = miscounted(record.len(), columns.len());
            found.problems.push(RowProblem::new(at(line, 0), message));
        } else {
            let row = row(&record, &columns, &|column| at(line, column));
            found.rows.push(row);
        }
    }
    found
}

/// What stands before a quote that never closes: behind it nobody can tell where rows end, so its lines count as rows.
fn before_open_quote<'a>(
    text: &'a str,
    separator: u8,
    at: &dyn Fn(u64, usize) -> Place,
) -> (&'a str, Rows) {
    let mut found = Rows::default();
    let mut before = text;
    // What is cut off may have begun inside of quotes, so that the rest has an open one too.
    while let Some(line) = open_quote(before, separator) {
        if found.problems.is_empty() {
            let message =
                "the quote that opens here is never closed; write a quote inside quotes twice";
            found.problems.push(RowProblem::new(at(line, 0), message));
        }
        let lines = before.split_inclusive('\n');
        let kept = lines.take(usize::try_from(line).unwrap_or(1) - 1);
        before = &before[..kept.map(str::len).sum()];
    }
    let lost = text[before.len()..].lines();
    found.unread = lost.filter(|line| !line.trim().is_empty()).count();
    (before, found)
}

fn miscounted(found: usize, expected: usize) -> String {
    let extra = if found > expected {
        "a text with a separator in it needs quotes around it"
    } else {
        "leave a cell empty to use the input's default, but keep its separator"
    };
    format!("{found} cells where the header names {expected} columns; {extra}")
}

fn row(record: &StringRecord, columns: &[(String, Column)], place: &dyn Fn(usize) -> Place) -> Row {
    let mut row = Row {
        place: place(0),
        ..Row::default()
    };
    for (index, ((name, column), value)) in columns.iter().zip(record).enumerate() {
        if value.is_empty() {
            continue;
        }
        match column {
            Column::Id => row.id = Some(value.to_owned()),
            Column::Input => {
                let cell = Cell {
                    value: value.to_owned(),
                    place: place(index + 1),
                };
                row.cells.push((name.clone(), cell));
            }
        }
    }
    row
}

/// What each column is for, or everything that is wrong with them.
fn columns(
    header: &StringRecord,
    names: &Names,
    place: &dyn Fn(usize) -> Place,
) -> Result<Vec<(String, Column)>, Vec<RowProblem>> {
    let mut columns: Vec<(String, Column)> = Vec::new();
    let mut wrong = Vec::new();
    for (number, name) in (1..).zip(header.iter().map(str::trim)) {
        let column = if name.is_empty() {
            Err("the column has no name".to_owned())
        } else if columns.iter().any(|(known, _)| known == name) {
            Err(format!("the column `{name}` is there twice"))
        } else {
            names.column(name)
        };
        match column {
            Ok(column) => columns.push((name.to_owned(), column)),
            Err(message) => wrong.push(RowProblem::new(place(number), message)),
        }
    }
    if wrong.is_empty() {
        Ok(columns)
    } else {
        Err(wrong)
    }
}

/// The separator that makes names out of the header; else the one it has most of.
fn separator(text: &str, names: &Names) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty());
    let header = header.unwrap_or_default();
    let known = |separator: u8| {
        header
            .split(char::from(separator))
            .map(|name| name.trim().trim_matches('"'))
            .filter(|name| names.column(name).is_ok())
            .count()
    };
    let parts = |separator: u8| header.split(char::from(separator)).count();
    let mut best = SEPARATORS[0].0;
    for (separator, _) in SEPARATORS {
        if (known(separator), parts(separator)) > (known(best), parts(best)) {
            best = separator;
        }
    }
    best
}

/// The line on which a quote opens that does not close.
fn open_quote(text: &str, separator: u8) -> Option<u64> {
    let (mut line, mut opened, mut at_start) = (1, None, true);
    for byte in text.bytes() {
        match (opened, byte) {
            (None, b'"') if at_start => opened = Some(line),
            // A doubled quote closes and opens again.
            (Some(_), b'"') => (opened, at_start) = (None, true),
            (None, _) => at_start = byte == separator || byte == b'\n' || byte == b'\r',
            _ => {}
        }
        line += u64::from(byte == b'\n');
    }
    opened
}

/// Every record with the line it begins on.
fn records(text: &str, separator: u8) -> Vec<(u64, StringRecord)> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut found = Vec::new();
    // Text in memory, records of any length: nothing is left that could fail.
    for record in reader.records().map_while(Result::ok) {
        let line = record.position().map_or(0, |position| {
            let start = usize::try_from(position.byte()).unwrap_or(text.len());
            // The position is before the blank lines that were skipped.
            let blank = text.get(start..).unwrap_or_default();
            let skipped = blank
                .bytes()
                .take_while(|byte| matches!(byte, b'\n' | b'\r'));
            position.line() + skipped.filter(|byte| *byte == b'\n').count() as u64
        });
        found.push((line, record));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(["topic", "length"].into_iter())
    }

    fn rows(text: &str) -> Vec<Row> {
        {
            let found = read("r.csv", text, &names());
            assert!(found.problems.is_empty(), "{:?}", found.problems);
            found.rows
        }
    }

    fn problems(text: &str) -> Vec<String> {
        let found = read("r.csv", text, &names()).problems;
        found.iter().map(ToString::to_string).collect()
    }

    fn value<'a>(row: &'a Row, name: &str) -> &'a str {
        &row.cells.iter().find(|(n, _)| n == name).unwrap().1.value
    }

    #[test]
    fn quoted_texts_keep_lines_commas_and_quotes() {
        let rows = rows("topic,length\n\"bees, \"\"wasps\"\"\nand ants\",30s\n\nmoss,20s\n");
        assert_eq!(value(&rows[0], "topic"), "bees, \"wasps\"\nand ants");
        assert_eq!(rows[0].place.line, 2);
        assert_eq!(rows[1].place.line, 5, "{rows:?}");
        assert_eq!(rows[1].place_of("length").to_string(), "r.csv:5:2");
    }

    #[test]
    fn spreadsheets_with_marks_semicolons_and_tabs_are_read() {
        for text in [
            "\u{feff}topic;length\r\nbees, wasps;30s\r\n",
            "\u{feff}topic\tlength\nbees, wasps\t30s",
            "\"topic\";\"length\"\n\"bees, wasps\";30s\n",
        ] {
            let rows = rows(text);
            assert_eq!(value(&rows[0], "topic"), "bees, wasps", "{text:?}");
            assert_eq!(value(&rows[0], "length"), "30s", "{text:?}");
        }
    }

    #[test]
    fn empty_cells_are_not_given_and_empty_rows_are_counted() {
        let Rows { rows, empty, .. } =
            read("r.csv", "id,topic,length\na,,3s\n,,\n, ,\nb,x,\n", &names());
        assert_eq!(empty, 2);
        assert_eq!(rows[0].id.as_deref(), Some("a"));
        assert_eq!(rows[0].cells.len(), 1);
        assert_eq!(rows[1].values().get("length"), None);
    }

    #[test]
    fn every_wrong_column_is_named() {
        assert_eq!(
            problems("topik,topic,topic,\nx,y,z,\n"),
            [
                "r.csv:1:1: the workflow has no input `topik`; did you mean `topic`?",
                "r.csv:1:3: the column `topic` is there twice",
                "r.csv:1:4: the column has no name",
            ]
        );
    }

    #[test]
    fn every_row_of_another_length_is_named() {
        let found = problems("topic,length\na,b,c\nok,1s\nonly\n");
        assert!(found[0].starts_with("r.csv:2: 3 cells"), "{found:?}");
        assert!(found[1].starts_with("r.csv:4: 1 cells"), "{found:?}");
    }

    #[test]
    fn a_quote_left_open_is_found_where_it_opens() {
        let found = problems("topic,length\na,1s\n\"b,2s\nc,3s\n");
        assert!(found[0].starts_with("r.csv:3: the quote"), "{found:?}");
        assert!(problems("")[0].contains("it is empty"));
    }

    #[test]
    fn rows_before_an_open_quote_are_read_and_those_behind_it_counted() {
        let found = read(
            "r.csv",
            "topic,length\na,1s\nb\n\"two\nlines\",\"c,3s\nd,4s\n\n",
            &names(),
        );
        assert_eq!((found.rows.len(), found.unread), (1, 4));
        let places: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert!(places[0].starts_with("r.csv:5: the quote"), "{places:?}");
        assert!(places[1].starts_with("r.csv:3: 1 cells"), "{places:?}");
        assert_eq!(places.len(), 2);
    }

    #[test]
    fn a_header_alone_has_no_rows() {
        assert!(rows("topic\n").is_empty());
    }
}
