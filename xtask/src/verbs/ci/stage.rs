//! One stage of `ci`: a command, and what its end means.

use harness_base::cargo::cargo;
use harness_base::{
    Code, Command, Inherit, Interrupt, Output, Process, coded, exit, spawn, this_program,
};
use harness_provision::{build, programs};
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::Duration;

/// Who runs a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageProgram {
    /// The cargo that runs us.
    Cargo,
    /// This program, which tells by its exit code what went wrong.
    Xtask,
}

/// One stage of `ci`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// For the table of times.
    pub name: &'static str,
    /// Who runs it.
    pub program: StageProgram,
    /// Its arguments.
    pub args: Vec<&'static str>,
    /// What it means when cargo fails.
    pub code: Code,
}

impl Stage {
    /// A call of cargo.
    pub fn cargo(name: &'static str, args: &[&'static str], code: Code) -> Self {
        Self {
            name,
            program: StageProgram::Cargo,
            args: args.to_vec(),
            code,
        }
    }

    /// As people would type it.
    pub fn echo(&self) -> String {
        let program = match self.program {
            StageProgram::Cargo => "cargo",
            StageProgram::Xtask => "cargo xtask",
        };
        format!("{program} {}", self.args.join(" "))
    }
}

/// Runs a stage to its end, or ends it at the first signal.
///
/// # Errors
/// [`Stage::code`], or what a run of our own ended with; [`Code::Interrupted`].
pub async fn run(
    root: &Path,
    stage: &Stage,
    nextest: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let program = match stage.program {
        StageProgram::Cargo => cargo().into(),
        StageProgram::Xtask => this_program()?,
    };
    let command = Command::new(program)
        .args(stage.args.iter().copied())
        .cwd(root);
    let inherit = match stage.program {
        StageProgram::Cargo => Inherit::TestTool,
        StageProgram::Xtask => Inherit::All,
    };
    let command = command
        .env("PATH", programs::path_with(nextest)?)
        .inherit(inherit);
    eprintln!("\n$ {}", stage.echo());
    let process = spawn(&command, &Output::Inherit, None)?;
    let ended = tokio::select! {
        exit = process.wait() => exit,
        () = interrupt.reached(1) => {
            match stage.program {
                StageProgram::Cargo => build::stop(&process).await,
                StageProgram::Xtask => wind_up(&process, interrupt).await,
            }
            return Err(coded(Code::Interrupted, format!("{}: interrupted", stage.name)));
        }
    };
    if ended.code == Some(0) {
        return Ok(());
    }
    let code = match stage.program {
        StageProgram::Cargo => stage.code,
        StageProgram::Xtask => ended.code.and_then(exit::code_from).unwrap_or(stage.code),
    };
    Err(coded(code, format!("{} failed ({ended})", stage.name)))
}

/// Lets a run of our own end as it does by itself: its first signal lets tests end, its second does not.
async fn wind_up(process: &Process, interrupt: &Interrupt) {
    process.signal(Signal::SIGINT);
    let again = async {
        interrupt.reached(2).await;
        process.signal(Signal::SIGINT);
        process.wait().await
    };
    // Its own limits add up to less: 60 s for tests, twice 10 s for services, 30 s for the engine.
    let limit = Duration::from_secs(120);
    let ended = async {
        tokio::select! {
            exit = process.wait() => exit,
            exit = again => exit,
        }
    };
    if tokio::time::timeout(limit, ended).await.is_err() {
        process.kill().await;
    }
}
