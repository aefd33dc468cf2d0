//! Addresses that people give, by a flag or a variable. Whatever is wrong with one is said before anything is started, and
//! no user, password or key of it is ever shown: an address stands in logs, in `stack.json` and on the screen.

use harness_base::{Code, coded};
use reqwest::Url;

/// What chat clients append to a base address themselves, and people copy along.
const CALLS: [&str; 4] = ["/chat/completions", "/completions", "/responses", "/models"];

/// The base address of an OpenAI-compatible model, which ends in `/v1`; `by` is the flag or variable that gave it.
///
/// # Errors
/// A usage error that names `by`.
pub fn model(by: &str, text: &str) -> anyhow::Result<String> {
    let url = web(by, text, "the key goes into STIGMER_LLM_API_KEY")?;
    let base = url.as_str().trim_end_matches('/');
    let call = CALLS.iter().find_map(|call| base.strip_suffix(call));
    let base = call.filter(|it| it.ends_with("/v1")).unwrap_or(base);
    Ok(match base.ends_with("/v1") {
        true => base.to_owned(),
        false => format!("{base}/v1"),
    })
}

/// An address on the web without a user and without a query; `instead` says where a key goes.
///
/// # Errors
/// A usage error that names `by`.
pub fn web(by: &str, text: &str, instead: &str) -> anyhow::Result<Url> {
    let url = parse(text).and_then(|url| {
        let what = match &url {
            url if !url.username().is_empty() || url.password().is_some() => "a user or a password",
            url if url.query().is_some() => "a query",
            url if url.fragment().is_some() => "a fragment",
            _ => return Ok(url),
        };
        Err(format!("an address has no room for {what}: {instead}"))
    });
    url.map_err(|why| refused(by, text, &why))
}

/// `HOST:PORT`.
///
/// # Errors
/// A usage error that names `by`.
pub fn host_port(by: &str, text: &str) -> anyhow::Result<()> {
    let told = match text.contains("://") {
        true => Err("HOST:PORT is wanted, without http://".to_owned()),
        false => parse(&format!("http://{text}")),
    };
    let plain = |url: &Url| {
        let rest = (url.path(), url.query(), url.fragment());
        rest == ("/", None, None) && url.username().is_empty() && url.password().is_none()
    };
    let port = text
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match told {
        Ok(url) if plain(&url) && port => Ok(()),
        Ok(_) => Err(refused(by, text, "HOST:PORT is wanted")),
        Err(why) => Err(refused(by, text, &why)),
    }
}

fn refused(by: &str, text: &str, why: &str) -> anyhow::Error {
    coded(Code::Usage, format!("{by} {}: {why}", masked(text)))
}

fn parse(text: &str) -> Result<Url, String> {
    // What reads it below takes these out without a word.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("there is a blank or a line break in it".into());
    }
    let named = text.split_once("://").filter(|(scheme, _)| {
        let schemes = ["http", "https"];
        schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it))
    });
    let Some((_, rest)) = named else {
        return Err("an address starts with http:// or https://".into());
    };
    if rest.is_empty() || rest.starts_with(['/', '\\', '?', '#']) {
        return Err("it names no host".into());
    }
    Url::parse(text).map_err(|why| why.to_string())
}

/// An address as it may be shown, however it is written.
pub fn masked(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    // A password may hold whatever else divides an address.
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => rest.to_owned(),
    };
    let shown = match rest.find(['?', '#']) {
        Some(at) => format!("{}***", &rest[..=at]),
        None => rest,
    };
    format!("{scheme}{shown}").escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::code_of;

    #[test]
    fn a_models_address_ends_in_v1() {
        for (text, base) in [
            ("http://h:1/", "http://h:1/v1"),
            ("https://h/v1/", "https://h/v1"),
            ("HTTP://h/v1", "http://h/v1"),
            ("http://h/v1/chat/completions", "http://h/v1"),
            ("http://h/v1/models/", "http://h/v1"),
            ("http://h/models", "http://h/models/v1"),
            ("http://[::1]:8080", "http://[::1]:8080/v1"),
            ("http://h/a%20b/v1", "http://h/a%20b/v1"),
        ] {
            assert_eq!(model("--model-url", text).unwrap(), base, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_said_of_whoever_gave_it() {
        for text in [
            "h:1",
            " ",
            "ftp://h",
            "http://",
            "http:///v1",
            "http:h",
            "http://h:99999",
            "http://[::1:1",
            "http://h:port",
            "http://h\n/v1",
            "http://a b",
        ] {
            let error = model("E2E_MODEL_URL", text).unwrap_err();
            assert_eq!(code_of(&error), Code::Usage, "{text}: {error}");
            assert!(error.to_string().starts_with("E2E_MODEL_URL "), "{error}");
        }
    }

    #[test]
    fn no_key_of_an_address_is_shown() {
        for text in [
            "http://bob:hunter2@h/v1",
            "https://hunter2@h",
            "http://h/v1?api-key=hunter2",
            "http://h/v1#hunter2",
            "ftp://bob:hunter2@h",
            "bob:hunter2@h",
            "http://bob:hun/ter2?hunter2@h",
            "http://bob:hunter2@h:99999",
        ] {
            let error = model("--model-url", text).unwrap_err().to_string();
            assert!(
                !error.contains("hunter2") && !error.contains("bob"),
                "{error}"
            );
        }
        let error = model("--model-url", "http://a:b@h").unwrap_err();
        assert!(error.to_string().contains("STIGMER_LLM_API_KEY"), "{error}");
    }

    #[test]
    fn a_host_and_its_port() {
        for good in ["h:1", "127.0.0.1:7233", "[::1]:80", "a.b-c:65535"] {
            host_port("A", good).unwrap();
        }
        for bad in [
            "x",
            "h:99999",
            "h:",
            "http://h:1",
            "h:1/x",
            "u:p@h:1",
            "h h:1",
            ":1",
            "::1:1",
            "h:1?x",
        ] {
            let error = host_port("A", bad).unwrap_err();
            assert_eq!(code_of(&error), Code::Usage, "{bad}");
        }
    }
}
