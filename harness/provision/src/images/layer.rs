//! The last step of a Dockerfile without the engine's builder: where there is an image that differs in its binary alone, the
//! engine is handed that layer, and the layers below by name. Where a storage driver has no comparison of its own (vfs,
//! fuse-overlayfs), Docker's builder compares files by whole seconds, and waits for the end of the second each time.

use super::component::{Component, Image};
use anyhow::Context;
use harness_base::docker::labels::{FRAME, IMAGE};
use harness_base::docker::{ANSWER, docker};
use harness_base::random::hex;
use harness_base::run::clock::rfc3339;
use harness_base::{Command, query};
use hmac_sha256::Hash as Sha256;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

/// What an image is made on.
#[derive(Debug)]
pub(super) struct Below {
    layers: Vec<String>,
    /// All that the engine says of it.
    said: Value,
}

/// What this component's image can be made on, if the engine has it: for what is built on the runner that one, for others an
/// image of the same `frame`, without its binary.
pub(super) async fn below(image: &Image, runner: Option<&Image>, frame: &str) -> Option<Below> {
    if image.component == Component::RunnerE2e {
        return inspect(&runner?.reference).await;
    }
    // By the repository too: what is built on the runner inherits the runner's labels.
    let (repository, _) = image.reference.rsplit_once(':')?;
    let filter = format!("label={FRAME}={frame}");
    let list = docker(["image", "ls", "--quiet", "--no-trunc", "--filter", &filter]);
    let like = answer(list.args([repository])).await?;
    let mut below = inspect(like.lines().next()?).await?;
    below.layers.pop()?;
    Some(below)
}

async fn inspect(image: &str) -> Option<Below> {
    let said = answer(docker(["image", "inspect", image])).await?;
    let mut said: Value = serde_json::from_str(&said).ok()?;
    let said = said.get_mut(0)?.take();
    let layers = serde_json::from_value(said.pointer("/RootFS/Layers")?.clone()).ok()?;
    Some(Below { layers, said })
}

/// What the engine says; nothing where it refuses, since the builder will hear the same, and say it.
async fn answer(command: Command) -> Option<String> {
    let answer = query(command, ANSWER).await.ok()?;
    answer.ok.then_some(answer.stdout)
}

/// Writes the archive that `docker load` takes: the image's description, and of its layers the last, a context's binary.
///
/// # Errors
/// When the binary cannot be read, or the archive not written.
pub(super) fn archive(
    to: &Path,
    below: Below,
    image: &Image,
    context: &Path,
) -> anyhow::Result<()> {
    let name = image.component.binary();
    let binary = context.join(name);
    let bytes = std::fs::read(&binary).with_context(|| format!("read {}", binary.display()))?;
    let mut layer = Vec::with_capacity(bytes.len() + 4 * BLOCK);
    let in_memory = "write to memory";
    add(&mut layer, name, 0o755, &bytes).context(in_memory)?;
    end(&mut layer).context(in_memory)?;
    let mut layers = below.layers;
    layers.push(format!("sha256:{}", hex(&Sha256::hash(&layer))));
    let names: Vec<String> = (0..layers.len()).map(|n| format!("{n}.tar")).collect();
    let mut config = below.said["Config"].clone();
    if !config["Labels"][IMAGE].is_string() {
        config["Labels"][IMAGE] = image.component.name().into();
    }
    let description = json!({
        "architecture": below.said["Architecture"],
        "os": below.said["Os"],
        "created": rfc3339(SystemTime::now()),
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": layers },
    });
    let manifest = json!([{
        "Config": "image.json",
        "RepoTags": [image.reference],
        "Layers": names,
    }]);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(to)?;
        add(
            &mut file,
            "manifest.json",
            0o644,
            manifest.to_string().as_bytes(),
        )?;
        add(
            &mut file,
            "image.json",
            0o644,
            description.to_string().as_bytes(),
        )?;
        // Those below are none of the archive: the engine has them, and looks before it reads.
        add(&mut file, &names[names.len() - 1], 0o644, &layer)?;
        end(&mut file)
    };
    write().with_context(|| format!("write {}", to.display()))
}

/// What tar counts in.
const BLOCK: usize = 512;

/// A file at the root, root's, of no time: the same bytes make the same layer.
fn add(to: &mut impl Write, name: &str, mode: u32, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", bytes.len()));
    put(136, "00000000000");
    put(148, "        "); // the sum counts itself as blanks
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    to.write_all(&header)?;
    to.write_all(bytes)?;
    let rest = bytes.len().next_multiple_of(BLOCK) - bytes.len();
    to.write_all(&[0; BLOCK][..rest])
}

fn end(to: &mut impl Write) -> std::io::Result<()> {
    to.write_all(&[0; 2 * BLOCK])
}
