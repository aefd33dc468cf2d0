//! `up`, `down`, `status`, `logs`: a stack to play with.

use crate::config::Config;
use crate::e2e::bring_up;
use crate::e2e::build::{self, Targets};
use crate::e2e::live::Plan;
use crate::e2e::session::Session;
use crate::e2e::{ModelArgs, Phases, Which};
use crate::exit::{Code, coded};
use crate::prereqs;
use crate::run::info::Info;
use crate::run::{runs_dir, sweep};
use crate::stack::Runtime;
use crate::stack::choose;
use crate::stack::compose;
use crate::stack::external::newest_kept;
use crate::stack::file::StackFile;
use crate::stack::native::Native;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Flags of `cargo xtask up`.
#[derive(Clone, Debug, clap::Args)]
pub struct UpArgs {
    /// Where the services run
    #[arg(long, value_enum, default_value = "auto")]
    pub runtime: Runtime,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Starts phase 2's stack and leaves it running.
///
/// # Errors
/// What a run of phase 2 would fail with; nothing is left then.
pub async fn up(root: &Path, config: Config, args: UpArgs) -> anyhow::Result<Code> {
    if args.runtime == Runtime::External {
        return Err(coded(
            Code::Usage,
            "an external stack is somebody else's to start",
        ));
    }
    if let Some((dir, _)) = newest_kept(&runs_dir(root)) {
        let running = StackFile::read(&dir.join("phase2/stack.json"))
            .map(|file| file.server)
            .unwrap_or_default();
        return Err(coded(
            Code::Usage,
            format!("a stack is up already, its server at {running}: `cargo xtask down` ends it"),
        ));
    }
    let missing = prereqs::missing_for_run(&config, None).await;
    if !missing.is_empty() {
        return Err(coded(
            Code::Missing,
            format!("missing:\n{}", missing.join("\n")),
        ));
    }
    let plan = Plan::make(&config, args.model.model, &args.model.wish(), false).await?;
    let phases = Phases::from(Which::Phase2);
    let runtime = choose::runtime(root, &config, args.runtime, phases).await;
    let session = Session::begin(root, config, phases).await?;
    let stack = Arc::new(Native::new(
        &session.run,
        "phase2",
        &session.config,
        &session.interrupt,
    )?);
    let building = async {
        let targets = Targets::new(&session.config, session.phases, false, true);
        let result = build::run(&session.run, &targets, &session.interrupt).await;
        session.built(result.is_ok());
        result
    };
    let bringing = async {
        if runtime == Runtime::Docker {
            compose::up::phase2(&session, &stack, plan).await
        } else {
            bring_up::phase2(&session, &stack, plan).await
        }
    };
    let (built, up) = tokio::join!(building, bringing);
    let up = match built.and(up) {
        Ok(up) => up,
        Err(error) => {
            if let Some(left) = stack.down().await {
                eprintln!("{left}");
            }
            sweep::end(&session.run.dir, &session.run.id, Duration::from_secs(2)).await;
            sweep::remove_data(&session.run.dir);
            Info::change(&session.run.dir, |info| {
                info.exit_code = Some(crate::exit::code_of(&error) as i32)
            })?;
            return Err(error);
        }
    };
    up.file.write(&stack.dir.join("stack.json"))?;
    Info::change(&session.run.dir, |info| info.kept = true)?;
    println!("{}", endpoints(&up.file));
    Ok(Code::Passed)
}

fn endpoints(file: &StackFile) -> String {
    let server = file.server.trim_start_matches("http://");
    let temporal = file.temporal.as_ref().map(|at| at.address.clone());
    let gateway = file.gateway.as_ref();
    let gateway = gateway.map(|at| format!("{} ({})", at.base_url, at.mode));
    let tools = file.tools.as_ref();
    let tools = tools.map(|at| format!("{} and {}", at.http, at.stdio.display()));
    let model = file.model.as_ref();
    let model = model.map_or("none".into(), |at| {
        format!("{} at {}", at.name, at.base_url)
    });
    format!(
        "server    {server}\ntemporal  {}\ngateway   {}\ntools     {}\nmodel     {model}\nlogs      {}\n\n\
         export STIGMER_SERVER_ADDR={server}\n{} get agents\n\
         cargo xtask e2e phase2 --reuse\ncargo xtask logs server -f\ncargo xtask down",
        temporal.unwrap_or_default(),
        gateway.unwrap_or_default(),
        tools.unwrap_or_default(),
        file.logs.display(),
        file.bin.stigmer.display()
    )
}

/// Ends every stack of this checkout that was kept; nothing to end is no error.
///
/// # Errors
/// [`Code::Left`] when something does not end.
pub async fn down(root: &Path, config: &Config) -> anyhow::Result<Code> {
    let (runs, limit) = (
        runs_dir(root),
        Duration::from_secs(config.stop.term_seconds),
    );
    let mut ended = 0;
    for (dir, info) in sweep::runs(&runs)
        .into_iter()
        .filter(|(_, info)| info.kept && !info.owner.alive())
    {
        let count = sweep::end(&dir, &info.run_id, limit).await;
        let docker = StackFile::read(&dir.join("phase2/stack.json"))
            .is_ok_and(|file| file.runtime == "docker");
        if docker {
            crate::docker::leftovers::remove(&info.run_id, config.stop.docker_limit()).await?;
        }
        if !sweep::left(&dir, &info.run_id).is_empty() {
            return Err(coded(
                Code::Left,
                format!(
                    "{} still has processes after SIGKILL: `cargo xtask status` lists them",
                    info.run_id
                ),
            ));
        }
        sweep::remove_data(&dir);
        Info::change(&dir, |info| (info.kept, info.exit_code) = (false, Some(0)))?;
        println!(
            "ended {} with {count} processes; its logs stay in {}",
            info.run_id,
            dir.display()
        );
        ended += 1;
    }
    if ended == 0 {
        println!("no stack is up");
    }
    Ok(Code::Passed)
}

/// Shows what runs in this checkout.
pub fn status(root: &Path) -> Code {
    let mut shown = 0;
    for (dir, info) in sweep::runs(&runs_dir(root)) {
        let recorded = sweep::recorded(&dir);
        if recorded.is_empty() && !(info.kept || info.owner.alive()) {
            continue;
        }
        shown += 1;
        println!(
            "{} {}",
            info.run_id,
            if info.kept {
                "kept by `up` or --keep".to_owned()
            } else {
                format!("of process {}", info.owner.pid)
            }
        );
        let file = StackFile::read(&dir.join("phase2/stack.json")).ok();
        for (name, ident) in &recorded {
            let address = file
                .as_ref()
                .map(|file| address(file, name))
                .unwrap_or_default();
            println!("  {name:<18} running  pid {:<8} {address}", ident.pid);
        }
        for service in ["temporal", "gateway", "tools", "model", "server", "runner"] {
            let log = dir.join("phase2/logs").join(format!("{service}.log"));
            if info.kept
                && log.exists()
                && !recorded
                    .iter()
                    .any(|(name, _)| name == &format!("phase2-{service}"))
            {
                println!("  phase2-{service:<11} GONE     see {}", log.display());
            }
        }
    }
    if shown == 0 {
        println!("no stack is up");
    }
    Code::Passed
}

fn address(file: &StackFile, name: &str) -> String {
    match name {
        "phase2-server" => file.server.clone(),
        "phase2-temporal" => file
            .temporal
            .as_ref()
            .map(|at| at.address.clone())
            .unwrap_or_default(),
        "phase2-gateway" => file
            .gateway
            .as_ref()
            .map(|at| at.base_url.clone())
            .unwrap_or_default(),
        "phase2-tools" => file
            .tools
            .as_ref()
            .map(|at| at.http.clone())
            .unwrap_or_default(),
        "phase2-model" => file
            .model
            .as_ref()
            .map(|at| at.base_url.clone())
            .unwrap_or_default(),
        _ => String::new(),
    }
}
