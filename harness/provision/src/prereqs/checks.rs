//! The checks. Each looks at one thing; all run side by side.

use super::finding::{BOTH, Finding, State, finding};
use super::fix;
use super::provided::{model_finding, provisionable};
use crate::binaries::Binary;
use crate::model::{Model, ModelKind};
use crate::programs::{self, Located, Program};
use crate::{python_tools, tools};
use harness_base::{Command, Config, Phase, Phases, query};
use nix::unistd::AccessFlags;
use std::path::Path;
use std::time::Duration;

/// Name of the C compiler's check.
const C_COMPILER: &str = "C compiler";
/// Name of Python's check.
const PYTHON: &str = "python3 and pip";
/// The lowest free space: a cold build's target folder (2 GB) and the tools (0.5 GB).
const FREE_MB: u64 = 3_000;
const LIMIT: Duration = Duration::from_secs(10);
/// Everything that the phases need.
pub async fn all(config: &Config, phases: Phases, model: &Model) -> Vec<Finding> {
    let embedded = phases.two && model.kind == ModelKind::Embedded;
    let (rust, temporal, nextest, disk) = tokio::join!(
        rust(),
        programs::locate(config, Program::Temporal),
        programs::locate(config, Program::Nextest),
        disk()
    );
    let fetched = |located: &Located| matches!(located, Located::Fetchable { .. });
    let programs = fetched(&nextest) || phases.two && fetched(&temporal);
    let parts = python_tools::locate_model(config);
    let fetches = programs || embedded && parts.iter().any(fetched);
    let python = python(embedded || programs, embedded).await;
    let there = python.state == State::Ok;
    let nextest = provisionable("nextest", &BOTH, nextest, there);
    let mut findings = vec![rust, c_compiler(), nextest, python];
    if phases.two {
        findings.push(provisionable("temporal", &["phase2"], temporal, there));
        findings.push(model_finding(config, model, there));
    }
    findings.extend(builds(config));
    findings.extend([cache(fetches), disk]);
    let wanted = phases.names();
    findings.retain(|finding| finding.phases.iter().any(|phase| wanted.contains(phase)));
    findings
}

