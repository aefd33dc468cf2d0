//! Secrets of containers: files in a volume of their own, which nobody sees who inspects a container. Compose puts secrets
//! into no container with a read-only root, and a file of this host would be one for all to read there.

use super::containers::Containers;
use crate::service::ServiceSpec;
use anyhow::Context;
use harness_base::docker::{self, ANSWER, docker};
use harness_base::{Code, Run};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// The volume with a service's secrets; all its containers have it.
pub(super) fn volume(project: &str, program: &str) -> String {
    format!("{project}-{program}-keys")
}

/// Makes the volumes of services that have secrets, and fills them by way of a container that never runs; its name, for
/// [`remove`].
///
/// # Errors
/// When the engine does not, or a file cannot be written.
pub(super) async fn fill<'a>(
    run: &Run,
    containers: &Containers,
    specs: impl Iterator<Item = &'a ServiceSpec>,
    scratch: &Path,
) -> anyhow::Result<Option<String>> {
    let mut with_keys = specs
        .filter(|spec| !spec.container.keys.is_empty())
        .peekable();
    if with_keys.peek().is_none() {
        return Ok(None);
    }
    let folder = Folder(scratch);
    let name = format!("{}-keys", containers.project);
    let mut create = docker(["create", "--name", &name, "--pull", "never"]);
    for (label, value) in &containers.labels {
        create = create.args(["--label".to_owned(), format!("{label}={value}")]);
    }
    for spec in with_keys {
        let program = spec.container.program;
        folder.write(program, &spec.container.keys)?;
        let source = volume(&containers.project, program);
        let mut mount = format!("type=volume,source={source},destination=/keys/{program}");
        for (label, value) in &containers.labels {
            mount += &format!(",volume-label={label}={value}");
        }
        create = create.args(["--mount".to_owned(), mount]);
    }
    let create = create.args([containers.image(harness_provision::Binary::Runner), "/x"]);
    docker::ask(run.own(create), ANSWER, Code::NotReady).await?;
    let from = format!("{}/.", scratch.to_string_lossy());
    let copy = docker(["cp", &from, &format!("{name}:/keys")]);
    docker::ask(run.own(copy), ANSWER, Code::NotReady).await?;
    Ok(Some(name))
}

/// Removes the container that the volumes were filled by; they stay.
///
/// # Errors
/// When the engine does not.
pub(super) async fn remove(name: &str) -> anyhow::Result<()> {
    docker::ask(docker(["rm", name]), ANSWER, Code::NotReady).await?;
    Ok(())
}

/// What is copied, for as long as that takes; nobody else on this host gets into it.
struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn write(&self, program: &str, keys: &[(&str, String)]) -> anyhow::Result<()> {
        let make = || -> std::io::Result<()> {
            let mut private = std::fs::DirBuilder::new();
            private.recursive(true).mode(0o700).create(self.0)?;
            let folder = self.0.join(program);
            std::fs::create_dir_all(&folder)?;
            // As it is copied, for the one user of the container, who owns nothing there.
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))?;
            for (name, key) in keys {
                let file = folder.join(name);
                std::fs::write(&file, key)?;
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o444))?;
            }
            Ok(())
        };
        make().with_context(|| format!("write {}", self.0.display()))
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        // What cannot be removed lies in the run's data, which goes with it.
        let _ = std::fs::remove_dir_all(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_on_this_host_for_this_user_and_not_for_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let folder = Folder(&path);
        folder.write("server", &[("KEY", "k".to_owned())]).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        let file = path.join("server/KEY");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "k");
        assert_eq!(mode(&file), 0o444);
        drop(folder);
        assert!(!path.exists());
    }
}
