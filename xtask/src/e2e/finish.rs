//! The end of a run: nothing left, everything said, one exit code.

use super::flow::Driven;
use super::session::Session;
use super::{Args, summary};
use crate::docker::leftovers;
use crate::exit::{Code, code_of, coded};
use crate::run::info::Info;
use crate::run::sweep;
use std::time::{Duration, Instant};

/// Checks that nothing is left, prints the summary, writes the exit code into `run.json`.
///
/// # Errors
/// When `run.json` of a run that passed cannot be written.
pub async fn finish(session: Session, driven: Driven, args: &Args) -> anyhow::Result<Code> {
    let kept = args.keep
        && driven
            .stacks
            .iter()
            .any(|stack| !stack.members().is_empty());
    let began = Instant::now();
    if !kept {
        if let Some(error) = leftovers(&session, &driven).await {
            session.cause(error);
        }
        sweep::remove_data(&session.run.dir);
        if let Some(error) = leaks(&session) {
            session.cause(error);
        }
    }
    session.step("check that nothing is left", began.elapsed());
    let causes = session.causes();
    let interrupted = session.interrupt.count() > 0;
    let code = if interrupted {
        Code::Interrupted
    } else {
        causes.first().map_or(Code::Passed, code_of)
    };
    let total = session.began.elapsed();
    eprint!(
        "\n{}",
        summary::lines(&driven.reports, total, &session.run.dir)
    );
    for cause in causes.iter().filter(|cause| !reported(cause, &driven)) {
        eprintln!("{}", session.run.redact(&format!("{cause:#}")));
    }
    let ran: usize = driven
        .reports
        .iter()
        .filter_map(|report| report.counts)
        .map(|counts| counts.tests)
        .sum();
    let counted = driven.reports.iter().any(|report| report.counts.is_some());
    let code = if code == Code::Passed && counted && ran == 0 {
        eprintln!(
            "no test matches {}",
            args.filter.as_deref().unwrap_or("the selection")
        );
        Code::Usage
    } else {
        code
    };
    if args.timings {
        eprint!(
            "\n{}",
            summary::timings(&session.steps(), &driven.reports, total)
        );
    }
    if kept {
        eprintln!("the stack is kept: `cargo xtask status` shows it, `cargo xtask down` ends it");
    }
    let noted = Info::change(&session.run.dir, |info| {
        info.kept = kept;
        info.exit_code = (!kept).then_some(code as i32);
        for report in &driven.reports {
            info.versions
                .insert(report.name.into(), report.on.join("; "));
        }
    });
    if code == Code::Passed {
        noted?;
    } else if let Err(error) = noted {
        // Most likely for the reason that decides the code already.
        eprintln!("{error:#}");
    }
    Ok(code)
}

/// Whether a cause is in a phase's report already.
fn reported(cause: &anyhow::Error, driven: &Driven) -> bool {
    let text = format!("{cause:#}");
    driven.reports.iter().any(|report| {
        report.trouble.is_some() && (report.skipped || report.trouble.as_deref() == Some(&text))
    })
}

/// Whatever of this run still lives after the stop. It is ended, but it is a fault that it was there.
async fn leftovers(session: &Session, driven: &Driven) -> Option<anyhow::Error> {
    let (dir, id) = (&session.run.dir, &session.run.id);
    // A process that was told to end, and whose parent was reaped, may need a moment more.
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut left = sweep::left(dir, id);
    while !left.is_empty() && Instant::now() < deadline && session.interrupt.count() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        left = sweep::left(dir, id);
    }
    let named: Vec<String> = left
        .iter()
        .map(|ident| format!("{} ({})", ident.pid, name_of(ident.pid)))
        .collect();
    if !named.is_empty() {
        sweep::end(dir, id, Duration::from_secs(2)).await;
    }
    let ports: Vec<u16> = driven
        .stacks
        .iter()
        .flat_map(|stack| stack.ports_left())
        .collect();
    let mut found = Vec::new();
    if !named.is_empty() {
        let named = named.join(", ");
        found.push(format!("still there after the stop, ended now: {named}"));
    } else if !ports.is_empty() {
        // Whoever was ended had them.
        found.push(format!(
            "somebody still listens on this run's ports {ports:?}"
        ));
    }
    found.extend(contained(driven, id).await);
    (!found.is_empty()).then(|| coded(Code::Left, found.join("\n")))
}

/// A secret in the evidence, which people attach to issues.
fn leaks(session: &Session) -> Option<anyhow::Error> {
    let files = session.run.leaks();
    (!files.is_empty()).then(|| {
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        coded(
            Code::Left,
            format!(
                "a key of this run stands in {}: do not share it",
                files.join(", ")
            ),
        )
    })
}

/// What the run still has in Docker. It is removed, but it is a fault that it was there.
async fn contained(driven: &Driven, id: &str) -> Option<String> {
    let mut stacks = driven.stacks.iter();
    let stack = stacks.find(|stack| stack.containers().is_some())?;
    let again = async {
        let left = leftovers::left(id).await?;
        if !left.is_empty() {
            leftovers::remove(id, stack.config.stop.docker_limit()).await?;
        }
        anyhow::Ok(left)
    };
    match again.await {
        Ok(left) if left.is_empty() => None,
        Ok(left) => Some(format!(
            "still in Docker after the stop, removed now: {}",
            left.join(", ")
        )),
        Err(error) => Some(stack.unremoved(&error)),
    }
}

fn name_of(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_or_else(|_| "unknown".into(), |name| name.trim().to_owned())
}
