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
        ("POST", "/v1/jobs", "{", 422, "request/invalid"),
        ("POST", "/v1/jobs", "{}", 422, "request/invalid"),
        ("POST", "/v1/jobs", &huge, 413, "request/too-large"),
        ("GET", "/v1/jobs?state=odd", "", 400, "request/invalid"),
        ("GET", "/v1/jobs?cursor=odd", "", 400, "request/invalid"),
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
        assert!(!problem.detail.is_empty() || status == 404 || status == 405);
    }
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
