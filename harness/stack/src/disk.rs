//! A server's disk that is full. A process hears so from a limit of its own on the size of files, a container from a volume
//! that something else fills.

use crate::compose::fill_volume;
use crate::handle::Handle;
use crate::member::LaunchSpec;
use crate::stack::Stack;
use anyhow::{Context, bail};
use harness_base::{Command, query};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

impl Stack {
    /// Leaves an instance no room for its data, or gives it back.
    ///
    /// # Errors
    /// When it has no data, does not run, or this system has no `prlimit`.
    pub async fn fill_disk(&self, instance: &str, full: bool) -> anyhow::Result<()> {
        let member = self.member(instance)?;
        if let Some(end) = member.handle.end() {
            bail!("{instance} does not run: {end}");
        }
        match (&member.handle, &member.origin) {
            (Handle::Process(process), LaunchSpec::Command(command)) => {
                let data = command.env.iter().rev().find(|var| var.name == "DB_PATH");
                let data = data.with_context(|| format!("{instance} keeps no data"))?;
                let most = match full {
                    true => std::fs::metadata(&data.value)
                        .with_context(|| format!("look at {}", data.value))?
                        .len()
                        .to_string(),
                    false => "unlimited".into(),
                };
                // With a colon after it: the hard limit stays, so that the other can be raised again.
                let pid = process.ident.pid.to_string();
                let command = Command::new("prlimit").args(["--pid", &pid]);
                let command = command.args([format!("--fsize={most}:")]);
                let said = query(command, LIMIT).await.map_err(|why| {
                    anyhow::anyhow!("{why}: a disk is filled by prlimit (util-linux), on Linux")
                })?;
                anyhow::ensure!(said.ok, "limit the files of {instance}: {}", said.stderr);
                Ok(())
            }
            (Handle::Container(container), _) => {
                let draft = self.dir.join("data/tmp");
                fill_volume(&container.id, &draft, full).await
            }
            _ => bail!("{instance} is its user's own"),
        }
    }
}
