//! `cargo xtask logs`: the services' logs of the kept stack, else of the latest run.

use anyhow::Context;
use harness_base::{Code, Interrupt, Phase, coded, runs_dir};
use harness_stack::kept;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `cargo xtask logs`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// temporal, server, gateway, mcp, runner, model, or an instance such as server-2
    pub service: Option<String>,
    /// Go on until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// Prints logs, each line with its service's name.
///
/// # Errors
/// A usage error when there is no such log.
pub async fn run(root: &Path, args: &Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let runs = runs_dir(root);
    let dir = kept::newest(&runs).map_or_else(|| runs.join("latest"), |(dir, _)| dir);
    let mut seen: BTreeMap<PathBuf, u64> = BTreeMap::new();
    loop {
        let logs = logs(&dir, args.service.as_deref());
        if logs.is_empty() && !args.follow {
            let what = args.service.as_deref().unwrap_or("any service");
            return Err(coded(
                Code::Usage,
                format!("no log of {what} in {}", dir.display()),
            ));
        }
        for (name, path) in logs {
            let from = seen.get(&path).copied().unwrap_or(0);
            match print_from(&mut std::io::stdout().lock(), &name, &path, from)? {
                Some(to) => seen.insert(path, to),
                None => return Ok(Code::Passed),
            };
        }
        if !args.follow || has_no_reader(&std::io::stdout()) {
            return Ok(Code::Passed);
        }
        tokio::select! {
            () = interrupt.reached(1) => return Ok(Code::Interrupted),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}

/// Whether this is a pipe whose other end is closed: who only waits for a line would not hear of it.
fn has_no_reader(out: &impl AsFd) -> bool {
    let mut out = [PollFd::new(out.as_fd(), PollFlags::empty())];
    let closed = PollFlags::POLLERR | PollFlags::POLLNVAL;
    poll(&mut out, PollTimeout::ZERO).is_ok()
        && out[0].revents().is_some_and(|seen| seen.intersects(closed))
}

fn logs(dir: &Path, service: Option<&str>) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for phase in Phase::ALL {
        let Ok(entries) = std::fs::read_dir(dir.join(phase.name()).join("logs")) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let Some(name) = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .map(str::to_owned)
            else {
                continue;
            };
            if service.is_none_or(|wanted| wanted == name) {
                found.push((format!("{phase} {name}"), path));
            }
        }
    }
    found.sort();
    found
}

/// Prints whole lines after an offset; the offset after the last of them, `None` once nobody reads (`| head`).
fn print_from(
    out: &mut impl Write,
    name: &str,
    path: &Path,
    from: u64,
) -> anyhow::Result<Option<u64>> {
    let mut file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    file.seek(SeekFrom::Start(from))
        .context("find the place in a log")?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .with_context(|| format!("read {}", path.display()))?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
        match writeln!(out, "{name} | {line}") {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(None),
            printed => printed.context("print a log")?,
        }
    }
    Ok(Some(from + u64::try_from(whole).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_half_written_is_printed_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("server.log");
        let (mut seen, mut out) = (0, Vec::new());
        for text in ["one\ntw", "one\ntwo\n", "one\ntwo\n"] {
            std::fs::write(&log, text).unwrap();
            seen = print_from(&mut out, "server", &log, seen).unwrap().unwrap();
        }
        let printed = String::from_utf8(out).unwrap();
        assert_eq!(printed, "server | one\nserver | two\n");
    }

    #[test]
    fn who_waits_for_a_line_hears_that_its_reader_has_left() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(!has_no_reader(&writer));
        drop(reader);
        assert!(has_no_reader(&writer));
    }

    /// Refuses whatever it is given.
    struct Refuses(ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_is_read_by_nobody_ends_and_a_full_disk_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("server.log");
        std::fs::write(&log, "one\n").unwrap();
        let print = |kind| print_from(&mut Refuses(kind), "server", &log, 0);
        assert_eq!(print(ErrorKind::BrokenPipe).unwrap(), None);
        let why = print(ErrorKind::StorageFull).unwrap_err();
        assert!(why.to_string().contains("print a log"), "{why}");
    }
}
