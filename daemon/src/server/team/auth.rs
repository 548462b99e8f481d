//! `/v1/auth`: logging in, the next access token, tokens of one's own, and letting another machine in.

use std::path::Path as FilePath;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use fenta_client::api::auth::{
    ApproveLogin, CreateDevice, CreateToken, CreatedToken, Login, Me, PollLogin, Refresh, Scope,
    Session, StartLogin, StartedLogin, TokenList,
};
use fenta_client::tokens::{self, TokenKind};
use jiff::SignedDuration;

use super::{absent, invalid, named, read};
use crate::random;
use crate::server::problem::ApiError;
use crate::store::accounts::{Approved, Membership, NewAudit, NewRefresh, NewToken, Refreshed};
use crate::team::access_token::LIFE_SECONDS;
use crate::team::limiter::Limits;
use crate::team::rights::Caller;
use crate::team::{Team, failed, fresh_token};

/// Tries to log in, for one address.
const TRIES: Limits = Limits {
    per_minute: 5,
    per_hour: 50,
};

/// Logins of all addresses together, and begun logins: hashing takes a core.
const ALL_TRIES: Limits = Limits {
    per_minute: 120,
    per_hour: 3000,
};

/// How long a refresh token lives.
const REFRESH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a login waits for somebody to approve it.
const APPROVAL: SignedDuration = SignedDuration::from_mins(10);

/// Seconds between two questions whether it was.
const INTERVAL: u32 = 2;

/// Days a token lives that says nothing, and at most.
const DAYS: u16 = 90;
const MOST_DAYS: u16 = 365;

fn no_login() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "auth/login",
        "the address or the password is wrong",
    )
}

pub(super) fn slow_down(team: &Team, key: &str) -> Result<(), ApiError> {
    let now = Instant::now();
    let tried = team
        .limiter
        .admit_within("login", ALL_TRIES, now)
        .and_then(|()| team.limiter.admit_within(key, TRIES, now));
    tried.map_err(|wait| {
        ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "auth/too-many",
            format!("too many tries; wait {} s", wait.as_secs() + 1),
        )
    })
}

/// Who has this address and this password, and the organisation they want to work in.
pub(super) async fn known(team: &Team, login: &Login) -> Result<(String, Membership), ApiError> {
    let email = login.email.trim().to_lowercase();
    slow_down(team, &format!("login:{email}"))?;
    let account = team.accounts.account(&email).await?;
    let kept = account.as_ref().map(|account| account.password.clone());
    let fits = team.passwords.check(login.password.clone(), kept).await;
    let account = account.filter(|_| fits).ok_or_else(no_login)?;
    let wanted = login.org.as_deref();
    let mut orgs = account.orgs.into_iter();
    let org = match wanted {
        Some(wanted) => orgs.find(|one| one.org == wanted || one.name == wanted),
        None => {
            let names: Vec<String> = orgs.clone().map(|one| one.name).collect();
            if names.len() > 1 {
                return Err(invalid(format!(
                    "you are in several organisations; say `org`: {}",
                    names.join(", ")
                )));
            }
            orgs.next()
        }
    };
    Ok((account.user, org.ok_or_else(|| absent("organisation"))?))
}

pub(super) async fn login(
    State(team): State<Team>,
    body: Bytes,
) -> Result<Json<Session>, ApiError> {
    let login: Login = read(&body)?;
    let (user, membership) = known(&team, &login).await?;
    let family = team.clock.fresh_id("login_");
    team.metrics.count("logins");
    noted(&team, &membership.org, &user, "login", &family).await?;
    session(&team, &user, &membership.org, family).await
}

async fn noted(
    team: &Team,
    org: &str,
    user: &str,
    action: &str,
    target: &str,
) -> Result<(), ApiError> {
    let entry = NewAudit {
        org: org.to_owned(),
        actor: user.to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        request_id: String::new(),
    };
    Ok(team.accounts.audit(entry).await?)
}

