//! Addresses as they are shown and as they are asked.

pub use url::Url;

/// An address without what may be secret in it: user, password, query.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for addresses that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// The address of `path` below `base`, whose query goes along: some keys are kept in it.
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let folder = base.path().trim_end_matches('/');
    url.set_path(&format!("{folder}/{}", path.trim_start_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let url = Url::parse("https://user:hush@host:1/v1?key=hush#hush").unwrap();
        assert_eq!(shown(&url), "https://host:1/v1");
        assert_eq!(shown(&Url::parse("http://h/").unwrap()), "http://h/");
    }

    #[test]
    fn a_path_goes_below_the_base() {
        for (base, path, expected) in [
            ("http://h/v1", "models", "http://h/v1/models"),
            ("http://h/v1/", "/models", "http://h/v1/models"),
            ("http://h", "chat/completions", "http://h/chat/completions"),
            (
                "http://h/v1?api-version=1",
                "models",
                "http://h/v1/models?api-version=1",
            ),
        ] {
            let below = below(&Url::parse(base).unwrap(), path);
            assert_eq!(below.as_str(), expected);
        }
    }
}
