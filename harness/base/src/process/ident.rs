//! Which process a pid means: numbers are reused, start times are not.

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A process for good: its pid and when it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ident {
    /// Process id; also the id of its process group, since each is started as a leader.
    pub pid: i32,
    /// Start time: clock ticks since boot on Linux, `ps`'s words elsewhere. Only compared, never read.
    pub start: String,
    /// Where the pid means something: `HOST:BOOT:NAMESPACE`; empty where the system does not tell.
    #[serde(default)]
    pub place: String,
}

/// What can be said of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is there.
    Alive,
    /// It is gone.
    Gone,
    /// It is of another machine or container, where nobody can look from here.
    Unknown,
}

impl Ident {
    /// The process that has this pid now; `None` when there is none (or only a zombie).
    pub fn of(pid: i32) -> Option<Self> {
        start_time(pid).map(|start| Self {
            pid,
            start,
            place: place().to_owned(),
        })
    }

    /// Whether it is held by SIGSTOP, with all its threads: one on another processor goes on for a moment. False where the
    /// system does not tell.
    pub fn is_paused(&self) -> bool {
        let held = |stat: &str| {
            let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
            state.is_some_and(|state| state.starts_with('T'))
        };
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.pid)) else {
            return false;
        };
        // A thread that ended meanwhile does nothing any more.
        let mut stats = threads
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
        self.alive() && stats.all(|stat| held(&stat))
    }

    /// This process.
    pub fn own() -> Option<Self> {
        i32::try_from(std::process::id()).ok().and_then(Self::of)
    }

    /// What can be said of this very process from here.
    pub fn life(&self) -> Life {
        match judged(&self.place, place()) {
            Some(true) => {}
            Some(false) => return Life::Gone,
            None => return Life::Unknown,
        }
        match start_time(self.pid) {
            Some(start) if start == self.start => Life::Alive,
            _ => Life::Gone,
        }
    }

    /// Whether this very process is there for certain: whoever signals it must know.
    pub fn alive(&self) -> bool {
        self.life() == Life::Alive
    }

    /// Whether it may still be there: whoever removes what is its must know.
    pub fn may_live(&self) -> bool {
        self.life() != Life::Gone
    }
}

/// Whether pids of a place can be looked up here: `Some(false)` after a reboot, which ended them all.
fn judged(theirs: &str, here: &str) -> Option<bool> {
    if theirs.is_empty() || theirs == here {
        return Some(true);
    }
    let parts = |place: &str| -> Option<(String, String)> {
        let mut parts = place.split(':').map(str::to_owned);
        Some((parts.next()?, parts.next()?))
    };
    let ((their_host, their_boot), (host, boot)) = (parts(theirs)?, parts(here)?);
    (their_host == host && their_boot != boot).then_some(false)
}

/// This place, by what Linux says of it.
fn place() -> &'static str {
    static PLACE: LazyLock<String> = LazyLock::new(|| {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let told = || {
            let host = read("/proc/sys/kernel/hostname")?
                .trim()
                .replace([':', '/'], "-");
            let boot = read("/proc/sys/kernel/random/boot_id")?;
            let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
            let namespace: String = namespace
                .to_string_lossy()
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            Some(format!("{host}:{}:{namespace}", boot.trim()))
        };
        told().unwrap_or_default()
    });
    &PLACE
}

#[cfg(target_os = "linux")]
fn start_time(pid: i32) -> Option<String> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: i32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, start) = text.split_once(' ')?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

/// Field 22 of `/proc/PID/stat`; the name in field 2 may hold blanks and parentheses. Zombies are gone for us.
#[cfg(any(target_os = "linux", test))]
fn parse_stat(stat: &str) -> Option<String> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.nth(18).map(str::to_owned)
}

/// Pids of live processes whose environment holds `NAME=VALUE`, this one excepted.
///
/// Finds what no pid file knows: grandchildren in groups of their own, and a child whose parent died before it could
/// write the file. Empty where the system does not show environments.
pub fn with_env(name: &str, value: &str) -> Vec<Ident> {
    let wanted = format!("{name}={value}");
    let wanted = Finder::new(&wanted);
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| u32::try_from(*pid) != Ok(std::process::id()))
        .filter(|pid| holds(&environ(*pid), &wanted))
        .filter_map(Ident::of)
        .collect()
}

/// Whether one of the entries of an environment, which end with NUL, is exactly this one.
fn holds(environ: &[u8], entry: &Finder) -> bool {
    let length = entry.needle().len();
    let is_end = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == 0);
    entry.find_iter(environ).any(|at| {
        is_end(at.checked_sub(1).and_then(|before| environ.get(before)))
            && is_end(environ.get(at + length))
    })
}

/// The environment of a process; empty when it is none of ours to read.
fn environ(pid: i32) -> Vec<u8> {
    let read = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    // In the middle of an exec the old environment is gone and the new one not there yet: for less than a millisecond,
    // or much longer where everything waits for a processor. A process without any environment still has arguments, and
    // kernel threads, which have neither, have no program either.
    for _ in 0..1000 {
        let environ = read("environ");
        let in_exec = environ.is_empty()
            && read("cmdline").is_empty()
            && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !in_exec {
            // One that ended its exec between the questions has both now.
            return if environ.is_empty() {
                read("environ")
            } else {
                environ
            };
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_name_made_to_confuse() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 2 3";
        assert_eq!(parse_stat(stat).as_deref(), Some("987654"));
        assert_eq!(parse_stat(&stat.replace(" S ", " Z ")), None);
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn an_entry_of_an_environment_is_a_whole_one() {
        let has = |environ: &[u8]| holds(environ, &Finder::new("RUN=a-1"));
        assert!(has(b"RUN=a-1\0") && has(b"HOME=/\0RUN=a-1\0X=\0") && has(b"X=\0RUN=a-1"));
        let others: [&[u8]; 5] = [
            b"",
            b"RUN=a-12\0",
            b"MY_RUN=a-1\0",
            b"SAID=RUN=a-1 \0",
            b"RUN=a-\0",
        ];
        assert!(!others.into_iter().any(has));
        assert!(has(b"MY_RUN=a-1\0RUN=a-1\0"), "after one that is not");
    }

    #[test]
    fn this_process_is_alive_and_an_impostor_is_not() {
        let own = Ident::own().unwrap();
        assert!(own.alive());
        assert!(
            !Ident {
                start: "other".into(),
                ..own
            }
            .alive()
        );
    }

    #[test]
    fn pids_of_another_place_are_not_judged() {
        assert_eq!(judged("", "h:b:1"), Some(true), "of an older run");
        assert_eq!(judged("h:b:1", "h:b:1"), Some(true));
        assert_eq!(judged("h:a:1", "h:b:1"), Some(false), "before a reboot");
        assert_eq!(judged("h:b:2", "h:b:1"), None, "of a container");
        assert_eq!(judged("other:b:1", "h:b:1"), None, "of another machine");
        let own = Ident::own().unwrap();
        assert_eq!(own.life(), Life::Alive);
        let elsewhere = Ident {
            place: "other:b:1".into(),
            ..own.clone()
        };
        assert!(elsewhere.may_live() && !elsewhere.alive());
        let rebooted = Ident {
            place: own.place.replacen(':', ":another-", 1),
            ..own
        };
        assert_eq!(rebooted.life(), Life::Gone);
    }
}
