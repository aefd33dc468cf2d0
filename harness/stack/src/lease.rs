//! Ports that nobody else takes: outside the kernel's own range for outgoing connections, and locked per user.

use anyhow::bail;
use harness_base::lock::Lock;
use harness_base::user_dir::lock_dir;
use harness_base::{Code, coded, listener};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// A loopback port answers at once; one whose listener has no room left says nothing.
const ANSWER: Duration = Duration::from_millis(200);

/// A port of this process for as long as the value lives.
#[derive(Debug)]
pub struct Lease {
    /// The port, on 127.0.0.1.
    pub port: u16,
    _lock: Lock,
}

/// Leases a free loopback port.
///
/// # Errors
/// When the lock folder cannot be written or no port is free.
pub fn lease() -> anyhow::Result<Lease> {
    // Two runs that start at once look at different ends of the pool.
    let first = std::process::id().wrapping_mul(2_654_435_761);
    take(&lock_dir()?, &pool(ephemeral()), first)
}

/// The first port of a pool, from the `first` on, that nobody has locked in this folder and nobody listens on.
fn take(folder: &Path, pool: &RangeInclusive<u16>, first: u32) -> anyhow::Result<Lease> {
    let size = u32::from(pool.end() - pool.start()) + 1;
    for step in 0..size {
        let Ok(offset) = u16::try_from((first % size + step) % size) else {
            continue;
        };
        let port = pool.start() + offset;
        let Some(lock) = Lock::try_take(&folder.join(port.to_string()))? else {
            continue;
        };
        if is_free(port) {
            return Ok(Lease { port, _lock: lock });
        }
    }
    bail!(
        "no free port on 127.0.0.1 between {} and {}",
        pool.start(),
        pool.end()
    )
}

/// Whether nobody listens on a loopback port. It is asked, not taken for a moment: a process that is started in that moment
/// would have it a little longer.
pub fn is_free(port: u16) -> bool {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    match TcpStream::connect_timeout(&at, ANSWER) {
        // A port of the kernel's own range may be given to the question itself.
        Ok(answered) => answered.local_addr().is_ok_and(|from| from == at),
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}

/// Refuses a port that somebody listens on; `at` says who asks for it.
///
/// # Errors
/// [`Code::NotReady`] with who has it, as far as that can be seen.
pub fn check_free(port: u16, at: &str) -> anyhow::Result<()> {
    if is_free(port) {
        return Ok(());
    }
    let who = listener(port).map_or("somebody".into(), |(pid, name)| {
        format!("{name} (pid {pid})")
    });
    let text = format!("{at}: port {port} is taken by {who}");
    Err(coded(Code::NotReady, text))
}

/// The kernel's range for outgoing connections.
fn ephemeral() -> (u16, u16) {
    let read = || {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
        let mut numbers = text.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    read().unwrap_or((49_152, 65_535)) // IANA's, which macOS uses
}

/// The larger free side of the range; ports below 15,000 belong to well-known services.
fn pool((low, high): (u16, u16)) -> RangeInclusive<u16> {
    const LOWEST: u16 = 15_000;
    let (below, above) = (low.saturating_sub(LOWEST), u16::MAX - high);
    if below.max(above) < 200 {
        LOWEST..=u16::MAX // a range over everything: the lock and the bind are all there is
    } else if below >= above {
        LOWEST..=low - 1
    } else {
        high + 1..=u16::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_that_was_looked_at_is_free_at_once_whatever_is_started_meanwhile() {
        let lease = lease().unwrap();
        let starting = std::thread::spawn(|| {
            for _ in 0..200 {
                let started = std::process::Command::new("true").status();
                assert!(started.unwrap().success());
            }
        });
        let mut looks = 0;
        while !starting.is_finished() {
            looks += 1;
            assert!(is_free(lease.port), "at look {looks}");
        }
        starting.join().unwrap();
    }

    #[test]
    fn pools() {
        assert_eq!(pool((32_768, 60_999)), 15_000..=32_767);
        assert_eq!(pool((49_152, 65_535)), 15_000..=49_151);
        assert_eq!(pool((1_024, 50_000)), 50_001..=65_535);
        assert_eq!(pool((1_024, 65_535)), 15_000..=65_535);
    }

    #[test]
    fn a_lease_is_one_for_all_processes_of_a_user_and_ends() {
        let (a, b) = (lease().unwrap(), lease().unwrap());
        assert_ne!(a.port, b.port);
        let lock = lock_dir().unwrap().join(a.port.to_string());
        assert!(
            Lock::try_take(&lock).unwrap().is_none(),
            "nobody else sees it"
        );
        drop(a);
        assert!(!lock.exists());
    }

    #[test]
    fn what_is_leased_or_listened_on_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let last = lease().unwrap(); // nobody else's meanwhile
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let busy = listener.local_addr().unwrap().port();
        let pool = |port| port..=port;
        let held = take(dir.path(), &pool(last.port), 7).unwrap();
        assert_eq!(held.port, last.port);
        for port in [last.port, busy] {
            let why = take(dir.path(), &pool(port), 0).unwrap_err().to_string();
            assert!(why.contains("no free port on 127.0.0.1"), "{why}");
        }
        drop(held);
        assert!(take(dir.path(), &pool(last.port), 0).is_ok());
    }
}
