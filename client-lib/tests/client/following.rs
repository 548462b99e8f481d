//! Event streams: order, reconnects, ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fenta_client::api::jobs::JobEventKind;
use fenta_client::{Client, ClientError, EventStream, Followed};

use crate::scripted_server::{Reply, ScriptedServer};

fn frame(seq: u64, kind: &str) -> String {
    format!(
        "id: {seq}\ndata: {{\"seq\":{seq},\"job\":\"job_1\",\"at\":\"2026-01-01T00:00:00.000Z\",{kind}}}\n\n"
    )
}

fn started(seq: u64) -> String {
    frame(seq, r#""type":"node_started","node":"voice""#)
}

fn completed(seq: u64) -> String {
    frame(seq, r#""type":"job_completed","outputs":{}"#)
}

/// Every event's number and how often the connection was lost.
async fn follow(server: &ScriptedServer, after: u64) -> Result<(Vec<u64>, usize), ClientError> {
    let client = server.client();
    let again = client.clone();
    let stream = EventStream::new(client, "job_1", after, async || Ok(again.clone()));
    drain(stream).await
}

async fn drain<C>(mut stream: EventStream<C>) -> Result<(Vec<u64>, usize), ClientError>
where
    C: AsyncFnMut() -> Result<Client, ClientError>,
{
    let (mut seqs, mut lost) = (Vec::new(), 0);
    while let Some(next) = stream.next().await? {
        match next {
            Followed::Event(event) => seqs.push(event.seq),
            Followed::Lost { .. } => lost += 1,
        }
    }
    Ok((seqs, lost))
}

#[tokio::test]
async fn events_come_in_order_until_the_job_ends() {
    let server = ScriptedServer::start(vec![Reply::Events(vec![
        ": hello\n\n".to_owned(),
        started(1),
        started(2),
        completed(3),
    ])]);
    assert_eq!(follow(&server, 0).await.unwrap(), (vec![1, 2, 3], 0));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "GET /v1/jobs/job_1/events HTTP/1.1");
    assert_eq!(asked.header("last-event-id"), Some("0"));
    assert_eq!(asked.header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_was_and_repeats_nothing() {
    let server = ScriptedServer::start(vec![
        Reply::Events(vec![
            started(1),
            started(2),
            "id: 3\ndata: {\"seq\"".to_owned(),
        ]),
        Reply::HangUp,
        Reply::Events(vec![started(2), started(3), completed(4)]),
    ]);
    let (seqs, lost) = follow(&server, 0).await.unwrap();
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert_eq!(lost, 2);
    let ids: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("last-event-id").unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["0", "2", "2"]);
}

#[tokio::test]
async fn a_resumed_job_is_followed_past_its_first_end() {
    let server = ScriptedServer::start(vec![Reply::Events(vec![
        frame(1, r#""type":"job_cancelled""#),
        frame(2, r#""type":"job_started","resumed":true"#),
        completed(3),
    ])]);
    assert_eq!(follow(&server, 0).await.unwrap(), (vec![1, 2, 3], 0));
}

#[tokio::test]
async fn a_restarted_daemon_is_found_again_through_the_caller() {
    let first = ScriptedServer::start(vec![Reply::Events(vec![started(1)])]);
    let second = ScriptedServer::start(vec![Reply::Events(vec![started(2), completed(3)])]);
    let (old, new) = (first.client(), second.client());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let stream = EventStream::new(old, "job_1", 0, async || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(new.clone())
    });
    assert_eq!(drain(stream).await.unwrap(), (vec![1, 2, 3], 1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(second.asked()[0].header("last-event-id"), Some("1"));
}

#[tokio::test]
async fn silence_is_a_lost_connection() {
    let server = ScriptedServer::start(vec![
        Reply::EventsThenSilence(vec![started(1)]),
        Reply::Events(vec![completed(2)]),
    ]);
    let mut config = server.config();
    config.silence = Duration::from_millis(50);
    let client = Client::new(&config).unwrap();
    let again = client.clone();
    let stream = EventStream::new(client, "job_1", 0, async || Ok(again.clone()));
    assert_eq!(drain(stream).await.unwrap(), (vec![1, 2], 1));
}

#[tokio::test]
async fn a_job_that_is_not_there_is_an_error_at_once() {
    let server = ScriptedServer::start(vec![Reply::Full(404, vec![], "none".to_owned())]);
    let error = follow(&server, 0).await.unwrap_err();
    assert!(matches!(error, ClientError::Problem { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_event_nobody_can_read_is_an_error_and_not_skipped() {
    let server = ScriptedServer::start(vec![Reply::Events(vec![frame(1, r#""type":"surprise""#)])]);
    let error = follow(&server, 0).await.unwrap_err();
    assert!(error.to_string().contains("surprise"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_comes_back_ends_the_following() {
    let server = ScriptedServer::start(vec![Reply::Events(vec![started(1)])]);
    let client = server.client();
    let mut config = server.config();
    config.endpoint = fenta_client::Endpoint::Socket(server.socket.with_extension("gone"));
    let gone = Client::new(&config).unwrap();
    let mut stream = EventStream::new(client, "job_1", 0, async || Ok(gone.clone()));
    let mut lost = 0;
    let error = loop {
        match stream.next().await {
            Ok(Some(Followed::Event(event))) => {
                assert!(matches!(event.kind, JobEventKind::NodeStarted { .. }));
            }
            Ok(Some(Followed::Lost { .. })) => lost += 1,
            Ok(None) => panic!("the job has not ended"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, ClientError::StreamLost { last_seq: 1, .. }),
        "{error}"
    );
    assert!(lost > 5, "{lost}");
    assert!(error.hint().is_some_and(|hint| hint.contains("fenta logs")));
}
