//! Files that nobody wrote by hand.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn whatever_a_file_says_is_read_or_refused(
        text in r#"(\PC|[-:{}\[\]&*!|>'"%@`# \n$a]){0,200}"#
    ) {
        let folder = folder(&[("agents/a.yaml", format!("{HEAD}{text}")), ("agents/b.yaml", text)]);
        if let Err(error) = read(&folder) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// What the problems of an agent document say, and that they are found in time.
fn in_time(document: String) -> String {
    let begun = Instant::now();
    let found = problems(&[("agents/a.yaml", document)]);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    found
}

#[test]
fn twenty_thousand_keys_are_no_square() {
    let keys: Vec<String> = (0..20_000).map(|i| format!("k{i}: 1")).collect();
    let found = in_time(format!(
        "{HEAD}metadata: {{{}}}\n{INSTRUCTIONS}",
        keys.join(", ")
    ));
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[100], "and more");
}

#[test]
fn ten_thousand_documents_are_no_square() {
    let document = format!("{}---\n", agent("a"));
    let found = in_time(document.repeat(5_000));
    assert!(found.contains("is there already"), "{found}");
}

#[test]
fn so_many_servers_are_taken_and_one_more_is_refused() {
    let spec = |servers: usize| {
        let servers: Vec<String> = (0..servers)
            .map(|i| format!("{{name: s{i}, stdio: {{command: c}}}}"))
            .collect();
        let servers = servers.join(", ");
        format!(
            "{HEAD}metadata: {{name: a}}\nspec:\n  instructions: Do what is right.\n  mcpServers: [{servers}]\n"
        )
    };
    let most = crate::limits::MCP_SERVERS;
    assert!(read(&folder(&[("agents/a.yaml", spec(most))])).is_ok());
    let found = in_time(spec(most + 1));
    assert_eq!(
        found,
        "agents/a.yaml:6:15: spec.mcpServers: must have at most 128, this has 129"
    );
}

#[test]
fn a_file_has_so_many_bytes_and_no_more() {
    for (bytes, taken) in [(1_048_576, true), (1_048_577, false)] {
        let mut file = agent("a");
        file.push_str(&"#".repeat(bytes - file.len()));
        let read = read(&folder(&[("agents/a.yaml", file)]));
        assert_eq!(read.is_ok(), taken, "{bytes}: {read:?}");
    }
}

#[test]
fn values_are_nested_so_deep_and_no_deeper() {
    for (levels, deep) in [(63, false), (64, true)] {
        // The document is a level, and so is `spec`.
        let nested = "[".repeat(levels) + &"]".repeat(levels);
        let found = in_time(format!("{HEAD}metadata: {{name: a}}\nspec: {nested}\n"));
        assert_eq!(
            found.contains("nested deeper than 64"),
            deep,
            "{levels}: {found}"
        );
    }
}

#[test]
fn a_document_has_so_many_values_and_no_more() {
    // An alias counts with all that it stands for: a list of a thousand, and itself.
    let list = vec!["x"; 999].join(", ");
    for (aliases, many) in [(48, false), (50, true)] {
        let all = vec!["*l"; aliases].join(", ");
        let found = in_time(format!(
            "{HEAD}metadata: {{name: a}}\nspec: [&l [{list}], {all}]\n"
        ));
        assert_eq!(
            found.contains("more than 50000 values"),
            many,
            "{aliases}: {found}"
        );
    }
}

#[test]
fn so_many_problems_are_shown_and_looked_for() {
    let found = |count: usize| {
        let keys: Vec<String> = (0..count).map(|i| format!("k{i}: 1")).collect();
        let keys = keys.join(", ");
        in_time(format!(
            "{HEAD}metadata: {{name: a, {keys}}}\n{INSTRUCTIONS}"
        ))
    };
    for (count, last) in [
        (100, None),
        (101, Some("and 1 more")),
        (999, Some("and 899 more")),
        (1_000, Some("and more")),
    ] {
        let found = found(count);
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines.len(), 100 + usize::from(last.is_some()), "{count}");
        assert_eq!(lines.get(100).copied(), last, "{count}");
    }
}
