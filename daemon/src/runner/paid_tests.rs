//! Paid calls over real HTTP on loopback: a provider that counts what it was paid for, and can be told to fail.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenta_client::api::jobs::{CreateJob, NodeState};
use fenta_workflows::action::{ActionFacts, ActionResult, InvokeRequest, Invoked};
use fenta_workflows::job_event::JobState;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::testing::{Machine, Running, document};
use crate::executors::{Found, Polled, Provider, Remote, SubmitFailure};
use crate::store::{AddedBudget, Cas, LedgerFilter, PaidState, PaidVerdict, StoreError};

/// What the provider did, and what it shall do.
#[derive(Debug, Default)]
struct Shop {
    /// References of calls that were paid, in order.
    paid: Mutex<Vec<String>>,
    polls: AtomicU32,
    downloads: AtomicU32,
    /// Answers to `submit` are lost after the call was taken.
    loses_answers: AtomicBool,
    /// The connection is closed before the call is taken.
    loses_calls: AtomicBool,
    /// Cannot look for calls by our name.
    is_forgetful: AtomicBool,
    /// Downloads that fail before one works.
    broken_downloads: AtomicU32,
    /// Polls that say nothing is ready yet.
    slow: AtomicU32,
}

impl Shop {
    fn paid(&self) -> usize {
        self.paid.lock().unwrap().len()
    }
}

impl Shop {
    /// Status and body of the answer to a request.
    fn answer(&self, method: &str, path: &str) -> (u16, String) {
        let (what, name) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or_default();
        match (method, what) {
            ("POST", "calls") => self.submit(name),
            ("GET", "calls") => self.find(name),
            ("GET", "polls") => self.poll(name),
            ("GET", "files") => self.file(name),
            _ => (400, String::new()),
        }
    }

    fn submit(&self, reference: &str) -> (u16, String) {
        if self.loses_calls.load(Ordering::SeqCst) {
            return (504, String::new());
        }
        let mut paid = self.paid.lock().unwrap();
        paid.push(reference.to_owned());
        if self.loses_answers.load(Ordering::SeqCst) {
            return (504, String::new());
        }
        (200, format!("remote-{}", paid.len()))
    }

    fn find(&self, reference: &str) -> (u16, String) {
        if self.is_forgetful.load(Ordering::SeqCst) {
            return (501, String::new());
        }
        let paid = self.paid.lock().unwrap();
        match paid.iter().position(|one| one == reference) {
            Some(index) => (200, format!("remote-{}", index + 1)),
            None => (404, String::new()),
        }
    }

    fn poll(&self, remote: &str) -> (u16, String) {
        self.polls.fetch_add(1, Ordering::SeqCst);
        let number = remote
            .strip_prefix("remote-")
            .and_then(|n| n.parse::<usize>().ok());
        if number.is_none_or(|number| number > self.paid()) {
            return (404, String::new());
        }
        match counted_down(&self.slow) {
            true => (202, String::new()),
            false => (200, format!("files/{remote}")),
        }
    }

    fn file(&self, remote: &str) -> (u16, String) {
        self.downloads.fetch_add(1, Ordering::SeqCst);
        match counted_down(&self.broken_downloads) {
            true => (502, String::new()),
            false => (200, format!("a recording by {remote}")),
        }
    }
}

