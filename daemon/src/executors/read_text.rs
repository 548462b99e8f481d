//! `ReadText`: the text of one of the user's files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use fenta_workflows::action::{ActionFacts, ActionResult, ReadTextRequest};
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use super::failure::{blocking, failure, io_failure};

/// The longest text.
const LIMIT: u64 = 1 << 20;

pub(super) async fn run(request: &ReadTextRequest) -> Result<ActionResult, WorkerFailure> {
    let path = request.path.clone();
    let text = blocking("reading a text", move || read(Path::new(&path))).await?;
    Ok(ActionResult {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Text(text),
    })
}

fn read(path: &Path) -> Result<String, WorkerFailure> {
    let refused = |error: std::io::Error| io_failure("read", path, &error);
    let metadata = path.metadata().map_err(refused)?;
    if !metadata.is_file() {
        return Err(failure(
            FailureClass::Input,
            format!("{} is not a file", path.display()),
            "choose a text file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(refused)?;
    if bytes.len() as u64 > LIMIT {
        return Err(failure(
            FailureClass::Limit,
            format!(
                "{} has {} bytes, a text may have {LIMIT}",
                path.display(),
                metadata.len()
            ),
            "choose a shorter text",
        ));
    }
    let text = decoded(bytes).map_err(|wrong| {
        failure(
            FailureClass::Input,
            format!("{} is not {wrong}", path.display()),
            "save the file as UTF-8",
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// UTF-8, or UTF-16 where a byte order mark says so, as some subtitle programs write; the error says what is wrong.
fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xFF, 0xFE]) => u16::from_le_bytes,
        Some([0xFE, 0xFF]) => u16::from_be_bytes,
        _ => {
            return String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                format!("UTF-8 text: byte {at} is wrong")
            });
        }
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let whole = rest.is_empty().then_some(());
    whole
        .and_then(|()| char::decode_utf16(units).collect::<Result<_, _>>().ok())
        .ok_or_else(|| "whole UTF-16 text, as its first bytes say it is".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_bytes(bytes: &[u8]) -> Result<String, WorkerFailure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let request = ReadTextRequest {
            path: file.path().to_string_lossy().into_owned(),
        };
        run(&request).await.map(|result| match result.facts {
            ActionFacts::Text(text) => text,
            other => panic!("{other:?}"),
        })
    }

    #[tokio::test]
    async fn texts_of_two_byte_units_are_read_both_ways() {
        let text = "1\nGrüße 🐝\n";
        for (mark, bytes) in [
            ([0xFF, 0xFE], u16::to_le_bytes as fn(u16) -> [u8; 2]),
            ([0xFE, 0xFF], u16::to_be_bytes),
        ] {
            let body = text.encode_utf16().flat_map(bytes);
            let file: Vec<u8> = mark.into_iter().chain(body).collect();
            assert_eq!(read_bytes(&file).await.unwrap(), text);
            let failed = read_bytes(&file[..file.len() - 1]).await.unwrap_err();
            assert!(
                failed.message.contains("is not whole UTF-16"),
                "{}",
                failed.message
            );
        }
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_not_part_of_the_text() {
        let text = read_bytes("\u{feff}Grüße\n".as_bytes()).await.unwrap();
        assert_eq!(text, "Grüße\n");
        assert_eq!(read_bytes(b"").await.unwrap(), "");
    }

    #[tokio::test]
    async fn other_encodings_and_long_files_are_refused_with_numbers() {
        let latin = read_bytes(b"Gr\xfc\xdfe").await.unwrap_err();
        assert!(latin.message.contains("byte 2 is wrong"), "{latin:?}");
        let long = read_bytes(&vec![b'a'; (1 << 20) + 1]).await.unwrap_err();
        assert_eq!(long.class, FailureClass::Limit);
        assert!(long.message.contains("1048577 bytes"), "{long:?}");
        assert!(read_bytes(&vec![b'a'; 1 << 20]).await.is_ok());
    }

    #[tokio::test]
    async fn a_folder_is_not_a_text() {
        let request = ReadTextRequest {
            path: std::env::temp_dir().to_string_lossy().into_owned(),
        };
        let failure = run(&request).await.unwrap_err();
        assert!(failure.message.contains("is not a file"), "{failure:?}");
    }
}
