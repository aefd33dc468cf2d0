//! Which files a project names.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    check::locate,
    node::{Node, Value},
    problem::{Place, Report},
};

const DEFAULT_AGENTS: [&str; 2] = ["agents/*.yaml", "agents/*.yml"];

/// The files of the agents, each once.
pub(super) fn agent_files(document: &Node, root: &Path, report: &mut Report<'_>) -> Vec<PathBuf> {
    let (entries, given) = locate(document, "agents");
    let mut files: Vec<PathBuf> = Vec::new();
    let Value::List(items) = &entries.value else {
        if !given || entries.is_null() {
            let before = report.problems.len();
            for pattern in DEFAULT_AGENTS {
                files.extend(matches(root, pattern, document.at, report));
            }
            if files.is_empty() && report.problems.len() == before {
                report.add(
                    document.at,
                    format!(
                        "no agents: looked for {} in {}; write one there or list files under `agents:`",
                        DEFAULT_AGENTS.join(" and "),
                        if root.as_os_str().is_empty() { Path::new(".") } else { root }.display()
                    ),
                );
            }
        }
        return files;
    };
    if items.is_empty() {
        report.add(entries.at, "`agents` is empty: list at least one file");
    }
    for item in items {
        let Value::Scalar { text, .. } = &item.value else {
            continue; // reported with its type
        };
        if item.is_null() {
            continue;
        }
        let found = if text.contains(['*', '?', '[']) {
            let before = report.problems.len();
            let found = matches(root, text, item.at, report);
            if found.is_empty() && report.problems.len() == before {
                report.add(item.at, format!("`{text}` matches no file"));
            }
            found
        } else {
            let path = root.join(text);
            if path.is_file() {
                vec![path]
            } else {
                report.add(item.at, format!("`{text}` does not exist or is not a file"));
                Vec::new()
            }
        };
        files.extend(found);
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// The files that the pattern `at` matches below `root`, sorted. What it matches and cannot be read
/// is told: it would be missing without a word.
fn matches(root: &Path, pattern: &str, at: Place, report: &mut Report<'_>) -> Vec<PathBuf> {
    let escaped = glob::Pattern::escape(&root.to_string_lossy());
    let full = Path::new(&escaped).join(pattern);
    let paths = match glob::glob(&full.to_string_lossy()) {
        Ok(paths) => paths,
        Err(error) => {
            report.add(at, format!("`{pattern}` is not a pattern: {}", error.msg));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for path in paths {
        let path = match path {
            Ok(path) => path,
            Err(error) => {
                let shown = within(root, error.path());
                report.add(at, format!("`{shown}` cannot be read: {}", error.error()));
                continue;
            }
        };
        match path.metadata() {
            Ok(found) if found.is_file() => files.push(path),
            // A pattern like `agents/*` may match folders beside the files that it is for.
            Ok(found) if found.is_dir() && !is_document(&path) => {}
            Ok(_) => report.add(at, format!("`{}` is not a file", within(root, &path))),
            Err(_) if path.is_symlink() => {
                let shown = within(root, &path);
                report.add(
                    at,
                    format!("`{shown}` is a link to nothing: mend or remove it"),
                );
            }
            Err(error) => {
                let shown = within(root, &path);
                report.add(at, format!("`{shown}` cannot be read: {error}"));
            }
        }
    }
    files
}

/// Whether its name says that it is a document.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// `path` as it is written in the project in `root`.
fn within(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
