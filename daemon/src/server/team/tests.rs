use std::collections::BTreeMap;

use fenta_client::api::orgs::Role;
use fenta_client::api::workspaces::in_path;
use fenta_workflows::digest::blob_digest;

use super::testing::{Answer, Company, PASSWORD, Server};
use crate::server::table;
use crate::store::jobs_testing::new_job;
use crate::store::{Accepted, NewJob};
use crate::team::limiter::Limits;
use crate::team::rights::{self, Caller, Need};

/// Routes of the team server itself; those of organisations are read from their table.
const OWN_ROUTES: &[(&str, &str)] = &[
    ("GET", "/v1/auth/me"),
    ("GET", "/v1/auth/tokens"),
    ("DELETE", "/v1/auth/tokens/{id}"),
    ("GET", "/v1/org"),
    ("GET", "/v1/members"),
    ("PATCH", "/v1/members/{id}"),
    ("DELETE", "/v1/members/{id}"),
    ("GET", "/v1/projects"),
    ("DELETE", "/v1/projects/{id}"),
    ("GET", "/v1/audit-logs"),
    ("GET", "/v1/usage/quota"),
    ("GET", "/v1/jobs/{id}/results"),
    ("PUT", "/v1/blobs/{digest}"),
    ("GET", "/v1/sync/state"),
    ("GET", "/v1/sync/devices"),
    ("GET", "/v1/sync/files/{digest}"),
    ("PUT", "/v1/sync/files/{digest}"),
    ("POST", "/v1/sync/rewind"),
];

fn routes() -> Vec<(String, String)> {
    let own = OWN_ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    let table = table::all();
    let organisations = table.operations.iter().map(|operation| {
        let method = format!("{:?}", operation.method).to_uppercase();
        (method, operation.path.to_owned())
    });
    own.chain(organisations).collect()
}

/// Things of an organisation that are there.
struct Things {
    ids: BTreeMap<&'static str, String>,
}

impl Things {
    async fn of(server: &Server, company: &Company) -> Self {
        let owner = &company.tokens[&Role::Owner];
        let tenant = server.team.tenants.get(&company.org).await.unwrap();
        let new = NewJob {
            workflow: company.org.clone(),
            ..new_job("w")
        };
        let Accepted::New(job) = tenant.state.store.create_job(new).await.unwrap() else {
            panic!("a job that was there before");
        };
        let made = async |path: &str, body: &str| {
            let made = server.post(path, owner, body).await;
            assert_eq!(made.status, 201, "{path}: {made:?}");
            made.json()["id"].as_str().unwrap().to_owned()
        };
        let document = "{\"text\":\"fenta: workflow/v1\\nname: w\\nnodes:\\n  a: { type: Input.Text, with: { text: hi } }\\n\",\"name\":\"w\"}";
        let ids = BTreeMap::from([
            ("jobs", job),
            (
                "projects",
                made("/v1/projects", "{\"name\":\"news\"}").await,
            ),
            (
                "tokens",
                made("/v1/auth/tokens", "{\"name\":\"script\"}").await,
            ),
            ("members", company.owner.clone()),
            ("workflows", made("/v1/workflows", document).await),
        ]);
        Self { ids }
    }

    /// The id that a path asks for.
    fn id(&self, path: &str) -> String {
        let named = self
            .ids
            .iter()
            .find(|(kind, _)| path.contains(&format!("/{kind}/")));
        named.map_or_else(|| self.ids["jobs"].clone(), |(_, id)| id.clone())
    }
}

/// The same id with other characters: what never was.
fn absent(id: &str) -> String {
    let (prefix, rest) = id.split_at(id.find('_').map_or(0, |at| at + 1));
    let turned: String = rest
        .chars()
        .map(|c| if c == 'f' { '0' } else { 'f' })
        .collect();
    format!("{prefix}{turned}")
}

fn filled(path: &str, id: &str) -> String {
    let blob = blob_digest(id.as_bytes());
    let mut text = String::new();
    for part in path.split('/').skip(1) {
        text.push('/');
        match part {
            "{digest}" => text.push_str(&in_path(&blob.to_string())),
            "{vendor}" => text.push_str("openrouter"),
            part if part.starts_with('{') => text.push_str(id),
            part => text.push_str(part),
        }
    }
    text
}

