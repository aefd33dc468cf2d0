//! What the processes below this one take: processor time and memory, by the part that each is, as Linux tells it.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks. A service's last look is at most so old when it ends, and it does nothing by then.
const LOOK: Duration = Duration::from_millis(250);
/// Clock ticks of a second in `/proc`: the same on all architectures that Linux has in common.
const TICKS: f64 = 100.0;
/// What starts the tests: all of these are its children.
const TEST_RUNNER: &str = "tests";

/// The fields of `/proc/PID/stat` that count here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    name: String,
    parent: i32,
    /// Processor time of its own, in ticks.
    own: u64,
    /// Of its children that ended and were waited for, with theirs.
    children: u64,
    start: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.rsplit_once(')')?; // names hold blanks and parentheses
        let (pid, name) = head.split_once(" (")?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            own: number(14)? + number(15)?,
            children: number(16)? + number(17)?,
            start: number(22)?,
        })
    }
}

/// Those that stand below `root`, however deep.
fn below(all: Vec<Stat>, root: i32) -> Vec<Stat> {
    let parents: BTreeMap<i32, i32> = all.iter().map(|stat| (stat.pid, stat.parent)).collect();
    let is_below = |stat: &Stat| {
        let mut above = stat.parent;
        // No line of parents is longer than there are processes.
        for _ in 0..parents.len() {
            if above == root {
                return true;
            }
            let Some(next) = parents.get(&above) else {
                return false;
            };
            above = *next;
        }
        false
    };
    all.into_iter().filter(is_below).collect()
}

/// The part that a process is, by its name, which Linux cuts after 15 characters.
fn part(name: &str) -> Option<&'static str> {
    Some(match name {
        "temporal" => "temporal",
        "stigmer-server" => "server",
        "agent-runner" => "runner",
        "model-gateway" => "gateway",
        "mcp-probe" => "mcp",
        "cargo-nextest" => TEST_RUNNER,
        name if name.starts_with("python") => "model",
        _ => return None,
    })
}

/// What a part took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Taken {
    /// Seconds of a processor, in all its processes.
    pub seconds: f64,
    /// Memory in MiB of the shared instance when the tests began, and at the last look.
    pub idle: Option<f64>,
    /// See `idle`.
    pub after: Option<f64>,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    /// Ticks of each process, by when it started and its pid.
    ticks: BTreeMap<(u64, i32), (&'static str, u64)>,
    memory: BTreeMap<&'static str, (f64, f64)>,
}

impl Seen {
    /// One look; `memory` tells the MiB that a process has.
    fn look(&mut self, stats: &[Stat], memory: impl Fn(i32) -> Option<f64>) {
        let parts = || {
            stats
                .iter()
                .filter_map(|stat| Some((part(&stat.name)?, stat)))
        };
        for (part, stat) in parts() {
            // Tests are children that come and go; what else has children counts these by themselves.
            let ticks = stat.own
                + if part == TEST_RUNNER {
                    stat.children
                } else {
                    0
                };
            self.ticks.insert((stat.start, stat.pid), (part, ticks));
        }
        if !parts().any(|(part, _)| part == TEST_RUNNER) {
            return;
        }
        let mut shared: BTreeMap<&str, &Stat> = BTreeMap::new();
        for (part, stat) in parts().filter(|(part, _)| *part != TEST_RUNNER) {
            // The shared instance is older than those of tests.
            let first = shared.entry(part).or_insert(stat);
            if stat.start < first.start {
                *first = stat;
            }
        }
        for (part, stat) in shared {
            if let Some(now) = memory(stat.pid)
                && let Some(part) = self::part(&stat.name).filter(|it| *it == part)
            {
                self.memory.entry(part).or_insert((now, now)).1 = now;
            }
        }
    }

    fn taken(&self) -> BTreeMap<&'static str, Taken> {
        let mut taken: BTreeMap<&'static str, Taken> = BTreeMap::new();
        for (part, ticks) in self.ticks.values() {
            taken.entry(part).or_default().seconds += *ticks as f64 / TICKS;
        }
        for (part, (idle, after)) in &self.memory {
            let part = taken.entry(part).or_default();
            (part.idle, part.after) = (Some(*idle), Some(*after));
        }
        taken
    }
}

/// Looks at the processes below this one until it is told to stop.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Seen>,
    before: f64,
}

/// Seconds that all ended children of this process took, with theirs.
fn children() -> Option<f64> {
    let stat = Stat::parse(&std::fs::read_to_string("/proc/self/stat").ok()?)?;
    Some(stat.children as f64 / TICKS)
}

impl Watch {
    /// Begins; `None` where the system tells nothing of its processes.
    pub fn begin() -> Option<Self> {
        let before = children()?;
        let root = i32::try_from(std::process::id()).ok()?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                seen.look(&below(all(), root), memory);
            }
            seen
        });
        Some(Self {
            stop,
            thread,
            before,
        })
    }

    /// Ends; what all children took that ended meanwhile, in seconds, and what each part.
    pub fn end(self) -> (f64, BTreeMap<&'static str, Taken>) {
        drop(self.stop);
        let seen = self.thread.join().unwrap_or_default();
        (children().unwrap_or_default() - self.before, seen.taken())
    }
}

fn all() -> Vec<Stat> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    });
    pids.filter_map(|entry| Stat::parse(&std::fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// The MiB of memory that a process holds.
fn memory(pid: i32) -> Option<f64> {
    resident(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests;
