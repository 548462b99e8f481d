//! Who may come in, and as whom: checked before a request is routed and before a byte of its body is read.
//!
//! Every connection comes in by a [`Door`], and the door decides: the socket belongs to the daemon's own user (the
//! kernel says who connected, `connections` asks it), the loopback port asks for the right `Host`, for no foreign
//! `Origin` and for the token. What a request says about where it comes from (`X-Forwarded-For` and its like) is not
//! read anywhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::connections::Newcomer;
use super::problem::ApiError;
use crate::token_file;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks. Every request that reaches a handler has one in its extensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A process of the daemon's own user, over the socket.
    Owner,
    /// Somebody with the daemon's own token, over the loopback interface.
    TokenHolder,
    /// A member of the organisation of a team server.
    Member(String),
}

impl Caller {
    /// A word that tells callers apart whose things are not each other's. The first two are the daemon's own user.
    pub fn account(&self) -> &str {
        match self {
            Self::Owner | Self::TokenHolder => "owner",
            Self::Member(user) => user,
        }
    }
}

/// By which way a connection comes in.
#[derive(Clone, Debug)]
pub enum Door {
    /// The socket: the kernel said who it is.
    Owner,
    /// A port of the loopback interface.
    Loopback(Arc<Loopback>),
    /// The port of a team server, which asks by itself.
    Team,
    /// The guard of a team server, which knows who it is.
    Member(String),
}

/// What the loopback port asks for.
#[derive(Debug)]
pub struct Loopback {
    /// The only values of `Host`.
    hosts: Vec<String>,
    token: String,
}

impl Loopback {
    /// For a port that is bound at `address`.
    pub fn new(address: SocketAddr, token: String) -> Self {
        let port = address.port();
        let mut names = vec![
            "127.0.0.1".to_owned(),
            "[::1]".to_owned(),
            "localhost".to_owned(),
        ];
        let own = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        if !names.contains(&own) {
            names.push(own);
        }
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        // Clients leave the usual port away.
        if port == 80 {
            hosts.extend(names);
        }
        Self { hosts, token }
    }

    fn admit(&self, head: &Parts) -> Result<Caller, ApiError> {
        self.check_host(head)?;
        self.check_origin(&head.headers)?;
        self.check_token(&head.headers)?;
        Ok(Caller::TokenHolder)
    }

    /// Exactly one of the names this port has: whatever else stands there was resolved to this address by somebody
    /// else, as a page does whose name server lies.
    fn check_host(&self, head: &Parts) -> Result<(), ApiError> {
        let misdirected = || {
            ApiError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "request/wrong-host",
                "the Host of the request is not this daemon's",
            )
            .hint(format!("ask for http://{}", self.hosts[0]))
        };
        let known = |host: &str| self.hosts.iter().any(|known| known == host);
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok());
        if !host.is_some_and(known) || hosts.next().is_some() {
            return Err(misdirected());
        }
        // The absolute form names a host of its own.
        match head.uri.authority() {
            Some(authority) if !known(authority.as_str()) => Err(misdirected()),
            _ => Ok(()),
        }
    }

    /// No page of another origin asks anything, not even what it could not read the answer of.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let own = |origin: &str| {
            origin
                .strip_prefix("http://")
                .is_some_and(|host| self.hosts.iter().any(|known| known == host))
        };
        let of_page = |value: &HeaderValue| value.to_str().is_ok_and(own);
        let by_page = |value: &HeaderValue| matches!(value.as_bytes(), b"none" | b"same-origin");
        let origins = headers.get_all(header::ORIGIN).iter().all(of_page);
        let sites = headers.get_all(SEC_FETCH_SITE).iter().all(by_page);
        if origins && sites {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "request/foreign-origin",
            "pages of other origins may not ask this daemon",
        ))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let token = given
            .next()
            .and_then(|value| value.to_str().ok())
            .and_then(bearer);
        if token.is_some_and(|token| token_file::same(token, &self.token)) && given.next().is_none()
        {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "auth/token",
            match token {
                Some(_) => "the token is not this daemon's",
                None => "this daemon asks for a token: `Authorization: Bearer TOKEN`",
            },
        )
        .hint("`fenta daemon token` says which file it is in"))
    }
}

