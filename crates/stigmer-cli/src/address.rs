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
    // Not repeated where a password or a key may stand in it.
    let shown = match text.contains(['@', '?', '#']) {
        true => "this".to_owned(),
        false => format!("`{text}`"),
    };
    let explain =
        |why: &str| format!("{shown} is not a server's address: {why}; write it like {DEFAULT}");
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
    if authority.contains('@') {
        return Err(explain(
            "it has a user or password, which no server asks for",
        ));
    }
    if uri.port_u16().is_none() && authority != host {
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
#[expect(clippy::unwrap_used)]
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
            let refused = normalize(bad).unwrap_err();
            assert!(refused.starts_with(&format!("`{bad}` is not")), "{refused}");
        }
    }

    #[test]
    fn what_may_be_secret_is_not_repeated() {
        for hush in [
            "https://bob:hush@h",
            "hush@h:1",
            "bob:hush://@h",
            "https://bob:hush#hush@h",
            "https://bob:hu sh@h",
            "https://h/?key=hush",
            "https://h?key=a@hush",
            "ftp://bob:hush@h",
        ] {
            let refused = normalize(hush).unwrap_err();
            assert!(!refused.contains("hu"), "{refused}");
            assert!(refused.starts_with("this is not a server's"), "{refused}");
        }
    }
}
