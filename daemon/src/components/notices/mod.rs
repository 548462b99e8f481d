//! Notices: tells how runs of schedules and watches end, by webhook and on the desktop.
//!
//! What is to be told is on disk before the run counts as ended, under a name of its own (`webhook-id`), so a crash loses
//! none and a receiver takes each once. An address that does not answer is tried eight times within a day; a desktop once,
//! because nobody wants to read tomorrow what failed today.

mod desktop;

use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::notices::{Notice, NoticeChannel};
use fenta_workflows::action::CallWebhookTask;
use fenta_workflows::worker::WorkerFailure;
use fenta_workflows::{Notify as Wishes, NotifyOn};
use futures_util::StreamExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Standing;
use crate::clock::Clock;
use crate::providers::Providers;
use crate::server::Activity;
use crate::store::{DueNotice, NewNotice, NoticeStep, Store, StoreError};

/// The waits between the eight tries of one message: it is given up after most of a day.
const WAITS: [SignedDuration; 7] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(12),
];

/// Messages on their way at a time.
const SENDERS: usize = 4;

/// Between two looks when nothing is to be told.
const LOOK: Duration = Duration::from_secs(600);

/// After a look that failed.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// Results told with a run, at most, and the longest of them, characters.
const MOST_OUTPUTS: usize = 10;
const LONGEST_TEXT: usize = 1_000;

/// Who tells. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notices {
    store: Store,
    providers: Providers,
    clock: Arc<dyn Clock>,
    /// Something is to be told.
    wake: Arc<Notify>,
    standing: Standing,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct News<'a> {
    /// `schedule` or `watch`, its id and its name.
    pub(super) of: (&'static str, &'a str, &'a str),
    /// What somebody may want to be told of.
    pub(super) what: NotifyOn,
    /// What it is about, within its schedule or watch: the same is told once.
    pub(super) subject: &'a str,
    /// `run.failed`, for example.
    pub(super) event: &'static str,
    /// The job, where there is one.
    pub(super) job: Option<&'a str>,
    /// Why; may be empty.
    pub(super) reason: &'a str,
    /// What else is to be known of it.
    pub(super) more: Value,
}

/// The event of a run.
pub(super) const fn run_event(what: NotifyOn) -> &'static str {
    match what {
        NotifyOn::Completed => "run.completed",
        NotifyOn::Failed => "run.failed",
        NotifyOn::Paused => "run.waits",
    }
}

impl Notices {
    /// Who tells, not yet at work.
    pub fn new(
        store: Store,
        providers: Providers,
        clock: Arc<dyn Clock>,
        activity: Activity,
    ) -> Self {
        Self {
            store,
            providers,
            clock,
            wake: Arc::default(),
            standing: Standing::new(activity),
        }
    }

    /// Why these wishes cannot be met, and what to do; nothing where they can.
    pub(super) async fn complaint(&self, wishes: &Wishes) -> Option<(String, String)> {
        if let Some((message, hint)) = wishes.complaint() {
            return Some((message, hint.to_owned()));
        }
        let name = wishes.secret_ref.as_deref()?;
        let missing = self.providers.lacks_signing_secret(name).await?;
        Some((missing.message, missing.hint))
    }

