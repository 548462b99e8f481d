//! The API over a stand-in renderer, byte for byte as a client sees it.

use fenta_client::api::jobs::JobList;
use fenta_client::api::meta::{Meta, ServerState};
use fenta_workflows::job_event::JobState;

use super::StopRequest;
use super::testing::Server;
use crate::runner::testing::{TEXT, document, speech};

fn body(text: &str) -> String {
    serde_json::to_string(&speech(text)).unwrap()
}

/// Breaks every connection after a few hundred bytes of its answer, each time after another number of them.
async fn breaking_proxy(
    from: std::path::PathBuf,
    to: std::path::PathBuf,
    broken: std::sync::Arc<std::sync::atomic::AtomicUsize>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::UnixListener::bind(from).unwrap();
    let mut luck = 1_u64;
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = tokio::net::UnixStream::connect(&to).await.unwrap();
        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut left = 150 + usize::try_from((luck >> 33) % 900).unwrap();
        let broken = std::sync::Arc::clone(&broken);
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let up = tokio::spawn(async move {
                let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
            });
            let mut bytes = [0; 64];
            while left > 0 {
                let want = left.min(bytes.len());
                match from_server.read(&mut bytes[..want]).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => {
                        left -= read;
                        if to_client.write_all(&bytes[..read]).await.is_err() {
                            break;
                        }
                    }
                }
            }
            broken.fetch_add(usize::from(left == 0), std::sync::atomic::Ordering::SeqCst);
            up.abort();
        });
    }
}

/// The job's log, read to its end through connections that break all the time.
async fn log_over_breaking_connections(
    server: &Server,
    name: &str,
    job: &str,
) -> (usize, Vec<u64>) {
    use fenta_client::{Client, ClientConfig, Endpoint, EventStream, Followed};
    let broken = std::sync::Arc::default();
    let socket = server.machine.path(name);
    let proxy = tokio::spawn(breaking_proxy(
        socket.clone(),
        server.machine.path("s"),
        std::sync::Arc::clone(&broken),
    ));
    while !socket.exists() {
        tokio::task::yield_now().await;
    }
    let connect = || {
        Client::new(&ClientConfig::new(
            Endpoint::Socket(socket.clone()),
            "test/1",
        ))
    };
    let mut stream = EventStream::new(connect().unwrap(), job, 0, async || connect());
    let mut seqs = Vec::new();
    while let Some(next) = stream.next().await.unwrap() {
        if let Followed::Event(event) = next {
            seqs.push(event.seq);
        }
    }
    proxy.abort();
    (broken.load(std::sync::atomic::Ordering::SeqCst), seqs)
}

#[tokio::test]
async fn a_hundred_broken_connections_lose_no_event_and_repeat_none() {
    use fenta_workflows::job_event::JobEventKind;
    let server = Server::start();
    let claim = crate::store::jobs_testing::claimed(&server.machine.store, "a").await;
    let job = claim.job.clone();
    let write = async {
        for done in 0..400 {
            let kind = JobEventKind::NodeProgress {
                node: "render".to_owned(),
                done,
                total: 400,
            };
            server
                .machine
                .store
                .append_events(&claim, vec![kind])
                .await
                .unwrap();
        }
        let end = crate::store::Transition::Cancel;
        server
            .machine
            .store
            .change_claimed(&claim, end)
            .await
            .unwrap();
    };
    let ((first, a), (second, b), ()) = tokio::join!(
        log_over_breaking_connections(&server, "p1", &job),
        log_over_breaking_connections(&server, "p2", &job),
        write,
    );
    assert!(
        first >= 100 && second >= 100,
        "{first} and {second} were broken"
    );
    let all: Vec<u64> = (1..=403).collect();
    assert_eq!(a, all);
    assert_eq!(b, all, "two watchers see the same");
}

