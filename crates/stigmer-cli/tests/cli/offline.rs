//! What needs no server.

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::ffi::OsStrExt,
    thread,
};

use super::*;

#[test]
fn help_is_stable() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "",
        "apply",
        "run",
        "get",
        "logs",
        "cancel",
        "delete",
        "skill push",
        "completions",
        "version",
    ];
    let helps: Vec<String> = commands
        .iter()
        .map(|command| {
            let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
            let mut child = stigmer(folder.path(), "", &args);
            let output = child.env_remove("STIGMER_SERVER_ADDR").output().unwrap();
            assert!(output.status.success());
            let text = String::from_utf8(output.stdout).unwrap();
            format!("$ stigmer {}\n{text}", args.join(" "))
        })
        .collect();
    insta::assert_snapshot!("help", helps.join("\n"));
}

#[test]
fn usage_errors_are_refused_before_any_call() {
    let folder = project(&["a"]);
    fs::write(folder.path().join("bad.env"), "A=1\nhunter2\n").unwrap();
    fs::write(folder.path().join("empty.env"), "A=1\nB=\n").unwrap();
    let cases: [&[&str]; 33] = [
        &["run", "a", "--message", ""],
        &["run", "a", "--message", "  "],
        &["run", "a", "--runtime-env", "secret:hunter2"],
        &["run", "a", "--session", "ses-1"],
        &["run", "--instance", "a", "--session", "ses-1"],
        &["run", "a", "--secret", "NO_SUCH_VARIABLE"],
        &["run", "a", "--secret", "TOKEN=hunter2"],
        &["run", "a", "--env-file", "none.env"],
        &["run", "a", "--env-file", "bad.env"],
        &["run", "a", "--env-file", "empty.env"],
        &["run", "a", "--env", "A="],
        &["run", "a", "--env", "secret:A="],
        &["run", "a", "--max-model-calls", "0"],
        &["run", "a", "--max-tool-calls", "-1"],
        &["run", "a", "--max-time", "soon"],
        &["skill", "push", "--tag", "a b"],
        &["get", "agents", "--phase", "failed"],
        &["get", "things"],
        &["get", "agents", "--timeout", "soon"],
        &["get", "agents", "--server", "ftp://x"],
        &["delete", "agents"],
        &["get", "agents", ""],
        &["get", "executions", " "],
        &["delete", "agent", ""],
        &["delete", "agents", "a", ""],
        &["logs", ""],
        &["logs", "-f", ""],
        &["cancel", ""],
        &["run", ""],
        &["run", "a", "--model", ""],
        &["run", "--session", ""],
        &["run", "--instance", ""],
        &["get", "agents", "--org", ""],
    ];
    for case in cases {
        let shown = alone(folder.path(), case);
        assert!(shown.starts_with("exit 2\n"), "{case:?}: {shown}");
        assert!(shown.contains("error: "), "{case:?}: {shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let blank = case.iter().any(|arg| arg.trim().is_empty());
        assert!(!blank || shown.contains("empty"), "{case:?}: {shown}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_by_where_it_is_from_and_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let said = |variable: &str, args: &[&str]| {
        let output = stigmer(folder.path(), variable, args).output().unwrap();
        let shown = shown(&output);
        assert!(!shown.contains("hunter2"), "{shown}");
        shown
    };
    let bad = "https://bob:hunter2@h";
    let of_variable = said(bad, &["get", "agents"]);
    let begins = "exit 2\n--- stdout\n--- stderr\nerror: STIGMER_SERVER_ADDR: this is not";
    assert!(of_variable.starts_with(begins), "{of_variable}");
    let of_argument = said("h", &["get", "agents", "--server", bad]);
    assert!(
        of_argument.contains("error: --server: this is not"),
        "{of_argument}"
    );
    let help = said(bad, &["--help"]);
    assert!(help.contains("STIGMER_SERVER_ADDR"), "{help}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_to_be_that_of_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        ["version"].as_slice(),
        &["version", "-o", "json"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut child = stigmer(folder.path(), "", args);
        let shown = shown(&child.stdout(full).output().unwrap());
        assert!(shown.starts_with("exit 1\n"), "{args:?}: {shown}");
        let told = "error: cannot write to standard output: No space left";
        assert!(shown.contains(told), "{args:?}: {shown}");
    }
}

#[test]
fn a_variable_without_a_value_is_named_with_its_place() {
    let folder = project(&["a"]);
    fs::write(folder.path().join("a.env"), "A=\n\nB=\n").unwrap();
    let said = |args: &[&str]| {
        let args = [&["run", "a", "--env-file", "a.env"], args].concat();
        let mut child = stigmer(folder.path(), "127.0.0.1:1", &args);
        shown(&child.env("A", "a").env("EMPTY", "").output().unwrap())
    };
    let empty = said(&["--secret", "A"]);
    assert!(
        empty.starts_with("exit 2\n") && empty.contains("error: a.env:3: B is empty"),
        "{empty}"
    );
    let empty = said(&["--secret", "EMPTY"]);
    assert!(
        empty.starts_with("exit 2\n") && empty.contains("--secret EMPTY: this variable is empty"),
        "{empty}"
    );
    // What is given otherwise may be empty in a file: now only the server is missing.
    let given = said(&["--secret", "A", "--env", "B=b"]);
    assert!(given.starts_with("exit 4\n"), "{given}");
}

#[test]
fn a_server_that_is_not_there_is_said_with_its_address() {
    let folder = project(&["a"]);
    for args in [
        &["apply"][..],
        &["apply", "--dry-run"],
        &["run", "a"],
        &["get", "agents"],
        &["cancel", "aex-1"],
    ] {
        let shown = alone(folder.path(), args);
        assert!(shown.starts_with("exit 4\n"), "{args:?}: {shown}");
        assert!(shown.contains("http://127.0.0.1:1"), "{shown}");
        assert!(shown.contains("--server"), "{shown}");
    }
}

/// The address of somebody who answers each connection with these bytes and ends it.
fn answers(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It ends with the test's process.
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let _ = peer.read(&mut [0; 4096]);
            let _ = peer.write_all(bytes);
        }
    });
    address
}

