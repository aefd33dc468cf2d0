//! How much memory scripts, requests and cassettes may take together: the gateway of a long run must end with a clear
//! error, not with the kernel's.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Bytes that the gateway holds by default. Its container has 128 MiB.
pub const LIMIT: usize = 48 * 1024 * 1024;

/// Gives something up that nobody needs; false where there is nothing.
type GiveUp = Box<dyn Fn() -> bool + Send + Sync>;

/// What may be taken; cheap to clone.
#[derive(Clone)]
pub struct Budget {
    limit: usize,
    taken: Arc<AtomicUsize>,
    spare: Arc<OnceLock<GiveUp>>,
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Budget");
        shown
            .field("limit", &self.limit)
            .field("taken", &self.taken);
        shown.finish_non_exhaustive()
    }
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
        Self {
            limit,
            taken: Arc::default(),
            spare: Arc::default(),
        }
    }

    /// Before anything is refused, `give_up` is asked as long as it finds something; the first one that is told counts.
    pub fn spare(&self, give_up: impl Fn() -> bool + Send + Sync + 'static) {
        drop(self.spare.set(Box::new(give_up)));
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    /// When they are no longer there: what to do.
    pub fn take(&self, bytes: usize) -> Result<Share, String> {
        let budget = self.clone();
        Share { budget, bytes: 0 }.and(bytes)
    }
}

impl Share {
    /// Takes `more` bytes to it.
    ///
    /// # Errors
    /// As [`Budget::take`]; what was taken before has gone back then.
    pub fn and(mut self, more: usize) -> Result<Self, String> {
        let Budget {
            limit,
            taken,
            spare,
        } = &self.budget;
        let before = loop {
            let before = taken.fetch_add(more, Ordering::Relaxed);
            if before.saturating_add(more) <= *limit {
                self.bytes += more;
                return Ok(self);
            }
            taken.fetch_sub(more, Ordering::Relaxed);
            if !spare.get().is_some_and(|give_up| give_up()) {
                break before;
            }
        };
        Err(format!(
            "the gateway holds {before} bytes of scripts, requests and cassettes, and {more} more would pass its limit \
             of {limit}: DELETE the scripts and cassettes that are no longer needed"
        ))
    }
}

impl Share {
    /// Gives back all but `bytes`.
    pub fn keep(&mut self, bytes: usize) {
        let over = self.bytes.saturating_sub(bytes);
        self.bytes -= over;
        self.budget.taken.fetch_sub(over, Ordering::Relaxed);
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
    fn what_nobody_needs_goes_before_anything_is_refused() {
        let budget = Budget::new(10);
        let kept = budget.take(4).unwrap();
        let spare = std::sync::Mutex::new(vec![budget.take(3).unwrap(), budget.take(3).unwrap()]);
        budget.spare(move || spare.lock().unwrap().pop().is_some());
        let share = budget.take(2).unwrap();
        let other = budget.take(4).unwrap();
        budget.take(1).unwrap_err();
        drop((kept, share, other));
        budget.take(10).unwrap();
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10);
        let share = budget.take(8).unwrap();
        let why = budget.take(3).unwrap_err();
        assert!(why.contains("limit of 10"), "{why}");
        budget.take(2).unwrap();
        let share = share.and(2).unwrap();
        share.and(1).unwrap_err();
        let mut share = budget.take(10).unwrap();
        share.keep(4);
        share.keep(7);
        budget.take(7).unwrap_err();
        budget.take(6).unwrap();
    }
}
