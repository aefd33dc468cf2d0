//! `stigmer completions`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::{cli::Cli, output};

pub(crate) fn run(shell: Shell) -> Result<()> {
    // Written at once: the generator itself panics where nobody reads on.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stigmer", &mut script);
    output::to_stdout(&script)
}