async fn rust() -> Finding {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let answer = query(Command::new("rustc").args(["--version"]), LIMIT).await;
    let result = answer.and_then(|answer| {
        let version = answer
            .stdout
            .split_whitespace()
            .nth(1)
            .unwrap_or("unknown")
            .to_owned();
        let enough = numbers(&version) >= numbers(wanted);
        if enough {
            Ok(format!("rustc {version}"))
        } else {
            Err(format!("rustc {version}, {wanted} is needed"))
        }
    });
    finding("rust", &BOTH, result, fix::rust())
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('-')
        .next()
        .unwrap_or_default()
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

/// A linker for Rust and a compiler for the C in some crates.
pub fn c_compiler() -> Finding {
    let found = ["cc", "gcc", "clang"]
        .iter()
        .find_map(|name| which::which(name).ok());
    let result = found
        .map(|path| path.display().to_string())
        .ok_or_else(|| "no cc, gcc or clang on PATH".to_owned());
    finding(C_COMPILER, &BOTH, result, fix::c_compiler(fix::manager()))
}

/// Python with pip; `modern` asks for what the embedded model's wheel needs.
pub async fn python(needed: bool, modern: bool) -> Finding {
    // One start of the interpreter says both; `pip --version` alone costs half a second.
    let script = "import sys\nfrom importlib.metadata import version\nprint('%d.%d' % sys.version_info[:2], version('pip'))";
    let result = match which::which("python3") {
        Err(_) => Err("python3 is not on PATH".to_owned()),
        Ok(python) => match query(Command::new(python).args(["-c", script]), LIMIT).await {
            Ok(answer) if answer.ok => versions(&answer.stdout, modern),
            Ok(_) => Err("python3 has no pip".to_owned()),
            Err(why) => Err(why),
        },
    };
    let mut finding = finding(PYTHON, &["phase2"], result, fix::python(fix::manager()));
    if finding.state == State::Missing && !needed {
        finding.state = State::Optional;
    }
    finding
}

fn versions(said: &str, modern: bool) -> Result<String, String> {
    let (python, pip) = said
        .split_once(' ')
        .ok_or_else(|| format!("python3 said {said:?}"))?;
    if modern && numbers(python) < vec![3, 10] {
        return Err(format!("python {python}, the embedded model needs 3.10"));
    }
    if numbers(pip) < vec![22] {
        return Err(format!("pip {pip}, 22 is needed"));
    }
    Ok(format!("python {python}, pip {pip}"))
}

/// The cache can be written, which only who fetches something needs.
pub fn cache(needed: bool) -> Finding {
    let result = tools::cache_dir()
        .map_err(|error| error.to_string())
        .and_then(|dir| match writable(&dir) {
            Ok(()) => Ok(dir.display().to_string()),
            Err(why) => Err(format!("{}: {why}", dir.display())),
        });
    let fix = "export E2E_TOOLS_DIR=/a/folder/that/can/be/written".into();
    let mut finding = finding("tools cache", &BOTH, result, fix);
    if finding.state == State::Missing && !needed {
        finding.state = State::Optional;
    }
    finding
}

/// Whether a folder can be written, or made: who only asks makes nothing.
fn writable(dir: &Path) -> Result<(), std::io::Error> {
    let there = dir.ancestors().find(|it| it.symlink_metadata().is_ok());
    let there = there.unwrap_or(dir);
    if !there.metadata()?.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
    nix::unistd::access(there, wanted).map_err(Into::into)
}

/// Somebody else's builds of what a stack is made of.
fn builds(config: &Config) -> Vec<Finding> {
    let theirs = Binary::ALL.into_iter();
    let theirs = theirs.filter_map(|it| Some((it, it.theirs(config)?)));
    let found = theirs.map(|(binary, found)| {
        let result = found.map(|found| format!("{}, as configured", found.display()));
        let of_both = binary.is_run_by(Phase::One.into());
        let phases: &[_] = if of_both { &BOTH } else { &["phase2"] };
        finding(binary.name(), phases, result, binary.fix())
    });
    found.collect()
}

async fn disk() -> Finding {
    let answer = query(Command::new("df").args(["-Pk", "."]), LIMIT).await;
    let result = answer.and_then(|answer| {
        let free = free_mb(&answer.stdout)
            .ok_or_else(|| "df said nothing about this folder".to_owned())?;
        if free >= FREE_MB {
            Ok(format!("{free} MB free"))
        } else {
            Err(format!("{free} MB free, {FREE_MB} are needed"))
        }
    });
    finding(
        "disk",
        &BOTH,
        result,
        "cargo clean, or make room on this disk".into(),
    )
}

/// Free space in what `df -Pk` printed.
pub fn free_mb(df: &str) -> Option<u64> {
    Some(
        df.lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse::<u64>()
            .ok()?
            / 1_024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_whether_a_folder_can_be_written_makes_none() {
        let dir = tempfile::tempdir().unwrap();
        writable(dir.path()).unwrap();
        writable(&dir.path().join("a/b")).unwrap();
        assert!(!dir.path().join("a").exists());
        std::fs::write(dir.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        for wrong in ["file", "file/b", "loop/b"] {
            assert!(writable(&dir.path().join(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_programs_say() {
        assert_eq!(
            free_mb(
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a 9 1 4194304 1% /"
            ),
            Some(4_096)
        );
        assert_eq!(
            versions("3.11 23.2.1", true).unwrap(),
            "python 3.11, pip 23.2.1"
        );
        assert_eq!(
            versions("3.9 23.2", true).unwrap_err(),
            "python 3.9, the embedded model needs 3.10"
        );
        assert_eq!(
            versions("3.9 21.3", false).unwrap_err(),
            "pip 21.3, 22 is needed"
        );
        assert!(numbers("1.95.0-nightly") >= numbers("1.92") && numbers("1.9.0") < numbers("1.92"));
    }
}
