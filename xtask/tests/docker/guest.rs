//! Parts of somebody else's build in real containers: our images, as if they were.

use crate::docker_world::Contained;
use crate::support::text_of;
use std::path::Path;

const OWN: &str = r#"python3 - <<'END'
import json, os, socket
at = json.load(open(os.environ["E2E_STACK"]))["control"]
host, port = at["address"].split(":")
stream = socket.create_connection((host, int(port))).makefile("rw")
def ask(**request):
    stream.write(json.dumps({"token": at["token"], **request}) + "\n")
    stream.flush()
    answer = json.loads(stream.readline())
    return answer["ok"]
queue = {"TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE": "mine"}
server = ask(op="start", service="server", env=queue)
runner = ask(op="start", service="runner", env={**queue, "STIGMER_BACKEND_ENDPOINT": server["endpoint"]})
for one in (server, runner):
    assert ask(op="kill", instance=one["instance"])["signal"] == 9
    assert ask(op="restart", instance=one["instance"])["instance"] == one["instance"]
END"#;

#[test]
#[ignore = "needs Docker and the images: cargo xtask ci runs it"]
fn described_parts_stand_beside_composes_containers() {
    let stack = Contained::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let ours = std::fs::read_to_string(root.join("parts/ours.toml")).unwrap();
    let path = stack.world.root().join("p.toml");
    let phase2 = |parts: &str| {
        std::fs::write(&path, parts).unwrap();
        let mut command = stack.phase2(OWN);
        command.arg("--parts").arg(&path);
        for part in ["SERVER", "RUNNER", "GATEWAY"] {
            command.env_remove(format!("E2E_{part}_BIN"));
        }
        command.output().unwrap()
    };
    // Who asks by `grpc` does so with a binary of the workspace, which is not built here.
    let inside = ours
        .replace("target/debug/", "/")
        .replace("ready = \"grpc\"", "ready = \"port\"");
    let output = phase2(&inside);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("p.toml:4: the server has no image"), "{text}");

    let parts = [
        ("server", "SERVER"),
        ("runner", "RUNNER_E2E"),
        ("gateway", "GATEWAY"),
    ];
    // Whoever is asked from inside and whoever is not.
    let mut with_images = inside;
    for (part, image) in parts {
        let table = format!("[parts.{part}]\n");
        let image = format!("{table}image = \"{}\"\n", stack.image_of(image));
        with_images = with_images.replace(&table, &image);
    }
    for ready in ["port", "health"] {
        let parts = with_images.replace(
            "serve\"]\nready = \"port\"",
            &format!("serve\"]\nready = \"{ready}\""),
        );
        let output = phase2(&parts);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("runner of"), "{text}");
        stack.assert_nothing_left(&stack.run_id());
    }

    let absent = with_images.replace(stack.image_of("SERVER"), "no/such:1");
    let output = phase2(&absent);
    let text = text_of(&output);
    assert_ne!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("p.toml:5: start server"), "{text}");
    stack.assert_nothing_left(&stack.run_id());
}
