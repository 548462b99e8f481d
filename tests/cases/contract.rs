//! One contract for every place the API is served: the same questions over the socket and over TCP, and the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeSet;

use fenta_tests::env::FentaEnv;
use fenta_tests::http::Server;
use serde_json::{Value, json};

const TEXT: &str = "fenta: workflow/v1\nname: hello\ninputs: { who: { type: string, default: bees }, file: { type: string, default: \"\" } }\nnodes:\n  a: { type: Input.Text, with: { text: \"Hello ${{ inputs.who }}\" } }\noutputs:\n  said: ${{ nodes.a.text }}\n  file: ${{ inputs.file }}\n";

fn place() -> FentaEnv {
    FentaEnv::new()
        .unwrap()
        .with_variable("FENTA_LISTEN", "127.0.0.1:0")
}

/// Everything a place must keep to.
fn keeps_the_contract(server: &Server, env: &FentaEnv) {
    says_who_it_is(server);
    tells_errors_as_problems(server);
    makes_things_once(server);
    keeps_workflows(server);
    runs_jobs(server, env);
    keeps_templates(server);
    keeps_assets(server);
    says_what_it_does_not_have(server);
}

#[test]
fn the_daemon_keeps_the_contract_over_its_socket() {
    let env = place();
    keeps_the_contract(&Server::socket_of(&env).unwrap(), &env);
}

#[test]
fn the_daemon_keeps_the_contract_over_tcp() {
    let env = place();
    keeps_the_contract(&Server::port_of(&env).unwrap(), &env);
}