async fn session(
    team: &Team,
    user: &str,
    org: &str,
    family: String,
) -> Result<Json<Session>, ApiError> {
    let (refresh_token, fingerprint) = fresh(TokenKind::Refresh)?;
    let access = team.access.sign(user, org, &family, team.clock.now());
    let access_token = access.ok_or_else(|| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "auth/failed",
            "no token could be signed",
        )
    })?;
    let new = NewRefresh {
        fingerprint,
        family,
        org: org.to_owned(),
        user: user.to_owned(),
        lives: REFRESH,
    };
    team.accounts.put_refresh(new).await?;
    Ok(Json(Session {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: LIFE_SECONDS,
        refresh_token,
    }))
}

fn fresh(kind: TokenKind) -> Result<(String, String), ApiError> {
    Ok(fresh_token(kind).map_err(failed("make", FilePath::new("a token")))?)
}

pub(super) async fn refresh(
    State(team): State<Team>,
    body: Bytes,
) -> Result<Json<Session>, ApiError> {
    let given: Refresh = read(&body)?;
    let spent = team
        .accounts
        .spend_refresh(&tokens::fingerprint(&given.refresh_token))
        .await?;
    match spent {
        Refreshed::Good { family, org, user } => {
            // Whoever was put out of the organisation meanwhile stays out.
            if team.accounts.membership(&org, &user).await?.is_none() {
                return Err(ended());
            }
            session(&team, &user, &org, family).await
        }
        Refreshed::Reused { org, user } => {
            noted(
                &team,
                &org,
                &user,
                "refresh token reused",
                "the login has ended",
            )
            .await?;
            Err(ended())
        }
        Refreshed::None => Err(ended()),
    }
}

fn ended() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "auth/ended",
        "this login has ended; log in again",
    )
}

/// Ends a login; the same answer whether there was one.
pub(super) async fn logout(State(team): State<Team>, body: Bytes) -> Result<StatusCode, ApiError> {
    let given: Refresh = read(&body)?;
    team.accounts
        .end_family(&tokens::fingerprint(&given.refresh_token))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn me(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Me>, ApiError> {
    let email = team.accounts.email(&caller.user).await?;
    let org = team
        .accounts
        .org(&caller.org)
        .await?
        .ok_or_else(|| absent("organisation"))?;
    Ok(Json(Me {
        user: caller.user,
        email: email.unwrap_or_default(),
        org: caller.org,
        org_name: org.name,
        role: caller.role,
        scopes: caller.scopes,
        expires_at: caller.expires_at,
        device: caller.device,
        by: caller.by,
    }))
}

pub(super) async fn tokens(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<TokenList>, ApiError> {
    let items = team.accounts.tokens(&caller.org, &caller.user).await?;
    Ok(Json(TokenList { items }))
}

pub(super) async fn create_token(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), ApiError> {
    let wanted: CreateToken = read(&body)?;
    let days = wanted.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(invalid(format!(
            "`days` is {days}, a token lives 1 to {MOST_DAYS} days"
        )));
    }
    let mut scopes = match wanted.scopes.is_empty() {
        true => vec![Scope::Read, Scope::Write],
        false => wanted.scopes,
    };
    scopes.sort();
    scopes.dedup();
    // A token makes no stronger one.
    if scopes
        .iter()
        .any(|scope| *scope == Scope::Sync || !caller.scopes.contains(scope))
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "auth/forbidden",
            "a token has no scope that its maker does not have; `sync` is for devices",
        ));
    }
    let new = NewToken {
        fingerprint: String::new(),
        org: caller.org,
        user: caller.user,
        name: named(&wanted.name)?,
        scopes,
        days: Some(days),
        device: None,
    };
    make(&team, new, TokenKind::Personal).await
}

pub(super) async fn create_device(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), ApiError> {
    let wanted: CreateDevice = read(&body)?;
    let id = wanted.device.strip_prefix("dev_").unwrap_or_default();
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid(
            "`device` must be dev_ and 32 hexadecimal characters",
        ));
    }
    if !caller.scopes.contains(&Scope::Write) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "auth/forbidden",
            "the token does not have the scope write",
        ));
    }
    let new = NewToken {
        fingerprint: String::new(),
        org: caller.org,
        user: caller.user,
        name: named(&wanted.name)?,
        scopes: vec![Scope::Sync],
        // A machine that was off for weeks still hands in what it did; it is revoked, not forgotten.
        days: None,
        device: Some(wanted.device),
    };
    make(&team, new, TokenKind::Device).await
}

