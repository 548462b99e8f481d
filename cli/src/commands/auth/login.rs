//! `fenta auth login`, `status` and `logout`: who the user is to the server of a context.
//!
//! A token comes from standard input, or from a login that somebody approves in a browser, here or elsewhere. It is kept
//! with the other keys and is never an argument. Nothing waits for ever, and nothing is asked where nobody is.

use std::process::{Command, Stdio};
use std::time::Duration;

use fenta_client::api::auth::{CreatedToken, Me, PollLogin, StartLogin, StartedLogin};
use fenta_client::context::account;
use fenta_client::credentials::{KeySource, Secret};
use fenta_client::tokens::TokenKind;
use fenta_client::{Client, ClientError, ErrorKind};
use serde::Serialize;
use tokio::time::Instant;

use super::{key_file, refused, typed};
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::commands::sync::machine;
use crate::session::Remote;

#[derive(Debug, clap::Args)]
pub(crate) struct LoginArgs {
    /// Read a token from standard input
    #[arg(long)]
    token_stdin: bool,
    /// Open no browser: show the address and the code
    #[arg(long, conflicts_with = "token_stdin")]
    device: bool,
}

/// How the names of tokens begin that logins make.
const OF_LOGIN: &str = "fenta on ";

/// What `status` says.
#[derive(Debug, Serialize)]
struct Standing {
    context: String,
    url: String,
    token_from: Option<String>,
    #[serde(flatten)]
    me: Option<Me>,
}

fn remote(context: &Context) -> Result<Remote, CommandError> {
    context.session.remote()?.ok_or_else(|| {
        CommandError::usage(
            "the daemon of this machine asks nobody who they are",
            "name a server: `fenta auth login --context NAME`; `fenta context ls` lists them",
        )
    })
}

/// Whether the token of the environment is what counts, whatever is stored.
fn of_environment(remote: &Remote) -> bool {
    matches!(&remote.token, Some((_, KeySource::Variable(_))))
}

/// Logs in to the server of the context.
pub(super) async fn login(context: &Context, args: LoginArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let remote = remote(context)?;
    if of_environment(&remote) {
        ui.note("already logged in: FENTA_TOKEN says who you are, and wins over what is stored");
        return Ok(());
    }
    let text = if args.token_stdin {
        let piped = format!("fenta auth login --context {} --token-stdin", remote.name);
        typed(ui, true, "", &piped)?
    } else {
        approved(context, &remote, &args).await?.secret
    };
    let token = Secret::new(&text).map_err(|error| refused(&error))?;
    let known = TokenKind::of(token.expose());
    if known != Some(TokenKind::Personal) {
        return Err(CommandError::usage(
            "that is no personal token, or a mistyped one: they begin with fenta_pat_",
            "`fenta auth login` without --token-stdin gets one",
        ));
    }
    let with_it = Remote {
        token: Some((token.clone(), KeySource::Keyring)),
        ..remote.clone()
    };
    // Asked before it is kept: what is kept works.
    let me = with_it.client()?.me().await?;
    let stored = key_file(context)?
        .set(&account(&remote.name), &token)
        .map_err(|error| refused(&error))?;
    if let (KeySource::File(path), Some(why)) = (&stored.place, &stored.why) {
        ui.warn(&format!(
            "the keyring cannot be used ({why}): the token lies in {}, which only you can read",
            path.display()
        ));
    }
    ui.note(&format!(
        "logged in to {} as {}, {} of {}",
        remote.name,
        me.email,
        me.role.as_str(),
        me.org_name
    ));
    Ok(())
}

