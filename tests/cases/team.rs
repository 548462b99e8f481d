//! A team server with the real programs: an owner, a login, a run there that gives the same file as here, and records handed
//! in once, through kills on both sides.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use fenta_client::api::auth::{CreateToken, Login, Scope};
use fenta_client::credentials::Secret;
use fenta_client::{Client, ClientConfig, Endpoint};
use fenta_tests::env::{FentaEnv, Said};
use fenta_workflows::digest::blob_digest;
use serde_json::Value;

/// A film of one sentence, which lies in a file beside the document.
const WORKFLOW: &str = r#"fenta: workflow/v1
name: there
inputs:
  script: { type: file, default: words/script.txt }
nodes:
  text:    { type: Input.Text, with: { file: "${{ inputs.script }}" } }
  script:  { type: Script.Transform, with: { mode: split, text: "${{ nodes.text.text }}" } }
  looks:   { type: Input.Motion, with: { looks: [gradient], palette: ocean } }
  voice:   { type: Voice.TTS, with: { script: "${{ nodes.script.script }}" } }
  cut:     { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.looks.media }}", voice: "${{ nodes.voice.voice }}", fill: { title: "There" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
  file:    { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: "there.mp4" } }
outputs: { video: "${{ nodes.file.path }}" }
"#;

/// A document of the server's machine that must stay unread.
const THIEF: &str = r#"fenta: workflow/v1
name: thief
nodes:
  text: { type: Input.Text, with: { file: "/etc/hostname" } }
outputs: { text: "${{ nodes.text.text }}" }
"#;

const PASSWORD: &str = "a password of twelve and more";

/// A server with one organisation; it ends with the value.
struct Team {
    place: FentaEnv,
    url: String,
    config: PathBuf,
    child: Child,
}

