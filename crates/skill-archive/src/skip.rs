//! What is never part of a skill: secrets, and what tools leave behind or can fetch again.

use std::path::Path;

const FOLDERS: [&str; 22] = [
    ".git",
    ".hg",
    ".svn",
    ".idea",
    ".vscode",
    "node_modules",
    "bower_components",
    "vendor",
    "target",
    "site-packages",
    ".venv",
    "venv",
    ".virtualenv",
    "virtualenv",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".cache",
    ".tox",
    ".nox",
    ".gradle",
];

const FILES: [&str; 3] = [".DS_Store", "Thumbs.db", ".coverage"];

const ENDINGS: [&str; 6] = [".log", ".pyc", ".pyo", ".swp", ".tmp", "~"];

/// Whether what is at `path` stays out, a file or a folder.
pub(crate) fn any(name: &str, path: &Path) -> bool {
    file(name) || !path.is_file() && folder(name, path)
}

/// Whether a path in `root` stays out, because of its own name or of a folder that it is in.
pub(crate) fn any_part(root: &Path, within: &Path) -> bool {
    let mut path = root.to_owned();
    within.iter().any(|part| {
        path.push(part);
        part.to_str().is_some_and(|name| any(name, &path))
    })
}

/// By its name, or because it is somebody's virtual environment.
fn folder(name: &str, path: &Path) -> bool {
    FOLDERS.contains(&name) || path.join("pyvenv.cfg").exists()
}

/// `.env.example` too: nobody can tell what is in it.
fn file(name: &str) -> bool {
    name.starts_with(".env")
        || FILES.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}