#[test]
fn the_other_scheme_is_named_where_somebody_answers() {
    let folder = tempfile::tempdir().unwrap();
    // The alert of a TLS server that reads no TLS, and what a server without TLS may say.
    let tls = answers(b"\x15\x03\x03\0\x02\x02\x46");
    let plain = answers(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    for (server, to_do) in [
        (
            format!("http://{tls}"),
            format!("then write https://{tls}; else start it"),
        ),
        (
            format!("https://{plain}"),
            format!("then write http://{plain}; else start it"),
        ),
    ] {
        let shown = alone(folder.path(), &["get", "agents", "--server", &server]);
        assert!(shown.starts_with("exit 4\n"), "{shown}");
        assert!(shown.contains(&to_do), "{shown}");
    }
    // TLS without HTTP/2: the alert of a server that has none of the protocols that it was asked for, and another alert.
    for (alert, to_do) in [
        (
            b"\x15\x03\x03\0\x02\x02\x78",
            "speaks TLS and no HTTP/2, and so no gRPC; else",
        ),
        (
            b"\x15\x03\x03\0\x02\x02\x28",
            "speaks TLS, and refused this connection; else",
        ),
    ] {
        let server = format!("https://{}", answers(alert));
        let shown = alone(folder.path(), &["get", "agents", "--server", &server]);
        assert!(shown.starts_with("exit 4\n"), "{shown}");
        assert!(shown.contains(to_do), "{shown}");
        assert!(!shown.contains("then write"), "{shown}");
    }
    for nobody in ["http://127.0.0.1:1", "https://127.0.0.1:1"] {
        let shown = alone(folder.path(), &["get", "agents", "--server", nobody]);
        assert!(shown.contains("\nstart it, or"), "{shown}");
    }
}

#[test]
fn an_address_that_is_no_text_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bad = OsStr::from_bytes(b"h\xff:1");
    let said = |args: &[&OsStr]| {
        let mut child = stigmer(folder.path(), "", args);
        shown(&child.env("STIGMER_SERVER_ADDR", bad).output().unwrap())
    };
    let of_variable = said(&["get", "agents"].map(OsStr::new));
    assert!(of_variable.starts_with("exit 2\n"), "{of_variable}");
    assert!(
        of_variable.contains("STIGMER_SERVER_ADDR is not UTF-8"),
        "{of_variable}"
    );
    let of_argument = said(&[OsStr::new("get"), bad]);
    assert!(
        !of_argument.contains("STIGMER_SERVER_ADDR is"),
        "{of_argument}"
    );
}

