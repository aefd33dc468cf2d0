//! The arguments of the commands that look at what is on the server, and end it.

use clap::{Args, ValueEnum};

use crate::name::name;

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
    /// The kind of resource, or its singular
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Only this one; executions and sessions have ids only
    #[arg(value_name = "NAME|ID", value_parser = name)]
    pub(crate) name: Option<String>,
    /// Show at most so many
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
    #[arg(value_name = "ID", value_parser = name)]
    pub(crate) id: String,
    /// Go on until the execution has ended
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The execution
    #[arg(value_name = "ID", value_parser = name)]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The kind of resource, or its singular
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Which ones; executions and sessions have ids only
    #[arg(value_name = "NAME|ID", required = true, value_parser = name)]
    pub(crate) names: Vec<String>,
}
