//! Servers that do not start, and servers that end when they should not.

use std::time::Duration;

use agent_tools::{Limits, ToolsError};
use serde_json::json;
use stigmer_api::agent::{DockerServer, McpServerDefinition, mcp_server_definition::ServerType};

use crate::{
    PROBE, SECRET, call, command, definition, lives, pid, probe, said, shell, tools, toolset, until,
};

/// Far longer than a start takes.
const LONG: Duration = Duration::from_secs(60);

async fn refusal(server: McpServerDefinition, start: Duration) -> ToolsError {
    let (tools, _dir) = tools(Limits {
        start,
        ..Limits::default()
    });
    let toolset = toolset("aex_1", vec![server]);
    let listed = tools.list(&toolset).await.unwrap_err();
    let args = serde_json::Map::new();
    let called = tools.call(&toolset, "echo", args, &[]).await.unwrap_err();
    assert_eq!(listed.to_string(), called.to_string());
    assert!(listed.message.contains("MCP server bad"), "{listed}");
    assert!(!listed.message.contains(SECRET), "{listed}");
    tools.close("aex_1").await;
    listed
}

#[tokio::test]
async fn what_no_runner_can_start_is_refused_for_good() {
    let docker = ServerType::Docker(DockerServer {
        image: "x".to_owned(),
        ..DockerServer::default()
    });
    let mut nothing = probe("bad");
    nothing.server_type = None;
    let mut elsewhere = command(PROBE, &[], &[]);
    elsewhere.working_dir = "/no/such/folder".to_owned();
    let stdio = |server| definition("bad", ServerType::Stdio(server));
    for (server, why) in [
        (
            definition("bad", docker),
            "is a docker server; this runner has no Docker: use stdio or http",
        ),
        (nothing, "has no type"),
        (
            stdio(command("/no/such/command", &[], &[])),
            "(/no/such/command): there is no such command",
        ),
        (
            stdio(command("no-such-command", &[], &[])),
            "there is no such command",
        ),
        (stdio(command("/etc/hostname", &[], &[])), "cannot be run"),
        (stdio(command("/etc", &[], &[])), "cannot be run"),
        (
            stdio(elsewhere),
            "its working_dir \"/no/such/folder\" is no folder",
        ),
        (
            stdio(command(PROBE, &[], &[("KEY", "${NOPE}")])),
            "its environment variable KEY: ${NOPE} has no value",
        ),
        (
            stdio(command(PROBE, &[], &[("KEY", "${")])),
            "a placeholder is ${NAME}",
        ),
        (
            shell("bad", "exit 4"),
            "exited with status 4 while it started",
        ),
    ] {
        let told = refusal(server, LONG).await;
        assert!(!told.is_transient() && told.message.contains(why), "{told}");
    }
}

#[tokio::test]
async fn what_may_start_another_time_is_told_apart() {
    let short = Duration::from_millis(500);
    let killed = "was killed by signal 9 while it started";
    let late = "did not answer within 500ms of its start: its definition gives it more time by \
                start_timeout_seconds, the runner by STIGMER_MCP_START_SECONDS";
    for (script, start, transient, why) in [
        // It had its time, and would need it again.
        ("sleep 100", short, false, late),
        (
            "while echo no json; do sleep 0.01; done",
            short,
            false,
            late,
        ),
        ("kill -9 $$", LONG, true, killed),
    ] {
        let told = refusal(shell("bad", script), start).await;
        assert_eq!(told.is_transient(), transient, "{told}");
        assert!(told.message.contains(why), "{told}");
    }
}

#[tokio::test]
async fn a_refused_handshake_is_told_in_the_servers_words() {
    let answering = |answer: &str| {
        shell(
            "bad",
            &format!("read line; printf '%s\\n' '{answer}'; cat >/dev/null"),
        )
    };
    for (answer, why) in [
        (
            r#"{"id":"server-error","error":{"code":-32602,"message":"buy a licence","data":"${TOKEN}"}}"#,
            "refuses to be asked: buy a licence (-32602)",
        ),
        (
            r#"{"id":0,"result":null}"#,
            "does not speak MCP: its first answer is null",
        ),
        (
            r#"{"id":0,"result":{}}"#,
            "does not speak MCP: its first answer is {}",
        ),
    ] {
        let told = refusal(answering(answer), LONG).await;
        assert!(!told.is_transient() && told.message.contains(why), "{told}");
    }
}

