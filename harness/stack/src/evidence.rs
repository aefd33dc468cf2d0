//! What is kept when something failed, and reading it back.

use harness_base::{Command, query};
use std::path::Path;
use std::time::Duration;

/// The gateway's exchanges out of its log, where a container's log is all there is: a line that is an object is one of
/// them, its own words are text.
pub fn exchanges(log: &Path, into: &Path) {
    let text = std::fs::read(log).unwrap_or_default();
    let lines = text
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{"));
    // Evidence is collected as far as it goes; the log itself stays.
    let _ = std::fs::write(into, lines.collect::<Vec<_>>().concat());
}

/// Temporal's histories of executions that did not complete, one file each, at most `most`. Returns how many.
pub async fn histories(
    cli: &Path,
    address: &str,
    namespace: &str,
    into: &Path,
    most: usize,
) -> usize {
    let limit = Duration::from_secs(10);
    let ask = |args: Vec<String>| {
        let shared =
            ["--address", address, "--namespace", namespace, "-o", "json"].map(str::to_owned);
        query(Command::new(cli).args(args).args(shared), limit)
    };
    let query = "ExecutionStatus != 'Completed'";
    let list = ask([
        "workflow",
        "list",
        "--query",
        query,
        "--limit",
        &most.to_string(),
    ]
    .map(str::to_owned)
    .to_vec())
    .await;
    let Ok(list) = list else { return 0 };
    let mut written = 0;
    for (workflow, run) in open_executions(&list.stdout).into_iter().take(most) {
        let shown = ask([
            "workflow",
            "show",
            "--workflow-id",
            &workflow,
            "--run-id",
            &run,
        ]
        .map(str::to_owned)
        .to_vec())
        .await;
        let Ok(shown) = shown else { continue };
        let name: String = workflow
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        if std::fs::create_dir_all(into).is_ok()
            && std::fs::write(into.join(format!("{name}-{run}.json")), shown.stdout).is_ok()
        {
            written += 1;
        }
    }
    written
}

fn open_executions(list: &str) -> Vec<(String, String)> {
    let parsed: serde_json::Value = serde_json::from_str(list).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    parsed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some((
                text(&entry["execution"]["workflowId"])?,
                text(&entry["execution"]["runId"])?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_in_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let (log, into) = (dir.path().join("gateway.log"), dir.path().join("x.jsonl"));
        std::fs::write(&log, "INFO listening\n{\"a\":1}\nWARN {}\n{\"b\":2}\n").unwrap();
        exchanges(&log, &into);
        assert_eq!(
            std::fs::read_to_string(into).unwrap(),
            "{\"a\":1}\n{\"b\":2}\n"
        );
    }

    #[test]
    fn executions_in_a_list() {
        let list = r#"[{"execution":{"workflowId":"agent-execution/1","runId":"r"},"status":"WORKFLOW_EXECUTION_STATUS_FAILED"}]"#;
        assert_eq!(
            open_executions(list),
            [("agent-execution/1".to_owned(), "r".to_owned())]
        );
        assert!(open_executions("").is_empty());
    }
}