/// A token that somebody approves in a browser.
async fn approved(
    context: &Context,
    remote: &Remote,
    args: &LoginArgs,
) -> Result<CreatedToken, CommandError> {
    let ui = &context.ui;
    let client = Remote {
        token: None,
        ..remote.clone()
    }
    .client()?;
    let start = StartLogin {
        client: format!("{OF_LOGIN}{}", machine()),
    };
    let begun = client.start_login(&start).await?;
    let opened =
        !args.device && ui.is_interactive() && open_browser(&begun.verification_uri_complete);
    ui.err_line(&match opened {
        true => format!(
            "your browser asks you to approve the code {}",
            begun.user_code
        ),
        false => format!(
            "open {} in any browser and type the code {}",
            begun.verification_uri, begun.user_code
        ),
    });
    poll(&client, &begun).await
}

async fn poll(client: &Client, begun: &StartedLogin) -> Result<CreatedToken, CommandError> {
    let until = Instant::now() + Duration::from_secs(u64::from(begun.expires_in));
    let poll = PollLogin {
        device_code: begun.device_code.clone(),
    };
    loop {
        tokio::time::sleep(Duration::from_secs(u64::from(begun.interval.clamp(1, 30)))).await;
        match client.poll_login(&poll).await {
            Ok(made) => return Ok(made),
            Err(error) if is_pending(&error) && Instant::now() < until => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether asking again may help: nobody has approved it yet, or the answer was lost.
fn is_pending(error: &ClientError) -> bool {
    match error {
        ClientError::Problem { problem, .. } => {
            problem.code == "auth/pending" || problem.status == 429
        }
        other => other.kind() == ErrorKind::Unreachable,
    }
}

/// Whether a browser was begun. Over ssh and without a screen there is none.
fn open_browser(address: &str) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

/// Who the user is to the server of the context.
pub(super) async fn status(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let remote = remote(context)?;
    let from = remote.token.as_ref().map(|(_, source)| source.to_string());
    let Some(from) = from else {
        if ui.is_json() {
            ui.json(&Standing {
                context: remote.name.clone(),
                url: remote.url.clone(),
                token_from: None,
                me: None,
            })?;
        }
        return Err(CommandError::NotLoggedIn {
            context: remote.name,
        });
    };
    let me = remote.client()?.me().await?;
    if ui.is_json() {
        return ui.json(&Standing {
            context: remote.name,
            url: remote.url,
            token_from: Some(from),
            me: Some(me),
        });
    }
    let scopes: Vec<&str> = me.scopes.iter().map(|scope| scope.as_str()).collect();
    let until = me.expires_at.clone().unwrap_or_else(|| "never".to_owned());
    ui.result(&format!("{} at {} ({})", me.email, remote.name, remote.url))?;
    ui.note(&format!("{} of {}", me.role.as_str(), me.org_name));
    ui.note(&format!(
        "token from {from}; scopes {}; ends {until}",
        scopes.join(", ")
    ));
    Ok(())
}

/// Forgets the token of the context here, and ends it there.
pub(super) async fn logout(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let remote = remote(context)?;
    if of_environment(&remote) {
        return Err(CommandError::usage(
            "FENTA_TOKEN says who you are: there is nothing here to forget",
            "unset FENTA_TOKEN",
        ));
    }
    if remote.token.is_some()
        && let Err(error) = end(&remote).await
    {
        ui.warn(&format!(
            "the token could not be ended on the server ({error}); it is forgotten here"
        ));
    }
    let had = key_file(context)?
        .remove(&account(&remote.name))
        .map_err(|error| refused(&error))?;
    ui.note(match had {
        true => "logged out",
        false => "nobody was logged in",
    });
    Ok(())
}

/// Ends the token that this command comes with, where a login made it. One that was piped in may be needed elsewhere.
async fn end(remote: &Remote) -> Result<(), CommandError> {
    let client = remote.client()?;
    let me = client.me().await?;
    let mine = client
        .tokens()
        .await?
        .items
        .into_iter()
        .find(|token| token.id == me.by);
    match mine.filter(|token| token.name.starts_with(OF_LOGIN)) {
        Some(token) => Ok(client.revoke_token(&token.id).await?),
        None => Ok(()),
    }
}
