//! The terminal: the one door of stdout, stderr, indicatif and comfy-table.
//!
//! stdout carries results only; everything else goes to stderr. Nothing here knows what a command does.

pub(crate) mod batch_progress;
pub(crate) mod bytes;
pub(crate) mod diff;
pub(crate) mod file_table;
pub(crate) mod job_lines;
pub(crate) mod progress;
pub(crate) mod secret;
pub(crate) mod span;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod turn;

use std::io::{self, BufRead, IsTerminal, Write};

use fenta_client::api::problem::LocatedDiagnostic;
use fenta_workflows::Severity;
use fenta_workflows::diagnostic::{picture, printable};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use crate::command_error::CommandError;
use crate::settings::{ColorWish, Settings};
use style::Style;
use table::Table;

/// What the flags say about output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputFlags {
    /// JSON for programs.
    pub(crate) json: bool,
    /// Only ids and paths.
    pub(crate) quiet: bool,
    /// Plain lines, no questions.
    pub(crate) ci: bool,
}

/// The terminal as a command sees it.
pub(crate) struct Ui {
    flags: OutputFlags,
    github: bool,
    out_is_terminal: bool,
    interactive: bool,
    out_style: Style,
    err_style: Style,
    bars: MultiProgress,
}

impl Ui {
    /// For this process.
    pub(crate) fn new(flags: OutputFlags, settings: &Settings) -> Self {
        let out_is_terminal = io::stdout().is_terminal();
        let err_is_terminal = io::stderr().is_terminal();
        let ci = flags.ci || settings.ci;
        let color = |is_terminal: bool| match settings.color {
            ColorWish::Auto => is_terminal && !flags.ci,
            ColorWish::Never => false,
            ColorWish::Always => true,
        };
        let live = err_is_terminal && !ci && !flags.json && !flags.quiet;
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            flags: OutputFlags { ci, ..flags },
            github: settings.github,
            out_is_terminal,
            interactive: err_is_terminal
                && io::stdin().is_terminal()
                && !ci
                && !flags.json
                && !settings.no_input,
            out_style: Style::new(color(out_is_terminal)),
            err_style: Style::new(color(err_is_terminal)),
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// Whether programs read the output.
    pub(crate) fn is_json(&self) -> bool {
        self.flags.json
    }

    /// Whether a person reads stdout.
    pub(crate) fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// How wide drawings on stdout may be.
    pub(crate) fn columns(&self) -> usize {
        const WITHOUT_TERMINAL: usize = 100;
        self.out_width().unwrap_or(WITHOUT_TERMINAL)
    }

    /// Whether only ids and paths are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.flags.quiet
    }

    /// Whether a person can be asked.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether moving pictures are welcome on stderr.
    pub(crate) fn is_live(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// How stderr is painted.
    pub(crate) fn err_style(&self) -> Style {
        self.err_style
    }

    /// How stdout is painted.
    pub(crate) fn out_style(&self) -> Style {
        self.out_style
    }

    /// The columns of the terminal results go to; none when they go elsewhere.
    pub(crate) fn out_width(&self) -> Option<usize> {
        self.out_is_terminal.then(table::terminal_width).flatten()
    }

    /// The bars on stderr.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// A result: one or more lines on stdout.
    pub(crate) fn result(&self, text: &str) -> Result<(), CommandError> {
        self.out_line(&self.out_style.shown(text))
    }

    /// A text whose very characters are the result, such as a document. Only a terminal gets it made visible.
    pub(crate) fn text(&self, text: &str) -> Result<(), CommandError> {
        if self.out_is_terminal {
            return self.result(text);
        }
        self.out_line(text)
    }

    /// Bytes as they are, on stdout. A terminal gets them made visible.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), CommandError> {
        if self.out_is_terminal {
            return self.result(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        }
        self.bars
            .suspend(|| {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            })
            .map_err(stdout_failed)
    }

    /// A line on stdout that holds nothing but what a terminal may get.
    fn out_line(&self, text: &str) -> Result<(), CommandError> {
        self.bars
            .suspend(|| writeln!(io::stdout().lock(), "{text}"))
            .map_err(stdout_failed)
    }

    /// A result for programs: one line of JSON on stdout.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), CommandError> {
        let line = serde_json::to_string(value).map_err(|error| CommandError::Io {
            what: "cannot write the result as JSON".to_owned(),
            source: error.into(),
        })?;
        self.out_line(&escaped(&line))
    }

    /// A table on stdout, as people or programs want it.
    pub(crate) fn table(&self, table: &Table) -> Result<(), CommandError> {
        let text = if self.out_is_terminal {
            table.for_people(self.out_style)
        } else {
            table.for_pipes()
        };
        if text.is_empty() {
            return Ok(());
        }
        self.out_line(&text)
    }

    /// Something to know, on stderr.
    pub(crate) fn note(&self, text: &str) {
        if !self.flags.quiet && !self.flags.json {
            self.err_line(text);
        }
    }

    /// Diagnostics to know, on stderr, as they were rendered.
    pub(crate) fn rendered(&self, text: &str) {
        if !self.flags.quiet && !self.flags.json {
            self.rendered_line(&format!("{text}\n"));
        }
    }

