//! What a server may say that nobody meant to be said.

use pbjson_types::{Struct, Value, value::Kind};
use stigmer_api::{
    agentexecution::{AgentMessage, ExecutionPhase as Phase, ToolCall},
    resource::{Resource, SHORTENED},
};
use tonic::Status;

use super::{
    fake::{EXECUTION, World, agent, page, serve, state},
    *,
};

/// Characters that lead a terminal, or who reads it.
const STEERING: &str = "a\u{1b}[31mb\u{9b}2Jc\u{202e}d\u{7}e\u{2066}f\rg";

async fn run(server: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = stigmer(folder.path(), server, args);
    let command = tokio::task::spawn_blocking(move || {
        let _alive = folder;
        command.output().unwrap()
    });
    command.await.unwrap()
}

/// An execution with numbers that nobody knows.
fn odd() -> stigmer_api::agentexecution::AgentExecution {
    let mut odd = state(Phase::ExecutionCompleted, "Hello");
    "aex-00000000000000000000000001".clone_into(&mut odd.metadata_mut().id);
    let nan = Value {
        kind: Some(Kind::NumberValue(f64::NAN)),
    };
    let status = odd.status.get_or_insert_default();
    status.phase = 99;
    status.tool_calls = vec![ToolCall {
        id: "c1".to_owned(),
        name: "add".to_owned(),
        args: Some(Struct {
            fields: [("n".to_owned(), nan)].into(),
        }),
        status: 77,
        ..ToolCall::default()
    }];
    status.messages.push(AgentMessage {
        r#type: 55,
        content: "what is this".to_owned(),
        ..AgentMessage::default()
    });
    odd
}

