//! CLI, API and storage: one server, no Temporal, no model.

mod apply;
mod bad_files;
mod delete;
mod lists;
mod names;
mod races;
mod restart;
mod run;
mod serving;
mod subscribe;
