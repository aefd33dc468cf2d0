//! What `cargo xtask bench` measures on a running stack, each figure beside its limit and by turns, so that whatever else
//! the machine does falls on both: `measure FILE FIGURE..` writes `{FIGURE: {"measured": [..], "limit": [..], "note"}}`.
//! `measure growth` is for people.

mod bare;
mod executions;
mod first_token;
mod growth;
mod server;

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use serde::Serialize;
use test_e2e::Stack;

use bare::Bare;

/// The slowest, 10,000 creations, took 13 s on two cores.
const LONGEST: Duration = Duration::from_secs(300);

/// The samples of a figure.
#[derive(Debug, Default, Serialize)]
struct Samples {
    measured: Vec<f64>,
    limit: Vec<f64>,
    /// What the reader must know of how it was measured.
    note: String,
    /// Why it could not be measured.
    missing: Option<String>,
}

async fn measure(figure: &str, stack: &Stack) -> Result<Samples> {
    match figure {
        "one" => executions::one(stack, &Bare::start(stack).await?).await,
        "at-once" => executions::at_once(stack, &Bare::start(stack).await?).await,
        "first-token" => first_token::measure(stack).await,
        "creates" => server::creates(stack).await,
        "subscriber" => server::subscriber(stack).await,
        other => bail!("{other} is not measured on a stack"),
    }
}

async fn go(args: &[String]) -> Result<()> {
    let [file, figures @ ..] = args else {
        bail!("no stack is measured by hand: run `cargo xtask bench`");
    };
    let stack = Stack::get()?;
    if file == "growth" {
        return growth::print(&stack).await;
    }
    let mut all = BTreeMap::new();
    for figure in figures {
        let measured = tokio::time::timeout(LONGEST, measure(figure, &stack)).await;
        let measured = measured.unwrap_or_else(|_| bail!("it took longer than {LONGEST:?}"));
        let samples = measured.unwrap_or_else(|error| Samples {
            missing: Some(format!("{error:#}")),
            ..Samples::default()
        });
        all.insert(figure, samples);
    }
    Ok(std::fs::write(file, serde_json::to_string(&all)?)?)
}

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo's own flag for benches, where somebody runs all of a workspace.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match go(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
