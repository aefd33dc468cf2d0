//! Figures of speed, each beside its limit: `cargo xtask bench` builds this program when it is used first, and calls it
//! in the checkout. It is part of no test and of no CI run.

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

mod alone;
mod args;
mod child;
mod containers;
mod figures;
mod machine;
mod plan;
mod print;
mod processes;
mod result;
mod rounds;
mod side;
mod statistics;
mod timeline;

use anyhow::Context;
use args::Args;
use child::Runner;
use clap::Parser;
use harness_base::{Code, Interrupt, config, exit};
use machine::Machine;
use print::Subject;
use rounds::Rounds;
use side::Side;
use std::process::ExitCode;

async fn go(args: &Args) -> anyhow::Result<Code> {
    let machine = Machine::now(); // before anything of ours runs
    let figures = args.figures()?;
    let interrupt = Interrupt::install()?;
    let root = std::env::current_dir().context("which checkout?")?;
    let folder = side::folder(&root);
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let log = folder.join("bench.log");
    std::fs::write(&log, "").with_context(|| format!("write {}", log.display()))?;
    let runner = Runner { log, interrupt };
    let mut sides = vec![Side::here(&root)];
    if let Some(rev) = &args.against {
        sides.push(Side::against(&root, rev).await?);
    }
    eprintln!("what is built and run says so in {}", runner.log.display());
    for side in &sides {
        eprintln!("building {}", side.name);
        side.build(&runner).await?;
    }
    let subject = Subject {
        machine,
        commit: side::commit(&root).await,
        against: sides.get(1).map(|side| side.name.clone()),
        rounds: args.rounds.into(),
    };
    let rounds = Rounds {
        figures: figures.clone(),
        config: config::load(&root)?,
        cores: subject.machine.cores,
        measure: sides[0].measure(&runner).await?,
        sides,
        runner,
        folder,
    };
    let results = rounds.run(args.rounds.into()).await?;
    if args.json {
        let text = print::json(&subject, &figures, &results);
        println!("{}", serde_json::to_string_pretty(&text)?);
    } else {
        print!("{}", print::table(&subject, &figures, &results));
    }
    Ok(if results.is_whole() {
        Code::Passed
    } else {
        Code::Fault
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(go(&args)),
        Err(error) => Err(error).context("start the runtime"),
    };
    exit::end(result)
}

#[cfg(test)]
mod tests {
    /// The files from the ground up: each imports earlier ones only.
    const ROOMS: &[&str] = &[
        "statistics.rs",
        "machine.rs",
        "figures.rs",
        "args.rs",
        "plan.rs",
        "processes.rs",
        "timeline.rs",
        "alone.rs",
        "result.rs",
        "print.rs",
        "child.rs",
        "side.rs",
        "containers.rs",
        "rounds.rs",
        "main.rs",
    ];

    #[test]
    fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
        rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
    }
}
