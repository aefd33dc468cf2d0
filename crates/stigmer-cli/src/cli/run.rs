//! The arguments of `stigmer run`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{duration, name::name};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The agent [default: that of the project found upwards from here, applied first]
    #[arg(value_name = "NAME|ID", value_parser = name)]
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
    #[arg(long, value_name = "ID", conflicts_with = "agent", value_parser = name)]
    pub(crate) session: Option<String>,
    /// The model to use in place of the runner's own
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) model: Option<String>,
    /// Run in this instance of the agent, with its environments, in place of the default one
    #[arg(long, value_name = "NAME|ID", conflicts_with = "session", value_parser = name)]
    pub(crate) instance: Option<String>,
    /// A variable for the agent's tools, with `secret:` before it one that is never shown
    #[arg(long, visible_alias = "env", value_name = "[secret:]KEY=VALUE")]
    pub(crate) runtime_env: Vec<String>,
    /// A secret variable; its value is that of KEY in this command's environment, never shown
    #[arg(long, value_name = "KEY")]
    pub(crate) secret: Vec<String>,
    /// A dotenv file, lines of KEY=VALUE; none of them counts as a secret
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

#[cfg(test)]
impl RunArgs {
    /// As the command line reads them.
    pub(crate) fn of(args: &[&str]) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("run").no_binary_name(true));
        let matches = command.try_get_matches_from(args)?;
        <Self as clap::FromArgMatches>::from_arg_matches(&matches)
    }
}
