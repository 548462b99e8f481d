//! Rows from `--matrix`: every combination of some values of some inputs.

use super::row::{Cell, Names, Place, Row};
use crate::command_error::CommandError;

/// More is a slip, not a plan.
pub(super) const MAX_COMBINATIONS: usize = 1000;

/// One `--matrix`: an input and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) input: String,
    pub(super) values: Vec<Cell>,
}

/// `NAME=A,B,C`, or `NAME=@FILE` with one value a line.
pub(super) fn axis(
    written: &str,
    names: &Names,
    text_of: &dyn Fn(&str) -> Result<String, CommandError>,
) -> Result<Axis, CommandError> {
    let wrong = |message: String, hint: &str| {
        CommandError::usage(format!("--matrix {written}: {message}"), hint)
    };
    let Some((input, values)) = written.split_once('=') else {
        return Err(wrong(
            "there is no `=`".to_owned(),
            "write --matrix NAME=A,B,C, or --matrix NAME=@FILE with one value a line",
        ));
    };
    if !names.is_input(input) {
        let message = names
            .column(input)
            .err()
            .unwrap_or_else(|| format!("the workflow has no input `{input}`"));
        return Err(wrong(message, "a matrix goes over inputs of the workflow"));
    }
    let values = match values.strip_prefix('@') {
        Some(file) => from_lines(file, &text_of(file)?),
        None => from_list(written, values),
    };
    if values.is_empty() {
        return Err(wrong(
            "there are no values".to_owned(),
            "write at least one value",
        ));
    }
    for (index, cell) in values.iter().enumerate() {
        if values[..index]
            .iter()
            .any(|before| before.value == cell.value)
        {
            return Err(wrong(
                format!("`{}` is there twice", cell.value),
                "each value makes rows of its own, so each is written once",
            ));
        }
    }
    Ok(Axis {
        input: input.to_owned(),
        values,
    })
}

fn from_list(written: &str, values: &str) -> Vec<Cell> {
    let values = values.split(',').map(str::trim);
    values
        .filter(|value| !value.is_empty())
        .map(|value| Cell {
            value: value.to_owned(),
            place: Place {
                file: format!("--matrix {written}"),
                ..Place::default()
            },
        })
        .collect()
}

fn from_lines(file: &str, text: &str) -> Vec<Cell> {
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    lines
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(line, value)| Cell {
            value: value.trim().to_owned(),
            place: Place {
                file: file.to_owned(),
                line,
                column: 0,
            },
        })
        .collect()
}

/// Every row with every combination: the last axis changes fastest.
pub(super) fn product(rows: Vec<Row>, axes: &[Axis]) -> Result<Vec<Row>, CommandError> {
    for (index, axis) in axes.iter().enumerate() {
        let twice = axes[..index]
            .iter()
            .any(|before| before.input == axis.input);
        let written = rows.iter().find(|row| row.has(&axis.input));
        if twice || written.is_some() {
            let other = written.map_or("another --matrix".to_owned(), |row| row.place.file.clone());
            return Err(CommandError::usage(
                format!(
                    "`{}` gets values from --matrix and from {other}",
                    axis.input
                ),
                "leave one of the two out",
            ));
        }
    }
    let count = axes.iter().try_fold(rows.len(), |count, axis| {
        count
            .checked_mul(axis.values.len())
            .filter(|count| *count <= MAX_COMBINATIONS)
    });
    if count.is_none() {
        let factors: Vec<String> = axes
            .iter()
            .map(|axis| axis.values.len().to_string())
            .collect();
        return Err(CommandError::usage(
            format!(
                "{} rows x {} values are more than {MAX_COMBINATIONS} combinations",
                rows.len(),
                factors.join(" x ")
            ),
            "take fewer values, or several runs; finished work is not done again",
        ));
    }
    Ok(axes.iter().fold(rows, |rows, axis| {
        rows.iter().flat_map(|row| spread(row, axis)).collect()
    }))
}

/// One row per value, each with the value in its name.
fn spread(row: &Row, axis: &Axis) -> Vec<Row> {
    axis.values
        .iter()
        .map(|cell| {
            let mut row = row.clone();
            row.id = Some(match &row.id {
                Some(id) => format!("{id}-{}", cell.value),
                None => cell.value.clone(),
            });
            row.cells.push((axis.input.clone(), cell.clone()));
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(["lang", "mood", "topic"].into_iter())
    }

    fn one(written: &str) -> Result<Axis, CommandError> {
        axis(written, &names(), &|file| {
            assert_eq!(file, "list.txt");
            Ok("calm\n\n  dreamy, slow \n".to_owned())
        })
    }

    #[test]
    fn combinations_are_complete_and_named() {
        let axes = [one("lang=en, de").unwrap(), one("mood=@list.txt").unwrap()];
        let rows = product(vec![Row::default()], &axes).unwrap();
        let ids: Vec<&str> = rows.iter().filter_map(|row| row.id.as_deref()).collect();
        assert_eq!(
            ids,
            ["en-calm", "en-dreamy, slow", "de-calm", "de-dreamy, slow"]
        );
        assert_eq!(rows[3].values()["mood"], "dreamy, slow");
        assert_eq!(rows[3].place_of("mood").to_string(), "list.txt:3");
    }

    #[test]
    fn slips_are_named() {
        for (written, part) in [
            ("lang", "there is no `=`"),
            ("long=a", "did you mean `lang`?"),
            ("id=a", "no input `id`"),
            ("lang=,", "there are no values"),
            ("lang=a,b,a", "`a` is there twice"),
        ] {
            let text = one(written).unwrap_err().to_string();
            assert!(text.contains(part), "{written}: {text}");
        }
    }

    #[test]
    fn an_input_gets_its_values_from_one_place() {
        let axes = [one("lang=en").unwrap(), one("lang=de").unwrap()];
        let error = product(vec![Row::default()], &axes).unwrap_err();
        assert!(error.to_string().contains("`lang` gets values"), "{error}");
    }

    #[test]
    fn too_many_combinations_are_refused_without_making_them() {
        let many = Axis {
            input: "topic".into(),
            values: vec![one("topic=x").unwrap().values.remove(0); 400],
        };
        let axes = [one("lang=a,b,c").unwrap(), many];
        let error = product(vec![Row::default()], &axes).unwrap_err();
        assert!(error.to_string().contains("3 x 400"), "{error}");
    }
}
