//! Flags a document brings with it: `fenta run w.yaml --topic bees` fills the input `topic`.
//!
//! A document's inputs are not known when arguments are read, so flags after the document that are none of the
//! command's own become `--input-flag NAME=VALUE` here, before clap sees them. Neighbours: `commands::run::params` holds
//! them against the workflow. It must not know any workflow itself.

use std::ffi::OsString;

use clap::Command;

/// The commands whose first argument is a document with inputs.
const COMMANDS: [&str; 8] = [
    "run",
    "plan",
    "lock",
    "snapshot",
    "timeline show",
    "schedule add",
    "watch add",
    "watch here",
];
/// The groups such commands are in.
const GROUPS: [&str; 3] = ["timeline", "schedule", "watch"];

/// The group that is a command too, and the name of that command: `fenta watch DIR FILE`.
const UNNAMED: (&str, &str) = ("watch", "here");

/// `fenta watch --explain PATH` is `fenta watch explain PATH`.
const EXPLAIN: &str = "--explain";

/// What such a flag becomes.
pub(crate) const INPUT_FLAG: &str = "--input-flag";

/// The arguments with flags of the document's own made explicit.
pub(crate) fn made_explicit(args: Vec<OsString>, program: &Command) -> Vec<OsString> {
    let mut rest = args.into_iter().peekable();
    let mut made: Vec<OsString> = rest.next().into_iter().collect();
    let mut grammar = Grammar {
        program,
        command: None,
        path: String::new(),
    };
    let mut document = false;
    while let Some(arg) = rest.next() {
        let Some(text) = arg.to_str() else {
            made.push(arg);
            continue;
        };
        if text == "--" {
            made.push(arg);
            break;
        }
        if document
            && let Some(flag) = text.strip_prefix("--")
            && !grammar.knows(flag)
        {
            let value = if flag.contains('=') {
                None
            } else {
                rest.next_if(|next| next.to_str().is_some_and(is_value))
            };
            made.push(explicit(flag, value));
            continue;
        }
        let is_flag = text.starts_with('-') && text != "-";
        if grammar.path == UNNAMED.0
            && let Some(path) = text.strip_prefix(EXPLAIN)
            && (path.is_empty() || path.starts_with('='))
        {
            made.push(EXPLAIN[2..].into());
            made.extend(path.strip_prefix('=').map(OsString::from));
            break;
        }
        if grammar.wants_name(text) {
            made.push(UNNAMED.1.into());
            grammar.enter(UNNAMED.1);
        }
        let wants_value = is_flag && grammar.wants_value(text);
        if !is_flag {
            if grammar.is_complete() {
                document = true;
            } else if !grammar.enter(text) {
                // Another command: nothing of this concerns it.
                made.push(arg);
                break;
            }
        }
        made.push(arg);
        if wants_value {
            made.extend(rest.next());
        }
    }
    made.extend(rest);
    made
}

/// `--topic bees`, `--topic=bees` and `--loud` as one argument.
fn explicit(flag: &str, value: Option<OsString>) -> OsString {
    let mut arg = OsString::from(format!("{INPUT_FLAG}={flag}"));
    if let Some(value) = value {
        arg.push("=");
        arg.push(value);
    }
    arg
}

/// Whether the argument after a flag is the flag's value: not another flag, but `-`, `-5` and `-.5` are values.
fn is_value(text: &str) -> bool {
    match text.strip_prefix('-') {
        None => true,
        Some(rest) => rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
    }
}

/// The flags clap knows.
struct Grammar<'a> {
    program: &'a Command,
    command: Option<&'a Command>,
    /// The names on the way to the command.
    path: String,
}

impl<'a> Grammar<'a> {
    /// Whether what follows is the command's document.
    fn is_complete(&self) -> bool {
        COMMANDS.contains(&self.path.as_str())
    }

    /// Goes into a command or a group; whether its documents, or those of one in it, have flags.
    fn enter(&mut self, name: &str) -> bool {
        let outer = self.command.unwrap_or(self.program);
        self.command = outer.find_subcommand(name);
        self.path = format!("{} {name}", self.path).trim_start().to_owned();
        self.command.is_some() && (self.is_complete() || GROUPS.contains(&self.path.as_str()))
    }