    /// Writes down what is to be told to whom, before it counts as done.
    pub(super) async fn tell(&self, wishes: &Wishes, news: News<'_>) -> Result<(), StoreError> {
        if !wishes.wants(news.what) {
            return Ok(());
        }
        let (kind, id, name) = news.of;
        let subject = format!("{id}/{}/{}", news.event, news.subject);
        if self.store.has_notice(&subject).await? {
            return Ok(());
        }
        let notice = NewNotice {
            owner: id.to_owned(),
            subject,
            event: format!("{kind}.{}", news.event),
            channel: NoticeChannel::Desktop,
            address: String::new(),
            secret_ref: None,
            title: title(kind, name, news.event),
            data: self.data(&news).await?,
        };
        let mut new = Vec::new();
        if let Some(address) = &wishes.webhook {
            new.push(NewNotice {
                channel: NoticeChannel::Webhook,
                address: address.clone(),
                secret_ref: wishes.secret_ref.clone(),
                ..notice.clone()
            });
        }
        if wishes.desktop {
            new.push(notice);
        }
        self.store.add_notices(new).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// What a message says besides its name.
    async fn data(&self, news: &News<'_>) -> Result<Value, StoreError> {
        let (kind, id, name) = news.of;
        let mut data = json!({ kind: { "id": id, "name": name }, "at": self.clock.now_text() });
        if !news.reason.is_empty() {
            data["reason"] = short(news.reason).into();
        }
        if let Some(job) = news.job {
            data["job"] = job.into();
            let ends = self.store.job_ends(vec![job.to_owned()]).await?;
            if let Some(end) = ends.get(job) {
                let outputs = end.outputs.iter().take(MOST_OUTPUTS);
                data["usd"] = end.usd.clone().into();
                data["outputs"] = outputs.map(|text| short(text)).collect();
            }
        }
        if let (Value::Object(data), Value::Object(more)) = (&mut data, &news.more) {
            data.extend(more.clone());
        }
        Ok(data)
    }

    /// The newest notices of a schedule or watch.
    pub async fn list(&self, of: &str, limit: u32) -> Result<Vec<Notice>, StoreError> {
        self.store.notices(of, limit).await
    }

    /// Tells until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        loop {
            let told = tokio::select! {
                () = shutdown.cancelled() => return,
                told = self.tell_due() => told,
            };
            let pause = told.unwrap_or_else(|error| {
                tracing::warn!(%error, "what is to be told could not be looked at");
                AFTER_TROUBLE
            });
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Tells what is to be told by now; gives how long until the next.
    async fn tell_due(&self) -> Result<Duration, StoreError> {
        loop {
            let due = self.store.due_notices(64).await?;
            if due.is_empty() {
                break;
            }
            self.standing.stand(true);
            let steps = futures_util::stream::iter(due)
                .map(|notice| async move {
                    let step = self.try_once(&notice).await;
                    self.store.step_notice(&notice.id, step).await
                })
                .buffer_unordered(SENDERS)
                .collect::<Vec<_>>()
                .await;
            steps.into_iter().collect::<Result<(), _>>()?;
        }
        let next = self.store.next_notice_at().await?;
        self.standing.stand(next.is_some());
        let left = next
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
            .map(|at| at.duration_since(self.clock.now()));
        Ok(left.map_or(LOOK, |left| {
            Duration::try_from(left).unwrap_or_default().min(LOOK)
        }))
    }

    async fn try_once(&self, notice: &DueNotice) -> NoticeStep {
        let new = &notice.new;
        if new.channel == NoticeChannel::Desktop {
            return match desktop::show(&new.title, &line(&new.data)).await {
                Ok(()) => NoticeStep::Told("shown".to_owned()),
                Err(why) => NoticeStep::GiveUp(why),
            };
        }
        let task = CallWebhookTask {
            url: new.address.clone(),
            event: new.event.clone(),
            data: new.data.clone(),
            secret_ref: new.secret_ref.clone(),
        };
        match self.providers.tell(&notice.id, &task).await {
            Ok(status) => NoticeStep::Told(format!("answered with status {status}")),
            Err(failure) => self.failed(notice, &failure),
        }
    }

    fn failed(&self, notice: &DueNotice, failure: &WorkerFailure) -> NoticeStep {
        let why = match failure.hint.as_str() {
            "" => failure.message.clone(),
            hint => format!("{}; {hint}", failure.message),
        };
        tracing::warn!(notice = notice.id, why, "an address did not take a message");
        match WAITS.get(notice.tries as usize) {
            Some(wait) => NoticeStep::Again(self.clock.now() + *wait, why),
            None => NoticeStep::GiveUp(why),
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `daily: a run failed`.
fn title(kind: &str, name: &str, event: &str) -> String {
    let what = match event {
        "run.completed" => "a run is completed",
        "run.failed" => "a run failed",
        "run.waits" => "a run waits for you",
        _ => "is paused",
    };
    format!("{kind} {name}: {what}")
}

/// What a desktop shows below the title.
fn line(data: &Value) -> String {
    let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
    let mut parts = vec![text("reason")];
    parts.extend(
        data["outputs"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one.as_str().unwrap_or_default().to_owned()),
    );
    parts.push(text("job"));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

#[cfg(test)]
mod tests;
