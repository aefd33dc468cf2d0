//! `cargo xtask timings`: how long things took in the kept runs.

use harness_base::{Code, runs_dir};
use harness_selection::history::History;
use std::path::Path;

/// Prints the table.
pub fn run(root: &Path) -> Code {
    println!("{}", History::of(&runs_dir(root)).table());
    Code::Passed
}
