//! What the runner is told by flags and environment.

use std::{path::PathBuf, time::Duration};

use agent_tools::Limits;
use clap::{Args, Parser, Subcommand};
use service_kit::path;
use temporal_link::TemporalArgs;

use crate::{
    keys::KeyFiles,
    provider::{self, Provider},
};

/// Runs agents: polls Temporal for executions, asks the model, reports to the server.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Ask Temporal whether a runner polls the task queue; exit code 0 if one does
    Healthcheck(Healthcheck),
    /// Print the workflow history of an execution, as the replay tests read it
    History {
        /// The execution's id; for a sub-agent with `/` and the id of the call after it; or a workflow's own id, `stigmer/..`
        execution: String,

        /// An earlier run of its workflow, by its id in Temporal
        #[arg(long, value_name = "ID")]
        run: Option<String>,

        #[command(flatten)]
        key_files: KeyFiles,

        #[command(flatten)]
        temporal: TemporalArgs,
    },
}

#[derive(Args)]
pub(crate) struct Healthcheck {
    /// Ask the model for its list of models instead
    #[arg(long)]
    pub(crate) model: bool,

    /// The running runner's announce file; without it any runner on the queue counts
    #[arg(long, env = "STIGMER_ANNOUNCE_FILE", value_name = "FILE", value_parser = path())]
    pub(crate) announce_file: Option<PathBuf>,

    /// How long to ask again before it counts as not ready; 0 = ask once
    #[arg(
        long,
        default_value_t = 0,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS)
    )]
    wait: u64,

    #[command(flatten)]
    pub(crate) key_files: KeyFiles,

    #[command(flatten)]
    pub(crate) llm: ModelArgs,

    #[command(flatten)]
    pub(crate) temporal: TemporalArgs,
}

impl Healthcheck {
    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

#[derive(Args)]
pub(crate) struct Run {
    /// The server's address
    #[arg(
        long,
        env = "STIGMER_BACKEND_ENDPOINT",
        default_value = "http://127.0.0.1:7234",
        value_name = "URL",
        hide_env_values = true // a password may stand in it
    )]
    pub(crate) backend: String,

    /// File to which the runner's identity in Temporal is written at start
    #[arg(long, env = "STIGMER_ANNOUNCE_FILE", value_name = "FILE", value_parser = path())]
    pub(crate) announce_file: Option<PathBuf>,

    /// How long running work may go on after SIGTERM before another runner takes it over
    #[arg(
        long,
        env = "STIGMER_DRAIN_SECONDS",
        default_value_t = 5,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS)
    )]
    drain: u64,

    /// What to log: error, warn, info, debug, trace, or a tracing filter
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,

    /// Folder in which executions get a folder each for what they unpack; default: a temporary one
    #[arg(long, env = "STIGMER_WORK_DIR", value_name = "FOLDER", value_parser = path())]
    pub(crate) work_dir: Option<PathBuf>,

    /// Key that the server knows; without it the server tells us no secrets
    #[arg(long, env = "STIGMER_RUNNER_KEY", hide = true, hide_env_values = true)]
    pub(crate) runner_key: Option<String>,

    #[command(flatten)]
    pub(crate) key_files: KeyFiles,

    #[command(flatten)]
    pub(crate) own: OwnLimits,

    #[command(flatten)]
    pub(crate) mcp: McpLimits,

    #[command(flatten)]
    pub(crate) llm: ModelArgs,

    #[command(flatten)]
    pub(crate) temporal: TemporalArgs,
}

impl Run {
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}

/// What no execution of this runner exceeds. Sub-agents share the execution's limits: what it may
/// still use when it calls them is split among all that it calls at once.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Limits of one execution")]
pub(crate) struct OwnLimits {
    /// How often it may ask the model, sub-agents included; those called at once share what is left
    #[arg(
        long = "max-model-calls",
        env = "STIGMER_MAX_MODEL_CALLS",
        default_value_t = 50,
        value_name = "CALLS"
    )]
    pub(crate) model_calls: u32,

    /// How many tools it may call, sub-agents included; those called at once share what is left
    #[arg(
        long = "max-tool-calls",
        env = "STIGMER_MAX_TOOL_CALLS",
        default_value_t = 200,
        value_name = "CALLS"
    )]
    pub(crate) tool_calls: u32,

    /// How long it may take
    #[arg(
        long = "max-seconds",
        env = "STIGMER_MAX_SECONDS",
        default_value_t = 1800,
        value_name = "SECONDS"
    )]
    pub(crate) seconds: u32,

    /// After so many turns its workflow continues as a new run, so that no history grows too long
    #[arg(
        long,
        env = "STIGMER_TURNS_PER_RUN",
        default_value_t = 30,
        value_name = "TURNS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) turns_per_run: u32,
}

/// How long MCP servers may take whose definition says nothing of it.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "MCP servers")]
pub(crate) struct McpLimits {
    /// How long a server may take from its start until it answers, and once more to list its tools
    #[arg(
        long = "mcp-start",
        env = "STIGMER_MCP_START_SECONDS",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    start: u64,

