//! Opening SQLite the way this daemon needs it: checked, migrated, durable.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use crate::failpoint;

mod embedded {
    refinery::embed_migrations!("src/store/migrations");
}

mod embedded_accounts {
    refinery::embed_migrations!("src/store/accounts/migrations");
}

/// How long one side waits for the other's lock.
const BUSY: Duration = Duration::from_secs(10);

/// The one connection that writes.
pub(super) fn open_for_writing(path: &Path, unclean: bool) -> Result<Connection, StoreError> {
    open_with(path, unclean, embedded::migrations::runner())
}

/// The same for the accounts of a team server.
pub(super) fn open_accounts(path: &Path, unclean: bool) -> Result<Connection, StoreError> {
    open_with(path, unclean, embedded_accounts::migrations::runner())
}

/// A whole copy of a database as it is at this moment, in a file that is not there yet.
pub(super) fn copy_to(connection: &Connection, target: &Path) -> Result<(), StoreError> {
    connection.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
    Ok(())
}

fn open_with(
    path: &Path,
    unclean: bool,
    runner: refinery::Runner,
) -> Result<Connection, StoreError> {
    let existed = path.exists();
    let mut connection = Connection::open(path).map_err(|error| damaged_or(path, error))?;
    connection.busy_timeout(BUSY)?;
    configure(&connection).map_err(|error| damaged_or(path, error))?;
    if unclean && existed {
        check(&connection, path)?;
    }
    // A migration that makes a table anew would lose the rows that refer to it.
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    failpoint::reach("store: before the schema changes");
    migrate(&mut connection, path, existed, runner)?;
    failpoint::reach("store: after the schema changed");
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Refuses a database of another schema, which only its owner may bring up to date.
pub(super) fn same_schema(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let known = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max();
    let applied: Option<i64> = connection
        .query_row(
            "SELECT max(version) FROM refinery_schema_history",
            [],
            |row| row.get(0),
        )
        .map_err(|error| damaged_or(path, error))?;
    if applied == known {
        return Ok(());
    }
    Err(StoreError::Newer {
        path: path.to_owned(),
        detail: format!(
            "schema {}, this version reads {}",
            applied.unwrap_or_default(),
            known.unwrap_or_default()
        ),
    })
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a committed answer survives a power cut, not only a crash of the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged_or(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.to_owned(),
        detail: verdict,
    })
}

fn migrate(
    connection: &mut Connection,
    path: &Path,
    existed: bool,
    runner: refinery::Runner,
) -> Result<(), StoreError> {
    let newest = runner
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max();
    let applied = if existed {
        runner
            .get_last_applied_migration(connection)
            .ok()
            .flatten()
            .map(|migration| migration.version())
    } else {
        None
    };
    if let (Some(applied), Some(newest)) = (applied, newest) {
        if applied > newest {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                detail: format!("schema {applied}, this version knows {newest}"),
            });
        }
        if applied < newest {
            back_up(connection, path, i64::from(applied))?;
            failpoint::reach("store: after a backup");
        }
    }
    runner
        // A new database comes to be in one commit: each costs two waits for the disk, and somebody waits for the daemon.
        .set_grouped(!existed)
        .run(connection)
        .map(|_| ())
        .map_err(|error| StoreError::Migration {
            path: path.to_owned(),
            detail: error.to_string(),
        })
}

/// A whole copy beside the database, made before its schema changes.
fn back_up(connection: &Connection, path: &Path, schema: i64) -> Result<(), StoreError> {
    let copy = path.with_extension(format!("schema-{schema}.backup"));
    match std::fs::remove_file(&copy) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::Io {
                what: "replace",
                path: copy,
                source,
            });
        }
        _ => {}
    }
    copy_to(connection, &copy)
}

fn damaged_or(path: &Path, error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            path: path.to_owned(),
            detail: error.to_string(),
        },
        _ => StoreError::Sqlite(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_durable_and_strict() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_for_writing(&folder.path().join("a.db"), false).unwrap();
        let pragma = |name: &str| -> String {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| {
                    row.get::<_, rusqlite::types::Value>(0)
                })
                .map(|value| format!("{value:?}"))
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
        assert_eq!(pragma("synchronous"), "Integer(2)");
        assert_eq!(pragma("foreign_keys"), "Integer(1)");
    }

    #[test]
    fn a_reopened_database_keeps_its_rows_and_its_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let insert = "INSERT INTO file_index VALUES ('/a', 's', 'd')";
        open_for_writing(&path, false)
            .unwrap()
            .execute(insert, [])
            .unwrap();
        let again = open_for_writing(&path, true).unwrap();
        let rows: i64 = again
            .query_row("SELECT count(*) FROM file_index", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, "this is a diary, not a database".repeat(100)).unwrap();
        let error = open_for_writing(&path, false).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("a.db"));
    }

    #[test]
    fn damage_inside_is_found_after_an_unclean_exit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        {
            let connection = open_for_writing(&path, false).unwrap();
            for i in 0..2000 {
                connection
                    .execute(
                        "INSERT INTO file_index VALUES (?1, 'stamp', 'digest')",
                        [format!("/folder/{i}")],
                    )
                    .unwrap();
            }
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let (from, to) = (bytes.len() / 2, bytes.len() * 3 / 4);
        bytes[from..to].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        let error = open_for_writing(&path, true).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        open_for_writing(&path, false)
            .unwrap()
            .execute(
                "INSERT INTO refinery_schema_history VALUES (99, 'future', '2027-01-01T00:00:00Z', '1')",
                [],
            )
            .unwrap();
        let error = open_for_writing(&path, false).unwrap_err();
        assert!(matches!(error, StoreError::Newer { .. }), "{error}");
        assert!(error.to_string().contains("99"));
    }
}
