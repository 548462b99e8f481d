//! Folders into which this run of the daemon publishes, so that the next one can clear up what this one leaves half written.

use std::path::{Path, PathBuf};

use super::{Store, StoreError};

impl Store {
    /// Remembers a folder before something is written into it.
    pub async fn note_publish_folder(&self, folder: &Path) -> Result<(), StoreError> {
        // A path that is no text cannot be in a document either.
        let Some(folder) = folder.to_str().map(str::to_owned) else {
            return Ok(());
        };
        let asked = folder.clone();
        let known: bool = self
            .threads
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM publish_folders WHERE folder = ?1)",
                    )?
                    .query_row([asked], |row| row.get(0))?)
            })
            .await?;
        if known {
            return Ok(());
        }
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO publish_folders (folder) VALUES (?1)")?
                    .execute([folder])?;
                Ok(())
            })
            .await
    }

    /// The folders that were remembered.
    pub async fn publish_folders(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement =
                    connection.prepare("SELECT folder FROM publish_folders ORDER BY folder")?;
                let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
                Ok(rows
                    .map(|row| row.map(PathBuf::from))
                    .collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Forgets all of them: nothing of an earlier run is left there.
    pub async fn forget_publish_folders(&self) -> Result<(), StoreError> {
        self.threads
            .write(|connection| {
                connection.execute("DELETE FROM publish_folders", [])?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[tokio::test]
    async fn folders_are_remembered_once_and_forgotten_together() {
        let test = testing::open();
        for folder in ["/b", "/a", "/b"] {
            test.store
                .note_publish_folder(Path::new(folder))
                .await
                .unwrap();
        }
        let folders = test.store.publish_folders().await.unwrap();
        assert_eq!(folders, [PathBuf::from("/a"), PathBuf::from("/b")]);
        test.store.forget_publish_folders().await.unwrap();
        assert!(test.store.publish_folders().await.unwrap().is_empty());
    }
}
