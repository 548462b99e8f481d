//! What requests have in common: JSON bodies, and the pages of long lists.

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::ApiError;

/// Items of a list that are answered at once, at most.
const LARGEST: u32 = 500;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
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

/// The body of a request.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| invalid(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

/// The body of a request that may have none.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, ApiError> {
    match body.is_empty() {
        true => Ok(T::default()),
        false => read(body),
    }
}

fn invalid(status: StatusCode, message: String) -> ApiError {
    ApiError::new(status, "request/invalid", message)
}
