//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{address, duration};

const EXIT_CODES: &str = "\
Exit codes:
  0    what was asked succeeded
  1    it failed; also when an execution that was followed FAILED or was CANCELLED
  2    the command line is wrong
  3    not found
  4    the server cannot be reached or does not answer
  130  interrupted by Ctrl-C";

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
        env = "STIGMER_SERVER_ADDR",
        value_name = "ADDRESS"
    )]
    #[arg(default_value = address::DEFAULT, value_parser = address::normalize)]
    pub(crate) server: String,

    /// What stdout gets; with json and yaml it is one document and people read stderr
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    #[arg(default_value_t = Format::Table)]
    pub(crate) output: Format,

    /// How long to wait for each answer and for a lost server, like 500ms, 30s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "30s")]
    #[arg(value_parser = duration::parse)]
    pub(crate) timeout: Duration,

    /// The organization; of agents that name none, and where a name is looked up
    #[arg(long, global = true, value_name = "ORG")]
    pub(crate) org: Option<String>,
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
  stigmer apply --dry-run              only say what would be done")]
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
else that of the last --env-file; all of them go before the agent's and its environments'.")]
    Run(RunArgs),
    /// Show resources
    #[command(after_help = "\
Examples:
  stigmer get agents
  stigmer get agent code-reviewer --output yaml
  stigmer get executions --phase failed --limit 20")]
    Get(GetArgs),
    /// Show the messages of an execution
    Logs(LogsArgs),
    /// Cancel an execution and wait until it has ended
    Cancel(CancelArgs),
    /// Delete resources
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

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The agent [default: that of the project found upwards from here, applied first]
    #[arg(value_name = "NAME|ID")]
    pub(crate) agent: Option<String>,
    /// What to tell the agent
    #[arg(long, short, value_name = "TEXT", default_value = "execute")]
    pub(crate) message: String,
    /// Print what the agent does until it has ended (the default)
    #[arg(long, overrides_with = "no_follow")]
    pub(crate) follow: bool,
    /// Return as soon as the execution is created
    #[arg(long)]
    pub(crate) no_follow: bool,
    /// Go on in this session, with its agent and what was said in it
    #[arg(long, value_name = "ID", conflicts_with = "agent")]
    pub(crate) session: Option<String>,
    /// The model to use in place of the runner's own
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Run in this instance of the agent, with its environments, in place of the default one
    #[arg(long, value_name = "NAME|ID", conflicts_with = "session")]
    pub(crate) instance: Option<String>,
    /// A variable for the agent's tools, with `secret:` before it one that is never shown
    #[arg(long, visible_alias = "env", value_name = "[secret:]KEY=VALUE")]
    pub(crate) runtime_env: Vec<String>,
    /// A secret variable; its value is that of the variable KEY of this command's environment
    #[arg(long, value_name = "KEY")]
    pub(crate) secret: Vec<String>,
    /// A file of KEY=VALUE lines, as dotenv reads them; none of them is a secret
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// How often the model may be asked, sub-agents included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) max_model_calls: Option<i32>,
    /// How many tools may be called, sub-agents included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) max_tool_calls: Option<i32>,
    /// How long it may take, like 90s or 5m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) max_time: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    /// Push a folder with a SKILL.md as a new version of a skill
    #[command(after_help = "\
Examples:
  stigmer skill push ./code-style
  stigmer skill push . --tag v2 --dry-run")]
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

/// A kind of resource; the singular is understood too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[value(alias = "agent")]
    Agents,
    #[value(alias = "environment")]
    Environments,
    #[value(alias = "execution")]
    Executions,
    #[value(alias = "instance")]
    Instances,
    #[value(alias = "session")]
    Sessions,
    #[value(alias = "skill")]
    Skills,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Phase {
    Pending,
    #[value(alias = "in_progress", alias = "running")]
    InProgress,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The kind of resource
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Only this one
    #[arg(value_name = "ID|SLUG")]
    pub(crate) name: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", conflicts_with = "name")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Only executions in this phase
    #[arg(long, value_enum, ignore_case = true, conflicts_with = "name")]
    pub(crate) phase: Option<Phase>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The execution
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Go on until the execution has ended
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The execution
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The kind of resource
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Which ones
    #[arg(value_name = "ID|SLUG", required = true)]
    pub(crate) names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