#[tokio::test]
async fn what_is_not_understood_costs_itself_alone() {
    let world = World {
        listed: vec![odd(), state(Phase::ExecutionFailed, "Hello")],
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    for format in ["json", "yaml"] {
        let output = run(&server, &["get", "executions", "-o", format]).await;
        let text = shown(&output);
        assert!(output.status.success(), "{text}");
        for id in [EXECUTION, odd().id()] {
            assert!(text.contains(id), "{text}");
        }
        let output = run(&server, &["logs", odd().id(), "-o", format]).await;
        let text = shown(&output);
        assert!(output.status.success(), "{text}");
        for word in ["NaN", "what is this", "add"] {
            assert!(text.contains(word), "{text}");
        }
    }
    let output = run(&server, &["logs", odd().id()]).await;
    assert!(
        shown(&output).contains("message: what is this"),
        "{}",
        shown(&output)
    );
}

#[tokio::test]
async fn what_the_server_shortened_is_said() {
    let mut short = agent("short");
    let why = "this is not all of it\u{1b}[31m".to_owned();
    let annotations = &mut short.metadata_mut().annotations;
    annotations.insert(SHORTENED.to_owned(), why);
    let world = World {
        agents: vec![agent("whole"), short.clone()],
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    for args in [["get", "agents"].as_slice(), &["get", "agent", "short"]] {
        let output = run(&server, args).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let words = format!("{}: this is not all of it", short.id());
        assert!(said.starts_with(&words), "{said}");
    }
}

#[tokio::test]
async fn a_list_that_does_not_end_is_given_up() {
    let ever_new: Vec<&str> = "a b c d e f g h i j k l".split(' ').collect();
    let cases = [
        (vec!["a"], vec![vec![agent("a")], Vec::new()]),
        (vec!["a", "b", "c"], vec![vec![agent("a")], Vec::new()]),
        // Names that are always others do not help a list without entries.
        (ever_new, vec![Vec::new()]),
    ];
    for (endless, lists) in cases {
        for agents in lists {
            let world = World {
                agents,
                endless: endless.clone(),
                ..World::default()
            };
            let (fake, server) = serve(world).await;
            let output = run(&server, &["get", "agents"]).await;
            let text = shown(&output);
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(text.contains("does not end"), "{text}");
            assert!(fake.0.lock().unwrap().pages <= 4);
        }
    }
    let world = World {
        agents: vec![agent("a")],
        endless: vec!["a", "b"],
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    let output = run(&server, &["get", "agents", "--limit", "2"]).await;
    assert!(output.status.success(), "{}", shown(&output));
}

#[tokio::test]
async fn nothing_that_others_wrote_steers_the_terminal() {
    let mut bad = agent("bad");
    STEERING.clone_into(&mut bad.metadata_mut().name);
    let mut said = state(Phase::ExecutionFailed, STEERING);
    STEERING.clone_into(&mut said.status.get_or_insert_default().error);
    for args in [
        ["get", "agents"].as_slice(),
        &["get", "agents", "-o", "json"],
        &["get", "agents", "-o", "yaml"],
        &["get", "agent", "bad"],
        &["run", "bad"],
        &["run", "bad", "-o", "json"],
        &["logs", EXECUTION],
        &["logs", EXECUTION, "-o", "yaml"],
        &["logs", EXECUTION, "-f"],
        &["delete", "executions", STEERING],
        &["run", "gone"],
        &["get", "agent", "refused"],
    ] {
        let world = World {
            agents: vec![bad.clone()],
            listed: vec![said.clone()],
            streams: vec![vec![Ok(said.clone())]].into(),
            refuse: (args[2..] == ["refused"]).then(|| Status::invalid_argument(STEERING)),
            ..World::default()
        };
        let (_fake, server) = serve(world).await;
        let output = run(&server, args).await;
        let text = shown(&output);
        let steers = |c: &char| STEERING.contains(*c) && !c.is_ascii_graphic();
        let found: Vec<char> = text.chars().filter(steers).collect();
        assert!(found.is_empty(), "{args:?}: {found:?} in {text:?}");
    }
}

#[tokio::test]
async fn a_list_of_an_organization_is_read_until_there_is_enough() {
    let mut theirs = odd();
    theirs.metadata_mut().org = "acme".to_owned();
    let world = World {
        listed: vec![odd(), theirs],
        endless: vec!["a"],
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    for (limit, enough) in [("2", true), ("3", false)] {
        let args = ["get", "executions", "--org", "acme", "--limit", limit];
        let output = run(&server, &args).await;
        assert_eq!(output.status.success(), enough, "{}", shown(&output));
    }
}

#[tokio::test]
async fn what_speaks_http_2_and_no_grpc_is_told_as_such() {
    for (status, kind, told) in [
        (502, Some("text/html"), "(HTTP 502, text/html)"),
        (503, None, "(HTTP 503)"),
        (404, Some("text/plain"), "(HTTP 404, text/plain)"),
        (302, Some("text/html"), "(HTTP 302, text/html)"),
        (200, Some("text/html"), "(HTTP 200, text/html)"),
        (
            401,
            Some("application/json"),
            "(HTTP 401, application/json)",
        ),
    ] {
        let server = page(status, kind).await;
        for args in [
            ["get", "agents"].as_slice(),
            &["logs", "-f", EXECUTION, "--timeout", "200ms"],
        ] {
            let text = shown(&run(&server, args).await);
            assert!(text.starts_with("exit 4\n"), "{text}");
            let told = format!(
                "error: the server at http://{server} cannot be reached: what answers there speaks \
                 no gRPC {told}\nstart it, or name another one"
            );
            assert!(text.contains(&told), "{text}");
        }
    }
}

#[tokio::test]
async fn an_execution_that_is_gone_is_not_asked_for_again() {
    let world = World {
        streams: vec![vec![
            Ok(state(Phase::ExecutionInProgress, "Hel")),
            Err(Status::not_found("AgentExecution not found")),
        ]]
        .into(),
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    let args = ["logs", "-f", EXECUTION, "--timeout", "10s"];
    let text = shown(&run(&server, &args).await);
    assert!(text.starts_with("exit 3\n"), "{text}");
    assert!(!text.contains("trying again"), "{text}");
}
