//! The end of a run: nothing left, everything said, one exit code.

use super::args::Args;
use super::outcome::Outcome;
use crate::page;
use harness_base::docker::leftovers;
use harness_base::run::junit;
use harness_base::run::sweep;
use harness_base::{Code, Info, RunContext, code_of, coded, runs_dir};
use harness_selection::history::{History, Timings};
use harness_selection::report::{github, summary};
use std::time::{Duration, Instant};

/// Checks that nothing is left, prints the summary, writes the exit code into `run.json`.
///
/// # Errors
/// When `run.json` of a run that passed cannot be written.
pub async fn give(context: &RunContext, mut outcome: Outcome, args: &Args) -> anyhow::Result<Code> {
    let kept = args.keep
        && outcome
            .stacks
            .iter()
            .any(|stack| !stack.members().is_empty());
    let began = Instant::now();
    if !kept {
        outcome.end.extend(left(context, &outcome).await);
        sweep::remove_data(&context.run.dir);
        outcome.end.extend(leaks(context));
    }
    context.step("check that nothing is left", began.elapsed());
    let total = context.began.elapsed();
    let code = code(context, &outcome, args);
    let now = times(context, &outcome, args);
    let causes = outcome
        .causes()
        .map(|cause| context.run.redact(&format!("{cause:#}")));
    let causes: Vec<String> = causes.collect();
    // Before the page is made, which tells it.
    let ended = Info::change(&context.run.dir, |info| {
        (info.causes, info.exit_code) = (causes, (!kept).then_some(code as i32));
        info.parts.clone_from(&context.config.parts.file);
        for report in &outcome.reports {
            let phase = report.phase.to_string();
            info.versions.insert(phase.clone(), report.on.join("; "));
            if let Some(judged) = &report.judged {
                info.tests.insert(phase, judged.clone());
            }
        }
    });
    let wanted =
        args.report || code != Code::Passed && outcome.reports.iter().any(|it| it.counts.is_some());
    let page = match wanted && context.interrupt.count() == 0 {
        true => page::write(&context.run.root, &context.run.dir).await,
        false => None,
    };
    github::tell(&outcome.reports, &|text| context.run.redact(text));
    let said = summary::lines(&outcome.reports, total, &context.run.dir, page.as_deref());
    eprint!("\n{}", context.run.redact(&said));
    for cause in outcome.apart() {
        eprintln!("{}", context.run.redact(&format!("{cause:#}")));
    }
    if let Some(now) = now {
        // Of the runs before this one: its own exit code is not written yet.
        let slower = History::of(&runs_dir(&context.run.root)).slower(&now);
        slower.iter().for_each(|line| eprintln!("{line}"));
        if let Err(error) = now.write(&context.run.dir) {
            eprintln!("{error:#}"); // it would have served later runs
        }
    }
    if args.timings {
        let said = summary::timings(&context.steps(), &outcome.reports, total);
        eprint!("\n{said}");
    }
    if kept {
        eprintln!("the stack is kept: `cargo xtask status` shows it, `cargo xtask down` ends it");
    }
    let noted = ended.and_then(|()| Info::change(&context.run.dir, |info| info.kept = kept));
    if code == Code::Passed {
        noted?;
    } else if let Err(error) = noted {
        // Most likely for the reason that decides the code already.
        eprintln!("{error:#}");
    }
    Ok(code)
}

/// How long everything took, where that can be compared: nothing was repeated, nobody else's command ran. What ran in
/// another place is something else.
fn times(context: &RunContext, outcome: &Outcome, args: &Args) -> Option<Timings> {
    if args.exec.is_some() || args.stress.is_some() || context.interrupt.count() > 0 {
        return None;
    }
    let mut now = Timings::default();
    let steps = context.steps().into_iter();
    now.stages = steps
        .map(|(name, took)| (name, took.as_secs_f64()))
        .collect();
    for report in &outcome.reports {
        let junit = context.run.dir.join(report.phase.name());
        let junit = std::fs::read_to_string(junit.join("junit.xml"));
        let place = report.place.map(|place| format!(" in {place}"));
        let phase = format!("{}{}", report.phase.name(), place.unwrap_or_default());
        if let Some(ready) = report.ready {
            let stack = format!("{phase} stack ready");
            now.stages.insert(stack, ready.as_secs_f64());
        }
        if let Some(counts) = report.counts {
            let tests = format!("{phase} tests ({})", counts.tests);
            now.stages.insert(tests, report.tests.as_secs_f64());
        }
        let services = report.services.iter();
        let named = services.map(|(name, took)| (format!("{phase} {name}"), took.as_secs_f64()));
        now.services.extend(named);
        // Among few others a test takes a fraction.
        let whole = args.filter.is_none() && args.shard.is_none();
        if whole && args.failed.is_none() && args.changed_since.is_none() {
            let cases = junit::read(&junit.unwrap_or_default());
            now.add_tests(&phase, &cases.unwrap_or_default());
        }
    }
    Some(now)
}

fn code(context: &RunContext, outcome: &Outcome, args: &Args) -> Code {
    if context.interrupt.count() > 0 {
        return Code::Interrupted;
    }
    if let Some(cause) = outcome.causes().next() {
        return code_of(cause);
    }
    let counts = || outcome.reports.iter().filter_map(|report| report.counts);
    let ran: usize = counts().map(|counts| counts.tests).sum();
    // nextest passes where no test matches, since a filter may be about one of two phases; none in both is a mistake.
    if counts().next().is_some() && ran == 0 {
        let filter = args.filter.as_deref().unwrap_or("the selection");
        eprintln!("no test matches {filter}");
        return Code::Usage;
    }
    Code::Passed
}

/// Whatever of this run still lives after the stop. It is ended, but it is a fault that it was there.
async fn left(context: &RunContext, outcome: &Outcome) -> Option<anyhow::Error> {
    let (dir, id) = (&context.run.dir, &context.run.id);
    // A process that was told to end, and whose parent was reaped, may need a moment more.
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut left = sweep::left(dir, id);
    while !left.is_empty() && Instant::now() < deadline && context.interrupt.count() < 2 {
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
    let ports: Vec<u16> = outcome
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
    found.extend(contained(outcome, id).await);
    (!found.is_empty()).then(|| coded(Code::Leftovers, found.join("\n")))
}

/// A secret in the evidence, which people attach to issues.
fn leaks(context: &RunContext) -> Option<anyhow::Error> {
    let files = context.run.leaks();
    (!files.is_empty()).then(|| {
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let files = files.join(", ");
        coded(
            Code::Leftovers,
            format!("a key of this run stands in {files}: do not share it"),
        )
    })
}

/// What the run still has in Docker. It is removed, but it is a fault that it was there.
async fn contained(outcome: &Outcome, id: &str) -> Option<String> {
    let mut stacks = outcome.stacks.iter();
    let stack = stacks.find(|stack| stack.containers().is_some())?;
    let again = async {
        let left = leftovers::left(id).await?;
        if !left.is_empty() {
            leftovers::remove(id, stack.context.config.stop.docker_limit()).await?;
        }
        anyhow::Ok(left)
    };
    match again.await {
        Ok(left) if left.is_empty() => None,
        Ok(left) => Some(format!(
            "still in Docker after the stop, removed now: {}",
            left.join(", ")
        )),
        Err(error) => Some(stack.why_not_removed(&error)),
    }
}

fn name_of(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_or_else(|_| "unknown".into(), |name| name.trim().to_owned())
}
