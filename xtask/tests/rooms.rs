//! The files of this crate in a line, the ground first: none imports a later one.

const ROOMS: &[&str] = &[
    "phase_choice.rs",
    "runtime.rs",
    "verbs/prereqs/docker.rs",
    "verbs/prereqs/mod.rs",
    "model_choice.rs",
    "e2e/args.rs",
    "page.rs",
    "e2e/deaths.rs",
    "e2e/failures.rs",
    "e2e/outcome.rs",
    "e2e/narrowed.rs",
    "e2e/stress.rs",
    "e2e/test_run.rs",
    "e2e/known.rs",
    "e2e/run_tests.rs",
    "e2e/phase1.rs",
    "e2e/phase2.rs",
    "e2e/order.rs",
    "e2e/verdict.rs",
    "e2e/mod.rs",
    "verbs/ci/stage.rs",
    "verbs/ci/docker.rs",
    "verbs/ci/mod.rs",
    "verbs/down.rs",
    "verbs/fault.rs",
    "verbs/images.rs",
    "verbs/logs.rs",
    "verbs/mutants.rs",
    "verbs/relay.rs",
    "verbs/report.rs",
    "verbs/service.rs",
    "verbs/status.rs",
    "verbs/timings.rs",
    "verbs/tools.rs",
    "verbs/up.rs",
    "verbs/wait.rs",
    "verbs/watch.rs",
    "verbs/mod.rs",
    "lib.rs",
    "main.rs",
];

#[test]
fn no_file_imports_a_later_one() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
}
