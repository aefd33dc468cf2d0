//! What needs no server.

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
    let cases: [&[&str]; 21] = [
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
    ];
    for case in cases {
        let shown = alone(folder.path(), case);
        assert!(shown.starts_with("exit 2\n"), "{case:?}: {shown}");
        assert!(shown.contains("error: "), "{case:?}: {shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
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
    for args in [&["apply"][..], &["run"]] {
        let shown = alone(folder.path(), args);
        assert!(shown.starts_with("exit 1\n"), "{shown}");
        assert!(shown.contains("no Stigmer.yaml in"), "{shown}");
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