fn says_who_it_is(server: &Server) {
    let meta = server.get("/v1/meta").unwrap();
    assert_eq!((meta.status, &meta.json()["api"]["min"]), (200, &json!(1)));
    assert!(
        meta.json()["listen"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    assert_eq!(server.get("/v1/health").unwrap().status, 204);
    let described = server.get("/v1/openapi.json").unwrap().json();
    assert_eq!(described["openapi"], "3.1.0");
    let metrics = server.get("/v1/metrics").unwrap();
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    let text = metrics.text();
    for name in [
        "fenta_up 1",
        "fenta_http_answers_total",
        "fenta_http_answer_seconds_bucket",
    ] {
        assert!(text.contains(name), "{name}\n{text}");
    }
}

fn tells_errors_as_problems(server: &Server) {
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        server.ask(method, path, headers, body).unwrap()
    };
    ask("GET", "/v1/nothing", &[], b"")
        .is_problem(404, "request/no-such-route")
        .unwrap();
    ask("GET", "/v1/jobs/job_0", &[], b"")
        .is_problem(404, "job/not-found")
        .unwrap();
    let wrong = ask("PUT", "/v1/jobs", &[], b"");
    wrong.is_problem(405, "request/method-not-allowed").unwrap();
    assert!(wrong.header("allow").unwrap().contains("POST"));
    ask("OPTIONS", "/v1/jobs", &[], b"")
        .is_problem(405, "request/method-not-allowed")
        .unwrap();
    ask("POST", "/v1/jobs", &[], b"{")
        .is_problem(400, "request/malformed")
        .unwrap();
    ask("POST", "/v1/jobs", &[], b"{}")
        .is_problem(422, "request/invalid")
        .unwrap();
    ask("POST", "/v1/jobs", &[("content-type", "text/plain")], b"{}")
        .is_problem(415, "request/media-type")
        .unwrap();
    ask("POST", "/v1/jobs", &[("content-length", "99999999")], b"{")
        .is_problem(413, "request/too-large")
        .unwrap();
    ask("GET", "/v1/jobs?colour=red", &[], b"")
        .is_problem(400, "request/invalid")
        .unwrap();
    ask("GET", "/v1/jobs?cursor=x", &[], b"")
        .is_problem(400, "request/invalid")
        .unwrap();
}

/// The first answer again for the same request, nothing for another one under the same key.
fn makes_things_once(server: &Server) {
    let body = json!({ "text": TEXT, "name": "once" }).to_string();
    let key = [("idempotency-key", "contract-once")];
    let make = |body: &str| {
        server
            .ask("POST", "/v1/workflows", &key, body.as_bytes())
            .unwrap()
    };
    let first = make(&body);
    assert_eq!(first.status, 201, "{}", first.text());
    let again = make(&body);
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = json!({ "text": TEXT, "name": "other" }).to_string();
    make(&other)
        .is_problem(422, "request/idempotency-key-reused")
        .unwrap();
    // What was refused was not made, and may come again under its key.
    let refused = [("idempotency-key", "contract-refused")];
    let wrong = json!({ "text": "nodes: {}" }).to_string();
    for _ in 0..2 {
        server
            .ask("POST", "/v1/workflows", &refused, wrong.as_bytes())
            .unwrap()
            .is_problem(422, "workflow/invalid")
            .unwrap();
    }
    let too_long = "k".repeat(256);
    for bad in ["", too_long.as_str()] {
        server
            .ask(
                "POST",
                "/v1/workflows",
                &[("idempotency-key", bad)],
                body.as_bytes(),
            )
            .unwrap()
            .is_problem(400, "request/invalid")
            .unwrap();
    }
}

fn keeps_workflows(server: &Server) {
    let mut made = BTreeSet::new();
    for index in 0..5 {
        let new = json!({ "text": TEXT, "name": format!("w{index}") });
        let answer = server.post("/v1/workflows", &new).unwrap();
        made.insert(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let mut seen = BTreeSet::new();
    let mut path = "/v1/workflows?limit=2".to_owned();
    loop {
        let page = server.get(&path).unwrap().json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        for item in items {
            assert!(
                seen.insert(item["id"].as_str().unwrap().to_owned()),
                "shown twice"
            );
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/workflows?limit=2&cursor={cursor}");
    }
    assert!(made.is_subset(&seen));

    let id = made.first().unwrap();
    let path = format!("/v1/workflows/{id}");
    let shown = server.get(&path).unwrap();
    let tag = shown.header("etag").unwrap().to_owned();
    let known = server
        .ask("GET", &path, &[("if-none-match", &tag)], b"")
        .unwrap();
    assert_eq!((known.status, known.body.len()), (304, 0));
    let newer = json!({ "text": TEXT, "name": "renamed", "version": 1 }).to_string();
    let put = |body: &str| server.ask("PUT", &path, &[], body.as_bytes()).unwrap();
    assert_eq!(put(&newer).json()["version"], 2);
    put(&newer).is_problem(409, "document/changed").unwrap();
    let changed = server
        .ask("GET", &path, &[("if-none-match", &tag)], b"")
        .unwrap();
    assert_eq!(changed.status, 200);
    let estimate = server
        .post(&format!("{path}/estimate"), &json!({}))
        .unwrap();
    assert_eq!(estimate.status, 200, "{}", estimate.text());
    assert!(estimate.json()["total"]["money"].is_object());
    let plan = server
        .post(&format!("{path}/plan"), &json!({}))
        .unwrap()
        .json();
    assert_eq!(plan["nodes"][0]["node"], "a");
    let unknown = json!({ "params": { "whom": "x" } });
    server
        .post(&format!("{path}/run"), &unknown)
        .unwrap()
        .is_problem(422, "workflow/inputs")
        .unwrap();
    assert_eq!(server.ask("DELETE", &path, &[], b"").unwrap().status, 200);
    server
        .get(&path)
        .unwrap()
        .is_problem(404, "workflow/not-found")
        .unwrap();
    let judged = |text: &str| {
        let asked = json!({ "text": text });
        server
            .post("/v1/workflows/validate", &asked)
            .unwrap()
            .json()
    };
    assert_eq!(judged(TEXT)["valid"], true);
    let wrong = judged("fenta: workflow/v1\nnodes:\n  a: { type: Voice.TTZ }\n");
    assert_eq!(
        (&wrong["valid"], &wrong["diagnostics"][0]["line"]),
        (&json!(false), &json!(3))
    );
}

/// Waits for the end of a job, by its events.
fn followed(server: &Server, id: &str, headers: &[(&str, &str)]) -> Vec<(u64, Value)> {
    let answer = server
        .ask("GET", &format!("/v1/jobs/{id}/events"), headers, b"")
        .unwrap();
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let mut events = Vec::new();
    let mut number = 0;
    for line in answer.text().lines() {
        if let Some(id) = line.strip_prefix("id: ") {
            number = id.parse().unwrap();
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((number, serde_json::from_str(data).unwrap()));
        }
    }
    events
}

fn runs_jobs(server: &Server, env: &FentaEnv) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 253) as u8).collect();
    let file = env.work().join("result.bin");
    std::fs::write(&file, &bytes).unwrap();
    let new = json!({ "text": TEXT, "name": "runs" });
    let workflow = server.post("/v1/workflows", &new).unwrap().json();
    let path = format!("/v1/workflows/{}/run", workflow["id"].as_str().unwrap());
    let how = json!({ "params": { "who": "wasps", "file": file.to_string_lossy() } });
    let key = [("idempotency-key", "contract-run")];
    let run = || {
        server
            .ask("POST", &path, &key, how.to_string().as_bytes())
            .unwrap()
    };
    let job = run();
    assert_eq!(job.status, 202, "{}", job.text());
    let id = job.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(run().json()["id"], json!(id), "one key, one job");
    let events = followed(server, &id, &[]);
    let numbers: Vec<u64> = events.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        events.last().unwrap().1["type"],
        "job_completed",
        "{events:?}"
    );
    let later = followed(server, &id, &[("last-event-id", "2")]);
    assert_eq!(later, events[2..]);
    let log = server
        .get(&format!("/v1/jobs/{id}/logs?limit=2"))
        .unwrap()
        .json();
    assert_eq!(
        (log["items"].as_array().unwrap().len(), &log["next_cursor"]),
        (2, &json!("2"))
    );
    let shown = server.get(&format!("/v1/jobs/{id}")).unwrap().json();
    assert_eq!(shown["outputs"]["said"], "Hello wasps");

    let list = server
        .get(&format!("/v1/jobs/{id}/artifacts"))
        .unwrap()
        .json();
    let artifact = &list["items"][0];
    assert_eq!(
        (&artifact["name"], &artifact["bytes"]),
        (&json!("file"), &json!(100_000))
    );
    serves_ranges(server, artifact["url"].as_str().unwrap(), &bytes);
    server
        .post(&format!("/v1/jobs/{id}/retry"), &json!({}))
        .unwrap()
        .is_problem(409, "job/wrong-state")
        .unwrap();
    let usage = server.get("/v1/usage?by=job").unwrap();
    assert_eq!(
        (usage.status, &usage.json()["balanced"]),
        (200, &json!(true))
    );
}

