//! Rows: the values of one job of many, and what can be wrong with them.
//!
//! Neighbours: `table_file`, `lines_file` and `matrix` make rows, `plan_rows` holds them against the workflow.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Where something stands, as editors jump to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Place {
    /// The file as it was named; empty for values of the command line.
    pub(crate) file: String,
    /// Line, from 1; 0 when there are no lines.
    pub(crate) line: u64,
    /// Column of the table or character of the line, from 1; 0 for the whole line.
    pub(crate) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct RowProblem {
    #[serde(flatten)]
    pub(crate) place: Place,
    /// What was seen and what to write.
    pub(crate) message: String,
}

impl RowProblem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) value: String,
    pub(super) place: Place,
}

/// The values of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) place: Place,
    /// The name its author gave it.
    pub(super) id: Option<String>,
    /// By input, in the order they were written.
    pub(super) cells: Vec<(String, Cell)>,
}

impl Row {
    /// The values alone.
    pub(super) fn values(&self) -> BTreeMap<String, String> {
        self.cells
            .iter()
            .map(|(name, cell)| (name.clone(), cell.value.clone()))
            .collect()
    }

    /// Whether it has a value for this input.
    pub(super) fn has(&self, input: &str) -> bool {
        self.cells.iter().any(|(name, _)| name == input)
    }

    /// Where the value of an input stands; the row where it has none.
    pub(super) fn place_of(&self, input: &str) -> Place {
        self.cells
            .iter()
            .find(|(name, _)| name == input)
            .map_or_else(|| self.place.clone(), |(_, cell)| cell.place.clone())
    }
}

/// What a file of rows holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Those that could be read.
    pub(super) rows: Vec<Row>,
    /// How many could not be.
    pub(super) unread: usize,
    /// Why not.
    pub(super) problems: Vec<RowProblem>,
    /// How many were left out because every cell is empty.
    pub(super) empty: usize,
}

/// The names rows may use.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    inputs: Vec<String>,
}

/// What a name in a file of rows stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A value of the input of this name.
    Input,
    /// The row's own name.
    Id,
}

impl Names {
    /// Of a workflow with these inputs.
    pub(super) fn new<'a>(inputs: impl Iterator<Item = &'a str>) -> Self {
        Self {
            inputs: inputs.map(str::to_owned).collect(),
        }
    }

    /// Whether the workflow has this input.
    pub(super) fn is_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input == name)
    }

    /// What a name stands for, or what to say about it. An input called `id` wins over the row's own name.
    pub(super) fn column(&self, name: &str) -> Result<Column, String> {
        if self.is_input(name) {
            return Ok(Column::Input);
        }
        if name == "id" {
            return Ok(Column::Id);
        }
        let known = self.inputs.iter().map(String::as_str);
        let advice = match fenta_workflows::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.inputs.is_empty() => "it has none".to_owned(),
            None => format!("its inputs: {}", self.inputs.join(", ")),
        };
        Err(format!("the workflow has no input `{name}`; {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_as_exact_as_they_are_known() {
        let mut place = Place {
            file: "rows.csv".into(),
            ..Place::default()
        };
        assert_eq!(place.to_string(), "rows.csv");
        place.line = 3;
        assert_eq!(place.to_string(), "rows.csv:3");
        place.column = 2;
        assert_eq!(place.to_string(), "rows.csv:3:2");
    }

    #[test]
    fn names_are_inputs_first() {
        let names = Names::new(["topic", "length"].into_iter());
        assert_eq!(names.column("topic"), Ok(Column::Input));
        assert_eq!(names.column("id"), Ok(Column::Id));
        let text = names.column("topik").unwrap_err();
        assert!(text.contains("did you mean `topic`?"), "{text}");
        let text = names.column("colour").unwrap_err();
        assert!(text.contains("its inputs: topic, length"), "{text}");
        let own = Names::new(["id"].into_iter());
        assert_eq!(own.column("id"), Ok(Column::Input));
    }
}