/// What of an answer tells something: everything but the id of the request and the id that was asked for.
fn telling(answer: &Answer, id: &str) -> (u16, String) {
    let mut body = answer.body.replace(id, "ID");
    body = body.replace(&in_path(&blob_digest(id.as_bytes()).to_string()), "BLOB");
    if let Some(at) = body.find("\"request_id\":\"") {
        let from = at + "\"request_id\":\"".len();
        let to = body[from..].find('"').map_or(body.len(), |end| from + end);
        body.replace_range(from..to, "");
    }
    (answer.status, body)
}

#[tokio::test]
async fn what_is_anothers_looks_exactly_like_what_never_was() {
    let server = Server::roomy().await;
    let (ours, theirs) = (server.company("ours").await, server.company("theirs").await);
    let (own, foreign) = (
        Things::of(&server, &ours).await,
        Things::of(&server, &theirs).await,
    );
    let mut asked = 0;
    for (method, path) in routes() {
        if !path.contains('{') || path.ends_with("/events") {
            continue;
        }
        let body = match &*path {
            "/v1/members/{id}" if method == "PATCH" => "{\"role\":\"viewer\"}",
            _ => "",
        };
        for (role, token) in &ours.tokens {
            let foreign_id = foreign.id(&path);
            let absent_id = absent(&foreign_id);
            let foreign_answer = server
                .ask(&method, &filled(&path, &foreign_id), token, body)
                .await;
            let absent_answer = server
                .ask(&method, &filled(&path, &absent_id), token, body)
                .await;
            assert_eq!(
                telling(&foreign_answer, &foreign_id),
                telling(&absent_answer, &absent_id),
                "{role:?} {method} {path}"
            );
            assert!(
                foreign_answer.status >= 400
                    || path.contains("{vendor}")
                    || path.contains("{digest}"),
                "{role:?} {method} {path}: {foreign_answer:?}"
            );
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
    // Nothing of theirs was touched, and ours is really there.
    let owner = &theirs.tokens[&Role::Owner];
    for path in ["/v1/jobs/{id}", "/v1/workflows/{id}"] {
        let there = server.get(&filled(path, &foreign.id(path)), owner).await;
        assert_eq!(there.status, 200, "{there:?}");
        let here = server
            .get(&filled(path, &own.id(path)), &ours.tokens[&Role::Viewer])
            .await;
        assert_eq!(here.status, 200, "{here:?}");
    }
    for (path, kind) in [("/v1/projects", "projects"), ("/v1/auth/tokens", "tokens")] {
        let listed = server.get(path, owner).await;
        assert!(listed.body.contains(&foreign.ids[kind]), "{listed:?}");
    }
}

#[tokio::test]
async fn every_route_asks_for_its_role() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    for (method, path) in routes() {
        let need = rights::need(&method, &path);
        for (role, token) in &company.tokens {
            if path.ends_with("/events") {
                continue;
            }
            let id = absent("job_0000000000000000000000000000000f");
            let answer = server.ask(&method, &filled(&path, &id), token, "").await;
            let caller = Caller {
                org: company.org.clone(),
                user: String::new(),
                role: *role,
                scopes: fenta_client::api::auth::Scope::ALL[..3].to_vec(),
                by: String::new(),
                expires_at: None,
                device: None,
            };
            let said = (
                answer.status,
                answer.status >= 400 && answer.code() == "auth/forbidden",
            );
            match (need, rights::may(&caller, need)) {
                (Need::NotHere(_), _) => assert_eq!(answer.status, 501, "{method} {path}"),
                (_, Err(_)) => {
                    assert_eq!(said, (403, true), "{role:?} {method} {path}: {answer:?}")
                }
                (_, Ok(())) => assert!(!said.1, "{role:?} {method} {path}: {answer:?}"),
            }
        }
        if need != Need::Nothing {
            let answer = server.ask(&method, &filled(&path, "x"), "", "").await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert!(
                answer.head.contains("www-authenticate: Bearer"),
                "{answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn lists_show_ones_own_things() {
    let server = Server::roomy().await;
    let (ours, theirs) = (server.company("ours").await, server.company("theirs").await);
    Things::of(&server, &ours).await;
    let foreign = Things::of(&server, &theirs).await;
    for (method, path) in routes() {
        if method != "GET"
            || path.contains('{')
            || matches!(rights::need("GET", &path), Need::NotHere(_) | Need::Sync)
        {
            continue;
        }
        let answer = server.get(&path, &ours.tokens[&Role::Owner]).await;
        assert!(answer.status < 500, "{path}: {answer:?}");
        for id in foreign.ids.values().chain([&theirs.org]) {
            assert!(!answer.body.contains(id.as_str()), "{path} shows {id}");
        }
    }
}

#[tokio::test]
async fn a_login_lives_as_long_as_its_refresh_tokens_are_used_once() {
    let server = Server::roomy().await;
    server.company("ours").await;
    let login = async |email: &str, password: &str| {
        let body = format!("{{\"email\":\"{email}\",\"password\":\"{password}\"}}");
        server.post("/v1/auth/login", "", &body).await
    };
    let wrong = login("owner@ours.example", "wrong").await;
    let nobody = login("nobody@ours.example", PASSWORD).await;
    assert_eq!(
        (wrong.status, telling(&wrong, "-")),
        (401, telling(&nobody, "-"))
    );
    let session = login("Owner@Ours.example", PASSWORD).await.json();
    let access = session["access_token"].as_str().unwrap().to_owned();
    let refresh = session["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(session["expires_in"], 900);
    let me = server.get("/v1/auth/me", &access).await.json();
    assert_eq!(
        (me["email"].as_str(), me["role"].as_str()),
        (Some("owner@ours.example"), Some("owner"))
    );
    assert_eq!(
        server.get("/v1/auth/me", &refresh).await.status,
        401,
        "it is no access token"
    );
    let again = async |token: &str| {
        let body = format!("{{\"refresh_token\":\"{token}\"}}");
        server.post("/v1/auth/refresh", "", &body).await
    };
    let second = again(&refresh).await.json();
    let newer = second["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(again(&refresh).await.status, 401, "used twice");
    assert_eq!(
        again(&newer).await.status,
        401,
        "and so the whole login has ended"
    );
    assert_eq!(
        server.get("/v1/auth/me", &access).await.status,
        401,
        "at once"
    );
}

#[tokio::test]
async fn tokens_allow_no_more_than_they_say() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let owner = &company.tokens[&Role::Owner];
    let made = server
        .post(
            "/v1/auth/tokens",
            owner,
            "{\"name\":\"r\",\"scopes\":[\"read\"]}",
        )
        .await;
    let (id, secret) = (made.json()["id"].clone(), made.json()["secret"].clone());
    let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
    assert!(secret.starts_with("fenta_pat_"));
    assert_eq!(server.get("/v1/jobs", secret).await.status, 200);
    assert_eq!(
        server
            .post("/v1/projects", secret, "{\"name\":\"x\"}")
            .await
            .status,
        403
    );
    let stronger = server
        .post(
            "/v1/auth/tokens",
            secret,
            "{\"name\":\"w\",\"scopes\":[\"write\"]}",
        )
        .await;
    assert_eq!(stronger.status, 403, "{stronger:?}");
    let listed = server.get("/v1/auth/tokens", owner).await;
    assert!(listed.body.contains(id) && !listed.body.contains(secret));
    let viewer = &company.tokens[&Role::Viewer];
    let path = format!("/v1/auth/tokens/{id}");
    assert_eq!(
        server.ask("DELETE", &path, viewer, "").await.status,
        404,
        "it is not theirs"
    );
    assert_eq!(server.ask("DELETE", &path, owner, "").await.status, 204);
    assert_eq!(server.get("/v1/jobs", secret).await.status, 401);
}

#[tokio::test]
async fn a_machine_is_let_in_by_somebody_elsewhere() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let begun = server
        .post("/v1/auth/device", "", "{\"client\":\"fenta on laptop\"}")
        .await
        .json();
    let code = begun["user_code"].as_str().unwrap();
    assert_eq!(begun["verification_uri"], "https://team.example/device");
    let poll = format!("{{\"device_code\":{}}}", begun["device_code"]);
    let ask = async || server.post("/v1/auth/device/token", "", &poll).await;
    assert_eq!(ask().await.code(), "auth/pending");
    let page = server.get(&format!("/device?code={code}"), "").await;
    assert!(
        page.status == 200
            && page.body.contains(code)
            && page.head.contains("frame-ancestors 'none'")
    );
    let form = async |password: &str| {
        let body = format!(
            "code={code}&email=editor%40ours.example&password={}&org=",
            password.replace(' ', "+")
        );
        server.post("/device", "", &body).await
    };
    let refused = form("wrong").await;
    assert!(
        refused.status == 401 && refused.body.contains("<form"),
        "{refused:?}"
    );
    assert_eq!(form(PASSWORD).await.status, 200);
    let made = ask().await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        server.get("/v1/auth/me", &secret).await.json()["role"],
        "editor"
    );
    assert_eq!(ask().await.code(), "auth/expired", "one login, one token");
    let owner = &company.tokens[&Role::Owner];
    let log = server.get("/v1/audit-logs", owner).await.json();
    assert!(
        log["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["action"] == "login approved")
    );
    assert_eq!(log["unbroken"], true);
}

#[tokio::test]
async fn a_hundred_requests_a_minute_and_then_a_wait() {
    let server = Server::start(Limits::default()).await;
    let company = server.company("ours").await;
    let viewer = &company.tokens[&Role::Viewer];
    for _ in 0..100 {
        assert_eq!(server.get("/v1/org", viewer).await.status, 200);
    }
    let refused = server.get("/v1/org", viewer).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "request/too-many")
    );
    let wait = refused
        .head
        .lines()
        .find_map(|line| line.strip_prefix("retry-after: "))
        .unwrap();
    assert!(
        (1..=60).contains(&wait.trim().parse::<u64>().unwrap()),
        "{wait}"
    );
    let editor = &company.tokens[&Role::Editor];
    assert_eq!(
        server.get("/v1/org", editor).await.status,
        200,
        "others are not kept waiting"
    );
}

#[tokio::test]
async fn hosts_that_are_not_this_server_get_nothing() {
    let server = Server::roomy().await;
    let own = server.address.to_string();
    for host in [
        "evil.com",
        "team.example.evil.com",
        "127.0.0.1",
        "",
        "TEAM.example",
    ] {
        let answer = server
            .send("GET", "/v1/health", &[("host", host)], b"")
            .await;
        assert_eq!(answer.status, 421, "{host}");
    }
    for host in ["team.example", &own] {
        let answer = server
            .send("GET", "/v1/health", &[("host", host)], b"")
            .await;
        assert_eq!(answer.status, 204, "{host}");
    }
    let two = [("host", "team.example"), ("host", "team.example")];
    assert_eq!(
        server.send("GET", "/v1/health", &two, b"").await.status / 100,
        4
    );
}

#[tokio::test]
async fn uploads_are_what_they_say_and_lie_where_a_run_finds_them() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let editor = &company.tokens[&Role::Editor];
    let digest = blob_digest(b"hello").to_string();
    let path = format!("/v1/blobs/{}", in_path(&digest));
    let workspace = format!("{{\"files\":{{\"a/b.txt\":\"{digest}\"}}}}");
    let asked = server.post("/v1/workspaces", editor, &workspace).await;
    assert_eq!(asked.json()["missing"][0], *digest, "{asked:?}");
    for other in ["hallo", "hell", "hello!"] {
        let refused = server.ask("PUT", &path, editor, other).await;
        assert_eq!(refused.code(), "blob/other-content", "{other}");
    }
    for _ in 0..2 {
        assert_eq!(server.ask("PUT", &path, editor, "hello").await.status, 204);
    }
    let laid_out = server
        .post("/v1/workspaces", editor, &workspace)
        .await
        .json();
    assert_eq!(laid_out["missing"].as_array().unwrap().len(), 0);
    let huge = format!("{}-{}", "a".repeat(64), 2 << 20);
    let refused = server
        .ask("PUT", &format!("/v1/blobs/{huge}"), editor, "x")
        .await;
    assert_eq!(refused.status, 413);
    let scratch = server.team.tenants.folder(&company.org).join("scratch");
    assert_eq!(
        std::fs::read_dir(scratch).unwrap().count(),
        0,
        "nothing half taken stays"
    );
}

#[tokio::test]
async fn documents_name_no_place_of_the_server() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let editor = &company.tokens[&Role::Editor];
    let job = |dir: &str| {
        format!(
            "{{\"workflow\":{{\"name\":\"w\",\"text\":\"fenta: workflow/v1\\nname: w\\nnodes:\\n  a: {{ type: Input.Text, with: {{ text: hi }} }}\\n\",\"dir\":\"{dir}\"}},\
             \"caller_dir\":\"/\"}}"
        )
    };
    for dir in ["/etc", "/home/me", "/workspaces/../..", "/workspaces/none"] {
        let refused = server.post("/v1/jobs", editor, &job(dir)).await;
        assert_eq!(refused.code(), "request/folder", "{dir}: {refused:?}");
    }
    let fine = server.post("/v1/jobs", editor, &job("/")).await;
    assert_ne!(fine.code(), "request/folder", "{fine:?}");
}