async fn make(
    team: &Team,
    new: NewToken,
    kind: TokenKind,
) -> Result<(StatusCode, Json<CreatedToken>), ApiError> {
    let (secret, fingerprint) = fresh(kind)?;
    let made = team
        .accounts
        .create_token(NewToken { fingerprint, ..new })
        .await?;
    let token = made.ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "device/taken",
            "this device hands in for somebody else",
        )
    })?;
    Ok((StatusCode::CREATED, Json(CreatedToken { token, secret })))
}

pub(super) async fn revoke_token(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    // Who manages the organisation ends anybody's, others their own.
    let manages = crate::team::rights::may(&caller, crate::team::rights::Need::Admin).is_ok();
    let whose = (!manages).then_some(&*caller.user);
    match team.accounts.revoke_token(&caller.org, whose, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(absent("token")),
    }
}

pub(super) async fn start_login(
    State(team): State<Team>,
    body: Bytes,
) -> Result<Json<StartedLogin>, ApiError> {
    let wanted: StartLogin = read(&body)?;
    let client = named(&wanted.client)?;
    if team
        .limiter
        .admit_within("start-login", ALL_TRIES, Instant::now())
        .is_err()
    {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "auth/too-many",
            "too many logins are being begun; wait a minute",
        ));
    }
    let (device_code, fingerprint) = fresh(TokenKind::Refresh)?;
    // A taken code is one in some hundred thousand millions.
    for _ in 0..3 {
        let code = user_code().map_err(failed("make", FilePath::new("a code")))?;
        if team
            .accounts
            .begin_login(&fingerprint, &code, &client, APPROVAL)
            .await?
        {
            let verification_uri = format!("{}/device", team.config.public_url);
            return Ok(Json(StartedLogin {
                device_code,
                verification_uri_complete: format!("{verification_uri}?code={code}"),
                verification_uri,
                user_code: code,
                expires_in: u32::try_from(APPROVAL.as_secs()).unwrap_or(600),
                interval: INTERVAL,
            }));
        }
    }
    Err(ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "auth/failed",
        "no code is free; try again",
    ))
}

/// Eight letters that are not taken for each other, nor for words.
fn user_code() -> std::io::Result<String> {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let bytes = random::bytes::<16>()?;
    let letters = bytes.chunks(2).map(|pair| {
        let number = usize::from(pair[0]) * 256 + usize::from(pair[1]);
        char::from(LETTERS[number % LETTERS.len()])
    });
    let mut code: String = letters.collect();
    code.insert(4, '-');
    Ok(code)
}

pub(super) async fn poll_login(
    State(team): State<Team>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), ApiError> {
    let given: PollLogin = read(&body)?;
    let finished = team
        .accounts
        .finish_login(&tokens::fingerprint(&given.device_code))
        .await?;
    match finished {
        Approved::By { org, user, client } => {
            noted(&team, &org, &user, "login approved", &client).await?;
            let new = NewToken {
                fingerprint: String::new(),
                org,
                user,
                name: client,
                scopes: vec![Scope::Read, Scope::Write, Scope::Admin],
                days: Some(DAYS),
                device: None,
            };
            make(&team, new, TokenKind::Personal).await
        }
        Approved::NotYet => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "auth/pending",
            "nobody has approved this login yet",
        )),
        Approved::None => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "auth/expired",
            "this login is unknown or took too long; begin anew",
        )),
    }
}

pub(super) async fn approve_login(
    State(team): State<Team>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let given: ApproveLogin = read(&body)?;
    slow_down(&team, &format!("approve:{}", caller.user))?;
    // The token that is made is as strong as a person; a weaker one cannot approve it.
    if ![Scope::Read, Scope::Write, Scope::Admin]
        .iter()
        .all(|scope| caller.scopes.contains(scope))
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "auth/forbidden",
            "a token approves no login that allows more than it does",
        ));
    }
    let code = given.user_code.trim().to_uppercase();
    match team
        .accounts
        .approve_login(&code, &caller.org, &caller.user)
        .await?
    {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(absent("login")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_can_be_read_out() {
        let code = user_code().unwrap();
        assert_eq!(code.len(), 9);
        assert_eq!(&code[4..5], "-");
        assert_ne!(user_code().unwrap(), code);
    }
}
