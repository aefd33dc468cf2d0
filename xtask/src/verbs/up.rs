//! `cargo xtask up`: a stack to play with.

use crate::model_choice::{self, ModelArgs};
use crate::runtime::RuntimeChoice;
use anyhow::Context;
use harness_base::lock::Lock;
use harness_base::run::sweep;
use harness_base::{
    Code, Config, Info, Interrupt, Phase, RunContext, code_of, coded, quoted, runs_dir,
};
use harness_provision::build::{self, Targets};
use harness_provision::check_theirs;
use harness_stack::kept::{self, KeptStack};
use harness_stack::member::Stay;
use harness_stack::{Ports, Runtime, Stack, StackFile, Up, bring_up};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Flags of `cargo xtask up`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the services run
    #[arg(long, value_enum, default_value = "auto")]
    pub runtime: RuntimeChoice,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Parts of somebody else's build, as this file describes them (docs/parts.md)
    #[arg(long, value_name = "FILE")]
    pub parts: Option<PathBuf>,
    /// The server's port, in place of any that is free
    #[arg(long, value_name = "PORT")]
    pub port_server: Option<u16>,
    /// Temporal's port, in place of any that is free
    #[arg(long, value_name = "PORT")]
    pub port_temporal: Option<u16>,
    /// Print how this service is started, wait until you have done so (in a debugger, of another build), and run the rest
    /// around it, as host processes
    #[arg(long, value_name = "SERVICE", value_parser = OF_A_USER)]
    pub mine: Option<String>,
}

/// What its user may start.
const OF_A_USER: [&str; 5] = ["temporal", "server", "gateway", "mcp", "runner"];

/// Starts phase 2's stack and leaves it running. Where it runs, it is brought up to date.
///
/// # Errors
/// What a run of phase 2 would fail with; nothing is left then.
pub async fn run(root: &Path, config: Config, args: Args) -> anyhow::Result<Code> {
    bring_up(root, config, args, Interrupt::install()?).await
}

/// The same, for whoever listens to signals already.
///
/// # Errors
/// As [`run`].
pub async fn bring_up(
    root: &Path,
    mut config: Config,
    args: Args,
    interrupt: Interrupt,
) -> anyhow::Result<Code> {
    let began = Instant::now();
    check_theirs(&config, Phase::Two.into())?;
    let _alone = alone(root, &interrupt).await?;
    if KeptStack::find(root, &config, &interrupt).await?.is_some() {
        return again(root, config, args, interrupt).await;
    }
    config.parts.settle(args.parts.as_deref())?;
    model_choice::equipped(&config).await?;
    let plan = model_choice::plan(&config, &args.model, false, &interrupt).await?;
    let runtime = match (&args.mine, args.runtime) {
        (Some(_), RuntimeChoice::Docker) => {
            let text = "--mine runs the rest as host processes: containers would not find your own";
            return Err(coded(Code::Usage, text));
        }
        (Some(_), _) => Runtime::Native,
        (None, choice) => choice.choose(root, &config, &interrupt).await?,
    };
    let context = RunContext::begin(root, config, interrupt, began).await?;
    let stay = Stay {
        mine: args.mine,
        web: true,
    };
    let stack = Arc::new(Stack::new(&context, Phase::Two)?.staying(stay));
    let ports = Ports {
        server: args.port_server,
        temporal: args.port_temporal,
    };
    let up = bring_up::phase2(&stack, plan, runtime, ports);
    let (built, up) = tokio::join!(build(&context), up);
    let kept = match built.and(up) {
        Ok(up) => keep(&stack, &up).await.map(|()| up),
        Err(error) => Err(error),
    };
    match kept {
        Ok(up) => {
            println!("{}", endpoints(&up.file, up.web.as_deref()));
            Ok(Code::Passed)
        }
        Err(error) => {
            end(&stack, &error).await?;
            Err(error)
        }
    }
}

/// One at a time in a checkout: a second one finds what the first started.
async fn alone(root: &Path, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let runs = runs_dir(root);
    std::fs::create_dir_all(&runs).with_context(|| format!("make {}", runs.display()))?;
    let why = "another `cargo xtask up` is at work in this checkout: this one waits for its end";
    Lock::in_turn(&runs.join(".up"), interrupt, why).await
}

