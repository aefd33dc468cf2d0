//! Checks of what the container runtime needs. None of it is needed elsewhere, so nothing of it is ever missing: what is
//! not there is told with its mend, and host processes are used. That a container reaches the model is proven when a
//! stack comes up, by asking it.

use crate::runtime;
use harness_base::docker::facts::{self, Engine, Seen};
use harness_base::docker::{self, docker};
use harness_base::{Code, Command, Config, query};
use harness_provision::prereqs::checks::{free_mb, python};
use harness_provision::prereqs::finding::{Finding, State};
use harness_stack::compose::client::{self, Compose};
use std::path::Path;
use std::time::Duration;

/// A daemon that begins to serve when it is asked, as Docker Desktop's may.
const LIMIT: Duration = Duration::from_secs(20);

/// Engine, its machine, and Compose; then the runtime that a run has.
pub async fn all(root: &Path, config: &Config) -> Vec<Finding> {
    let (engine, (_, runtime)) = tokio::join!(engine_findings(), runtime::decide(root, config));
    let answers = engine
        .iter()
        .any(|it| it.name == "docker" && it.state == State::Ok);
    let mut findings = engine;
    findings.push(compose(config, answers).await);
    findings.push(finding("runtime", Ok(runtime)));
    findings
}

async fn engine_findings() -> Vec<Finding> {
    let json = |what: &str| {
        docker::ask(
            docker([what, "--format", "{{json .}}"]),
            LIMIT,
            Code::Missing,
        )
    };
    let context = docker([
        "context",
        "inspect",
        "--format",
        "{{.Endpoints.docker.Host}}",
    ]);
    let (version, info, host) = tokio::join!(json("version"), json("info"), query(context, LIMIT));
    let engine = match (version, info) {
        (Ok(version), Ok(info)) => {
            Engine::parse(&version, &info).map_err(|why| (why, "docker version".into()))
        }
        (Err(error), _) | (_, Err(error)) => Err(apart(&error)),
    };
    let engine = match engine {
        Ok(engine) => engine,
        Err(why) => return vec![finding("docker", Err(why))],
    };
    let answers = engine.answers();
    if answers.is_err() {
        return vec![finding("docker", answers)];
    }
    let host = match host {
        Ok(answer) if answer.ok => answer.stdout,
        _ => std::env::var("DOCKER_HOST").unwrap_or_default(),
    };
    let (free, at) = match engine.root(&host) {
        Some(root) => (free(&root).await, root.display().to_string()),
        None => (None, String::new()),
    };
    let buildkit = std::env::var("DOCKER_BUILDKIT").ok();
    vec![
        finding("docker", answers),
        finding("docker builder", engine.builder(buildkit.as_deref())),
        finding(
            "docker machine",
            engine.architecture(std::env::consts::ARCH),
        ),
        finding("docker memory", engine.memory()),
        finding("docker disk", facts::disk(free, &at)),
    ]
}

/// Free space where the engine keeps its things; nobody but root may see what they are, but `df` need not.
async fn free(root: &Path) -> Option<u64> {
    let df = Command::new("df").args(["-Pk".into(), root.to_string_lossy()]);
    free_mb(&query(df, LIMIT).await.ok()?.stdout)
}

/// The Compose that a run would use, and why that one.
async fn compose(config: &Config, answers: bool) -> Finding {
    let wish = std::env::var("E2E_COMPOSE").unwrap_or_default();
    let asked = if wish.is_empty() {
        String::new()
    } else {
        format!(", asked for by E2E_COMPOSE={wish}")
    };
    let seen = match Compose::find(config).await {
        Ok(compose) => {
            let words = compose.words.join(" ");
            let from = match words.as_str() {
                "docker compose" => "the client's plug-in",
                "docker-compose" => "on PATH",
                path if wish == path => "a path",
                _ => "the tools cache",
            };
            Ok(format!("{} ({words}), {from}{asked}", compose.version))
        }
        Err(error) => match client::fetchable(config) {
            None => Err(apart(&error)),
            Some(_) if !answers => {
                Ok("none answers; a run that uses Docker would fetch one".into())
            }
            Some(version) => {
                let python = python(true, false).await;
                match python.state {
                    State::Ok => Ok(format!("{version} will be fetched, since no other answers")),
                    _ => Err((
                        format!(
                            "none answers, and {version} cannot be fetched: {}",
                            python.found
                        ),
                        python.fix.unwrap_or_default(),
                    )),
                }
            }
        },
    };
    finding("compose", seen)
}

/// Our own errors carry their mend; the table shows it in its own place.
fn apart(error: &anyhow::Error) -> (String, String) {
    let text = format!("{error:#}");
    let (why, fix) = text
        .split_once("\n  mend: ")
        .unwrap_or((&text, "docker version"));
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    (first(why), first(fix))
}

fn finding(name: &'static str, seen: Seen) -> Finding {
    let (state, found, fix) = match seen {
        Ok(found) => (State::Ok, found, None),
        Err((why, fix)) => (
            State::Optional,
            format!("{why}; only --runtime docker needs it"),
            Some(fix),
        ),
    };
    Finding {
        name,
        state,
        found,
        fix,
        phases: vec!["phase2"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::coded;

    #[test]
    fn what_is_not_there_is_optional_and_has_its_mend() {
        let error = coded(Code::Missing, "no daemon\n  mend: start it\n  more");
        let found = finding("docker", Err(apart(&error)));
        assert_eq!(found.state, State::Optional);
        assert_eq!(found.fix.as_deref(), Some("start it"));
        assert!(found.found.starts_with("no daemon;"));
    }
}
