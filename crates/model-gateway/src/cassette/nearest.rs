//! Of requests that are not the one that was asked, the one that is most like it, and where they differ.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::file::Entry;

/// Longest search for the nearest request: beyond it the nearest of those that were looked at will do. To tell the
/// difference may take as long once more; beyond it a larger one will do.
pub(super) const SEARCH: Duration = Duration::from_millis(500);
/// How much of a request is compared, in bytes: what is told of it is far shorter, and words take many times their bytes.
const COMPARED: usize = 1024 * 1024;
/// Longest difference that is told, in characters.
const LONGEST: usize = 4000;
/// Characters before and after the first difference.
const AROUND: usize = 20;

/// A request as lines.
fn lines(request: &Value) -> String {
    let pretty = serde_json::to_string_pretty(request).unwrap_or_default();
    // A text's own lines are lines here too, so that a long one is not one difference.
    let mut lines = pretty.replace("\\n", "\\n\n        ") + "\n";
    lines.truncate(lines.floor_char_boundary(COMPARED));
    lines
}

/// A request and how another differs from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nearest {
    /// Its key.
    pub(super) key: String,
    /// The first difference in a few words, for errors that others cut short.
    pub(super) first: String,
    /// All differences, line by line.
    pub(super) diff: String,
}

/// Which of `recorded` is most like `asked`. Computes for up to two times `search`.
pub(super) fn nearest(recorded: &[Arc<Entry>], asked: &Value, search: Duration) -> Option<Nearest> {
    let until = Instant::now() + search;
    let asked = lines(asked);
    let mut best: Option<(f32, &Entry, String)> = None;
    for entry in recorded {
        if best.is_some() && Instant::now() >= until {
            break;
        }
        let lines = lines(&entry.request);
        let mut diff = TextDiff::configure();
        // By words: of two lines that differ, one may still be nearer.
        let diff = diff.deadline(until).diff_words(&lines, &asked);
        let ratio = diff.ratio();
        if best.as_ref().is_none_or(|(best, ..)| ratio > *best) {
            best = Some((ratio, entry, lines));
        }
    }
    let (_, entry, recorded) = best?;
    let diff = TextDiff::configure()
        .deadline(Instant::now() + search)
        .diff_lines(&recorded, &asked);
    let line = |tag| {
        let mut changes = diff.iter_all_changes();
        let found = changes.find(|change| change.tag() == tag);
        found.map(|change| change.value())
    };
    let first = words(line(ChangeTag::Delete), line(ChangeTag::Insert));
    let mut unified = diff.unified_diff();
    let unified = unified.context_radius(1).header("recorded", "asked");
    let diff = short(unified.to_string());
    Some(Nearest {
        key: entry.key.clone(),
        first,
        diff,
    })
}

/// Where two lines part, with a little of what is around.
fn words(recorded: Option<&str>, asked: Option<&str>) -> String {
    let (recorded, asked) = (
        recorded.unwrap_or_default().trim(),
        asked.unwrap_or_default().trim(),
    );
    let same = recorded
        .chars()
        .zip(asked.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let around = |line: &str| -> String {
        line.chars()
            .skip(same.saturating_sub(AROUND))
            .take(2 * AROUND)
            .collect()
    };
    format!("-{} +{}", around(recorded), around(asked))
}

fn short(mut diff: String) -> String {
    if let Some((end, _)) = diff.char_indices().nth(LONGEST) {
        diff.truncate(end);
        diff.push_str("\n...\n");
    }
    diff
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cassette::readable::Readable;

    fn entry(key: &str, request: Value) -> Arc<Entry> {
        Arc::new(Entry {
            key: key.to_owned(),
            request,
            content_type: String::new(),
            said: Readable::default(),
            chunks: Vec::new(),
        })
    }

    fn request(text: &str) -> Value {
        json!({ "messages": [{ "content": format!("You add.\n{text}\nBe short.") }] })
    }

    #[test]
    fn the_difference_is_a_line() {
        let recorded = [
            entry("a", request("quite another")),
            entry("b", request("2 and 3")),
            entry("c", json!({})),
        ];
        let near = nearest(&recorded, &request("2 and 4"), Duration::from_secs(3600)).unwrap();
        assert_eq!(near.key, "b");
        assert_eq!(near.first, r"-2 and 3\n +2 and 4\n");
        let diff = near.diff;
        assert!(
            diff.contains("\n-        2 and 3\\n\n+        2 and 4\\n\n"),
            "{diff}"
        );
        assert_eq!(nearest(&[], &json!({}), SEARCH), None);
        assert!(short("ä".repeat(9000)).len() < 9000);
    }

    #[test]
    fn of_a_large_request_the_beginning_is_compared() {
        let of = |length: usize| lines(&json!("x".repeat(length))).len();
        let around = "\"\"\n".len();
        assert_eq!(of(COMPARED - around), COMPARED);
        assert_eq!(of(COMPARED - around + 1), COMPARED);
        assert_eq!(of(COMPARED - around - 1), COMPARED - 1);
    }

    #[test]
    fn the_search_ends_in_time_with_what_it_has() {
        let recorded = [
            entry("a", request("quite another")),
            entry("b", request("2 and 3")),
        ];
        let near = nearest(&recorded, &request("2 and 4"), Duration::ZERO).unwrap();
        assert_eq!(near.key, "a", "the second was looked at too");
        assert!(near.diff.contains("quite another"), "{}", near.diff);
    }
}
