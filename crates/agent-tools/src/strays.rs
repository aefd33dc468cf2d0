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
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    // Held before it is looked at: its number may be another one's afterwards.
    let held = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let Some(held) = held else {
        return false;
    };
    let environ = environ(pid);
    let mut variables = environ.split(|byte| *byte == 0);
    variables.any(|variable| variable.starts_with(wanted))
        && pidfd_send_signal(held, Signal::KILL).is_ok()
}

/// The environment of a process; empty where it has none, or is another user's.
#[cfg(target_os = "linux")]
fn environ(pid: i32) -> Vec<u8> {
    // In the middle of an exec the old one is gone and the new one not there yet, and where everything waits for a
    // processor that may last. Arguments come with it; kernel threads, which have neither, have no program either.
    for _ in 0..1000 {
        let environ = read(pid, "environ");
        let in_exec = environ.is_empty()
            && read(pid, "cmdline").is_empty()
            && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !environ.is_empty() {
            return environ;
        }
        if !in_exec {
            return read(pid, "environ"); // one that ended its exec between the questions
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Vec::new()
}

#[cfg(target_os = "linux")]
fn read(pid: i32, what: &str) -> Vec<u8> {
    use std::io::Read;

    let mut bytes = Vec::new();
    let file = std::fs::File::open(format!("/proc/{pid}/{what}"));
    // Of another user's nothing can be read.
    let whole = file.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    if whole.is_err() {
        bytes.clear();
    }
    bytes
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn one_in_the_middle_of_its_exec_is_found_too() {
        use std::{os::unix::process::ExitStatusExt, process::Command};

        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

        // On one processor this thread goes on before what it started has a new environment.
        let all = sched_getaffinity(None).unwrap();
        let mut one = CpuSet::new();
        one.set((0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap());
        sched_setaffinity(None, &one).unwrap();
        let mark = format!("{}/in-exec/", std::process::id());
        for _ in 0..20 {
            let mut sleep = Command::new("sleep");
            let mut child = sleep.arg("20").env(MARK, &mark).spawn().unwrap();
            kill(&mark);
            assert_eq!(child.wait().unwrap().signal(), Some(9));
        }
    }
}
