//! Checking and unpacking: one walk over the archive that believes no header and counts what comes out.

use std::{
    fs,
    io::{self, Cursor},
    path::Path,
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use crate::{
    error::SkillError,
    inflate::{Budget, Sink, copy},
    limits, name,
    names::Names,
};

/// The file that makes a folder a skill.
pub const SKILL_MD: &str = "SKILL.md";

const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// What is in a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillInfo {
    /// SKILL.md, whole.
    pub skill_md: String,
    /// The paths of all files, sorted, separated by /.
    pub files: Vec<String>,
    /// Bytes of all files together.
    pub unpacked_bytes: u64,
}

/// Checks an archive by inflating all of it, into nothing.
///
/// # Errors
/// Which rule it breaks.
pub fn check(archive: &[u8]) -> Result<SkillInfo, SkillError> {
    walk(archive, None, limits::UNPACKED)
}

/// Checks and unpacks in one go. The folder must not exist; it appears whole or not at all.
///
/// # Errors
/// Which rule the archive breaks, or what the file system refused.
pub fn unpack(archive: &[u8], into: &Path) -> Result<SkillInfo, SkillError> {
    let part = into.with_added_extension("part");
    match fs::remove_dir_all(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(SkillError::io(part)(error));
        }
        _ => {} // what a process that died has left
    }
    fs::create_dir(&part).map_err(SkillError::io(&part))?;
    let unpacked = walk(archive, Some(&part), limits::UNPACKED).and_then(|info| {
        match fs::rename(&part, into) {
            Ok(()) => Ok(info),
            Err(error) => Err(SkillError::io(into)(error)),
        }
    });
    if unpacked.is_err() {
        let _ = fs::remove_dir_all(&part); // the first error is the one to tell
    }
    unpacked
}

/// `most` is what all files together may have; tests make it small.
pub(crate) fn walk(
    archive: &[u8],
    into: Option<&Path>,
    most: u64,
) -> Result<SkillInfo, SkillError> {
    if archive.len() > limits::ARCHIVE {
        return Err(SkillError::TooLarge {
            bytes: archive.len(),
            limit: limits::ARCHIVE,
        });
    }
    let mut zip = ZipArchive::new(Cursor::new(archive)).map_err(broken)?;
    if zip.len() > limits::FILES {
        return Err(SkillError::TooMany {
            limit: limits::FILES,
        });
    }
    if zip.has_duplicate_names() {
        return Err(SkillError::Broken("a name occurs twice".to_owned()));
    }
    let mut budget = Budget::of(archive, most);
    let mut names = Names::default();
    let mut skill_md = None;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(broken)?;
        let full = entry.name().map_err(broken)?.into_owned();
        let path = full.strip_suffix('/').unwrap_or(&full);
        name::check(path)?;
        let folder = full.ends_with('/');
        // No type at all is what systems without modes write.
        match entry.unix_mode().map_or(0, |mode| mode & TYPE) {
            0 => {}
            FOLDER if folder => {}
            REGULAR if !folder => {}
            _ => return Err(SkillError::entry(path, "is neither a file nor a folder")),
        }
        names.add(path, folder)?;
        let at = into.map(|into| into.join(path));
        if folder {
            if let Some(at) = at {
                fs::create_dir_all(&at).map_err(SkillError::io(&at))?;
            }
            continue;
        }
        let executable = entry.unix_mode().unwrap_or(0) & 0o111 != 0;
        // Told by who reads the entry, and there without a hint.
        if !matches!(
            entry.compression(),
            CompressionMethod::Stored | CompressionMethod::Deflated
        ) {
            return Err(compressed(path));
        }
        let mut sink = Sink::new(at.as_deref(), executable, path == SKILL_MD)?;
        copy(&mut entry, path, &mut sink, &mut budget)?;
        skill_md = sink.into_text().or(skill_md);
    }
    Ok(SkillInfo {
        skill_md: text_of(skill_md, &names)?,
        files: names.sorted(),
        unpacked_bytes: budget.unpacked(),
    })
}

fn text_of(skill_md: Option<Vec<u8>>, names: &Names) -> Result<String, SkillError> {
    let Some(bytes) = skill_md else {
        return Err(SkillError::NoSkillMd(names.hint()));
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| SkillError::BadSkillMd("is not UTF-8 text".to_owned()))?;
    if text.trim().is_empty() {
        return Err(SkillError::BadSkillMd("is empty".to_owned()));
    }
    Ok(text)
}

fn compressed(path: &str) -> SkillError {
    SkillError::Broken(format!(
        "{path:?} is compressed by a method that is not known here; use deflate or none"
    ))
}

fn broken(error: ZipError) -> SkillError {
    SkillError::Broken(error.to_string())
}
