//! Which file a program was started from: its hash, and what spares reading it again.

use crate::random::hex;
use hmac_sha256::Hash as Sha256;
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a file held when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    stamp: [i64; 5],
}

/// Device, inode, size and time of the last change: the same ones mean the same bytes, others may.
fn stamp(data: &Metadata) -> [i64; 5] {
    let number = |value: u64| i64::from_ne_bytes(value.to_ne_bytes());
    [
        number(data.dev()),
        number(data.ino()),
        number(data.size()),
        data.mtime(),
        data.mtime_nsec(),
    ]
}

impl Fingerprint {
    /// Of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let stamp = stamp(&file.metadata()?);
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
        Ok(Self {
            sha256: hex(&hash.finalize()),
            stamp,
        })
    }

    /// That of a file which holds other bytes now; `None` where they are the same. It is read where it was written since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn change(&self, path: &Path) -> io::Result<Option<Self>> {
        if stamp(&std::fs::metadata(path)?) == self.stamp {
            return Ok(None);
        }
        Ok(Some(Self::of(path)?).filter(|now| now.sha256 != self.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        std::fs::write(&path, "one").unwrap();
        let print = Fingerprint::of(&path).unwrap();
        assert!(print.sha256.starts_with("7692c3ad3540bb80"), "{print:?}");
        assert_eq!(print.change(&path).unwrap(), None);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "one").unwrap();
        assert_eq!(print.change(&path).unwrap(), None, "written again");
        std::fs::write(&path, "two").unwrap();
        let now = Fingerprint::of(&path).unwrap();
        assert_eq!(
            print.change(&path).unwrap(),
            Some(now),
            "of the same length"
        );
        assert!(print.change(&dir.path().join("none")).is_err());
    }
}
