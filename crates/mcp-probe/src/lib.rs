//! An MCP server for tests of agents: each tool shows one thing that reaches a server, or goes wrong in one way.

pub mod config;
pub mod notes;
pub mod odd;
pub mod oddity;
pub mod serve;
mod specs;
pub mod tools;

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "oddity.rs",
        "odd.rs",
        "config.rs",
        "notes.rs",
        "specs.rs",
        "tools.rs",
        "serve.rs",
        "lib.rs",
        "main.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
