//! One run: its name, its folder, who owns it.

pub mod clock;
pub mod damaged;
pub mod info;
pub mod judge;
pub mod junit;
mod leaks;
pub mod sweep;

use crate::exit::{code_of, coded};
use crate::phases::Phase;
use crate::process::{Command, inherited_keys, redact};
use crate::random;
use anyhow::Context;
use info::Info;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The folder of a run and what belongs to it for as long as it lasts.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names the folder: `YYYYMMDD-HHMMSS-xxxx`, UTC.
    pub id: String,
    /// `target/e2e/<id>`.
    pub dir: PathBuf,
    /// The checkout.
    pub root: PathBuf,
    secrets: Arc<Mutex<Vec<String>>>,
}

/// cargo's target folder.
pub fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .filter(|dir| !dir.is_empty())
        .map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// Where the runs of a checkout lie: `e2e` in its target folder, and in one outside, which several checkouts may share, a
/// folder of its own there.
pub fn runs_dir(root: &Path) -> PathBuf {
    runs_in(&target_dir(root), root)
}

fn runs_in(target: &Path, root: &Path) -> PathBuf {
    let runs = target.join("e2e");
    match whole(target).starts_with(whole(root)) {
        true => runs,
        false => runs.join(info::checkout_hash(root)),
    }
}

/// A path without links and `..`, as far as it is there.
fn whole(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(whole), ..) => whole,
        (Err(_), Some(parent), Some(name)) => whole(parent).join(name),
        // What ends with `..` of something that is not there.
        (Err(_), Some(parent), None) => whole(parent).parent().unwrap_or(parent).to_owned(),
        (Err(_), None, _) => path.to_owned(),
    }
}

impl Run {
    /// Makes the folder with its `run.json` (by rename, so that nobody sees one without) and points `latest` to it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(root: &Path) -> anyhow::Result<Self> {
        let runs = runs_dir(root);
        let id = format!(
            "{}-{}",
            clock::compact(std::time::SystemTime::now()),
            random::suffix()?
        );
        let (draft, dir) = (runs.join(format!(".new-{id}")), runs.join(&id));
        std::fs::create_dir_all(draft.join("pids"))
            .with_context(|| format!("make {}", draft.display()))?;
        let run = Self {
            id: id.clone(),
            dir: dir.clone(),
            root: root.to_owned(),
            secrets: Arc::new(Mutex::new(inherited_keys())),
        };
        Info::new(&id, root)?.write(&draft)?;
        std::fs::rename(&draft, &dir).with_context(|| format!("name {}", dir.display()))?;
        let link = runs.join(format!(".latest-{id}"));
        std::os::unix::fs::symlink(&id, &link).context("link the latest run")?;
        std::fs::rename(&link, runs.join("latest")).context("link the latest run")?;
        Ok(run)
    }

    /// One that another command began.
    pub fn open(root: &Path, dir: &Path, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            dir: dir.to_owned(),
            root: root.to_owned(),
            secrets: Arc::new(Mutex::new(inherited_keys())),
        }
    }

    /// The folder of a phase, with its `logs/` and `data/tmp/`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn phase_dir(&self, phase: Phase) -> anyhow::Result<PathBuf> {
        let dir = self.dir.join(phase.name());
        for folder in ["logs", "data/tmp"] {
            let path = dir.join(folder);
            std::fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        }
        Ok(dir)
    }

    /// Where a process is recorded for the sweep.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.dir.join("pids").join(format!("{name}.json"))
    }

    /// Marks a command as this run's, so that the sweep finds whatever it leaves behind, and notes it in `commands.log`.
    pub fn own(&self, command: Command) -> Command {
        self.note(&command);
        command.env("E2E_RUN_ID", &self.id)
    }

    /// Notes a command in `commands.log`.
    pub fn note(&self, command: &Command) {
        let line = format!("{}\n", self.redact(&command.echo()));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("commands.log"));
        // The note serves people who read the evidence; a full disk shows itself in the logs that matter.
        let _ = log.and_then(|mut file| file.write_all(line.as_bytes()));
    }

    /// Remembers a secret for [`Run::redact`].
    pub fn keep_secret(&self, secret: &str) {
        if let Ok(mut secrets) = self.secrets.lock() {
            secrets.push(secret.to_owned());
        }
    }

    /// Files of the run that hold one of its secrets.
    pub fn leaks(&self) -> Vec<PathBuf> {
        let secrets = self.secrets.lock();
        secrets.map_or_else(|_| Vec::new(), |secrets| leaks::find(&self.dir, &secrets))
    }

    /// An error without this run's secrets, and with its exit code.
    pub fn redacted(&self, error: &anyhow::Error) -> anyhow::Error {
        coded(code_of(error), self.redact(&format!("{error:#}")))
    }

    /// A text without this run's secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.lock().map_or_else(
            |_| "(redacted)".to_owned(),
            |secrets| redact(text, &secrets),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;

    #[test]
    fn checkouts_that_share_a_target_folder_share_no_runs() {
        let runs = |target: &str, root: &str| runs_in(Path::new(target), Path::new(root));
        assert_eq!(runs("/a/target", "/a"), Path::new("/a/target/e2e"));
        let (one, other) = (runs("/shared", "/a"), runs("/shared", "/b"));
        assert!(one.starts_with("/shared/e2e") && one != other, "{one:?}");
        // However it is said that it is outside, or inside.
        let (one, other) = (runs("/w/a/../t", "/w/a"), runs("/w/b/../t", "/w/b"));
        assert_ne!(one.file_name(), other.file_name(), "{one:?}");
        assert_eq!(runs("/w/b/../a/t", "/w/a"), Path::new("/w/b/../a/t/e2e"));
        let dir = tempfile::tempdir().unwrap();
        let (root, target) = (dir.path().join("a"), dir.path().join("a/target"));
        std::fs::create_dir(&root).unwrap();
        std::os::unix::fs::symlink(dir.path(), &target).unwrap();
        assert_ne!(runs_in(&target, &root), target.join("e2e"), "a link");
    }

    #[test]
    fn a_secret_is_in_no_note_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::open(dir.path(), dir.path(), "r");
        run.keep_secret("hunter22");
        let command = Command::new("it").args(["--key", "hunter22"]);
        let command = run.own(command.env("URL", "http://hunter22@h"));
        assert_eq!(command.args[1], "hunter22", "it is told all the same");
        let noted = std::fs::read_to_string(dir.path().join("commands.log")).unwrap();
        assert_eq!(noted, "URL=http://***@h it --key ***\n");
        let error = coded(Code::NotReady, "key=hunter22").context("phase 2");
        let error = run.redacted(&error);
        assert_eq!(format!("{error:#}"), "phase 2: key=***");
        assert_eq!(code_of(&error), Code::NotReady);
    }
}
