//! SIGINT, SIGTERM and SIGHUP as something that can be awaited.

use anyhow::Context;
use nix::sys::signal::Signal;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the user asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<u8>);

/// Stops what [`Interrupt::or_stopped`] was given to.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<u8>>);

impl Stop {
    /// As a first signal would.
    pub fn now(&self) {
        self.0.send_modify(|count| *count = (*count).max(1));
    }
}

impl Interrupt {
    /// Installs the handlers; from now on none of the three signals ends the process by itself. A hangup that whoever started
    /// it has it ignore (`nohup`) stays ignored.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn install() -> anyhow::Result<Self> {
        let (sender, receiver) = watch::channel(0u8);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = (!ignores_hangup(&status)).then(SignalKind::hangup);
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        for kind in kinds.into_iter().chain(hangup) {
            let mut stream = signal(kind).context("install a signal handler")?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    sender.send_modify(|count| *count = count.saturating_add(1));
                    let count = *sender.borrow();
                    let text = if count == 1 {
                        "stopping; once more stops at once"
                    } else {
                        "stopping at once"
                    };
                    eprintln!("\n{text}");
                }
            });
        }
        Ok(Self(receiver))
    }

    /// The same, for a part of the work that something else may stop too.
    pub fn or_stopped(&self) -> (Self, Stop) {
        let (sender, receiver) = watch::channel(self.count());
        let (mut above, sender) = (self.0.clone(), Arc::new(sender));
        let stop = Stop(sender.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = above.changed() => if changed.is_err() {
                        return;
                    },
                    () = sender.closed() => return,
                }
                let count = *above.borrow();
                sender.send_modify(|own| *own = count.max(*own));
            }
        });
        (Self(receiver), stop)
    }

    /// How many signals arrived.
    pub fn count(&self) -> u8 {
        *self.0.borrow()
    }

    /// Returns when at least `count` signals arrived.
    pub async fn reached(&self, count: u8) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|seen| *seen >= count).await.is_err() {
            // Nobody can send any more, so nobody will.
            std::future::pending::<()>().await;
        }
    }
}

/// Whether a process with this `/proc/PID/status` ignores SIGHUP.
fn ignores_hangup(status: &str) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 << (Signal::SIGHUP as u64 - 1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_ignores() {
        let status = |mask: &str| format!("Name:\tx\nSigIgn:\t{mask}\nSigCgt:\tffffffffffffffff\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001002")));
        assert!(!ignores_hangup(""));
    }

    #[tokio::test]
    async fn a_part_is_stopped_by_itself_and_by_signals() {
        let (sender, receiver) = watch::channel(0);
        let all = Interrupt(receiver);
        let (part, stop) = all.or_stopped();
        assert_eq!(part.count(), 0);
        stop.now();
        part.reached(1).await;
        assert_eq!(all.count(), 0);
        let (next, _stop) = all.or_stopped();
        sender.send_replace(2);
        next.reached(2).await;
        part.reached(2).await;
    }
}
