//! Documents that live in the daemon: workflows and templates.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A workflow.
    Workflow,
    /// A template; its name is its own.
    Template,
}

impl DocumentKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Template => "template",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Workflow => "wf_",
            Self::Template => "tpl_",
        }
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRecord {
    /// Its place in the order of all documents.
    pub ordinal: i64,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The whole of it.
    pub text: String,
    /// How often it was written.
    pub version: u32,
    /// When it came, RFC 3339 UTC.
    pub created_at: String,
    /// When it was last written, RFC 3339 UTC.
    pub updated_at: String,
}

/// How a change went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is so now.
    Done(DocumentRecord),
    /// The name belongs to another one.
    NameTaken,
    /// Somebody else wrote it since; this is its version now.
    Changed(u32),
}

impl Store {
    /// Keeps a new document.
    pub async fn create_document(
        &self,
        kind: DocumentKind,
        name: String,
        text: String,
    ) -> Result<Kept, StoreError> {
        let (id, at) = (self.clock.fresh_id(kind.prefix()), self.now_text());
        self.threads
            .write(move |connection| {
                if kind == DocumentKind::Template && by_name(connection, kind, &name)?.is_some() {
                    return Ok(Kept::NameTaken);
                }
                connection
                    .prepare_cached(
                        "INSERT INTO documents (id, kind, name, text, version, created_at, updated_at)
                         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)",
                    )?
                    .execute(params![id, kind.as_str(), name, text, at])?;
                select(connection, kind, &id).map(Kept::Done)
            })
            .await
    }

    /// A document by its id, a unique beginning of it, or its name.
    pub async fn document(
        &self,
        kind: DocumentKind,
        given: &str,
    ) -> Result<DocumentRecord, StoreError> {
        let given = given.to_owned();
        self.threads
            .read(move |connection| {
                let id = resolve(connection, kind, &given)?;
                select(connection, kind, &id)
            })
            .await
    }

    /// Documents before a place, the newest first.
    pub async fn documents(
        &self,
        kind: DocumentKind,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<DocumentRecord>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT * FROM documents
                     WHERE kind = ?1 AND removed_at IS NULL AND ordinal < ?2
                     ORDER BY ordinal DESC LIMIT ?3",
                )?;
                let before = before.unwrap_or(i64::MAX);
                let rows = statement.query_map(params![kind.as_str(), before, limit], record)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Writes a document anew, if its version is still the one that was looked at.
    pub async fn replace_document(
        &self,
        kind: DocumentKind,
        given: &str,
        (name, text): (String, String),
        version: Option<u32>,
    ) -> Result<Kept, StoreError> {
        let (given, at) = (given.to_owned(), self.now_text());
        self.threads
            .write(move |connection| {
                let id = resolve(connection, kind, &given)?;
                let known = select(connection, kind, &id)?;
                if version.is_some_and(|version| version != known.version) {
                    return Ok(Kept::Changed(known.version));
                }
                let namesake = by_name(connection, kind, &name)?;
                if kind == DocumentKind::Template && namesake.is_some_and(|other| other != id) {
                    return Ok(Kept::NameTaken);
                }
                connection
                    .prepare_cached(
                        "UPDATE documents SET name = ?2, text = ?3, version = version + 1, updated_at = ?4
                         WHERE id = ?1",
                    )?
                    .execute(params![id, name, text, at])?;
                select(connection, kind, &id).map(Kept::Done)
            })
            .await
    }

    /// Takes a document away; gives it back once more.
    pub async fn remove_document(
        &self,
        kind: DocumentKind,
        given: &str,
    ) -> Result<DocumentRecord, StoreError> {
        let (given, at) = (given.to_owned(), self.now_text());
        self.threads
            .write(move |connection| {
                let id = resolve(connection, kind, &given)?;
                let known = select(connection, kind, &id)?;
                connection
                    .prepare_cached("UPDATE documents SET removed_at = ?2 WHERE id = ?1")?
                    .execute(params![id, at])?;
                Ok(known)
            })
            .await
    }
}

fn by_name(
    connection: &Connection,
    kind: DocumentKind,
    name: &str,
) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id FROM documents WHERE kind = ?1 AND name = ?2 AND removed_at IS NULL LIMIT 1",
        )?
        .query_row([kind.as_str(), name], |row| row.get(0))
        .optional()?)
}

