//! What a run's `timeline.jsonl` says of its stack.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Span {
    name: String,
    /// Milliseconds since 1970.
    began: u64,
    took: u64,
}

/// Milliseconds from the start of the first service of `phase` until the last was ready, and which took longest. Services of
/// tests' own have a number behind their name and do not count.
pub fn ready(timeline: &str, phase: &str) -> Option<(f64, String)> {
    let spans = timeline
        .lines()
        .filter_map(|line| serde_json::from_str::<Span>(line).ok());
    let members: Vec<Span> = spans
        .filter_map(|span| {
            let name = span.name.strip_prefix(phase)?.strip_prefix(' ')?.to_owned();
            let shared = name.chars().all(|c| c.is_ascii_lowercase());
            shared.then_some(Span { name, ..span })
        })
        .collect();
    let began = members.iter().map(|span| span.began).min()?;
    let ended = members.iter().map(|span| span.began + span.took).max()?;
    let slowest = members.into_iter().max_by_key(|span| span.took)?;
    Some(((ended - began) as f64, slowest.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_first_start_to_the_last_that_is_ready() {
        let timeline = "{\"name\":\"build\",\"began\":1000,\"took\":9000}\n\
            {\"name\":\"phase2 temporal\",\"began\":2000,\"took\":700}\n\
            {\"name\":\"phase1 server\",\"began\":1900,\"took\":5000}\n\
            half a line\n\
            {\"name\":\"phase2 runner\",\"began\":2100,\"took\":650}\n\
            {\"name\":\"phase2 server-2\",\"began\":3000,\"took\":9000}\n";
        assert_eq!(
            ready(timeline, "phase2"),
            Some((750.0, "temporal".to_owned()))
        );
        assert_eq!(ready(timeline, "phase3"), None);
    }
}