    /// Something to beware of, on stderr.
    pub(crate) fn warn(&self, text: &str) {
        if !self.flags.json {
            let word = self.err_style.yellow("warning:");
            self.err_line(&format!("{word} {text}"));
        }
    }

    /// Warnings about documents, on stderr, as they were rendered; build services get them beside the lines.
    pub(crate) fn warnings(&self, rendered: &str, found: &[LocatedDiagnostic]) {
        self.annotations(found);
        if !self.flags.json {
            self.rendered_line(&format!("{rendered}\n"));
        }
    }

    /// What build services show beside the lines of a document; nothing elsewhere.
    pub(crate) fn annotations(&self, found: &[LocatedDiagnostic]) {
        if self.github {
            for diagnostic in found {
                self.err_line(&annotation(diagnostic));
            }
        }
    }

    /// A line on stderr. When stderr is gone there is nobody left to tell.
    pub(crate) fn err_line(&self, text: &str) {
        self.rendered_line(&self.err_style.shown(text));
    }

    /// A line on stderr that holds nothing but what a terminal may get.
    fn rendered_line(&self, text: &str) {
        let _ = self
            .bars
            .suspend(|| writeln!(io::stderr().lock(), "{text}"));
    }

    /// The end of a command that did not succeed.
    pub(crate) fn error(&self, error: &CommandError) {
        // A plan with work is an answer, not a failure: its exit code says it all.
        if matches!(error, CommandError::ClosedPipe | CommandError::PlanHasWork) {
            return;
        }
        self.annotations(error.diagnostics());
        if self.flags.json {
            let line = serde_json::to_string(&error.to_exit_error());
            self.err_line(&line.map_or_else(|error| error.to_string(), |line| escaped(&line)));
            return;
        }
        if let CommandError::Document { rendered, .. } = error {
            self.rendered_line(&format!("{rendered}\n"));
        } else {
            for found in error.diagnostics() {
                self.err_line(&format!(
                    "{}:{}:{}: [{}] {}",
                    found.file, found.line, found.column, found.code, found.message
                ));
            }
        }
        for problem in error.problems() {
            self.err_line(&problem.to_string());
        }
        let style = self.err_style;
        self.err_line(&format!("{} {}", style.red("error:"), error.full_message()));
        if let Some(hint) = error.hint() {
            self.err_line(&format!("  {} {hint}", style.cyan("help:")));
        }
        if let Some(id) = error.request_id() {
            self.err_line(&format!("  {}", style.dim(&format!("request {id}"))));
        }
    }

    /// Asks a person for a line. `None` when there is no more input. Call it only when interactive.
    pub(crate) fn ask(&self, question: &str) -> Result<Option<String>, CommandError> {
        let read = || -> io::Result<Option<String>> {
            let mut stderr = io::stderr().lock();
            write!(stderr, "{} ", self.err_style.shown(question))?;
            stderr.flush()?;
            read_line()
        };
        self.bars.suspend(read).map_err(|source| CommandError::Io {
            what: "cannot read the answer".to_owned(),
            source,
        })
    }
}

/// A line of standard input without its end; `None` at the end of input.
pub(crate) fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}

fn stdout_failed(source: io::Error) -> CommandError {
    if source.kind() == io::ErrorKind::BrokenPipe {
        CommandError::ClosedPipe
    } else {
        CommandError::Io {
            what: "cannot write to stdout".to_owned(),
            source,
        }
    }
}

/// JSON in which every character that steers a terminal is an escape; serde_json writes some as they are. Outside of texts
/// JSON has none of them.
fn escaped(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        match picture(c) {
            Some(_) => escaped.push_str(&format!("\\u{:04x}", c as u32)),
            None => escaped.push(c),
        }
    }
    escaped
}

/// A workflow command that makes GitHub show the problem beside the line it is about.
fn annotation(found: &LocatedDiagnostic) -> String {
    let escape = |text: &str| {
        let text = text.replace('%', "%25");
        let text = text.replace('\r', "%0D").replace('\n', "%0A");
        printable(&text).into_owned()
    };
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!(
        "::{level} file={},line={},col={},title={}::{}",
        property(&found.file),
        found.line,
        found.column,
        property(&found.code),
        escape(&found.message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_escape_what_would_end_them() {
        let json = r#"{"code":"graph/x","severity":"error","message":"50% off\nnow","file":"a,b.yaml","line":2,"column":3,"end_line":2,"end_column":4,"range":{"start":{"line":1,"character":2},"end":{"line":1,"character":3}},"labels":[],"hints":[]}"#;
        assert_eq!(
            annotation(&serde_json::from_str(json).unwrap()),
            "::error file=a%2Cb.yaml,line=2,col=3,title=graph/x::50%25 off%0Anow"
        );
    }

    // spec: W-9
    #[test]
    fn json_has_escapes_for_everything_that_steers_a_terminal() {
        let name = "x\u{1b}[31m\u{7f}\u{9b}\u{202e}é";
        let line = escaped(&serde_json::to_string(name).unwrap());
        assert_eq!(line, r#""x\u001b[31m\u007f\u009b\u202eé""#);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
    }

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let closed = stdout_failed(io::ErrorKind::BrokenPipe.into());
        assert!(matches!(closed, CommandError::ClosedPipe));
        let full = stdout_failed(io::ErrorKind::StorageFull.into());
        assert!(matches!(full, CommandError::Io { .. }));
    }
}
