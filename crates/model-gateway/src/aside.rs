//! Long work is done aside: the gateway has one thread, on which everybody else's answers go on.

use std::future::pending;

/// Work on so many bytes takes a few milliseconds at most, and is done where it is.
pub const SHORT: usize = 64 * 1024;

/// Does work on `bytes` bytes, aside if they are many.
pub async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= SHORT {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits here.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn short_work_stays_and_long_work_goes() {
        let here = std::thread::current().id();
        let who = || std::thread::current().id();
        assert_eq!(aside(SHORT, who).await, here);
        assert_ne!(aside(SHORT + 1, who).await, here);
    }
}
