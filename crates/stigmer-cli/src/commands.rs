//! One module a command.

pub(crate) mod apply;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod logs;
pub(crate) mod run;
pub(crate) mod skill;
pub(crate) mod version;