/// By id first, then by name, then by the beginning of an id.
fn resolve(connection: &Connection, kind: DocumentKind, given: &str) -> Result<String, StoreError> {
    let found = |sql: &str, value: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([kind.as_str(), value], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    if given.is_empty() {
        return Err(StoreError::UnknownDocument {
            kind: kind.as_str(),
            given: String::new(),
        });
    }
    let beginning = match given.strip_prefix(kind.prefix()) {
        Some(_) => given.to_owned(),
        None => format!("{}{given}", kind.prefix()),
    };
    let ways = [
        (
            "SELECT id FROM documents WHERE kind = ?1 AND id = ?2 AND removed_at IS NULL",
            given,
        ),
        (
            "SELECT id FROM documents WHERE kind = ?1 AND name = ?2 AND removed_at IS NULL",
            given,
        ),
        (
            "SELECT id FROM documents WHERE kind = ?1 AND id >= ?2 AND id < ?2 || 'g'
             AND removed_at IS NULL",
            beginning.as_str(),
        ),
    ];
    for (sql, value) in ways {
        let mut ids = found(sql, value)?;
        match ids.len() {
            0 => {}
            1 => return Ok(ids.remove(0)),
            count if !given.is_empty() => {
                return Err(StoreError::AmbiguousDocument {
                    kind: kind.as_str(),
                    given: given.to_owned(),
                    count,
                });
            }
            _ => {}
        }
    }
    Err(StoreError::UnknownDocument {
        kind: kind.as_str(),
        given: given.to_owned(),
    })
}

fn select(
    connection: &Connection,
    kind: DocumentKind,
    id: &str,
) -> Result<DocumentRecord, StoreError> {
    connection
        .prepare_cached("SELECT * FROM documents WHERE id = ?1")?
        .query_row([id], record)
        .optional()?
        .ok_or_else(|| StoreError::UnknownDocument {
            kind: kind.as_str(),
            given: id.to_owned(),
        })
}

fn record(row: &Row<'_>) -> rusqlite::Result<DocumentRecord> {
    Ok(DocumentRecord {
        ordinal: row.get("ordinal")?,
        id: row.get("id")?,
        name: row.get("name")?,
        text: row.get("text")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    fn done(kept: Kept) -> DocumentRecord {
        match kept {
            Kept::Done(record) => record,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_document_is_kept_changed_and_removed() {
        let test = testing::open();
        let store = &test.store;
        let kind = DocumentKind::Workflow;
        let make = async |name: &str| {
            let text = format!("text of {name}");
            done(
                store
                    .create_document(kind, name.to_owned(), text)
                    .await
                    .unwrap(),
            )
        };
        let (a, b) = (make("a").await, make("b").await);
        assert!(a.id.starts_with("wf_") && a.version == 1);
        for given in [&*a.id, "a", &a.id[3..]] {
            assert_eq!(store.document(kind, given).await.unwrap(), a, "{given}");
        }
        let page = store.documents(kind, None, 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(&b));
        let next = store.documents(kind, Some(b.ordinal), 9).await.unwrap();
        assert_eq!(next, std::slice::from_ref(&a));
        let new = || ("a2".to_owned(), "other".to_owned());
        let changed = store
            .replace_document(kind, &a.id, new(), Some(1))
            .await
            .unwrap();
        assert_eq!(done(changed).version, 2);
        let late = store
            .replace_document(kind, &a.id, new(), Some(1))
            .await
            .unwrap();
        assert_eq!(late, Kept::Changed(2));
        store.remove_document(kind, &a.id).await.unwrap();
        assert!(store.document(kind, &a.id).await.is_err());
        assert!(store.document(kind, "").await.is_err());
        assert!(store.document(DocumentKind::Template, "b").await.is_err());
        make("b").await;
        let error = store.document(kind, "b").await.unwrap_err();
        assert!(
            matches!(error, StoreError::AmbiguousDocument { count: 2, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_template_has_a_name_of_its_own() {
        let test = testing::open();
        let store = &test.store;
        let kind = DocumentKind::Template;
        let make = async |name: &str| {
            let kept = store.create_document(kind, name.to_owned(), String::new());
            kept.await.unwrap()
        };
        let a = done(make("a").await);
        let b = done(make("b").await);
        assert_eq!(make("a").await, Kept::NameTaken);
        let named = ("a".to_owned(), String::new());
        let taken = store
            .replace_document(kind, &b.id, named, None)
            .await
            .unwrap();
        assert_eq!(taken, Kept::NameTaken);
        store.remove_document(kind, "a").await.unwrap();
        assert_ne!(done(make("a").await).id, a.id);
    }
}
