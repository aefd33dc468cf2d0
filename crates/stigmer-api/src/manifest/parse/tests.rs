use std::path::Path;

use super::*;

fn problems(text: &str) -> usize {
    let mut problems = Vec::new();
    let file = Path::new("a.yaml");
    let problems_of = &mut Report {
        file,
        problems: &mut problems,
    };
    parse(text, problems_of);
    problems.len()
}

#[test]
fn so_many_values_are_read_and_no_more() {
    // The list is one of them.
    let list = |values: usize| format!("[{}1]", "1,".repeat(values - 2));
    assert_eq!(problems(&list(MAX_NODES)), 0);
    assert_eq!(problems(&list(MAX_NODES + 1)), 1);
}

#[test]
fn lists_are_read_so_deep_and_no_deeper() {
    let block = |levels: usize| format!("{}1", "- ".repeat(levels));
    let flow = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for text in [block, flow] as [fn(usize) -> String; 2] {
        assert_eq!(problems(&text(MAX_DEPTH)), 0);
        assert_eq!(problems(&text(MAX_DEPTH + 1)), 1);
    }
}

#[test]
fn so_many_bytes_are_copied_and_no_more() {
    // An anchor and each alias take so much.
    let one = 100_000 + size_of::<Node>();
    let text = |aliases: usize| format!("[&a {}{}]", "x".repeat(100_000), ",*a".repeat(aliases));
    let most = MAX_COPIED_BYTES / one - 1;
    assert_eq!(problems(&text(most)), 0);
    assert_eq!(problems(&text(most + 1)), 1);
    // 460 kB that would have been 12 GB, in a key too.
    let quoted = format!("\"{}\"", "x".repeat(300_000));
    for anchor in [quoted.clone(), format!("{{{quoted}: 1}}")] {
        assert_eq!(
            problems(&format!("[&a {anchor}{}]", ",*a".repeat(40_000))),
            1
        );
    }
    // Each level would keep a copy of all below it.
    let nested = format!("{}{quoted}{}", "[&a ".repeat(40), "]".repeat(40));
    assert_eq!(problems(&nested), 1);
}