/// The scheme is a word in any case (RFC 9110).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Lets a request in as somebody, or answers it.
pub(super) async fn admit(request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let caller = match head.extensions.get::<Door>() {
        Some(Door::Owner) => Ok(Caller::Owner),
        Some(Door::Loopback(loopback)) => loopback.admit(&head),
        Some(Door::Member(user)) => Ok(Caller::Member(user.clone())),
        // Nobody knows how it came in, so nobody knows who it is.
        Some(Door::Team) | None => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "auth/unknown-door",
            "it is not known who asks",
        )),
    };
    match caller {
        Ok(caller) => {
            if let Some(newcomer) = head.extensions.get::<Arc<Newcomer>>() {
                newcomer.is_known();
            }
            head.extensions.insert(caller);
            next.run(Request::from_parts(head, body)).await
        }
        Err(error) => {
            let unauthorized = error.problem.status == StatusCode::UNAUTHORIZED.as_u16();
            let mut answer = error.into_response();
            let headers = answer.headers_mut();
            // Whoever is not let in does not keep a place.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            if unauthorized {
                let scheme = HeaderValue::from_static("Bearer realm=\"fenta\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            answer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 7788;

    fn gate() -> Loopback {
        let address = SocketAddr::from(([127, 0, 0, 1], PORT));
        Loopback::new(address, "fenta_local_secret".to_owned())
    }

    fn head(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn status(target: &str, headers: &[(&str, &str)]) -> u16 {
        match gate().admit(&head(target, headers)) {
            Ok(caller) => {
                assert_eq!(caller, Caller::TokenHolder);
                200
            }
            Err(error) => error.problem.status,
        }
    }

    const TOKEN: (&str, &str) = ("authorization", "Bearer fenta_local_secret");

    #[test]
    fn only_the_exact_hosts_are_let_in() {
        for host in ["127.0.0.1:7788", "[::1]:7788", "localhost:7788"] {
            assert_eq!(status("/v1/meta", &[("host", host), TOKEN]), 200, "{host}");
        }
        let foreign = [
            "evil.com",
            "evil.com:7788",
            "localhost.evil.com",
            "localhost.evil.com:7788",
            "127.0.0.1.nip.io",
            "127.0.0.1.nip.io:7788",
            "127.0.0.1:7788.evil.com",
            "[::1].evil.com",
            "[::1].evil.com:7788",
            "0.0.0.0:7788",
            "[::]:7788",
            "0:7788",
            "127.1:7788",
            "127.0.1:7788",
            "2130706433:7788",
            "0x7f000001:7788",
            "0177.0.0.1:7788",
            "LOCALHOST.",
            "localhost.:7788",
            "LOCALHOST:7788",
            "Localhost:7788",
            "",
            " ",
            "localhost@evil.com",
            "localhost:7788@evil.com",
            "evil.com@localhost:7788",
            "localhost\t:7788",
            "localhost:7788\tevil",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "localhost:80",
            "localhost:7789",
            "localhost:07788",
            "localhost:",
            "127.0.0.2:7788",
            "[::ffff:127.0.0.1]:7788",
            "[0:0:0:0:0:0:0:1]:7788",
            "::1:7788",
            "localhost:7788/",
            "localhost:7788,evil.com",
            "http://localhost:7788",
            "fenta",
        ];
        assert!(foreign.len() >= 40, "{}", foreign.len());
        for host in foreign {
            assert_eq!(status("/v1/meta", &[("host", host), TOKEN]), 421, "{host}");
        }
        // Digits of full width are other characters.
        let digits = "１２７.0.0.1:7788";
        assert_eq!(status("/v1/meta", &[("host", digits), TOKEN]), 421);
    }

    #[test]
    fn no_host_two_hosts_and_another_host_in_the_target_are_misdirected() {
        let host = ("host", "localhost:7788");
        assert_eq!(status("/v1/meta", &[TOKEN]), 421, "none, as HTTP/1.0 may");
        assert_eq!(status("/v1/meta", &[host, host, TOKEN]), 421);
        let foreign = ("host", "evil.com");
        assert_eq!(status("/v1/meta", &[host, foreign, TOKEN]), 421);
        assert_eq!(status("http://localhost:7788/v1/meta", &[host, TOKEN]), 200);
        for target in [
            "http://evil.com/v1/meta",
            "http://evil.com:7788/v1/meta",
            "http://localhost:7789/v1/meta",
            "http://localhost:7788@evil.com/v1/meta",
            "http://u@localhost:7788/v1/meta",
        ] {
            assert_eq!(status(target, &[host, TOKEN]), 421, "{target}");
        }
    }

    #[test]
    fn pages_of_other_origins_get_nothing_even_with_the_token() {
        let host = ("host", "localhost:7788");
        for origin in [
            "null",
            "http://evil.com",
            "https://localhost:7788",
            "http://localhost",
            "file://",
            "http://localhost:7788.evil.com",
            "http://localhost:7789",
            "",
            "http://LOCALHOST:7788",
            "chrome-extension://abc",
            "http://localhost:7788/",
        ] {
            let asked = [host, TOKEN, ("origin", origin)];
            assert_eq!(status("/v1/jobs", &asked), 403, "{origin}");
        }
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            let asked = [host, TOKEN, ("sec-fetch-site", site)];
            assert_eq!(status("/v1/jobs", &asked), 403, "{site}");
        }
        for fine in [
            ("origin", "http://localhost:7788"),
            ("sec-fetch-site", "none"),
            ("sec-fetch-site", "same-origin"),
        ] {
            assert_eq!(status("/v1/jobs", &[host, TOKEN, fine]), 200, "{fine:?}");
        }
        let two = [
            host,
            TOKEN,
            ("origin", "http://localhost:7788"),
            ("origin", "null"),
        ];
        assert_eq!(status("/v1/jobs", &two), 403);
    }

    #[test]
    fn the_token_is_asked_for_wherever_a_request_says_it_comes_from() {
        let host = ("host", "localhost:7788");
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "fenta_local_secret",
            "Basic fenta_local_secret",
            "Bearer fenta_local_secre",
            "Bearer fenta_local_secrets",
            "Bearer x fenta_local_secret",
        ] {
            assert_eq!(
                status("/v1/meta", &[host, ("authorization", value)]),
                401,
                "{value}"
            );
        }
        assert_eq!(status("/v1/meta", &[host]), 401);
        let forwarded = [
            host,
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
        ];
        assert_eq!(status("/v1/meta", &forwarded), 401);
        assert_eq!(status("/v1/meta", &[host, TOKEN, TOKEN]), 401, "twice");
        assert_eq!(
            status("/v1/meta", &[host, ("cookie", "token=fenta_local_secret")]),
            401
        );
        assert_eq!(status("/v1/meta?token=fenta_local_secret", &[host]), 401);
        assert_eq!(
            status(
                "/v1/meta",
                &[host, ("authorization", "bearer fenta_local_secret")]
            ),
            200
        );
    }

    #[test]
    fn at_the_usual_port_hosts_may_come_without_it() {
        let gate = Loopback::new(SocketAddr::from(([127, 0, 0, 1], 80)), "t".to_owned());
        assert!(gate.hosts.contains(&"localhost".to_owned()));
        assert!(gate.hosts.contains(&"localhost:80".to_owned()));
        let other = Loopback::new(SocketAddr::from(([127, 9, 9, 9], 1)), "t".to_owned());
        assert!(other.hosts.contains(&"127.9.9.9:1".to_owned()));
    }
}
