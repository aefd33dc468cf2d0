//! Long work is done aside: the gateway has one thread, on which everybody else's answers go on.

use std::{future::pending, io};

use tokio::runtime::{Builder, Runtime};

/// Work on so many bytes takes a few milliseconds at most, and is done where it is.
pub const SHORT: usize = 64 * 1024;

/// How many long works go on at the same time: each may take as much memory as what it works on.
pub const TOGETHER: usize = 4;

/// Runs a gateway to its end, which waits for no long work.
///
/// # Errors
/// When the system has no thread for it.
pub fn run<T>(gateway: impl Future<Output = T>) -> io::Result<T> {
    let runtime = runtime()?;
    let end = runtime.block_on(gateway);
    runtime.shutdown_background();
    Ok(end)
}

/// What a gateway runs on: one thread for all answers, and few for long work.
fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(TOGETHER).build()
}

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
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn so_many_long_works_go_on_at_a_time_and_the_next_when_one_ends() {
        runtime().unwrap().block_on(async {
            let (begin, begun) = mpsc::channel();
            let mut frees = Vec::new();
            for i in 0..=TOGETHER {
                let (free, freed) = mpsc::channel::<()>();
                let begin = begin.clone();
                let work = move || {
                    begin.send(i).unwrap();
                    freed.recv()
                };
                tokio::spawn(aside(SHORT + 1, work));
                frees.push(free);
            }
            tokio::task::yield_now().await;
            let mut first: Vec<usize> = begun.iter().take(TOGETHER).collect();
            first.sort_unstable();
            assert_eq!(first, [0, 1, 2, 3]);
            // As long as it takes to begin a thread, many times over.
            for _ in 0..100 {
                std::thread::spawn(|| {}).join().unwrap();
            }
            assert!(begun.try_recv().is_err(), "a fifth began");
            // Short answers do not wait.
            assert!(aside(SHORT, || true).await);
            drop(frees.remove(0));
            assert_eq!(begun.recv().unwrap(), TOGETHER);
        });
    }

    #[test]
    fn the_end_waits_for_no_long_work() {
        let (begin, begun) = mpsc::channel();
        let (free, freed) = mpsc::channel::<()>();
        let work = move || {
            begin.send(()).unwrap();
            freed.recv()
        };
        run(async {
            tokio::spawn(aside(SHORT + 1, work));
            tokio::task::yield_now().await;
            begun.recv().unwrap();
        })
        .unwrap();
        drop(free);
    }

    #[tokio::test]
    async fn short_work_stays_and_long_work_goes() {
        let here = std::thread::current().id();
        let who = || std::thread::current().id();
        assert_eq!(aside(SHORT, who).await, here);
        assert_ne!(aside(SHORT + 1, who).await, here);
    }
}
