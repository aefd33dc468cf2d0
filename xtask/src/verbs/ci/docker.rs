//! The stages of `ci` that need Docker: images, phase 2 in containers, and the tests of the container runtime itself.

use super::stage::{Stage, StageProgram};
use harness_base::{Code, Config, coded};
use harness_stack::compose::client::{Compose, engine_version};

/// What a machine without Docker means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DockerPolicy {
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
pub async fn stages(config: &Config, policy: DockerPolicy) -> anyhow::Result<Vec<Stage>> {
    if policy == DockerPolicy::Skip {
        eprintln!("docker: left out, by --docker skip");
        return Ok(Vec::new());
    }
    let there = async {
        let engine = engine_version().await?;
        anyhow::Ok((engine, Compose::get(config).await?))
    };
    match there.await {
        Ok((engine, compose)) => {
            let engine = engine.split_whitespace().next().unwrap_or_default();
            eprintln!("docker: Engine {engine}, Compose {}", compose.version);
            Ok(plan())
        }
        Err(error) if policy == DockerPolicy::Require => {
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

/// In the order in which they run.
fn plan() -> Vec<Stage> {
    let xtask = |name, args: &[&'static str]| Stage {
        name,
        program: StageProgram::Xtask,
        args: args.to_vec(),
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
    vec![
        xtask("images", &["images"]),
        xtask("docker", &[&phase2[..], &["--timings"]].concat()),
        Stage {
            program: StageProgram::Cargo,
            // Without the short ones, which have run already.
            ..xtask(
                "docker's tests",
                &[
                    "nextest",
                    "run",
                    "-p",
                    "xtask",
                    "--test",
                    "docker",
                    "--run-ignored",
                    "only",
                ],
            )
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_with_docker() {
        let lines = |stages: Vec<Stage>| {
            let echo = |stage: &Stage| format!("{}: {}", stage.name, stage.echo());
            stages.iter().map(echo).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(lines(plan()), @r"
        images: cargo xtask images
        docker: cargo xtask e2e phase2 --runtime docker --if-missing fail --timings
        docker's tests: cargo nextest run -p xtask --test docker --run-ignored only
        ");
    }
}
