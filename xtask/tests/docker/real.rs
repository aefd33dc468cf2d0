//! A real Docker Engine: every way a run in containers can end, and what it leaves, which is nothing.

use crate::docker_world::{Contained, SERVICES, container, docker};
use crate::support::played::behind_a_key;
use crate::support::{send, text_of, wait_for};
use nix::sys::signal::Signal;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_signal_during_start_ends_everything() {
    let stack = Contained::new();
    let child = stack.phase2("true").spawn().unwrap();
    // The network is the first thing that a run makes, a container the next.
    for things in 1..3 {
        wait_for(|| stack.left(&stack.run_id()).len() >= things);
    }
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    stack.assert_nothing_left(&stack.run_id());
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_signal_during_the_tests_lets_them_end() {
    let stack = Contained::new();
    let script = "trap 'echo told > $E2E_FAKE/told' INT; echo $$ > $E2E_FAKE/tests.pid; \
                  while [ ! -e $E2E_FAKE/told ]; do sleep 0.05; done; echo ended > $E2E_FAKE/ended";
    let child = stack.phase2(script).spawn().unwrap();
    wait_for(|| stack.world.pid("tests").is_some());
    send(child.id(), Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(stack.world.fake().join("ended").exists(), "{text}");
    stack.assert_nothing_left(&stack.run_id());
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_service_that_is_killed_is_named_at_once() {
    let stack = Contained::new();
    for service in SERVICES {
        // Whoever is not told that it died waits here for longer than this test does.
        let script = format!("docker kill {} && sleep 300", container(service));
        let began = Instant::now();
        let output = stack.phase2(&script).output().unwrap();
        let text = text_of(&output);
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{service}\n{text}"
        );
        assert_eq!(output.status.code(), Some(10), "{service}\n{text}");
        assert!(
            text.contains(&format!("{service} died during the tests with SIGKILL")),
            "{text}"
        );
        stack.assert_nothing_left(&stack.run_id());
    }
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn after_sigkill_the_next_command_sweeps_and_spares_what_is_foreign() {
    let stack = Contained::new();
    let script = "echo $$ > $E2E_FAKE/tests.pid; sleep 300";
    let mut child = stack.phase2(script).spawn().unwrap();
    wait_for(|| stack.world.pid("tests").is_some());
    let killed = stack.run_id();
    send(child.id(), Signal::SIGKILL);
    child.wait().unwrap();
    assert!(stack.left(&killed).len() > SERVICES.len());

    // One of ours that nobody remembers, and one with our name that is somebody else's.
    let theirs = format!("stigmer-e2e-{killed}-foreign");
    let first = stack.left(&killed).remove(0);
    let format = "{{index .Config.Labels \"dev.stigmer.e2e.checkout\"}}";
    let checkout = docker(&["inspect", "--format", format, &first]);
    docker(&["create", "--name", &theirs, stack.image(), "/x"]);
    let orphan = format!("stigmer-e2e-{killed}-orphan");
    let labels = [
        "dev.stigmer.e2e.run=20200101-000000-dead".to_owned(),
        format!("dev.stigmer.e2e.checkout={checkout}"),
        "dev.stigmer.e2e.owner=1/not-its-start".to_owned(),
    ];
    let mut create = vec!["create", "--name", &orphan];
    for label in &labels {
        create.extend(["--label", label]);
    }
    create.extend([stack.image(), "/x"]);
    docker(&create);

    let next = ["e2e", "phase1", "--exec", "true"];
    let output = stack.xtask(&next).output().unwrap();
    let text = text_of(&output);
    let foreign = docker(&[
        "ps",
        "--all",
        "--quiet",
        "--filter",
        &format!("name={theirs}"),
    ]);
    if !foreign.is_empty() {
        docker(&["rm", "--force", &theirs]);
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    for run in [&killed, "20200101-000000-dead"] {
        let said = format!("removed what the dead run {run} had in Docker");
        assert!(text.contains(&said), "{text}");
        stack.assert_nothing_left(run);
    }
    assert!(!foreign.is_empty(), "a foreign container is gone: {text}");
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_service_without_enough_memory_says_so() {
    let stack = Contained::new();
    let glutton = Glutton::build("model-gateway");
    let output = stack
        .phase2("true")
        .env("E2E_IMAGE_GATEWAY", &glutton.0)
        .env("E2E_MEMORY_GATEWAY", "32m")
        .output()
        .unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    let said = "since it used more memory than it may have (mem_limit in compose/compose.yaml)";
    assert!(
        text.contains("gateway died") && text.contains(said),
        "{text}"
    );
    stack.assert_nothing_left(&stack.run_id());
}

/// An image whose program takes all memory at once. A real service under a low limit may live on for minutes, since the
/// kernel takes its program's pages away again and again before it ends it.
struct Glutton(String);

impl Glutton {
    fn build(program: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("glutton.rs");
        let eats = "fn main() { let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 20]); } }";
        std::fs::write(&source, eats).unwrap();
        let mut rustc = Command::new("rustc");
        rustc.args(["-C", "target-feature=+crt-static", "-o"]);
        rustc.arg(dir.path().join(program)).arg(&source);
        assert!(rustc.status().unwrap().success());
        let file = format!("FROM scratch\nCOPY {program} /\n");
        std::fs::write(dir.path().join("Dockerfile"), file).unwrap();
        let name = format!("stigmer-e2e-glutton:{}", std::process::id());
        docker(&["build", "--tag", &name, dir.path().to_str().unwrap()]);
        Self(name)
    }
}

impl Drop for Glutton {
    fn drop(&mut self) {
        // A test that failed has said why already.
        let _ = Command::new("docker")
            .args(["image", "rm", &self.0])
            .output();
    }
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_kept_stack_can_be_used_again_and_ends_by_down() {
    let stack = Contained::new();
    let output = stack.phase2("true").arg("--keep").output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let kept = stack.run_id();
    assert!(stack.left(&kept).len() > SERVICES.len());
    let reuse = [
        "e2e",
        "phase2",
        "--reuse",
        "--model",
        "replay",
        "--exec",
        "cat $E2E_STACK",
    ];
    let output = stack.xtask(&reuse).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("\"runtime\": \"docker\""), "{text}");
    assert!(
        stack.left(&kept).len() > SERVICES.len(),
        "the next command took it away"
    );
    let output = stack.xtask(&["down"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    stack.assert_nothing_left(&kept);
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_run_in_containers_and_one_on_the_host_do_not_meet() {
    let stack = Contained::new();
    let script = "echo $$ > $E2E_FAKE/tests.pid; while [ ! -e $E2E_FAKE/go ]; do sleep 0.02; done";
    let contained = stack.phase2(script).spawn().unwrap();
    wait_for(|| stack.world.pid("tests").is_some());
    let run = stack.run_id();
    let native = ["e2e", "phase2", "--runtime", "native", "--model", "replay"];
    let native = [&native[..], &["--exec", "true"]].concat();
    let native = stack.xtask(&native).output().unwrap();
    assert_eq!(native.status.code(), Some(0), "{}", text_of(&native));
    assert!(stack.left(&run).len() > SERVICES.len());
    std::fs::write(stack.world.fake().join("go"), "").unwrap();
    let contained = contained.wait_with_output().unwrap();
    assert_eq!(contained.status.code(), Some(0), "{}", text_of(&contained));
    stack.assert_nothing_left(&run);
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn containers_have_nothing_of_the_users_shell_and_ask_no_proxy_for_each_other() {
    const CANARY: &str = "canary-of-the-user-7f3a";
    let stack = Contained::new();
    // What Docker's client would put into every container, to nobody who answers.
    let config = stack.world.fake().join("config");
    std::fs::create_dir(&config).unwrap();
    let proxies = r#"{"proxies":{"default":{"httpProxy":"http://127.0.0.1:9","httpsProxy":"http://127.0.0.1:9"}}}"#;
    std::fs::write(config.join("config.json"), proxies).unwrap();
    let all = "docker ps --quiet --filter label=dev.stigmer.e2e.run=$(basename $(dirname $(dirname $E2E_STACK)))";
    // The runner has found Temporal through all this; its own client asks the gateway, which has no model and says so.
    let script = format!(
        "docker inspect $({all}) > $E2E_FAKE/inspected; \
         docker exec {} /agent-runner healthcheck --model > $E2E_FAKE/model 2>&1; true",
        container("runner")
    );
    let mut command = stack.phase2(&script);
    for name in [
        "TEMPORAL_API_KEY",
        "TEMPORAL_TLS_KEY",
        "STIGMER_LLM_API_KEY",
        "STIGMER_RUNNER_KEY",
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
    ] {
        command.env(name, CANARY);
    }
    let output = command.env("DOCKER_CONFIG", &config).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    let read = |name: &str| std::fs::read_to_string(stack.world.fake().join(name)).unwrap();
    let inspected = read("inspected");
    assert!(
        inspected.contains("http://127.0.0.1:9"),
        "the client put none in"
    );
    assert!(!inspected.contains(CANARY));
    let said = read("model");
    assert!(!said.contains("127.0.0.1:9"), "{said}");
    stack.assert_nothing_left(&stack.run_id());
}

/// An execution on the live model, then the histories of all workflows and what the engine knows of all containers.
const RUN_AND_INSPECT: &str = r#"
set -e
run=$(basename $(dirname $(dirname $E2E_STACK)))
said() { sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" $E2E_STACK | head -n 1; }
export STIGMER_SERVER_ADDR=$(said server)
mkdir -p $E2E_FAKE/project/agents
echo 'name: canary' > $E2E_FAKE/project/Stigmer.yaml
cat > $E2E_FAKE/project/agents/greeter.yaml <<END
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata: {name: greeter}
spec: {instructions: You greet whoever comes.}
END
$(said stigmer) apply --config $E2E_FAKE/project
$(said stigmer) run greeter --message Hello > $E2E_FAKE/answer
$(said cli) workflow list --address $(said address) --output json > $E2E_FAKE/workflows
for id in $(sed -n 's/.*"workflowId": "\(.*\)".*/\1/p' $E2E_FAKE/workflows); do
    $(said cli) workflow show --address $(said address) --workflow-id $id --output json
done > $E2E_FAKE/histories
docker inspect $(docker ps --quiet --filter label=dev.stigmer.e2e.run=$run) > $E2E_FAKE/inspected
docker volume inspect $(docker volume ls --quiet --filter label=dev.stigmer.e2e.run=$run) >> $E2E_FAKE/inspected
"#;

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_models_key_is_in_no_inspection_no_history_and_no_file() {
    const CANARY: &str = "canary-of-the-model-5b1e";
    let (stack, model) = (Contained::new(), behind_a_key(CANARY));
    let url = format!("http://{}/v1", model.address);
    let args = ["e2e", "phase2", "--runtime", "docker", "--model-url", &url];
    let mut command = stack.xtask(&args);
    command.args(["--exec", RUN_AND_INSPECT]);
    let output = command.env("STIGMER_LLM_API_KEY", CANARY).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let read = |name: &str| std::fs::read_to_string(stack.world.fake().join(name)).unwrap();
    // It was needed, or there would be nothing to hide.
    assert!(read("answer").contains("Hello."), "{}", read("answer"));
    let histories = read("histories");
    assert!(
        histories.contains("EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"),
        "{histories}"
    );
    let inspected = read("inspected");
    assert!(
        inspected.contains("STIGMER_LLM_API_KEY_FILE=/run/keys/"),
        "{inspected}"
    );
    for (place, said) in [
        ("the output", &text),
        ("a history", &histories),
        ("an inspection", &inspected),
    ] {
        assert!(!said.contains(CANARY), "it is in {place}");
    }
    // The runner's own key is made for the run: nobody but it and the server have it.
    assert!(!inspected.contains("STIGMER_RUNNER_KEY="), "{inspected}");
    stack.world.assert_no_run_has(CANARY);
    stack.assert_nothing_left(&stack.run_id());
}
