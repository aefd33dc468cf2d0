//! `.complete`: written last, so a tool without it is not one.

use anyhow::Context;
use harness_base::random::hex;
use hmac_sha256::Hash as Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What a complete tool looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The file that matters, relative to the folder.
    pub main: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its modification time, nanoseconds since 1970.
    pub modified: u64,
    /// Its hash.
    pub sha256: String,
    /// The interpreter that installed it, past every shim.
    pub python: Option<PathBuf>,
}

/// What a tool's folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Usable.
    Complete,
    /// Not there.
    Absent,
    /// There, but not what was installed.
    Damaged,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Complete => "complete",
            Self::Absent => "absent",
            Self::Damaged => "damaged",
        })
    }
}

/// Describes a tool that was just installed into `dir`.
///
/// # Errors
/// When the main file is not there.
pub fn describe(dir: &Path, main: &Path, python: Option<PathBuf>) -> anyhow::Result<Manifest> {
    let (bytes, modified) =
        size_and_time(&dir.join(main)).with_context(|| format!("look at {}", main.display()))?;
    Ok(Manifest {
        main: main.to_owned(),
        bytes,
        modified,
        sha256: sha256(&dir.join(main))?,
        python,
    })
}

/// Writes `.complete`.
///
/// # Errors
/// When it cannot be written.
pub fn write(dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(manifest).context("describe a tool")?;
    std::fs::write(dir.join(".complete"), text)
        .with_context(|| format!("write {}/.complete", dir.display()))
}

/// Reads `.complete`; `None` when there is none that can be read.
pub fn read(dir: &Path) -> Option<Manifest> {
    serde_json::from_str(&std::fs::read_to_string(dir.join(".complete")).ok()?).ok()
}

/// Looks at a tool's folder. Hashing 150 MB at every start would cost a second, so that is done only when `verify` is
/// asked for or size or time changed.
pub fn state(dir: &Path, verify: bool) -> State {
    if !dir.exists() {
        return State::Absent;
    }
    let Some(manifest) = read(dir) else {
        return State::Damaged;
    };
    let path = dir.join(&manifest.main);
    let Ok((bytes, modified)) = size_and_time(&path) else {
        return State::Damaged;
    };
    if bytes != manifest.bytes {
        return State::Damaged;
    }
    if modified == manifest.modified && !verify {
        return State::Complete;
    }
    match sha256(&path) {
        Ok(hash) if hash == manifest.sha256 => {
            // A cache restored by CI has new times; the next start should not hash again.
            let _ = write(
                dir,
                &Manifest {
                    modified,
                    ..manifest
                },
            );
            State::Complete
        }
        _ => State::Damaged,
    }
}

fn size_and_time(path: &Path) -> std::io::Result<(u64, u64)> {
    let meta = std::fs::metadata(path)?;
    let modified = meta
        .modified()?
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    Ok((meta.len(), u64::try_from(modified).unwrap_or(u64::MAX)))
}

/// Hash of a file, hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> anyhow::Result<String> {
    let mut file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        let count = file
            .read(&mut buffer)
            .with_context(|| format!("read {}", path.display()))?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_complete_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let main = Path::new("it");
        assert_eq!(state(&dir.path().join("no"), false), State::Absent);
        std::fs::write(dir.path().join(main), "tool").unwrap();
        assert_eq!(state(dir.path(), false), State::Damaged, "no manifest");
        write(dir.path(), &describe(dir.path(), main, None).unwrap()).unwrap();
        assert_eq!(state(dir.path(), true), State::Complete);

        std::fs::write(dir.path().join(main), "tool").unwrap();
        assert_eq!(
            state(dir.path(), false),
            State::Complete,
            "new time, same content"
        );
        std::fs::write(dir.path().join(main), "loot").unwrap();
        assert_eq!(
            state(dir.path(), true),
            State::Damaged,
            "same size, other content"
        );
        let described = read(dir.path()).unwrap();
        std::fs::write(dir.path().join(main), "too").unwrap();
        let mut options = std::fs::File::options();
        let file = options.append(true).open(dir.path().join(main)).unwrap();
        let then = UNIX_EPOCH + std::time::Duration::from_nanos(described.modified);
        file.set_modified(then).unwrap();
        assert_eq!(state(dir.path(), false), State::Damaged, "cut off, as old");
    }
}
