//! Executions that a server of before left under way.

use stigmer_api::{
    agent::Agent, agentexecution::AgentExecution, agentinstance::AgentInstance, session::Session,
};

use super::{context, execution, redacted_input::Variables};
use crate::{
    error::Result,
    store::{Read, Tx},
};

/// Gives every execution that has not ended its context; those from before there were contexts
/// have none.
pub(crate) fn complete(tx: &mut Tx<'_>) -> Result<()> {
    for id in tx.view().open_executions()? {
        let mut execution: AgentExecution = tx.view().get(&id)?;
        if tx.view().children(&id)?.is_empty() {
            let data = late(tx.view(), &execution).unwrap_or_else(|error| {
                // Nobody checked then what is checked now: what it was given itself must do.
                tracing::warn!(id, %error, "an old execution gets its own variables only");
                execution.spec.clone().unwrap_or_default().runtime_env
            });
            execution::forget_secrets(&mut execution, &data);
            context::open(tx, &execution, data)?;
            execution::put(tx, &mut execution)?;
        }
    }
    Ok(())
}

/// The variables of an execution that is there already; what is asked for and not there is lacking.
fn late(view: &dyn Read, execution: &AgentExecution) -> Result<Variables> {
    let spec = execution.spec.clone().unwrap_or_default();
    let session: Session = view.get(&spec.session_id)?;
    let instance = session.spec.unwrap_or_default().agent_instance_id;
    let instance: AgentInstance = view.get(&instance)?;
    let agent: Agent = view.get(&spec.agent_id)?;
    Ok(context::layers(view, &agent, &instance, &spec.runtime_env)?.0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
