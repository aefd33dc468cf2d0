//! Executions that are followed.

use stigmer_api::agentexecution::ExecutionPhase as Phase;
use tonic::Status;

use super::{
    fake::{EXECUTION, Fake, World, agent, serve, state},
    *,
};

/// A server with the agent `a`, and these streams of an execution.
async fn with_streams(
    streams: Vec<Vec<Result<stigmer_api::agentexecution::AgentExecution, Status>>>,
) -> (Fake, String) {
    let world = World {
        agents: vec![agent("a")],
        streams: streams.into(),
        ..World::default()
    };
    serve(world).await
}

async fn run(server: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = stigmer(folder.path(), server, args);
    tokio::task::spawn_blocking(move || {
        let _alive = folder;
        command.output().unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_execution_is_followed_to_its_end() {
    let states = vec![
        Ok(state(Phase::ExecutionPending, "")),
        Ok(state(Phase::ExecutionInProgress, "Hel")),
        Ok(state(Phase::ExecutionCompleted, "Hello")),
    ];
    let (fake, server) = with_streams(vec![states]).await;
    let args = [
        "run",
        "a",
        "--message",
        "hi",
        "--model",
        "m",
        "--runtime-env",
        "secret:T=hunter2",
    ];
    let output = run(&server, &args).await;
    insta::assert_snapshot!(shown(&output), @r"
        exit 0
        --- stdout
        Agent execution started: a
        Execution ID: aex-00000000000000000000000000
        Phase: PENDING
        Phase: IN_PROGRESS
        agent: Hello
        Phase: COMPLETED
        Messages: 1, tool calls: 0
        --- stderr
    ");
    let world = fake.0.lock().unwrap();
    let spec = world.created[0].spec.clone().unwrap();
    assert_eq!(spec.message, "hi");
    assert_eq!(spec.execution_config.unwrap().model_name, "m");
    assert!(spec.runtime_env["T"].is_secret);
    assert_eq!(spec.agent_id, world.agents[0].metadata.as_ref().unwrap().id);
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_it_broke() {
    let first = vec![
        Ok(state(Phase::ExecutionInProgress, "Hel")),
        Err(Status::unavailable("shutting down")),
    ];
    let second = vec![Ok(state(Phase::ExecutionInProgress, "Hello w"))];
    let third = vec![Ok(state(Phase::ExecutionCompleted, "Hello world"))];
    let (_fake, server) = with_streams(vec![first, second, third]).await;
    let output = run(&server, &["run", "a"]).await;
    insta::assert_snapshot!(shown(&output), @r"
        exit 0
        --- stdout
        Agent execution started: a
        Execution ID: aex-00000000000000000000000000
        Phase: IN_PROGRESS
        agent: Hello world
        Phase: COMPLETED
        Messages: 1, tool calls: 0
        --- stderr
        the connection to the server broke, trying again
        the connection to the server broke, trying again
    ");
}

#[tokio::test]
async fn a_stream_that_never_returns_is_given_up() {
    let (_fake, server) =
        with_streams(vec![vec![Ok(state(Phase::ExecutionInProgress, "Hel"))]]).await;
    let output = run(&server, &["run", "a", "--timeout", "300ms"]).await;
    insta::assert_snapshot!(shown(&output).replace(&server, "SERVER"), @r"
        exit 4
        --- stdout
        Agent execution started: a
        Execution ID: aex-00000000000000000000000000
        Phase: IN_PROGRESS
        agent: Hel
        --- stderr
        the connection to the server broke, trying again
        error: lost sight of aex-00000000000000000000000000, which goes on without: the server at http://SERVER is not available: shutting down
        see what became of it with `stigmer get execution aex-00000000000000000000000000`
    ");
}

#[tokio::test]
async fn a_failed_execution_is_a_failure() {
    let mut failed = state(Phase::ExecutionFailed, "Hel");
    failed.status.as_mut().unwrap().error = "the model is gone".to_owned();
    let (_fake, server) = with_streams(vec![vec![Ok(failed.clone())], vec![Ok(failed)]]).await;
    let output = run(&server, &["run", "a"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("ended FAILED: the model is gone"),
        "{stderr}"
    );

    let output = run(&server, &["logs", EXECUTION, "-f"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
}

#[tokio::test]
async fn scripts_get_one_document_on_stdout() {
    let states = vec![Ok(state(Phase::ExecutionCompleted, "Hello"))];
    let (_fake, server) = with_streams(vec![states]).await;
    for args in [
        &["run", "a", "-o", "json"][..],
        &["run", "a", "-o", "json", "--no-follow"],
    ] {
        let output = run(&server, &[args, &["--env", "secret:T=hunter2"]].concat()).await;
        assert!(output.status.success(), "{}", shown(&output));
        assert!(!shown(&output).contains("hunter2"), "{}", shown(&output));
        let execution: stigmer_api::agentexecution::AgentExecution =
            serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(execution.metadata.unwrap().id, EXECUTION);
        assert!(String::from_utf8_lossy(&output.stderr).contains("Execution ID: aex-"));
    }
}

#[tokio::test]
async fn a_cancel_waits_for_the_end() {
    let states = vec![
        Ok(state(Phase::ExecutionInProgress, "")),
        Ok(state(Phase::ExecutionCancelled, "")),
    ];
    let late = vec![Ok(state(Phase::ExecutionCompleted, ""))];
    let (fake, server) = with_streams(vec![states, late]).await;
    let output = run(&server, &["cancel", EXECUTION]).await;
    assert_eq!(
        shown(&output),
        format!("exit 0\n--- stdout\nExecution {EXECUTION}: CANCELLED\n--- stderr\n")
    );
    let output = run(&server, &["cancel", EXECUTION]).await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert_eq!(fake.0.lock().unwrap().cancelled, [EXECUTION, EXECUTION]);
}

#[tokio::test]
async fn a_cancel_of_what_does_not_end_is_given_up() {
    let world = World {
        silent: true,
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    let output = run(&server, &["cancel", EXECUTION, "--timeout", "1s"]).await;
    let text = shown(&output);
    assert!(text.starts_with("exit 1\n"), "{text}");
    assert!(text.contains("has not within 1s"), "{text}");
}

#[tokio::test]
async fn a_reader_that_goes_ends_it_quietly() {
    let (_fake, server) = with_streams(Vec::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = stigmer(folder.path(), &server, &["get", "agents"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_eq!(shown(&output), "exit 141\n--- stdout\n--- stderr\n");
}

#[tokio::test]
async fn a_stream_that_shows_nothing_is_given_up() {
    let world = World {
        agents: vec![agent("a")],
        silent: true,
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    for args in [
        ["run", "a", "--timeout", "300ms"].as_slice(),
        &["logs", "-f", EXECUTION, "--timeout", "300ms"],
    ] {
        let output = run(&server, args).await;
        assert_eq!(output.status.code(), Some(4), "{}", shown(&output));
        let text = shown(&output);
        assert!(text.contains("has not answered within 300ms"), "{text}");
        // Only what was seen can be lost sight of.
        assert_eq!(text.contains("lost sight of"), args[0] == "run", "{text}");
        assert_eq!(text.contains("broke"), args[0] == "run", "{text}");
    }
}

#[tokio::test]
async fn streams_that_end_again_and_again_are_given_up() {
    let world = World {
        agents: vec![agent("a")],
        again: Some(state(Phase::ExecutionInProgress, "Hel")),
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    let output = run(&server, &["run", "a", "--timeout", "700ms"]).await;
    assert_eq!(output.status.code(), Some(4), "{}", shown(&output));
    let text = shown(&output);
    assert!(text.contains("lost sight of"), "{text}");
    assert!(
        text.ends_with(&format!("get execution {EXECUTION}`\n")),
        "{text}"
    );
    // The server that was named is named again.
    let args = ["run", "a", "--timeout", "300ms", "--server", &server];
    let text = shown(&run("127.0.0.1:1", &args).await);
    let again = format!("get execution {EXECUTION} --server http://{server}`\n");
    assert!(text.ends_with(&again), "{text}");
    let text = shown(&run(&server, &["run", "a", "--timeout", "700ms"]).await);
    assert_eq!(text.matches("trying again").count(), 1, "{text}");
}
