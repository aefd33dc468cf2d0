//! Processes that servers left behind. Each server has a mark in its environment, which whatever it starts inherits: by it
//! they are found also where they left its group, or where the runner that started them was killed.

/// The variable that holds the mark.
pub(crate) const MARK: &str = "STIGMER_MCP_SERVER";

/// Looks at all processes so often at most: one that is seen while it forks is seen again.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 10;

/// Bytes of an environment that are read; Linux lets it have about so many.
#[cfg(target_os = "linux")]
const LONGEST: u64 = 4 << 20;

/// Kills every process whose mark begins so. Where there is no `/proc`, none is found.
#[cfg(target_os = "linux")]
pub(crate) fn kill(mark: &str) {
    let wanted = format!("{MARK}={mark}").into_bytes();
    for _ in 0..ROUNDS {
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return;
        };
        let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = names.filter_map(|name| name.parse().ok());
        // All of them, also behind the first that is one.
        let killed = pids.filter(|pid| kill_marked(*pid, &wanted)).count();
        if killed == 0 {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn kill(_mark: &str) {}

/// Whether it was one of those and lived.
#[cfg(target_os = "linux")]
fn kill_marked(pid: i32, wanted: &[u8]) -> bool {
    use std::io::Read;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    // Held before it is looked at: its number may be another one's afterwards.
    let held = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let (Some(held), Ok(environ)) = (held, std::fs::File::open(format!("/proc/{pid}/environ")))
    else {
        return false;
    };
    let mut bytes = Vec::new();
    // Of another user's nothing can be read.
    if environ.take(LONGEST).read_to_end(&mut bytes).is_err() {
        return false;
    }
    let mut variables = bytes.split(|byte| *byte == 0);
    variables.any(|variable| variable.starts_with(wanted))
        && pidfd_send_signal(held, Signal::KILL).is_ok()
}
