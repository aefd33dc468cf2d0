//! A kept stack in a real Docker Engine: an image that changed, one service changed by hand, a network that is cut.

use crate::docker_world::{Contained, docker};
use crate::support::text_of;
use serde_json::Value;
use std::process::Command;

const AGENT: &str = "apiVersion: agentic.stigmer.ai/v1\nkind: Agent\nmetadata:\n  name: kept\nspec:\n  instructions: Stay here.\n";

const REUSE: [&str; 7] = [
    "e2e", "phase2", "--reuse", "--model", "replay", "--exec", "true",
];

/// Ends what a test kept, whatever becomes of the test.
struct Kept(Contained);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.xtask(&["down"]).output();
    }
}

impl Kept {
    fn new() -> Self {
        let kept = Self(Contained::new());
        kept.passes(kept.0.phase2("true").arg("--keep"));
        kept
    }

    fn passes(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        text
    }

    fn xtask(&self, args: &[&str]) -> String {
        self.passes(&mut self.0.xtask(args))
    }

    fn service(&self, name: &str) -> Value {
        let output = self.0.xtask(&["status", "--json"]).output().unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        let services = status["stacks"][0]["services"].as_array().unwrap().clone();
        services.into_iter().find(|it| it["name"] == name).unwrap()
    }

    /// What the engine says of a service's container.
    fn inspect(&self, name: &str, format: &str) -> String {
        let container = self.service(name)["container"].as_str().unwrap().to_owned();
        docker(&["inspect", "--format", format, &container])
    }

    /// The CLI, on the server where it is now.
    fn stigmer(&self, args: &[&str]) -> String {
        let mut command = self.0.stigmer();
        let at = self.service("server")["address"]
            .as_str()
            .unwrap()
            .to_owned();
        // Where there is a project, it is that of the tests.
        let project = self.0.world.fake().join("project");
        if project.is_dir() {
            command.current_dir(project);
        }
        self.passes(command.args(args).env("STIGMER_SERVER_ADDR", at))
    }
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn a_changed_image_is_taken_and_what_is_stored_stays() {
    let kept = Kept::new();
    let project = kept.0.world.fake().join("project");
    std::fs::create_dir_all(project.join("agents")).unwrap();
    std::fs::write(project.join("Stigmer.yaml"), "name: e2e\n").unwrap();
    std::fs::write(project.join("agents/kept.yaml"), AGENT).unwrap();
    kept.stigmer(&["apply"]);
    let (server, runner) = (
        kept.inspect("server", "{{.Id}}"),
        kept.inspect("runner", "{{.Id}}"),
    );
    let image = kept
        .0
        .tagged("E2E_IMAGE_SERVER", "stigmer-e2e-test/server:other");

    let reuse = [
        "e2e",
        "phase2",
        "--reuse=as-is",
        "--model",
        "replay",
        "--exec",
        "true",
    ];
    let text = kept.passes(kept.0.xtask(&reuse).env("E2E_IMAGE_SERVER", &image));
    assert!(
        text.contains("AS IT IS: server: its image changed, "),
        "{text}"
    );
    assert_eq!(kept.inspect("server", "{{.Id}}"), server);

    // Also where the old one has ended.
    kept.xtask(&["kill", "server"]);
    let text = kept.passes(kept.0.xtask(&REUSE).env("E2E_IMAGE_SERVER", &image));
    docker(&["rmi", "--no-prune", &image]);
    assert!(text.contains("server: its image changed, "), "{text}");
    assert!(text.contains("-> other; started again"), "{text}");
    assert_eq!(kept.inspect("server", "{{.Config.Image}}"), image);
    assert_eq!(kept.inspect("runner", "{{.Id}}"), runner);
    let agents = kept.stigmer(&["get", "agents"]);
    assert!(agents.contains("kept"), "{agents}");
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn one_container_is_changed_by_hand() {
    let kept = Kept::new();
    kept.xtask(&["pause", "server"]);
    assert_eq!(kept.inspect("server", "{{.State.Paused}}"), "true");
    assert_eq!(kept.service("server")["state"], "paused");
    kept.xtask(&["resume", "server"]);
    assert_eq!(kept.service("server")["state"], "running");
    kept.xtask(&["kill", "server"]);
    assert_eq!(kept.service("server")["state"], "gone");
    kept.xtask(&["start", "server"]);
    kept.xtask(&["wait", "--seconds", "20"]);
    kept.stigmer(&["get", "agents"]);

    let networks = "{{len .NetworkSettings.Networks}}";
    kept.xtask(&["network", "cut", "server"]);
    assert_eq!(kept.inspect("server", networks), "0");
    kept.xtask(&["network", "heal", "server"]);
    assert_eq!(kept.inspect("server", networks), "1");
    kept.stigmer(&["get", "agents"]);
    // The others find it by its name again.
    kept.xtask(&REUSE);
    let run = kept.0.run_id_of_kept();
    kept.xtask(&["pause", "runner"]);
    kept.xtask(&["down"]);
    kept.0.assert_nothing_left(&run);
}

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn an_image_that_does_not_start_leaves_a_stack_that_can_be_mended() {
    let kept = Kept::new();
    let image = kept
        .0
        .tagged("E2E_IMAGE_MCP", "stigmer-e2e-test/server:wrong");
    let mut wrong = kept.0.xtask(&REUSE);
    let output = wrong.env("E2E_IMAGE_SERVER", &image).output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(40), "{text}");
    assert!(text.contains("stigmer-server"), "{text}");
    assert_eq!(kept.service("server")["state"], "gone");
    let text = kept.xtask(&REUSE);
    docker(&["rmi", "--no-prune", &image]);
    assert!(text.contains("server: "), "{text}");
    assert_eq!(kept.service("server")["state"], "running");
    kept.stigmer(&["get", "agents"]);
}
