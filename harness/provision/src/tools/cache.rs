//! The per-user cache of pinned tools.

use super::manifest::{self, State};
use harness_base::random::hex;
use harness_base::user_dir::user_dir;
use harness_base::{Code, Config, coded, platform};
use std::path::{Path, PathBuf};

/// The per-user cache: `E2E_TOOLS_DIR`, else `stigmer-e2e/tools` in `XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
/// When neither those nor HOME are set, or one is no whole path: it would be another folder for each folder that a command is
/// run in, and `~` is the shell's to read.
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    match std::env::var_os("E2E_TOOLS_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => whole(PathBuf::from(dir)),
        None => Ok(user_dir()?.join("tools")),
    }
}

fn whole(dir: PathBuf) -> anyhow::Result<PathBuf> {
    if dir.is_absolute() {
        return Ok(dir);
    }
    let text = format!(
        "E2E_TOOLS_DIR is {:?}, which is no whole path\n  mend: unset it, or set it to one that begins with /",
        dir.to_string_lossy()
    );
    Err(coded(Code::Usage, text))
}

/// A tool's folder: name, version and the start of its archive's hash (of all its archives', where it has several), so
/// that a changed pin is another folder.
///
/// # Errors
/// When the tool is not pinned, or not made for this platform.
pub fn folder(config: &Config, cache: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let tool = config.tools.get(name).ok_or_else(|| {
        let known = config.tools.keys().cloned().collect::<Vec<_>>().join(", ");
        coded(
            Code::Usage,
            format!("no tool named {name}; there are {known}"),
        )
    })?;
    let archive = tool.archive_for(&platform()).ok_or_else(|| {
        coded(
            Code::Missing,
            format!(
                "{name} {} is not pinned for {}; put it on PATH or add its hash to e2e.toml",
                tool.version,
                platform()
            ),
        )
    })?;
    let mut hash = archive.sha256.clone();
    if !tool.with.is_empty() {
        let with: String = tool.with.iter().map(|it| it.sha256.as_str()).collect();
        hash = hex(&hmac_sha256::Hash::hash((hash + &with).as_bytes()));
    }
    let short = hash.get(..8).unwrap_or(&hash);
    Ok(cache.join(format!("{name}-{}-{short}", tool.version)))
}

/// The main file of an installed tool; `None` when it is absent or damaged.
pub fn installed(config: &Config, name: &str) -> Option<PathBuf> {
    let dir = folder(config, &cache_dir().ok()?, name).ok()?;
    let tool = config.tools.get(name)?;
    matches!(manifest::state(&dir, false), State::Complete).then(|| dir.join(&tool.main))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::config::Tool;

    #[test]
    fn the_cache_is_at_a_whole_path() {
        assert_eq!(whole("/a".into()).unwrap(), Path::new("/a"));
        for dir in ["~/x", " ", "rel/dir", "."] {
            let why = whole(dir.into()).unwrap_err();
            assert_eq!(harness_base::code_of(&why), Code::Usage, "{dir}");
            assert!(why.to_string().contains("E2E_TOOLS_DIR"), "{why}");
        }
    }

    #[test]
    fn a_changed_pin_is_another_folder() {
        let mut config: Config = toml::from_str(include_str!("../../../../e2e.toml")).unwrap();
        let tool = config.tools.get_mut("mcp-time").unwrap();
        let archive = tool.wheel["linux-x86_64"].clone();
        tool.wheel.insert("any".into(), archive);
        let at = |config: &Config| folder(config, Path::new("/c"), "mcp-time").unwrap();
        let before = at(&config);
        let changes: [fn(&mut Tool); 3] = [
            |tool| tool.version += ".1",
            |tool| {
                tool.wheel
                    .values_mut()
                    .for_each(|it| it.sha256 = "0".repeat(64))
            },
            |tool| tool.with[3].sha256 = "0".repeat(64),
        ];
        for (nth, change) in changes.into_iter().enumerate() {
            let mut config = config.clone();
            change(config.tools.get_mut("mcp-time").unwrap());
            assert_ne!(at(&config), before, "change {nth}");
        }
        let why = folder(&config, Path::new("/c"), "none").unwrap_err();
        assert!(
            why.to_string()
                .starts_with("no tool named none; there are ")
        );
    }
}
