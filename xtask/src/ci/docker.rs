//! The stages of `ci` that need Docker: images, phase 2 in containers, the other Compose, and the tests of the container
//! runtime itself.

use super::stage::{Program, Stage};
use crate::config::Config;
use crate::exit::{Code, coded};
use crate::stack::compose::client::{Compose, engine_version};
use crate::tools::install;

/// What a machine without Docker means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wish {
    /// Exit code 20
    Require,
    /// What needs Docker is left out, and said to be
    Auto,
    /// What needs Docker is left out
    Skip,
}

/// The stages for this machine, or none and why.
///
/// # Errors
/// [`Code::Missing`] where Docker is required and does not answer.
pub async fn stages(config: &Config, wish: Wish, nextest: bool) -> anyhow::Result<Vec<Stage>> {
    if wish == Wish::Skip {
        eprintln!("docker: left out, by --docker skip");
        return Ok(Vec::new());
    }
    let there = async {
        let engine = engine_version().await?;
        anyhow::Ok((engine, compose(config).await?))
    };
    match there.await {
        Ok((engine, compose)) => {
            let other = compose.other(config).await;
            let engine = engine.split_whitespace().next().unwrap_or_default();
            let second = other.as_ref().map_or_else(
                || format!("no Compose {} is at hand", compose.other_kind()),
                |other| format!("the stack lane with Compose {} too", other.version),
            );
            eprintln!(
                "docker: Engine {engine}, Compose {}; {second}",
                compose.version
            );
            Ok(plan(nextest, other.map(|_| compose.other_kind())))
        }
        Err(error) if wish == Wish::Require => {
            Err(coded(Code::Missing, format!("--docker require: {error:#}")))
        }
        Err(error) => {
            let text = format!("{error:#}");
            let why = text.lines().next().unwrap_or_default();
            eprintln!("docker: left out, since {why} (`cargo xtask prereqs` says more)");
            Ok(Vec::new())
        }
    }
}

/// The Compose that runs will take. Where that is the old one the pinned one is fetched, so that both are tested.
async fn compose(config: &Config) -> anyhow::Result<Compose> {
    let found = Compose::get(config).await?;
    if !found.is_v1() || !config.tools.contains_key("compose") {
        return Ok(found);
    }
    if let Err(error) = install::all(config, &["compose".to_owned()]).await {
        eprintln!("docker: Compose v2 cannot be fetched: {error:#}");
    }
    Compose::get(config).await
}

/// In the order in which they run; `other` is the second Compose.
fn plan(nextest: bool, other: Option<&'static str>) -> Vec<Stage> {
    let xtask = |name, args: &[&'static str]| Stage {
        name,
        program: Program::Xtask,
        args: args.to_vec(),
        env: None,
        code: Code::TestsFailed,
    };
    let phase2 = [
        "e2e",
        "phase2",
        "--runtime",
        "docker",
        "--if-missing",
        "fail",
    ];
    let mut stages = vec![
        xtask("images", &["images"]),
        xtask("docker", &[&phase2[..], &["--timings"]].concat()),
    ];
    if let Some(kind) = other {
        // What differs between the two is how the stack comes up and goes down; the tests that hurt it look closest.
        let stack = [&phase2[..], &["--model", "replay", "test(/^stack::/)"]].concat();
        stages.push(Stage {
            env: Some(("E2E_COMPOSE", kind)),
            ..xtask("docker, other", &stack)
        });
    }
    let tests: &[&str] = if nextest {
        // Without the short ones, which have run already.
        &[
            "nextest",
            "run",
            "-p",
            "xtask",
            "--test",
            "docker",
            "--run-ignored",
            "only",
        ]
    } else {
        &["test", "-p", "xtask", "--test", "docker", "--", "--ignored"]
    };
    stages.push(Stage {
        program: Program::Cargo,
        ..xtask("docker's tests", tests)
    });
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_with_docker() {
        let lines = |stages: Vec<Stage>| {
            let echo = |stage: &Stage| {
                let env = stage.env.map(|(name, value)| format!("{name}={value} "));
                format!(
                    "{}: {}{}",
                    stage.name,
                    env.unwrap_or_default(),
                    stage.echo()
                )
            };
            stages.iter().map(echo).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(lines(plan(true, Some("v1"))), @r"
        images: cargo xtask images
        docker: cargo xtask e2e phase2 --runtime docker --if-missing fail --timings
        docker, other: E2E_COMPOSE=v1 cargo xtask e2e phase2 --runtime docker --if-missing fail --model replay test(/^stack::/)
        docker's tests: cargo nextest run -p xtask --test docker --run-ignored only
        ");
        assert_eq!(plan(false, None).len(), 3);
    }
}
