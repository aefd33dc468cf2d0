//! Parts of somebody else's build: a stand-in that announces nothing and has no health check, on whatever port it is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::net::TcpListener;
use std::process::{Child, Command, Output};
use support::services::{phase2, with_services, world};
use support::{World, text_of, wait_for};

/// It listens on all interfaces once `open` is there, and keeps what connects. The last word is the port.
const SERVER: &str = r#"
import os, socket, sys, time
fake = os.environ["E2E_FAKE"]
open(f"{fake}/{os.environ['NAME']}.seen", "w").write("\n".join(f"{k}={v}" for k, v in os.environ.items()))
while os.environ.get("WAITS") and not os.path.exists(f"{fake}/open"):
    time.sleep(0.01)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", int(sys.argv[-1])))
s.listen()
kept = []
while True:
    kept.append(s.accept())
"#;

/// `[parts.server]` with this port, and what else it says.
fn server(world: &World, port: &str, more: &str) -> String {
    std::fs::write(world.fake().join("server.py"), SERVER).unwrap();
    format!(
        "[parts.server]\ncommand = [\"python3\", \"{}\", \"{port}\"]\nready = \"port\"\nenv.NAME = \"server\"\n{more}",
        world.fake().join("server.py").display()
    )
}

fn described(world: &World, text: &str) -> [String; 2] {
    let path = world.root().join("p.toml");
    std::fs::write(&path, text).unwrap();
    ["--parts".into(), path.display().to_string()]
}

/// Phase 1 with these parts; the server is no other's.
fn phase1(world: &World, parts: &str, args: &[&str]) -> Command {
    let mut command = world.e2e(&["phase1"]);
    command
        .args(described(world, parts))
        .args(args)
        .env_remove("E2E_SERVER_BIN");
    command
}

/// It ended with this code and said this, with its place in the description.
fn fails(output: &Output, code: i32, said: &[&str]) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for it in said {
        assert!(text.contains(it), "{it:?} is not in\n{text}");
    }
}

