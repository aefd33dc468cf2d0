//! Skills that are taken, and skills that are refused.

mod bad;
mod packing;

use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{check, unpack};

fn plain() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, plain()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Letters that deflate makes little of.
fn noise(bytes: usize) -> String {
    let mut seed = 1_u64;
    std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'0' + (seed >> 58) as u8)
    })
    .take(bytes)
    .collect()
}

#[test]
fn what_is_in_it_is_told_and_unpacked() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("SKILL.md", plain()).unwrap();
    zip.write_all("# Knots — how to\n".as_bytes()).unwrap();
    zip.add_directory("scripts/", plain()).unwrap();
    zip.start_file("scripts/tie.sh", plain().unix_permissions(0o775))
        .unwrap();
    zip.write_all(b"#!/bin/sh\n").unwrap();
    let archive = zip.finish().unwrap().into_inner();

    let info = check(&archive).unwrap();
    assert_eq!(info.skill_md, "# Knots — how to\n");
    assert_eq!(info.files, ["SKILL.md", "scripts/tie.sh"]);
    assert_eq!(info.unpacked_bytes, 19 + 10);

    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("knots-1.2");
    assert_eq!(unpack(&archive, &into).unwrap(), info);
    let script = std::fs::metadata(into.join("scripts/tie.sh")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&script.permissions());
    assert_eq!((script.len(), mode & 0o700), (10, 0o700));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Windows writes no mode: neither a type of file nor who may do what.
#[test]
fn an_archive_may_come_from_a_system_without_modes() {
    const HEAD: &[u8] = b"PK\x01\x02"; // of an entry in the list at the end
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("SKILL.md", plain()).unwrap();
    zip.write_all(b"# Knots").unwrap();
    zip.add_directory("scripts/", plain()).unwrap();
    let mut archive = zip.finish().unwrap().into_inner();
    let heads: Vec<usize> = (0..archive.len())
        .filter(|at| archive[*at..].starts_with(HEAD))
        .collect();
    assert_eq!(heads.len(), 2);
    for head in heads {
        archive[head + 5] = 0; // made by MS-DOS and its like
        archive[head + 38..head + 42].fill(0);
    }
    let dir = tempfile::tempdir().unwrap();
    let info = unpack(&archive, &dir.path().join("s")).unwrap();
    assert_eq!(info.files, ["SKILL.md"]);
    assert!(dir.path().join("s/scripts").is_dir());
}

#[test]
fn what_a_dead_process_left_is_replaced_and_what_is_there_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("s");
    std::fs::create_dir(dir.path().join("s.part")).unwrap();
    std::fs::write(dir.path().join("s.part/old"), "old").unwrap();
    let archive = zip_of(&[("SKILL.md", b"a")]);
    unpack(&archive, &into).unwrap();
    assert!(!into.join("old").exists());

    let again = unpack(&zip_of(&[("SKILL.md", b"b")]), &into).unwrap_err();
    assert!(!again.is_of_the_skill(), "{again}");
    assert_eq!(std::fs::read(into.join("SKILL.md")).unwrap(), b"a");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
