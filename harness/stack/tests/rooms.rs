//! The files of this crate in a line, the ground first: none imports a later one.

const ROOMS: &[&str] = &[
    "services/mod.rs",
    "compose/container.rs",
    "compose/client.rs",
    "relay.rs",
    "compose/host_proxy.rs",
    "compose/containers.rs",
    "handle.rs",
    "lease.rs",
    "ready.rs",
    "stack.rs",
    "file.rs",
    "service.rs",
    "wiring.rs",
    "services/runner.rs",
    "compose/keys.rs",
    "compose/container_spec.rs",
    "compose/rewrite_env.rs",
    "compose/test_instance.rs",
    "services/gateway.rs",
    "services/mcp.rs",
    "services/model.rs",
    "services/server.rs",
    "services/temporal.rs",
    "start.rs",
    "compose/model_route.rs",
    "compose/up.rs",
    "compose/mod.rs",
    "bring_up.rs",
    "control.rs",
    "end.rs",
    "evidence.rs",
    "kept.rs",
    "external.rs",
    "lib.rs",
];

#[test]
fn no_file_imports_a_later_one() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
}
