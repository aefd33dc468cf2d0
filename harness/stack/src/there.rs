//! A stack that is there: the one that `up` or `--keep` left, or somebody else's by its addresses. Tests, a command of the
//! user's and `up` itself find it here.

use crate::bring_up::Up;
use crate::external;
use crate::file::{Bin, StackFile};
use crate::kept::KeptStack;
use crate::stack::Stack;
use crate::wiring::{RunnerModel, Wiring};
use harness_base::{Code, coded, random};
use harness_provision::{Binary, Found, GatewayMode, LiveModel, Mode, Model, Source};
use std::sync::Arc;
use std::time::Duration;

/// Which stack that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// The kept one, with what changed since started again.
    Fresh,
    /// The kept one as it is.
    AsIs,
    /// Somebody else's.
    External,
}

/// What is known of it.
struct Known {
    file: StackFile,
    runner_key: Option<String>,
    model_key: Option<String>,
    web: Option<String>,
    temporal_version: Option<String>,
    remarks: Vec<String>,
}

/// Finds it, for `stack`, whose members will be instances of tests' own.
///
/// # Errors
/// Usage errors that say what to set or to run; a build that did not work; a service that changed and does not become ready.
pub async fn find(stack: &Stack, which: There, mode: Mode) -> anyhow::Result<Up> {
    let context = &stack.context;
    let external = which == There::External;
    let known = match which {
        There::External => Known {
            file: external::addresses(&context.config).await?,
            runner_key: None,
            model_key: None,
            web: None,
            temporal_version: None,
            remarks: Vec::new(),
        },
        There::Fresh | There::AsIs => kept(stack, which == There::Fresh).await?,
    };
    let mut file = known.file;
    check_mode(&file, mode)?;
    let source = if external {
        "somebody else's"
    } else {
        "of the kept stack"
    };
    let live = match &file.model {
        _ if mode == Mode::Replay => LiveModel::Unavailable("--model replay asks none".into()),
        None if external => LiveModel::Unavailable("E2E_MODEL_NAME names none".into()),
        None => LiveModel::Unavailable("this stack was started without one".into()),
        Some(at) => LiveModel::Available(Model {
            kind: at.kind,
            base_url: Some(at.base_url.clone()),
            name: at.name.clone(),
            key: known.model_key.clone(),
            why: source.into(),
            tools: at.tools,
            unlisted: None,
        }),
    };
    // The CLI under test is of this checkout.
    let artifacts = context.wait_built().await?;
    file.run_id.clone_from(&context.run.id);
    file.bin = Bin {
        stigmer: Binary::Cli.path(&context.config, &artifacts)?,
    };
    let kept = std::mem::replace(&mut file.logs, stack.dir.join("logs"));
    file.shared_logs = (!external).then_some(kept);
    let runner_model = RunnerModel {
        key: known.model_key,
        ..RunnerModel::of(live.model(), &context.config)
    };
    // One that nobody knows still serves instances that a test starts as a pair.
    let runner_key = match known.runner_key {
        Some(key) => key,
        None => random::secret()?,
    };
    context.run.keep_secret(&runner_key);
    let gateway_mode = file.gateway.as_ref().map(|gateway| gateway.mode);
    let wiring = Wiring::whole(
        runner_key,
        runner_model,
        gateway_mode.unwrap_or(GatewayMode::Replay),
        context.config.model.max_tokens,
    );
    wiring.set_server(&file.server);
    if let Some(temporal) = &file.temporal {
        wiring.set_temporal(&temporal.address);
        wiring.set_asks_temporal(&temporal.cli, &temporal.address);
    }
    if let Some(gateway) = &file.gateway {
        wiring.set_gateway(&gateway.base_url);
    }
    let cli = file.temporal.as_ref().map(|at| at.cli.clone());
    Ok(Up {
        wiring: Arc::new(wiring),
        file,
        temporal: Found {
            bin: cli.unwrap_or_default(),
            source: Source::Stack(source),
            version: known
                .temporal_version
                .unwrap_or_else(|| "of unknown version".into()),
        },
        web: known.web,
        live,
        ready: Duration::ZERO,
        remarks: known.remarks,
    })
}

/// The kept stack; brought up to date with what is built meanwhile, or as it is with what is old of it.
async fn kept(stack: &Stack, fresh: bool) -> anyhow::Result<Known> {
    let context = &stack.context;
    let (root, config) = (&context.run.root, &context.config);
    if !KeptStack::in_containers(root)? {
        // Nothing can be done before it has ended, so whoever changes a service by hand need not wait.
        context.wait_built().await?;
    }
    let mut kept = KeptStack::take_in_turn(root, config, &context.interrupt).await?;
    for key in [kept.runner_key(), kept.model_key()].into_iter().flatten() {
        context.run.keep_secret(key);
    }
    let remarks = if fresh {
        let refresh = kept.refresh(context.wait_built());
        context.timed("what changed started again", refresh).await?
    } else {
        let artifacts = context.wait_built().await?;
        let changes = kept.changes(Some(&artifacts))?;
        changes.iter().map(|it| format!("AS IT IS: {it}")).collect()
    };
    // What does not run, and is to stay so, cannot die under the tests.
    kept.stack.leave_out_what_ended();
    stack.stands_beside(kept.stack.clone());
    Ok(Known {
        runner_key: kept.runner_key().map(str::to_owned),
        model_key: kept.model_key().map(str::to_owned),
        web: kept.web().map(str::to_owned),
        temporal_version: kept.temporal_version().map(str::to_owned),
        file: kept.file,
        remarks,
    })
}

fn check_mode(file: &StackFile, mode: Mode) -> anyhow::Result<()> {
    let Some(gateway) = &file.gateway else {
        return Ok(());
    };
    if mode == Mode::Replay || mode == Mode::Auto || gateway.mode == mode.gateway() {
        return Ok(());
    }
    Err(coded(
        Code::Usage,
        format!(
            "this stack's gateway is in mode {}, not {}: end the stack and start another",
            gateway.mode,
            mode.gateway()
        ),
    ))
}
