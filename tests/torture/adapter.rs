//! The adapter for the provider of [`crate::shop`]: the four questions over plain HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fenta_daemon::executors::{Found, Polled, Provider, Remote, SubmitFailure};
use fenta_daemon::store::Cas;
use fenta_workflows::action::{ActionFacts, ActionResult, InvokeRequest, InvokeTask, Invoked};
use fenta_workflows::hearing::HeardWord;
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;

use crate::shop::{PRICE_MICROS, word_spans};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adapter {
    pub(crate) address: SocketAddr,
}

/// Why a question has no answer.
enum Unanswered {
    /// It did not get there.
    NotSent(String),
    /// It may have.
    Lost(String),
}

impl Adapter {
    async fn call(
        self,
        method: &'static str,
        path: String,
        body: String,
    ) -> Result<(u16, Vec<u8>), Unanswered> {
        let asked = tokio::task::spawn_blocking(move || self.call_now(method, &path, &body)).await;
        asked.unwrap_or_else(|error| Err(Unanswered::Lost(error.to_string())))
    }

    fn call_now(self, method: &str, path: &str, body: &str) -> Result<(u16, Vec<u8>), Unanswered> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))
            .map_err(|error| Unanswered::NotSent(error.to_string()))?;
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let lost = |error: std::io::Error| Unanswered::Lost(error.to_string());
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .map_err(lost)?;
        stream.write_all(head.as_bytes()).map_err(lost)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(lost)?;
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .ok_or_else(|| Unanswered::Lost("the connection ended without an answer".to_owned()))?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<usize>().ok());
        let status = number(head.split(' ').nth(1)).and_then(|status| u16::try_from(status).ok());
        let length = number(
            head.split("Content-Length:")
                .nth(1)
                .and_then(|rest| rest.lines().next()),
        );
        let body = answer[end + 4..].to_vec();
        match (status, length) {
            (Some(status), Some(length)) if length == body.len() => Ok((status, body)),
            _ => Err(Unanswered::Lost("the answer was cut short".to_owned())),
        }
    }

    async fn ask(self, path: String) -> Result<(u16, Vec<u8>), WorkerFailure> {
        match self.call("GET", path, String::new()).await {
            Ok((status @ 500..=599, _)) if status != 501 => {
                Err(failure(FailureClass::Server, &format!("status {status}")))
            }
            Ok(answer) => Ok(answer),
            Err(Unanswered::NotSent(why) | Unanswered::Lost(why)) => {
                Err(failure(FailureClass::Network, &why))
            }
        }
    }

    async fn fetched(self, location: &str, cas: &Cas) -> Result<ActionResult, WorkerFailure> {
        let (_, words) = self.ask(format!("words/{location}")).await?;
        let (_, audio) = self.ask(format!("files/{location}")).await?;
        let spans = word_spans(&String::from_utf8_lossy(&words));
        let cas = cas.clone();
        let blob = tokio::task::spawn_blocking(move || cas.put_bytes(&audio))
            .await
            .map_err(|error| failure(FailureClass::Internal, &error.to_string()))?
            .map_err(|error| {
                let full = error.kind() == std::io::ErrorKind::StorageFull;
                let class = if full {
                    FailureClass::Disk
                } else {
                    FailureClass::Resource
                };
                failure(class, &format!("keeping the recording: {error}"))
            })?;
        let heard = spans
            .into_iter()
            .map(|(text, start, end)| HeardWord {
                text,
                start_us: start * 1000 / 48,
                end_us: end * 1000 / 48,
            })
            .collect();
        Ok(ActionResult {
            outputs: [("audio".to_owned(), blob)].into(),
            facts: ActionFacts::Invoked(Box::new(Invoked::Speech {
                heard,
                speed_pm: 1000,
                notes: Vec::new(),
            })),
        })
    }
}

fn failure(class: FailureClass, what: &str) -> WorkerFailure {
    WorkerFailure {
        class,
        message: format!("the provider of the torture: {what}"),
        hint: String::new(),
    }
}

impl Provider for Adapter {
    fn vendor(&self) -> &str {
        "elevenlabs"
    }

    fn submit<'a>(
        &'a self,
        reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>> {
        Box::pin(async move {
            let InvokeTask::Speak(task) = &request.task else {
                return Err(SubmitFailure::NotMade(failure(
                    FailureClass::Unsupported,
                    "speaks only",
                )));
            };
            let path = format!("calls/{reference}");
            match self.call("POST", path, task.text.clone()).await {
                Ok((200, remote)) => Ok(Remote(String::from_utf8_lossy(&remote).into_owned())),
                Ok((429, _)) => Err(SubmitFailure::NotMade(failure(
                    FailureClass::RateLimit,
                    "later",
                ))),
                Ok((status, _)) => Err(SubmitFailure::Unknown(format!("status {status}"))),
                Err(Unanswered::NotSent(why)) => {
                    Err(SubmitFailure::NotMade(failure(FailureClass::Network, &why)))
                }
                Err(Unanswered::Lost(why)) => Err(SubmitFailure::Unknown(why)),
            }
        })
    }

    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>> {
        Box::pin(async move {
            match self.ask(format!("calls/{reference}")).await? {
                (200, remote) => Ok(Found::Call(Remote(
                    String::from_utf8_lossy(&remote).into_owned(),
                ))),
                (404, _) => Ok(Found::Nothing),
                _ => Ok(Found::CannotTell),
            }
        })
    }

    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>> {
        Box::pin(async move {
            match self.ask(format!("polls/{remote}")).await? {
                (200, location) => Ok(Polled::Made {
                    location: String::from_utf8_lossy(&location).into_owned(),
                    cost_micros: Some(PRICE_MICROS),
                }),
                (202, _) => Ok(Polled::Pending(Duration::from_millis(50))),
                _ => Ok(Polled::Lost),
            }
        })
    }

    fn download<'a>(
        &'a self,
        location: &'a str,
        cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>> {
        Box::pin(self.fetched(location, cas))
    }
}
