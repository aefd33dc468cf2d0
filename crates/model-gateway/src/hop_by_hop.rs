//! Headers that belong to one connection and not to the message (RFC 9110, 7.6.1), and those that each side makes anew.

use axum::http::{HeaderMap, HeaderName, header};

const NAMES: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether a header is the connection's.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    NAMES.contains(name)
}

/// The headers that go on with the message.
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(header::CONNECTION).into_iter();
    let named = named.filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(','));
    let named: Vec<&str> = named.map(str::trim).collect();
    let mut kept = headers.clone();
    for name in headers.keys() {
        if is_hop_by_hop(name)
            || named
                .iter()
                .any(|one| one.eq_ignore_ascii_case(name.as_str()))
        {
            kept.remove(name);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_connections_stays_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-mine", "1"),
            ("x-request-id", "7"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let kept = end_to_end(&headers);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["set-cookie", "x-request-id"]);
        assert_eq!(kept.get_all("set-cookie").iter().count(), 2);
    }
}
