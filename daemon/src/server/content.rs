//! Files as answers: whole, or the one range that is asked for (RFC 9110). Several ranges in one request are refused:
//! whoever wants several asks several times.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::envelope;
use super::problem::ApiError;

const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// A part of a file, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    from: u64,
    to: u64,
}

/// What a `Range` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Part),
    /// Nothing of it is there.
    Nothing,
    Several,
}

/// What the API says about a file.
#[derive(Clone, Debug)]
pub(super) struct About<'a> {
    /// What it is called where it is saved.
    pub(super) name: &'a str,
    /// Its media type.
    pub(super) kind: &'a str,
    /// The tag of its content, where it is known better than by the file's times.
    pub(super) tag: Option<String>,
}

/// A file, or the part that is asked for.
pub(super) async fn file(
    path: &Path,
    about: About<'_>,
    asked: &HeaderMap,
) -> Result<Response, ApiError> {
    let unreadable = |error: std::io::Error| gone(path, &error);
    let mut file = File::open(path).await.map_err(unreadable)?;
    let metadata = file.metadata().await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(gone(path, &std::io::Error::other("it is no file")));
    }
    let size = metadata.len();
    let tag = about.tag.clone().unwrap_or_else(|| {
        format!(
            "\"{:x}-{size:x}-{:x}-{:x}\"",
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec()
        )
    });
    let known = asked.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| envelope::knows(known, &tag)) {
        let mut answer = StatusCode::NOT_MODIFIED.into_response();
        insert(answer.headers_mut(), header::ETAG, &tag);
        return Ok(answer);
    }
    let (status, part) = match wanted(asked, &tag, size) {
        Wanted::Whole => (StatusCode::OK, None),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
        Wanted::Nothing => {
            return Ok(unsatisfied(size, "the range begins behind the end"));
        }
        Wanted::Several => {
            return Ok(unsatisfied(size, "one range at a time, please"));
        }
    };
    let (from, length) = part.map_or((0, size), |part| (part.from, part.to - part.from + 1));
    file.seek(SeekFrom::Start(from)).await.map_err(unreadable)?;
    let stream = ReaderStream::with_capacity(file.take(length), CHUNK);
    let mut answer = Response::new(Body::from_stream(stream));
    *answer.status_mut() = status;
    describe(answer.headers_mut(), &about, &tag);
    let headers = answer.headers_mut();
    insert(headers, header::CONTENT_LENGTH, &length.to_string());
    if let Some(part) = part {
        let range = format!("bytes {}-{}/{size}", part.from, part.to);
        insert(headers, header::CONTENT_RANGE, &range);
    }
    Ok(answer)
}

fn describe(headers: &mut HeaderMap, about: &About<'_>, tag: &str) {
    insert(headers, header::CONTENT_TYPE, about.kind);
    insert(headers, header::ACCEPT_RANGES, "bytes");
    insert(headers, header::ETAG, tag);
    insert(headers, header::CACHE_CONTROL, "private, no-cache");
    insert(headers, NO_SNIFF, "nosniff");
    // It is saved, never shown: what somebody uploaded does not run in a page of ours.
    let name = format!("attachment; filename*=UTF-8''{}", encoded(about.name));
    insert(headers, header::CONTENT_DISPOSITION, &name);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn unsatisfied(size: u64, why: &str) -> Response {
    let mut answer = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "request/range",
        format!("{why}; there are {size} bytes"),
    )
    .into_response();
    let range = format!("bytes */{size}");
    insert(answer.headers_mut(), header::CONTENT_RANGE, &range);
    answer
}

fn gone(path: &Path, error: &std::io::Error) -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "content/gone",
        format!("{} cannot be read: {error}", path.display()),
    )
    .hint("run the job again: what is missing is made again")
}

/// A range counts while its file is the one that `If-Range` names.
fn wanted(asked: &HeaderMap, tag: &str, size: u64) -> Wanted {
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE) else {
        return Wanted::Whole;
    };
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Wanted::Whole;
    }
    parse(range, size)
}

