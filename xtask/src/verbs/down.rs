//! `cargo xtask down`: the end of what `up` or --keep left running.

use harness_base::docker::leftovers;
use harness_base::run::damaged::damaged;
use harness_base::run::sweep;
use harness_base::{Code, Config, Info, coded, runs_dir};
use harness_stack::{Runtime, StackFile};
use std::path::Path;
use std::time::Duration;

/// Ends every stack of this checkout that was kept; nothing to end is no error.
///
/// # Errors
/// [`Code::Leftovers`] when something does not end.
pub async fn run(root: &Path, config: &Config) -> anyhow::Result<Code> {
    let (runs, limit) = (
        runs_dir(root),
        Duration::from_secs(config.stop.term_seconds),
    );
    let mut ended = 0;
    for (dir, info) in sweep::runs(&runs)
        .into_iter()
        .filter(|(_, info)| info.kept && !info.owner.alive())
    {
        let count = sweep::end(&dir, &info.run_id, limit).await;
        let file = StackFile::read(&dir.join("phase2/stack.json"));
        if file.map_or_else(
            |_| leftovers::may_be(root),
            |it| it.runtime == Runtime::Docker,
        ) {
            leftovers::remove(&info.run_id, config.stop.docker_limit()).await?;
        }
        cleared(&dir, &info.run_id, count)?;
        Info::change(&dir, |info| (info.kept, info.exit_code) = (false, Some(0)))?;
        ended += 1;
    }
    // What cannot be read may have been kept.
    for it in damaged(&runs).into_iter().filter(|it| !it.owned) {
        let mut count = sweep::end(&it.dir, &it.id, limit).await;
        if leftovers::may_be(root) {
            count += leftovers::remove(&it.id, config.stop.docker_limit()).await?;
        }
        if count > 0 {
            cleared(&it.dir, &it.id, count)?;
            ended += 1;
        }
    }
    if ended == 0 {
        println!("no stack is up");
    }
    Ok(Code::Passed)
}

/// Removes what a run no longer needs whose processes were ended.
fn cleared(dir: &Path, id: &str, count: usize) -> anyhow::Result<()> {
    if !sweep::left(dir, id).is_empty() {
        let text =
            format!("{id} still has processes after SIGKILL: `cargo xtask status` lists them");
        return Err(coded(Code::Leftovers, text));
    }
    sweep::remove_data(dir);
    println!(
        "ended {id} with {count} processes; its logs stay in {}",
        dir.display()
    );
    Ok(())
}
