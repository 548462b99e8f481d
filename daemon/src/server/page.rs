//! The pages of long lists.

use axum::http::StatusCode;
use serde::Deserialize;

use super::problem::ApiError;

/// Items of a list that are answered at once, at most.
const LARGEST: u32 = 500;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// At most so many.
    limit: Option<u32>,
    /// What the page before gave as `next_cursor`.
    pub(super) cursor: Option<String>,
}

impl Page {
    /// How many items are wanted, `usual` where nothing is said.
    pub(super) fn limit(&self, usual: u32) -> Result<u32, ApiError> {
        let limit = self.limit.unwrap_or(usual);
        if (1..=LARGEST).contains(&limit) {
            return Ok(limit);
        }
        let message = format!("`limit` is {limit}, and a page has 1 to {LARGEST} items");
        Err(invalid(StatusCode::BAD_REQUEST, message))
    }

    /// The cursor as what it is in this list.
    pub(super) fn cursor_as<T: std::str::FromStr>(&self) -> Result<Option<T>, ApiError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let wrong = || {
            let message = format!("`{cursor}` is not a cursor of this list");
            invalid(StatusCode::BAD_REQUEST, message)
        };
        cursor.parse().map(Some).map_err(|_| wrong())
    }
}

fn invalid(status: StatusCode, message: String) -> ApiError {
    ApiError::new(status, "request/invalid", message)
}
