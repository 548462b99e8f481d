//! The contract of `/v1/schedules`, `/v1/watches` and `/v1/notices`, as a client sees it.

use fenta_client::api::problem::Problem;
use serde_json::{Value, json};

use super::testing::{Answer, Server};
use crate::runner::testing::document;

/// Says which day it is, and what is in a file where one is given.
const NOTES: &str = "fenta: workflow/v1\nname: notes\ninputs: { note: { type: file, default: /dev/null } }\nnodes:\n  \
                     text: { type: Input.Text, with: { text: \"today ${{ job.date }}\" } }\noutputs:\n  text: ${{ nodes.text.text }}\n";

fn new(more: &Value) -> String {
    let job = document(NOTES);
    let mut body = json!({ "workflow": job.workflow, "caller_dir": "/c", "pinned": true });
    let map = body.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    body.to_string()
}

fn schedule(cron: &str) -> String {
    new(&json!({ "rule": { "cron": cron, "timezone": "Europe/Berlin" } }))
}

fn watch(folder: &str) -> String {
    new(&json!({ "rule": { "folder": folder, "into": "note", "settle_ms": 50, "poll_ms": 50 } }))
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Follows the pages of a list to its end; gives the sizes of the pages and all items.
async fn pages(server: &Server, path: &str, limit: u32) -> (Vec<usize>, Vec<Value>) {
    let (mut sizes, mut all) = (Vec::new(), Vec::new());
    let mut cursor = String::new();
    loop {
        let answer = server.get(&format!("{path}?limit={limit}{cursor}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = body(&answer);
        let items = page["items"].as_array().unwrap().clone();
        sizes.push(items.len());
        all.extend(items);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (sizes, all),
        }
    }
}

#[tokio::test]
async fn a_schedule_through_all_its_doors() {
    let server = Server::start();
    let made = server.post("/v1/schedules", &schedule("0 7 * * *")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = body(&made)["items"][0].clone();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["name"], "notes");
    assert_eq!(made["state"], "active");
    let list = body(&server.get("/v1/schedules").await);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    for given in [id.as_str(), &id[4..], &id[..30], "notes"] {
        let shown = server.get(&format!("/v1/schedules/{given}")).await;
        assert_eq!((shown.status, &body(&shown)["id"]), (200, &made["id"]));
    }
    let next = body(&server.get("/v1/schedules/notes/next?count=3").await);
    assert_eq!(next["items"].as_array().unwrap().len(), 3);

    let mut jobs = Vec::new();
    for _ in 0..5 {
        let run = server.post("/v1/schedules/notes/trigger", "").await;
        assert_eq!(run.status, 202, "{run:?}");
        let run = body(&run);
        assert_eq!(
            (&run["kind"], &run["state"]),
            (&json!("manual"), &json!("started"))
        );
        jobs.push(run["job"].as_str().unwrap().to_owned());
    }
    for job in &jobs {
        server.machine.end(job).await;
    }
    let (sizes, runs) = pages(&server, "/v1/schedules/notes/runs", 2).await;
    assert_eq!(sizes, [2, 2, 1]);
    let told: Vec<&str> = runs
        .iter()
        .map(|run| run["job"].as_str().unwrap())
        .collect();
    jobs.reverse();
    assert_eq!(told, jobs, "newest first, each once");
    assert_eq!(runs[0]["usd"], "0");
    let text = runs[0]["outputs"][0].as_str().unwrap();
    assert!(text.starts_with("today 2"), "{text}");
    let job = body(&server.get(&format!("/v1/jobs/{}", jobs[0])).await);
    assert_eq!(
        job["begun_by"],
        json!({ "kind": "schedule", "id": id, "name": "notes" })
    );

    let why = json!({ "reason": "holidays" }).to_string();
    let paused = body(&server.post("/v1/schedules/notes/pause", &why).await);
    assert_eq!(
        (&paused["state"], &paused["reason"]),
        (&json!("paused"), &json!("holidays"))
    );
    let resumed = body(&server.post("/v1/schedules/notes/resume", "").await);
    assert_eq!(resumed["state"], "active");
    let days = json!({ "from": "2026-01-01", "to": "2026-01-03", "dry_run": true }).to_string();
    let days = server.post("/v1/schedules/notes/backfill", &days).await;
    assert_eq!(
        (days.status, body(&days)["items"].as_array().unwrap().len()),
        (200, 3)
    );

    let gone = server
        .ask("DELETE", &format!("/v1/schedules/{id}"), &[], "")
        .await;
    assert_eq!((gone.status, &body(&gone)["id"]), (200, &made["id"]));
    assert_eq!(
        server.get("/v1/schedules/notes").await.problem().code,
        "schedule/not-found"
    );
    assert_eq!(
        server.get(&format!("/v1/jobs/{}", jobs[0])).await.status,
        200,
        "its jobs stay"
    );
    server.running.stop().await;
}

#[tokio::test]
async fn a_watch_through_all_its_doors() {
    let server = Server::start();
    let folder = server.machine.path("inbox");
    std::fs::create_dir(&folder).unwrap();
    let made = server
        .post("/v1/watches", &watch(folder.to_str().unwrap()))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = body(&made)["id"].as_str().unwrap().to_owned();
    for at in 0..5 {
        std::fs::write(folder.join(format!("{at}.md")), format!("text {at}")).unwrap();
    }
    std::fs::write(folder.join("half.part"), "half").unwrap();
    let begin = std::time::Instant::now();
    loop {
        let shown = body(&server.get("/v1/watches/notes").await);
        if shown["files"]["done"] == 5 {
            assert_eq!(shown["poll_ms"], 50);
            assert_eq!(shown["last"]["state"], "done");
            break;
        }
        assert!(begin.elapsed().as_secs() < 60, "{shown}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (sizes, files) = pages(&server, "/v1/watches/notes/files", 2).await;
    assert_eq!(sizes, [2, 2, 1]);
    let names: Vec<&str> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["0.md", "1.md", "2.md", "3.md", "4.md"]);
    let (sizes, runs) = pages(&server, "/v1/watches/notes/runs", 3).await;
    assert_eq!(sizes, [3, 2]);
    assert!(
        runs.iter()
            .all(|run| run["state"] == "done" && run["usd"] == "0"),
        "{runs:?}"
    );
    let job = runs[0]["job"].as_str().unwrap();
    let job = body(&server.get(&format!("/v1/jobs/{job}")).await);
    assert_eq!(job["begun_by"]["kind"], "watch");
    let verdict = body(&server.get("/v1/watches/notes/explain?path=half.part").await);
    assert_eq!(verdict["rule"], "half-file");

    let again = json!({ "path": "0.md" }).to_string();
    let again = server.post("/v1/watches/notes/again", &again).await;
    assert_eq!(
        (again.status, &body(&again)["items"][0]["path"]),
        (200, &json!("0.md"))
    );
    let paused = server.post("/v1/watches/notes/pause", "").await;
    assert_eq!(
        (paused.status, &body(&paused)["reason"]),
        (200, &json!("by hand"))
    );
    let resumed = server.post("/v1/watches/notes/resume", "").await;
    assert_eq!(body(&resumed)["state"], "active");
    let gone = server
        .ask("DELETE", &format!("/v1/watches/{id}"), &[], "")
        .await;
    assert_eq!((gone.status, &body(&gone)["id"]), (200, &json!(id)));
    assert_eq!(
        server.get("/v1/watches/notes").await.problem().code,
        "watch/not-found"
    );
    server.running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_with_a_code() {
    let server = Server::start();
    let folder = server.machine.path("inbox");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    for text in [schedule("0 7 * * *"), schedule("0 8 * * *")] {
        assert_eq!(server.post("/v1/schedules", &text).await.status, 201);
    }
    assert_eq!(server.post("/v1/watches", &watch(folder)).await.status, 201);
    let open = json!({ "webhook": "http://example.org" });
    let tells = new(&json!({ "rule": { "cron": "@daily", "timezone": "UTC", "notify": open } }));
    let into = new(&json!({ "rule": { "folder": folder, "into": "nobody" } }));
    let cases: Vec<(&str, &str, String, u16, &str)> = vec![
        (
            "POST",
            "/v1/schedules",
            "{".to_owned(),
            400,
            "request/malformed",
        ),
        (
            "POST",
            "/v1/schedules",
            "{}".to_owned(),
            422,
            "request/invalid",
        ),
        (
            "POST",
            "/v1/schedules",
            new(&json!({ "when": 1 })),
            422,
            "request/invalid",
        ),
        (
            "POST",
            "/v1/schedules",
            new(&json!({})),
            422,
            "schedule/nothing",
        ),
        (
            "POST",
            "/v1/schedules",
            schedule("0 25 * * *"),
            422,
            "schedule/rule",
        ),
        ("POST", "/v1/schedules", tells, 422, "schedule/nothing"),
        (
            "GET",
            "/v1/schedules/none",
            String::new(),
            404,
            "schedule/not-found",
        ),
        (
            "GET",
            "/v1/schedules/sch_",
            String::new(),
            409,
            "schedule/ambiguous",
        ),
        (
            "DELETE",
            "/v1/schedules/none",
            String::new(),
            404,
            "schedule/not-found",
        ),
        (
            "POST",
            "/v1/schedules/none/trigger",
            String::new(),
            404,
            "schedule/not-found",
        ),
        (
            "POST",
            "/v1/schedules/notes/pause",
            "[".to_owned(),
            400,
            "request/malformed",
        ),
        (
            "POST",
            "/v1/schedules/notes/backfill",
            "{}".to_owned(),
            422,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/schedules/notes/runs?limit=0",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/schedules/notes/runs?limit=501",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/schedules/notes/runs?limit=many",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/schedules/notes/runs?cursor=x",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/schedules/notes/runs?page=2",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "PUT",
            "/v1/schedules/notes",
            String::new(),
            405,
            "request/method-not-allowed",
        ),
        (
            "POST",
            "/v1/watches",
            "[]".to_owned(),
            422,
            "request/invalid",
        ),
        ("POST", "/v1/watches", new(&json!({})), 422, "watch/nothing"),
        (
            "POST",
            "/v1/watches",
            watch("/nowhere"),
            422,
            "watch/nothing",
        ),
        ("POST", "/v1/watches", into, 422, "watch/nothing"),
        (
            "GET",
            "/v1/watches/none/files",
            String::new(),
            404,
            "watch/not-found",
        ),
        (
            "GET",
            "/v1/watches/notes/files?limit=0",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/watches/notes/runs?limit=-1",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/watches/notes/explain",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/watches/notes/explain?path=/etc/x",
            String::new(),
            422,
            "watch/nothing",
        ),
        (
            "POST",
            "/v1/watches/notes/again",
            json!({ "path": "no.md" }).to_string(),
            422,
            "watch/nothing",
        ),
        (
            "GET",
            "/v1/notices?limit=0",
            String::new(),
            400,
            "request/invalid",
        ),
        (
            "GET",
            "/v1/notices?who=me",
            String::new(),
            400,
            "request/invalid",
        ),
    ];
    for (method, path, text, status, code) in cases {
        let answer = server.ask(method, path, &[], &text).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let problem: Problem = answer.problem();
        assert_eq!(problem.code, code, "{method} {path}: {answer:?}");
        assert!(answer.head.contains(&problem.request_id), "{answer:?}");
        assert!(
            !problem.detail.is_empty() || status == 405,
            "{method} {path}"
        );
    }
    server.running.stop().await;
}

#[tokio::test]
async fn what_was_told_is_listed_by_whose_it_is() {
    let server = Server::start();
    let answer = body(&server.get("/v1/notices?of=sch_none&limit=5").await);
    assert_eq!(answer, json!({ "items": [] }));
    server.running.stop().await;
}
