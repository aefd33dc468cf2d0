//! URLs of MCP servers, as far as they can be judged before their placeholders are filled.

/// What is wrong with `url`, as a phrase; nothing where only what a placeholder stands for decides.
pub(super) fn fault(url: &str) -> Option<String> {
    if url.chars().any(|c| c.is_control() || c == ' ') {
        return Some("must have no blanks and no control characters in it".to_owned());
    }
    let known = known(url);
    let whole = known.len() == url.len();
    let Some((scheme, rest)) = known.split_once("://") else {
        let begins = |scheme: &str| scheme.starts_with(&known.to_ascii_lowercase());
        let open = !whole && (begins("http://") || begins("https://"));
        return (!open).then(|| "must begin with http:// or https://".to_owned());
    };
    if !["http", "https"]
        .iter()
        .any(|s| scheme.eq_ignore_ascii_case(s))
    {
        let scheme: String = scheme.chars().take(20).collect();
        return Some(format!("must be http or https, this is `{scheme}`"));
    }
    let end = rest.find(['/', '?', '#', '\\']);
    let authority = &rest[..end.unwrap_or(rest.len())];
    if end.is_none() && !whole {
        // A placeholder may be all or any part of host and port.
        return None;
    }
    let host_and_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match host_and_port.rfind(']') {
        Some(end) => host_and_port.split_at(end + 1),
        None => host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len())),
    };
    if host.is_empty() || host == "[]" {
        return Some("has no host".to_owned());
    }
    // An empty one is that of the scheme.
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|p| p > 0);
    match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) && is_port(port) => None,
        _ => Some("must have a port of 1 to 65535, or none".to_owned()),
    }
}

/// What stands before the first placeholder.
fn known(url: &str) -> &str {
    // `$${` is the text `${`, which is no placeholder.
    let mut from = 0;
    while let Some(at) = url[from..].find("${").map(|at| at + from) {
        if !url[..at].ends_with('$') {
            return &url[..at];
        }
        from = at + 2;
    }
    url
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn urls_that_can_be_asked_are_taken() {
        for good in [
            "http://a",
            "https://a.b:443/mcp?x=${X}",
            "HTTP://a:/",
            "http://a:1/",
            "http://a:65535",
            "http://[::1]:8080/mcp",
            "http://user:pw@host:80/",
            "http://müller.example/mcp",
            "http://a/$${x}",
            "${URL}",
            "${SCHEME}://a:70000/",
            "http${S}://a",
            "http:/${X}",
            "http://${HOST}:70000x/",
            "http://a:7000${N}/",
            "http://a${REST}",
            "https://${HOST}",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn urls_that_cannot_are_refused_as_far_as_they_are_known() {
        for (bad, word) in [
            ("file:///x", "`file`"),
            ("file:///${X}", "`file`"),
            ("ws://a", "`ws`"),
            ("u", "http://"),
            ("localhost:80/mcp", "http://"),
            ("mailto:${X}", "http://"),
            ("http://", "no host"),
            ("http:///mcp", "no host"),
            ("http://:80/", "no host"),
            ("http://u@/${X}", "no host"),
            ("http://a:70000/", "port"),
            ("http://a:70000/${X}", "port"),
            ("http://a:0/", "port"),
            ("http://a:65536", "port"),
            ("http://a:80x/", "port"),
            ("http://a:-1/", "port"),
            ("http://[::1]x/", "port"),
            ("http://a b/", "blanks"),
            ("http://a\n/", "control"),
        ] {
            let why = fault(bad);
            assert!(
                why.as_ref().is_some_and(|w| w.contains(word)),
                "{bad}: {why:?}"
            );
        }
    }
}
