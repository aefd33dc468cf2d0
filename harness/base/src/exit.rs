//! Exit codes: a public interface, documented in `cargo xtask e2e --help`.

use crate::print;
use anyhow::bail;
use std::fmt;
use std::process::ExitCode;

/// How a command ended. The number is the process's exit code and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Everything that was asked for ran and passed.
    Passed = 0,
    /// xtask's own fault, or a build that does not compile.
    Fault = 1,
    /// The command line, the environment or `e2e.toml` asks for something impossible.
    Usage = 2,
    /// At least one test failed.
    TestsFailed = 10,
    /// A prerequisite is missing.
    Missing = 20,
    /// An image could not be built or pulled.
    Image = 30,
    /// A service died or did not become ready.
    NotReady = 40,
    /// A process or port of the run was still there after the stop, or a key of it in its evidence.
    Leftovers = 50,
    /// SIGINT, SIGTERM or SIGHUP.
    Interrupted = 130,
}

/// What an exit code of ours means.
pub fn code_from(number: i32) -> Option<Code> {
    let all = [
        Code::Passed,
        Code::Fault,
        Code::Usage,
        Code::TestsFailed,
        Code::Missing,
        Code::Image,
        Code::NotReady,
        Code::Leftovers,
        Code::Interrupted,
    ];
    all.into_iter().find(|code| *code as i32 == number)
}

/// An error that knows its exit code.
#[derive(Debug)]
pub struct Coded {
    code: Code,
    message: String,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// An error with an exit code and a message that says what to do.
pub fn coded(code: Code, message: impl Into<String>) -> anyhow::Error {
    Coded {
        code,
        message: message.into(),
    }
    .into()
}

/// The exit code of the first coded error in the chain; [`Code::Fault`] when there is none.
pub fn code_of(error: &anyhow::Error) -> Code {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Coded>())
        .map_or(Code::Fault, |coded| coded.code)
}

/// The end of a program: an error is told, and what could not be printed is one where all else passed.
pub fn end(result: anyhow::Result<Code>) -> ExitCode {
    let result = result.and_then(|code| match print::lost() {
        Some(error) if code == Code::Passed => bail!("write to standard output: {error}"),
        _ => Ok(code),
    });
    let code = result.map_err(mended).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        code_of(&error)
    });
    ExitCode::from(code as u8)
}

/// An error of a full disk with its mend, all others as they are. A run writes all the time: room for it is a prerequisite.
pub fn mended(error: anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    if !text.contains("No space left on device") || text.contains("mend: ") {
        return error;
    }
    let code = match code_of(&error) {
        Code::Fault => Code::Missing,
        code => code,
    };
    coded(
        code,
        format!("{text}\n  mend: make room there; df -h shows how much each disk has"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn the_code_survives_context() {
        let error = Err::<(), _>(coded(Code::NotReady, "server died"))
            .context("phase 2")
            .unwrap_err();
        assert_eq!(code_of(&error), Code::NotReady);
        assert_eq!(format!("{error:#}"), "phase 2: server died");
        assert_eq!(code_of(&anyhow::anyhow!("plain")), Code::Fault);
    }

    #[test]
    fn a_number_means_a_code() {
        let numbers = (0..=255).filter(|number| code_from(*number).is_some());
        let numbers: Vec<i32> = numbers.collect();
        assert_eq!(numbers, [0, 1, 2, 10, 20, 30, 40, 50, 130]);
        assert_eq!(code_from(40), Some(Code::NotReady));
        assert_eq!(code_from(101), None);
    }

    #[test]
    fn a_full_disk_has_a_mend() {
        let full = || std::io::Error::from_raw_os_error(28);
        let error = mended(anyhow::Error::from(full()).context("write /x"));
        assert_eq!(code_of(&error), Code::Missing);
        assert!(error.to_string().contains("write /x: "), "{error}");
        assert_eq!(error.to_string().matches("mend: ").count(), 1, "{error}");
        assert_eq!(
            mended(mended(error)).to_string().matches("mend: ").count(),
            1
        );
        let image = mended(coded(Code::Image, full().to_string()));
        assert_eq!(code_of(&image), Code::Image);
        assert_eq!(mended(anyhow::anyhow!("plain")).to_string(), "plain");
    }
}
