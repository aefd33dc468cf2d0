//! `test` and `ci`: what a merge needs, stage after stage, since two cargos at once only wait for each other.

use crate::config::Config;
use crate::e2e::build::cargo;
use crate::e2e::{self, provision, seconds};
use crate::exit::{Code, coded};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xshell::{Shell, cmd};

/// One stage of `ci`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    name: &'static str,
    args: Vec<&'static str>,
    code: Code,
}

fn lint_stages() -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage {
        name,
        args: args.to_vec(),
        code: Code::Fault,
    };
    vec![
        stage("format", &["fmt", "--all", "--check"]),
        stage(
            "lint",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        ),
    ]
}

/// The same selections as the builds, so that nothing is compiled twice with other features.
fn test_stages(nextest: bool) -> Vec<Stage> {
    let stage = |name, args: &[&'static str]| Stage {
        name,
        args: args.to_vec(),
        code: Code::TestsFailed,
    };
    if nextest {
        vec![
            stage(
                "unit tests",
                &[
                    "nextest",
                    "run",
                    "--workspace",
                    "--exclude",
                    "xtask",
                    "--no-tests",
                    "pass",
                ],
            ),
            stage("xtask's tests", &["nextest", "run", "-p", "xtask"]),
        ]
    } else {
        vec![
            stage("unit tests", &["test", "--workspace", "--exclude", "xtask"]),
            stage("xtask's tests", &["test", "-p", "xtask"]),
        ]
    }
}

fn run_stage(shell: &Shell, stage: &Stage) -> anyhow::Result<()> {
    let (cargo, args) = (PathBuf::from(cargo()), &stage.args);
    cmd!(shell, "{cargo} {args...}")
        .run()
        .map_err(|error| coded(stage.code, format!("{}: {error}", stage.name)))
}

/// A shell at the root whose PATH finds nextest; whether there is one.
async fn shell(root: &Path, config: &Config) -> anyhow::Result<(Shell, bool)> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    // What `cargo run` says about xtask's own package would make build scripts run again.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            shell.set_var(name, "");
        }
    }
    let nextest = provision::nextest(config).await;
    if let Ok(bin) = &nextest {
        let folder = bin.parent().map(Path::to_owned).unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        shell.set_var(
            "PATH",
            std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)))?,
        );
    }
    Ok((shell, nextest.is_ok()))
}

/// The unit tests of the workspace.
///
/// # Errors
/// [`Code::TestsFailed`].
pub async fn test(root: &Path, config: &Config) -> anyhow::Result<Code> {
    let (shell, nextest) = shell(root, config).await?;
    for stage in test_stages(nextest) {
        run_stage(&shell, &stage)?;
    }
    Ok(Code::Passed)
}

/// Format, lint, unit tests, both phases; every stage's time. The first failing stage ends it.
///
/// # Errors
/// The stage that failed.
pub async fn ci(root: &Path, config: Config) -> anyhow::Result<Code> {
    let (shell, nextest) = shell(root, &config).await?;
    let mut times = Vec::new();
    for stage in lint_stages().into_iter().chain(test_stages(nextest)) {
        let began = Instant::now();
        let result = run_stage(&shell, &stage);
        times.push((stage.name, began.elapsed(), result.is_ok()));
        if let Err(error) = result {
            eprint!("{}", table(&times));
            return Err(error);
        }
    }
    let began = Instant::now();
    let code = e2e::run(root, config, e2e::Args::for_ci()).await?;
    times.push(("end to end", began.elapsed(), code == Code::Passed));
    eprint!("{}", table(&times));
    Ok(code)
}

fn table(times: &[(&str, std::time::Duration, bool)]) -> String {
    let row = |(name, time, passed): &(&str, std::time::Duration, bool)| {
        format!(
            "{name:<14} {:<7} {:>8}\n",
            if *passed { "passed" } else { "FAILED" },
            seconds(*time)
        )
    };
    format!("\n{}", times.iter().map(row).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stages() {
        let lines = |stages: Vec<Stage>| {
            stages
                .iter()
                .map(|stage| stage.args.join(" "))
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(lines(
            lint_stages().into_iter().chain(test_stages(true)).collect()
        ));
        insta::assert_snapshot!(lines(test_stages(false)));
        insta::assert_snapshot!(table(&[
            ("format", Duration::from_millis(700), true),
            ("lint", Duration::from_secs(80), false)
        ]));
    }
}