    /// How long a call may go without a word, an answer or progress
    #[arg(
        long = "mcp-call",
        env = "STIGMER_MCP_CALL_SECONDS",
        default_value_t = 60,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    call: u64,

    /// How long a call may take in all, whatever progress the server reports
    #[arg(
        long = "mcp-call-max",
        env = "STIGMER_MCP_CALL_MAX_SECONDS",
        default_value_t = 600,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    whole_call: u64,
}

impl McpLimits {
    pub(crate) fn limits(self) -> Limits {
        Limits {
            start: Duration::from_secs(self.start),
            call: Duration::from_secs(self.call),
            whole_call: Duration::from_secs(self.whole_call),
            ..Limits::default()
        }
    }
}

/// The model: any OpenAI-compatible address.
#[derive(Args, Clone)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// Base address of the OpenAI-compatible API, up to and with /v1; default: Ollama's on this
    /// machine, or what the provider's own variables say
    #[arg(
        long = "llm-base-url",
        env = "STIGMER_LLM_BASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    base_url: Option<String>,

    /// Whose API it is, as the original's runner is told
    #[arg(
        long = "llm-provider",
        env = "STIGMER_LLM_PROVIDER",
        default_value = "",
        hide_default_value = true,
        ignore_case = true,
        value_name = "NAME"
    )]
    pub(crate) provider: Provider,

    /// Model of executions that name none
    #[arg(
        id = "llm_model",
        long = "llm-model",
        env = "STIGMER_LLM_MODEL",
        default_value = "qwen2.5-coder:7b"
    )]
    pub(crate) model: String,

    /// Key that the model's address asks for
    #[arg(
        id = "llm_api_key",
        long = "llm-api-key",
        env = "STIGMER_LLM_API_KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,

    /// Longest answer of the model, in tokens; what is longer is cut there
    #[arg(
        long = "llm-max-tokens",
        env = "STIGMER_LLM_MAX_TOKENS",
        default_value_t = 8192,
        value_name = "TOKENS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) max_tokens: u32,

    /// Tokens that the model takes, question and answer together; without it the model's server is
    /// asked, and where it does not say, nothing is cut to fit
    #[arg(
        long = "llm-context-tokens",
        env = "STIGMER_LLM_CONTEXT_TOKENS",
        value_name = "TOKENS",
        value_parser = clap::value_parser!(u32).range(256..)
    )]
    pub(crate) context_tokens: Option<u32>,

    /// Longest silence of the model, before its first byte and between two
    #[arg(
        long = "llm-timeout",
        env = "STIGMER_LLM_TIMEOUT_SECONDS",
        default_value_t = 60,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=MOST_ANSWER_SECONDS)
    )]
    timeout: u64,

    /// Longest time for a whole answer of the model, whatever it sends
    #[arg(
        long = "llm-answer",
        env = "STIGMER_LLM_ANSWER_SECONDS",
        default_value_t = 600,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=MOST_ANSWER_SECONDS)
    )]
    answer: u64,
}

/// What nobody means who says more.
const MOST_SECONDS: u64 = 24 * 3600;
/// The longest that [`ModelArgs::answer`] can be set to.
pub(crate) const MOST_ANSWER_SECONDS: u64 = 7200;

impl ModelArgs {
    /// The base address of the model's API.
    ///
    /// # Errors
    /// For a provider whose own API we do not speak.
    pub(crate) fn base_url(&self) -> anyhow::Result<String> {
        provider::base(self.provider, self.base_url.clone(), variable)
    }

    /// The key that is sent to it.
    pub(crate) fn key(&self) -> Option<String> {
        provider::key(self.provider, self.api_key.clone(), variable)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    pub(crate) fn answer(&self) -> Duration {
        Duration::from_secs(self.answer)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }

    /// No time is so long that it cannot be added to the clock's, and none so short that nothing fits.
    #[test]
    fn what_cannot_be_meant_is_refused() {
        use clap::Parser;
        let refused = [
            ["--llm-timeout", "0"],
            ["--llm-timeout", "18446744073709551615"],
            ["--llm-max-tokens", "0"],
            ["--drain", "18446744073709551615"],
        ];
        for [flag, value] in refused {
            let error = super::Cli::try_parse_from(["x", flag, value]).err();
            let error = error.map(|e| e.to_string()).unwrap_or_default();
            assert!(
                error.contains(flag) && error.contains(value),
                "{flag} {value}: {error}"
            );
        }
        assert!(super::Cli::try_parse_from(["x", "--drain", "0"]).is_ok());
    }

    #[test]
    fn it_drains_for_as_long_as_is_set() {
        use clap::Parser;
        let run = super::Cli::parse_from(["x", "--drain", "7"]).run;
        assert_eq!(run.drain().as_secs(), 7);
    }

    #[test]
    fn what_is_set_for_mcp_servers_reaches_them() {
        use clap::Parser;
        let args = ["x", "--mcp-start=1", "--mcp-call=2", "--mcp-call-max=3"];
        let limits = super::Cli::parse_from(args).run.mcp.limits();
        let set = [limits.start, limits.call, limits.whole_call];
        assert_eq!(set.map(|limit| limit.as_secs()), [1, 2, 3]);
    }
}
