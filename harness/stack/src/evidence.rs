//! What is kept when something failed, and reading it back.

use crate::file::{Runtime, StackFile};
use crate::temporal_cli::{NO_HOME, without_profiles};
use harness_base::{Command, Inherit, query};
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

/// Temporal's histories of executions that did not complete, one file each, at most `most`. Returns how many. A Temporal of
/// somebody else's is asked as the user would ask it, ours by its address alone.
pub async fn histories(file: &StackFile, into: &Path, most: usize) -> usize {
    let Some(at) = &file.temporal else { return 0 };
    let ask = |args: &[&str]| {
        let command = Command::new(&at.cli)
            .args(args.iter().copied())
            .args(["--address", &at.address, "--namespace", &at.namespace])
            .args(["-o", "json"]);
        let command = match file.runtime {
            Runtime::External => command,
            Runtime::Native | Runtime::Docker => {
                without_profiles(command.inherit(Inherit::System), Path::new(NO_HOME))
            }
        };
        query(command, Duration::from_secs(10))
    };
    let (unfinished, limit) = ("ExecutionStatus != 'Completed'", most.to_string());
    let list = ask(&["workflow", "list", "--query", unfinished, "--limit", &limit]).await;
    let Ok(list) = list else { return 0 };
    let mut written = 0;
    for (workflow, run) in open_executions(&list.stdout).into_iter().take(most) {
        let show = [
            "workflow",
            "show",
            "--workflow-id",
            &workflow,
            "--run-id",
            &run,
        ];
        let Ok(shown) = ask(&show).await else {
            continue;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let name = workflow.replace(|c| !plain(c), "_");
        let path = into.join(format!("{name}-{run}.json"));
        let wrote = std::fs::create_dir_all(into).and_then(|()| std::fs::write(path, shown.stdout));
        written += usize::from(wrote.is_ok());
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
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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

    #[tokio::test]
    async fn so_many_histories_are_kept_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let one = |n| format!(r#"{{"execution":{{"workflowId":"a/{n}","runId":"r"}}}}"#);
        let list = format!("[{},{},{}]", one(1), one(2), one(3));
        let cli = dir.path().join("temporal");
        let script = format!(
            "#!/bin/sh\n[ $2 = list ] && echo '{list}' || echo \"$* of $HOME $XDG_CONFIG_HOME\"\n"
        );
        std::fs::write(&cli, script).unwrap();
        std::fs::set_permissions(&cli, Permissions::from_mode(0o755)).unwrap();
        let golden = include_str!("../../../test-e2e/testdata/stack.json");
        let mut file: StackFile = serde_json::from_str(golden).unwrap();
        file.temporal.as_mut().unwrap().cli = cli;
        for (most, kept) in [(2, 2), (3, 3), (4, 3)] {
            let into = dir.path().join(format!("{most}"));
            assert_eq!(histories(&file, &into, most).await, kept);
            assert_eq!(std::fs::read_dir(&into).unwrap().count(), kept);
            let first = std::fs::read_to_string(into.join("a_1-r.json")).unwrap();
            let asked = "workflow show --workflow-id a/1 --run-id r --address";
            assert!(first.starts_with(asked), "{first}");
            let home = " of /nonexistent /nonexistent";
            assert!(first.ends_with(home), "the user's profiles: {first}");
        }
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
