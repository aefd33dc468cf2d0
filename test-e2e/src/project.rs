//! A project folder as a user would write it.

use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A project in a folder of its own, gone with it.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project without agents.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new() -> Result<Self> {
        let project = Self {
            folder: tempfile::tempdir()?,
        };
        project.write("Stigmer.yaml", "name: e2e\n")?;
        Ok(project)
    }

    /// A project with one valid agent for each of `names`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn of(names: &[&str]) -> Result<Self> {
        let project = Self::new()?;
        for name in names {
            let text = agent_yaml(name, "Answer every message in one short sentence.");
            project.write(&format!("agents/{name}.yaml"), &text)?;
        }
        Ok(project)
    }

    /// Writes a file of the project, with its folders.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, content)?;
        Ok(path)
    }

    /// The project's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// An agent document.
pub fn agent_yaml(name: &str, instructions: &str) -> String {
    format!(
        "apiVersion: agentic.stigmer.ai/v1\nkind: Agent\nmetadata:\n  name: {name}\nspec:\n  \
         instructions: {instructions}\n"
    )
}
