//! What this machine hands in: every row of the ledger and every end of a job gets a number, once, in the order of this
//! machine. The ledger keeps what the numbers point to, so days without a server cost a few bytes for each record.

use fenta_client::api::sync::{
    DigestQuery, RangeDigest, RecordBody, ResultRecord, SyncRecord, SyncTarget, UsageRecord,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::{Store, StoreError};
use super::{Files, RangeHasher};

/// Records that have a number and were not acknowledged yet, at most. What comes later waits in the ledger.
const WINDOW: u64 = 5000;

/// Where this machine hands in, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPlace {
    /// This device.
    pub device: String,
    /// The context and its address, and whether files are handed in too.
    pub target: SyncTarget,
    /// Whether anything is handed in at the moment.
    pub active: bool,
    /// What the server has for good.
    pub acknowledged: u64,
    /// Records it set aside.
    pub quarantined: u64,
    /// When it answered last.
    pub last_success: Option<String>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// The end of a job that has a number.
    ends_until: u64,
}

/// Records on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// By number.
    pub records: Vec<SyncRecord>,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingFile {
    /// The blob.
    pub digest: String,
    /// Where it lies.
    pub path: String,
}

/// An end of a job that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedJob {
    /// Its place among all ends.
    pub number: u64,
    /// The job.
    pub job: String,
    /// How it ended.
    pub state: String,
    /// When.
    pub at: String,
}

impl Store {
    /// Where this machine hands in, or did.
    pub async fn sync_place(&self) -> Result<Option<SyncPlace>, StoreError> {
        self.threads.read(place).await
    }

    /// From now on this machine hands in there. The same place as before goes on where it was; another one begins anew,
    /// as another device.
    pub async fn set_sync_target(&self, target: SyncTarget) -> Result<SyncPlace, StoreError> {
        let fresh = self.clock.fresh_id("dev_");
        self.threads
            .write(move |connection| {
                let before = place(connection)?;
                let same = before.as_ref().is_some_and(|place| {
                    place.target.context == target.context && place.target.url == target.url
                });
                if same {
                    connection.execute(
                        "UPDATE sync_target SET active = 1, files = ?1",
                        [target.files],
                    )?;
                } else {
                    begin(connection, &fresh, &target)?;
                }
                place(connection)?.ok_or(StoreError::Closed)
            })
            .await
    }

    /// Nothing is handed in any more; what waits stays.
    pub async fn clear_sync_target(&self) -> Result<(), StoreError> {
        self.threads
            .write(|connection| {
                connection.execute("UPDATE sync_target SET active = 0", [])?;
                Ok(())
            })
            .await
    }

    /// Gives numbers to rows of the ledger that have none, as far as there is room; how many.
    pub async fn number_usage(&self) -> Result<u64, StoreError> {
        self.threads.write(number_usage).await
    }

