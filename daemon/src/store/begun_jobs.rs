//! Jobs that schedules and watches began, as their histories show them.

use std::collections::HashMap;

use fenta_client::api::jobs::{JobState, OutputValue};
use fenta_workflows::cost::Decimal;
use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError};

/// What a job came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobEnd {
    /// What it cost so far, US dollars.
    pub usd: String,
    /// Its results as texts; none before its end.
    pub outputs: Vec<String>,
}

impl Store {
    /// What jobs came to, by id; those that are not there any more are left out.
    pub async fn job_ends(&self, jobs: Vec<String>) -> Result<HashMap<String, JobEnd>, StoreError> {
        if jobs.is_empty() {
            return Ok(HashMap::new());
        }
        self.threads
            .read(move |connection| {
                let mut ends = HashMap::with_capacity(jobs.len());
                for job in jobs {
                    if let Some(end) = end_of(connection, &job)? {
                        ends.insert(job, end);
                    }
                }
                Ok(ends)
            })
            .await
    }

    /// How the job stands that was made under an Idempotency-Key; none where there is none, or the key is forgotten.
    pub async fn state_under_key(&self, key: &str) -> Result<Option<JobState>, StoreError> {
        let key = key.to_owned();
        self.threads
            .read(move |connection| {
                let state: Option<String> = connection
                    .prepare_cached(
                        "SELECT j.state FROM idempotency i JOIN jobs j ON j.id = i.job WHERE i.key = ?1",
                    )?
                    .query_row([key], |row| row.get(0))
                    .optional()?;
                state
                    .map(|state| serde_json::from_value(serde_json::Value::String(state)))
                    .transpose()
                    .map_err(|error| StoreError::row("jobs", error))
            })
            .await
    }
}

fn end_of(connection: &Connection, job: &str) -> Result<Option<JobEnd>, StoreError> {
    let outputs: Option<String> = connection
        .prepare_cached("SELECT outputs FROM jobs WHERE id = ?1")?
        .query_row([job], |row| row.get(0))
        .optional()?;
    let Some(outputs) = outputs else {
        return Ok(None);
    };
    let outputs: std::collections::BTreeMap<String, OutputValue> =
        serde_json::from_str(&outputs).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT usd FROM usage_ledger WHERE job = ?1 AND entry = 'settled' AND usd IS NOT NULL",
    )?;
    let mut usd = Decimal::ZERO;
    let mut rows = statement.query([job])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        let one: Decimal = text
            .parse()
            .map_err(|error| StoreError::row("usage_ledger", error))?;
        usd = usd.saturating_add(one);
    }
    Ok(Some(JobEnd {
        usd: usd.normalize().to_string(),
        outputs: outputs.values().map(ToString::to_string).collect(),
    }))
}
