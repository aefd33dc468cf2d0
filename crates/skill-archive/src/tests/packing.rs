//! Folders that are packed.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use super::noise;
use crate::{SkillError, check, pack};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(dir.path(), name, text);
    }
    dir
}

fn put(dir: &Path, name: &str, text: &str) {
    let at = dir.join(name);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    fs::write(at, text).unwrap();
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let one = folder(&[("SKILL.md", "a"), ("b/c", "c"), ("b/a", "a"), ("z", "z")]);
    let two = folder(&[("z", "z"), ("b/a", "a"), ("b/c", "c"), ("SKILL.md", "a")]);
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let old = fs::File::open(two.path().join("z")).unwrap();
    old.set_modified(long_ago).unwrap();
    fs::set_permissions(two.path().join("z"), fs::Permissions::from_mode(0o600)).unwrap();
    let archive = pack(one.path()).unwrap();
    assert_eq!(archive, pack(two.path()).unwrap());
    let info = check(&archive).unwrap();
    assert_eq!(info.files, ["SKILL.md", "b/a", "b/c", "z"]);

    fs::set_permissions(two.path().join("z"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_ne!(
        archive,
        pack(two.path()).unwrap(),
        "a script stays a script"
    );
}

#[test]
fn what_is_no_part_of_a_skill_stays_out() {
    let dir = folder(&[
        ("SKILL.md", "a"),
        ("src/target.md", "kept"),
        ("environment/notes", "kept"),
        ("notes/vendor", "kept"),
        (".git/config", "no"),
        ("node_modules/x/index.js", "no"),
        ("deep/node_modules/x", "no"),
        (".venv/bin/python", "no"),
        ("mine/pyvenv.cfg", "no"),
        ("mine/lib/x.py", "no"),
        ("__pycache__/x.pyc", "no"),
        ("target/debug/x", "no"),
        ("run.log", "no"),
        ("lone.pyc", "no"),
        ("lone.pyo", "no"),
        (".SKILL.md.swp", "no"),
        ("SKILL.md~", "no"),
        ("half.tmp", "no"),
        (".env", "KEY=1"),
        (".env.local", "KEY=1"),
        ("sub/.envrc", "KEY=1"),
    ]);
    symlink("/usr/bin/env", dir.path().join(".venv/bin/python3")).unwrap();
    let info = check(&pack(dir.path()).unwrap()).unwrap();
    assert_eq!(
        info.files,
        [
            "SKILL.md",
            "environment/notes",
            "notes/vendor",
            "src/target.md"
        ]
    );
}

#[test]
fn a_link_brings_nothing_in_that_stays_out() {
    let dir = folder(&[
        ("SKILL.md", "a"),
        (".env", "KEY=1"),
        ("sub/.env.local", "KEY=1"),
        (".git/config", "no"),
        ("node_modules/x/index.js", "no"),
        ("mine/pyvenv.cfg", "no"),
        ("mine/lib/x.py", "no"),
        ("data/.env/x", "KEY=1"),
        ("data/y", "kept"),
    ]);
    for (link, target) in [
        ("settings", ".env"),
        ("twice", "settings"),
        ("local", "sub/.env.local"),
        ("history", ".git"),
        ("index", "node_modules/x/index.js"),
        ("lib", "mine/lib"),
        ("beside", "data/.env/x"),
        ("more", "data"),
    ] {
        symlink(target, dir.path().join(link)).unwrap();
    }
    let info = check(&pack(dir.path()).unwrap()).unwrap();
    assert_eq!(info.files, ["SKILL.md", "data/y", "more/y"]);
}

#[test]
fn links_are_followed_within_and_refused_outwards() {
    let outer = folder(&[("s/SKILL.md", "a"), ("s/data/x", "x"), ("elsewhere", "")]);
    let dir = outer.path().join("s");
    symlink("data/x", dir.join("y")).unwrap();
    symlink("data", dir.join("more")).unwrap();
    let info = check(&pack(&dir).unwrap()).unwrap();
    assert_eq!(info.files, ["SKILL.md", "data/x", "more/x", "y"]);

    let refusals = [
        ("../elsewhere", "leaves"),
        ("/etc/hostname", "leaves"),
        ("nowhere", "nothing"),
        (".", "that it is in"),
    ];
    for (target, why) in refusals {
        let link = dir.join("link");
        symlink(target, &link).unwrap();
        let told = pack(&dir).unwrap_err().to_string();
        assert!(told.contains(why) && told.contains("link"), "{told}");
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn what_cannot_be_sent_is_refused_here() {
    let empty = folder(&[("readme", "a")]);
    let told = pack(empty.path()).unwrap_err();
    assert!(matches!(told, SkillError::NoSkillMd(_)), "{told}");
    assert!(pack(&empty.path().join("nowhere")).is_err());

    let lower = folder(&[("Skill.MD", "a"), ("x.zip", "PK")]);
    let told = pack(lower.path()).unwrap_err().to_string();
    assert!(
        told.ends_with("; there is Skill.MD: rename it to SKILL.md"),
        "{told}"
    );
    for (file, to_do) in [("Skill.MD", "name the folder"), ("x.zip", "unpack it")] {
        let told = pack(&lower.path().join(file)).unwrap_err().to_string();
        let what = format!("{file} is a file, not a folder: {to_do}");
        assert!(told.contains(&what), "{told}");
    }

    let noise = noise(15_000_000);
    let big = folder(&[("SKILL.md", "a"), ("data/noise", &noise), ("small", "b")]);
    let told = pack(big.path()).unwrap_err();
    assert!(matches!(told, SkillError::TooLargeToSend { .. }), "{told}");
    let told = told.to_string();
    let largest = ": data/noise (15000000 bytes), SKILL.md (1 bytes), small (1 bytes)";
    assert!(told.ends_with(largest), "{told}");

    // What the server would refuse is refused here as well.
    let dense = folder(&[("SKILL.md", "a"), ("rows", &"a".repeat(9 << 20))]);
    let told = pack(dense.path()).unwrap_err();
    assert!(matches!(told, SkillError::Ratio { .. }), "{told}");
}

#[test]
fn equal_rows_are_no_bomb() {
    let rows = "2026-01-31,0,0,0,ok\n".repeat(4_500);
    let table = folder(&[("SKILL.md", "a"), ("table.csv", &rows)]);
    let archive = pack(table.path()).unwrap();
    assert!(archive.len() * 100 < rows.len(), "{} bytes", archive.len());
}