impl Drop for Team {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Team {
    fn start() -> Self {
        let place = FentaEnv::new().unwrap();
        // Free a moment ago; nobody else here asks for ports by number.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let config = place
            .write(
                "server.toml",
                &format!(
                    "listen = \"127.0.0.1:{port}\"\npublic_url = \"{url}\"\nstate_dir = \"{}\"\n",
                    place.state().display()
                ),
            )
            .unwrap();
        let config_text = config.to_str().unwrap().to_owned();
        let mut owner = place
            .command("fentad")
            .unwrap()
            .args([
                "owner",
                "owner@team.example",
                "Team",
                "--config",
                &config_text,
                "--password-stdin",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        owner
            .stdin
            .take()
            .unwrap()
            .write_all(PASSWORD.as_bytes())
            .unwrap();
        let said: Said = owner.wait_with_output().unwrap().into();
        let said = said.expect_code(0).unwrap();
        assert!(said.stdout.contains("organisation org_") && !said.stdout.contains(PASSWORD));
        let child = serve(&place, &config_text);
        Self {
            place,
            url,
            config,
            child,
        }
    }

    fn again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = serve(&self.place, self.config.to_str().unwrap());
    }

    fn client(&self, token: Option<&str>) -> Client {
        let mut config = ClientConfig::new(Endpoint::Url(self.url.clone()), "test/1");
        if let Some(token) = token {
            config = config.with_token(Secret::new(token).unwrap());
        }
        Client::new(&config).unwrap()
    }

    /// A personal token of the owner.
    async fn token(&self) -> String {
        let login = Login {
            email: "owner@team.example".to_owned(),
            password: PASSWORD.to_owned(),
            org: None,
        };
        let session = self.client(None).login(&login).await.unwrap();
        let create = CreateToken {
            name: "script".to_owned(),
            scopes: vec![Scope::Read, Scope::Write, Scope::Admin],
            days: Some(1),
        };
        let client = self.client(Some(&session.access_token));
        client.create_token(&create).await.unwrap().secret
    }
}

/// A server that is ready.
fn serve(place: &FentaEnv, config: &str) -> Child {
    let mut child = place
        .command("fentad")
        .unwrap()
        .args(["serve", "--foreground", "--config", config])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.contains("\"ready\"") {
            // Somebody has to read what it says, or it stops at a full pipe.
            std::thread::spawn(move || log.lines().for_each(drop));
            return child;
        }
        println!("{}", line.trim_end());
        line.clear();
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("the server does not get ready");
}

fn piped(mut command: Command, text: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

/// A machine of somebody who is logged in.
fn member(team: &Team, token: &str) -> FentaEnv {
    let env = FentaEnv::new().unwrap();
    env.fenta(&["context", "add", "team", &format!("{}/v1", team.url)])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let mut login = env.command("fenta").unwrap();
    login.args(["auth", "login", "--context", "team", "--token-stdin"]);
    let said = piped(login, token).expect_code(0).unwrap();
    assert!(
        said.stderr.contains("owner of Team") && !said.stderr.contains(token),
        "{said:?}"
    );
    env
}

fn status(env: &FentaEnv, arguments: &[&str]) -> Value {
    let said = env.fenta(arguments).unwrap().expect_code(0).unwrap();
    serde_json::from_str(said.stdout.trim()).unwrap()
}

#[tokio::test]
async fn a_run_there_gives_the_same_file_as_here() {
    let mut team = Team::start();
    let token = team.token().await;
    let env = member(&team, &token);
    env.write("project/there.yaml", WORKFLOW).unwrap();
    env.write(
        "project/words/script.txt",
        "This sentence is said by another machine.",
    )
    .unwrap();

    let who = env
        .fenta(&["auth", "status", "--context", "team"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        who.stdout.starts_with("owner@team.example at team"),
        "{who:?}"
    );
    let listed = env
        .fenta(&["context", "ls"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        listed.stdout.contains("team") && listed.stdout.contains("local"),
        "{listed:?}"
    );

    let there = env
        .fenta(&[
            "run",
            "--context",
            "team",
            "project/there.yaml",
            "-o",
            "from-there",
        ])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        there.stderr.contains("uploading 1 file(s)"),
        "{}",
        there.stderr
    );
    let here = env
        .fenta(&["run", "project/there.yaml", "-o", "from-here"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let (there_files, here_files) = (there.paths(), here.paths());
    assert_eq!((there_files.len(), here_files.len()), (1, 1), "{there:?}");
    assert_eq!(there_files[0], env.work().join("from-there/there.mp4"));
    let bytes = |path: &PathBuf| std::fs::read(path).unwrap();
    assert_eq!(
        blob_digest(&bytes(&there_files[0])),
        blob_digest(&bytes(&here_files[0])),
        "the same bytes from both"
    );

    // What is known is not sent again, and a value that lies elsewhere goes along.
    env.write("other/words.txt", "Other words.").unwrap();
    team.again();
    let other = env.work().join("other/words.txt");
    let again = env
        .fenta(&[
            "run",
            "--context",
            "team",
            "project/there.yaml",
            "-o",
            "second",
            "-p",
            &format!("script={}", other.display()),
        ])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        again.stderr.contains("uploading 1 file(s)"),
        "{}",
        again.stderr
    );
    let known = env
        .fenta(&[
            "run",
            "--context",
            "team",
            "project/there.yaml",
            "-o",
            "third",
        ])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(!known.stderr.contains("uploading"), "{}", known.stderr);

    // The server's own files are nobody's input.
    env.write("thief.yaml", THIEF).unwrap();
    let refused = env
        .fenta(&["run", "--context", "team", "thief.yaml"])
        .unwrap();
    assert_eq!(refused.code, 2, "{refused:?}");
    let raw = format!(
        "{{\"workflow\":{{\"name\":\"thief.yaml\",\"text\":{},\"dir\":\"/\"}},\"caller_dir\":\"/\"}}",
        serde_json::to_string(THIEF).unwrap()
    );
    env.write("thief.json", &raw).unwrap();
    let job = status(
        &env,
        &[
            "api",
            "POST",
            "/v1/jobs",
            "--context",
            "team",
            "--input",
            "thief.json",
        ],
    );
    let id = job["id"].as_str().unwrap();
    let _ = env.fenta(&["logs", "-f", id, "--context", "team"]).unwrap();
    let shown = status(
        &env,
        &["api", "GET", &format!("/v1/jobs/{id}"), "--context", "team"],
    );
    assert_eq!(shown["state"], "failed", "{shown}");
    assert!(
        shown["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not part of this run"),
        "{shown}"
    );

    env.fenta(&["context", "diff", "team", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    env.fenta(&["auth", "logout", "--context", "team"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let out = env.fenta(&["auth", "status", "--context", "team"]).unwrap();
    assert_eq!(out.code, 4, "{out:?}");
    let secret = std::fs::read_to_string(env.config().join("credentials.json")).unwrap_or_default();
    assert!(!secret.contains(&token));
}

#[tokio::test]
async fn what_was_done_here_is_there_once_whoever_dies() {
    let mut team = Team::start();
    let token = team.token().await;
    let env = member(&team, &token);
    env.write("there.yaml", WORKFLOW).unwrap();
    env.write("words/script.txt", "This is done here and told there.")
        .unwrap();
    let off = env
        .fenta(&["sync", "status"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        off.stderr
            .contains("off: nothing of this machine is handed in"),
        "{off:?}"
    );

    env.fenta(&["sync", "on", "team", "--files"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    env.fenta(&["run", "there.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    env.kill_daemon().unwrap();
    team.again();
    env.fenta(&["sync", "now"]).unwrap().expect_code(0).unwrap();
    let state = status(&env, &["sync", "status", "--json"]);
    assert_eq!(
        (&state["waiting"], &state["files_waiting"]),
        (&Value::from(0), &Value::from(0)),
        "{state}"
    );
    let handed_in = state["acknowledged"].as_u64().unwrap();
    assert!(handed_in >= 2, "usage and the end of a job: {state}");
    let equal = env
        .fenta(&["sync", "verify"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(equal.stderr.contains("equal on both sides"), "{equal:?}");

    // Nothing new, nothing twice.
    env.fenta(&["sync", "now"]).unwrap().expect_code(0).unwrap();
    let devices = team.client(Some(&token)).sync_devices().await.unwrap();
    assert_eq!(devices.items.len(), 1);
    assert_eq!(devices.items[0].acknowledged, handed_in);
    assert!(devices.quarantine.is_empty());
    let film = std::fs::read(env.work().join("there.mp4")).unwrap();
    let hex = blob_digest(&film).hex();
    let org = std::fs::read_dir(team.place.state().join("orgs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(
        org.join("cas").join(&hex[..2]).join(&hex[2..]).is_file(),
        "the film is there"
    );

    // A copy of the whole server is one that works.
    let config = team.config.to_str().unwrap();
    let backup = team.place.work().join("backup");
    let copied = team
        .place
        .command("fentad")
        .unwrap()
        .args(["backup", "--config", config])
        .arg(&backup)
        .output();
    let copied: Said = copied.unwrap().into();
    assert!(
        copied
            .expect_code(0)
            .unwrap()
            .stdout
            .starts_with("1 organisation(s)")
    );
}
