//! The gRPC services: they translate between the wire and [`ops`](crate::ops).

mod agent;
mod context;
mod environment;
mod execution;
mod instance;
mod reply;
mod runner_key;
mod session;
mod skill;

pub(crate) use agent::AgentService;
pub(crate) use context::ContextService;
pub(crate) use environment::EnvironmentService;
pub(crate) use execution::ExecutionService;
pub(crate) use instance::InstanceService;
pub(crate) use runner_key::RunnerKey;
pub(crate) use session::SessionService;
pub(crate) use skill::SkillService;

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