fn serves_ranges(server: &Server, path: &str, bytes: &[u8]) {
    let whole = server.get(path).unwrap();
    assert_eq!((whole.status, whole.body.as_slice()), (200, bytes));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let tag = whole.header("etag").unwrap().to_owned();
    let ask = |headers: &[(&str, &str)]| server.ask("GET", path, headers, b"").unwrap();
    let part = ask(&[("range", "bytes=100-299"), ("if-range", &tag)]);
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[100..300]));
    let said = format!("bytes 100-299/{}", bytes.len());
    assert_eq!(part.header("content-range"), Some(said.as_str()));
    let end = ask(&[("range", "bytes=-5")]);
    assert_eq!(end.body, bytes[bytes.len() - 5..]);
    let behind = format!("bytes={}-", bytes.len());
    for refused in [behind.as_str(), "bytes=0-1,5-6"] {
        let answer = ask(&[("range", refused)]);
        answer.is_problem(416, "request/range").unwrap();
        let said = format!("bytes */{}", bytes.len());
        assert_eq!(answer.header("content-range"), Some(said.as_str()));
    }
    assert_eq!(ask(&[("if-none-match", &tag)]).status, 304);
}

fn keeps_templates(server: &Server) {
    let list = server.get("/v1/templates").unwrap().json();
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"quiet"), "{names:?}");
    let shipped = server.get("/v1/templates/quiet").unwrap().json();
    let text = shipped["text"].as_str().unwrap();
    let new = json!({ "text": text, "name": "contract" });
    let made = server.post("/v1/templates", &new).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let path = made.json()["path"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    server
        .post("/v1/templates", &new)
        .unwrap()
        .is_problem(409, "document/name-taken")
        .unwrap();
    server
        .post(
            "/v1/templates",
            &json!({ "text": "canvas: 7", "name": "bad" }),
        )
        .unwrap()
        .is_problem(422, "template/invalid")
        .unwrap();
    assert_eq!(
        server
            .ask("DELETE", "/v1/templates/contract", &[], b"")
            .unwrap()
            .status,
        200
    );
}

