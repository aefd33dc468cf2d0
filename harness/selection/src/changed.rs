//! Which tests changed since a revision: those whose own lines did, and all of a file whose helpers did.

use harness_base::{Code, coded, git, query};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Where tests lie, a folder for each phase.
const TESTS: &str = "test-e2e/tests";
const LIMIT: Duration = Duration::from_secs(30);

/// Names of new and changed tests, by phase; what is not committed counts.
///
/// # Errors
/// A usage error for what git does not know.
pub async fn since(root: &Path, revision: &str) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let git = async |args: &[&str]| {
        let command = git::git(root).args(args.iter().copied());
        let said = query(command, LIMIT).await.map_err(anyhow::Error::msg)?;
        if said.ok {
            return Ok(said.stdout);
        }
        let text = format!("git knows no changes since {revision}: {}", said.stderr);
        Err(coded(Code::Usage, text))
    };
    let commit = format!("{revision}^{{commit}}");
    let commit = git(&["rev-parse", "--verify", "--end-of-options", &commit]).await?;
    let diff = [&git::DIFF[..], &["--unified=0", &commit, "--", TESTS]].concat();
    let new = ["ls-files", "--others", "--exclude-standard", "--", TESTS];
    let mut lines = changed_lines(&git(&diff).await?);
    for path in git(&new).await?.lines() {
        lines
            .entry(path.to_owned())
            .or_default()
            .push((1, usize::MAX));
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, lines) in lines {
        let Some((phase, module)) = module(&path) else {
            continue;
        };
        // One that was removed has no tests any more.
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
            continue;
        };
        let names = touched(&text, &lines).into_iter();
        let named = names.map(|name| match module.as_str() {
            "" => name,
            module => format!("{module}::{name}"),
        });
        found.entry(phase).or_default().extend(named);
    }
    found.retain(|_, names| !names.is_empty());
    let sorted = found.into_iter();
    Ok(sorted
        .map(|(phase, names)| (phase, names.into_iter().collect()))
        .collect())
}

/// First and last changed line of each hunk, by file. A hunk that only removes stands at the line before it.
fn changed_lines(diff: &str) -> BTreeMap<String, Vec<(usize, usize)>> {
    let (mut found, mut file): (BTreeMap<String, Vec<_>>, Option<&str>) = (BTreeMap::new(), None);
    for line in diff.lines() {
        if let Some(path) = line.strip_prefix("+++ ") {
            file = path.strip_prefix("b/");
        } else if let (Some(hunk), Some(file)) = (line.strip_prefix("@@ "), file)
            && let Some(range) = hunk.split_whitespace().find_map(|it| it.strip_prefix('+'))
        {
            let (first, count) = range.split_once(',').unwrap_or((range, "1"));
            let (Ok(first), Ok(count)) = (first.parse::<usize>(), count.parse::<usize>()) else {
                continue;
            };
            let last = first + count.saturating_sub(1);
            found
                .entry(file.to_owned())
                .or_default()
                .push((first, last));
        }
    }
    found
}

/// `test-e2e/tests/phase2/scripted/tools.rs` is `scripted::tools` of `phase2`.
fn module(path: &str) -> Option<(String, String)> {
    let rest = path.strip_prefix(TESTS)?.strip_prefix('/')?;
    let (phase, file) = rest.strip_suffix(".rs")?.split_once('/')?;
    let module = match file.strip_suffix("/mod").unwrap_or(file) {
        "main" => String::new(),
        module => module.replace('/', "::"),
    };
    Some((phase.to_owned(), module))
}

/// A test of a file: its name, its first and last line.
type Test = (String, usize, usize);

fn tests(text: &str) -> Vec<Test> {
    let lines: Vec<&str> = text.lines().collect();
    let is_test = |line: &str| {
        let line = line.trim_start();
        line.starts_with("#[test]") || line.starts_with("#[tokio::test")
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_test(line)) {
        let name = lines[at..].iter().find_map(|line| {
            let (_, rest) = line.split_once("fn ")?;
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let name: String = rest.chars().take_while(|c| word(*c)).collect();
            (!name.is_empty()).then_some(name)
        });
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let last = lines[at..].iter().position(|line| **line == end);
        // What stands above it, words and attributes, is its own too.
        let above = lines[..at].iter().rev().take_while(|line| {
            let line = line.trim_start();
            line.starts_with("///") || line.starts_with("#[")
        });
        if let (Some(name), Some(last)) = (name, last) {
            found.push((name, at + 1 - above.count(), at + 1 + last));
        }
    }
    found
}

