//! Which changes are another image, and which are not.

use super::*;

/// A checkout of five crates.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "compose/Dockerfile",
            "compose/Dockerfile.runner-e2e",
            "compose/Dockerfile.temporal",
            "compose/Dockerfile.temporal-pinned",
        ] {
            tree.write(file, "");
        }
        for (name, uses) in [
            ("agent-runner", "[dependencies]\nbase"),
            ("stigmer-server", "[dependencies]\nbase"),
            ("mcp-probe", "[dependencies]\nserde"),
            ("base", "[build-dependencies]\nmake"),
            ("make", "[dependencies]\nserde"),
        ] {
            tree.write(
                &format!("crates/{name}/Cargo.toml"),
                &format!("{uses}.workspace = true\n"),
            );
            tree.write(&format!("crates/{name}/src/lib.rs"), "");
        }
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn only_what_is_built_in_counts() {
    let tree = Tree::new();
    let write = |path: &str, text: &str| tree.write(path, text);
    let mut config: Config = toml::from_str(include_str!("../../../../../e2e.toml")).unwrap();
    let tag_of = |config: &Config, component, runner: Option<&Image>| {
        tag(tree.0.path(), config, component, runner).unwrap()
    };
    let image = |reference: String, foreign| Image {
        component: Component::Runner,
        reference,
        foreign,
        remote: false,
    };
    let tags = || {
        let [runner, server] = [Component::Runner, Component::Server]
            .map(|component| tag_of(&config, component, None));
        let base = image(format!("h:1/r:{runner}"), false);
        let e2e = tag_of(&config, Component::RunnerE2e, Some(&base));
        [runner, server, e2e]
    };
    let before = tags();
    write("crates/agent-runner/src/lib.rs", "// a line");
    let runner = tags();
    assert_ne!(before[0], runner[0]);
    assert_ne!(before[2], runner[2], "the tests' runner is made of it");
    assert_eq!(before[1], runner[1], "the server is not made of the runner");
    write("crates/mcp-probe/src/lib.rs", "// a line");
    let probe = tags();
    assert_eq!(runner[..2], probe[..2]);
    assert_ne!(runner[2], probe[2]);
    write("crates/base/src/lib.rs", "// a line");
    let both = tags();
    assert!(both[0] != runner[0] && both[1] != runner[1]);
    write("crates/base/tests/a.rs", "// a test");
    assert_eq!(tags(), both, "tests are not in an image");
    let [near, far, foreign] =
        [("r:1", false), ("h:1/p/r:1", false), ("h:1/p/r:1", true)].map(|(name, foreign)| {
            tag_of(
                &config,
                Component::RunnerE2e,
                Some(&image(name.into(), foreign)),
            )
        });
    assert_eq!(near, far, "a registry's name changes no byte");
    assert_ne!(far, foreign);
    let own = tag_of(&config, Component::Temporal, None);
    config.images.pinned.temporal = Some("a@sha256:1".into());
    assert_ne!(own, tag_of(&config, Component::Temporal, None));
}

#[test]
fn whatever_is_built_in_counts() {
    let config: Config = toml::from_str(include_str!("../../../../../e2e.toml")).unwrap();
    let tree = Tree::new();
    let now = |component| tag(tree.0.path(), &config, component, None).unwrap();
    let now = || [Component::Server, Component::Gateway, Component::Temporal].map(now);
    tree.write("crates/model-gateway/Cargo.toml", "");
    tree.write("crates/stigmer-server/proto/deep/a.proto", "");
    let mut before = now();
    // By whom it is noticed: server, gateway, Temporal.
    for (path, by) in [
        ("Cargo.lock", [true, true, false]),
        ("Cargo.toml", [true, true, false]),
        ("compose/Dockerfile", [true, true, false]),
        ("compose/Dockerfile.temporal", [false, false, true]),
        (
            "crates/stigmer-server/proto/deep/a.proto",
            [true, false, false],
        ),
        ("crates/stigmer-server/new", [true, false, false]),
        ("crates/make/src/lib.rs", [true, false, false]),
        ("crates/model-gateway/Cargo.toml", [false, true, false]),
    ] {
        tree.write(path, "# a line");
        let after = now();
        let noticed = [0, 1, 2].map(|at| before[at] != after[at]);
        assert_eq!(noticed, by, "{path}");
        before = after;
    }
    let folder = tree.0.path().join("crates/stigmer-server");
    std::fs::rename(folder.join("new"), folder.join("old")).unwrap();
    assert_ne!(now()[0], before[0], "a file has another name");
}

#[test]
fn another_temporal_is_another_image() {
    let tree = Tree::new();
    let config: Config = toml::from_str(include_str!("../../../../../e2e.toml")).unwrap();
    let now = |config: &Config| tag(tree.0.path(), config, Component::Temporal, None).unwrap();
    let changed = |change: fn(&mut harness_base::config::Tool)| {
        let mut config = config.clone();
        change(config.tools.get_mut("temporal").unwrap());
        now(&config)
    };
    let version = changed(|tool| tool.version += ".1");
    let archive = changed(|tool| tool.wheel.values_mut().for_each(|it| it.sha256 += "0"));
    assert!(version != now(&config) && archive != now(&config));
}
