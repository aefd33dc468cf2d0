//! `cargo xtask down`: the end of what `up` or --keep left running.

use harness_base::docker::leftovers;
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
        if StackFile::read(&dir.join("phase2/stack.json"))
            .is_ok_and(|file| file.runtime == Runtime::Docker)
        {
            leftovers::remove(&info.run_id, config.stop.docker_limit()).await?;
        }
        if !sweep::left(&dir, &info.run_id).is_empty() {
            return Err(coded(
                Code::Leftovers,
                format!(
                    "{} still has processes after SIGKILL: `cargo xtask status` lists them",
                    info.run_id
                ),
            ));
        }
        sweep::remove_data(&dir);
        Info::change(&dir, |info| (info.kept, info.exit_code) = (false, Some(0)))?;
        println!(
            "ended {} with {count} processes; its logs stay in {}",
            info.run_id,
            dir.display()
        );
        ended += 1;
    }
    if ended == 0 {
        println!("no stack is up");
    }
    Ok(Code::Passed)
}
