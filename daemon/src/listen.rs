//! Where the daemon may listen for TCP: on the loopback interface, and only when somebody asks for it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// Why an address is none to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// It cannot be read.
    #[error("`{0}` is no address to listen on: write 127.0.0.1:PORT, [::1]:PORT or localhost:PORT")]
    Unreadable(String),
    /// Other machines could reach it.
    #[error(
        "`{0}` can be reached by other machines: that needs TLS and accounts, which this daemon does not have; \
         write 127.0.0.1:PORT, or put a tunnel (for example ssh -L) in front of it"
    )]
    Public(String),
}

/// Reads an address. Only addresses of this machine are good.
pub fn parse(text: &str) -> Result<SocketAddr, ListenError> {
    let unreadable = || ListenError::Unreadable(text.to_owned());
    let address = match text.strip_prefix("localhost:") {
        Some(port) => SocketAddr::new(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            port.parse().map_err(|_| unreadable())?,
        ),
        None => text.parse().map_err(|_| unreadable())?,
    };
    if is_loopback(address.ip()) {
        Ok(address)
    } else {
        Err(ListenError::Public(text.to_owned()))
    }
}

/// `::ffff:127.0.0.1` is an address of IPv4 in other clothes; it is not taken, as nobody writes it on purpose.
const fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    }
}

/// Binds an address of this machine.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_good() {
        for (text, address) in [
            ("127.0.0.1:7788", "127.0.0.1:7788"),
            ("127.9.9.9:1", "127.9.9.9:1"),
            ("[::1]:7788", "[::1]:7788"),
            ("localhost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(parse(text).unwrap(), address.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn whatever_others_can_reach_is_refused_in_words() {
        for text in [
            "0.0.0.0:80",
            "[::]:80",
            "192.168.0.7:80",
            "10.0.0.1:1",
            "8.8.8.8:53",
            "[fe80::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:0.0.0.0]:80",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, ListenError::Public(text.to_owned()));
            assert!(error.to_string().contains("TLS and accounts"), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_said_to_be_none() {
        for text in [
            "",
            "80",
            ":80",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:70000",
            "127.1:80",
            "example.com:80",
            "http://127.0.0.1:80",
            "localhost.:80",
        ] {
            assert_eq!(
                parse(text).unwrap_err(),
                ListenError::Unreadable(text.to_owned())
            );
        }
    }
}
