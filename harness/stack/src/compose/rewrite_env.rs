//! Addresses of this host's loopback, in the environment of a container: there they mean the container itself, so each
//! is replaced by what is behind it, as the run's network sees it.

use super::containers::Containers;
use std::net::TcpListener;

const HERE: &str = "127.0.0.1:";

/// The environment with every `127.0.0.1:PORT` in it led to whoever listens there on this host.
///
/// # Errors
/// When no way to this host can be opened.
pub(crate) async fn rewritten(
    containers: &Containers,
    env: &[(String, String)],
) -> anyhow::Result<Vec<(String, String)>> {
    let mut all = Vec::with_capacity(env.len());
    for (name, value) in env {
        let mut text = String::new();
        for (before, port) in pieces(value) {
            text.push_str(before);
            let Some(port) = port else { continue };
            text.push_str(&match containers.published.behind(port) {
                Some(inside) => inside,
                // Nobody listens there, and inside nobody shall: the refusal is what the test wants.
                None if is_unheard(port) => format!("{HERE}{port}"),
                None => containers.host.open(port).await?,
            });
        }
        all.push((name.clone(), text));
    }
    Ok(all)
}

/// Whether nobody listens on a port. It is not asked, as one of ours would be: a test may look at who comes.
fn is_unheard(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A text cut after each address: what is before it, and its port.
fn pieces(value: &str) -> Vec<(&str, Option<u16>)> {
    let (mut found, mut from) = (Vec::new(), 0);
    for (at, text) in value.match_indices(HERE) {
        let digits = value[at + text.len()..]
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        if let Ok(port) = digits.parse() {
            found.push((&value[from..at], Some(port)));
            from = at + text.len() + digits.len();
        }
    }
    found.push((&value[from..], None));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_values() {
        assert_eq!(
            pieces("http://127.0.0.1:4001/v1"),
            [("http://", Some(4001)), ("/v1", None)]
        );
        assert_eq!(
            pieces("127.0.0.1:1,127.0.0.1:22"),
            [("", Some(1)), (",", Some(22)), ("", None)]
        );
        for other in ["temporal:7233", "127.0.0.1:x", "127.0.0.1:99999", ""] {
            assert_eq!(pieces(other), [(other, None)]);
        }
    }
}
