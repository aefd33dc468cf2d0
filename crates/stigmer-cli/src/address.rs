//! The server's address as people write it.

use tonic::transport::Uri;

/// Where a server listens that nobody configured.
pub(crate) const DEFAULT: &str = "http://127.0.0.1:7234";
const DEFAULT_PORT: u16 = 7234;

/// The whole address of `text`: without a scheme it is `http`, without a port 7234 (443 with
/// `https`), and nothing at all is the default.
pub(crate) fn normalize(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(DEFAULT.to_owned());
    }
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let explain =
        |why: &str| format!("`{text}` is not a server's address: {why}; write it like {DEFAULT}");
    let uri: Uri = whole.parse().map_err(|e| explain(&format!("{e}")))?;
    let scheme = match uri.scheme_str() {
        Some(scheme @ ("http" | "https")) => scheme,
        _ => return Err(explain("the scheme must be http or https")),
    };
    if uri.path() != "/" || uri.query().is_some() {
        return Err(explain("it has a path"));
    }
    let host = match uri.host() {
        Some(host) if !host.is_empty() => host,
        _ => return Err(explain("it has no host")),
    };
    // A port out of range, or a user's name, is in the authority and nowhere else.
    let authority = uri.authority().map_or("", |a| a.as_str());
    if uri.port_u16().is_none() && authority != host || authority.contains('@') {
        return Err(explain("it has more than a host and a port"));
    }
    let port = uri.port_u16().unwrap_or(match scheme {
        "https" => 443,
        _ => DEFAULT_PORT,
    });
    if port == 0 {
        return Err(explain("port 0 cannot be called"));
    }
    Ok(format!("{scheme}://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_completed() {
        for (given, whole) in [
            ("", DEFAULT),
            ("localhost", "http://localhost:7234"),
            ("localhost:9", "http://localhost:9"),
            ("http://10.0.0.1:80/", "http://10.0.0.1:80"),
            ("https://stigmer.example", "https://stigmer.example:443"),
            ("[::1]:7234", "http://[::1]:7234"),
        ] {
            assert_eq!(normalize(given), Ok(whole.to_owned()), "{given}");
        }
    }

    #[test]
    fn other_forms_are_refused_with_the_reason() {
        for bad in [
            "ftp://h:1",
            "http://h:1/api",
            "http://",
            "h:99999",
            "h:0",
            "a b",
        ] {
            assert!(normalize(bad).is_err(), "{bad}");
        }
    }
}
