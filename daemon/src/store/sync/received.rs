//! What devices handed in: each record once, to the byte, in the order of its device. Handing in again changes nothing, a
//! hole is waited for, what is no good is set aside and counts as taken.

use fenta_client::api::sync::{
    DigestQuery, MOST_RECORD_BYTES, Quarantined, RangeDigest, RecordBody, SyncBatch, SyncDevice,
    SyncDevices, SyncState,
};
use fenta_workflows::cost::Decimal;
use fenta_workflows::digest::Digest;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Store, StoreError};
use super::RangeHasher;

/// Of what was set aside, so many are shown.
const SHOWN: u32 = 100;

impl Store {
    /// Takes records of a device, all together or not at all.
    pub async fn receive(&self, device: &str, batch: SyncBatch) -> Result<SyncState, StoreError> {
        let (device, now) = (device.to_owned(), self.clock.now());
        self.threads
            .write(move |connection| receive(connection, &device, batch, now))
            .await
    }

    /// What is there of a device.
    pub async fn received_state(&self, device: &str) -> Result<SyncState, StoreError> {
        let device = device.to_owned();
        self.threads
            .read(move |connection| state(connection, &device))
            .await
    }

    /// The digest of records of a device as they are here.
    pub async fn received_digest(
        &self,
        device: &str,
        range: DigestQuery,
    ) -> Result<RangeDigest, StoreError> {
        let device = device.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT seq, body FROM received WHERE device = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
                )?;
                let mut rows = statement.query(params![device, range.from, range.to])?;
                let mut hasher = RangeHasher::default();
                while let Some(row) = rows.next()? {
                    hasher.add(row.get(0)?, &row.get::<_, String>(1)?);
                }
                Ok(hasher.finish())
            })
            .await
    }

    /// Puts records of a device aside from a number on: it hands them in anew.
    pub async fn rewind(&self, device: &str, from: u64) -> Result<SyncState, StoreError> {
        let (device, at) = (device.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO superseded (device, seq, body, at)
                         SELECT device, seq, body, ?3 FROM received WHERE device = ?1 AND seq >= ?2",
                    )?
                    .execute(params![device, from, at])?;
                connection
                    .prepare_cached("DELETE FROM received WHERE device = ?1 AND seq >= ?2")?
                    .execute(params![device, from])?;
                connection
                    .prepare_cached(
                        "UPDATE received_devices SET acknowledged = min(acknowledged, ?2 - 1) WHERE device = ?1",
                    )?
                    .execute(params![device, from])?;
                state(connection, &device)
            })
            .await
    }

    /// Whether a record of the device names this file.
    pub async fn is_file_of(&self, device: &str, digest: &str) -> Result<bool, StoreError> {
        let (device, digest) = (device.to_owned(), digest.to_owned());
        self.threads
            .read(move |connection| {
                let sql = "SELECT EXISTS (SELECT 1 FROM received_files WHERE digest = ?1 AND device = ?2)";
                Ok(connection.prepare_cached(sql)?.query_row([digest, device], |row| row.get(0))?)
            })
            .await
    }

    /// Devices that hand in here, and what was set aside.
    pub async fn received_devices(&self) -> Result<SyncDevices, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT device, acknowledged, seen_at, skew_seconds FROM received_devices ORDER BY device",
                )?;
                let items = statement.query_map([], |row| {
                    Ok(SyncDevice {
                        device: row.get(0)?,
                        acknowledged: row.get(1)?,
                        seen_at: row.get(2)?,
                        skew_seconds: row.get(3)?,
                    })
                })?;
                let items = items.collect::<rusqlite::Result<_>>()?;
                let mut statement = connection.prepare_cached(
                    "SELECT device, seq, problem, at FROM received WHERE problem IS NOT NULL
                     ORDER BY at DESC, seq DESC LIMIT ?1",
                )?;
                let quarantine = statement.query_map([SHOWN], |row| {
                    Ok(Quarantined {
                        device: row.get(0)?,
                        seq: row.get(1)?,
                        reason: row.get(2)?,
                        at: row.get(3)?,
                    })
                })?;
                Ok(SyncDevices {
                    items,
                    quarantine: quarantine.collect::<rusqlite::Result<_>>()?,
                })
            })
            .await
    }
}