    /// Ends of jobs that have no number yet.
    pub async fn unnumbered_ends(&self, most: u32) -> Result<Vec<EndedJob>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT number, job, state, at FROM job_ends
                     WHERE number > (SELECT ends_until FROM sync_target) ORDER BY number LIMIT ?1",
                )?;
                let rows = statement.query_map([most], |row| {
                    Ok(EndedJob {
                        number: row.get(0)?,
                        job: row.get(1)?,
                        state: row.get(2)?,
                        at: row.get(3)?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Gives a number to an end of a job, with the files as they are; nothing when it has one.
    pub async fn number_end(
        &self,
        number: u64,
        record: ResultRecord,
        files: Files,
    ) -> Result<(), StoreError> {
        self.threads
            .write(move |connection| {
                let Some(place) = place(connection)?.filter(|place| place.ends_until < number)
                else {
                    return Ok(());
                };
                let body = text(&RecordBody::Result(record))?;
                connection
                    .prepare_cached(
                        "INSERT INTO outbox (seq, kind, row, body)
                         VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM outbox), 'result', ?1, ?2)",
                    )?
                    .execute(params![number, body])?;
                if place.target.files {
                    for (digest, path) in files {
                        connection
                            .prepare_cached(
                                "INSERT OR IGNORE INTO outbox_files (digest, path) VALUES (?1, ?2)",
                            )?
                            .execute([digest, path])?;
                    }
                }
                connection.execute("UPDATE sync_target SET ends_until = ?1", [number])?;
                Ok(())
            })
            .await
    }

    /// The next records after what is acknowledged.
    pub async fn outgoing(&self, most: u32, most_bytes: usize) -> Result<Outgoing, StoreError> {
        self.threads
            .read(move |connection| {
                let Some(place) = place(connection)? else {
                    return Ok(Outgoing::default());
                };
                let mut found = Outgoing::default();
                let mut bytes = 0;
                walk(
                    connection,
                    (place.acknowledged + 1, u64::MAX >> 1),
                    most,
                    &mut |seq, body| {
                        bytes += body.len();
                        let fits = found.records.is_empty() || bytes <= most_bytes;
                        if fits {
                            found.records.push(SyncRecord { seq, body });
                        }
                        fits
                    },
                )?;
                Ok(found)
            })
            .await
    }

    /// The digest of records as they are here.
    pub async fn outbox_digest(&self, range: DigestQuery) -> Result<RangeDigest, StoreError> {
        self.threads
            .read(move |connection| {
                let mut hasher = RangeHasher::default();
                walk(
                    connection,
                    (range.from, range.to),
                    u32::MAX >> 1,
                    &mut |seq, body| {
                        hasher.add(seq, &body);
                        true
                    },
                )?;
                Ok(hasher.finish())
            })
            .await
    }

    /// The newest number, and how many rows of the ledger and ends of jobs have none yet.
    pub async fn outbox_size(&self) -> Result<(u64, u64), StoreError> {
        self.threads
            .read(|connection| {
                let newest = one(connection, "SELECT coalesce(max(seq), 0) FROM outbox")?;
                let rows = one(
                    connection,
                    "SELECT count(*) FROM usage_ledger WHERE seq > (SELECT ledger_until FROM sync_target)",
                )?;
                let ends = one(
                    connection,
                    "SELECT count(*) FROM job_ends WHERE number > (SELECT ends_until FROM sync_target)",
                )?;
                Ok((newest, rows + ends))
            })
            .await
    }

    /// What the server said it has. It may be less than before: a server that was restored asks for it again.
    pub async fn acknowledge(&self, acknowledged: u64, quarantined: u64) -> Result<(), StoreError> {
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE sync_target SET acknowledged = ?1, quarantined = ?2, last_success = ?3, last_error = NULL",
                    )?
                    .execute(params![acknowledged, quarantined, at])?;
                Ok(())
            })
            .await
    }

    /// Why the last try came to nothing; nothing when it did not.
    pub async fn note_sync_error(&self, error: Option<String>) -> Result<(), StoreError> {
        self.threads
            .write(move |connection| {
                connection.execute("UPDATE sync_target SET last_error = ?1", [error])?;
                Ok(())
            })
            .await
    }

    /// Files that wait.
    pub async fn outgoing_files(&self, most: u32) -> Result<Vec<OutgoingFile>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT digest, path FROM outbox_files WHERE sent = 0 ORDER BY digest LIMIT ?1",
                )?;
                let rows = statement.query_map([most], |row| {
                    Ok(OutgoingFile {
                        digest: row.get(0)?,
                        path: row.get(1)?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// How many files wait.
    pub async fn files_waiting(&self) -> Result<u64, StoreError> {
        self.threads
            .read(|connection| {
                one(
                    connection,
                    "SELECT count(*) FROM outbox_files WHERE sent = 0",
                )
            })
            .await
    }

    /// A file is there, or is not to be had any more.
    pub async fn file_is_sent(&self, digest: &str) -> Result<(), StoreError> {
        let digest = digest.to_owned();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE outbox_files SET sent = 1 WHERE digest = ?1")?
                    .execute([digest])?;
                Ok(())
            })
            .await
    }
}

fn one(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))?)
}

fn text(body: &RecordBody) -> Result<String, StoreError> {
    serde_json::to_string(body).map_err(|error| StoreError::row("outbox", error))
}

fn place(connection: &Connection) -> Result<Option<SyncPlace>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT device, context, url, files, active, acknowledged, quarantined, last_success, last_error, ends_until
         FROM sync_target",
    )?;
    let found = statement.query_row([], |row| {
        Ok(SyncPlace {
            device: row.get(0)?,
            target: SyncTarget {
                context: row.get(1)?,
                url: row.get(2)?,
                files: row.get(3)?,
                from_start: false,
            },
            active: row.get(4)?,
            acknowledged: row.get(5)?,
            quarantined: row.get(6)?,
            last_success: row.get(7)?,
            last_error: row.get(8)?,
            ends_until: row.get(9)?,
        })
    });
    Ok(found.optional()?)
}

/// A new device, with everything before it left out unless it is wanted.
fn begin(connection: &Connection, device: &str, target: &SyncTarget) -> Result<(), StoreError> {
    connection
        .execute_batch("DELETE FROM sync_target; DELETE FROM outbox; DELETE FROM outbox_files;")?;
    connection
        .prepare_cached(
            "INSERT INTO sync_target (one, device, context, url, files, active, ledger_until, ends_until)
             VALUES (1, ?1, ?2, ?3, ?4, 1,
                     CASE WHEN ?5 THEN 0 ELSE (SELECT coalesce(max(seq), 0) FROM usage_ledger) END,
                     CASE WHEN ?5 THEN 0 ELSE (SELECT coalesce(max(number), 0) FROM job_ends) END)",
        )?
        .execute(params![device, target.context, target.url, target.files, target.from_start])?;
    Ok(())
}