#[tokio::test]
async fn work_beyond_the_plan_is_refused_before_it_begins() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let editor = &company.tokens[&Role::Editor];
    let tenant = server.team.tenants.get(&company.org).await.unwrap();
    // 1.5 render seconds a row; the free plan has 300. They are told as reserved, as the runner does.
    tenant.state.store.reserve_render_seconds(300).await;
    let job = "{\"workflow\":{\"name\":\"w\",\"text\":\"fenta: workflow/v1\",\"dir\":\"/\"},\"caller_dir\":\"/\"}";
    let refused = server.post("/v1/jobs", editor, job).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (402, "quota/exceeded"),
        "{refused:?}"
    );
    let standing = server.get("/v1/usage/quota", editor).await.json();
    let row = standing["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["resource"] == "render_seconds");
    assert_eq!(row.unwrap()["alert"], 100, "{standing}");
    assert!(server.team.accounts.set_tier("ours", "pro").await.unwrap());
    let allowed = server.post("/v1/jobs", editor, job).await;
    assert_ne!(allowed.status, 402, "{allowed:?}");
}

#[tokio::test]
async fn secrets_are_in_no_table_and_links_end() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let owner = &company.tokens[&Role::Owner];
    let made = server
        .post("/v1/auth/tokens", owner, "{\"name\":\"x\"}")
        .await
        .json();
    let secret = made["secret"].as_str().unwrap();
    let device = server
        .device(&company, "dev_00000000000000000000000000000001")
        .await;
    server.team.accounts.flush().await.unwrap();
    let database = server.folder.path().join("state/accounts.db");
    let bytes = std::fs::read(&database).unwrap();
    for canary in [secret, &*device, PASSWORD] {
        let found = bytes
            .windows(canary.len())
            .any(|window| window == canary.as_bytes());
        assert!(!found, "a secret lies in the database");
    }
    let path = format!(
        "/v1/files/{}/{}-1/x.mp4?until=1&proof=00",
        company.org,
        "a".repeat(64)
    );
    let foreign = path.replace(&company.org, "org_never");
    let (one, other) = (server.get(&path, "").await, server.get(&foreign, "").await);
    assert_eq!(telling(&one, "-"), telling(&other, "-"));
    assert_eq!(one.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_names_a_file_of_the_server_shows_nothing() {
    let server = Server::roomy().await;
    let company = server.company("ours").await;
    let editor = &company.tokens[&Role::Editor];
    let accounts = server.folder.path().join("state/accounts.db");
    assert!(accounts.is_file());
    let text = format!(
        "fenta: workflow/v1\nname: w\nnodes:\n  a: {{ type: Input.Text, with: {{ text: hello }} }}\n\
         outputs:\n  said: ${{{{ nodes.a.text }}}}\n  file: {}\n",
        accounts.display()
    );
    let source = serde_json::json!({ "name": "w", "text": text, "dir": "/" });
    let job = serde_json::json!({ "workflow": source, "caller_dir": "/" });
    let made = server.post("/v1/jobs", editor, &job.to_string()).await;
    assert_eq!(made.status, 202, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    // Events end with the job.
    let events = server.get(&format!("/v1/jobs/{id}/events"), editor).await;
    assert!(events.body.contains("job_completed"), "{events:?}");
    for what in ["artifacts", "results"] {
        let listed = server.get(&format!("/v1/jobs/{id}/{what}"), editor).await;
        assert_eq!(
            listed.json()["items"].as_array().unwrap().len(),
            0,
            "{what}: {listed:?}"
        );
    }
    let fetched = server
        .get(&format!("/v1/jobs/{id}/artifacts/file"), editor)
        .await;
    assert_eq!(fetched.status, 404, "{fetched:?}");
}
