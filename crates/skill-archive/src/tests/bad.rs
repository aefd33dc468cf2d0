//! Archives made to do harm, and ordinary mistakes.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::ZipWriter;

use super::{noise, plain, zip_of};
use crate::{SkillError, check, limits, read::walk, unpack};

/// The refusal, seen to leave nothing on the disk.
fn refusal(archive: &[u8]) -> SkillError {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let unpacked = unpack(archive, &inner.join("s")).unwrap_err();
    assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 0, "{unpacked}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let checked = check(archive).unwrap_err();
    assert_eq!(checked.to_string(), unpacked.to_string());
    assert!(checked.is_of_the_skill());
    checked
}

#[test]
fn unsafe_names_are_refused() {
    for (name, why) in [
        ("../x", ". or .."),
        ("a/../../x", ". or .."),
        ("./x", ". or .."),
        ("/etc/x", "absolute"),
        ("a//x", "empty part"),
        ("a\\x", "backslash"),
        ("C:/x", "colon"),
        ("a\nb", "control"),
        ("a\u{85}b", "control"),
        (&"x".repeat(256), "255"),
        (&"x/".repeat(600), "1024"),
    ] {
        let archive = zip_of(&[("SKILL.md", b"a"), (name, b"b")]);
        let told = refusal(&archive).to_string();
        assert!(told.contains(why), "{name:?}: {told}");
    }
}

#[test]
fn links_and_other_kinds_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("SKILL.md", "/etc/hostname", plain())
        .unwrap();
    let told = refusal(&zip.finish().unwrap().into_inner());
    assert!(matches!(told, SkillError::Entry { .. }), "{told}");

    // The type of a FIFO put into the central directory's mode of a plain file.
    let mut archive = zip_of(&[("SKILL.md", b"a")]);
    let mode = 0o100_644_u32.to_le_bytes();
    let at = archive.windows(2).rposition(|w| w == &mode[..2]).unwrap();
    archive[at..at + 2].copy_from_slice(&0o010_644_u16.to_le_bytes());
    let told = refusal(&archive);
    assert!(matches!(told, SkillError::Entry { .. }), "{told}");
}

#[test]
fn bombs_are_refused_by_what_comes_out() {
    // SKILL.md is a byte of what may come out of the smallest archive.
    let zeros = vec![0; usize::try_from(limits::RATIO_FROM).unwrap()];
    let most = zip_of(&[("SKILL.md", b"a"), ("zeros", &zeros[1..])]);
    assert_eq!(check(&most).unwrap().unpacked_bytes, limits::RATIO_FROM);
    let mut bomb = zip_of(&[("SKILL.md", b"a"), ("zeros", &zeros)]);
    assert!(matches!(refusal(&bomb), SkillError::Ratio { .. }));
    // Headers that lie about the size change nothing.
    let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    while let Some(at) = bomb.windows(4).position(|w| w == size) {
        bomb[at..at + 4].copy_from_slice(&7_u32.to_le_bytes());
    }
    let told = refusal(&bomb);
    assert!(
        matches!(told, SkillError::Ratio { .. } | SkillError::Broken(_)),
        "{told}"
    );
}

#[test]
fn too_much_is_refused() {
    // Noise, so that the ratio has nothing to say; and the same bytes again and again under other names.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("SKILL.md", plain()).unwrap();
    zip.write_all(noise(10_000).as_bytes()).unwrap();
    for i in 1..10 {
        zip.shallow_copy_file("SKILL.md", &i.to_string()).unwrap();
    }
    let archive = zip.finish().unwrap().into_inner();
    assert!(archive.len() < 10_000);
    assert_eq!(
        walk(&archive, None, 100_000).unwrap().unpacked_bytes,
        100_000
    );
    let told = walk(&archive, None, 99_999).unwrap_err();
    assert!(matches!(told, SkillError::Unpacked { .. }), "{told}");

    let huge = vec![b'z'; limits::ARCHIVE + 1];
    assert!(matches!(refusal(&huge), SkillError::TooLarge { .. }));
}

#[test]
fn too_many_are_refused() {
    let names: Vec<String> = (0..limits::FILES).map(|i| i.to_string()).collect();
    let mut files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &b""[..])).collect();
    files[0] = ("SKILL.md", b"a");
    check(&zip_of(&files)).unwrap();
    files.push(("one-more", b""));
    assert!(matches!(
        refusal(&zip_of(&files)),
        SkillError::TooMany { .. }
    ));
}