#[test]
fn no_columns_are_as_if_none_were_named() {
    let folder = tempfile::tempdir().unwrap();
    let help = |columns: &str| {
        let mut child = stigmer(folder.path(), "", &["run", "--help"]);
        shown(&child.env("COLUMNS", columns).output().unwrap())
    };
    assert_eq!(help("0"), help("100"));
}

#[test]
fn projects_that_are_wrong_are_listed_with_places() {
    let folder = project(&["a"]);
    fs::write(folder.path().join("agents/b.yaml"), "kind: Agent\n").unwrap();
    fs::write(folder.path().join("Stigmer.yaml"), "name: demo\nnmae: x\n").unwrap();
    insta::assert_snapshot!(alone(folder.path(), &["apply"]), @r"
        exit 1
        --- stdout
        --- stderr
        error: the project has 4 problems:
        Stigmer.yaml:2:1: unknown key `nmae`; known here: name, version, organization, description, agents
        agents/b.yaml:1:1: missing key `apiVersion`
        agents/b.yaml:1:1: missing key `metadata`
        agents/b.yaml:1:1: missing key `spec`
    ");
}

#[test]
fn without_a_project_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (verb, to_do) in [
        ("apply", "or name a project with --config\n"),
        (
            "run",
            "or name an agent that the server has: stigmer run NAME\n",
        ),
    ] {
        let shown = alone(folder.path(), &[verb]);
        assert!(shown.starts_with("exit 1\n"), "{shown}");
        assert!(shown.contains("no Stigmer.yaml in"), "{shown}");
        assert!(shown.ends_with(to_do), "{shown}");
    }
    let shown = alone(folder.path(), &["apply", "--config", "gone"]);
    assert!(shown.contains("gone does not exist"), "{shown}");
}

#[test]
fn several_agents_and_nobody_to_ask() {
    let folder = project(&["one", "two"]);
    insta::assert_snapshot!(alone(folder.path(), &["run"]), @r"
        exit 2
        --- stdout
        --- stderr
        error: the project `demo` has 2 agents, name the one to run: one, two
    ");
}

#[test]
fn agents_of_one_slug_are_named_with_their_organizations() {
    let folder = project(&["one"]);
    let other = AGENT.replace("NAME", "one, org: other");
    fs::write(folder.path().join("agents/other.yaml"), other).unwrap();
    let shown = alone(folder.path(), &["run"]);
    assert!(shown.starts_with("exit 2\n"), "{shown}");
    let told = "name the one to run: one --org local, one --org other\n";
    assert!(shown.ends_with(told), "{shown}");
}

#[test]
fn completions_and_version() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let shown = alone(folder.path(), &["completions", shell]);
        assert!(shown.starts_with("exit 0\n") && shown.contains("stigmer"));
    }
    let version = alone(folder.path(), &["version"]);
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let json = alone(folder.path(), &["version", "-o", "json"]);
    assert!(json.contains("\"version\": \""), "{json}");
}
