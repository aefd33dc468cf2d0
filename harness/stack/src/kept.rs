//! Stacks that outlive the command that started them.

use crate::file::StackFile;
use crate::wiring::Wiring;
use anyhow::Context;
use harness_base::Info;
use harness_base::run::sweep;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The secrets of a kept stack, for whoever starts something beside it. They lie in its data, which goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// What runners show to be told secrets.
    pub runner: Option<String>,
    /// The model's.
    pub model: Option<String>,
}

/// The newest run that was kept and still has processes.
pub fn newest(runs: &Path) -> Option<(PathBuf, Info)> {
    sweep::runs(runs)
        .into_iter()
        .rev()
        .find(|(dir, info)| info.kept && !sweep::recorded(dir).is_empty())
}

/// Its `stack.json`.
///
/// # Errors
/// When it cannot be read.
pub fn stack_file(run: &Path) -> anyhow::Result<StackFile> {
    StackFile::read(&run.join("phase2/stack.json"))
}

fn keys_path(phase: &Path) -> PathBuf {
    phase.join("data/keys.json")
}

impl Keys {
    /// Those of a stack.
    pub fn of(wiring: &Wiring) -> Self {
        Self {
            runner: wiring.runner_key.clone(),
            model: wiring.runner_model.key.clone(),
        }
    }

    /// Writes them into a phase's folder, for this user alone.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, phase: &Path) -> anyhow::Result<()> {
        let path = keys_path(phase);
        let text = serde_json::to_string(self).context("describe the keys")?;
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("write {}", path.display()))
    }

    /// Reads them; none where there are none.
    pub fn read(phase: &Path) -> Self {
        let text = std::fs::read_to_string(keys_path(phase)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        assert_eq!(Keys::read(dir.path()), Keys::default());
        let keys = Keys {
            runner: Some("r".into()),
            model: None,
        };
        keys.write(dir.path()).unwrap();
        assert_eq!(Keys::read(dir.path()), keys);
        let mode = std::fs::metadata(keys_path(dir.path()))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