/// What cannot be read is ignored, as RFC 9110 asks.
fn parse(range: &str, size: u64) -> Wanted {
    let Some(("bytes", set)) = range.split_once('=').map(|(unit, set)| (unit.trim(), set)) else {
        return Wanted::Whole;
    };
    if set.contains(',') {
        return Wanted::Several;
    }
    let Some((first, last)) = set.trim().split_once('-') else {
        return Wanted::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number of more digits than this is larger than any file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(from), _) if from >= size && (last.is_empty() || number(last).is_some()) => {
            Wanted::Nothing
        }
        (Some(from), Some(to)) if from <= to => Wanted::Part(Part {
            from,
            to: to.min(size - 1),
        }),
        (Some(from), None) if last.is_empty() => Wanted::Part(Part { from, to: size - 1 }),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(count)) if first.is_empty() => Wanted::Part(Part {
            from: size.saturating_sub(count),
            to: size - 1,
        }),
        _ => Wanted::Whole,
    }
}

/// RFC 8187: what is no plain character is written as its bytes.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The media type of a file by its ending; bytes where it is not known.
pub(super) fn kind_of(name: &str) -> &'static str {
    let ending = Path::new(name)
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    match &*ending {
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "gif" => "image/gif",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "srt" => "application/x-subrip",
        "vtt" => "text/vtt",
        "json" => "application/json",
        "zip" => "application/zip",
        "txt" | "ass" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_the_standard_says() {
        let part = |from, to| Wanted::Part(Part { from, to });
        for (range, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=2-", 10, part(2, 9)),
            ("bytes=2-99", 10, part(2, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-30", 10, part(0, 9)),
            ("bytes=9-9", 10, part(9, 9)),
            ("bytes=2-99999999999999999999999", 10, part(2, 9)),
            ("bytes=10-", 10, Wanted::Nothing),
            ("bytes=10-12", 10, Wanted::Nothing),
            ("bytes=99999999999999999999999-", 10, Wanted::Nothing),
            ("bytes=-0", 10, Wanted::Nothing),
            ("bytes=0-", 0, Wanted::Nothing),
            ("bytes=-1", 0, Wanted::Nothing),
            ("bytes=0-1,4-5", 10, Wanted::Several),
            ("bytes=5-2", 10, Wanted::Whole),
            ("bytes=a-b", 10, Wanted::Whole),
            ("bytes=-", 10, Wanted::Whole),
            ("bytes=", 10, Wanted::Whole),
            ("bytes=+1-2", 10, Wanted::Whole),
            ("items=0-1", 10, Wanted::Whole),
            ("", 10, Wanted::Whole),
        ] {
            assert_eq!(parse(range, size), expected, "{range} of {size}");
        }
    }

    async fn ask(path: &Path, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let mut asked = HeaderMap::new();
        for (name, value) in headers {
            asked.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let about = About {
            name: "bée \"1\".mp4",
            kind: "video/mp4",
            tag: None,
        };
        let answer = file(path, about, &asked).await.unwrap();
        let (head, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (head.status.as_u16(), head.headers, bytes.to_vec())
    }

    #[tokio::test]
    async fn parts_put_together_are_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let bytes: Vec<u8> = (0..700_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let (status, headers, whole) = ask(&path, &[]).await;
        assert_eq!((status, &whole), (200, &bytes));
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(
            headers["content-disposition"],
            "attachment; filename*=UTF-8''b%C3%A9e%20%221%22.mp4"
        );
        let tag = headers["etag"].to_str().unwrap().to_owned();
        let mut together = Vec::new();
        for from in (0..bytes.len()).step_by(100_000) {
            let range = format!("bytes={from}-{}", from + 99_999);
            let (status, headers, part) =
                ask(&path, &[("range", &range), ("if-range", &tag)]).await;
            assert_eq!(status, 206);
            let said = format!("bytes {from}-{}/700000", from + 99_999);
            assert_eq!(headers["content-range"], said.as_str());
            together.extend(part);
        }
        assert_eq!(together, bytes);
        assert_eq!(ask(&path, &[("if-none-match", &tag)]).await.0, 304);
        let (status, _, whole) = ask(&path, &[("range", "bytes=0-1"), ("if-range", "\"x\"")]).await;
        assert_eq!(
            (status, whole.len()),
            (200, bytes.len()),
            "another file by now"
        );
        for refused in ["bytes=700000-", "bytes=0-1,3-4"] {
            let (status, headers, _) = ask(&path, &[("range", refused)]).await;
            assert_eq!(status, 416, "{refused}");
            assert_eq!(headers["content-range"], "bytes */700000");
        }
    }

    #[tokio::test]
    async fn what_is_no_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none")] {
            let about = About {
                name: "x",
                kind: "x/y",
                tag: None,
            };
            let error = file(&path, about, &HeaderMap::new()).await.unwrap_err();
            assert_eq!(error.problem.status, 410);
        }
    }
}