fn until(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn a_server_that_listens_late_is_waited_for() {
    let world = World::new();
    let parts = server(
        &world,
        "{port}",
        "env.WAITS = \"1\"\nenv.DATA = \"{data}/x\"\nenv.QUEUE = \"{task_queue}\"\n",
    );
    let check = "grep -q '\"server\": \"http://127.0.0.1:' $E2E_STACK && test -e $E2E_FAKE/open";
    let child = phase1(&world, &parts, &["--exec", check]).spawn().unwrap();
    wait_for(|| world.fake().join("server.seen").exists());
    std::fs::write(world.fake().join("open"), "").unwrap();
    let output = until(child);
    fails(&output, 0, &["server of", "p.toml:2 alone"]);
    let seen = std::fs::read_to_string(world.fake().join("server.seen")).unwrap();
    assert!(
        seen.contains("/data/server/x\n") && seen.contains("QUEUE=agent_execution_runner"),
        "{seen}"
    );
    world.assert_nothing_left();
}

#[test]
fn one_that_dies_or_never_listens_is_named_with_its_line() {
    let world = World::new();
    let parts = "[parts.server]\ncommand = [\"sh\", \"-c\", \"echo no licence; exit 3\", \"{port}\"]\nready = \"port\"\n";
    let output = phase1(&world, parts, &["--exec", "true"]).output().unwrap();
    fails(
        &output,
        40,
        &[
            "p.toml:2: server died during start with exit code 3",
            "no licence",
        ],
    );
    let parts = parts.replace("echo no licence; exit 3", "exec sleep 60") + "ready_seconds = 1\n";
    let output = phase1(&world, &parts, &["--exec", "true"])
        .output()
        .unwrap();
    fails(
        &output,
        40,
        &["p.toml:3: server is running but not ready after 1 s: nobody listens at 127.0.0.1:"],
    );
    let output = phase1(
        &world,
        &parts.replace("\"sh\"", "\"/no/such\""),
        &["--exec", "true"],
    )
    .output();
    fails(
        &output.unwrap(),
        40,
        &["p.toml:2: server cannot be started: ", "/no/such"],
    );
    world.assert_nothing_left();
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_starts() {
    let world = World::new();
    let good = server(&world, "{port}", "");
    let cases = [
        (
            good.replace("{port}", "{prot}"),
            "p.toml:2: there is no placeholder {prot}",
        ),
        (
            good.replace("\"server\"", "\"{env:E2E_NOT_SET}\""),
            "p.toml:4: E2E_NOT_SET is not set",
        ),
        (
            good.replace("ready", "redy"),
            "p.toml:3: unknown field `redy`",
        ),
        (
            good.replace("\"port\"", "\"activities\""),
            "p.toml:3: the server is ready when it polls a queue, and this phase has no Temporal",
        ),
        (
            good.replace("\"server\"", "\"x\"")
                .replace("{port}", "{port}\", \"{temporal}"),
            "p.toml:2: \"{temporal}\" has no value here",
        ),
    ];
    for (parts, said) in cases {
        let output = phase1(&world, &parts, &["--exec", "true"])
            .output()
            .unwrap();
        fails(&output, 2, &[said]);
    }
    let output = phase1(&world, &good, &["--exec", "true"])
        .env("E2E_SERVER_BIN", "true")
        .output();
    fails(
        &output.unwrap(),
        2,
        &["p.toml:2: describes the server, and E2E_SERVER_BIN names another"],
    );
    assert!(!world.fake().join("server.seen").exists());
}

#[test]
fn a_fixed_port_is_one_alone() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let parts = server(&world, &port.to_string(), &format!("port = {port}\n"));
    let again = r#"python3 - <<'END'
import json, os, socket
at = json.load(open(os.environ["E2E_STACK"]))["control"]
host, port = at["address"].split(":")
stream = socket.create_connection((host, int(port))).makefile("rw")
stream.write(json.dumps({"token": at["token"], "op": "start", "service": "server", "env": {}}) + "\n")
stream.flush()
answer = json.loads(stream.readline())
assert "p.toml:2: server-2: port" in answer["error"] and "is taken by python3" in answer["error"], answer
END"#;
    let output = phase1(&world, &parts, &["--exec", again]).output().unwrap();
    let mine = format!("p.toml:2: server: port {port} is taken by ");
    fails(
        &output,
        40,
        &[&mine, &format!("(pid {})", std::process::id())],
    );
    drop(taken);
    let output = phase1(&world, &parts, &["--exec", again]).output().unwrap();
    fails(&output, 0, &[]);
    world.assert_nothing_left();
}

/// It starts, and listens nowhere: somebody else does.
#[test]
fn a_port_that_another_takes_in_its_place_is_not_its_own() {
    let world = World::new();
    let any = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = any.local_addr().unwrap().port();
    drop(any);
    let parts = format!(
        "[parts.server]\ncommand = [\"sh\", \"-c\", \": > $E2E_FAKE/started; exec sleep 60\"]\nready = \"port\"\nport = {port}\n"
    );
    let child = phase1(&world, &parts, &["--exec", "true"]).spawn().unwrap();
    wait_for(|| world.fake().join("started").exists());
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = until(child);
    let mine = format!("p.toml:2: server: port {port} is taken by ");
    let who = format!("(pid {}), which answers there", std::process::id());
    fails(&output, 40, &[&mine, &who]);
    drop(taken);
    world.assert_nothing_left();
}

#[test]
fn instances_of_tests_own_are_told_in_its_own_terms() {
    let world = World::new();
    let parts = server(&world, "{port}", "env.Q = \"{task_queue}\"\n");
    let script = r#"python3 - <<'END'
import json, os, socket
at = json.load(open(os.environ["E2E_STACK"]))["control"]
host, port = at["address"].split(":")
stream = socket.create_connection((host, int(port))).makefile("rw")
def ask(**request):
    stream.write(json.dumps({"token": at["token"], **request}) + "\n")
    stream.flush()
    return json.loads(stream.readline())
queue = "TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE"
first = ask(op="start", service="server", env={queue: "mine", "NAME": "second"})["ok"]
seen = open(os.environ["E2E_FAKE"] + "/second.seen").read().split("\n")
assert "Q=mine" in seen and not any(it.startswith(queue) for it in seen), seen
at_port = int(first["endpoint"].rsplit(":", 1)[1])
socket.create_connection(("127.0.0.1", at_port)).close()
assert ask(op="kill", instance="server-2")["ok"] == {"code": None, "signal": 9}
assert ask(op="restart", instance="server-2")["ok"] == first
refused = ask(op="start", service="server", env={"TEMPORAL_ADDRESS": "127.0.0.1:1"})["error"]
assert "p.toml:2: the server cannot be told TEMPORAL_ADDRESS" in refused, refused
END"#;
    let output = phase1(&world, &parts, &["--exec", script])
        .output()
        .unwrap();
    fails(&output, 0, &[]);
    world.assert_nothing_left();
}

/// Temporal that knows a poller once `polls` is there.
fn with_temporal(world: &World) {
    let poller =
        r#"{"pollers":[{"taskQueueType":"activity","identity":"1@r","lastAccessTime":"T"}]}"#;
    let script = format!(
        "case \"$1 $8\" in 'task-queue '*) if [ -e $E2E_FAKE/polls ]; then echo '{poller}'; else echo '{{}}'; fi; exit 0;; esac; \
         env > $E2E_FAKE/temporal.env"
    );
    world.ready_after("temporal", &script, "exec sleep 60");
}

const RUNNER: &str = "[parts.runner]\ncommand = [\"sh\", \"-c\", \"env > $E2E_FAKE/theirs.env; DO; exec sleep 60\"]\nready = \"activities\"\nready_seconds = LIMIT\nkeys.runner = \"THEIR_KEY\"\n[parts.runner.env]\nBACKEND = \"{server}\"\nMODEL = \"{model_url}\"\nTEMPORAL = \"{temporal}\"\n";

#[test]
fn a_runner_that_never_polls_is_named_with_its_line() {
    for (does, limit, code, said) in [
        (": > $E2E_FAKE/polls", "60", 0, "runner of"),
        (
            ":",
            "3",
            40,
            "p.toml:3: runner is running but not ready after 3 s: nobody new polls the queue agent_execution_runner for activities",
        ),
    ] {
        let world = world();
        with_temporal(&world);
        let mut command = phase2(&world, &["--model", "replay", "--exec", "true"]);
        command
            .args(described(
                &world,
                &RUNNER.replace("DO", does).replace("LIMIT", limit),
            ))
            .env_remove("E2E_RUNNER_BIN");
        let output = command.output().unwrap();
        fails(&output, code, &[said]);
        let told = std::fs::read_to_string(world.fake().join("theirs.env")).unwrap();
        for line in [
            "BACKEND=127.0.0.1:4242\n",
            "MODEL=http://127.0.0.1:4243/v1\n",
            "TEMPORAL=127.0.0.1:",
            "THEIR_KEY=",
        ] {
            assert!(told.contains(line), "{line}: {told}");
        }
        assert!(
            !told.contains("STIGMER_RUNNER_KEY") && !told.contains("STIGMER_BACKEND"),
            "{told}"
        );
        world.assert_nothing_left();
    }
}

#[test]
fn one_that_needs_temporal_waits_for_it_in_the_phases_that_it_names() {
    for (phases, code) in [("\"phase1\"", 0), ("\"phase2\"", 10)] {
        let world = world();
        with_temporal(&world);
        let more = format!("temporal = [{phases}]\nenv.TEMPORAL = \"{{temporal}}\"\n");
        let parts = server(&world, "{port}", &more);
        let check = "grep -q TEMPORAL=127.0.0.1 $E2E_FAKE/server.seen";
        let output = phase1(&world, &parts, &["--exec", check])
            .env("E2E_TEMPORAL_BIN", world.fake().join("temporal"))
            .output();
        fails(&output.unwrap(), code, &[]);
        assert_eq!(world.fake().join("temporal.env").exists(), code == 0);
        world.assert_nothing_left();
    }
}

#[test]
fn up_takes_the_ports_that_it_is_told() {
    let world = world();
    let free = || {
        let any = TcpListener::bind("127.0.0.1:0").unwrap();
        any.local_addr().unwrap().port()
    };
    let [server, temporal] = [free(), free()].map(|port| port.to_string());
    let up = || {
        let mut command =
            with_services(&world, &["up", "--runtime", "native", "--model", "replay"]);
        command.args(["--port-server", &server, "--port-temporal", &temporal]);
        command.output().unwrap()
    };
    fails(&up(), 0, &[]);
    let told = std::fs::read_to_string(world.fake().join("server.env")).unwrap();
    assert!(told.contains(&format!("GRPC_PORT={server}\n")), "{told}");
    assert!(
        told.contains(&format!("TEMPORAL_ADDRESS=127.0.0.1:{temporal}\n")),
        "{told}"
    );
    let commands = std::fs::read_to_string(world.runs().join("latest/commands.log")).unwrap();
    assert!(
        commands.contains(&format!("--port={temporal} ")),
        "{commands}"
    );
    fails(&world.xtask(&["down"]).output().unwrap(), 0, &[]);
    for (port, who) in [(&server, "the server"), (&temporal, "temporal")] {
        let taken = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
        let said = format!("{who}: port {port} is taken by ");
        fails(&up(), 40, &[&said]);
        drop(taken);
    }
    world.assert_nothing_left();
}
