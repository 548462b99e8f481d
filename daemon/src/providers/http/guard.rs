//! Which addresses may be called that a document or an answer brought: public ones, and hosts the user trusts by name.
//!
//! A name is resolved here, every address it has must be public, and the call goes to those addresses and no others: a
//! name that changes its mind between the look and the call changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;

use super::HttpError;

/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(10);

/// Where a call may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To whatever the system resolves: the user named the host.
    Trusted,
    /// To these addresses.
    Pinned(Vec<SocketAddr>),
}

/// Whether an address may be called at all.
pub(super) async fn check(url: &Url, trusted: &[String]) -> Result<Way, HttpError> {
    let host = sound(url)?;
    let port = url.port_or_known_default().unwrap_or(443);
    if !is_for_files(port) {
        return Err(HttpError::forbidden(format!(
            "port {port} of {host} may not be called: what listens there does not speak http"
        )));
    }
    let with_port = format!("{host}:{port}");
    let is_named =
        |one: &String| one.eq_ignore_ascii_case(host) || one.eq_ignore_ascii_case(&with_port);
    if trusted.iter().any(is_named) {
        return Ok(Way::Trusted);
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => resolve(host, port).await?,
    };
    pinned(host, addresses)
}

/// The way to a host that has these addresses: one that is not public is one too many.
fn pinned(host: &str, addresses: Vec<SocketAddr>) -> Result<Way, HttpError> {
    if let Some(closed) = addresses.iter().find(|one| !is_public(one.ip())) {
        return Err(HttpError::forbidden(format!(
            "{host} is {}, an address of this machine or its network, and may not be called",
            closed.ip()
        )));
    }
    Ok(Way::Pinned(addresses))
}

/// Ports above the first thousand that belong to stores, queues and desks, which take commands from anybody who connects.
const SERVICES: [u16; 20] = [
    1433, 1521, 2049, 2375, 2376, 2379, 3306, 3389, 5432, 5672, 5900, 6000, 6379, 6667, 9042, 9092,
    9200, 10080, 11211, 27017,
];

/// Whether files may lie behind a port: the two of the web, and any that servers choose who may not have those.
fn is_for_files(port: u16) -> bool {
    matches!(port, 80 | 443) || port >= 1024 && !SERVICES.contains(&port)
}

/// The host of an address that is http or https and holds no user and no password.
pub(super) fn sound(url: &Url) -> Result<&str, HttpError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpError::forbidden(format!(
            "`{}:` addresses may not be called, only http and https",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::forbidden(
            "an address with a user or a password in it may not be called".to_owned(),
        ));
    }
    url.host_str().ok_or_else(|| {
        HttpError::forbidden("an address without a host cannot be called".to_owned())
    })
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
    let looked = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = match looked {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => {
            return Err(HttpError::not_sent(format!(
                "{host} has no address: {error}"
            )));
        }
        Err(_) => {
            let message = format!("{host} was not resolved within {} s", RESOLVE.as_secs());
            return Err(HttpError::not_sent(message));
        }
    };
    if addresses.is_empty() {
        return Err(HttpError::not_sent(format!("{host} has no address")));
    }
    Ok(addresses)
}

/// Whether an address belongs to the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

