//! git, asked for what is parsed. What its user has configured is for their own eyes: each of these settings would make
//! another text, in which nothing that changed is found.

use crate::process::Command;
use std::path::Path;

/// A difference in git's own form, with paths from the folder in which it is asked.
pub const DIFF: [&str; 14] = [
    "-c",
    "diff.suppressBlankEmpty=false",
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--text",
    "--relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--unified=3",
    "--inter-hunk-context=0",
    "-O/dev/null",
];

/// Of another repository, as hooks and scripts have them, or of how patterns and differences are meant.
const NOT_OURS: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// git in the repository of a folder.
pub fn git(folder: &Path) -> Command {
    let git = Command::new("git").args(["-c", "core.quotePath=false"]);
    let git = NOT_OURS.iter().fold(git, |git, name| git.unset(name));
    git.cwd(folder)
}
