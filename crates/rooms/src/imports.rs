//! What a file takes from other files of its crate. What stands behind `#[cfg(test)]` does not count.

use std::collections::BTreeSet;

use crate::words::words;

/// A path of modules, from the root of the crate.
pub(crate) type Path = Vec<String>;

/// What a file says of other files.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// What it takes from its crate, with the item's name at the end.
    pub(crate) paths: BTreeSet<Path>,
    /// Modules that are there for tests alone.
    pub(crate) tests: Vec<Path>,
}

/// Reads the source of the file that is module `module`.
pub(crate) fn imports(module: &[String], source: &str) -> Imports {
    let (words, tests) = without_tests(&words(source));
    let of = |name: &&str| [module, &[(*name).to_owned()]].concat();
    let mut reader = Reader {
        words: &words,
        module,
        inline: Vec::new(),
        children: children(&words),
        paths: BTreeSet::new(),
    };
    reader.read();
    Imports {
        paths: reader.paths,
        tests: tests.iter().map(of).collect(),
    }
}

/// The words without the items that are for tests, and which modules of other files these are.
fn without_tests<'a>(words: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut tests, mut at) = (Vec::new(), Vec::new(), 0);
    while at < words.len() {
        if !words[at..].starts_with(&TEST) {
            kept.push(words[at]);
            at += 1;
            continue;
        }
        let item = &words[at + TEST.len()..];
        let length = item_length(item);
        let item = &item[..length];
        if let Some(found) = item.windows(3).find(|w| w[0] == "mod" && w[2] == ";") {
            tests.push(found[1]);
        }
        at += TEST.len() + length;
    }
    (kept, tests)
}

/// How many words an item has: up to its `;`, or to the end of its braces.
fn item_length(words: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match *word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    words.len()
}

/// The modules of other files that a file declares.
fn children<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let declared = words.windows(3).filter(|w| w[0] == "mod" && w[2] == ";");
    declared.map(|w| w[1]).collect()
}

struct Reader<'a> {
    words: &'a [&'a str],
    module: &'a [String],
    /// The modules within the file that are open here, with the braces around each.
    inline: Vec<(&'a str, usize)>,
    children: Vec<&'a str>,
    paths: BTreeSet<Path>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut depth = 0_usize;
        for at in 0..self.words.len() {
            match self.words[at..] {
                ["mod", name, "{", ..] => self.inline.push((name, depth)),
                ["{", ..] => depth += 1,
                ["}", ..] => {
                    depth = depth.saturating_sub(1);
                    self.inline.pop_if(|(_, outside)| *outside == depth);
                }
                [first, "::", ..] if self.begins_path(at) => {
                    if let Some(base) = self.base(first) {
                        self.take(at + 2, base);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the name here is the first of a path, and not the place of a `pub(in path)`.
    fn begins_path(&self, at: usize) -> bool {
        let before = &self.words[..at];
        !matches!(before.last(), Some(&("::" | "."))) && !before.ends_with(&["pub", "(", "in"])
    }

    /// The module that the first name of a path means, where it is one of this crate.
    fn base(&self, first: &str) -> Option<Path> {
        let inline = self.inline.iter().map(|(name, _)| (*name).to_owned());
        let here: Path = self.module.iter().cloned().chain(inline).collect();
        match first {
            "crate" => Some(Vec::new()),
            "self" => Some(here),
            "super" => Some(here[..here.len().saturating_sub(1)].to_vec()),
            child if self.inline.is_empty() && self.children.contains(&child) => {
                Some([here, vec![child.to_owned()]].concat())
            }
            _ => None,
        }
    }

    /// Takes what follows a `::` after `prefix`; returns where it ends.
    fn take(&mut self, mut at: usize, mut prefix: Path) -> usize {
        loop {
            match self.words.get(at).copied() {
                Some("{") => return self.take_each(at + 1, &prefix),
                Some("super") => drop(prefix.pop()),
                Some("self") => {}
                Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    prefix.push(name.to_owned());
                }
                _ => {
                    self.paths.insert(prefix);
                    return at + 1;
                }
            }
            at += 1;
            if self.words.get(at) != Some(&"::") {
                self.paths.insert(prefix);
                return at;
            }
            at += 1;
        }
    }

    /// Takes what stands in the braces after `prefix`.
    fn take_each(&mut self, mut at: usize, prefix: &Path) -> usize {
        loop {
            match self.words.get(at).copied() {
                None => return at,
                Some("}") => return at + 1,
                Some(",") => at += 1,
                // The new name of `a as b`.
                Some("as") => at += 2,
                Some(_) => at = self.take(at, prefix.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(source: &str) -> Vec<String> {
        let module = ["a".to_owned(), "b".to_owned()];
        let paths = imports(&module, source).paths;
        paths.iter().map(|p| p.join("::")).collect()
    }

    #[test]
    fn paths_are_seen_however_they_are_written() {
        let cases: [(&str, &[&str]); 12] = [
            ("use crate::x::Y;", &["x::Y"]),
            (
                "use crate::{c, d::{self, e::F as G, *}, h::I};",
                &["c", "d", "d::e::F", "h::I"],
            ),
            ("use super::{T, c::{U}};", &["a::T", "a::c::U"]),
            ("use super::super::z;", &["z"]),
            ("use self::in_here::X;", &["a::b::in_here::X"]),
            ("mod kid; pub(crate) use kid::Toy;", &["a::b::kid::Toy"]),
            ("mod kid; fn f() { kid::run(); }", &["a::b::kid::run"]),
            ("mod kid; fn f() { other::kid::run(); kid.run(); }", &[]),
            (
                "fn f(x: &crate::x::Y) -> Vec<super::Z> { crate::w::<u8>() }",
                &["a::Z", "w", "x::Y"],
            ),
            ("pub(in crate::x) fn f() {} pub(crate) fn g() {}", &[]),
            (
                "mod m { use super::K; mod n { use super::super::L; } } use super::M;",
                &["a::M", "a::b::K", "a::b::L"],
            ),
            ("// use crate::x;\nconst C: &str = \"crate::y::Z\";", &[]),
        ];
        for (source, expected) in cases {
            assert_eq!(taken(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_for_tests_does_not_count() {
        let source = "#[cfg(test)] mod tests { use crate::x; fn f() { { } } }
            #[cfg(test)] #[expect(clippy::unwrap_used)] pub(crate) mod fake;
            #[cfg(test)] use crate::y::Z; use crate::w::V;";
        assert_eq!(taken(source), ["w::V"]);
        let tests = imports(&["a".to_owned()], source).tests;
        assert_eq!(tests, [["a", "fake"]]);
    }
}
