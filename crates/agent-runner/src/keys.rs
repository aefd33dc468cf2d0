//! Keys from files: what a process was started with, others of the same user can read.

use std::path::PathBuf;

use clap::Args;
use service_kit::{fill_key, path};

/// Files with keys, each instead of the variable without `_FILE`. MCP servers that run as the same
/// user can read this process's environment.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Keys from files")]
pub(crate) struct KeyFiles {
    /// File with the key of STIGMER_RUNNER_KEY
    #[arg(long, env = "STIGMER_RUNNER_KEY_FILE", value_name = "FILE", value_parser = path())]
    runner_key_file: Option<PathBuf>,

    /// File with the key of STIGMER_LLM_API_KEY
    #[arg(long, env = "STIGMER_LLM_API_KEY_FILE", value_name = "FILE", value_parser = path())]
    llm_api_key_file: Option<PathBuf>,

    /// File with the key of TEMPORAL_API_KEY
    #[arg(long, env = "TEMPORAL_API_KEY_FILE", value_name = "FILE", value_parser = path())]
    temporal_api_key_file: Option<PathBuf>,
}

impl KeyFiles {
    /// Fills in the key of Temporal.
    ///
    /// # Errors
    /// When its file cannot be read, or there is a key beside it.
    pub(crate) fn temporal(&self, key: &mut Option<String>) -> anyhow::Result<()> {
        fill_key(
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
        fill_key(key, self.llm_api_key_file.as_deref(), "STIGMER_LLM_API_KEY")
    }

    /// Fills in the runner's own key.
    ///
    /// # Errors
    /// As [`KeyFiles::temporal`].
    pub(crate) fn own(&self, key: &mut Option<String>) -> anyhow::Result<()> {
        fill_key(key, self.runner_key_file.as_deref(), "STIGMER_RUNNER_KEY")
    }
}
