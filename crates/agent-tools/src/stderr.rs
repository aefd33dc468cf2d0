//! The last words of a server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::env::Env;

const KEPT: usize = 16 << 10;
const LINES: usize = 10;

/// Bytes that are shown: Temporal keeps 4 KiB of a failure, and cuts away what comes last.
const SHOWN: usize = 2000;

/// A longer line is shown by its beginning and its end.
const LONGEST_LINE: usize = 500;

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
    pub(crate) fn last_lines(&self, env: &Env) -> String {
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
        let lines = text.lines().rev().filter(|line| !line.trim().is_empty());
        let mut last = VecDeque::new();
        let mut shown = 0;
        for line in lines.take(LINES).map(short) {
            shown += line.len();
            if shown > SHOWN {
                break;
            }
            last.push_front(line);
        }
        if last.is_empty() {
            return String::new();
        }
        let last: Vec<String> = last.into();
        format!("; its last lines on stderr:\n{}", last.join("\n"))
    }
}

fn short(line: &str) -> String {
    if line.len() <= LONGEST_LINE {
        return line.to_owned();
    }
    let head = &line[..line.floor_char_boundary(LONGEST_LINE / 2)];
    let tail = &line[line.ceil_char_boundary(line.len() - LONGEST_LINE / 2)..];
    format!("{head} [..] {tail}")
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
            ring.last_lines(&Env::default()),
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
            ring.last_lines(&env),
            "; its last lines on stderr:\n[redacted]\nend"
        );
        ring.push(&[b'y'; KEPT + 1]);
        assert_eq!(ring.last_lines(&env), "");
    }

    #[tokio::test]
    async fn of_much_the_last_lines_are_shown_and_of_long_lines_both_ends() {
        let ring = StderrTail::default();
        let many: String = (0..1000).map(|i| format!("line {i}\n")).collect();
        ring.clone().fill(many.as_bytes()).await;
        let told = ring.last_lines(&Env::default());
        assert!(
            told.starts_with("; its last lines on stderr:\nline 990\n"),
            "{told}"
        );
        assert!(told.ends_with("line 998\nline 999"), "{told}");

        let ring = StderrTail::default();
        let long: String = (0..9)
            .map(|i| format!("begin {i} {} end {i}\n", "ä".repeat(800)))
            .collect();
        ring.clone().fill(long.as_bytes()).await;
        let told = ring.last_lines(&Env::default());
        assert!(told.len() < SHOWN + 100, "{}", told.len());
        assert!(
            told.contains("begin 8 ä") && told.ends_with("ä end 8"),
            "{told}"
        );
        assert!(!told.contains("begin 4"), "{told}");
    }

    #[test]
    fn so_much_is_kept_and_shown_and_no_more() {
        let told = |bytes: &[u8]| {
            let ring = StderrTail::default();
            ring.push(bytes);
            ring.last_lines(&Env::default())
        };
        // A line that was cut at its beginning is not shown, the one after it is.
        let of = |first: usize| told(&[&vec![b'z'; first], &b"\nend"[..]].concat());
        assert!(of(KEPT - 4).contains("z [..] z"));
        assert!(!of(KEPT - 3).contains('z'));

        let line = told(&vec![b'b'; LONGEST_LINE]);
        assert!(line.ends_with(&"b".repeat(LONGEST_LINE)), "{line}");
        assert!(told(&vec![b'b'; LONGEST_LINE + 1]).contains("b [..] b"));

        // The first of these lines is shown where all of them have room.
        let lines = |first: usize| {
            let rest = format!("\n{}", "d".repeat(400)).repeat(4);
            told(format!("{}{rest}", "c".repeat(first)).as_bytes())
        };
        assert!(lines(SHOWN - 1600).contains('c'));
        assert!(!lines(SHOWN - 1600 + 1).contains('c'));
    }
}