fn receive(
    connection: &Connection,
    device: &str,
    mut batch: SyncBatch,
    now: Timestamp,
) -> Result<SyncState, StoreError> {
    let at = crate::clock::timestamp_text(now);
    let skew = batch.at.parse::<Timestamp>().map_or(0, |theirs| {
        theirs.as_second().saturating_sub(now.as_second())
    });
    let mut acknowledged = state(connection, device)?.acknowledged;
    connection
        .prepare_cached(
            "INSERT INTO received_devices (device, acknowledged, seen_at, skew_seconds) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (device) DO UPDATE SET seen_at = ?2, skew_seconds = ?3",
        )?
        .execute(params![device, at, skew])?;
    batch.records.sort_by_key(|record| record.seq);
    for record in batch.records {
        if record.seq <= acknowledged {
            // Handed in before; what was first stays, and a difference is found by comparing digests.
            continue;
        }
        if record.seq > acknowledged + 1 {
            break;
        }
        let checked = check(&record.body);
        connection
            .prepare_cached(
                "INSERT INTO received (device, seq, body, problem, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                device,
                record.seq,
                record.body,
                checked.as_ref().err(),
                at
            ])?;
        if let Ok(RecordBody::Result(result)) = checked {
            for file in result.files {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO received_files (digest, device, name) VALUES (?1, ?2, ?3)")?
                    .execute([&file.digest, device, &file.name])?;
            }
        }
        acknowledged = record.seq;
    }
    connection
        .prepare_cached("UPDATE received_devices SET acknowledged = ?2 WHERE device = ?1")?
        .execute(params![device, acknowledged])?;
    state(connection, device)
}

fn state(connection: &Connection, device: &str) -> Result<SyncState, StoreError> {
    let acknowledged: Option<u64> = connection
        .prepare_cached("SELECT acknowledged FROM received_devices WHERE device = ?1")?
        .query_row([device], |row| row.get(0))
        .optional()?;
    let quarantined = connection
        .prepare_cached("SELECT count(*) FROM received WHERE device = ?1 AND problem IS NOT NULL")?
        .query_row([device], |row| row.get(0))?;
    Ok(SyncState {
        acknowledged: acknowledged.unwrap_or(0),
        quarantined,
    })
}