    /// Whether a group stands where its unnamed command is meant: what follows is none of its commands, and not a plea
    /// for help.
    fn wants_name(&self, next: &str) -> bool {
        self.path == UNNAMED.0
            && !matches!(next, "-h" | "--help" | "help")
            && self.command.is_some_and(|group| {
                group.find_subcommand(next).is_none()
                    && !(next.starts_with("--") && self.knows(&next[2..]))
            })
    }

    fn flags(&self) -> impl Iterator<Item = &'a clap::Arg> {
        let own = self.command.into_iter().flat_map(Command::get_arguments);
        own.chain(self.program.get_arguments())
    }

    fn long(&self, flag: &str) -> Option<&'a clap::Arg> {
        let name = flag.split('=').next().unwrap_or(flag);
        self.flags().find(|arg| arg.get_long() == Some(name))
    }

    fn knows(&self, flag: &str) -> bool {
        // clap adds these when it builds the command.
        let name = flag.split('=').next().unwrap_or(flag);
        matches!(name, "help" | "version") || self.long(flag).is_some()
    }

    /// Whether the value of this flag is the next argument.
    fn wants_value(&self, text: &str) -> bool {
        let takes =
            |arg: &clap::Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
        if let Some(long) = text.strip_prefix("--") {
            return !long.contains('=') && self.long(long).is_some_and(takes);
        }
        // `-o dir`, `-qo dir`, but not `-odir`: the value follows only the last letter.
        let mut letters = text[1..].chars();
        while let Some(letter) = letters.next() {
            let known = self.flags().find(|arg| arg.get_short() == Some(letter));
            if known.is_some_and(takes) {
                return letters.as_str().is_empty();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::app::Cli;

    fn explicit_form(line: &str) -> String {
        let args = line.split(' ').map(OsString::from).collect();
        let made = made_explicit(args, &Cli::command());
        let texts: Vec<String> = made
            .into_iter()
            .map(|arg| arg.into_string().unwrap())
            .collect();
        texts.join(" ")
    }

    #[test]
    fn unknown_flags_after_the_document_are_the_documents() {
        for (line, made) in [
            (
                "fenta run w.yaml --topic bees --json",
                "fenta run w.yaml --input-flag=topic=bees --json",
            ),
            (
                "fenta run w.yaml --topic=a=b -q",
                "fenta run w.yaml --input-flag=topic=a=b -q",
            ),
            (
                "fenta run w.yaml --loud --offset -5",
                "fenta run w.yaml --input-flag=loud --input-flag=offset=-5",
            ),
            (
                "fenta --json run -o out w.yaml --topic -",
                "fenta --json run -o out w.yaml --input-flag=topic=-",
            ),
            (
                "fenta timeline show w.yaml --topic x --node cut",
                "fenta timeline show w.yaml --input-flag=topic=x --node cut",
            ),
            (
                "fenta watch inbox w.yaml --topic bees",
                "fenta watch here inbox w.yaml --input-flag=topic=bees",
            ),
            (
                "fenta watch -o out inbox w.yaml --after keep",
                "fenta watch here -o out inbox w.yaml --after keep",
            ),
            (
                "fenta watch --explain inbox/a.mp4 --json",
                "fenta watch explain inbox/a.mp4 --json",
            ),
            (
                "fenta -q watch --explain=a.mp4",
                "fenta -q watch explain a.mp4",
            ),
            (
                "fenta watch add inbox w.yaml --topic bees",
                "fenta watch add inbox w.yaml --input-flag=topic=bees",
            ),
            (
                "fenta run --out out w.yaml --out2 x",
                "fenta run --out out w.yaml --input-flag=out2=x",
            ),
        ] {
            assert_eq!(explicit_form(line), made);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for line in [
            "fenta run w.yaml -p topic=bees --out x --detach",
            "fenta run --detatch w.yaml",
            "fenta run w.yaml --help",
            "fenta run -- w.yaml --topic",
            "fenta run -o w.yaml --topic bees",
            "fenta ps --topic bees",
            "fenta watch ls",
            "fenta watch --help",
            "fenta watch --json ls",
            "fenta watch",
            "fenta watch rm inbox",
            "fenta",
            "fenta validate a.yaml --topic bees",
        ] {
            assert_eq!(explicit_form(line), line);
        }
    }
}
