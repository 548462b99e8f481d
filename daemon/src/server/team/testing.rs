//! A whole team server on a port, with two organisations, and a client that shows every byte.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fenta_client::api::auth::CreatedToken;
use fenta_client::api::orgs::Role;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::team_router;
use crate::clock::SystemClock;
use crate::executors::testing::script;
use crate::server::{ConnectionLimits, Entrance, serve};
use crate::settings::{Flags, Machine, Settings};
use crate::team::config::TeamConfig;
use crate::team::limiter::Limits;
use crate::team::{Team, create_owner};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A server, and where it lies.
pub(crate) struct Server {
    pub(crate) team: Team,
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    shutdown: CancellationToken,
}

/// An organisation with somebody of every role.
pub(crate) struct Company {
    pub(crate) org: String,
    pub(crate) owner: String,
    /// Access tokens, by role.
    pub(crate) tokens: BTreeMap<Role, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn settings(folder: &Path) -> Settings {
    let renderer = script(folder, "render", "exit 1");
    let variable = |name: &str| match name {
        "HOME" => Some(OsString::from(folder)),
        "FENTA_RENDER" => Some(renderer.clone().into_os_string()),
        _ => None,
    };
    let flags = Flags {
        state_dir: Some(folder.join("state")),
        socket: Some(folder.join("s")),
        ..Flags::default()
    };
    Settings::resolve(
        flags,
        Machine {
            variable: &variable,
            executable: Path::new("/none/fentad"),
            processors: 1,
        },
    )
    .unwrap()
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = TeamConfig {
            listen: address,
            public_url: "https://team.example".to_owned(),
            state_dir: folder.path().join("state"),
            limits,
            largest_file: 1 << 20,
        };
        let settings = settings(folder.path());
        crate::state_dir::private_folder(&settings.state_dir).unwrap();
        let team = Team::open(config, &settings, false, Arc::new(SystemClock))
            .await
            .unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(
            Entrance::Team(listener),
            team_router(team.clone()),
            ConnectionLimits::default(),
            shutdown.clone(),
        ));
        Self {
            team,
            address,
            folder,
            shutdown,
        }
    }

    /// With limits nobody reaches.
    pub(crate) async fn roomy() -> Self {
        Self::start(Limits {
            per_minute: 1_000_000,
            per_hour: 1_000_000,
        })
        .await
    }

    /// An organisation of this name.
    pub(crate) async fn company(&self, name: &str) -> Company {
        let email = format!("owner@{name}.example");
        let made = create_owner(&self.team.accounts, &email, name, Some(PASSWORD.to_owned()));
        let made = made.await.unwrap();
        let hash = self.team.passwords.hash(PASSWORD.to_owned()).await.unwrap();
        let mut tokens = BTreeMap::new();
        for role in Role::ALL {
            let email = format!("{}@{name}.example", role.as_str());
            let mut user = made.user.clone();
            if role != Role::Owner {
                let added = self
                    .team
                    .accounts
                    .add_member(&made.org, &email, role, hash.clone());
                user = added.await.unwrap().unwrap().0.user;
            }
            let token =
                self.team
                    .access
                    .sign(&user, &made.org, "login_test", self.team.clock.now());
            tokens.insert(role, token.unwrap());
        }
        Company {
            org: made.org,
            owner: made.user,
            tokens,
        }
    }

    /// The credential of a device.
    pub(crate) async fn device(&self, company: &Company, device: &str) -> String {
        let body = format!("{{\"name\":\"laptop\",\"device\":\"{device}\"}}");
        let token = &company.tokens[&Role::Editor];
        let made = self.ask("POST", "/v1/auth/devices", token, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        serde_json::from_str::<CreatedToken>(&made.body)
            .unwrap()
            .secret
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, "").await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.ask("POST", path, token, body).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let host = self.address.to_string();
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("host", &*host)];
        if !token.is_empty() {
            headers.push(("authorization", &*bearer));
        }
        self.send(method, path, &headers, body.as_bytes()).await
    }

    /// One request, one connection, the whole answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if body.first() == Some(&b'{') {
            text.push_str("content-type: application/json\r\n");
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(text.as_bytes()).await.unwrap();
        // A server that refuses need not read the rest.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let chunked = head.contains("transfer-encoding: chunked");
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: if chunked {
                unchunked(body)
            } else {
                body.to_owned()
            },
        }
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        text.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    text
}
