//! The server's settings and what clients of other makes send, as a process has them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    fs,
    io::Read,
    process::{Command, Output, Stdio},
    thread,
};

use common::{binary, server, start};
use stigmer_api::{
    MAX_MESSAGE,
    agent::{Agent, agent_command_controller_client::AgentCommandControllerClient as Agents},
};
use tonic::{Code, codec::CompressionEncoding};
use tonic_reflection::pb::v1alpha::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

/// A variable and its value.
type Set<'a> = (&'a str, &'a str);

/// What a server says that does not start with this set.
fn refused(set: &[Set]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("GRPC_PORT", "0")
        .env("DB_PATH", folder.path().join("s.db"))
        .envs(set.iter().copied())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that starts says so; it must not be waited for.
    let mut said = [0];
    let mut stdout = child.stdout.take().unwrap();
    let started = stdout.read(&mut said).unwrap() > 0;
    if started {
        child.kill().unwrap();
    }
    thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!started && !status.success(), "{set:?}: it started: {said}");
    assert!(!folder.path().join("~").exists());
    said
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    let temporal = ("TEMPORAL_ADDRESS", "127.0.0.1:1");
    let cases: [(&[Set], &[&str]); 12] = [
        (
            &[("STIGMER_RUNNER_KEY_FILE", empty)],
            &["STIGMER_RUNNER_KEY_FILE", empty, "is empty"],
        ),
        (
            &[("TEMPORAL_API_KEY_FILE", empty)],
            &["TEMPORAL_API_KEY_FILE", empty, "is empty"],
        ),
        (
            &[("STIGMER_RUNNER_KEY", " ")],
            &["STIGMER_RUNNER_KEY is empty"],
        ),
        (
            &[("STIGMER_RUNNER_KEY", "hush\nhush")],
            &["STIGMER_RUNNER_KEY", "line break"],
        ),
        (&[("LOG_LEVEL", "inof")], &["`inof`", "debug"]),
        (&[("DB_PATH", "~/x.db")], &["DB_PATH", "whole path"]),
        (
            &[("STIGMER_SECRETS_KEY_FILE", "~/k")],
            &["STIGMER_SECRETS_KEY_FILE", "whole path"],
        ),
        (&[("GRPC_PORT", "many")], &["`many`", "GRPC_PORT"]),
        (&[("TEMPORAL_TLS", "maybe")], &["maybe", "TEMPORAL_TLS"]),
        (
            &[("TEMPORAL_ADDRESS", "h:99999")],
            &["h:99999", "TEMPORAL_ADDRESS"],
        ),
        (&[temporal, ("TEMPORAL_TLS_CA", "/nope")], &["/nope"]),
        (&[temporal, ("TEMPORAL_TLS_CA", empty)], &[empty, "PEM"]),
    ];
    for (set, told) in cases {
        let said = refused(set).replace('\'', "`");
        for word in told {
            assert!(said.contains(word), "{set:?}: {word} is not in {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
}

#[tokio::test]
async fn what_is_set_and_empty_is_unset() {
    let mut command = Command::new("/bin/sh");
    let variables = [
        "GRPC_HOST",
        "TEMPORAL_TLS",
        "TEMPORAL_ADDRESS",
        "STIGMER_ANNOUNCE_FILE",
        "STIGMER_RECONCILE_SECONDS",
        "STIGMER_RUNNER_KEY",
        "STIGMER_RUNNER_KEY_FILE",
        "STIGMER_SECRETS_KEY_FILE",
        "LOG_LEVEL",
    ];
    let script = format!("{}= exec \"$0\"", variables.join("= "));
    command.args(["-c", &script, &binary()]);
    command.stderr(Stdio::null());
    let server = start(command).await;
    assert!(server.address.starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn without_a_path_all_is_kept_in_the_home_of_its_user() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("/bin/sh");
    let script = "unset DB_PATH; HOME=\"$1\" exec \"$0\"";
    command.args(["-c", script, &binary()]).arg(home.path());
    command.stderr(Stdio::null());
    let _server = start(command).await;
    let files = fs::read_dir(home.path().join(".stigmer")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["stigmer.db", "stigmer.db.key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_asked_by_the_address_that_the_command_takes_and_passwords_are_not_repeated() {
    let server = server().await;
    let asked = |address: &str| {
        let mut asking = Command::new(binary());
        asking.arg("healthcheck").env_clear();
        asking.env("STIGMER_SERVER_ADDR", address).output().unwrap()
    };
    for address in [server.address.clone(), format!("http://{}", server.address)] {
        let asked = asked(&address);
        assert!(asked.status.success(), "{address}: {asked:?}");
    }
    let asked = asked("http://bob:hush@127.0.0.1:1");
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(
        said.contains("HOST:PORT") && !said.contains("hush"),
        "{said}"
    );
}

#[tokio::test]
async fn tls_is_wished_for_by_more_words_than_one() {
    for word in ["1", "yes", "TRUE"] {
        let mut command = Command::new("/bin/sh");
        let script = format!("TEMPORAL_TLS={word} exec \"$0\"");
        command
            .args(["-c", &script, &binary()])
            .stderr(Stdio::null());
        start(command).await;
    }
}

#[tokio::test]
async fn older_clients_find_the_services_by_the_name_that_they_know() {
    let server = server().await;
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(tokio_stream::iter([request]));
    let answer = answers.await.unwrap().into_inner().message().await;
    let Some(MessageResponse::ListServicesResponse(list)) =
        answer.unwrap().unwrap().message_response
    else {
        panic!("no list");
    };
    let name = "ai.stigmer.agentic.agent.v1.AgentQueryController";
    assert!(list.service.iter().any(|it| it.name == name), "{list:?}");
}

/// Compressed it is a thousandth of its size.
fn long(bytes: usize) -> Agent {
    let mut agent = Agent::default();
    agent.spec.get_or_insert_default().instructions = "x".repeat(bytes);
    agent
}

#[tokio::test]
async fn a_compressed_message_is_read_and_counts_by_what_is_in_it() {
    let server = server().await;
    let agents = Agents::new(server.channel.clone());
    let mut agents = agents.send_compressed(CompressionEncoding::Gzip);
    // What is read is refused by the rules of its kind.
    let read = agents.create(long(MAX_MESSAGE - 100)).await.unwrap_err();
    assert_eq!(read.code(), Code::InvalidArgument, "{read:?}");
    for more in [1, MAX_MESSAGE * 9] {
        let bomb = agents.create(long(MAX_MESSAGE + more)).await.unwrap_err();
        assert_eq!(bomb.code(), Code::ResourceExhausted, "{bomb:?}");
    }
    #[cfg(target_os = "linux")]
    assert!(server.peak() < 200, "{} MiB", server.peak());
}
