//! How many small faults the tests notice. `cargo-mutants` says which faults there are; each is put into a copy of the checkout,
//! which is built and tested until something notices. `cargo xtask mutants` builds this program and calls it.

#![expect(
    unreachable_pub,
    reason = "a binary has no outside: `pub` marks what a module offers the others"
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[macro_use]
extern crate harness_base; // printing that ends no run

mod args;
mod bench;
mod choose;
mod copy;
mod judge;
mod mutant;
mod report;
mod results;
mod stages;
mod step;
mod switch;
mod together;
mod tool;
mod warm;
mod weave;

use anyhow::Context;
use args::Args;
use bench::Bench;
use choose::Choice;
use clap::Parser;
use harness_base::lock::Lock;
use harness_base::{Code, Interrupt, coded, exit};
use mutant::Mutant;
use results::{Record, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use together::Together;

/// The mutants that are asked for.
async fn mutants(args: &Args, dir: &Path, bench: &Bench<'_>) -> anyhow::Result<Vec<Mutant>> {
    let choice = args.choice();
    copy::refresh(&args.root, &bench.copy).await?;
    let list = match &args.list {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| coded(Code::Usage, format!("read {}: {error}", file.display())))?,
        None => listed(args, &choice, dir, bench).await?,
    };
    Ok(choose::choose(mutant::read(&list)?, &choice))
}

/// What cargo-mutants lists.
async fn listed(
    args: &Args,
    choice: &Choice,
    dir: &Path,
    bench: &Bench<'_>,
) -> anyhow::Result<String> {
    let bin = tool::obtain(&args.tools, &bench.log, bench.interrupt).await?;
    let file = dir.join("in.diff");
    let diff = match &args.in_diff {
        Some(since) => {
            tool::diff(&args.root, since, &file).await?;
            Some(file.as_path())
        }
        None => None,
    };
    tool::list(&bin, &bench.copy, &choice.crates, diff).await
}

/// What is known of these, in their order, and how many are not known.
fn known(mutants: &[Mutant], results: &BTreeMap<String, Record>) -> (Vec<Record>, usize) {
    let records: Vec<Record> = mutants
        .iter()
        .filter_map(|it| results.get(&it.id).cloned())
        .collect();
    let left = mutants.len() - records.len();
    (records, left)
}

/// Tests those that are left; whatever ends it, what came of those before is written down.
async fn test(bench: &mut Bench<'_>, left: &[&Mutant], path: &Path) -> anyhow::Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let packages: BTreeSet<_> = left.iter().map(|it| it.package.clone()).collect();
    let packages: Vec<_> = packages.into_iter().collect();
    let copy = bench.copy.clone();
    let mut together = Together::read(&copy, left).await?;
    let woven = bench.weave(&mut together, &packages).await?;
    eprintln!(
        "{} compile side by side, {} are built one by one",
        woven.len(),
        left.len() - woven.len()
    );
    bench.prepare(&packages).await?;
    let mut tested = 0;
    let mut add = |record: Record| {
        tested += 1;
        eprintln!("{tested:>4}/{} {}", left.len(), report::line(&record));
        results::add(path, &record)
    };
    let numbered = (1..).zip(left);
    let (side_by_side, alone): (Vec<_>, Vec<_>) =
        numbered.partition(|(number, _)| woven.contains(number));
    for (number, mutant) in side_by_side {
        add(bench.test_woven(mutant, number).await?)?;
    }
    together.restore()?;
    for (_, mutant) in alone {
        add(bench.test_alone(mutant).await?)?;
    }
    Ok(())
}

async fn go(args: &Args, interrupt: &Interrupt) -> anyhow::Result<Code> {
    let dir = args.root.join("target/mutants");
    std::fs::create_dir_all(dir.join("copy")).with_context(|| format!("make {}", dir.display()))?;
    let lock = Lock::try_take(&dir.join(".lock"))?;
    let busy = || {
        coded(
            Code::Usage,
            "another `cargo xtask mutants` is at work in this checkout: wait until it has ended",
        )
    };
    let _lock = lock.ok_or_else(busy)?;
    let (mut bench, path) = (Bench::new(&dir, interrupt), dir.join("results.jsonl"));
    std::fs::copy(&args.xtask, &bench.xtask)
        .with_context(|| format!("copy {}", args.xtask.display()))?;
    let mutants = tokio::select! {
        mutants = mutants(args, &dir, &bench) => mutants?,
        () = interrupt.reached(1) => return Err(coded(Code::Interrupted, "interrupted: nothing was tested")),
    };
    let results = results::read(&path);
    let open = |it: &&Mutant| match results.get(&it.id) {
        None => true,
        Some(record) => args.again && matches!(record.verdict, Verdict::Missed | Verdict::Timeout),
    };
    let left: Vec<&Mutant> = mutants
        .iter()
        .filter(open)
        .filter(|_| !args.known)
        .collect();
    eprintln!("{} mutants, {} to test", mutants.len(), left.len());
    if !left.is_empty() {
        warm::warm(&args.root, &bench.copy).await?;
    }
    let tested = test(&mut bench, &left, &path).await;
    let (records, open) = known(&mutants, &results::read(&path));
    if args.json {
        print!("{}", report::json(&records, open));
    } else {
        print!("{}", report::text(&records, open));
    }
    tested?;
    let missed = records.iter().any(|it| it.verdict == Verdict::Missed);
    Ok(if missed {
        Code::TestsFailed
    } else {
        Code::Passed
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime.context("start the runtime").and_then(|runtime| {
        let done = runtime.block_on(async { go(&args, &Interrupt::install()?).await });
        // A question that is still waited for must not hold up the end; it has a time limit of its own.
        runtime.shutdown_background();
        done
    });
    exit::end(done)
}

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "mutant.rs",
        "choose.rs",
        "args.rs",
        "results.rs",
        "report.rs",
        "stages.rs",
        "judge.rs",
        "step.rs",
        "copy.rs",
        "warm.rs",
        "tool.rs",
        "switch.rs",
        "weave.rs",
        "together.rs",
        "bench.rs",
        "main.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
