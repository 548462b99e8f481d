//! What is remembered of vendors that cost nothing: their answers for a while, when they were asked, and which film took
//! what.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};

/// Longest time that something counts as taken, milliseconds: what no document can ask about is forgotten.
const LONGEST_TAKEN_MS: u64 = 400 * 86_400_000;

/// Longest time that calls are counted over, milliseconds.
const LONGEST_COUNT_MS: u64 = 32 * 86_400_000;

/// An answer as it was remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedAnswer {
    /// What the server calls its state; may be empty.
    pub etag: String,
    /// When the server says it was changed; may be empty.
    pub last_modified: String,
    /// The body.
    pub body: Vec<u8>,
    /// How old it is.
    pub age_ms: u64,
}

/// Who takes things, and what others took that it may not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taker {
    /// The vendor of the things.
    pub vendor: String,
    /// The film.
    pub film: String,
    /// The place in it: what this place took before is free to it.
    pub place: String,
    /// The job that takes.
    pub job: String,
    /// Whether it may not have what other places of the film took.
    pub unique_in_film: bool,
    /// Of those only what this very job took for another place: what earlier ones took may be of places that are no more.
    pub only_this_job: bool,
    /// It may not have what other films took in so many milliseconds before; 0 for whatever they took.
    pub others_within_ms: u64,
}

