//! `cargo xtask up`: a stack to play with.

use crate::e2e::build::{self, Targets};
use crate::model_choice::{self, ModelArgs};
use crate::runtime::RuntimeChoice;
use harness_base::run::sweep;
use harness_base::{
    Code, Config, Info, Interrupt, Phase, Phases, RunContext, code_of, coded, runs_dir,
};
use harness_stack::kept::{self, Keys};
use harness_stack::{Stack, StackFile, Up, bring_up};
use std::path::Path;
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
}

/// Starts phase 2's stack and leaves it running.
///
/// # Errors
/// What a run of phase 2 would fail with; nothing is left then.
pub async fn run(root: &Path, config: Config, args: Args) -> anyhow::Result<Code> {
    let (began, interrupt) = (Instant::now(), Interrupt::install()?);
    if args.runtime == RuntimeChoice::External {
        return Err(coded(
            Code::Usage,
            "an external stack is somebody else's to start",
        ));
    }
    if let Some((dir, _)) = kept::newest(&runs_dir(root)) {
        let running = kept::stack_file(&dir)
            .map(|file| file.server)
            .unwrap_or_default();
        return Err(coded(
            Code::Usage,
            format!("a stack is up already, its server at {running}: `cargo xtask down` ends it"),
        ));
    }
    model_choice::equipped(&config).await?;
    let plan = model_choice::plan(&config, &args.model, false, &interrupt).await?;
    let runtime = args.runtime.choose(root, &config, &interrupt).await?;
    let context = RunContext::begin(root, config, interrupt, began).await?;
    let stack = Arc::new(Stack::new(&context, Phase::Two)?);
    let (built, up) = tokio::join!(build(&context), bring_up::phase2(&stack, plan, runtime));
    let kept = match built.and(up) {
        Ok(up) => keep(&stack, &up).map(|()| up.file),
        Err(error) => Err(error),
    };
    match kept {
        Ok(file) => {
            println!("{}", endpoints(&file));
            Ok(Code::Passed)
        }
        Err(error) => {
            end(&stack, &error).await?;
            Err(error)
        }
    }
}

async fn build(context: &RunContext) -> anyhow::Result<()> {
    let phases = Phases {
        one: false,
        two: true,
    };
    let targets = Targets::new(&context.config, phases, false, true);
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
fn keep(stack: &Stack, up: &Up) -> anyhow::Result<()> {
    up.file.write(&stack.dir.join("stack.json"))?;
    Keys::of(&up.wiring).write(&stack.dir)?;
    Info::change(&stack.context.run.dir, |info| info.kept = true)
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

fn endpoints(file: &StackFile) -> String {
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
    format!(
        "server    {server}\ntemporal  {}\ngateway   {}\nmcp       {}\nmodel     {model}\nlogs      {}\n\n\
         export STIGMER_SERVER_ADDR={server}\n{} get agents\n\
         cargo xtask e2e phase2 --reuse\ncargo xtask logs server -f\ncargo xtask down",
        temporal.unwrap_or_default(),
        gateway.unwrap_or_default(),
        mcp.unwrap_or_default(),
        file.logs.display(),
        file.bin.stigmer.display()
    )
}
