//! How server, runner and tests are told of Temporal, and connect to it: a dev server, a cluster or
//! Temporal Cloud. Also the names that both sides of a started workflow agree on.

mod args;
mod connect;

pub use args::TemporalArgs;

/// The workflow that runs one execution.
pub const WORKFLOW_TYPE: &str = "stigmer/agent-execution/invoke";

/// The id of the workflow that runs execution `id`.
pub fn workflow_id(id: &str) -> String {
    format!("{WORKFLOW_TYPE}/{id}")
}

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &["args.rs", "connect.rs", "lib.rs"];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
