//! Whether an address means this machine, by its words alone: nobody is asked what a name stands for.
//!
//! Neighbours: `nodes` let messages to this machine travel in the open, the daemon does not count them as network.

/// Whether an `http` or `https` address means this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
pub fn is_loopback(url: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .is_some_and(is_loopback_authority)
}

/// The same for an address without its scheme.
pub(crate) fn is_loopback_authority(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Some readers of addresses end the name at a backslash, others do not: nobody means this machine with one.
    if authority.contains('\\') {
        return false;
    }
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (name, port) = match host.strip_prefix("[::1]") {
        Some(port) => ("::1", port),
        None => match host.split_once(':') {
            Some((name, port)) => (name, &host[host.len() - port.len() - 1..]),
            None => (host, ""),
        },
    };
    let port_fits = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    port_fits && (name == "::1" || name.eq_ignore_ascii_case("localhost") || is_127(name))
}

/// Four plain numbers, the first of them 127. Short and octal spellings are nobody's habit, and read differently by
/// different programs.
fn is_127(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let plain = |part: &&str| {
        part.parse::<u8>()
            .is_ok_and(|number| number.to_string() == **part)
    };
    parts.len() == 4 && parts[0] == "127" && parts.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        for url in [
            "http://localhost:8000/x",
            "https://LOCALHOST",
            "http://127.0.0.1",
            "http://127.8.9.255:80?x",
            "http://[::1]:80/x",
            "http://u:p@localhost/",
        ] {
            assert!(is_loopback(url), "{url}");
        }
    }

    #[test]
    fn whatever_only_looks_like_it_is_another_machine() {
        for url in [
            "http://example.org",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost@evil.org",
            "http://localhost\\@evil.org",
            "http://evil.org\\@localhost",
            "http://[::1]evil.org",
            "http://localhost:80x@",
            "http://localhost:x",
            "http://128.0.0.1",
            "http://0127.0.0.1",
            "http://127.1",
            "http://127.0.0.256",
            "http://127.0.0.+1",
            "ftp://localhost",
            "localhost",
            "http://",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
