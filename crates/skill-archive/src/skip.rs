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

/// Whether a folder stays out, by its name or because it is somebody's virtual environment.
pub(crate) fn folder(name: &str, path: &Path) -> bool {
    FOLDERS.contains(&name) || path.join("pyvenv.cfg").exists()
}

/// Whether a file stays out. `.env.example` too: nobody can tell what is in it.
pub(crate) fn file(name: &str) -> bool {
    name.starts_with(".env")
        || FILES.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}
