//! The file tools: they see the folder of the agent's skills and nothing else.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::{
    env::Env,
    outcome,
    toolset::{ToolOutcome, ToolSpec},
};

const LIST: &str = "list_files";
const READ: &str = "read_file";
const MOST_LISTED: usize = 1000;

pub(crate) fn specs() -> [ToolSpec; 2] {
    let path =
        json!({"type": "string", "description": "relative path, such as skills/NAME/SKILL.md"});
    [
        ToolSpec {
            name: LIST.to_owned(),
            description: "Lists a folder of the skills' files: one name a line, folders end with /, files with their size."
                .to_owned(),
            parameters: json!({"type": "object", "properties": {"path": path}}),
            server: None,
        },
        ToolSpec {
            name: READ.to_owned(),
            description: "Reads a text file of the skills' files.".to_owned(),
            parameters: json!({"type": "object", "properties": {"path": path}, "required": ["path"]}),
            server: None,
        },
    ]
}

/// Executions a tool below a folder, and shows what came of it without secrets. Refusals are for the model: it can ask better.
pub(crate) fn run(root: &Path, tool: &str, args: &Map<String, Value>, env: &Env) -> ToolOutcome {
    let path = match args.get("path") {
        None | Some(Value::Null) if tool == LIST => "",
        Some(Value::String(path)) => path,
        _ => return ToolOutcome::failed(format!("{tool} needs `path`, a text")),
    };
    let told = within(root, path).and_then(|at| match tool {
        LIST => listed(&at, path).map(|text| (text, 0)),
        _ => read(&at, path, env),
    });
    match told {
        Ok((text, unread)) => {
            let outcome = ToolOutcome {
                text,
                failed: false,
            };
            outcome::shown_of(outcome, unread, env)
        }
        Err(why) => outcome::shown(ToolOutcome::failed(why), env),
    }
}

/// The place that a path means, links resolved, if it is below the root.
fn within(root: &Path, path: &str) -> Result<PathBuf, String> {
    let plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain {
        return Err(format!(
            "{path:?} is refused: paths are relative to the skills' folder and have no .."
        ));
    }
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {path:?}; list_files shows what there is"),
        _ => format!("{path:?} cannot be read: {error}"),
    };
    let root = fs::canonicalize(root).map_err(told)?;
    let at = fs::canonicalize(root.join(path)).map_err(told)?;
    if !at.starts_with(&root) {
        return Err(format!(
            "{path:?} is refused: it leads out of the skills' folder"
        ));
    }
    Ok(at)
}

fn listed(at: &Path, path: &str) -> Result<String, String> {
    let told = |error: io::Error| format!("{path:?} cannot be listed: {error}");
    let mut lines = Vec::new();
    for entry in fs::read_dir(at).map_err(told)? {
        let entry = entry.map_err(told)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let meta = entry.metadata().map_err(told)?;
        lines.push(if meta.is_dir() {
            format!("{name}/")
        } else {
            format!("{name} ({} bytes)", meta.len())
        });
    }
    lines.sort();
    let all = lines.len();
    if all > MOST_LISTED {
        lines.truncate(MOST_LISTED);
        lines.push(format!("[cut: the first {MOST_LISTED} of {all}]"));
    }
    Ok(if lines.is_empty() {
        "(an empty folder)".to_owned()
    } else {
        lines.join("\n")
    })
}

/// A file's text as far as it will be shown and a secret that begins there may go, and how many bytes are behind that.
fn read(at: &Path, path: &str, env: &Env) -> Result<(String, usize), String> {
    let told = |error: io::Error| format!("{path:?} cannot be read: {error}");
    let meta = fs::metadata(at).map_err(told)?;
    if meta.is_dir() {
        return Err(format!("{path:?} is a folder; list_files lists it"));
    }
    if !meta.is_file() {
        return Err(format!("{path:?} is no file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(at).map_err(told)?;
    let most = outcome::MOST.saturating_add(env.reach());
    file.take(most as u64)
        .read_to_end(&mut bytes)
        .map_err(told)?;
    let whole = usize::try_from(meta.len()).unwrap_or(usize::MAX);
    let head = &bytes[..bytes.len().min(outcome::MOST)];
    let is_text = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The cut may have gone through a character.
        Err(error) => head.len() < whole && error.error_len().is_none(),
    };
    if !is_text || head.contains(&0) {
        return Ok((binary(at, path, whole), 0));
    }
    let valid = match std::str::from_utf8(&bytes) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    bytes.truncate(valid);
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok((text, whole.saturating_sub(valid)))
}

fn binary(at: &Path, path: &str, bytes: usize) -> String {
    let kind = at
        .extension()
        .map_or_else(|| "of unknown type".into(), |e| e.to_string_lossy());
    format!("{path} is a binary file ({kind}) of {bytes} bytes")
}

#[cfg(test)]
mod tests;
