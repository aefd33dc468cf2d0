//! What `compose/compose.yaml` must never say. The rules are tested on the file itself and on files that break them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::container_spec::{LOG, PIDS, SCRATCH, USER, health_args, host_entry};
use super::up::wire;
use crate::service::{KEYS, Place, ServiceSpec};
use crate::services::{gateway, mcp, runner, server, temporal};
use crate::wiring::{RunnerModel, Wiring};
use harness_base::docker::labels;
use harness_base::parts::Parts;
use harness_provision::GatewayMode;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;

const OURS: &str = include_str!("../../../../compose/compose.yaml");

/// A published port without the variable by which `up` asks for one: where it is not set, Docker chooses.
fn any_port(port: &str) -> String {
    ["${E2E_PORT_SERVER:-}", "${E2E_PORT_TEMPORAL:-}"]
        .iter()
        .fold(port.to_owned(), |port, open| port.replace(open, ""))
}

/// Every rule that a file breaks, as `service: what`.
fn broken(text: &str) -> Vec<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let mut found = Vec::new();
    for (name, service) in file["services"].as_object().unwrap() {
        let service = merged(service.as_object().unwrap());
        let mut say = |what: &str| found.push(format!("{name}: {what}"));
        for port in list(&service, "ports") {
            // Three parts: loopback, nothing (Docker chooses), the container's own.
            let port = any_port(&port);
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
        let environment = service.get("environment").and_then(Value::as_object);
        for variable in environment.into_iter().flat_map(Map::keys) {
            if ["KEY", "TOKEN", "SECRET", "PASSWORD"]
                .iter()
                .any(|end| variable.ends_with(end))
            {
                say(&format!("has {variable} in its environment"));
            }
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
            "127.0.0.1:${E2E_PORT_SERVER:-}:7234",
            "0.0.0.0::7234",
            "server: publishes a port that is not on loopback, or not free",
        ),
        (
            "127.0.0.1:${E2E_PORT_SERVER:-}:7234",
            "127.0.0.1:${E2E_PORT_SERVER:-7234}:7234",
            "server: publishes a port that is not on loopback, or not free",
        ),
        (
            "127.0.0.1:${E2E_PORT_SERVER:-}:7234",
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
            "STIGMER_RUNNER_KEY_FILE: /run/keys/STIGMER_RUNNER_KEY #",
            "STIGMER_RUNNER_KEY: #",
            "server: has STIGMER_RUNNER_KEY in its environment",
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
            "    ports: [\"127.0.0.1:${E2E_PORT_SERVER:-}:7234\"]\n",
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

/// `compose.yaml`'s service as a private container of its description would be; each difference as `service: what`.
fn differences(name: &str, spec: &ServiceSpec, service: &Map<String, Value>) -> Vec<String> {
    let (mut found, needs) = (Vec::new(), &spec.container);
    let mut compare = |what: &str, ours: Value, theirs: Option<&Value>| {
        let theirs = theirs.cloned().unwrap_or(Value::Null);
        let Some((ours_by_key, theirs_by_key)) = ours.as_object().zip(theirs.as_object()) else {
            if ours != theirs {
                found.push(format!("{name}: {what} is {theirs}, described as {ours}"));
            }
            return;
        };
        // Of a long list only what differs: that is the one to read.
        let added = theirs_by_key
            .keys()
            .filter(|key| !ours_by_key.contains_key(*key));
        for key in ours_by_key.keys().chain(added) {
            let (ours, theirs) = (&ours[key], &theirs[key]);
            if ours != theirs {
                found.push(format!(
                    "{name}: {what} {key} is {theirs}, described as {ours}"
                ));
            }
        }
    };
    let program = format!("/{}", needs.program);
    let list = |items: Vec<String>| match items.is_empty() {
        true => Value::Null,
        false => json!(items),
    };
    compare("user", json!(USER), service.get("user"));
    compare("pids_limit", json!(PIDS), service.get("pids_limit"));
    compare(
        "extra_hosts",
        json!([host_entry()]),
        service.get("extra_hosts"),
    );
    let logging = json!({ "driver": "json-file", "options": { "max-size": LOG } });
    compare("logging", logging, service.get("logging"));
    compare("entrypoint", json!([program]), service.get("entrypoint"));
    let command = spec.command.args.clone();
    compare("command", list(command), service.get("command"));
    let scratch = needs.scratch.iter();
    let scratch = scratch
        .map(|folder| format!("{folder}:{SCRATCH}"))
        .collect();
    compare("tmpfs", list(scratch), service.get("tmpfs"));
    let ports = needs.publishes.iter();
    let ports = ports.map(|port| format!("127.0.0.1::{port}")).collect();
    let theirs = service.get("ports").map(|all| {
        let all = all.as_array().unwrap().iter();
        all.map(|port| any_port(port.as_str().unwrap())).collect()
    });
    compare("ports", list(ports), theirs.as_ref());
    let data = needs.keeps_data.then(|| "data:/data".to_owned());
    let keys = (!needs.keys.is_empty()).then(|| format!("{name}-keys:{KEYS}:ro"));
    let volumes = data.into_iter().chain(keys).collect();
    compare("volumes", list(volumes), service.get("volumes"));
    let init = if needs.init { json!(true) } else { Value::Null };
    compare("init", init, service.get("init"));
    let variable = format!("E2E_MEMORY_{}", name.to_uppercase());
    let memory = json!(format!("${{{variable}:-{}}}", needs.memory));
    compare("mem_limit", memory, service.get("mem_limit"));
    let mut test = vec!["CMD".to_owned(), program];
    test.extend(health_args(&spec.health));
    let theirs = service
        .get("healthcheck")
        .map(|check| check["test"].clone());
    compare("healthcheck", json!(test), theirs.as_ref());
    let theirs = service.get("environment").and_then(Value::as_object);
    let theirs = theirs.cloned().unwrap_or_default();
    let mut ours: Map<String, Value> = Map::new();
    for var in &spec.command.env {
        // What is left open in the file, or taken from its caller, is what a run decides.
        let open = theirs.get(&var.name).is_some_and(|value| {
            value.is_null() || value.as_str().is_some_and(|it| it.starts_with('$'))
        });
        let value = match theirs.get(&var.name) {
            Some(value) if open => value.clone(),
            _ => json!(var.value),
        };
        ours.insert(var.name.clone(), value);
    }
    compare(
        "environment",
        Value::Object(ours),
        Some(&Value::Object(theirs)),
    );
    found
}

/// The wiring of a run that has everything.
fn wiring() -> Wiring {
    let model = RunnerModel {
        name: "m".into(),
        key: Some("model-key".into()),
    };
    let mut wiring = Wiring::whole("runner-key".into(), model, GatewayMode::Replay, 24);
    wiring.upstream = Some("http://172.18.0.1:1/v1".into());
    wire(&wiring, &Parts::default());
    wiring
}

fn all_differences(text: &str) -> Vec<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let services = file["services"].as_object().unwrap();
    let (wiring, limit) = (wiring(), Duration::from_secs(1));
    let place = Place::Container;
    let described = [
        ("temporal", temporal::spec(place, None, limit)),
        ("server", server::spec(&wiring, place, limit)),
        ("runner", runner::spec(&wiring, place, limit).unwrap()),
        (
            "gateway",
            gateway::spec(&wiring, place, Path::new("/l"), limit),
        ),
        ("mcp", mcp::spec(place, limit)),
    ];
    let mut found: Vec<String> = services
        .keys()
        .filter(|name| !described.iter().any(|(known, _)| known == name))
        .map(|name| format!("{name}: is described nowhere"))
        .collect();
    for (name, spec) in &described {
        match services.get(*name).and_then(Value::as_object) {
            Some(service) => found.extend(differences(name, spec, &merged(service))),
            None => found.push(format!("{name}: is not there")),
        }
    }
    found
}

#[test]
fn each_service_is_as_described() {
    assert_eq!(all_differences(OURS), Vec::<String>::new());
}

#[test]
fn every_difference_is_seen() {
    let changes = [
        (
            "GRPC_PORT: \"7234\"",
            "GRPC_PORT: \"7235\"",
            "server: environment",
        ),
        ("      LOG_LEVEL: info\n", "", "server: environment"),
        ("DB_PATH: /data/", "DB_PATH: /tmp/", "server: environment"),
        (
            "{E2E_PORT_SERVER:-}:7234",
            "{E2E_PORT_SERVER:-}:7235",
            "server: ports",
        ),
        ("\"data:/data\"", "\"data:/db\"", "server: volumes"),
        (
            "runner-keys:/run/keys:ro",
            "runner-keys:/run/keys",
            "runner: volumes",
        ),
        ("init: true", "init: false", "runner: init"),
        ("- /work:uid", "- /w:uid", "runner: tmpfs"),
        ("SERVER:-512m", "SERVER:-64m", "server: mem_limit"),
        ("pids_limit: 256", "pids_limit: 16", "gateway: pids_limit"),
        (
            "host.docker.internal:host-gateway",
            "h:host-gateway",
            "mcp: extra_hosts",
        ),
        ("65532:65532\"\n", "65533:65533\"\n", "temporal: user"),
        ("max-size: 50m", "max-size: 1m", "temporal: logging"),
        (
            "history.timerProcessorMaxPollRPS=2000",
            "history.timerProcessorMaxPollRPS=20",
            "temporal: command",
        ),
        (
            "[CMD, /mcp-probe, healthcheck, --address, 127.0.0.1:8080]",
            "[CMD, /mcp-probe, healthcheck]",
            "mcp: healthcheck",
        ),
        (
            "entrypoint: [/mcp-probe]",
            "entrypoint: [/probe]",
            "mcp: entrypoint",
        ),
        ("  mcp:\n", "  tools:\n", "tools: is described nowhere"),
        ("  mcp:\n", "  tools:\n", "mcp: is not there"),
    ];
    for (from, to, rule) in changes {
        assert!(OURS.contains(from), "{from}");
        let found = all_differences(&OURS.replace(from, to));
        assert!(
            found.iter().any(|it| it.starts_with(rule)),
            "{to:?}: {found:?}"
        );
    }
}
