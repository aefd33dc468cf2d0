//! Temporal's history of a workflow, a line an event.

use crate::text::{cut, line, millis};
use serde::Serialize;
use serde_json::Value;

/// Events that are told; the last ones count most.
const MOST: usize = 300;
/// What is told of one event's input or result, in characters.
const SHORT: usize = 240;

/// One event.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Milliseconds since 1970.
    pub at: Option<i64>,
    /// Such as `ACTIVITY_TASK_SCHEDULED`.
    pub kind: String,
    /// Which activity or child, its input or result, why it failed.
    pub what: String,
    /// It says that something failed.
    pub failed: bool,
}

/// The events of `temporal workflow show`, payloads in plain words; those of Temporal's own housekeeping are left out.
pub fn events(history: &Value) -> Vec<Event> {
    let all = history["events"].as_array().map_or(&[][..], Vec::as_slice);
    let all = all
        .iter()
        .map(event)
        .filter(|event| !event.kind.starts_with("WORKFLOW_TASK_") || event.failed);
    let mut all: Vec<Event> = all.collect();
    all.drain(..all.len().saturating_sub(MOST));
    all
}

fn event(event: &Value) -> Event {
    let kind = event["eventType"].as_str().unwrap_or_default();
    let kind = kind.trim_start_matches("EVENT_TYPE_").to_owned();
    let attributes = event.as_object().into_iter().flatten();
    let attributes = attributes
        .filter(|(name, _)| name.ends_with("EventAttributes"))
        .map(|(_, value)| value)
        .next()
        .unwrap_or(&Value::Null);
    let mut words = Vec::new();
    for name in ["activityType", "workflowType"] {
        words.extend(attributes[name]["name"].as_str().map(str::to_owned));
    }
    words.extend(attributes["signalName"].as_str().map(str::to_owned));
    for name in ["failure", "input", "result"] {
        let value = &attributes[name];
        let shown = match (name, value) {
            (_, Value::Null) => continue,
            ("failure", failure) => causes(failure),
            (_, value) => value.to_string(),
        };
        words.push(cut(&line(&shown), SHORT));
    }
    Event {
        at: event["eventTime"].as_str().and_then(millis),
        failed: ["FAILED", "TIMED_OUT", "TERMINATED"]
            .iter()
            .any(|word| kind.ends_with(word)),
        kind,
        what: words.join(" "),
    }
}

/// A failure's message and those of its causes.
fn causes(failure: &Value) -> String {
    let mut words = Vec::new();
    let mut at = failure;
    while let Some(message) = at["message"].as_str() {
        words.push(message);
        at = &at["cause"];
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_failed_is_told_with_its_causes() {
        let history = json!({ "events": [
            { "eventType": "EVENT_TYPE_WORKFLOW_TASK_STARTED" },
            { "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED", "workflowTaskFailedEventAttributes": {
              "failure": { "message": "another command than before" } } },
            { "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED", "eventTime": "2026-11-23T09:00:01.5Z",
              "activityTaskScheduledEventAttributes": { "activityType": { "name": "CallModel" }, "input": [{ "a": 1 }] } },
            { "eventType": "EVENT_TYPE_ACTIVITY_TASK_FAILED", "activityTaskFailedEventAttributes": {
              "failure": { "message": "it failed", "cause": { "message": "since it rained" } } } },
        ]});
        let found = events(&history);
        let told: Vec<_> = found.iter().map(|it| (it.failed, &*it.what)).collect();
        let expected = [
            (true, "another command than before"),
            (false, r#"CallModel [{"a":1}]"#),
            (true, "it failed: since it rained"),
        ];
        assert_eq!(told, expected);
        assert!(found[1].at.is_some());
    }
}
