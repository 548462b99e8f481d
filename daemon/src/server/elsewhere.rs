//! What this daemon does not have because only a server for several people has it: said so, instead of being a route
//! that does not exist.

use axum::http::{StatusCode, Uri};

use super::problem::ApiError;

/// Beginnings of paths, and what they are.
const TEAM: &[(&str, &str)] = &[
    ("/v1/auth", "accounts and tokens of people"),
    ("/v1/org", "organisations"),
    ("/v1/members", "members"),
    ("/v1/projects", "projects"),
    ("/v1/audit-logs", "the audit log"),
    (
        "/v1/usage/quota",
        "quotas: this daemon meters, and keeps to the budget of each workflow",
    ),
];

/// Routes of the hosted service that this release does not have, why, and what to do instead.
const NOT_YET: &[(&str, &str, &str)] = &[
    (
        "/v1/kai/edit-video",
        "a clip of yours cannot be changed by a model without a document yet",
        "run a workflow in which `Input.KAI.EditVideo` gets the clip of another node",
    ),
    (
        "/v1/assets/stock/search",
        "libraries of footage cannot be searched without a document yet",
        "run a workflow with `Input.Stock`: it searches, chooses and fetches",
    ),
];

/// 404 with a reason.
pub(super) async fn answer(uri: Uri) -> ApiError {
    let path = uri.path();
    if let Some((_, why, hint)) = NOT_YET.iter().find(|(known, ..)| *known == path) {
        return ApiError::new(StatusCode::NOT_FOUND, "request/not-yet", *why).hint(*hint);
    }
    let found = TEAM.iter().find(|(beginning, _)| {
        path.strip_prefix(beginning)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || *beginning == "/v1/org")
    });
    match found {
        Some((_, what)) => ApiError::new(
            StatusCode::NOT_FOUND,
            "server/not-here",
            format!("the daemon of one person has no {what}"),
        )
        .hint("a team server has them"),
        None => ApiError::of_status(StatusCode::NOT_FOUND, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(path: &str) -> String {
        answer(path.parse().unwrap()).await.problem.code
    }

    #[tokio::test]
    async fn what_only_a_server_has_is_told_from_what_nobody_has() {
        for path in [
            "/v1/auth/login",
            "/v1/orgs/org_1",
            "/v1/members",
            "/v1/usage/quota",
        ] {
            assert_eq!(code(path).await, "server/not-here", "{path}");
        }
        for (path, ..) in NOT_YET {
            assert_eq!(code(path).await, "request/not-yet", "{path}");
        }
        for path in ["/v1/authx", "/v1/nothing", "/", "/v2/auth", "/v1/membersx"] {
            assert_eq!(code(path).await, "request/no-such-route", "{path}");
        }
    }
}
