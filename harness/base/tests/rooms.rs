//! The files of this crate in a line, the ground first: none imports a later one.

const ROOMS: &[&str] = &[
    "print.rs",
    "artifacts.rs",
    "cargo.rs",
    "config/images.rs",
    "exit.rs",
    "config.rs",
    "process/inherit.rs",
    "process/command.rs",
    "process/current_exe.rs",
    "process/exit.rs",
    "process/ident.rs",
    "process/query.rs",
    "process/spawn.rs",
    "process/tail.rs",
    "process/run_to_end.rs",
    "process/mod.rs",
    "random.rs",
    "fingerprint.rs",
    "run/clock.rs",
    "run/info.rs",
    "docker/labels.rs",
    "docker/explain.rs",
    "docker/client.rs",
    "docker/mod.rs",
    "phases.rs",
    "run/leaks.rs",
    "run/mod.rs",
    "run/sweep.rs",
    "docker/leftovers.rs",
    "signals.rs",
    "context.rs",
    "lock.rs",
    "user_dir.rs",
    "lib.rs",
];

#[test]
fn no_file_imports_a_later_one() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
}
