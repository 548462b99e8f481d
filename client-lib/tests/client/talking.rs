//! Calls: what is sent, what is repeated, how refusals are told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fenta_client::api::jobs::{CreateJob, JobQuery, JobState, ResumeJob, WorkflowSource};
use fenta_client::api::meta::StopDaemon;
use fenta_client::{Client, ClientConfig, ClientError, Endpoint, ErrorKind};

use crate::scripted_server::{Reply, ScriptedServer};

const JOB: &str = r#"{"id":"job_1","workflow":"w","state":"queued","created_at":"2026-01-01T00:00:00Z","last_seq":1}"#;

fn ok(body: &str) -> Reply {
    Reply::Full(200, vec![], body.to_owned())
}

fn problem(status: u16, extra: &str) -> Reply {
    Reply::Full(
        status,
        vec![("content-type", "application/problem+json".to_owned())],
        format!(r#"{{"title":"T","status":{status},"code":"c/d","request_id":"req_7"{extra}}}"#),
    )
}

fn new_job() -> CreateJob {
    CreateJob {
        workflow: WorkflowSource {
            path: Some("/w/a.yaml".to_owned()),
            name: "a.yaml".to_owned(),
            text: "fenta: workflow/v1\n".to_owned(),
            dir: "/w".to_owned(),
        },
        params: BTreeMap::from([("text".to_owned(), "hello".to_owned())]),
        caller_dir: "/home/me".to_owned(),
        out_dir: None,
        options: fenta_client::api::jobs::RunOptions::default(),
    }
}

#[tokio::test]
async fn a_job_is_submitted_with_a_key_and_its_whole_text() {
    let server = ScriptedServer::start(vec![Reply::Full(202, vec![], JOB.to_owned())]);
    let job = server.client().create_job(&new_job()).await.unwrap();
    assert_eq!((job.id.as_str(), job.state), ("job_1", JobState::Queued));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST /v1/jobs HTTP/1.1");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("user-agent"), Some("test/1"));
    assert_eq!(asked.header("idempotency-key").map(str::len), Some(36));
    let sent: CreateJob = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(sent, new_job());
}

#[tokio::test]
async fn a_submission_is_repeated_under_the_same_key() {
    let server = ScriptedServer::start(vec![Reply::HangUp, problem(503, ""), ok(JOB)]);
    server.client().create_job(&new_job()).await.unwrap();
    let keys: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn two_submissions_have_two_keys() {
    let server = ScriptedServer::start(vec![ok(JOB), ok(JOB)]);
    let client = server.client();
    client.create_job(&new_job()).await.unwrap();
    client.create_job(&new_job()).await.unwrap();
    let asked = server.asked();
    assert_ne!(
        asked[0].header("idempotency-key"),
        asked[1].header("idempotency-key")
    );
}

#[tokio::test]
async fn a_resume_that_may_have_arrived_is_not_repeated() {
    let server = ScriptedServer::start(vec![Reply::HangUp, ok(JOB)]);
    let error = server
        .client()
        .resume_job("job_1", &ResumeJob::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Interrupted { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_number_of_tries_is_limited() {
    let server = ScriptedServer::start(vec![
        problem(503, ""),
        problem(503, ""),
        problem(503, ""),
        ok(JOB),
    ]);
    let error = server.client().job("latest").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerDown);
    assert_eq!(server.asked().len(), 3, "one try and two more");
}

#[tokio::test]
async fn refusals_that_stay_are_not_repeated() {
    let server = ScriptedServer::start(vec![problem(404, r#","detail":"no job `x`","hint":"h""#)]);
    let error = server.client().job("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "no job `x`");
    assert_eq!(error.hint().as_deref(), Some("h"));
    assert_eq!(error.request_id(), Some("req_7"));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let wait = |seconds: &str| {
        Reply::Full(
            429,
            vec![("retry-after", seconds.to_owned())],
            "slow down".to_owned(),
        )
    };
    let server = ScriptedServer::start(vec![wait("1"), ok(JOB)]);
    let begun = Instant::now();
    server.client().job("latest").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let server = ScriptedServer::start(vec![wait("3600"), ok(JOB)]);
    let error = server.client().job("latest").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(server.asked().len(), 1, "an hour is longer than the limit");
    assert!(error.to_string().contains("slow down"), "{error}");
}

#[tokio::test]
async fn diagnostics_of_a_refused_document_arrive() {
    let diagnostic = r#","diagnostics":[{"code":"graph/unknown-node","severity":"error","message":"no node `a`","file":"a.yaml","line":7,"column":3,"end_line":7,"end_column":4,"range":{"start":{"line":6,"character":2},"end":{"line":6,"character":3}},"labels":[],"hints":["did you mean `b`?"]}]"#;
    let server = ScriptedServer::start(vec![problem(422, diagnostic)]);
    let error = server.client().create_job(&new_job()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DocumentInvalid);
    let ClientError::Problem { problem, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(problem.diagnostics[0].line, 7);
    assert_eq!(problem.diagnostics[0].hints, ["did you mean `b`?"]);
}

#[tokio::test]
async fn what_is_not_the_api_is_said_to_be_so() {
    let server = ScriptedServer::start(vec![ok("<html>"), ok("{}")]);
    for _ in 0..2 {
        let error = server.client().meta().await.unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
        assert!(error.to_string().contains("GET /v1/meta"), "{error}");
    }
}

#[tokio::test]
async fn names_from_the_user_stay_one_path_segment() {
    let server = ScriptedServer::start(vec![ok(JOB)]);
    server.client().job("../a b?c").await.unwrap();
    assert_eq!(
        server.asked()[0].line,
        "GET /v1/jobs/..%2Fa%20b%3Fc HTTP/1.1"
    );
}

#[tokio::test]
async fn lists_are_asked_for_page_by_page() {
    let server = ScriptedServer::start(vec![ok(r#"{"items":[],"next_cursor":"n"}"#)]);
    let query = JobQuery {
        limit: Some(5),
        cursor: Some("a&b".to_owned()),
        state: Some(JobState::Failed),
    };
    let page = server.client().jobs(&query).await.unwrap();
    assert_eq!(page.next_cursor.as_deref(), Some("n"));
    assert_eq!(
        server.asked()[0].line,
        "GET /v1/jobs?limit=5&cursor=a%26b&state=failed HTTP/1.1"
    );
}

#[tokio::test]
async fn stopping_needs_no_body_in_the_answer() {
    let server = ScriptedServer::start(vec![Reply::Full(202, vec![], String::new())]);
    let how = StopDaemon {
        force: true,
        ..StopDaemon::default()
    };
    server.client().stop_daemon(how).await.unwrap();
    assert_eq!(server.asked()[0].body, r#"{"force":true}"#);
    assert!(server.is_done());
}

#[tokio::test]
async fn nobody_at_the_socket_is_unreachable() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ClientConfig::new(Endpoint::Socket(dir.path().join("none")), "test/1");
    config.retry.retries = 0;
    let error = Client::new(&config).unwrap().meta().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.not_received());
}

#[test]
fn addresses_that_would_send_secrets_in_the_clear_are_refused() {
    let build = |url: &str| Client::new(&ClientConfig::new(Endpoint::Url(url.into()), "t"));
    assert!(build("https://api.fentaweb.com").is_ok());
    assert!(build("http://127.0.0.1:8080").is_ok());
    for bad in ["http://example.com", "ftp://example.com", "nonsense"] {
        let error = build(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{bad}");
        assert!(error.to_string().contains(bad), "{error}");
    }
}
