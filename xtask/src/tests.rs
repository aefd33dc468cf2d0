//! Snapshots of every `--help`: what users see first.

#[test]
fn help() {
    let mut all = super::definition();
    all.build();
    let mut text = all.render_long_help().to_string();
    for name in [
        "prereqs", "tools", "images", "up", "status", "wait", "restart", "network", "disk",
        "timings", "logs", "e2e", "explain", "report", "ci",
    ] {
        if let Some(command) = all.find_subcommand_mut(name) {
            text += &format!("\n===== {name}\n{}", command.render_long_help());
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn definition_is_sound() {
    super::definition().debug_assert();
}
