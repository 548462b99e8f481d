//! Calls without types, for scripts: any route of `/v1`, with the same endpoint, token, retries and errors as every
//! other call.

use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Url};

use crate::error::ClientError;
use crate::transport::Client;

/// One call as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCall {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Path and query, `/v1/jobs?limit=5`.
    pub path: String,
    /// What is sent, and its media type.
    pub body: Option<(String, Vec<u8>)>,
    /// The key under which the call counts once; made up where it is missing.
    pub key: Option<String>,
}

/// A good answer. Others are errors.
pub struct RawAnswer {
    /// Its status.
    pub status: u16,
    /// Its media type; may be empty.
    pub kind: String,
    body: BoxStream<'static, Result<Vec<u8>, reqwest::Error>>,
    endpoint: String,
    request: String,
}

impl std::fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawAnswer({} {})", self.status, self.kind)
    }
}

impl RawAnswer {
    /// The next bytes, as they come; `None` at the end.
    pub async fn part(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let part = self.body.try_next().await;
        part.map_err(|source| ClientError::Interrupted {
            endpoint: self.endpoint.clone(),
            request: self.request.clone(),
            source,
        })
    }

    /// Everything that is left.
    pub async fn whole(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(part) = self.part().await? {
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }
}

impl Client {
    /// Makes a call of any route. A call that may have been carried out is repeated only where the server promises that
    /// it counts once: what it reads, replaces or removes.
    pub async fn raw(&self, call: &RawCall) -> Result<RawAnswer, ClientError> {
        let url = self.raw_url(&call.path)?;
        let method = match &*call.method.to_ascii_uppercase() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            other => return Err(self.bad_path(other, "the API has GET, POST, PUT and DELETE")),
        };
        let key = call
            .key
            .clone()
            .or_else(|| (method == Method::POST).then(|| uuid::Uuid::now_v7().to_string()));
        let build = || {
            let mut request = self.http().request(method.clone(), url.clone());
            request = request.header(ACCEPT, "application/json, text/event-stream, */*");
            if let Some(key) = &key {
                request = request.header("Idempotency-Key", key);
            }
            if let Some((kind, body)) = &call.body {
                request = request.header(CONTENT_TYPE, kind).body(body.clone());
            }
            request
        };
        let name = format!("{} {}", call.method, call.path);
        let response = self
            .carried_out(&name, method != Method::POST, build)
            .await?;
        let kind = response.headers().get(CONTENT_TYPE);
        Ok(RawAnswer {
            status: response.status().as_u16(),
            kind: kind
                .and_then(|kind| kind.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            endpoint: self.endpoint().to_string(),
            request: name,
            body: response
                .bytes_stream()
                .map_ok(|bytes| bytes.to_vec())
                .boxed(),
        })
    }

    /// The address of a path of this server. A path leads nowhere else.
    pub(crate) fn raw_url(&self, path: &str) -> Result<Url, ClientError> {
        if path != "/v1" && !path.starts_with("/v1/") {
            return Err(self.bad_path(path, "paths of the API begin with /v1/"));
        }
        self.base()
            .join(path)
            .ok()
            .filter(|url| url.origin() == self.base().origin() && url.path().starts_with("/v1"))
            .ok_or_else(|| self.bad_path(path, "it leads out of the API"))
    }

    fn bad_path(&self, path: &str, reason: &str) -> ClientError {
        ClientError::BadEndpoint {
            address: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ClientConfig, Endpoint};

    #[test]
    fn a_path_stays_on_its_server_and_in_the_api() {
        let endpoint = Endpoint::Url("http://127.0.0.1:7788".to_owned());
        let client = Client::new(&ClientConfig::new(endpoint, "test/1")).unwrap();
        let url = client.raw_url("/v1/jobs?limit=5&state=failed").unwrap();
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:7788/v1/jobs?limit=5&state=failed"
        );
        for path in [
            "",
            "/",
            "v1/jobs",
            "/v2/jobs",
            "/v10",
            "//evil.com/v1/jobs",
            "http://evil.com/v1/x",
            "/v1/../secrets",
            "/v1/../../etc/passwd",
        ] {
            assert!(client.raw_url(path).is_err(), "{path}");
        }
    }
}
