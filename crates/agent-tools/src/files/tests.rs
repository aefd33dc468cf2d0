//! Nothing outside is seen, whatever is asked.

use std::os::unix::fs::symlink;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::env::EnvVar;

fn ask(root: &Path, tool: &str, path: &str) -> ToolOutcome {
    let args = json!({"path": path});
    run(root, tool, args.as_object().unwrap(), &Env::default())
}

/// A folder with files, in a folder with a file that nobody may see.
fn folders() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("outside"), "hidden words").unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("skills/a/deep")).unwrap();
    fs::write(root.join("skills/a/SKILL.md"), "the skill").unwrap();
    fs::write(root.join("skills/a/deep/logo.png"), b"\x89PNG\0").unwrap();
    fs::write(root.join("skills/a/nul"), b"a\0b").unwrap();
    symlink("../../../outside", root.join("skills/a/link")).unwrap();
    symlink("/etc", root.join("skills/a/etc")).unwrap();
    symlink("SKILL.md", root.join("skills/a/inner")).unwrap();
    (dir, root)
}

#[test]
fn what_is_there_is_shown() {
    let (_dir, root) = folders();
    let list = run(&root, LIST, &Map::new(), &Env::default());
    assert_eq!(list.text, "skills/");
    let list = ask(&root, LIST, "skills/a/deep");
    assert_eq!(list.text, "logo.png (5 bytes)");
    assert_eq!(ask(&root, READ, "./skills/a/SKILL.md").text, "the skill");
    assert_eq!(ask(&root, READ, "skills/a/inner").text, "the skill");
    let binary = ask(&root, READ, "skills/a/deep/logo.png");
    assert_eq!(
        binary.text,
        "skills/a/deep/logo.png is a binary file (png) of 5 bytes"
    );
    let binary = ask(&root, READ, "skills/a/nul");
    assert_eq!(
        binary.text,
        "skills/a/nul is a binary file (of unknown type) of 3 bytes"
    );
}

#[test]
fn refusals_say_why() {
    let (_dir, root) = folders();
    for (tool, path, why) in [
        (READ, "../outside", "relative"),
        (READ, "skills/../../outside", "relative"),
        (READ, "/etc/hostname", "relative"),
        (LIST, "/", "relative"),
        (LIST, "..", "relative"),
        (READ, "skills/a/link", "leads out"),
        (READ, "skills/a/etc/hostname", "leads out"),
        (LIST, "skills/a/etc", "leads out"),
        (READ, "skills/b", "there is no"),
        (READ, "skills/a", "is a folder"),
        (LIST, "skills/a/nul", "cannot be listed"),
        (READ, "a\0b", "cannot be read"),
    ] {
        let outcome = ask(&root, tool, path);
        assert!(
            outcome.failed && outcome.text.contains(why),
            "{path}: {}",
            outcome.text
        );
        assert!(!outcome.text.contains("hidden"), "{}", outcome.text);
        assert!(
            !outcome.text.contains(root.to_str().unwrap()),
            "{}",
            outcome.text
        );
    }
    let env = Env::default();
    assert!(run(&root, READ, &Map::new(), &env).failed);
    assert!(run(&root, LIST, json!({"path": 1}).as_object().unwrap(), &env).failed);
}

#[test]
fn of_a_folder_with_very_many_files_the_first_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..MOST_LISTED {
        fs::write(dir.path().join(format!("{n:04}")), "").unwrap();
    }
    let all = ask(dir.path(), LIST, "").text;
    assert_eq!(all.lines().count(), MOST_LISTED);
    fs::write(dir.path().join("later"), "").unwrap();
    let cut = ask(dir.path(), LIST, "").text;
    let note = format!("[cut: the first {MOST_LISTED} of {}]", MOST_LISTED + 1);
    assert_eq!(cut, format!("{all}\n{note}"));
}

#[test]
fn long_files_are_cut_between_characters() {
    let (_dir, root) = folders();
    fs::write(root.join("long"), format!("a{}", "é".repeat(outcome::MOST))).unwrap();
    let text = ask(&root, READ, "long").text;
    assert!(
        text.ends_with("é\n[cut: this is the first 65535 of 131073 bytes]"),
        "{}",
        text.len()
    );
    fs::write(root.join("fits"), "b".repeat(outcome::MOST)).unwrap();
    assert_eq!(ask(&root, READ, "fits").text.len(), outcome::MOST);
}

#[test]
fn no_part_of_a_secret_is_left_where_a_file_is_cut() {
    const SECRET: &str = "k3y-k3y-k3y";
    let (_dir, root) = folders();
    let secret = EnvVar {
        value: SECRET.to_owned(),
        is_secret: true,
    };
    let env: Env = [("K".to_owned(), secret)].into_iter().collect();
    // As JSON in JSON writes it at its longest.
    let unit = |c: char| format!("\\u{:04x}", u32::from(c));
    let once: String = SECRET.chars().map(unit).collect();
    let twice: String = once.chars().map(unit).collect();
    for written in [SECRET, &once, &twice] {
        for part in [1, 4, 7, 10, written.len() - 1] {
            let before = "a".repeat(outcome::MOST - part);
            let whole = format!("{before}{written}{}", "b".repeat(outcome::MOST));
            fs::write(root.join("long"), &whole).unwrap();
            let args = json!({"path": "long"});
            let text = run(&root, READ, args.as_object().unwrap(), &env).text;
            let (said, note) = text.split_once('\n').unwrap();
            let mark = said.strip_prefix(&before).unwrap();
            assert_eq!(mark, &"[redacted]"[..part.min(10)], "{written}");
            let bytes = whole.len() - written.len() + "[redacted]".len();
            let shown = said.len();
            assert_eq!(
                note,
                format!("[cut: this is the first {shown} of {bytes} bytes]")
            );
        }
    }
}

proptest! {
    #[test]
    fn no_path_leads_out(parts in proptest::collection::vec("\\.{1,3}|/|outside|etc|link|skills|a|root|deep|[a-z]|%2e%2e|~|\\\\", 0..9), slash in any::<bool>()) {
        let (_dir, root) = folders();
        let path = parts.join(if slash { "/" } else { "" });
        for tool in [READ, LIST] {
            let outcome = ask(&root, tool, &path);
            prop_assert!(!outcome.text.contains("hidden words"), "{:?}", path);
            prop_assert!(!outcome.text.contains("hostname") || outcome.failed, "{:?}", path);
            prop_assert!(outcome.failed || within(&root, &path).unwrap().starts_with(fs::canonicalize(&root).unwrap()));
        }
    }
}
