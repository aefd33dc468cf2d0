//! Which crate may stand on which: the harness on itself from the ground up, the platform on its own, neither on the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;

/// Crates of the harness and what each may stand on; tests may use `rooms` too.
const HARNESS: [(&str, &[&str]); 9] = [
    // A program of its own: xtask builds it when a report is wanted.
    ("harness-report", &[]),
    ("harness-base", &[]),
    // A program of its own with a command line of its own.
    ("harness-mutants", &["harness-base"]),
    ("harness-provision", &["harness-base"]),
    ("harness-selection", &["harness-base", "harness-provision"]),
    ("harness-watch", &[]),
    // A program of its own with a command line of its own: xtask builds it when speed is measured.
    (
        "harness-bench",
        &["harness-base", "harness-provision", "harness-stack"],
    ),
    ("harness-stack", &["harness-base", "harness-provision"]),
    (
        "xtask",
        &[
            "harness-base",
            "harness-provision",
            "harness-selection",
            "harness-stack",
        ],
    ),
];

/// Small crates of the platform that others of it may share; the rest of the platform stands on these alone.
const SHARED: [&str; 8] = [
    "test-e2e-ensure",
    "otlp",
    "stigmer-api",
    "skill-archive",
    "temporal-link",
    "service-kit",
    "agent-tools",
    "rooms",
];

/// Names of a manifest's dependencies, by section.
fn dependencies(manifest: &toml::Table, section: &str) -> Vec<String> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// What breaks the rules, a line each.
fn broken(manifests: &BTreeMap<String, toml::Table>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, manifest) in manifests {
        let harness = HARNESS.iter().find(|(known, _)| known == name);
        let mut all = Vec::new();
        for section in ["dependencies", "build-dependencies"] {
            all.extend(dependencies(manifest, section));
        }
        for dependency in &all {
            let ours = manifests.contains_key(dependency);
            let allowed = match harness {
                Some((_, below)) => below.contains(&dependency.as_str()),
                None => SHARED.contains(&dependency.as_str()),
            };
            if ours && !allowed {
                found.push(format!("{name} stands on {dependency}"));
            }
            let reads = ["xtask", "harness-bench", "harness-mutants"].contains(&name.as_str());
            if harness.is_some() && !reads && dependency == "clap" {
                found.push(format!("{name} reads a command line"));
            }
        }
        if harness.is_some() {
            let tests = dependencies(manifest, "dev-dependencies").into_iter();
            let others = tests.filter(|it| manifests.contains_key(it) && it != "rooms");
            found.extend(others.map(|it| format!("{name} is tested with {it}")));
        }
    }
    found
}

/// The manifests of the workspace, by package.
fn manifests() -> BTreeMap<String, toml::Table> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![root.join("xtask"), root.join("test-e2e")];
    for parent in ["crates", "harness"] {
        let entries = std::fs::read_dir(root.join(parent)).unwrap();
        folders.extend(entries.map(|entry| entry.unwrap().path()));
    }
    let read = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        let table: toml::Table = toml::from_str(&text).unwrap();
        let name = table["package"]["name"].as_str()?.to_owned();
        Some((name, table))
    };
    folders.iter().filter_map(|folder| read(folder)).collect()
}

#[test]
fn no_crate_stands_on_one_that_it_may_not() {
    let all = manifests();
    for (name, _) in HARNESS {
        assert!(all.contains_key(name), "{name} is not there");
    }
    assert_eq!(broken(&all), Vec::<String>::new());
}

#[test]
fn every_rule_bites() {
    let changes = [
        (
            "harness-base",
            "dependencies",
            "harness-stack",
            "harness-base stands on harness-stack",
        ),
        (
            "harness-provision",
            "dependencies",
            "stigmer-api",
            "harness-provision stands on stigmer-api",
        ),
        (
            "harness-stack",
            "dependencies",
            "clap",
            "harness-stack reads a command line",
        ),
        (
            "xtask",
            "dependencies",
            "stigmer-server",
            "xtask stands on stigmer-server",
        ),
        (
            "xtask",
            "dev-dependencies",
            "stigmer-api",
            "xtask is tested with stigmer-api",
        ),
        (
            "stigmer-cli",
            "dependencies",
            "harness-base",
            "stigmer-cli stands on harness-base",
        ),
        (
            "agent-runner",
            "build-dependencies",
            "stigmer-server",
            "agent-runner stands on stigmer-server",
        ),
    ];
    for (name, section, dependency, rule) in changes {
        let mut all = manifests();
        let manifest = all.get_mut(name).unwrap();
        let table = manifest
            .entry(section)
            .or_insert_with(|| toml::Table::new().into());
        let table = table.as_table_mut().unwrap();
        table.insert(dependency.into(), "1".into());
        let found = broken(&all);
        assert!(found.contains(&rule.to_owned()), "{rule}: {found:?}");
    }
}
