//! A line that is typed without being seen.

use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::read_line;
use crate::command_error::CommandError;

/// Sees to it that what is typed is seen again, however the question ends.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nothing to be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Asks for a line on the terminal; the text without the line's end.
pub(crate) fn ask(question: &str) -> Result<String, CommandError> {
    let asked = || -> io::Result<Option<String>> {
        write!(io::stderr(), "{question}")?;
        io::stderr().flush()?;
        let _hidden = Hidden::new()?;
        read_line()
    };
    let line = asked().map_err(|source| CommandError::Io {
        what: "cannot ask for the key".to_owned(),
        source,
    })?;
    Ok(line.unwrap_or_default())
}
