//! This machine's own addresses.

use std::net::IpAddr;

/// Whether a URL's host is this machine's loopback, which no proxy must be asked for: a proxy's loopback is another one.
pub fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    match ip {
        Ok(ip) => IpAddr::to_canonical(&ip).is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for (host, loopback) in [
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("localhost", true),
            ("a.localhost", true),
            ("localhost.example", false),
            ("10.0.0.1", false),
            ("[fe80::1]", false),
            ("127.0.0.1.example", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
        }
    }
}
