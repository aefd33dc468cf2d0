//! What a part of somebody else's is told, as a process and in a container.

use super::*;
use crate::wiring::RunnerModel;
use harness_base::parts::Parts;
use harness_provision::GatewayMode;

const PARTS: &str = r#"
[parts.server]
command = ["bin/srv", "--at={address}"]
ready = "workflows"
queue = "theirs"
keys.runner = "KEY"
env.DB = "{data}/db"
env.TEMPORAL = "{temporal}"
[parts.runner]
command = ["python", "main.py"]
folder = "theirs"
ready = "activities"
keys.model = "MODEL_KEY"
[parts.runner.env]
BACKEND = "{server}"
MODEL = "{model_url}"
MODEL_KEY = "none"
QUEUE = "{task_queue}"
[parts.gateway]
command = ["gw", "serve"]
ready = "health"
[parts.gateway.env]
PORT = "{port}"
UPSTREAM = "{model_url}"
EXCHANGES = "{exchanges}"
"#;

fn parts() -> Parts {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    std::fs::write(&path, PARTS).unwrap();
    let mut parts = Parts::default();
    parts.settle(Some(&path)).unwrap();
    parts
}

fn wiring(key: Option<&str>) -> Wiring {
    let model = RunnerModel {
        name: "m".into(),
        key: key.map(str::to_owned),
    };
    let wiring = Wiring::whole("runner-key".into(), model, GatewayMode::Replay, 24);
    wiring.set_temporal("127.0.0.1:2");
    wiring.set_server("http://127.0.0.1:1");
    wiring.set_gateway("http://127.0.0.1:4/v1");
    wiring
}

fn told(part: Part, place: Place<'_>, env: &[(&str, &str)]) -> anyhow::Result<ServiceSpec> {
    let parts = parts();
    let at = At {
        place,
        port: 7,
        root: Path::new("/w"),
        logs: Path::new("/l"),
        limit: Duration::from_secs(1),
    };
    let env: Vec<(String, String)> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    spec((part, parts.guest(part).unwrap()), &wiring(None), at, &env)
}

#[test]
fn command_lines() {
    let process = || Place::Process {
        dir: Path::new("/d"),
        port: 0,
    };
    let echo = |part, place| told(part, place, &[]).unwrap().command.echo();
    insta::assert_snapshot!(echo(Part::Server, process()));
    insta::assert_snapshot!(echo(Part::Server, Place::Container));
    insta::assert_snapshot!(echo(Part::Runner, process()));
    insta::assert_snapshot!(echo(Part::Gateway, process()));
    insta::assert_snapshot!(echo(Part::Gateway, Place::Container));
}

#[test]
fn a_folder_is_relative_to_the_checkout() {
    let process = Place::Process {
        dir: Path::new("/d"),
        port: 0,
    };
    for (place, folder) in [(process, "/w/theirs"), (Place::Container, "theirs")] {
        let cwd = told(Part::Runner, place, &[]).unwrap().command.cwd;
        assert_eq!(cwd.as_deref(), Some(Path::new(folder)));
    }
}

#[test]
fn when_they_are_ready() {
    let health = |part| told(part, Place::Container, &[]).unwrap().health;
    let queue = |name: &str, kind| Queue {
        name: name.into(),
        namespace: NAMESPACE.into(),
        kind,
    };
    assert_eq!(
        health(Part::Server),
        Health::Polls(queue("theirs", "workflow"))
    );
    assert_eq!(
        health(Part::Runner),
        Health::Polls(queue(TASK_QUEUE, "activity"))
    );
    let asked = ["healthcheck", "--address", "127.0.0.1:7"].map(str::to_owned);
    assert_eq!(health(Part::Gateway), Health::Asked(asked.into()));
}

#[test]
fn a_test_tells_an_instance_of_its_own_by_our_names() {
    let env = [
        ("TEMPORAL_AGENT_EXECUTION_RUNNER_TASK_QUEUE", "mine"),
        ("STIGMER_BACKEND_ENDPOINT", "http://127.0.0.1:9"),
        ("STIGMER_LLM_BASE_URL", "http://127.0.0.1:8/v1"),
        ("STIGMER_LLM_API_KEY", "k"),
        ("OTHER", "o"),
    ];
    let spec = told(Part::Runner, Place::Container, &env).unwrap();
    let value = |name: &str| {
        let mut all = spec.command.env.iter();
        all.rfind(|var| var.name == name)
            .map(|var| var.value.as_str())
    };
    assert_eq!(value("QUEUE"), Some("mine"));
    assert_eq!(value("BACKEND"), Some("127.0.0.1:9"));
    assert_eq!(value("MODEL"), Some("http://127.0.0.1:8/v1"));
    assert_eq!((value("MODEL_KEY"), value("OTHER")), (Some("k"), Some("o")));
    assert_eq!(value("STIGMER_LLM_API_KEY"), None);
    let Health::Polls(queue) = &spec.health else {
        panic!("{:?}", spec.health)
    };
    assert_eq!(queue.name, "mine");
    for (part, name, what) in [
        (Part::Server, "TEMPORAL_NAMESPACE", "says {namespace}"),
        (Part::Runner, "STIGMER_RUNNER_KEY", "names it in `keys`"),
    ] {
        let why = told(part, Place::Container, &[(name, "x")]).unwrap_err();
        let why = why.to_string();
        assert!(
            why.contains(&format!("cannot be told {name}")) && why.ends_with(what),
            "{why}"
        );
    }
}