fn number_usage(connection: &Connection) -> Result<u64, StoreError> {
    let Some(place) = place(connection)?.filter(|place| place.active) else {
        return Ok(0);
    };
    let newest = one(connection, "SELECT coalesce(max(seq), 0) FROM outbox")?;
    let room = WINDOW.saturating_sub(newest.saturating_sub(place.acknowledged));
    if room == 0 {
        return Ok(0);
    }
    let numbered = connection
        .prepare_cached(
            "INSERT INTO outbox (seq, kind, row)
             SELECT ?1 + row_number() OVER (ORDER BY seq), 'usage', seq FROM
                 (SELECT seq FROM usage_ledger WHERE seq > (SELECT ledger_until FROM sync_target)
                  ORDER BY seq LIMIT ?2)",
        )?
        .execute(params![newest, room])?;
    connection.execute(
        "UPDATE sync_target SET ledger_until =
             max(ledger_until, (SELECT coalesce(max(row), 0) FROM outbox WHERE kind = 'usage'))",
        [],
    )?;
    Ok(numbered as u64)
}

/// Goes over records in their order, for as long as `take` wants more.
fn walk(
    connection: &Connection,
    (from, to): (u64, u64),
    most: u32,
    take: &mut dyn FnMut(u64, String) -> bool,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT outbox.seq, outbox.body, l.seq, l.at, l.day, l.entry, l.job, l.workflow, l.turn, l.ask, l.meter, l.amount,
                l.usd, l.price_source, l.price_as_of
         FROM outbox LEFT JOIN usage_ledger AS l ON outbox.kind = 'usage' AND l.seq = outbox.row
         WHERE outbox.seq BETWEEN ?1 AND ?2 ORDER BY outbox.seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![from, to, most])?;
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        let body = match row.get::<_, Option<String>>(1)? {
            Some(body) => body,
            None => text(&RecordBody::Usage(usage(row)?))?,
        };
        if !take(seq, body) {
            break;
        }
    }
    Ok(())
}