fn keeps_assets(server: &Server) {
    const PART: usize = 8 << 20;
    let bytes: Vec<u8> = (0..PART + 1000).map(|i| (i % 249) as u8).collect();
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let new = json!({ "name": "../bee.mp4", "bytes": bytes.len(), "digest": digest });
    let asset = server.post("/v1/assets/init", &new).unwrap();
    assert_eq!(asset.status, 201, "{}", asset.text());
    let asset = asset.json();
    assert_eq!(
        (&asset["state"], &asset["missing"]),
        (&json!("uploading"), &json!([1, 2]))
    );
    let id = asset["id"].as_str().unwrap();
    let part = |number: usize, bytes: &[u8]| {
        let path = format!("/v1/assets/{id}/parts/{number}");
        let kind = [("content-type", "application/octet-stream")];
        server.ask("PUT", &path, &kind, bytes).unwrap()
    };
    assert_eq!(part(2, &bytes[PART..]).status, 204);
    part(2, b"short")
        .is_problem(422, "request/invalid")
        .unwrap();
    part(3, b"x").is_problem(404, "asset/no-such-part").unwrap();
    let complete = || {
        server
            .post("/v1/assets/complete", &json!({ "id": id }))
            .unwrap()
    };
    complete().is_problem(409, "asset/incomplete").unwrap();
    // Whoever comes again with the same content goes on with it.
    let again = server.post("/v1/assets/init", &new).unwrap().json();
    assert_eq!((&again["id"], &again["missing"]), (&json!(id), &json!([1])));
    assert_eq!(part(1, &bytes[..PART]).status, 204);
    let whole = complete();
    assert_eq!(
        (whole.status, &whole.json()["state"]),
        (200, &json!("ready")),
        "{}",
        whole.text()
    );
    let place = whole.json()["path"].as_str().unwrap().to_owned();
    assert!(place.ends_with(".mp4") && !place.contains("bee"), "{place}");
    serves_ranges(server, &format!("/v1/assets/{id}/content"), &bytes);
    let had = json!({ "digests": [digest, "0".repeat(64)] });
    let had = server.post("/v1/assets/have", &had).unwrap().json();
    assert_eq!(
        (&had["have"], had["missing"].as_array().unwrap().len()),
        (&json!([digest]), 1)
    );
    let known = server.post("/v1/assets/init", &new).unwrap().json();
    assert_eq!(known["state"], "ready", "known content is not sent again");
    claims_are_checked(server);
    for id in [id, known["id"].as_str().unwrap()] {
        let path = format!("/v1/assets/{id}");
        assert_eq!(server.ask("DELETE", &path, &[], b"").unwrap().status, 200);
        server
            .get(&path)
            .unwrap()
            .is_problem(404, "asset/not-found")
            .unwrap();
    }
    let had = json!({ "digests": [digest] });
    let had = server.post("/v1/assets/have", &had).unwrap().json();
    assert_eq!(had["have"], json!([]));
}

/// Other bytes under a claimed digest are refused and thrown away.
fn claims_are_checked(server: &Server) {
    let claimed = blake3::hash(b"something").to_hex().to_string();
    let new = json!({ "name": "x", "bytes": 9, "digest": claimed });
    let asset = server.post("/v1/assets/init", &new).unwrap().json();
    let id = asset["id"].as_str().unwrap();
    let path = format!("/v1/assets/{id}/parts/1");
    let kind = [("content-type", "application/octet-stream")];
    assert_eq!(
        server
            .ask("PUT", &path, &kind, b"different")
            .unwrap()
            .status,
        204
    );
    server
        .post("/v1/assets/complete", &json!({ "id": id }))
        .unwrap()
        .is_problem(422, "asset/other-content")
        .unwrap();
    let asset = server.get(&format!("/v1/assets/{id}")).unwrap().json();
    assert_eq!(asset["missing"], json!([1]));
}

fn says_what_it_does_not_have(server: &Server) {
    for path in [
        "/v1/auth/login",
        "/v1/usage/quota",
        "/v1/members",
        "/v1/audit-logs",
    ] {
        let answer = server.get(path).unwrap();
        answer.is_problem(404, "server/not-here").unwrap();
        assert!(
            answer.json()["hint"]
                .as_str()
                .unwrap()
                .contains("team server")
        );
    }
}

