//! Of requests that are not the one that was asked, the one that is most like it, and where they differ.

use std::time::{Duration, Instant};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Longest search for the smallest difference between two requests; beyond it a larger one will do.
const SEARCH: Duration = Duration::from_millis(100);
/// Longest difference that is told, in characters.
const LONGEST: usize = 4000;
/// Characters before and after the first difference.
const AROUND: usize = 20;

/// A request as lines.
fn lines(request: &Value) -> String {
    let pretty = serde_json::to_string_pretty(request).unwrap_or_default();
    // A text's own lines are lines here too, so that a long one is not one difference.
    pretty.replace("\\n", "\\n\n        ") + "\n"
}

/// A request and how another differs from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nearest {
    /// Which one.
    pub(super) index: usize,
    /// The first difference in a few words, for errors that others cut short.
    pub(super) first: String,
    /// All differences, line by line.
    pub(super) diff: String,
}

/// Which of `recorded` is most like `asked`.
pub(super) fn nearest<'a>(
    recorded: impl Iterator<Item = &'a Value>,
    asked: &Value,
) -> Option<Nearest> {
    let asked = lines(asked);
    let recorded: Vec<String> = recorded.map(lines).collect();
    let alike = |recorded: &String| {
        let mut diff = TextDiff::configure();
        let diff = diff.deadline(Instant::now() + SEARCH);
        // By words: of two lines that differ, one may still be nearer.
        diff.diff_words(recorded.as_str(), asked.as_str()).ratio()
    };
    let mut best: Option<(f32, usize)> = None;
    for (index, ratio) in recorded.iter().map(alike).enumerate() {
        if best.is_none_or(|(best, _)| ratio > best) {
            best = Some((ratio, index));
        }
    }
    let (_, index) = best?;
    let diff = TextDiff::configure()
        .deadline(Instant::now() + SEARCH)
        .diff_lines(recorded[index].as_str(), asked.as_str());
    let line = |tag| {
        let mut changes = diff.iter_all_changes();
        let found = changes.find(|change| change.tag() == tag);
        found.map(|change| change.value())
    };
    let first = words(line(ChangeTag::Delete), line(ChangeTag::Insert));
    let mut unified = diff.unified_diff();
    let unified = unified.context_radius(1).header("recorded", "asked");
    let diff = short(unified.to_string());
    Some(Nearest { index, first, diff })
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

    #[test]
    fn the_difference_is_a_line() {
        let request = |text: &str| json!({ "messages": [{ "content": format!("You add.\n{text}\nBe short.") }] });
        let recorded = [request("quite another"), request("2 and 3"), json!({})];
        let near = nearest(recorded.iter(), &request("2 and 4")).unwrap();
        assert_eq!(near.index, 1);
        assert_eq!(near.first, r"-2 and 3\n +2 and 4\n");
        let diff = near.diff;
        assert!(
            diff.contains("\n-        2 and 3\\n\n+        2 and 4\\n\n"),
            "{diff}"
        );
        assert_eq!(nearest([].iter(), &json!({})), None);
        assert!(short("ä".repeat(9000)).len() < 9000);
    }
}
