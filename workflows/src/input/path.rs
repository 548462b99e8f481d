//! Paths as texts: nothing is looked up on disk.

/// `path` as it is seen from `base`, as text: absolute paths stay, leading `./` goes. `..` is kept, because what it
/// means depends on links that only the file system knows.
pub(crate) fn join_path(base: &str, path: &str) -> String {
    if path.starts_with('/') || path.starts_with('\\') || has_drive(path) {
        return path.to_owned();
    }
    let mut relative = path;
    while let Some(rest) = relative.strip_prefix("./") {
        relative = rest.trim_start_matches('/');
    }
    let base = base.trim_end_matches('/');
    if relative.is_empty() || relative == "." {
        return if base.is_empty() {
            "/".to_owned()
        } else {
            base.to_owned()
        };
    }
    format!("{base}/{relative}")
}

fn has_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() >= 3
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_texts() {
        for (base, path, joined) in [
            ("/w", "a.png", "/w/a.png"),
            ("/w/", "./assets/a.png", "/w/assets/a.png"),
            ("/w", "/abs", "/abs"),
            ("/w", "../x", "/w/../x"),
            ("/w", ".", "/w"),
            ("/", "a", "/a"),
            ("/w", "C:\\x", "C:\\x"),
            ("/w", ".//a", "/w/a"),
        ] {
            assert_eq!(join_path(base, path), joined);
        }
    }
}