/// What a record says, or why it is no good.
fn check(body: &str) -> Result<RecordBody, String> {
    if body.len() > MOST_RECORD_BYTES {
        return Err(format!(
            "{} bytes, a record has at most {MOST_RECORD_BYTES}",
            body.len()
        ));
    }
    let record: RecordBody = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let time = |text: &str| {
        text.parse::<Timestamp>()
            .map(drop)
            .map_err(|_| format!("`at` is `{text}`, which is no time"))
    };
    match &record {
        RecordBody::Usage(usage) => {
            time(&usage.at)?;
            if !matches!(&*usage.entry, "reserved" | "settled" | "released") {
                return Err(format!("`entry` is `{}`", usage.entry));
            }
            let amounts = std::iter::once(&usage.amount).chain(&usage.usd);
            for amount in amounts {
                let number = amount
                    .parse::<Decimal>()
                    .ok()
                    .filter(|number| *number >= Decimal::ZERO);
                number.ok_or_else(|| format!("`{amount}` is no amount"))?;
            }
        }
        RecordBody::Result(result) => {
            time(&result.at)?;
            if !matches!(&*result.state, "completed" | "failed" | "cancelled") {
                return Err(format!("`state` is `{}`", result.state));
            }
            for file in &result.files {
                file.digest
                    .parse::<Digest>()
                    .map_err(|_| format!("`{}` is no blob", file.digest))?;
            }
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use fenta_client::api::sync::{ResultFile, ResultRecord, SyncRecord, SyncTarget};

    use super::*;
    use crate::store::testing;

    fn body(job: &str) -> String {
        serde_json::to_string(&RecordBody::Result(ResultRecord {
            job: job.to_owned(),
            workflow: "w".to_owned(),
            state: "completed".to_owned(),
            at: "2026-11-22T00:00:00.000Z".to_owned(),
            files: vec![ResultFile {
                name: "a.mp4".to_owned(),
                digest: format!("{}/5", "a".repeat(64)),
            }],
        }))
        .unwrap()
    }

    fn batch(records: &[(u64, String)]) -> SyncBatch {
        SyncBatch {
            at: "2026-11-18T12:06:40.000Z".to_owned(),
            records: records
                .iter()
                .map(|(seq, body)| SyncRecord {
                    seq: *seq,
                    body: body.clone(),
                })
                .collect(),
        }
    }

    #[tokio::test]
    async fn records_are_taken_once_in_order_and_without_holes() {
        let test = testing::open();
        let store = &test.store;
        let hand_in = async |records: &[(u64, String)]| {
            store
                .receive("dev_1", batch(records))
                .await
                .unwrap()
                .acknowledged
        };
        assert_eq!(hand_in(&[(2, body("b"))]).await, 0, "a hole before it");
        assert_eq!(
            hand_in(&[(2, body("b")), (1, body("a"))]).await,
            2,
            "reordered"
        );
        assert_eq!(hand_in(&[(1, body("a")), (2, body("b"))]).await, 2, "twice");
        assert_eq!(
            hand_in(&[(1, body("other")), (3, body("c")), (5, body("e"))]).await,
            3
        );
        let whole = DigestQuery { from: 1, to: 9 };
        let digest = store.received_digest("dev_1", whole).await.unwrap();
        let mut hasher = RangeHasher::default();
        for (seq, job) in [(1, "a"), (2, "b"), (3, "c")] {
            hasher.add(seq, &body(job));
        }
        assert_eq!(digest, hasher.finish());
        assert_eq!(
            store.received_state("dev_2").await.unwrap(),
            SyncState::default()
        );
        let devices = store.received_devices().await.unwrap();
        assert_eq!(
            (devices.items.len(), devices.items[0].skew_seconds),
            (1, 3600)
        );
        let file = format!("{}/5", "a".repeat(64));
        assert!(store.is_file_of("dev_1", &file).await.unwrap());
        assert!(!store.is_file_of("dev_2", &file).await.unwrap());
    }

    #[tokio::test]
    async fn a_bad_record_is_set_aside_and_keeps_nobody_waiting() {
        let test = testing::open();
        let bad = [
            "nonsense".to_owned(),
            "{}".to_owned(),
            "{\"kind\":\"news\"}".to_owned(),
            body("x").replace("completed", "happy"),
            body("x").replace("/5\"", "\""),
            body("x").replace("2026-11-22T00:00:00.000Z", "yesterday"),
            " ".repeat(MOST_RECORD_BYTES + 1),
        ];
        let mut records: Vec<(u64, String)> = (1..).zip(bad.iter().cloned()).collect();
        records.push((8, body("good")));
        let state = test.store.receive("dev_1", batch(&records)).await.unwrap();
        assert_eq!((state.acknowledged, state.quarantined), (8, 7));
        let shown = test.store.received_devices().await.unwrap().quarantine;
        assert_eq!(shown.len(), 7);
        assert!(shown.iter().all(|one| !one.reason.is_empty()));
    }

    #[tokio::test]
    async fn what_is_handed_in_is_equal_on_both_ends_and_can_be_handed_in_anew() {
        let (here, there) = (testing::open(), testing::open());
        let target = SyncTarget {
            context: "t".to_owned(),
            url: "https://example.com".to_owned(),
            files: false,
            from_start: true,
        };
        here.store.fill_ledger(30).await;
        here.store.set_sync_target(target).await.unwrap();
        here.store.number_usage().await.unwrap();
        let records = here.store.outgoing(100, 1 << 20).await.unwrap().records;
        let mut damaged = records.clone();
        damaged[19].body = damaged[19].body.replace("1.5", "2.5");
        let whole = |records| SyncBatch {
            at: String::new(),
            records,
        };
        there.store.receive("dev_1", whole(damaged)).await.unwrap();
        let equal = async |to| {
            let range = DigestQuery { from: 1, to };
            let ours = here.store.outbox_digest(range).await.unwrap();
            ours == there.store.received_digest("dev_1", range).await.unwrap()
        };
        assert!(equal(19).await && !equal(20).await);
        assert_eq!(
            there.store.rewind("dev_1", 20).await.unwrap().acknowledged,
            19
        );
        there.store.receive("dev_1", whole(records)).await.unwrap();
        assert!(equal(30).await);
    }
}
