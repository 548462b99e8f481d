//! A document in the canonical layout: two spaces of indentation, one space after `:` and `,`, at most one blank line,
//! no white space at the end of lines, a line end at the end of the file.
//!
//! Neighbours: `layout` walks the lines, `scalars` and `flow` lay out values of many lines, `pieces` cuts keys and
//! comments off, `assemble` joins the result; `syntax` judges what may be laid out at all. Values are moved, never
//! written anew: order, quotes, comments and the text of block scalars stay as the author left them.

mod assemble;
mod flow;
mod layout;
mod pieces;
mod scalars;

use std::borrow::Cow;

use crate::diagnostic::Diagnostics;
use crate::execution::SourceFile;
use crate::syntax::{self, Entry, Kind, Node};

/// Why a document is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It is not YAML that this language reads.
    #[error("the document cannot be read")]
    Syntax(Diagnostics),
    /// It uses a form of YAML whose layout is not known.
    #[error("line {line}: {what} cannot be laid out")]
    Unsupported {
        /// Where, counted from one.
        line: usize,
        /// What stands there.
        what: &'static str,
    },
    /// The new layout would say something else. This is a mistake of this program.
    #[error("the new layout would change what the document says")]
    ChangesMeaning,
}

/// The document in the canonical layout. It says the same and has the same comments, or nothing is returned.
pub fn format(source: &SourceFile) -> Result<String, FormatError> {
    let before = tree(&source.text)?;
    let text = line_ends(&source.text);
    let laid = layout::lay_out(&text)?;
    let text = assemble::assemble(&laid.lines);
    let again = tree(&text).map_err(|_| FormatError::ChangesMeaning)?;
    let comments = layout::lay_out(&text)?.comments;
    if same(&before, &again) && laid.comments == comments {
        Ok(text)
    } else {
        Err(FormatError::ChangesMeaning)
    }
}

/// The text with one sort of line end: a carriage return alone is one to YAML too.
fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

fn tree(text: &str) -> Result<Node, FormatError> {
    let mut found = Diagnostics::new();
    let tree = syntax::load(text, &mut found);
    match tree {
        Some(tree) if !found.has_errors() => Ok(tree),
        _ => {
            found.sort();
            Err(FormatError::Syntax(found))
        }
    }
}

/// Whether two trees say the same, wherever their parts stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::Map(a), Kind::Map(b)) => {
            let pair = |(a, b): (&Entry, &Entry)| a.key == b.key && same(&a.value, &b.value);
            a.len() == b.len() && a.iter().zip(b).all(pair)
        }
        (a, b) => a == b,
    }
}

/// An error at a line counted from zero.
fn unsupported(line: usize, what: &'static str) -> FormatError {
    FormatError::Unsupported {
        line: line + 1,
        what,
    }
}

#[cfg(test)]
mod tests;
