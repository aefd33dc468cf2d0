//! pip's command lines and the file that pins what it may fetch.

use super::job::Python;
use harness_base::Command;
use harness_base::config::{Archive, Tool};
use std::path::Path;

/// Nothing is built: wheels or nothing.
pub(super) const WHEELS: &str = "--only-binary=:all:";

/// The requirements with their hashes; pip refuses any other file.
pub(super) fn requirements(tool: &Tool, archive: &Archive) -> String {
    let line = |package: &str, version: &str, sha256: &str| {
        format!("{package}=={version} --hash=sha256:{sha256}\n")
    };
    let with = tool.with.iter();
    let with = with.map(|wheel| line(&wheel.package, &wheel.version, &wheel.sha256));
    line(&tool.package, &tool.version, &archive.sha256) + &with.collect::<String>()
}

fn pip(python: &Path, verb: &str, temp: &Path) -> Command {
    Command::new(python)
        .args([
            "-m",
            "pip",
            verb,
            "--no-deps",
            "--require-hashes",
            "--no-input",
        ])
        .args([
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--progress-bar=off",
            "--quiet",
        ])
        // A user's own pip settings must not send the tool elsewhere.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .env("PIP_USER", "0")
        .env("TMPDIR", temp.to_string_lossy())
}

/// Fetches what is pinned into a folder that is kept, so that an interrupted installation does not fetch it again.
pub(super) fn download(
    python: &Python,
    requirements: &Path,
    downloads: &Path,
    temp: &Path,
) -> Command {
    let command = pip(&python.exe, "download", temp)
        .args([
            "--requirement".to_owned(),
            requirements.to_string_lossy().into_owned(),
        ])
        .args([
            "--dest".to_owned(),
            downloads.to_string_lossy().into_owned(),
        ]);
    if python.resumes {
        command.args(["--resume-retries=5"])
    } else {
        command
    }
}

/// Unpacks the fetched wheel; asks no network.
pub(super) fn install(
    python: &Path,
    requirements: &Path,
    downloads: &Path,
    target: &Path,
    temp: &Path,
) -> Command {
    pip(python, "install", temp)
        .args([WHEELS, "--no-index", "--no-compile", "--find-links"])
        .args([
            downloads.to_string_lossy().into_owned(),
            "--requirement".into(),
            requirements.to_string_lossy().into_owned(),
        ])
        .args(["--target".to_owned(), target.to_string_lossy().into_owned()])
}

/// Major and minor version in `pip 25.1 from ...`.
pub(super) fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("pip ")?.split([' ', '.']);
    Some((
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::Config;

    #[test]
    fn command_lines() {
        let path = Path::new;
        let python = Python {
            exe: "python3".into(),
            resumes: true,
        };
        insta::assert_snapshot!(download(&python, path("/s/req"), path("/d"), path("/s/tmp")).echo(),
            @"PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 TMPDIR=/s/tmp python3 -m pip download --no-deps --require-hashes --no-input --disable-pip-version-check --no-cache-dir --progress-bar=off --quiet --requirement /s/req --dest /d --resume-retries=5");
        insta::assert_snapshot!(install(path("python3"), path("/s/req"), path("/d"), path("/s/tree"), path("/s/tmp")).echo(),
            @"PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 TMPDIR=/s/tmp python3 -m pip install --no-deps --require-hashes --no-input --disable-pip-version-check --no-cache-dir --progress-bar=off --quiet --only-binary=:all: --no-index --no-compile --find-links /d --requirement /s/req --target /s/tree");
    }

    #[test]
    fn every_file_is_pinned_by_its_hash() {
        let config: Config = toml::from_str(include_str!("../../../../e2e.toml")).unwrap();
        let mut tool = config.tools["mcp-time"].clone();
        tool.with.truncate(2);
        insta::assert_snapshot!(requirements(&tool, &tool.wheel["linux-x86_64"]), @"
        mcp-server-time==2026.10.19 --hash=sha256:5c099a001c6ca78260bda419f2e9b2aabee1adc4fe6ca56d8959871ad8da58a1
        mcp==2.3.0 --hash=sha256:dd0c44c089d16453e8ae31a3877a0054d7a2314caaa81f5e0541b9b1734b2377
        mcp-types==2.3.0 --hash=sha256:968efdbdaedfab06adae40d378a34395f1090c5921d4be3c9cde283aaf76d91d
        ");
    }

    #[test]
    fn versions() {
        assert_eq!(version("pip 25.1 from /x (python 3.11)"), Some((25, 1)));
        assert_eq!(version("pip 22.0.2 from /x"), Some((22, 0)));
        assert_eq!(version("No module named pip"), None);
    }
}
