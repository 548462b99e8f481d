//! Who may come in: asked of every request before its body is read and before anything is looked up by its path.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use fenta_client::api::auth::Scope;
use fenta_client::tokens::{self, TokenKind};

use crate::server::access::Door;
use crate::server::connections::Newcomer;
use crate::server::envelope;
use crate::server::problem::ApiError;
use crate::store::accounts::NewAudit;
use crate::team::Team;
use crate::team::rights::{self, Caller, Need};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scopes of somebody who logged in with a password.
const PERSON: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Admin];

/// An answer instead of a way in.
struct Refusal {
    error: ApiError,
    retry_after: Option<Duration>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

pub(super) async fn guard(State(team): State<Team>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = team.clock.fresh_id("req_");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let admitted = admit(&team, &method, &path, request.headers()).await;
    let mut caller = None;
    let mut answer = match admitted {
        Ok(who) => {
            caller.clone_from(&who);
            if let Some(who) = who {
                if let Some(newcomer) = request.extensions().get::<Arc<Newcomer>>() {
                    newcomer.is_known();
                }
                request
                    .extensions_mut()
                    .insert(Door::Member(who.user.clone()));
                request.extensions_mut().insert(who);
            }
            envelope::into_problem(next.run(request).await, &id).await
        }
        Err(refusal) => refused(refusal, &id),
    };
    let status = answer.status();
    if let Some(caller) = &caller
        && !matches!(method, Method::GET | Method::HEAD)
        && status.is_success()
        && !is_record(&path)
    {
        let noted = team.accounts.audit(NewAudit {
            org: caller.org.clone(),
            actor: format!("{} ({})", caller.user, caller.by),
            action: method.to_string(),
            target: path.clone(),
            request_id: id.clone(),
        });
        if let Err(error) = noted.await {
            tracing::error!(request_id = id, %error, "an entry of the audit log is missing");
        }
    }
    let (user, org) = caller.map_or_else(Default::default, |caller| (caller.user, caller.org));
    let took = begun.elapsed();
    team.metrics
        .answered(method.as_str(), status.as_u16(), took);
    // Not the query: links carry their proof in it.
    tracing::info!(
        request_id = id, %method, path = shown(&path), user, org, status = status.as_u16(),
        millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered"
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().entry(REQUEST_ID).or_insert(value);
    }
    answer
}

/// What devices hand in is written down as what it is.
fn is_record(path: &str) -> bool {
    path.starts_with("/v1/sync/") || path.starts_with("/v1/blobs/")
}

/// A path for the log: as long as a path of ours can be.
fn shown(path: &str) -> &str {
    let end = path
        .char_indices()
        .nth(200)
        .map_or(path.len(), |(at, _)| at);
    &path[..end]
}

fn refused(refusal: Refusal, id: &str) -> Response {
    let unauthorized = refusal.error.problem.status == StatusCode::UNAUTHORIZED.as_u16();
    let mut answer = refusal.error.render(id);
    let headers = answer.headers_mut();
    if unauthorized {
        let scheme = HeaderValue::from_static("Bearer realm=\"fenta\"");
        headers.insert(header::WWW_AUTHENTICATE, scheme);
    }
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    answer
}

async fn admit(
    team: &Team,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Refusal> {
    check_host(team, headers)?;
    let need = rights::need(method.as_str(), path);
    if need == Need::Nothing {
        return Ok(None);
    }
    let caller = match bearer(headers) {
        Some(token) => authenticate(team, token).await?,
        None => None,
    };
    let caller = caller.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "auth/token",
            "no token, or one that is unknown, ended or mistyped",
        )
        .hint("`fenta auth login` gets one")
    })?;
    // A device hands in batches; it is limited by what it hands in.
    if need != Need::Sync
        && let Err(wait) = team.limiter.admit(&caller.user, Instant::now())
    {
        let limits = team.config.limits;
        return Err(Refusal {
            error: ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "request/too-many",
                format!(
                    "at most {} requests a minute and {} an hour",
                    limits.per_minute, limits.per_hour
                ),
            )
            .hint("follow events instead of asking again and again"),
            retry_after: Some(wait),
        });
    }
    if let Need::NotHere(why) = need {
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "request/not-here", why).into());
    }
    match rights::may(&caller, need) {
        Ok(()) => Ok(Some(caller)),
        Err(why) => Err(ApiError::new(StatusCode::FORBIDDEN, "auth/forbidden", why).into()),
    }
}

/// Only the names this server has: a page whose name server lies gets nothing.
fn check_host(team: &Team, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|value| value.to_str().ok());
    let known = host.is_some_and(|host| team.config.hosts().iter().any(|known| known == host));
    match known && hosts.next().is_none() {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "request/wrong-host",
            "the Host of the request is not this server's",
        )),
    }
}

/// The one token of a request; none where there are several.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = given.next()?.to_str().ok()?.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && given.next().is_none();
    fits.then_some(token.trim())
}

/// Who comes with a token.
async fn authenticate(team: &Team, token: &str) -> Result<Option<Caller>, ApiError> {
    let accounts = &team.accounts;
    match TokenKind::of(token) {
        Some(TokenKind::Personal | TokenKind::Device) => {
            let holder = accounts.token_holder(&tokens::fingerprint(token)).await?;
            Ok(holder.map(|holder| Caller {
                org: holder.org,
                user: holder.user,
                role: holder.role,
                scopes: holder.scopes,
                by: holder.token,
                expires_at: holder.expires_at,
                device: holder.device,
            }))
        }
        // It gets the next access token, and nothing else.
        Some(TokenKind::Refresh) => Ok(None),
        None => {
            let Some(claims) = team.access.read(token, team.clock.now()) else {
                return Ok(None);
            };
            let open = accounts.family_is_open(&claims.fam).await?;
            let membership = accounts.membership(&claims.org, &claims.sub).await?;
            Ok(membership.filter(|_| open).map(|membership| Caller {
                org: claims.org,
                user: claims.sub,
                role: membership.role,
                scopes: PERSON.to_vec(),
                by: claims.fam,
                expires_at: jiff::Timestamp::from_second(claims.exp)
                    .ok()
                    .map(crate::clock::timestamp_text),
                device: None,
            }))
        }
    }
}