/// Takes one off what is left; false when nothing was.
fn counted_down(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

/// One request a connection, as plain as HTTP can be.
async fn serve(listener: TcpListener, shop: Arc<Shop>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let mut words = head.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let (status, body) = shop.answer(method, path);
            let answer = format!(
                "HTTP/1.1 {status} Answer\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
    }
}

/// The adapter: speaks HTTP to the shop.
#[derive(Debug)]
struct Adapter {
    address: String,
}

fn passing(what: &str) -> WorkerFailure {
    WorkerFailure {
        class: FailureClass::Server,
        message: format!("{what} failed"),
        hint: String::new(),
    }
}

impl Adapter {
    /// The status and the body of an answer.
    async fn call(&self, method: &str, path: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        Ok((status, body.to_owned()))
    }
}

impl Provider for Adapter {
    fn vendor(&self) -> &str {
        "elevenlabs"
    }

    fn submit<'a>(
        &'a self,
        reference: &'a str,
        _request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>> {
        Box::pin(async move {
            match self.call("POST", &format!("calls/{reference}")).await {
                Ok((200, remote)) => Ok(Remote(remote)),
                Ok((status, _)) => Err(SubmitFailure::Unknown(format!("status {status}"))),
                Err(error) => Err(SubmitFailure::NotMade(passing(&error.to_string()))),
            }
        })
    }

    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>> {
        Box::pin(async move {
            match self.call("GET", &format!("calls/{reference}")).await {
                Ok((200, remote)) => Ok(Found::Call(Remote(remote))),
                Ok((404, _)) => Ok(Found::Nothing),
                Ok((501, _)) => Ok(Found::CannotTell),
                _ => Err(passing("looking")),
            }
        })
    }

    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>> {
        Box::pin(async move {
            match self.call("GET", &format!("polls/{remote}")).await {
                Ok((200, location)) => Ok(Polled::Made {
                    location,
                    cost_micros: Some(200),
                }),
                Ok((202, _)) => Ok(Polled::Pending(Duration::from_millis(5))),
                Ok((404, _)) => Ok(Polled::Lost),
                _ => Err(passing("asking")),
            }
        })
    }

    fn download<'a>(
        &'a self,
        location: &'a str,
        cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>> {
        Box::pin(async move {
            let (200, text) = self
                .call("GET", location)
                .await
                .map_err(|_| passing("fetching"))?
            else {
                return Err(passing("fetching"));
            };
            let blob = cas.put_bytes(text.as_bytes()).unwrap();
            Ok(ActionResult {
                outputs: [("audio".to_owned(), blob)].into(),
                facts: ActionFacts::Invoked(Box::new(spoken())),
            })
        })
    }
}

/// What comes back: a recording without word times.
fn spoken() -> Invoked {
    Invoked::Speech {
        heard: Vec::new(),
        speed_pm: 1000,
        notes: Vec::new(),
    }
}

async fn open() -> (Machine, Arc<Shop>) {
    let shop = Arc::new(Shop::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(listener, Arc::clone(&shop)));
    let mut machine = Machine::new();
    machine.providers.push(Arc::new(Adapter { address }));
    (machine, shop)
}

/// A job that has two words spoken, for at most so much.
fn speech(budget: &str) -> CreateJob {
    document(&format!(
        "fenta: workflow/v1\nname: n\n{budget}nodes:\n\
         \x20 voice: {{ type: Voice.TTS, retry: {{ attempts: 3, backoff: 1ms..2ms }}, with: {{ text: \"bees dance\", model: \"elevenlabs:eleven_flash_v2_5\" }} }}\n\
         outputs:\n  seconds: ${{{{ nodes.voice.seconds }}}}\n"
    ))
}

async fn states(machine: &Machine, job: &str) -> Vec<PaidState> {
    let calls = machine.store.paid_calls(job).await.unwrap();
    calls.into_iter().map(|call| call.state).collect()
}

async fn ran(machine: &Machine, running: &Running) -> fenta_client::api::jobs::Job {
    let id = machine.submit(running, speech("")).await;
    machine.end(&id).await
}

#[tokio::test]
async fn a_call_is_paid_once_and_its_result_is_kept() {
    let (machine, shop) = open().await;
    shop.slow.store(3, Ordering::SeqCst);
    let running = machine.start(1);
    let job = ran(&machine, &running).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(job.nodes[0].state, NodeState::Finished);
    assert_eq!(
        job.nodes[0].ran, 2,
        "one recording, taken into the film's sound"
    );
    let again = ran(&machine, &running).await;
    assert_eq!(again.nodes[0].cached, 2);
    assert_eq!((shop.paid(), shop.polls.load(Ordering::SeqCst)), (1, 4));
    let calls = machine.store.paid_calls(&job.id).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].state, calls[0].cost_micros),
        (PaidState::Settled, Some(200))
    );
    assert_eq!(calls[0].reference, shop.paid.lock().unwrap()[0]);
    let rows = machine.store.ledger(LedgerFilter::default()).await.unwrap();
    let settled: Vec<_> = rows
        .iter()
        .filter(|row| row.meter == "usd" && row.entry == "settled")
        .map(|row| (&*row.job, row.amount.to_string(), &*row.price.source))
        .collect();
    let expected = [(&*job.id, "0.0002".to_owned(), "elevenlabs")];
    assert_eq!(settled, expected, "what the provider says it cost, once");
    running.stop().await;
}