/// One is up: what changed of it is started again.
async fn again(
    root: &Path,
    config: Config,
    args: Args,
    interrupt: Interrupt,
) -> anyhow::Result<Code> {
    let mut kept = KeptStack::take(root, &config, &interrupt).await?;
    let asked = match args.runtime {
        RuntimeChoice::Auto => None,
        RuntimeChoice::Native => Some(Runtime::Native),
        RuntimeChoice::Docker => Some(Runtime::Docker),
    };
    let parts = args.parts.as_deref().map(std::path::absolute).transpose()?;
    let temporal = kept.file.temporal.as_ref().map_or("", |at| &at.address);
    let differs = [
        (
            asked.is_some_and(|asked| asked != kept.file.runtime),
            "--runtime",
        ),
        (args.mine.is_some(), "--mine"),
        (parts.is_some() && parts != kept.info.parts, "--parts"),
        (
            elsewhere(&kept.file.server, args.port_server),
            "--port-server",
        ),
        (elsewhere(temporal, args.port_temporal), "--port-temporal"),
    ];
    if let Some((_, flag)) = differs.into_iter().find(|(differs, _)| *differs) {
        let running = kept.file.server;
        let text = format!(
            "another stack is up already, its server at {running}, and {flag} asks for other than it has: `cargo xtask down` ends it"
        );
        return Err(coded(Code::Usage, text));
    }
    let context = kept.stack.context.clone();
    let built = async {
        build(&context).await?;
        context.artifacts()
    };
    for line in kept.refresh(built).await? {
        eprintln!("{line}");
    }
    println!("{}", endpoints(&kept.file, kept.web()));
    Ok(Code::Passed)
}

/// Whether something that runs is not at the port that was asked for.
fn elsewhere(running: &str, port: Option<u16>) -> bool {
    port.is_some_and(|port| !running.ends_with(&format!(":{port}")))
}

async fn build(context: &RunContext) -> anyhow::Result<()> {
    let targets = Targets::new(&context.config, Phase::Two.into(), false, true);
    match build::run(&context.run, &targets, &context.interrupt, true).await {
        Ok(artifacts) => {
            context.built(Some(artifacts));
            Ok(())
        }
        Err(error) => {
            context.built(None);
            Err(error)
        }
    }
}

/// Writes what others need to find the stack, and its keys.
async fn keep(stack: &Stack, up: &Up) -> anyhow::Result<()> {
    up.file.write(&stack.dir.join("stack.json"))?;
    kept::keep(stack, up).await?;
    let context = &stack.context;
    Info::change(&context.run.dir, |info| {
        info.kept = true;
        info.parts.clone_from(&context.config.parts.file);
    })
}

/// Leaves nothing of a stack that did not come up.
async fn end(stack: &Stack, error: &anyhow::Error) -> anyhow::Result<()> {
    let run = &stack.context.run;
    if let Some(left) = stack.down().await {
        eprintln!("{left}");
    }
    sweep::end(&run.dir, &run.id, Duration::from_secs(2)).await;
    sweep::remove_data(&run.dir);
    Info::change(&run.dir, |info| {
        info.exit_code = Some(code_of(error) as i32)
    })
}

fn endpoints(file: &StackFile, web: Option<&str>) -> String {
    let server = file.server.trim_start_matches("http://");
    let temporal = file.temporal.as_ref().map(|at| at.address.clone());
    let gateway = file.gateway.as_ref();
    let gateway = gateway.map(|at| format!("{} ({})", at.base_url, at.mode));
    let mcp = file.mcp.as_ref();
    let mcp = mcp.map(|at| format!("{} and {}", at.http, at.stdio.display()));
    let model = file.model.as_ref();
    let model = model.map_or("none".into(), |at| {
        format!("{} at {}", at.name, at.base_url)
    });
    let web = web.map_or(String::new(), |page| format!(", its web page {page}"));
    format!(
        "server    {server}\ntemporal  {}{web}\ngateway   {}\nmcp       {}\nmodel     {model}\nlogs      {}\n\n\
         export STIGMER_SERVER_ADDR={server}\n{} get agents\n\
         cargo xtask e2e phase2 --reuse\ncargo xtask restart server\ncargo xtask logs server -f\ncargo xtask down",
        temporal.unwrap_or_default(),
        gateway.unwrap_or_default(),
        mcp.unwrap_or_default(),
        file.logs.display(),
        quoted(&file.bin.stigmer.to_string_lossy())
    )
}
