//! The last words of a server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::env::Env;

const KEPT: usize = 16 << 10;
const LINES: usize = 10;

/// The end of what a server wrote to its stderr.
#[derive(Clone, Default)]
pub(crate) struct StderrTail(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// Whether the first line is only the end of one.
    overflowed: bool,
}

impl StderrTail {
    /// Reads until the end, so that a server never waits for a reader.
    pub(crate) async fn fill(self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 4 << 10];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            self.push(&chunk[..count]);
        }
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes.extend(bytes);
        let excess = kept.bytes.len().saturating_sub(KEPT);
        if excess > 0 {
            kept.bytes.drain(..excess);
            kept.overflowed = true;
        }
    }

    /// The last lines, without secrets, as the end of a sentence; empty if there are none.
    pub(crate) fn told(&self, env: &Env) -> String {
        let text = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes: Vec<u8> = kept.bytes.iter().copied().collect();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if kept.overflowed {
                // Half a line could hold half a secret, which nothing would recognise.
                text.split_once('\n')
                    .map_or_else(String::new, |(_, rest)| rest.to_owned())
            } else {
                text
            }
        };
        let text = env.redact(&text);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        if last.is_empty() {
            return String::new();
        }
        format!("; its last lines on stderr:\n{}", last.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::EnvVar;

    #[tokio::test]
    async fn the_end_is_kept_and_half_a_line_is_not() {
        let ring = StderrTail::default();
        ring.clone().fill(&b"one\n\ntwo\n"[..]).await;
        assert_eq!(
            ring.told(&Env::default()),
            "; its last lines on stderr:\none\ntwo"
        );

        let secret = EnvVar {
            value: "k3y-k3y-k3y".to_owned(),
            is_secret: true,
        };
        let env: Env = [("K".to_owned(), secret)].into_iter().collect();
        let ring = StderrTail::default();
        // The first line is cut in the middle of the secret.
        ring.push(
            &[
                b"k3y-k3y-k3y",
                vec![b'x'; KEPT - 20].as_slice(),
                b"\nk3y-k3y-k3y\nend\n",
            ]
            .concat(),
        );
        assert_eq!(
            ring.told(&env),
            "; its last lines on stderr:\n[redacted]\nend"
        );
        ring.push(&[b'y'; KEPT + 1]);
        assert_eq!(ring.told(&env), "");
    }
}