impl Store {
    /// The answer to a question, however old.
    pub async fn remembered_answer(
        &self,
        question: &str,
    ) -> Result<Option<RememberedAnswer>, StoreError> {
        let question = question.to_owned();
        let found: Option<(String, String, Vec<u8>, String)> = self
            .threads
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(
                        "SELECT etag, last_modified, body, fetched_at FROM vendor_answers
                         WHERE question = ?1",
                    )?
                    .query_row([question], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .optional()?)
            })
            .await?;
        Ok(
            found.map(|(etag, last_modified, body, at)| RememberedAnswer {
                etag,
                last_modified,
                body,
                age_ms: self.age_ms(&at),
            }),
        )
    }

    /// Remembers an answer, and forgets those older than `keep_ms`.
    pub async fn remember_answer(
        &self,
        question: &str,
        (etag, last_modified): (&str, &str),
        body: Vec<u8>,
        keep_ms: u64,
    ) -> Result<(), StoreError> {
        let question = question.to_owned();
        let (etag, last_modified) = (etag.to_owned(), last_modified.to_owned());
        let (now, oldest) = (self.now_text(), self.ago_text(keep_ms));
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM vendor_answers WHERE fetched_at < ?1")?
                    .execute([oldest])?;
                connection
                    .prepare_cached(
                        "INSERT INTO vendor_answers (question, etag, last_modified, body, fetched_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT (question) DO UPDATE SET etag = excluded.etag,
                            last_modified = excluded.last_modified, body = excluded.body,
                            fetched_at = excluded.fetched_at",
                    )?
                    .execute(params![question, etag, last_modified, body, now])?;
                Ok(())
            })
            .await
    }

    /// Forgets an answer that turned out to be of no use any more.
    pub async fn forget_answer(&self, question: &str) -> Result<(), StoreError> {
        let question = question.to_owned();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM vendor_answers WHERE question = ?1")?
                    .execute([question])?;
                Ok(())
            })
            .await
    }

    /// Counts a call, unless a limit (calls in so many milliseconds) is used up: then how many milliseconds until none
    /// is any more.
    pub async fn count_call(
        &self,
        vendor: &str,
        limits: &'static [(u32, u64)],
    ) -> Result<Option<u64>, StoreError> {
        let vendor = vendor.to_owned();
        let now = self.now_text();
        let since: Vec<(u32, u64, String)> = limits
            .iter()
            .map(|(calls, span)| (*calls, *span, self.ago_text(*span)))
            .collect();
        let oldest = self.ago_text(LONGEST_COUNT_MS);
        let used: Vec<(u64, String)> = self
            .threads
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM vendor_calls WHERE at < ?1")?
                    .execute([oldest])?;
                let mut used = Vec::new();
                for (calls, span, since) in since {
                    // The call that must be forgotten before there is room for another.
                    let first: Option<String> = connection
                        .prepare_cached(
                            "SELECT at FROM vendor_calls WHERE vendor = ?1 AND at >= ?2
                             ORDER BY at DESC LIMIT 1 OFFSET ?3",
                        )?
                        .query_row(params![vendor, since, calls.saturating_sub(1)], |row| {
                            row.get(0)
                        })
                        .optional()?;
                    used.extend(first.map(|first| (span, first)));
                }
                if !used.is_empty() {
                    return Ok(used);
                }
                connection
                    .prepare_cached("INSERT INTO vendor_calls (vendor, at) VALUES (?1, ?2)")?
                    .execute([vendor, now])?;
                Ok(used)
            })
            .await?;
        let waits = used.iter();
        let waits = waits.map(|(span, first)| span.saturating_sub(self.age_ms(first)).max(1));
        Ok(waits.max())
    }

    /// Takes the first `count` of these things that the taker may have, in their order; the numbers of those.
    pub async fn take(
        &self,
        taker: Taker,
        things: Vec<String>,
        count: usize,
    ) -> Result<Vec<usize>, StoreError> {
        let now = self.now_text();
        let forgotten = self.ago_text(LONGEST_TAKEN_MS);
        let since = match taker.others_within_ms {
            0 => None,
            within => Some(self.ago_text(within)),
        };
        self.threads
            .write(move |connection| {
                let mut taken = Vec::new();
                connection
                    .prepare_cached("DELETE FROM taken WHERE at < ?1")?
                    .execute([forgotten])?;
                for (number, thing) in things.iter().enumerate() {
                    if taken.len() == count {
                        break;
                    }
                    let in_use: bool = connection
                        .prepare_cached(
                            "SELECT EXISTS (SELECT 1 FROM taken WHERE vendor = ?1 AND thing = ?2
                             AND ((film = ?3 AND place <> ?4 AND ?5 AND (job = ?7 OR NOT ?8))
                                  OR (film <> ?3 AND ?6 IS NOT NULL AND at >= ?6)))",
                        )?
                        .query_row(
                            params![
                                taker.vendor,
                                thing,
                                taker.film,
                                taker.place,
                                taker.unique_in_film,
                                since,
                                taker.job,
                                taker.only_this_job
                            ],
                            |row| row.get(0),
                        )?;
                    if in_use {
                        continue;
                    }
                    connection
                        .prepare_cached(
                            "INSERT INTO taken (vendor, thing, film, place, at, job)
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                             ON CONFLICT DO UPDATE SET at = excluded.at, job = excluded.job",
                        )?
                        .execute(params![
                            taker.vendor,
                            thing,
                            taker.film,
                            taker.place,
                            now,
                            taker.job
                        ])?;
                    taken.push(number);
                }
                Ok(taken)
            })
            .await
    }

    /// Gives back what a place took and cannot use.
    pub async fn give_back(&self, taker: &Taker, thing: &str) -> Result<(), StoreError> {
        let (taker, thing) = (taker.clone(), thing.to_owned());
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM taken
                         WHERE vendor = ?1 AND thing = ?2 AND film = ?3 AND place = ?4",
                    )?
                    .execute(params![taker.vendor, thing, taker.film, taker.place])?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    fn taker(film: &str, place: &str, days: u64) -> Taker {
        Taker {
            vendor: "pexels".into(),
            film: film.into(),
            place: place.into(),
            unique_in_film: true,
            others_within_ms: days * 86_400_000,
            ..Taker::default()
        }
    }

    #[tokio::test]
    async fn what_an_earlier_job_took_for_the_same_film_may_be_had_where_nothing_else_is_left() {
        let test = testing::open();
        let asked = |place: &str, job: &str, only_this_job| Taker {
            job: job.into(),
            only_this_job,
            ..taker("film", place, 30)
        };
        assert_eq!(
            take(&test, asked("old query", "j1", false), 4).await.len(),
            4
        );
        let edited = asked("new query", "j2", false);
        assert!(take(&test, edited, 1).await.is_empty());
        assert_eq!(take(&test, asked("new query", "j2", true), 1).await, [0]);
        // What this job has for another place stays taken.
        assert_eq!(take(&test, asked("third", "j2", true), 1).await, [1]);
    }

    async fn take(test: &testing::TestStore, taker: Taker, count: usize) -> Vec<usize> {
        let things = ["1", "2", "3", "4"].map(str::to_owned).to_vec();
        test.store.take(taker, things, count).await.unwrap()
    }

    #[tokio::test]
    async fn no_place_of_a_film_takes_what_another_has_and_each_keeps_its_own() {
        let test = testing::open();
        assert_eq!(take(&test, taker("a", "s1", 30), 1).await, [0]);
        assert_eq!(take(&test, taker("a", "s2", 30), 2).await, [1, 2]);
        assert_eq!(take(&test, taker("a", "s1", 30), 1).await, [0], "its own");
        assert_eq!(
            take(&test, taker("b", "s1", 30), 2).await,
            [3],
            "all the rest"
        );
        assert_eq!(
            take(&test, taker("c", "s1", 0), 1).await,
            [0],
            "it minds nobody"
        );
        let free = Taker {
            unique_in_film: false,
            ..taker("a", "s3", 0)
        };
        assert_eq!(take(&test, free, 1).await, [0]);
    }

    #[tokio::test]
    async fn what_others_took_long_ago_is_free_again_and_what_is_given_back_at_once() {
        let test = testing::open();
        assert_eq!(take(&test, taker("a", "s1", 2), 1).await, [0]);
        assert_eq!(take(&test, taker("b", "s1", 2), 1).await, [1]);
        let (store, mistaken) = (&test.store, taker("b", "s1", 2));
        store.give_back(&mistaken, "2").await.unwrap();
        assert_eq!(take(&test, taker("c", "s1", 2), 1).await, [1]);
        test.clock.advance(3 * 86_400_000);
        assert_eq!(take(&test, taker("d", "s1", 2), 1).await, [0]);
    }

    #[tokio::test]
    async fn calls_are_counted_and_the_next_is_told_when_it_may_come() {
        const LIMITS: &[(u32, u64)] = &[(2, 60_000), (3, 3_600_000)];
        let test = testing::open();
        let call = || async { test.store.count_call("pexels", LIMITS).await.unwrap() };
        assert_eq!(call().await, None);
        test.clock.advance(20_000);
        assert_eq!(call().await, None);
        assert_eq!(call().await, Some(40_000));
        assert_eq!(
            test.store.count_call("pixabay", LIMITS).await.unwrap(),
            None
        );
        test.clock.advance(50_000);
        assert_eq!(call().await, None);
        assert_eq!(call().await, Some(3_600_000 - 70_000), "the hour's");
    }

    #[tokio::test]
    async fn answers_are_remembered_with_their_age_and_forgotten() {
        let test = testing::open();
        let store = &test.store;
        store
            .remember_answer("q", ("\"x\"", ""), b"one".to_vec(), 1000)
            .await
            .unwrap();
        test.clock.advance(500);
        let found = store.remembered_answer("q").await.unwrap().unwrap();
        assert_eq!((found.etag.as_str(), found.age_ms), ("\"x\"", 500));
        assert_eq!(found.body, b"one");
        test.clock.advance(900);
        store
            .remember_answer("r", ("", ""), Vec::new(), 1000)
            .await
            .unwrap();
        assert_eq!(store.remembered_answer("q").await.unwrap(), None);
        store.forget_answer("r").await.unwrap();
        assert_eq!(store.remembered_answer("r").await.unwrap(), None);
    }
}