#[tokio::test]
async fn what_stands_on_stdout_in_place_of_messages_is_quoted() {
    let script = "echo; echo 'INFO {\"id\":0}'; echo more; cat >/dev/null";
    let told = refusal(shell("bad", script), Duration::from_millis(500)).await;
    let why = "STIGMER_MCP_START_SECONDS; the first line on its stdout that is no message: INFO {\"id\":0}";
    assert!(told.message.ends_with(why), "{told}");
}

#[tokio::test]
async fn a_script_whose_interpreter_is_missing_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("tool");
    std::fs::write(&script, "#!/no/such/python -u\n").unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, all).unwrap();
    let (path, folder) = (script.to_str().unwrap(), dir.path().to_str().unwrap());
    for (name, env) in [(path, vec![]), ("tool", vec![("PATH", folder)])] {
        let server = ServerType::Stdio(command(name, &[], &env));
        let told = refusal(definition("bad", server), LONG).await;
        let why =
            format!("{path} is there, but not what runs it (\"/no/such/python -u\"): install");
        assert!(
            !told.is_transient() && told.message.contains(&why),
            "{told}"
        );
    }
}

#[tokio::test]
async fn its_last_words_are_told_without_secrets() {
    let script = "echo one >&2; echo the key $KEY >&2; exit 1";
    let server = command("sh", &["-c", script], &[("KEY", "${TOKEN}")]);
    let told = refusal(definition("bad", ServerType::Stdio(server)), LONG).await;
    assert!(
        told.message
            .ends_with("; its last lines on stderr:\none\nthe key [redacted]"),
        "{told}"
    );
}

#[tokio::test]
async fn a_failed_start_leaves_no_process() {
    let (tools, dir) = tools(Limits::default());
    let file = dir.path().join("pids");
    // It closes its stdout once it has told who is there, and stays.
    let script = format!(
        "sleep 1000 > /dev/null & echo $$ $! > {}; exec > /dev/null; wait",
        file.display()
    );
    let toolset = toolset("aex_1", vec![shell("bad", &script)]);
    tools.list(&toolset).await.unwrap_err();
    let pids = std::fs::read_to_string(file).unwrap();
    for pid in pids.split_whitespace() {
        crate::until_gone(pid.parse().unwrap()).await;
    }
}

#[tokio::test]
async fn a_server_that_crashes_is_told_of_and_started_again() {
    let (tools, _dir) = tools(Limits::default());
    let toolset = toolset("aex_1", vec![probe("probe")]);
    let first = pid(&tools, &toolset).await;
    let outcome = call(
        &tools,
        &toolset,
        "crash",
        json!({"message": format!("out of luck {SECRET}")}),
    )
    .await;
    assert!(outcome.failed);
    assert!(
        outcome
            .text
            .starts_with("the MCP server probe exited with status 3; its last lines"),
        "{outcome:?}"
    );
    assert!(
        outcome.text.ends_with("out of luck [redacted]"),
        "{outcome:?}"
    );
    let second = pid(&tools, &toolset).await;
    assert_ne!(first, second);

    // And one that dies between calls.
    let killed = rustix::process::Pid::from_raw(second.try_into().unwrap()).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    let third = until("a new process", async || {
        let outcome = call(&tools, &toolset, "pid", json!({})).await;
        (!outcome.failed)
            .then(|| outcome.text.parse::<u32>().unwrap())
            .filter(|pid| *pid != second)
    })
    .await;
    assert!(lives(third) && !lives(second));
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_server_that_cannot_start_again_is_an_error() {
    let (tools, dir) = tools(Limits::default());
    let flag = dir.path().join("once");
    let script = format!(
        "[ -e {0} ] && {{ echo second >&2; exit 5; }}; touch {0}; exec \"$0\"",
        flag.display()
    );
    let toolset = toolset("aex_1", vec![shell("probe", &script)]);
    assert!(call(&tools, &toolset, "crash", json!({})).await.failed);
    let told = tools
        .call(&toolset, "pid", serde_json::Map::new(), &[])
        .await
        .unwrap_err();
    assert!(
        told.message.contains("exited with status 5") && told.message.ends_with("second"),
        "{told}"
    );
    std::fs::remove_file(flag).unwrap();
    said(&tools, &toolset, "pid", json!({})).await;
    tools.close("aex_1").await;
}
