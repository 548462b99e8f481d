//! What a job was charged of its budget, so that a job that goes on does not begin with a full purse.

use rusqlite::{Connection, params};

use super::ledger::{self, PriceNote, When};
use super::{Claim, Store, StoreError, claims};

/// What one turn of a node was charged for one thing it asked for, at the most it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The node, with the number of the item in a `for_each`.
    pub turn: String,
    /// What it asked for.
    pub ask: String,
    /// Thousandths of render seconds.
    pub render_ms: u64,
    /// Millionths of dollars.
    pub usd_micros: u64,
    /// Thousandths of credits.
    pub millicredits: u64,
}

impl Store {
    /// Writes down what a turn is charged, while the claim holds; in the place of what it was charged for the same before.
    /// It is reserved in the ledger at this price.
    pub async fn charge(
        &self,
        claim: &Claim,
        charge: Charge,
        price: PriceNote,
    ) -> Result<(), StoreError> {
        let (at, day) = (self.clock.now_text(), self.clock.local_date().to_string());
        let claim = claim.clone();
        self.threads
            .write(move |connection| {
                claims::fence(connection, &claim)?;
                let when = When { at: &at, day: &day };
                ledger::reserve(connection, &when, &claim.job, &charge, &price)?;
                insert(connection, &claim.job, &charge)
            })
            .await
    }

    /// As if the job had been charged when it was in work.
    #[cfg(test)]
    pub(crate) async fn charge_anyway(&self, job: &str, charge: Charge) -> Result<(), StoreError> {
        let job = job.to_owned();
        self.threads
            .write(move |connection| insert(connection, &job, &charge))
            .await
    }

    /// Everything a job was charged.
    pub async fn charges(&self, job: &str) -> Result<Vec<Charge>, StoreError> {
        let job = job.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT turn, ask, render_ms, usd_micros, millicredits FROM charges
                     WHERE job = ?1 ORDER BY turn, ask",
                )?;
                let rows = statement.query_map([job], |row| {
                    Ok(Charge {
                        turn: row.get("turn")?,
                        ask: row.get("ask")?,
                        render_ms: row.get("render_ms")?,
                        usd_micros: row.get("usd_micros")?,
                        millicredits: row.get("millicredits")?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

fn insert(connection: &Connection, job: &str, charge: &Charge) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO charges (job, turn, ask, render_ms, usd_micros, millicredits)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            job,
            charge.turn,
            charge.ask,
            charge.render_ms,
            charge.usd_micros,
            charge.millicredits
        ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs_testing::claimed;
    use crate::store::testing as store_testing;

    #[tokio::test]
    async fn the_newest_charge_for_the_same_counts() {
        let test = store_testing::open();
        let (job, other) = (
            claimed(&test.store, "a").await,
            claimed(&test.store, "b").await,
        );
        let charge = |ask: &str, render_ms| Charge {
            turn: "film[1]".to_owned(),
            ask: ask.to_owned(),
            render_ms,
            usd_micros: 1_250_000,
            millicredits: 250_000,
        };
        for (job, charge) in [
            (&job, charge("render", 10)),
            (&job, charge("render", 25)),
            (&job, charge("call", 0)),
            (&other, charge("render", 7)),
        ] {
            let price = PriceNote {
                source: "table".to_owned(),
                as_of: "2026-06-30".to_owned(),
            };
            test.store.charge(job, charge, price).await.unwrap();
        }
        assert_eq!(
            test.store.charges(&job.job).await.unwrap(),
            [charge("call", 0), charge("render", 25)]
        );
        assert_eq!(test.store.charges("job_none").await.unwrap(), []);
    }
}
