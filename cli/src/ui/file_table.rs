//! Files on their way as a table that stays below whatever else is printed: a line for each, and one for all of them.
//!
//! Neighbours: `commands::watch::here` feeds it. Where the terminal does not move it shows nothing.

use fenta_workflows::diagnostic::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::Ui;
use super::table::terminal_width;

/// Lines for files, at most: what does not fit is counted.
const MOST: usize = 12;

/// Columns where the terminal does not say.
const COLUMNS: usize = 80;

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileLine {
    /// Where it stands.
    pub(crate) state: &'static str,
    /// What it is called; from outside.
    pub(crate) name: String,
    /// What is to be known; may be empty.
    pub(crate) detail: String,
}

/// Shows files.
pub(crate) struct FileTable<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
}

impl<'a> FileTable<'a> {
    /// With nothing in it.
    pub(crate) fn new(ui: &'a Ui) -> Self {
        let bar = ui.bars().add(ProgressBar::new_spinner());
        bar.set_style(
            ProgressStyle::with_template("{msg}")
                .expect("the template is one, because a test reads it"),
        );
        Self { ui, bar }
    }

    /// Shows these files, and what is to be said of all.
    pub(crate) fn show(&self, files: &[FileLine], all: &str) {
        if !self.ui.is_live() {
            return;
        }
        let width = terminal_width().filter(|width| *width > 0);
        let width = width.unwrap_or(COLUMNS);
        self.bar.set_message(lines(files, all, width).join("\n"));
        self.bar.tick();
    }
}

impl Drop for FileTable<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The lines of the table, none wider than the terminal.
fn lines(files: &[FileLine], all: &str, width: usize) -> Vec<String> {
    let shown = if files.len() > MOST {
        MOST - 1
    } else {
        files.len()
    };
    let mut lines: Vec<String> = files
        .iter()
        .take(shown)
        .map(|file| {
            let detail = match file.detail.as_str() {
                "" => String::new(),
                detail => format!("  ({detail})"),
            };
            cut(&format!("{:<9} {}{detail}", file.state, file.name), width)
        })
        .collect();
    if files.len() > shown {
        lines.push(format!("… and {} more", files.len() - shown));
    }
    lines.push(cut(all, width));
    lines
}

/// A line that fits and cannot steer a terminal.
fn cut(line: &str, width: usize) -> String {
    // A name may hold line breaks and tabs; the table has a line for each file.
    let line = line.replace(['\n', '\t'], " ");
    let line = printable(&line);
    let most = width.saturating_sub(1).max(10);
    if line.chars().count() <= most {
        return line.into_owned();
    }
    let kept: String = line.chars().take(most - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> FileLine {
        FileLine {
            state: "settling",
            name: name.to_owned(),
            detail: String::new(),
        }
    }

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template("{msg}").is_ok());
    }

    #[test]
    fn lines_fit_and_the_rest_is_counted() {
        let files: Vec<FileLine> = (0..40).map(|at| file(&format!("clip {at}.mp4"))).collect();
        let table = lines(&files, "40 settling", 80);
        assert_eq!(table.len(), MOST + 1);
        assert_eq!(table[0], "settling  clip 0.mp4");
        assert_eq!(table[MOST - 1], "… and 29 more");
        assert_eq!(table[MOST], "40 settling");
        let mut long = file(&"x".repeat(300));
        long.detail = "process 7 has it open for writing".to_owned();
        let table = lines(&[long], "1 growing", 40);
        assert!(
            table.iter().all(|line| line.chars().count() < 40),
            "{table:?}"
        );
        assert_eq!(lines(&[], "no files yet", 40), ["no files yet"]);
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let table = lines(&[file("a\u{1b}[31m\nb")], "1 settling", 60);
        assert_eq!(table.len(), 2);
        assert!(
            table.iter().all(|line| !line.chars().any(char::is_control)),
            "{table:?}"
        );
    }
}
