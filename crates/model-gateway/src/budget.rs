//! How much memory scripts, requests and cassettes may take together: the gateway of a long run must end with a clear
//! error, not with the kernel's.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes that the gateway holds by default. Its container has 128 MiB.
pub const LIMIT: usize = 48 * 1024 * 1024;

/// What may be taken; cheap to clone.
#[derive(Clone, Debug)]
pub struct Budget {
    limit: usize,
    taken: Arc<AtomicUsize>,
}

/// What was taken; it goes back when this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// So many bytes.
    pub fn new(limit: usize) -> Self {
        let taken = Arc::default();
        Self { limit, taken }
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    /// When they are no longer there: what to do.
    pub fn take(&self, bytes: usize) -> Result<Share, String> {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let share = Share {
            budget: self.clone(),
            bytes,
        };
        if before.saturating_add(bytes) <= self.limit {
            return Ok(share);
        }
        Err(format!(
            "the gateway holds {before} bytes of scripts, requests and cassettes, and {bytes} more would pass its \
             limit of {}: DELETE the scripts and cassettes that are no longer needed",
            self.limit
        ))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10);
        let share = budget.take(8).unwrap();
        let why = budget.take(3).unwrap_err();
        assert!(why.contains("limit of 10"), "{why}");
        budget.take(2).unwrap();
        drop(share);
        budget.take(10).unwrap();
    }
}
