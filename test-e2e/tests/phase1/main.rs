//! CLI, API and storage: one server, no Temporal, no model.

mod apply;
mod apply_all_kinds;
mod bad_files;
mod contexts;
mod delete;
mod dry_run;
mod environments;
mod hostile;
mod lists;
mod logs;
mod names;
mod organizations;
mod races;
mod restart;
mod run;
mod secrets;
mod serving;
mod skills;
mod subscribe;
