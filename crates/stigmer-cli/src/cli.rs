//! The command line.

mod resources;
mod run;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use resources::{CancelArgs, DeleteArgs, GetArgs, Kind, LogsArgs, Phase};
pub(crate) use run::RunArgs;

use crate::{address, duration, name::name};

const EXIT_CODES: &str = "\
Exit codes:
  0    what was asked succeeded
  1    it failed; also when an execution that was followed FAILED or was CANCELLED
  2    the command line is wrong
  3    not found
  4    the server cannot be reached or does not answer
  130  interrupted by Ctrl-C";

/// The variable with the server's address, the only one that the command line reads.
pub(crate) const SERVER: &str = "STIGMER_SERVER_ADDR";

/// Deploy and run agents on a Stigmer server
#[derive(Debug, Parser)]
#[command(name = "stigmer", version, after_help = EXIT_CODES)]
#[command(propagate_version = false, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The server's address; https:// means TLS
    #[arg(
        long,
        global = true,
        env = SERVER,
        hide_env_values = true, // a password may stand in it
        value_name = "ADDRESS"
    )]
    #[arg(default_value = address::DEFAULT)]
    pub(crate) server: String,

    /// Whether it was told by an argument.
    #[arg(skip)]
    pub(crate) server_was_argued: bool,

    /// What stdout gets; with json and yaml it is one document and people read stderr
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    #[arg(default_value_t = Format::Table)]
    pub(crate) output: Format,

    /// How long to wait for each answer and for a lost server, like 500ms, 30s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "30s")]
    #[arg(value_parser = duration::parse)]
    pub(crate) timeout: Duration,

    /// The organization: of documents that name none, of names, of what is listed
    #[arg(long, global = true, value_name = "ORG", value_parser = name)]
    pub(crate) org: Option<String>,
}

impl Global {
    /// What leads the next command to the same server, to be put behind it.
    pub(crate) fn again(&self) -> String {
        match self.server_was_argued {
            // A shell may take brackets for a pattern.
            true if self.server.contains('[') => format!(" --server \"{}\"", self.server),
            true => format!(" --server {}", self.server),
            false => String::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Yaml,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create or update the agents of a project, with their environments and instances
    #[command(after_help = "\
Examples:
  stigmer apply                        the project in this folder or above it
  stigmer apply --config ./reviewer    the project in that folder
  stigmer apply --dry-run              only say what would be done

Exit code 1: a file is wrong, or the server refused something; 3: something that is referred to is
not there. Nothing is sent while a file is wrong.")]
    Apply(ApplyArgs),
    /// Run an agent and follow what it does
    #[command(after_help = "\
Examples:
  stigmer run code-reviewer --message \"look at the last commit\"
  stigmer run                          apply this folder's project, run its agent
  stigmer run code-reviewer --env LEVEL=strict --secret GITHUB_TOKEN --env-file .env
  stigmer run --instance code-reviewer-staging
  stigmer run --session ses-01k... --message \"and the one before?\"
  stigmer run code-reviewer --no-follow --output json

A variable that is given several times has the value of --secret, else that of --runtime-env,
else that of the last --env-file; all of them go before the agent's and its environments'.
In an --env-file, ${NAME} is that variable of this command's environment, else of a line before.
A value there is taken as it stands, up to ` #`. One that begins with a quote goes on to the next
such quote, over several lines too; in double quotes \\n, \\\" and \\\\ are escapes, in single quotes
nothing is, and ${NAME} is a text. Outside them \\$ is a $.

Exit code 0: the execution COMPLETED, or with --no-follow was created; 1: it FAILED or was
CANCELLED; 3: there is no such agent, instance or session.")]
    Run(RunArgs),
    /// Show resources
    #[command(after_help = "\
Examples:
  stigmer get agents
  stigmer get agent code-reviewer --output yaml
  stigmer get executions --phase failed --limit 20

Exit code 3: there is no such one.")]
    Get(GetArgs),
    /// Show what an execution said and did
    #[command(after_help = "\
Examples:
  stigmer logs aex-01k...
  stigmer logs --follow aex-01k...

Exit code 0: it was shown, or with --follow has COMPLETED; 1: with --follow, it FAILED or was
CANCELLED; 3: there is no such execution.")]
    Logs(LogsArgs),
    /// Cancel an execution and wait until it has ended
    #[command(after_help = "\
Example:
  stigmer cancel aex-01k...

Exit code 0: it is CANCELLED; 1: it ended otherwise before, or not within --timeout; 3: there is no
such execution.")]
    Cancel(CancelArgs),
    /// Delete resources
    #[command(after_help = "\
Examples:
  stigmer delete agent code-reviewer
  stigmer delete executions aex-01k... aex-01j...

With an agent go its instances, with an instance its sessions, with a session its executions. What
others refer to is not deleted, nor is an execution that has not ended.

Exit code 0: all are deleted; else it is that of the first one that is not, and the others are
deleted.")]
    Delete(DeleteArgs),
    /// Push skills, which agents refer to by name
    #[command(subcommand)]
    Skill(SkillCommand),
    /// Print the completion script of a shell
    #[command(after_help = "\
Example:
  stigmer completions bash > ~/.local/share/bash-completion/completions/stigmer")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The project: its Stigmer.yaml or the folder of it [default: found upwards from here]
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Ask the server what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    /// Push a folder with a SKILL.md as a new version of a skill
    #[command(after_help = "\
Examples:
  stigmer skill push ./code-style
  stigmer skill push . --tag v2 --dry-run

`.env*`, version control, dependencies, caches and logs are left out; --dry-run lists what is not.

Exit code 1: the folder is no skill or too large, or the server refused it.")]
    Push(PushArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// A name for this version
    #[arg(long, value_name = "TAG", default_value = "latest")]
    pub(crate) tag: String,
    /// The skill's name [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only say what would be pushed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