#[tokio::test]
async fn a_result_that_cannot_be_fetched_is_fetched_later_and_never_made_again() {
    let (machine, shop) = open().await;
    shop.broken_downloads.store(4, Ordering::SeqCst);
    let running = machine.start(1);
    let job = ran(&machine, &running).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!((shop.paid(), shop.downloads.load(Ordering::SeqCst)), (1, 5));

    shop.broken_downloads.store(1000, Ordering::SeqCst);
    let mut other = speech("");
    other.workflow.text = other.workflow.text.replace("bees", "ants");
    let id = machine.submit(&running, other).await;
    let failed = machine.end(&id).await;
    assert_eq!(failed.state, JobState::Failed);
    assert_eq!(states(&machine, &id).await, [PaidState::Made]);
    shop.broken_downloads.store(0, Ordering::SeqCst);
    running
        .runner
        .resume(&id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(machine.end(&id).await.state, JobState::Completed);
    assert_eq!(shop.paid(), 2, "one for each");
    running.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_a_lost_call_is_made_after_all() {
    let (machine, shop) = open().await;
    shop.loses_answers.store(true, Ordering::SeqCst);
    let running = machine.start(1);
    let job = ran(&machine, &running).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(shop.paid(), 1);

    shop.loses_answers.store(false, Ordering::SeqCst);
    shop.loses_calls.store(true, Ordering::SeqCst);
    let mut other = speech("");
    other.workflow.text = other.workflow.text.replace("bees", "ants");
    let id = machine.submit(&running, other).await;
    let failed = machine.end(&id).await;
    assert_eq!(failed.state, JobState::Failed, "it never gets there");
    assert_eq!(shop.paid(), 1);
    let states = states(&machine, &id).await;
    assert!(
        states.iter().all(|state| *state == PaidState::Unpaid),
        "{states:?}"
    );
    shop.loses_calls.store(false, Ordering::SeqCst);
    running
        .runner
        .resume(&id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(machine.end(&id).await.state, JobState::Completed);
    assert_eq!(shop.paid(), 2);
    running.stop().await;
}

/// A job of which nobody knows whether it paid.
async fn asking(machine: &Machine, shop: &Shop, running: &Running) -> String {
    shop.loses_answers.store(true, Ordering::SeqCst);
    shop.is_forgetful.store(true, Ordering::SeqCst);
    let job = ran(machine, running).await;
    assert_eq!(job.state, JobState::NeedsAttention, "{:?}", job.error);
    let error = job.error.unwrap();
    assert_eq!(error.class, Some(FailureClass::PaidUnknown));
    assert!(error.hint.contains("fenta job resolve"), "{error:?}");
    shop.loses_answers.store(false, Ordering::SeqCst);
    job.id
}

#[tokio::test]
async fn what_nobody_knows_is_never_repeated_blindly() {
    let (machine, shop) = open().await;
    let running = machine.start(1);
    let id = asking(&machine, &shop, &running).await;
    assert_eq!(shop.paid(), 1, "not tried again");
    let resumed = running.runner.resume(&id, AddedBudget::default()).await;
    assert!(
        matches!(resumed, Err(StoreError::Transition { .. })),
        "{resumed:?}"
    );
    // Not by a cancel and a resume either.
    running.runner.cancel(&id).await.unwrap();
    running
        .runner
        .resume(&id, AddedBudget::default())
        .await
        .unwrap();
    assert_eq!(machine.end(&id).await.state, JobState::NeedsAttention);
    assert_eq!(shop.paid(), 1);

    let found = PaidVerdict::Found("remote-1".to_owned());
    running.runner.resolve(&id, found).await.unwrap();
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(
        (shop.paid(), states(&machine, &id).await),
        (1, vec![PaidState::Settled])
    );
    running.stop().await;
}

#[tokio::test]
async fn what_was_not_paid_is_made_again_and_what_was_paid_counts() {
    for (verdict, first) in [
        (PaidVerdict::NotPaid, PaidState::Unpaid),
        (PaidVerdict::Paid, PaidState::Lost),
    ] {
        let (machine, shop) = open().await;
        let running = machine.start(1);
        let id = asking(&machine, &shop, &running).await;
        running.runner.resolve(&id, verdict).await.unwrap();
        let job = machine.end(&id).await;
        assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
        assert_eq!(shop.paid(), 2);
        assert_eq!(states(&machine, &id).await, [first, PaidState::Settled]);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_call_goes_on_where_the_daemon_ended() {
    let (machine, shop) = open().await;
    shop.slow.store(1_000_000, Ordering::SeqCst);
    let running = machine.start(1);
    let id = machine.submit(&running, speech("")).await;
    while shop.polls.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    assert_eq!(states(&machine, &id).await, [PaidState::Submitted]);
    shop.slow.store(0, Ordering::SeqCst);
    let running = machine.start(1);
    assert_eq!(machine.end(&id).await.state, JobState::Completed);
    assert_eq!(shop.paid(), 1);
    running.stop().await;
}

#[tokio::test]
async fn money_can_be_added_to_a_job_that_stopped_at_its_budget() {
    let (machine, shop) = open().await;
    let running = machine.start(1);
    let budget = "budget: { max_usd: 0.000001, on_exceed: pause }\n";
    let id = machine.submit(&running, speech(budget)).await;
    let paused = machine.end(&id).await;
    assert_eq!(paused.state, JobState::Paused, "{:?}", paused.error);
    assert_eq!(shop.paid(), 0);
    let more = AddedBudget {
        usd_micros: 5_000_000,
        ..AddedBudget::default()
    };
    running.runner.resume(&id, more).await.unwrap();
    let job = machine.end(&id).await;
    assert_eq!(job.state, JobState::Completed, "{:?}", job.error);
    assert_eq!(shop.paid(), 1);
    let done = running.runner.resume(&id, more).await;
    assert!(matches!(done, Err(StoreError::NoBudget { .. })), "{done:?}");
    running.stop().await;
}