/// A socket that passes on to another one, and cuts each of the first connections after so many bytes in a direction.
fn cutting(to: &std::path::Path, at: &std::path::Path, (up, down): (u64, u64), times: usize) {
    use std::io::{Read, copy};
    use std::os::unix::net::{UnixListener, UnixStream};
    let listener = UnixListener::bind(at).unwrap();
    let to = to.to_owned();
    std::thread::spawn(move || {
        for (index, client) in listener.incoming().enumerate() {
            let (client, server) = (client.unwrap(), UnixStream::connect(&to).unwrap());
            let cuts = index < times;
            let pass = move |from: UnixStream, into: UnixStream, most: u64| {
                std::thread::spawn(move || {
                    let limit = if cuts { most } else { u64::MAX };
                    let _ = copy(&mut (&from).take(limit), &mut &into);
                    let _ = from.shutdown(std::net::Shutdown::Both);
                    let _ = into.shutdown(std::net::Shutdown::Both);
                });
            };
            pass(client.try_clone().unwrap(), server.try_clone().unwrap(), up);
            pass(server, client, down);
        }
    });
}

#[tokio::test]
async fn files_are_sent_and_fetched_over_a_connection_that_breaks() {
    use fenta_client::{Client, ClientConfig, Endpoint};
    use fenta_tests::http::Place;
    let env = place();
    let Place::Socket(socket) = Server::socket_of(&env).unwrap().place else {
        unreachable!("a server at a socket");
    };
    let connect = |socket: &std::path::Path| {
        let mut config = ClientConfig::new(Endpoint::Socket(socket.to_owned()), "test/1");
        config.retry.retries = 6;
        Client::new(&config).unwrap()
    };
    let bytes: Vec<u8> = (0..20_000_000_u32)
        .map(|i| (i.wrapping_mul(31) >> 7) as u8)
        .collect();
    let file = env.work().join("clip.mp4");
    std::fs::write(&file, &bytes).unwrap();

    // The first connections carry one part and some of the next one.
    let proxy = env.work().join("up.sock");
    cutting(&socket, &proxy, (9_000_000, u64::MAX), 2);
    let sent = connect(&proxy).send_file(&file).await.unwrap();
    assert_eq!(sent.asset.bytes, bytes.len() as u64);
    assert_eq!(sent.sent, bytes.len() as u64);
    let again = connect(&socket).send_file(&file).await.unwrap();
    assert_eq!(again.sent, 0, "known content is not sent");

    let proxy = env.work().join("down.sock");
    cutting(&socket, &proxy, (u64::MAX, 6_000_000), 3);
    let path = format!("/v1/assets/{}/content", sent.asset.id);
    let target = env.work().join("fetched.mp4");
    let fetched = connect(&proxy).fetch_file(&path, &target).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), bytes);
    // Heads of answers count for the cut too, so a little less than three times six million came before the end.
    assert_eq!(fetched, bytes.len() as u64, "no byte was fetched twice");
    let left: Vec<_> = std::fs::read_dir(env.work())
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().contains("fenta-part")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn scripts_call_any_route() {
    let env = place();
    let say = |arguments: &[&str]| env.fenta(&[&["api"], arguments].concat()).unwrap();
    let meta = say(&["GET", "/v1/meta"]).expect_code(0).unwrap();
    let meta: Value = serde_json::from_str(&meta.stdout).unwrap();
    assert_eq!(meta["state"], "ready");
    let text = format!("text={TEXT}");
    for name in ["name=one", "name=two", "name=three"] {
        let made = say(&["POST", "/v1/workflows", "-F", &text, "-f", name]);
        made.expect_code(0).unwrap();
    }
    let pages = say(&["GET", "/v1/workflows", "-f", "limit=1", "--paginate"]);
    assert_eq!(pages.expect_code(0).unwrap().stdout.lines().count(), 3);
    let url = meta["listen"].as_str().unwrap();
    let over_tcp = say(&["GET", "/v1/meta", "--host", &format!("http://{url}")]);
    over_tcp.expect_code(0).unwrap();
    let refused = say(&["GET", "/v1/jobs/job_0"]);
    assert!(refused.stderr.contains("no job"), "{refused:?}");
    assert_ne!(refused.code, 0);
    let wrong = say(&["GET", "//evil.com/v1/meta"]);
    assert_ne!(wrong.code, 0);
}
