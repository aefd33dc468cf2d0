//! What `compose/compose.yaml` must never say. The rules are tested on the file itself and on files that break them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::docker::labels;
use serde_json::{Map, Value};

const OURS: &str = include_str!("../../../../compose/compose.yaml");

/// Every rule that a file breaks, as `service: what`.
fn broken(text: &str) -> Vec<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let mut found = Vec::new();
    for (name, service) in file["services"].as_object().unwrap() {
        let service = merged(service.as_object().unwrap());
        let mut say = |what: &str| found.push(format!("{name}: {what}"));
        for port in list(&service, "ports") {
            // Three parts: loopback, nothing (Docker chooses), the container's own.
            let parts: Vec<&str> = port.split(':').collect();
            if !matches!(parts[..], ["127.0.0.1", "", _]) {
                say("publishes a port that is not on loopback, or not free");
            }
        }
        if service.contains_key("container_name") {
            say("has a container name");
        }
        let image = service
            .get("image")
            .and_then(Value::as_str)
            .unwrap_or_default();
        // Ours come by variable, whose value is a hash of the inputs; others by digest.
        if !(image.starts_with("${E2E_IMAGE_") || image.contains("@sha256:")) {
            say("has an image that is not pinned");
        }
        let test = &service.get("healthcheck").unwrap_or(&Value::Null)["test"];
        if test[0] != "CMD"
            || !test[1]
                .as_str()
                .is_some_and(|program| program.starts_with('/'))
        {
            say("has no health check by its own binary");
        }
        let user = service.get("user").and_then(Value::as_str).unwrap_or("0");
        if user.split(':').any(|id| id == "0" || id == "root") {
            say("runs as root");
        }
        if service.get("read_only") != Some(&Value::Bool(true)) {
            say("has a writable root");
        }
        if service.get("privileged") == Some(&Value::Bool(true))
            || !list(&service, "cap_add").is_empty()
        {
            say("is privileged");
        }
        if list(&service, "cap_drop") != ["ALL"] {
            say("keeps capabilities");
        }
        if !list(&service, "security_opt").contains(&"no-new-privileges:true".to_owned()) {
            say("may gain privileges");
        }
        if !(service.contains_key("mem_limit") && service.contains_key("pids_limit")) {
            say("is not bounded");
        }
        if list(&service, "volumes")
            .iter()
            .any(|volume| volume.contains("docker.sock"))
        {
            say("has Docker's socket");
        }
        if list(&service, "volumes")
            .iter()
            .any(|volume| volume.starts_with(['/', '.', '~']))
        {
            say("mounts this host's files");
        }
        if service.get("network_mode").is_some() {
            say("leaves the run's network");
        }
        let labels = service.get("labels").and_then(Value::as_object);
        for label in [labels::RUN, labels::CHECKOUT, labels::OWNER] {
            if !labels.is_some_and(|labels| labels.contains_key(label)) {
                say(&format!("has no label {label}"));
            }
        }
    }
    found
}

/// A mapping with its `<<` resolved.
fn merged(service: &Map<String, Value>) -> Map<String, Value> {
    let mut all = service
        .get("<<")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    all.extend(
        service
            .iter()
            .filter(|(key, _)| *key != "<<")
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    all
}

fn list(service: &Map<String, Value>, key: &str) -> Vec<String> {
    let items = service.get(key).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .map(|item| {
            item.as_str()
                .map_or_else(|| item.to_string(), str::to_owned)
        })
        .collect()
}

#[test]
fn our_file_keeps_every_rule() {
    assert_eq!(broken(OURS), Vec::<String>::new());
    let file: Value = serde_saphyr::from_str(OURS).unwrap();
    assert_eq!(file["services"].as_object().unwrap().len(), 5);
}

#[test]
fn every_rule_bites() {
    let breaks = [
        (
            "127.0.0.1::7234",
            "0.0.0.0::7234",
            "server: publishes a port that is not on loopback, or not free",
        ),
        (
            "127.0.0.1::7234",
            "127.0.0.1:7234:7234",
            "server: publishes a port that is not on loopback, or not free",
        ),
        (
            "127.0.0.1::7234",
            "7234",
            "server: publishes a port that is not on loopback, or not free",
        ),
        (
            "    entrypoint: [/stigmer-server]\n",
            "    container_name: x\n",
            "server: has a container name",
        ),
        (
            "${E2E_IMAGE_SERVER:?run cargo xtask images}",
            "server:latest",
            "server: has an image that is not pinned",
        ),
        (
            "test: [CMD, /stigmer-server, ",
            "test: [CMD-SHELL, curl, ",
            "server: has no health check by its own binary",
        ),
        (
            "user: \"65532:65532\"",
            "user: \"0:0\"",
            "server: runs as root",
        ),
        ("  user: \"65532:65532\"\n", "", "server: runs as root"),
        ("  read_only: true\n", "", "server: has a writable root"),
        (
            "  read_only: true\n",
            "  read_only: true\n  privileged: true\n",
            "server: is privileged",
        ),
        (
            "cap_drop: [ALL]",
            "cap_drop: [NET_RAW]",
            "server: keeps capabilities",
        ),
        (
            "no-new-privileges:true",
            "no-new-privileges:false",
            "server: may gain privileges",
        ),
        (
            "    mem_limit: ${E2E_MEMORY_SERVER:-512m}\n",
            "",
            "server: is not bounded",
        ),
        (
            "\"data:/data\"",
            "\"/var/run/docker.sock:/s\"",
            "server: has Docker's socket",
        ),
        (
            "\"data:/data\"",
            "\"/etc:/data\"",
            "server: mounts this host's files",
        ),
        (
            "    ports: [\"127.0.0.1::7234\"]\n",
            "    network_mode: host\n",
            "server: leaves the run's network",
        ),
        (
            "dev.stigmer.e2e.owner",
            "other",
            "server: has no label dev.stigmer.e2e.owner",
        ),
    ];
    for (from, to, rule) in breaks {
        assert!(OURS.contains(from), "{from}");
        let found = broken(&OURS.replace(from, to));
        assert!(found.contains(&rule.to_owned()), "{to:?} breaks {found:?}");
    }
}

#[test]
fn dynamic_configuration_is_the_native_one() {
    let native =
        crate::stack::temporal::serve(std::path::Path::new("t"), 1, std::path::Path::new("/h"));
    let ours = native
        .args
        .windows(2)
        .filter(|pair| pair[0] == "--dynamic-config-value");
    for pair in ours {
        assert!(
            OURS.contains(&format!("--dynamic-config-value={}", pair[1])),
            "{}",
            pair[1]
        );
    }
}
