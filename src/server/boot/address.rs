//! The server's own address as a machine called it.

use std::fmt;

/// Host and port from a `Host` header (RFC 9110, 7.2), safe to be written into scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Reads a `Host` header: a name, an IPv4 address or an IPv6 address in brackets, and a port that
    /// may be left out. None where it is anything else.
    pub(in crate::server) fn parse(text: &str) -> Option<Address> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                (host, digits.then(|| port.parse().ok()).flatten()?)
            }
            _ => (text, 80),
        };
        let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let is_address = inner.is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = !host.is_empty()
            && host.len() <= 253
            && !host.starts_with('-')
            && host.bytes().all(plain);
        (is_address || is_name).then(|| Address {
            host: host.to_owned(),
            port,
        })
    }

    /// The host, in brackets where it is an IPv6 address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.port != 80 {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_is_host_and_port_or_nothing() {
        for (text, host, port) in [
            ("10.0.2.2:18095", "10.0.2.2", 18095),
            ("deploy.example", "deploy.example", 80),
            ("[fe80::1]:8080", "[fe80::1]", 8080),
            ("[::1]", "[::1]", 80),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
        }
        for text in [
            "", ":80", "a b", "a:", "a:80x", "a:99999", "a:+80", "a\nb", "${x}", "a/b", "a@b",
            "[x]", "[::1", "-a", "a#", "a||",
        ] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_port_80_is_not_written() {
        let shown = |text: &str| Address::parse(text).unwrap().to_string();
        assert_eq!(shown("h:80"), "h");
        assert_eq!(shown("h:8080"), "h:8080");
    }
}
