//! Engines of all kinds, as they describe themselves.

use super::*;
use serde_json::json;

fn engine(server: Value, info: Value) -> Engine {
    let version = json!({"Client": {"Version": "28.2.2"}, "Server": server});
    Engine::parse(&version.to_string(), &info.to_string()).unwrap()
}

#[test]
fn who_answers() {
    let plain = json!({"Version": "20.10.24", "Components": [{"Name": "Engine"}]});
    let podman = json!({"Version": "5.1.0", "Components": [{"Name": "Podman Engine"}]});
    let cases = [
        (
            plain.clone(),
            json!({"OperatingSystem": "Debian 12"}),
            "Docker Engine 20.10.24 on Debian 12, client 28.2.2",
        ),
        (
            plain.clone(),
            json!({"OperatingSystem": "Ubuntu", "SecurityOptions": ["name=seccomp", "name=rootless"]}),
            "Docker Engine 20.10.24, rootless, on Ubuntu, client 28.2.2",
        ),
        (
            plain,
            json!({"OperatingSystem": "Docker Desktop"}),
            "Docker Desktop with engine 20.10.24, client 28.2.2",
        ),
        (
            podman,
            json!({"OperatingSystem": "fedora", "SecurityOptions": ["name=rootless"]}),
            "Podman 5.1.0 on fedora (the tests are run on Docker Engine only), client 28.2.2",
        ),
    ];
    for (server, info, expected) in cases {
        assert_eq!(engine(server, info).answers().unwrap(), expected);
    }
    let (why, mend) = engine(Value::Null, json!({})).answers().unwrap_err();
    assert!(
        why.contains("no daemon") && mend.contains("podman.socket"),
        "{why}, {mend}"
    );
}

#[test]
fn builders() {
    let with = |plugins: Value| engine(json!({}), json!({"ClientInfo": {"Plugins": plugins}}));
    let buildx = with(json!([{"Name": "compose"}, {"Name": "buildx", "Version": "v0.24"}]));
    assert_eq!(buildx.builder(None).unwrap(), "BuildKit by buildx v0.24");
    assert_eq!(
        buildx.builder(Some("0")).unwrap(),
        "classic, by DOCKER_BUILDKIT=0"
    );
    for plugins in [json!([]), Value::Null] {
        assert!(
            with(plugins.clone())
                .builder(None)
                .unwrap()
                .starts_with("classic")
        );
        assert!(
            with(plugins)
                .builder(Some("1"))
                .unwrap_err()
                .1
                .starts_with("unset")
        );
    }
}

#[test]
fn machines() {
    let of = |info: Value| engine(json!({"Version": "1"}), info);
    assert_eq!(
        of(json!({"MemTotal": 25_276_510_208_u64}))
            .memory()
            .unwrap(),
        "25.3 GB"
    );
    let (why, mend) =
        of(json!({"MemTotal": 1_900_000_000_u64, "OperatingSystem": "Docker Desktop"}))
            .memory()
            .unwrap_err();
    assert_eq!(why, "1.9 GB, 2 GB should be there");
    assert!(mend.starts_with("Docker Desktop"), "{mend}");
    assert!(of(json!({"MemTotal": 0})).memory().is_ok());

    assert_eq!(
        of(json!({"Architecture": "arm64"}))
            .architecture("aarch64")
            .unwrap(),
        "linux aarch64"
    );
    assert!(
        of(json!({"Architecture": "aarch64"}))
            .architecture("x86_64")
            .is_err()
    );
    assert!(
        of(json!({"OSType": "windows", "Architecture": "x86_64"}))
            .architecture("x86_64")
            .is_err()
    );

    let here = of(json!({"DockerRootDir": "/var/lib/docker"}));
    assert_eq!(here.root("").is_some(), cfg!(target_os = "linux"));
    assert_eq!(here.root("tcp://build.example:2376"), None);
    let desktop =
        of(json!({"DockerRootDir": "/var/lib/docker", "OperatingSystem": "Docker Desktop"}));
    assert_eq!(desktop.root(""), None);
    assert!(disk(Some(4_000), "/d").is_ok() && disk(None, "/d").is_ok());
    assert!(disk(Some(3_999), "/d").unwrap_err().1.contains("prune"));
}
