//! A server's process and all that it starts: one group, which ends as a whole, also with the runtime, and with it
//! whatever left the group.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{stderr::StderrTail, strays};

/// Longest time from the order to end to the end, last words included.
pub(crate) const LONGEST_END: Duration = GRACE.saturating_add(TERM).saturating_add(LAST_WORDS);

/// After its stdin was closed a server has this long to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// After SIGTERM its group has this long; then comes SIGKILL.
const TERM: Duration = Duration::from_secs(2);

/// What it wrote at last is in the pipe when it is gone; somebody who kept the other end open does not hold us up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A group of processes; dropping it kills what is left of it. Its number is its own as long as nobody has waited for its
/// leader and seen the rest end.
struct Group {
    leader: Pid,
    /// What is in the environment of each.
    mark: String,
}

impl Group {
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal); // it may be gone
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        strays::kill(&self.mark);
    }
}

/// A server's process. Dropping it ends the group.
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) stderr: StderrTail,
    /// Known before its last words are.
    exited: CancellationToken,
    gone: watch::Receiver<Option<String>>,
    end: CancellationToken,
    _dropped: DropGuard,
}

impl Process {
    /// Starts a process that leads a group of its own, in a folder of this runner. Until the group is gone, `ends` has a
    /// task more.
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        ends: &TaskTracker,
    ) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        // The folder's path is in it, by which a later runner knows whose it was; its end keeps 1 apart from 10.
        let mark = format!("{}/#{nth}#", folder.display());
        command
            .env(strays::MARK, &mark)
            .process_group(0)
            .kill_on_drop(true) // also where there is no group yet
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || io::Error::other("it was started without pipes");
        let (Some(pid), Some(stdin), Some(stdout), Some(stderr)) = (
            child.id(),
            child.stdin.take(),
            child.stdout.take(),
            child.stderr.take(),
        ) else {
            return Err(missing());
        };
        let group = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .map(|leader| Group { leader, mark })
            .ok_or_else(missing)?;
        let ring = StderrTail::default();
        let reading = tokio::spawn(ring.clone().fill(stderr));
        let (tell, gone) = watch::channel(None);
        let end = CancellationToken::new();
        let told = end.clone();
        let exited = CancellationToken::new();
        let seen = exited.clone();
        ends.spawn(async move {
            // Taken in: the runtime may end before this does, and then drops what is in here.
            let group = group;
            let status = tokio::select! {
                status = child.wait() => status,
                () = told.cancelled() => ended(&mut child, &group).await,
            };
            seen.cancel();
            // Helpers it left behind would keep its pipes open, and nobody asks them for anything any more.
            drop(group);
            let _ = timeout(LAST_WORDS, reading).await;
            let said = match status {
                Ok(status) => described(status),
                Err(error) => format!("is lost: {error}"),
            };
            let _ = tell.send(Some(said)); // nobody may be left who asks
        });
        let process = Self {
            pid,
            stderr: ring,
            exited,
            gone,
            _dropped: end.clone().drop_guard(),
            end,
        };
        Ok((process, stdin, stdout))
    }

    /// Whether it has ended.
    pub(crate) fn has_exited(&self) -> bool {
        self.exited.is_cancelled()
    }

    /// How it ended, once it has.
    pub(crate) fn gone(&self) -> Option<String> {
        self.gone.borrow().clone()
    }

    /// Waits a moment for its end: a pipe that broke is seen before the process that broke it is.
    pub(crate) async fn soon_gone(&self) -> Option<String> {
        let mut gone = self.gone.clone();
        let waited = timeout(GRACE, gone.wait_for(Option::is_some)).await;
        waited.ok()?.ok()?.clone()
    }

    /// Ends the group and waits until it is gone.
    pub(crate) async fn end(&self) {
        self.end.cancel();
        let mut gone = self.gone.clone();
        let _ = gone.wait_for(Option::is_some).await; // a keeper that is gone has ended it too
    }
}

async fn ended(child: &mut Child, group: &Group) -> io::Result<ExitStatus> {
    if let Ok(status) = timeout(GRACE, child.wait()).await {
        return status;
    }
    group.signal(Signal::TERM);
    if let Ok(status) = timeout(TERM, child.wait()).await {
        return status;
    }
    group.signal(Signal::KILL);
    child.wait().await
}

fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
