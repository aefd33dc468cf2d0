//! Names as providers of models take them.

use std::collections::BTreeSet;

const LONGEST: usize = 64;

/// Letters, digits, `_`, `-` and what is in `also`, and no more of them than are taken.
pub(crate) fn plain(name: &str, also: &str) -> String {
    let ok = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c) || also.contains(c);
    let plain = name.chars().map(|c| if ok(c) { c } else { '_' });
    let plain: String = plain.take(LONGEST).collect();
    if plain.is_empty() {
        "_".to_owned()
    } else {
        plain
    }
}

/// The name, with a number behind it where it is taken.
pub(crate) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|i| {
        let end = format!("_{i}");
        format!("{}{end}", &name[..name.len().min(LONGEST - end.len())])
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default() // there is always a higher number
}
