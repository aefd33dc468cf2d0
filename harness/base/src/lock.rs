//! Locks that the kernel drops with their owner.

use crate::exit::{Code, coded};
use crate::signals::Interrupt;
use anyhow::Context;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks whether another one has ended: the kernel tells nobody who waits.
const LOOK: Duration = Duration::from_millis(50);

/// A held lock; its file goes with it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn try_take(path: &Path) -> anyhow::Result<Option<Self>> {
        loop {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("open {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("lock {}", path.display()));
                }
            }
            // The owner before us may have removed the file between our open and our lock.
            let ours = file
                .metadata()
                .with_context(|| format!("look at {}", path.display()))?;
            if std::fs::metadata(path).is_ok_and(|there| there.ino() == ours.ino()) {
                return Ok(Some(Self {
                    file,
                    path: path.to_owned(),
                }));
            }
        }
    }

    /// Takes the lock as soon as nobody has it; where it has to wait, it says once why.
    ///
    /// # Errors
    /// When the file cannot be made; [`Code::Interrupted`].
    pub async fn in_turn(path: &Path, interrupt: &Interrupt, why: &str) -> anyhow::Result<Self> {
        let mut told = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !told {
                eprintln!("{why}");
                told = true;
            }
            tokio::select! {
                () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted")),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while held, so nobody can have taken this very file in between.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::try_take(&path).unwrap().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_a_turn_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _held = Lock::try_take(&path).unwrap().unwrap();
        let (interrupt, stop) = Interrupt::install().unwrap().or_stopped();
        stop.now();
        let turn = Lock::in_turn(&path, &interrupt, "somebody has it");
        let turn = tokio::time::timeout(Duration::from_secs(5), turn).await;
        assert_eq!(code_of(&turn.unwrap().unwrap_err()), Code::Interrupted);
    }

    /// The file of one that ends is taken away while others open it: theirs is then no lock any more.
    #[test]
    fn never_two_at_a_time_however_they_follow_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let holders = AtomicUsize::new(0);
        let hurry = || {
            for _ in 0..2_000 {
                let Some(held) = Lock::try_take(&path).unwrap() else {
                    continue;
                };
                assert_eq!(holders.fetch_add(1, SeqCst), 0, "two have it");
                std::thread::yield_now();
                holders.fetch_sub(1, SeqCst);
                drop(held);
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(hurry))));
    }
}
