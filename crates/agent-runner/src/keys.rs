//! Keys from files: what a process was started with, others of the same user can read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

/// Files with keys, each instead of the variable without `_FILE`. MCP servers that run as the same
/// user can read this process's environment.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Keys from files")]
pub(crate) struct KeyFiles {
    /// File with the key of STIGMER_RUNNER_KEY
    #[arg(long, env = "STIGMER_RUNNER_KEY_FILE", value_name = "FILE")]
    runner_key_file: Option<PathBuf>,

    /// File with the key of STIGMER_LLM_API_KEY
    #[arg(long, env = "STIGMER_LLM_API_KEY_FILE", value_name = "FILE")]
    llm_api_key_file: Option<PathBuf>,

    /// File with the key of TEMPORAL_API_KEY
    #[arg(long, env = "TEMPORAL_API_KEY_FILE", value_name = "FILE")]
    temporal_api_key_file: Option<PathBuf>,
}

impl KeyFiles {
    /// Fills in the key of Temporal.
    ///
    /// # Errors
    /// When its file cannot be read, or there is a key beside it.
    pub(crate) fn temporal(&self, key: &mut Option<String>) -> anyhow::Result<()> {
        fill(
            key,
            self.temporal_api_key_file.as_deref(),
            "TEMPORAL_API_KEY",
        )
    }

    /// Fills in the key of the model.
    ///
    /// # Errors
    /// As [`KeyFiles::temporal`].
    pub(crate) fn llm(&self, key: &mut Option<String>) -> anyhow::Result<()> {
        fill(key, self.llm_api_key_file.as_deref(), "STIGMER_LLM_API_KEY")
    }

    /// Fills in the runner's own key.
    ///
    /// # Errors
    /// As [`KeyFiles::temporal`].
    pub(crate) fn own(&self, key: &mut Option<String>) -> anyhow::Result<()> {
        fill(key, self.runner_key_file.as_deref(), "STIGMER_RUNNER_KEY")
    }
}

fn fill(key: &mut Option<String>, file: Option<&Path>, variable: &str) -> anyhow::Result<()> {
    let Some(file) = file.filter(|f| !f.as_os_str().is_empty()) else {
        return Ok(());
    };
    anyhow::ensure!(
        key.as_ref().is_none_or(String::is_empty),
        "{variable} and {variable}_FILE are both set: set one of them"
    );
    let read = fs::read_to_string(file)
        .with_context(|| format!("cannot read {variable}_FILE {}", file.display()))?;
    *key = Some(read.trim().to_owned());
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_without_the_line_end() {
        let file = std::env::temp_dir().join(format!("key-{}", std::process::id()));
        fs::write(&file, "k-1\n").unwrap();
        let mut key = None;
        fill(&mut key, Some(&file), "KEY").unwrap();
        let twice = fill(&mut key.clone(), Some(&file), "KEY").unwrap_err();
        fs::remove_file(&file).unwrap();
        assert_eq!(key.as_deref(), Some("k-1"));
        assert_eq!(
            twice.to_string(),
            "KEY and KEY_FILE are both set: set one of them"
        );
        let missing = fill(&mut None, Some(&file), "KEY").unwrap_err();
        assert!(
            missing.to_string().starts_with("cannot read KEY_FILE /"),
            "{missing}"
        );
        fill(&mut key, None, "KEY").unwrap();
        fill(&mut key, Some(Path::new("")), "KEY").unwrap();
        assert_eq!(key.as_deref(), Some("k-1"));
    }
}
