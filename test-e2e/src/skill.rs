//! A skill's folder as a user would write it.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{Output, Stack, unique};

/// A skill in a folder of its own, gone with it; its name is used by nobody else.
#[derive(Debug)]
pub struct SkillFolder {
    _parent: TempDir,
    folder: PathBuf,
    slug: String,
}

impl SkillFolder {
    /// A skill whose name begins with `hint`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(hint: &str, skill_md: &str) -> Result<Self> {
        let parent = tempfile::tempdir()?;
        let slug = unique(hint);
        let skill = Self {
            folder: parent.path().join(&slug),
            _parent: parent,
            slug,
        };
        skill.write("SKILL.md", skill_md)?;
        Ok(skill)
    }

    /// The slug under which it is pushed.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Writes a file beside SKILL.md, with its folders.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(&path, content)?)
    }

    /// Pushes it by the command line, with `tag` where one is given.
    ///
    /// # Errors
    /// When the push fails: with all that was printed.
    pub async fn push(&self, stack: &Stack, tag: Option<&str>) -> Result<Output> {
        let folder = self.folder.to_str().context("the folder is no UTF-8")?;
        let mut args = vec!["skill", "push", folder];
        args.extend(tag.iter().flat_map(|tag| ["--tag", tag]));
        stack.cli().run(args).await?.ok()
    }
}
