//! The files of this crate in a line, the ground first: none imports a later one.

const ROOMS: &[&str] = &[
    "expression.rs",
    "history.rs",
    "changed.rs",
    "previous.rs",
    "stress.rs",
    "lanes.rs",
    "nextest_metadata.rs",
    "nextest.rs",
    "report/tally.rs",
    "report.rs",
    "report/summary.rs",
    "report/github.rs",
    "lib.rs",
];

#[test]
fn no_file_imports_a_later_one() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
}