// The ranges are those of the IANA special-purpose registries (RFC 6890 and its updates).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // Addresses that carry one of the older kind are what they carry.
    let carried = match parts {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = carried {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Only 2000::/3 is handed out; of it, documentation and tunnels are special.
    let global = parts[0] & 0xe000 == 0x2000;
    let special = parts[0] == 0x2001 && (parts[1] < 0x200 || parts[1] == 0xdb8)
        || parts[0] == 0x3fff && parts[1] < 0x1000;
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_this_machine_and_its_network_are_none_of_the_internet() {
        for closed in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "fd00:ec2::254",
        ] {
            assert!(!public(closed), "{closed}");
        }
        for open in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "169.253.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(public(open), "{open}");
        }
    }

    #[tokio::test]
    async fn nothing_of_the_list_of_attacks_leaves() {
        let mut attacks: Vec<String> = [
            "http://127.1/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://2130706433/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fe80::1%25lo]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://169.254.169.254/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "http://100.64.0.1/",
            "http://192.168.0.1/",
            "http://10.0.0.1/",
            "http://172.31.255.255/",
            "http://0/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://localhost.localdomain/",
            "http://a@127.0.0.1/",
            "http://127.0.0.1#@good/",
            "http://good\\@127.0.0.1/",
            "http://good%2f@127.0.0.1/",
            "http://１２７.0.0.1/",
            "file:///etc/passwd",
            "ftp://1.1.1.1/",
            "gopher://1.1.1.1/",
            "unix:/run/docker.sock",
        ]
        .map(str::to_owned)
        .to_vec();
        attacks.push(format!("data:image/png;base64,{}", "A".repeat(1 << 20)));
        attacks.extend([22, 25, 6379].map(|port| format!("http://1.1.1.1:{port}/")));
        for attack in attacks {
            // What is no address at all cannot be called either.
            if let Ok(url) = attack.parse::<Url>() {
                let way = check(&url, &[]).await;
                assert!(way.is_err(), "{attack}: {way:?}");
            }
        }
    }

    #[test]
    fn a_name_with_one_address_inside_is_not_called_at_all() {
        let one = |text: &str| text.parse::<SocketAddr>().unwrap();
        let public = vec![one("1.1.1.1:443"), one("[2606:4700::1111]:443")];
        assert_eq!(
            pinned("good", public.clone()),
            Ok(Way::Pinned(public.clone()))
        );
        for inside in ["10.0.0.1:443", "[::1]:443"] {
            let both = [public.clone(), vec![one(inside)]].concat();
            let error = pinned("two-faced", both).unwrap_err();
            assert!(error.message.contains("may not be called"), "{error}");
        }
    }

    #[test]
    fn ports_of_other_services_are_not_called_also_of_hosts_that_are_trusted() {
        for port in [80, 443, 1024, 8080, 8188, 11434, 50_000] {
            assert!(is_for_files(port), "{port}");
        }
        for port in [1, 22, 25, 111, 587, 2375, 3306, 5432, 6379, 11_211, 27_017] {
            assert!(!is_for_files(port), "{port}");
        }
    }

    async fn checked(url: &str, trusted: &[&str]) -> Result<Way, String> {
        let trusted: Vec<String> = trusted.iter().map(|one| (*one).to_owned()).collect();
        check(&url.parse().unwrap(), &trusted)
            .await
            .map_err(|error| error.message)
    }

    #[tokio::test]
    async fn a_host_is_trusted_with_all_its_ports_or_with_the_one_that_is_named() {
        assert!(checked("http://nas:8080/x", &["NAS"]).await.is_ok());
        let one = &["127.0.0.1:8188"];
        assert!(checked("http://127.0.0.1:8188/x", one).await.is_ok());
        assert!(checked("http://127.0.0.1:8189/x", one).await.is_err());
    }

    #[tokio::test]
    async fn spellings_of_loopback_do_not_get_through() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            let error = checked(url, &[]).await.unwrap_err();
            assert!(error.contains("may not be called"), "{url}: {error}");
        }
        for (url, wanted) in [
            ("file:///etc/passwd", "only http and https"),
            ("ftp://example.org/", "only http and https"),
            ("http://me:secret@example.org/", "a user or a password"),
        ] {
            let error = checked(url, &[]).await.unwrap_err();
            assert!(
                error.contains(wanted) && !error.contains("secret"),
                "{error}"
            );
        }
        assert_eq!(
            checked("http://127.0.0.1:9999/x", &["127.0.0.1"]).await,
            Ok(Way::Trusted)
        );
        let pinned = Way::Pinned(vec!["1.1.1.1:443".parse().unwrap()]);
        assert_eq!(checked("https://1.1.1.1/x", &[]).await, Ok(pinned));
    }
}
