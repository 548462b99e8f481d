//! Bodies of several parts with files among them (RFC 7578), for vendors that take files in no other way.

use super::Body;

/// A part.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// A text.
    Text {
        /// Its name.
        name: &'a str,
        /// It.
        text: &'a str,
    },
    /// A file.
    File {
        /// Its name.
        name: &'a str,
        /// What the file is called; letters, digits, dots and dashes.
        file_name: &'a str,
        /// Its kind, for example `image/png`.
        content_type: &'a str,
        /// Its bytes.
        bytes: &'a [u8],
    },
}

/// A body of these parts.
pub fn multipart(parts: &[Part<'_>]) -> Body {
    let boundary = boundary(parts);
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        let (head, bytes) = match part {
            Part::Text { name, text } => (
                format!("content-disposition: form-data; name=\"{name}\"\r\n\r\n"),
                text.as_bytes(),
            ),
            Part::File {
                name,
                file_name,
                content_type,
                bytes,
            } => (
                format!(
                    "content-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
                     content-type: {content_type}\r\n\r\n"
                ),
                *bytes,
            ),
        };
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Body::Bytes {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        bytes: body,
    }
}

/// A line that none of the parts can hold: it is made from all of them.
fn boundary(parts: &[Part<'_>]) -> String {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Text { text, .. } => all.extend_from_slice(text.as_bytes()),
            Part::File { bytes, .. } => all.extend_from_slice(bytes),
        }
        all.push(0);
    }
    // RFC 2046 allows 70 characters, and not all of those that a digest is written with.
    let digest = fenta_workflows::digest::blob_digest(&all).to_string();
    let plain = digest.chars().filter(char::is_ascii_hexdigit).take(48);
    format!("fenta-{}", plain.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_lines_that_none_of_them_holds() {
        let Body::Bytes {
            content_type,
            bytes,
        } = multipart(&[
            Part::Text {
                name: "uploadPath",
                text: "fenta",
            },
            Part::File {
                name: "file",
                file_name: "a.png",
                content_type: "image/png",
                bytes: b"\x89PNG",
            },
        ])
        else {
            panic!("no bytes");
        };
        let line = content_type.split_once("boundary=").unwrap().1;
        let plain = line.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        assert!(
            plain && line.len() <= 70,
            "RFC 2046 allows no such line: {line}"
        );
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with(&format!(
            "--{line}\r\ncontent-disposition: form-data; name=\"uploadPath\"\r\n\r\nfenta\r\n"
        )));
        assert!(text.contains("filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\n"));
        assert!(text.ends_with(&format!("\r\n--{line}--\r\n")));
    }
}
