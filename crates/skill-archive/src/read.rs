//! Checking and unpacking: one walk over the archive that believes no header and counts what comes out.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Cursor, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use zip::{ZipArchive, result::ZipError};

use crate::{SkillError, limits, name};

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
        let mut sink = Sink {
            file: at.as_deref().map(|at| create(at, executable)).transpose()?,
            text: (path == SKILL_MD).then(Vec::new),
        };
        copy(&mut entry, path, &mut sink, &mut budget)?;
        if let Some(text) = sink.text {
            skill_md = Some(text);
        }
    }
    Ok(SkillInfo {
        skill_md: text_of(skill_md, &names)?,
        files: names.sorted(),
        unpacked_bytes: budget.unpacked,
    })
}

fn create(at: &Path, executable: bool) -> Result<(File, &Path), SkillError> {
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent).map_err(SkillError::io(parent))?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(at);
    Ok((file.map_err(SkillError::io(at))?, at))
}

struct Sink<'a> {
    file: Option<(File, &'a Path)>,
    text: Option<Vec<u8>>,
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), SkillError> {
        if let Some((file, at)) = &mut self.file {
            file.write_all(bytes).map_err(SkillError::io(*at))?;
        }
        if let Some(text) = &mut self.text {
            text.extend_from_slice(bytes);
            if text.len() as u64 > limits::SKILL_MD {
                let why = format!("has more than {} bytes", limits::SKILL_MD);
                return Err(SkillError::BadSkillMd(why));
            }
        }
        Ok(())
    }
}

fn copy(
    from: &mut impl Read,
    path: &str,
    sink: &mut Sink<'_>,
    budget: &mut Budget,
) -> Result<(), SkillError> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Nothing but the archive in memory is read.
            Err(error) => return Err(SkillError::Broken(format!("{path:?}: {error}"))),
        };
        budget.spend(count as u64)?;
        sink.take(&chunk[..count])?;
    }
}

struct Budget {
    unpacked: u64,
    most: u64,
    by_ratio: u64,
}

impl Budget {
    fn of(archive: &[u8], most: u64) -> Self {
        Self {
            unpacked: 0,
            most,
            by_ratio: (archive.len() as u64).saturating_mul(limits::RATIO),
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), SkillError> {
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > self.most {
            return Err(SkillError::Unpacked { limit: self.most });
        }
        if self.unpacked > self.by_ratio {
            return Err(SkillError::Ratio {
                limit: limits::RATIO,
            });
        }
        Ok(())
    }
}

#[derive(Default)]
struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// A name is a file's or a folder's; the folders above a file count as well.
    fn add(&mut self, path: &str, folder: bool) -> Result<(), SkillError> {
        let both = || SkillError::entry(path, "is a file and a folder at once");
        for (end, _) in path.match_indices('/') {
            self.folders.insert(path[..end].to_owned());
            if self.files.contains(&path[..end]) {
                return Err(both());
            }
        }
        let own = if folder {
            &mut self.folders
        } else {
            &mut self.files
        };
        own.insert(path.to_owned());
        if self.files.contains(path) && self.folders.contains(path) {
            return Err(both());
        }
        Ok(())
    }

    fn sorted(self) -> Vec<String> {
        let mut files: Vec<String> = self.files.into_iter().collect();
        files.sort_unstable();
        files
    }
}

fn text_of(skill_md: Option<Vec<u8>>, names: &Names) -> Result<String, SkillError> {
    let Some(bytes) = skill_md else {
        // The usual mistake is a zip of the folder instead of what is in it.
        let deeper = names.files.iter().filter(|f| f.ends_with("/SKILL.md"));
        let hint = deeper
            .min_by_key(|file| (file.len(), file.as_str()))
            .map_or_else(String::new, |file| {
                format!("; there is {file}: pack what is in that folder, not the folder")
            });
        return Err(SkillError::NoSkillMd(hint));
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| SkillError::BadSkillMd("is not UTF-8 text".to_owned()))?;
    if text.trim().is_empty() {
        return Err(SkillError::BadSkillMd("is empty".to_owned()));
    }
    Ok(text)
}

fn broken(error: ZipError) -> SkillError {
    SkillError::Broken(match error {
        ZipError::CompressionMethodNotSupported(method) => {
            format!("compression method {method} is not known; use deflate or none")
        }
        error => error.to_string(),
    })
}