#[test]
fn folders_that_only_paths_name_count() {
    // Few files, deep down: each path alone names 500 folders.
    let deep = |i: usize| format!("{i}{}/x", "/x".repeat(499));
    let names: Vec<String> = (0..limits::FILES / 500).map(deep).collect();
    let mut files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &b""[..])).collect();
    files[0] = ("SKILL.md", b"a");
    check(&zip_of(&files)).unwrap();
    files.push((&names[0], b""));
    let told = check(&zip_of(&files)).unwrap_err();
    assert!(matches!(told, SkillError::TooMany { .. }), "{told}");
}

#[test]
fn skill_md_must_be_there_and_readable() {
    let told = refusal(&zip_of(&[("knots/SKILL.md", b"a")])).to_string();
    assert!(told.contains("knots/SKILL.md: pack what is in"), "{told}");
    let told = refusal(&zip_of(&[("readme", b"a")])).to_string();
    assert_eq!(told, "there is no SKILL.md at the root");
    let told = refusal(&zip_of(&[("skill.md", b"a")])).to_string();
    assert!(told.contains("there is skill.md: rename it"), "{told}");
    let told = refusal(&zip_of(&[("SKILL.md", b" \n")])).to_string();
    assert_eq!(told, "SKILL.md is empty");
    let told = refusal(&zip_of(&[("SKILL.md", b"\xff")])).to_string();
    assert_eq!(told, "SKILL.md is not UTF-8 text");
    let text = noise(1 + (1 << 20));
    let told = refusal(&zip_of(&[("SKILL.md", text.as_bytes())])).to_string();
    assert_eq!(told, "SKILL.md has more than 1048576 bytes");
    check(&zip_of(&[("SKILL.md", &text.as_bytes()[1..])])).unwrap();
}

#[test]
fn a_file_that_is_a_folder_too_is_refused() {
    for names in [["a", "a/b"], ["a/b", "a"], ["a/", "a"], ["a", "a/"]] {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("SKILL.md", plain()).unwrap();
        zip.write_all(b"a").unwrap();
        for name in names {
            zip.start_file(name, plain()).unwrap();
        }
        let told = refusal(&zip.finish().unwrap().into_inner()).to_string();
        assert!(
            told.contains("at once") || told.contains("neither"),
            "{told}"
        );
    }
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    // The same bytes, and what is `é` where there is no UTF-8. No writer makes these.
    for twin in [&b"SKILL.md"[..], b"x-\x82"] {
        let other = "=".repeat(twin.len());
        let mut archive = zip_of(&[
            ("SKILL.md", b"a"),
            ("x-\u{e9}", b"b"),
            (other.as_str(), b"c"),
        ]);
        let is_other = |bytes: &[u8]| bytes == other.as_bytes();
        while let Some(at) = archive.windows(twin.len()).position(is_other) {
            archive[at..at + twin.len()].copy_from_slice(twin);
        }
        let told = refusal(&archive).to_string();
        assert!(told.contains("occurs twice"), "{told}");
    }
}

#[test]
fn broken_ones_are_refused() {
    for bytes in [
        &b""[..],
        b"PK",
        b"hello, I am no zip file at all, not even a little",
    ] {
        assert!(matches!(refusal(bytes), SkillError::Broken(_)));
    }
    let mut archive = zip_of(&[("SKILL.md", b"the words of the skill")]);
    archive[40] ^= 0xff; // in the data: the checksum tells
    assert!(matches!(refusal(&archive), SkillError::Broken(_)));
}

#[test]
fn other_compressions_are_refused_with_what_to_do() {
    let plain = zip_of(&[("SKILL.md", b"a")]);
    for method in [1_u16, 6, 9, 12, 14, 93, 95, 98] {
        let mut archive = plain.clone();
        // Behind signature, versions and flags: in the file's own header, and in the directory.
        for (sign, at) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
            let start = archive.windows(4).position(|w| w == sign).unwrap();
            archive[start + at..start + at + 2].copy_from_slice(&method.to_le_bytes());
        }
        let told = refusal(&archive).to_string();
        assert!(told.contains("use deflate or none"), "{method}: {told}");
    }
}

proptest! {
    /// Whatever the bytes, the answer is an answer and the folder beside stays empty.
    #[test]
    fn damage_never_escapes(at in 0_usize..400, bits in 1_u8.., name in "[a-z./\\\\:]{1,12}") {
        let mut archive = zip_of(&[("SKILL.md", b"some words"), (name.as_str(), b"more words")]);
        let at = at % archive.len();
        archive[at] ^= bits;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let unpacked = unpack(&archive, &inner.join("s"));
        prop_assert_eq!(unpacked.is_ok(), inner.join("s").is_dir());
        prop_assert_eq!(std::fs::read_dir(&inner).unwrap().count(), usize::from(unpacked.is_ok()));
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        prop_assert_eq!(check(&archive).is_ok(), unpacked.is_ok());
    }
}
