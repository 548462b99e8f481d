//! `/device`: the page on which somebody lets another machine in. It asks for the password each time and leaves nothing in
//! the browser, so no other page can press its button.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use fenta_client::api::auth::Login;
use serde::Deserialize;

use super::auth;
use crate::server::problem::ApiError;
use crate::team::Team;

/// What the link carries.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    code: String,
}

/// What the form sends.
#[derive(Deserialize)]
struct Form {
    code: String,
    email: String,
    password: String,
    #[serde(default)]
    org: String,
}

pub(super) async fn show(State(_): State<Team>, Query(link): Query<Link>) -> Response {
    page(StatusCode::OK, &form(&link.code, ""))
}

pub(super) async fn approve(State(team): State<Team>, body: Bytes) -> Response {
    let Some(form_sent) = sent(&body) else {
        return page(
            StatusCode::BAD_REQUEST,
            &form("", "That was not the form of this page."),
        );
    };
    match approved(&team, &form_sent).await {
        Ok(client) => page(
            StatusCode::OK,
            &format!(
                "<p>{} is logged in now. You can close this page.</p>",
                escaped(&client)
            ),
        ),
        Err(error) => {
            let status =
                StatusCode::from_u16(error.problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            page(status, &form(&form_sent.code, &error.problem.detail))
        }
    }
}

async fn approved(team: &Team, form: &Form) -> Result<String, ApiError> {
    let login = Login {
        email: form.email.clone(),
        password: form.password.clone(),
        org: Some(form.org.trim().to_owned()).filter(|org| !org.is_empty()),
    };
    let (user, membership) = auth::known(team, &login).await?;
    let code = form.code.trim().to_uppercase();
    let client = team
        .accounts
        .approve_login(&code, &membership.org, &user)
        .await?;
    client.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "login/not-found",
            "there is no such code, or it took too long",
        )
    })
}

/// The fields of a form are written as those of a query are.
fn sent(body: &[u8]) -> Option<Form> {
    let text = std::str::from_utf8(body).ok()?;
    let uri: Uri = format!("/?{text}").parse().ok()?;
    Query::<Form>::try_from_uri(&uri)
        .ok()
        .map(|Query(form)| form)
}

fn form(code: &str, complaint: &str) -> String {
    let complaint = match complaint.is_empty() {
        true => String::new(),
        false => format!("<p role=\"alert\"><b>{}</b></p>", escaped(complaint)),
    };
    format!(
        "{complaint}<p>A program on another machine wants to act as you. Go on only if it is yours and shows this code.</p>\
         <form method=\"post\" action=\"/device\">\
         <label>Code <input name=\"code\" value=\"{}\" autocomplete=\"off\" required></label>\
         <label>E-mail <input name=\"email\" type=\"email\" autocomplete=\"username\" required></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
         <label>Organisation, if you are in several <input name=\"org\"></label>\
         <button>Log it in</button></form>",
        escaped(code)
    )
}

fn page(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Fenta</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <style>body{{font:1.1em sans-serif;max-width:26em;margin:3em auto;padding:0 1em}}\
         label{{display:block;margin:1em 0}}input{{display:block;width:100%;font:inherit}}</style>\
         <h1>Fenta</h1>{body}</html>"
    );
    let mut answer = (status, text).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ] {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    // It is a page already: nobody makes a problem of it.
    answer
        .extensions_mut()
        .insert(crate::server::envelope::Finished);
    answer
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_texts_stay_texts() {
        let form = sent(b"code=ABCD-EFGH&email=a%40x.y&password=p%26q+r&org=").unwrap();
        assert_eq!(
            (&*form.email, &*form.password, &*form.org),
            ("a@x.y", "p&q r", "")
        );
        assert!(sent(b"code=1").is_none());
        assert!(sent(b"\xff").is_none());
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }
}
