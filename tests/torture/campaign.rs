//! What campaigns have in common.

use crate::verdict::Books;

/// A campaign.
pub(crate) struct Campaign {
    pub(crate) name: &'static str,
    /// What it does to the daemon.
    pub(crate) what: &'static str,
    pub(crate) run: fn(Scale, u64, &mut Table) -> anyhow::Result<()>,
}

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Minutes, for every change.
    Short,
    /// Hours, before a release.
    Long,
}

impl Scale {
    /// One number for each.
    pub(crate) fn of(self, short: usize, long: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// Figures of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    pub(crate) fn row(&mut self, what: &str, figure: impl ToString) {
        self.0.push((what.to_owned(), figure.to_string()));
    }

    /// What was found in the books.
    pub(crate) fn books(&mut self, books: &Books) {
        for (what, figure) in [
            ("jobs accepted", books.jobs),
            (
                "completed, with the bytes of an untouched run",
                books.completed,
            ),
            ("cancelled", books.cancelled),
            ("paid calls, each made once", books.paid_calls),
            ("rows of the ledger, balanced", books.ledger_rows),
            ("events without a gap", books.events),
            ("blobs verified", books.blobs),
        ] {
            self.row(what, figure);
        }
    }

    pub(crate) fn print(&self) {
        for (what, figure) in &self.0 {
            println!("  {what:<48} {figure:>10}");
        }
    }
}