#[tokio::test]
async fn a_recording_goes_out_without_secrets_and_comes_in_once() {
    use fenta_client::api::recordings::Recording;
    let here = Server::start();
    let secret = "sk-abcdefghij0123456789KLMN";
    let job = here
        .post("/v1/jobs", &body(&format!("Bees dance. {secret}")))
        .await
        .job();
    here.machine.end(&job.id).await;
    let answer = here.get(&format!("/v1/jobs/{}/recording", job.id)).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains(secret) && answer.body.contains("[redacted]"));
    let recording: Recording = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(recording.events.len() as u64, recording.job.last_seq);

    let there = Server::start();
    let kept = there.post("/v1/recordings", &answer.body).await;
    assert_eq!(kept.status, 201, "{kept:?}");
    let mut watch = there
        .watch(&format!("/v1/jobs/{}/events", job.id), &[])
        .await;
    assert_eq!(watch.rest().await.len(), recording.events.len());
    let shown = there.get("/v1/jobs/latest").await.job();
    assert_eq!(shown.nodes, recording.job.nodes);
    let again = there.post("/v1/recordings", &answer.body).await;
    assert_eq!((again.status, &*again.problem().code), (409, "job/known"));
    let resumed = there.post(&format!("/v1/jobs/{}/resume", job.id), "").await;
    assert_eq!(
        (resumed.status, &*resumed.problem().code),
        (409, "job/imported")
    );
    let holed = answer.body.replacen("\"seq\":2", "\"seq\":3", 1);
    let refused = there.post("/v1/recordings", &holed).await;
    assert_eq!(
        (refused.status, &*refused.problem().code),
        (422, "recording/invalid")
    );
}

#[tokio::test]
async fn meta_says_who_is_there() {
    let server = Server::start();
    let answer = server.get("/v1/meta").await;
    assert_eq!(answer.status, 200);
    let meta: Meta = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((meta.api.min, meta.api.max), (1, 1));
    assert_eq!(meta.pid, std::process::id());
    assert_eq!(meta.state, ServerState::Ready);
    assert_eq!(meta.tool, "fenta-render stand-in 1 ");
    assert!(answer.head.contains("x-request-id: req_"));
    assert_eq!(server.get("/v1/health").await.status, 204);
    std::fs::remove_file(server.machine.path("render")).unwrap();
    let sick = server.get("/v1/health").await;
    assert_eq!(sick.status, 503);
    assert_eq!(sick.problem().code, "renderer/unavailable");
}

#[tokio::test]
async fn a_job_is_accepted_followed_and_shown() {
    let server = Server::start();
    let answer = server.post("/v1/jobs", &body(TEXT)).await;
    assert_eq!(answer.status, 202);
    let job = answer.job();
    assert_eq!(job.workflow, "speech");
    assert!(
        answer
            .head
            .contains(&format!("location: /v1/jobs/{}", job.id))
    );
    let mut watch = server
        .watch(&format!("/v1/jobs/{}/events", job.id), &[])
        .await;
    let events = watch.rest().await;
    let seqs: Vec<u64> = events.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events[0].1, "job_queued");
    assert_eq!(events.last().unwrap().1, "job_completed");
    let short = &job.id[..job.id.len() - 4];
    for path in [&job.id, short, "latest"] {
        let shown = server.get(&format!("/v1/jobs/{path}")).await.job();
        assert_eq!(shown.id, job.id);
        assert_eq!(shown.state, JobState::Completed);
        assert_eq!(shown.nodes[0].ran, 2);
    }
}

