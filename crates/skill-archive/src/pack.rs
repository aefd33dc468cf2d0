//! Packing a folder: the same files make the same bytes, whoever packs them and when.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{
    error::SkillError,
    limits,
    names::misspelt,
    read::{SKILL_MD, check},
    skip,
};

const NAMED: usize = 5; // of the largest files

struct Source {
    path: PathBuf,
    bytes: u64,
    executable: bool,
}

/// Packs a folder with a SKILL.md. Left out: version control, `.env*`, dependencies, virtual environments, caches, logs.
/// Links are followed within the folder, but to nothing that stays out. What comes out has passed [`check`].
///
/// # Errors
/// What is wrong with the folder, or what the file system refused.
pub fn pack(dir: &Path) -> Result<Vec<u8>, SkillError> {
    let root = fs::canonicalize(dir).map_err(SkillError::io(dir))?;
    if root.is_file() {
        let to_do = match root
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("zip"))
        {
            true => "unpack it, and name the folder that SKILL.md is in then",
            false => "name the folder that SKILL.md is in",
        };
        let path = dir.to_owned();
        return Err(SkillError::NoFolder { path, to_do });
    }
    if !root.join(SKILL_MD).is_file() {
        let entries = fs::read_dir(&root).map_err(SkillError::io(&root))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let hint = names.filter_map(|name| misspelt(&name)).min();
        let hint = hint.unwrap_or_default();
        return Err(SkillError::NoSkillMd(format!(
            " of {}{hint}",
            dir.display()
        )));
    }
    let mut sources = BTreeMap::new();
    collect(&root, &mut vec![root.clone()], "", &mut sources)?;
    let total: u64 = sources.values().map(|source| source.bytes).sum();
    if total > limits::UNPACKED {
        return Err(SkillError::Unpacked {
            limit: limits::UNPACKED,
        });
    }
    let archive = write(&sources)?;
    if archive.len() > limits::PACKED {
        return Err(SkillError::TooLargeToSend {
            bytes: archive.len(),
            limit: limits::PACKED,
            largest: largest(&sources),
        });
    }
    check(&archive)?;
    Ok(archive)
}

/// `above` is the way from the root to here, resolved: a link back into it would never end.
fn collect(
    root: &Path,
    above: &mut Vec<PathBuf>,
    prefix: &str,
    into: &mut BTreeMap<String, Source>,
) -> Result<(), SkillError> {
    let Some(dir) = above.last().cloned() else {
        return Ok(());
    };
    for entry in fs::read_dir(&dir).map_err(SkillError::io(&dir))? {
        let entry = entry.map_err(SkillError::io(&dir))?;
        let Ok(name) = entry.file_name().into_string() else {
            let shown = entry.path().to_string_lossy().into_owned();
            return Err(SkillError::entry(&shown, "has a name that is not UTF-8"));
        };
        let shown = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(SkillError::io(entry.path()))?;
        // Before links are followed: a virtual environment's own links leave the folder.
        if skip::any(&name, &entry.path()) {
            continue;
        }
        let path = match fs::canonicalize(entry.path()) {
            Ok(path) => path,
            Err(_) if kind.is_symlink() => {
                return Err(SkillError::entry(&shown, "is a link to nothing"));
            }
            Err(error) => return Err(SkillError::io(entry.path())(error)),
        };
        let Ok(within) = path.strip_prefix(root) else {
            return Err(SkillError::entry(
                &shown,
                "is a link that leaves the skill's folder; copy what it points to",
            ));
        };
        // By another name it would still be what it is.
        if kind.is_symlink() && skip::any_part(root, within) {
            continue;
        }
        let meta = fs::metadata(&path).map_err(SkillError::io(&path))?;
        if meta.is_dir() {
            if above.contains(&path) {
                return Err(SkillError::entry(
                    &shown,
                    "is a link to a folder that it is in",
                ));
            }
            above.push(path);
            collect(root, above, &format!("{shown}/"), into)?;
            above.pop();
        } else if meta.is_file() {
            let source = Source {
                path,
                bytes: meta.len(),
                executable: meta.permissions().mode() & 0o111 != 0,
            };
            into.insert(shown, source);
            if into.len() > limits::FILES {
                return Err(SkillError::TooMany {
                    limit: limits::FILES,
                });
            }
        } else {
            return Err(SkillError::entry(&shown, "is neither a file nor a folder"));
        }
    }
    Ok(())
}

fn write(sources: &BTreeMap<String, Source>) -> Result<Vec<u8>, SkillError> {
    let broken = |error: zip::result::ZipError| SkillError::Broken(error.to_string());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, source) in sources {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default()) // 1980, the first time that a zip file knows
            .unix_permissions(if source.executable { 0o755 } else { 0o644 });
        zip.start_file(name.as_str(), options).map_err(broken)?;
        let bytes = fs::read(&source.path).map_err(SkillError::io(&source.path))?;
        zip.write_all(&bytes)
            .map_err(|error| SkillError::Broken(error.to_string()))?;
    }
    Ok(zip.finish().map_err(broken)?.into_inner())
}

fn largest(sources: &BTreeMap<String, Source>) -> String {
    let mut by_size: Vec<(&String, u64)> = sources.iter().map(|(n, s)| (n, s.bytes)).collect();
    by_size.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let named = by_size.iter().take(NAMED);
    let named: Vec<String> = named.map(|(n, b)| format!("{n} ({b} bytes)")).collect();
    named.join(", ")
}