/// Names of the tests of a file that changed lines touch.
fn touched(text: &str, changed: &[(usize, usize)]) -> BTreeSet<String> {
    let tests = tests(text);
    let lines: Vec<&str> = text.lines().collect();
    let says_nothing = |number: usize| {
        let line = lines.get(number.wrapping_sub(1)).unwrap_or(&"").trim();
        line.is_empty()
            || ["use ", "mod ", "//", "}"]
                .iter()
                .any(|it| line.starts_with(it))
    };
    let mut found = BTreeSet::new();
    for (first, last) in changed {
        for number in *first..=(*last).min(lines.len()) {
            let within = |(_, from, to): &&Test| (*from..=*to).contains(&number);
            match tests.iter().find(within) {
                Some((name, ..)) => drop(found.insert(name.clone())),
                None if says_nothing(number) => {}
                None => found.extend(tests.iter().map(|(name, ..)| name.clone())),
            }
        }
    }
    found
}

#[cfg(test)]
mod unit {
    use super::*;

    const FILE: &str = "\
use a::b;

const N: usize = 1;

/// The first.
#[tokio::test]
async fn one() -> Result {
    if true {
    }
    Ok(())
}

#[test]
fn two() {
    helper();
}

fn helper() {
    // it helps
    N;
}
";

    fn names(changed: &[(usize, usize)]) -> Vec<String> {
        touched(FILE, changed).into_iter().collect()
    }

    #[test]
    fn a_test_is_changed_by_its_own_lines_and_all_are_by_a_helper() {
        assert_eq!(
            tests(FILE),
            [("one".to_owned(), 5, 11), ("two".into(), 13, 16)]
        );
        assert_eq!(names(&[(1, 2)]), Vec::<String>::new(), "an import");
        assert_eq!(names(&[(5, 5)]), ["one"]);
        assert_eq!(names(&[(9, 9)]), ["one"]);
        assert_eq!(names(&[(15, 15)]), ["two"]);
        assert_eq!(names(&[(19, 19)]), Vec::<String>::new(), "a comment");
        assert_eq!(names(&[(20, 20)]), ["one", "two"]);
        assert_eq!(names(&[(3, 3)]), ["one", "two"]);
        assert_eq!(names(&[(1, usize::MAX)]), ["one", "two"], "a new file");
    }

    #[test]
    fn modules_of_files() {
        let of = |path: &str| module(path).map(|(phase, module)| format!("{phase} {module}"));
        let path = |rest: &str| format!("test-e2e/tests/{rest}");
        assert_eq!(
            of(&path("phase2/scripted/tools.rs")).unwrap(),
            "phase2 scripted::tools"
        );
        assert_eq!(of(&path("phase2/live/mod.rs")).unwrap(), "phase2 live");
        assert_eq!(of(&path("phase1/main.rs")).unwrap(), "phase1 ");
        assert_eq!(of("crates/a/src/lib.rs"), None);
    }

    #[tokio::test]
    async fn what_git_says_of_a_checkout() {
        let larger = tempfile::tempdir().unwrap();
        let dir = tempfile::tempdir_in(larger.path()).unwrap();
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            let command = git::git(dir.path()).args(who).args(args.iter().copied());
            assert!(
                harness_base::process::query_blocking(&command, LIMIT)
                    .unwrap()
                    .ok
            );
        };
        let write = |path: &str, text: &str| {
            let path = dir.path().join(TESTS).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        // A checkout may lie in a repository of something larger.
        git(&["init", "--quiet", ".."]);
        write("phase1/a.rs", FILE);
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "one"]);
        assert!(since(dir.path(), "HEAD").await.unwrap().is_empty());
        write(
            "phase1/a.rs",
            &FILE.replace("    helper();", "    other();"),
        );
        write("phase2/scripted/new.rs", FILE);
        let found = since(dir.path(), "HEAD").await.unwrap();
        assert_eq!(found["phase1"], ["a::two"]);
        assert_eq!(
            found["phase2"],
            ["scripted::new::one", "scripted::new::two"]
        );
        // What a user likes to see is another matter than what is asked here.
        for (setting, value) in [
            ("diff.noprefix", "true"),
            ("diff.mnemonicPrefix", "true"),
            ("diff.srcPrefix", "old/"),
            ("diff.dstPrefix", "new/"),
            ("diff.external", "false"),
            ("diff.context", "9"),
            ("diff.interHunkContext", "9"),
            ("diff.orderFile", "/no/such/file"),
            ("diff.rust.textconv", "false"),
            ("color.ui", "always"),
            ("color.diff", "always"),
        ] {
            git(&["config", setting, value]);
            assert_eq!(since(dir.path(), "HEAD").await.unwrap(), found, "{setting}");
        }
        for attribute in ["*.rs diff=rust", "*.rs -diff"] {
            std::fs::write(dir.path().join(".gitattributes"), attribute).unwrap();
            assert_eq!(
                since(dir.path(), "HEAD").await.unwrap(),
                found,
                "{attribute}"
            );
        }
        write("phase1/a.rs", &FILE.replace("    helper();\n", ""));
        let found = since(dir.path(), "HEAD").await.unwrap();
        assert_eq!(found["phase1"], ["a::two"], "a line was taken out");
        let error = since(dir.path(), "--no-such").await.unwrap_err();
        assert_eq!(harness_base::code_of(&error), Code::Usage, "{error:#}");
    }
}