#[tokio::test]
async fn a_log_is_read_from_anywhere_by_anyone_and_live() {
    let server = Server::start();
    server.machine.close_door();
    let id = server.post("/v1/jobs", &body(TEXT)).await.job().id;
    let path = format!("/v1/jobs/{id}/events");
    let mut live = server.watch(&path, &[]).await;
    let mut other = server.watch(&path, &[]).await;
    for expected in 1..=3 {
        assert_eq!(live.event().await.unwrap().0, expected);
    }
    server.machine.open_door();
    let last = live.rest().await.last().unwrap().clone();
    assert_eq!(last.1, "job_completed");
    assert_eq!(other.rest().await.len() as u64, last.0);
    let from_header = server
        .watch(&path, &[("last-event-id", "2")])
        .await
        .rest()
        .await;
    let from_query = server
        .watch(&format!("{path}?after=2"), &[])
        .await
        .rest()
        .await;
    assert_eq!(from_header[0].0, 3);
    assert_eq!(from_header, from_query);
    let end = server
        .watch(&format!("{path}?after={}", last.0), &[])
        .await
        .rest()
        .await;
    assert!(end.is_empty(), "nothing more will come");
    let bad = server
        .ask("GET", &path, &[("last-event-id", "x")], "")
        .await;
    assert_eq!(bad.problem().code, "request/invalid");
}

#[tokio::test]
async fn the_log_of_a_resumed_job_goes_on_past_its_first_end() {
    let server = Server::start();
    server.machine.hook("kill -KILL $$");
    let id = server.post("/v1/jobs", &body(TEXT)).await.job().id;
    assert_eq!(server.machine.end(&id).await.state, JobState::Failed);
    server.machine.no_hook();
    let resumed = server.post(&format!("/v1/jobs/{id}/resume"), "").await;
    assert_eq!(resumed.status, 200);
    let events = server
        .watch(&format!("/v1/jobs/{id}/events"), &[])
        .await
        .rest()
        .await;
    let types: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
    assert!(types.contains(&"job_failed"));
    assert_eq!(types.last(), Some(&"job_completed"));
}

