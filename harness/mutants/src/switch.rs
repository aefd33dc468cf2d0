//! Which of the woven mutants is on. The code under test reads it from a file, once in each process; in place of a number the
//! file may name a folder, into which each mutant that is come by then writes its number.

use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file, and the folder.
#[derive(Debug)]
pub struct Switch {
    file: PathBuf,
    passed: PathBuf,
}

impl Switch {
    /// In a folder of `target`.
    pub fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("switch"),
            passed: dir.join("passed"),
        }
    }

    /// What each crate needs before its first item, for numbers below `count`. A macro, since its name is known in every module
    /// and no path leads to it: the rooms of a crate stay as they are.
    pub fn words(&self, count: usize) -> String {
        const WORDS: &str = "macro_rules! __mutant { ($n:literal) => { $crate::__mutants::on($n) } } \
            #[allow(warnings)] mod __mutants { use std::{fs, sync::{OnceLock, atomic::{AtomicBool, Ordering}}}; \
            static SAID: OnceLock<(usize, Option<String>)> = OnceLock::new(); \
            static PASSED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT]; \
            pub fn on(n: usize) -> bool { \
            let (on, folder) = SAID.get_or_init(|| { let said = fs::read_to_string(FILE).unwrap_or_default(); \
            match said.parse() { Ok(on) => (on, None), Err(_) if said.is_empty() => (0, None), Err(_) => (0, Some(said)) } }); \
            if let Some(folder) = folder { if !PASSED[n].swap(true, Ordering::Relaxed) { let _ = fs::write(format!(\"{folder}/{n}\"), \"\"); } } \
            *on == n } } ";
        let file = format!("{:?}", self.file.to_string_lossy());
        WORDS
            .replace("COUNT", &count.to_string())
            .replace("FILE", &file)
    }

    /// Turns one on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn on(&self, number: usize) -> anyhow::Result<()> {
        self.write(&number.to_string())
    }

    /// Turns all off.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn off(&self) -> anyhow::Result<()> {
        self.write("")
    }

    /// Turns all off, and has those noted that are come by.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self) -> anyhow::Result<()> {
        let _ = std::fs::remove_dir_all(&self.passed); // of a run that was ended
        std::fs::create_dir_all(&self.passed)
            .with_context(|| format!("make {}", self.passed.display()))?;
        self.write(&self.passed.to_string_lossy())
    }

    /// Those that were come by since.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn passed(&self) -> anyhow::Result<BTreeSet<usize>> {
        let read = || format!("read {}", self.passed.display());
        let entries = std::fs::read_dir(&self.passed).with_context(read)?;
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect())
    }

    fn write(&self, words: &str) -> anyhow::Result<()> {
        std::fs::write(&self.file, words).with_context(|| format!("write {}", self.file.display()))
    }
}
