//! The figures of `docs/limits.md` are the code's.

/// Rows of the tables as they begin, without commas, so that numbers stand as the code writes them.
pub(crate) fn documented(rows: &[String]) {
    let limits = include_str!("../../../docs/limits.md").replace(',', "");
    let is_there = |row: &String| limits.lines().any(|line| line.starts_with(row.as_str()));
    let missing: Vec<&String> = rows.iter().filter(|row| !is_there(row)).collect();
    assert!(missing.is_empty(), "docs/limits.md has no {missing:#?}");
}

/// How many MiB these are, with all that is left over.
pub(crate) fn mib(bytes: usize) -> String {
    in_units(bytes, 1 << 20, "MiB")
}

/// How many KiB these are.
pub(crate) fn kib(bytes: usize) -> String {
    in_units(bytes, 1 << 10, "KiB")
}

fn in_units(bytes: usize, unit: usize, name: &str) -> String {
    match bytes % unit {
        0 => format!("{} {name}", bytes / unit),
        left => format!("{} {name} and {left} bytes", bytes / unit),
    }
}

/// Those that are the contract's, which server, CLI and runner keep alike.
#[test]
fn the_figures_are_those_of_the_docs() {
    use stigmer_api::{MAX_MESSAGE, footprint::MAX_FOOTPRINT, limits};

    documented(&[
        format!("| a message sent or answered | {} |", mib(MAX_MESSAGE)),
        format!(
            "| a message once it is read in server CLI and runner | {} told from its bytes",
            mib(MAX_FOOTPRINT)
        ),
        format!("| MCP servers of an agent | {} |", limits::MCP_SERVERS),
        format!("| sub-agents of an agent | {} |", limits::SUB_AGENTS),
        format!("| references in one list | {} |", limits::REFERENCES),
        format!("| variables of a resource | {} |", limits::VARIABLES),
        format!(
            "| arguments headers tools and the like of an MCP server | {} each |",
            limits::SERVER_ENTRIES
        ),
        format!(
            "| labels annotations tags; metadata of a session | {} each |",
            limits::LABELS
        ),
        format!("| a name | {} characters |", limits::NAME),
        format!("| a version or a tag | {} characters |", limits::VERSION),
        format!(
            "| messages calls or sub-agents in a report | {} each |",
            limits::REPORTED
        ),
        format!(
            "| nesting of a tool's arguments | {} levels |",
            limits::JSON_DEPTH
        ),
        format!(
            "| users of a skill or an environment that are named when it cannot be deleted | {} |",
            limits::TOLD
        ),
    ]);
}