#[tokio::test]
async fn money_and_verdicts_are_for_jobs_that_wait_for_them() {
    let server = Server::start();
    let id = server.post("/v1/jobs", &body(TEXT)).await.job().id;
    server.machine.end(&id).await;
    for (what, said, status) in [
        ("resolve", r#"{"verdict":"paid"}"#, 409),
        ("resolve", r#"{"verdict":"perhaps"}"#, 422),
        ("resolve", r#"{"verdict":"found","remote":" "}"#, 422),
        ("resume", r#"{"add_usd":"1"}"#, 409),
        ("resume", r#"{"add_usd":"much"}"#, 422),
        ("resume", r#"{"more":1}"#, 422),
    ] {
        let answer = server.post(&format!("/v1/jobs/{id}/{what}"), said).await;
        assert_eq!(answer.status, status, "{what} {said}");
    }
}

#[tokio::test]
async fn watchers_are_let_go_when_the_daemon_ends() {
    let server = Server::start();
    server.machine.close_door();
    let id = server.post("/v1/jobs", &body(TEXT)).await.job().id;
    let mut watch = server.watch(&format!("/v1/jobs/{id}/events"), &[]).await;
    watch.event().await.unwrap();
    server.shutdown.cancel();
    watch.rest().await;
    server.running.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_one_job() {
    let server = Server::start();
    let key = [("idempotency-key", "k1")];
    let first = server.ask("POST", "/v1/jobs", &key, &body(TEXT)).await;
    let again = server.ask("POST", "/v1/jobs", &key, &body(TEXT)).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.job().id, again.job().id);
    let other = server
        .ask("POST", "/v1/jobs", &key, &body("Another text is here now."))
        .await;
    assert_eq!(other.status, 422);
    assert_eq!(other.problem().code, "request/idempotency-key-reused");
    let empty = [("idempotency-key", "")];
    let bad = server.ask("POST", "/v1/jobs", &empty, &body(TEXT)).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn a_wrong_document_comes_back_with_places_and_hints() {
    let server = Server::start();
    let wrong = document("fenta: workflow/v1\nnodes:\n  a: { type: Voice.TTZ }\n");
    let answer = server
        .post("/v1/jobs", &serde_json::to_string(&wrong).unwrap())
        .await;
    assert_eq!(answer.status, 422);
    let problem = answer.problem();
    assert_eq!(problem.code, "workflow/invalid");
    assert_eq!(problem.diagnostics[0].line, 3);
    assert!(problem.request_id.starts_with("req_"));
    assert!(answer.head.contains(&problem.request_id));
    let none = server.get("/v1/jobs").await;
    let list: JobList = serde_json::from_str(&none.body).unwrap();
    assert!(list.items.is_empty(), "nothing was accepted");
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let server = Server::start();
    let huge = "x".repeat((8 << 20) + 1);
    for (method, path, body, status, code) in [
        ("GET", "/nothing", "", 404, "request/no-such-route"),
        ("DELETE", "/v1/jobs", "", 405, "request/method-not-allowed"),
        ("GET", "/v1/jobs/job_1", "", 404, "job/not-found"),
        ("GET", "/v1/jobs/latest", "", 404, "job/not-found"),
        ("POST", "/v1/jobs", "{", 400, "request/malformed"),
        ("POST", "/v1/jobs", "{}", 422, "request/invalid"),
        ("POST", "/v1/jobs", &huge, 413, "request/too-large"),
        ("GET", "/v1/jobs?state=odd", "", 400, "request/invalid"),
        ("GET", "/v1/jobs?cursor=odd", "", 400, "request/invalid"),
        ("GET", "/v1/jobs?colour=red", "", 400, "request/invalid"),
        ("GET", "/v1/jobs/%FF", "", 400, "request/invalid"),
        (
            "POST",
            "/v1/daemon/stop",
            "{\"now\":1}",
            422,
            "request/invalid",
        ),
    ] {
        let answer = server.ask(method, path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let problem = answer.problem();
        assert_eq!((&*problem.code, problem.status), (code, status), "{path}");
        assert!(!problem.detail.is_empty());
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = server.ask("POST", "/v1/jobs", &form, "a=b").await;
    assert_eq!(
        (answer.status, &*answer.problem().code),
        (415, "request/media-type")
    );
    let answer = server.ask("PUT", "/v1/jobs", &[], "").await;
    assert!(answer.head.contains("allow: "), "{answer:?}");
}

#[tokio::test]
async fn jobs_are_listed_in_pages() {
    let server = Server::start();
    for index in 0..3 {
        let text = format!("Sentence number {index} is here.");
        server.post("/v1/jobs", &body(&text)).await;
    }
    let page =
        |answer: super::testing::Answer| -> JobList { serde_json::from_str(&answer.body).unwrap() };
    let first = page(server.get("/v1/jobs?limit=2").await);
    assert_eq!(first.items.len(), 2);
    let cursor = first.next_cursor.unwrap();
    let second = page(
        server
            .get(&format!("/v1/jobs?limit=2&cursor={cursor}"))
            .await,
    );
    assert_eq!((second.items.len(), second.next_cursor), (1, None));
    assert!(first.items[1].id > second.items[0].id, "newest first");
    let all = page(server.get("/v1/jobs?limit=2000").await);
    assert_eq!(all.items.len(), 3);
}

#[tokio::test]
async fn a_job_is_cancelled_by_its_beginning() {
    let server = Server::start();
    server.machine.close_door();
    let id = server.post("/v1/jobs", &body(TEXT)).await.job().id;
    let answer = server.post("/v1/jobs/latest/cancel", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.machine.end(&id).await.state, JobState::Cancelled);
    let again = server.post(&format!("/v1/jobs/{id}/cancel"), "").await;
    assert_eq!(again.job().state, JobState::Cancelled);
}

#[tokio::test]
async fn the_stronger_wish_to_stop_counts() {
    let mut server = Server::start();
    let stop = async |server: &Server, body| server.post("/v1/daemon/stop", body).await.status;
    assert_eq!(stop(&server, "").await, 202);
    assert_eq!(*server.stop.borrow_and_update(), StopRequest::Drain);
    assert_eq!(stop(&server, "{\"force\":true}").await, 202);
    assert_eq!(stop(&server, "{\"force\":false}").await, 202);
    assert_eq!(*server.stop.borrow_and_update(), StopRequest::Now);
}