fn usage(row: &Row<'_>) -> Result<UsageRecord, StoreError> {
    Ok(UsageRecord {
        row: row.get(2)?,
        at: row.get(3)?,
        day: row.get(4)?,
        entry: row.get(5)?,
        job: row.get(6)?,
        workflow: row.get(7)?,
        turn: row.get(8)?,
        ask: row.get(9)?,
        meter: row.get(10)?,
        amount: row.get(11)?,
        usd: row.get(12)?,
        price_source: row.get(13)?,
        price_as_of: row.get(14)?,
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! A ledger with rows in it, without any work.

    use super::*;

    impl Store {
        /// Adds rows to the ledger.
        pub(crate) async fn fill_ledger(&self, rows: u32) {
            self.threads
                .write(move |connection| {
                    let mut statement = connection.prepare_cached(
                        "INSERT INTO usage_ledger (at, day, entry, job, workflow, turn, ask, meter, amount, usd,
                                                   price_source, price_as_of)
                         VALUES ('2026-11-22T00:00:00.000Z', '2026-11-22', 'settled', 'job_1', 'w', 'render', ?1,
                                 'render_seconds', '1.5', '0', 'this machine', '2026-11-22')",
                    )?;
                    for index in 0..rows {
                        statement.execute([format!("ask-{index}")])?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }

        /// Sets seconds of rendering aside, as a job in work does; of this month.
        pub(crate) async fn reserve_render_seconds(&self, seconds: u32) {
            let (at, day) = (
                self.clock.now_text(),
                self.clock.now_text()[..10].to_owned(),
            );
            self.threads
                .write(move |connection| {
                    connection.execute(
                        "INSERT INTO usage_ledger (at, day, entry, job, workflow, turn, ask, meter, amount, usd,
                                                   price_source, price_as_of)
                         VALUES (?1, ?2, 'reserved', 'job_1', 'w', 'render', 'a', 'render_seconds', ?3, '0',
                                 'this machine', '2026-11-22')",
                        params![at, day, seconds.to_string()],
                    )?;
                    Ok(())
                })
                .await
                .unwrap();
        }

        /// Makes a record something that nobody reads.
        pub(crate) async fn spoil_outbox(&self, seq: u64) {
            self.threads
                .write(move |connection| {
                    connection
                        .execute("UPDATE outbox SET body = 'spoilt' WHERE seq = ?1", [seq])?;
                    Ok(())
                })
                .await
                .unwrap();
        }

        /// Changes a record that a device handed in.
        pub(crate) async fn spoil_received(&self, device: &str, seq: u64) {
            let device = device.to_owned();
            self.threads
                .write(move |connection| {
                    connection.execute(
                        "UPDATE received SET body = 'spoilt' WHERE device = ?1 AND seq = ?2",
                        params![device, seq],
                    )?;
                    Ok(())
                })
                .await
                .unwrap();
        }

        /// Notes the end of a job that never was.
        pub(crate) async fn end_a_job(&self, job: &str) {
            let job = job.to_owned();
            self.threads
                .write(move |connection| {
                    connection.execute(
                        "INSERT INTO job_ends (job, state, at) VALUES (?1, 'failed', '2026-11-22T00:00:00.000Z')",
                        [job],
                    )?;
                    Ok(())
                })
                .await
                .unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::testing;

    fn target(context: &str, from_start: bool) -> SyncTarget {
        SyncTarget {
            context: context.to_owned(),
            url: "https://example.com".to_owned(),
            files: true,
            from_start,
        }
    }

    fn ended(job: &str) -> ResultRecord {
        ResultRecord {
            job: job.to_owned(),
            workflow: "w".to_owned(),
            state: "failed".to_owned(),
            at: "2026-11-22T00:00:00.000Z".to_owned(),
            files: Vec::new(),
        }
    }

    #[tokio::test]
    async fn rows_get_numbers_once_and_in_a_window() {
        let test = testing::open();
        let store = &test.store;
        store.fill_ledger(10).await;
        assert_eq!(
            store.number_usage().await.unwrap(),
            0,
            "off until somebody wants it"
        );
        let place = store.set_sync_target(target("team", false)).await.unwrap();
        assert!(place.active && place.device.starts_with("dev_"));
        assert_eq!(
            store.number_usage().await.unwrap(),
            0,
            "what was before is left out"
        );
        store.fill_ledger(6000).await;
        assert_eq!(store.number_usage().await.unwrap(), 5000);
        assert_eq!(store.number_usage().await.unwrap(), 0, "the window is full");
        assert_eq!(store.outbox_size().await.unwrap(), (5000, 1000));
        let out = store.outgoing(500, 1 << 20).await.unwrap().records;
        assert_eq!((out.len(), out[0].seq, out[499].seq), (500, 1, 500));
        let again = store.outgoing(500, 1 << 20).await.unwrap().records;
        assert_eq!(out, again, "a record never changes");
        let one = store.outgoing(500, 1).await.unwrap().records;
        assert_eq!(one.len(), 1, "a record that is too long goes alone");
        store.acknowledge(500, 0).await.unwrap();
        assert_eq!(store.number_usage().await.unwrap(), 500);
        assert_eq!(store.outgoing(1, 1).await.unwrap().records[0].seq, 501);
    }

    #[tokio::test]
    async fn ends_of_jobs_are_numbered_with_their_files() {
        let test = testing::open();
        let store = &test.store;
        store.end_a_job("job_0").await;
        store.set_sync_target(target("team", true)).await.unwrap();
        let ends = store.unnumbered_ends(10).await.unwrap();
        assert_eq!(ends.len(), 1);
        let files = BTreeMap::from([("abc:1".to_owned(), "/out/a.mp4".to_owned())]);
        for _ in 0..2 {
            store
                .number_end(ends[0].number, ended("job_0"), files.clone())
                .await
                .unwrap();
        }
        assert!(store.unnumbered_ends(10).await.unwrap().is_empty());
        let out = store.outgoing(10, 1 << 20).await.unwrap().records;
        assert_eq!(out.len(), 1);
        let body: RecordBody = serde_json::from_str(&out[0].body).unwrap();
        assert_eq!(body, RecordBody::Result(ended("job_0")));
        assert_eq!(store.files_waiting().await.unwrap(), 1);
        store.file_is_sent("abc:1").await.unwrap();
        assert!(store.outgoing_files(9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn another_server_is_another_device_and_the_same_one_goes_on() {
        let test = testing::open();
        let store = &test.store;
        let first = store.set_sync_target(target("team", false)).await.unwrap();
        store.fill_ledger(2).await;
        store.number_usage().await.unwrap();
        store.clear_sync_target().await.unwrap();
        store.fill_ledger(1).await;
        assert_eq!(store.number_usage().await.unwrap(), 0, "off");
        let again = store.set_sync_target(target("team", false)).await.unwrap();
        assert_eq!(again.device, first.device);
        assert_eq!(store.number_usage().await.unwrap(), 1);
        let other = store.set_sync_target(target("cloud", false)).await.unwrap();
        assert_ne!(other.device, first.device);
        assert_eq!(store.outbox_size().await.unwrap(), (0, 0));
    }
}
