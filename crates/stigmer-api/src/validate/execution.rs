//! The rules of executions and their contexts.

use super::{Checker, Validate};
use crate::proto::{agentexecution::AgentExecution, executioncontext::ExecutionContext};

impl Validate for AgentExecution {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.clone().unwrap_or_default();
        check.that(
            "spec.session_id",
            !spec.session_id.is_empty() || !spec.agent_id.is_empty(),
            || "this or spec.agent_id is required".to_owned(),
        );
        check.that("spec.message", !spec.message.trim().is_empty(), || {
            "must not be empty".to_owned()
        });
        let config = spec.execution_config.unwrap_or_default();
        for (name, limit) in [
            ("max_model_calls", config.max_model_calls),
            ("max_tool_calls", config.max_tool_calls),
            ("max_seconds", config.max_seconds),
        ] {
            check.that(&format!("spec.execution_config.{name}"), limit >= 0, || {
                format!("must be 0 (the runner's own) or more, this is {limit}")
            });
        }
        check.variables("spec.runtime_env", &spec.runtime_env, |it| &it.value);
    }
}

impl Validate for ExecutionContext {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.clone().unwrap_or_default();
        check.required("spec.execution_id", &spec.execution_id);
        check.variables("spec.data", &spec.data, |it| &it.value);
    }
}
