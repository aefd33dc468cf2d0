//! Where the files of executions lie: a folder of this process alone, gone when it ends.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::strays;

const PREFIX: &str = "runner-";
const LOCK: &str = "lock";

/// The folder, and the lock that says that its owner lives.
pub(crate) struct WorkDir {
    dir: TempDir,
    _alive: Option<File>,
}

impl WorkDir {
    /// Makes a new folder, readable by nobody else: below `base`, where those of dead runners are removed and what they
    /// left running is killed, or in the system's temporary folder.
    pub(crate) fn new(base: Option<PathBuf>) -> io::Result<Self> {
        let Some(base) = base else {
            let dir = private("stigmer-runs-").tempdir()?;
            return Ok(Self { dir, _alive: None });
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&base)?;
        let base = fs::canonicalize(base)?;
        // One at a time: a folder between being made and being locked looks like that of a dead runner.
        let turn = opened(&base.join(LOCK))?;
        turn.lock()?;
        sweep(&base)?;
        let dir = private(PREFIX).tempdir_in(&base)?;
        let alive = opened(&dir.path().join(LOCK))?;
        alive.lock()?;
        Ok(Self {
            dir,
            _alive: Some(alive),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn private(prefix: &str) -> tempfile::Builder<'_, '_> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    builder.permissions(fs::Permissions::from_mode(0o700));
    builder
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

fn sweep(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && entry.file_type()?.is_dir() {
            let lock = opened(&entry.path().join(LOCK));
            if !lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                continue;
            }
            // A server that does not end with its stdin has outlived who started it.
            strays::kill(&format!("{}/", entry.path().display()));
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!("{} of a dead runner stays: {error}", entry.path().display());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command};

    use super::*;

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("work");
        let living = WorkDir::new(Some(base.clone())).unwrap();
        let mode = fs::metadata(living.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        // A process that was killed: its folder is there, its lock is not held.
        let dead = base.join("runner-dead");
        fs::create_dir_all(dead.join("aex_1/0/skills")).unwrap();
        fs::create_dir(base.join("somebody-else")).unwrap();

        let started = |folder: &Path| {
            let mut command = Command::new("sleep");
            let mark = format!("{}/aex_1/#1#", folder.display());
            command.arg("1000").env(strays::MARK, mark).spawn().unwrap()
        };
        let mut orphan = started(&fs::canonicalize(&dead).unwrap());
        let mut server = started(living.path());

        let other = WorkDir::new(Some(base.clone())).unwrap();
        assert!(!dead.exists());
        assert_eq!(orphan.wait().unwrap().signal(), Some(9));
        assert!(server.try_wait().unwrap().is_none());
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(living.path().exists() && base.join("somebody-else").exists());
        let path = other.path().to_owned();
        drop(other);
        assert!(!path.exists());
    }
}
