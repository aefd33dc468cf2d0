//! Which files and folders an archive has.

use std::collections::HashSet;

use crate::{error::SkillError, limits};

/// The names of an archive's entries, and of the folders that they are in.
#[derive(Default)]
pub(crate) struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// A name is a file's or a folder's; the folders above a file count as well.
    ///
    /// # Errors
    /// When a path is both, when a file occurs twice, or when there are too many: a path can name hundreds of folders.
    pub(crate) fn add(&mut self, path: &str, folder: bool) -> Result<(), SkillError> {
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
        // Names whose bytes differ can be read as one: what is no UTF-8 is read as code page 437.
        if !own.insert(path.to_owned()) && !folder {
            return Err(SkillError::entry(path, "occurs twice"));
        }
        if self.files.contains(path) && self.folders.contains(path) {
            return Err(both());
        }
        if self.files.len() + self.folders.len() > limits::FILES {
            return Err(SkillError::TooMany {
                limit: limits::FILES,
            });
        }
        Ok(())
    }

    /// What to say where SKILL.md is missing, if there is anything: the usual mistakes are a zip of the
    /// folder instead of what is in it, and another spelling.
    pub(crate) fn hint(&self) -> String {
        if let Some(hint) = self.files.iter().filter_map(|file| misspelt(file)).min() {
            return hint;
        }
        let deeper = self.files.iter().filter(|f| f.ends_with("/SKILL.md"));
        deeper
            .min_by_key(|file| (file.len(), file.as_str()))
            .map_or_else(String::new, |file| {
                format!("; there is {file}: pack what is in that folder, not the folder")
            })
    }

    /// The files' paths.
    pub(crate) fn sorted(self) -> Vec<String> {
        let mut files: Vec<String> = self.files.into_iter().collect();
        files.sort_unstable();
        files
    }
}

/// What to say of a file at the root that is SKILL.md but for its spelling.
pub(crate) fn misspelt(name: &str) -> Option<String> {
    let is_meant = name != "SKILL.md" && name.eq_ignore_ascii_case("SKILL.md");
    is_meant.then(|| format!("; there is {name}: rename it to SKILL.md"))
}
