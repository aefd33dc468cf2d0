//! Entries as they come out: into a file, into memory, or nowhere, and never more than allowed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{error::SkillError, limits};

fn create(at: &Path, executable: bool) -> Result<(File, &Path), SkillError> {
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent).map_err(SkillError::io(parent))?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(at);
    Ok((file.map_err(SkillError::io(at))?, at))
}

/// Where the bytes of one entry go.
pub(crate) struct Sink<'a> {
    file: Option<(File, &'a Path)>,
    text: Option<Vec<u8>>,
}

impl<'a> Sink<'a> {
    /// Into a new file at `at`, where one is wanted, and into memory for a text that is kept.
    pub(crate) fn new(
        at: Option<&'a Path>,
        executable: bool,
        keep: bool,
    ) -> Result<Self, SkillError> {
        Ok(Self {
            file: at.map(|at| create(at, executable)).transpose()?,
            text: keep.then(Vec::new),
        })
    }

    /// The text that was kept.
    pub(crate) fn into_text(self) -> Option<Vec<u8>> {
        self.text
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), SkillError> {
        if let Some((file, at)) = &mut self.file {
            file.write_all(bytes).map_err(SkillError::io(*at))?;
        }
        if let Some(text) = &mut self.text {
            text.extend_from_slice(bytes);
            if text.len() as u64 > limits::SKILL_MD {
                let why = format!("has more than {} bytes", limits::SKILL_MD);
                return Err(SkillError::BadSkillMd(why));
            }
        }
        Ok(())
    }
}

/// Inflates one entry, as far as the budget goes.
pub(crate) fn copy(
    from: &mut impl Read,
    path: &str,
    sink: &mut Sink<'_>,
    budget: &mut Budget,
) -> Result<(), SkillError> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Nothing but the archive in memory is read.
            Err(error) => return Err(SkillError::Broken(format!("{path:?}: {error}"))),
        };
        budget.spend(count as u64)?;
        sink.take(&chunk[..count])?;
    }
}

/// How many bytes may come out of an archive, and how many did.
pub(crate) struct Budget {
    unpacked: u64,
    most: u64,
    by_ratio: u64,
}

impl Budget {
    /// `most` is what all files together may have.
    pub(crate) fn of(archive: &[u8], most: u64) -> Self {
        Self {
            unpacked: 0,
            most,
            by_ratio: (archive.len() as u64)
                .saturating_mul(limits::RATIO)
                .max(limits::RATIO_FROM),
        }
    }

    /// Bytes that came out so far.
    pub(crate) fn unpacked(&self) -> u64 {
        self.unpacked
    }

    fn spend(&mut self, bytes: u64) -> Result<(), SkillError> {
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > self.most {
            return Err(SkillError::Unpacked { limit: self.most });
        }
        if self.unpacked > self.by_ratio {
            return Err(SkillError::Ratio {
                limit: limits::RATIO,
            });
        }
        Ok(())
    }
}
