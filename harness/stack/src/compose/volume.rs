//! A volume that is filled from outside: the images have no shell to do it inside.

use super::container_spec::SMALL_DISK;
use anyhow::Context;
use harness_base::Code;
use harness_base::docker::{self, docker};
use std::path::Path;
use std::time::Duration;

const COPY: Duration = Duration::from_secs(60);

/// Fills the small disk of a container, or makes room on it again.
///
/// # Errors
/// When the engine does not answer, or the disk takes more than a small one can.
pub async fn fill_volume(container: &str, draft: &Path, full: bool) -> anyhow::Result<()> {
    let path = draft.join(format!("{container}.filler"));
    let file = std::fs::File::create(&path).context("make what fills a disk")?;
    let size = if full { SMALL_DISK } else { 0 };
    file.set_len(size).context("make what fills a disk")?; // of holes: it takes no room here
    let to = format!("{container}:/data/filler");
    let command = docker(["cp", "--quiet"]).args([path.to_string_lossy().into_owned(), to]);
    let copied = docker::ask(command, COPY, Code::NotReady).await;
    let _ = std::fs::remove_file(&path);
    match (copied, full) {
        (Err(error), true) if format!("{error:#}").contains("no space left") => Ok(()),
        (Ok(_), true) => anyhow::bail!("{container} has no small disk: start it with one"),
        (copied, _) => copied.map(drop),
    }
}
