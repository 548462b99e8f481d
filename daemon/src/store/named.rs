//! Rows that people call by a name or an id: schedules and watches.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// A table of such rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// What its ids begin with.
    pub(super) prefix: &'static str,
}

/// What a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The row with this id.
    One(String),
    /// Nothing.
    Nothing,
    /// So many ids begin like this.
    Several(usize),
}

impl Table {
    /// The row of an id, a unique beginning of one (with or without its prefix), or a name.
    pub(super) fn find(self, connection: &Connection, given: &str) -> Result<Named, StoreError> {
        let Self { name, prefix } = self;
        let by_name: Option<String> = connection
            .prepare_cached(&format!("SELECT id FROM {name} WHERE name = ?1"))?
            .query_row([given], |row| row.get(0))
            .optional()?;
        if let Some(id) = by_name {
            return Ok(Named::One(id));
        }
        if given.is_empty() {
            return Ok(Named::Nothing);
        }
        let beginning = format!("{prefix}{}", given.strip_prefix(prefix).unwrap_or(given));
        // Ids are hexadecimal: `g` is the first character after all of them.
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id FROM {name} WHERE id >= ?1 AND id < ?1 || 'g'"
        ))?;
        let mut found: Vec<String> = statement
            .query_map([&beginning], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(match found.len() {
            0 => Named::Nothing,
            1 => Named::One(found.remove(0)),
            count => Named::Several(count),
        })
    }

    /// The name, with a number where somebody else than `own` has it.
    pub(super) fn free_name(
        self,
        connection: &Connection,
        wanted: &str,
        own: Option<&str>,
    ) -> Result<String, StoreError> {
        let sql = format!("SELECT id FROM {} WHERE name = ?1", self.name);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut number = 1;
        loop {
            let name = match number {
                1 => wanted.to_owned(),
                number => format!("{wanted}-{number}"),
            };
            let holder: Option<String> =
                statement.query_row([&name], |row| row.get(0)).optional()?;
            if holder.is_none() || holder.as_deref() == own {
                return Ok(name);
            }
            number += 1;
        }
    }
}
