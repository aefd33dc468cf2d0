//! A runner for the original's server. Its workflow asks a runner by two activities, `EnsureThread`
//! and `ExecuteGraphton`; the second has one attempt and must show signs of life. It hands the
//! execution to a workflow of ours that runs the same durable [`AgentExecution`] as everything else
//! and answers the activity, so whichever runner is alive shows these signs and gives the answer.
//!
//! [`AgentExecution`]: crate::workflow::AgentExecution

mod activities;
mod foreign_activity;
mod payloads;
mod workflow;

pub(crate) use activities::GraphtonActivities;
pub(crate) use workflow::GraphtonExecution;
