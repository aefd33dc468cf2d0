//! Which files a project names.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
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
        let found = match &path {
            Ok(path) => path.as_path(),
            Err(error) => error.path(),
        };
        if !is_meant(root, pattern, found) {
            continue;
        }
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

/// Whether `pattern` means `path`, which it matches. What begins with a dot, a draft, an editor's lock, or what a system
/// keeps of a file that it copied, is hidden, as it is from a shell, from all but a part of a pattern that begins with one.
fn is_meant(root: &Path, pattern: &str, path: &Path) -> bool {
    // Not by the option of `glob`, which panics over names that are not UTF-8, and hides from those parts too.
    let names_it = |name: &str| {
        let mut parts = pattern.split('/').filter(|part| part.starts_with('.'));
        parts.any(|part| glob::Pattern::new(part).is_ok_and(|part| part.matches(name)))
    };
    let (root, path) = (without_dot(root), without_dot(path));
    let below = path.strip_prefix(&root).unwrap_or(&path);
    below.components().all(|component| match component {
        Component::Normal(name) => {
            let name = name.to_string_lossy();
            !name.starts_with('.') || names_it(&name)
        }
        _ => true,
    })
}

/// `./a` as `a`, as which `glob` tells it.
fn without_dot(path: &Path) -> PathBuf {
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_dot_is_meant_by_what_begins_with_one() {
        for (root, pattern, path, meant) in [
            ("", "agents/*.yaml", "agents/a.yaml", true),
            ("", "agents/*.yaml", "agents/.a.yaml", false),
            ("", "agents/.*.yaml", "agents/.a.yaml", true),
            ("", "./agents/*", "agents/.a.yaml", false),
            ("", "**/*.yaml", ".git/a.yaml", false),
            ("", ".a/**/*.yaml", ".a/b/c.yaml", true),
            ("", ".a/**/*.yaml", ".a/.b/c.yaml", false),
            ("/h/.x", "agents/*", "/h/.x/agents/a.yaml", true),
            ("/h/.x", "*/*", "/h/.x/.x/a.yaml", false),
            (".x", "agents/*", ".x/agents/a.yaml", true),
            ("./.x", "agents/*", ".x/agents/a.yaml", true),
            ("a", "../.x/*.yaml", "a/../.x/a.yaml", true),
            ("a", "/h/.x/*", "/h/.x/a.yaml", true),
        ] {
            let is = is_meant(Path::new(root), pattern, Path::new(path));
            assert_eq!(is, meant, "{path} by {pattern} in {root}");
        }
    }
}
