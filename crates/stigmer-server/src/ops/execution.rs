//! Executions: create with session and hand-over to Temporal, status, cancel, delete.

use stigmer_api::{
    Kind,
    agent::Agent,
    agentexecution::{
        AgentExecution, AgentExecutionStatus, AgentMessage, ExecutionPhase, MessageType,
    },
    agentinstance::AgentInstance,
    apiresource::{ApiResourceMetadata, ApiResourceOwnerScope as Scope},
    id,
    layers::Variables,
    resource::Resource,
    secret::Secrets,
    session::{Session, SessionSpec},
    time::now,
};

use super::{
    context,
    lifecycle::{insert, take_out},
    redacted_input::{refuse_empty, refuse_redacted},
    valid::{Report, Valid},
};
use crate::{
    error::{Error, Result},
    store::{Outgoing, Read, Tx},
};

/// Stores a new execution, with a session of its own unless it names one, the context with its
/// variables, and the note to hand it to Temporal, in one transaction. `waiting` says why it is
/// PENDING.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    execution: Valid<AgentExecution>,
    waiting: &str,
) -> Result<AgentExecution> {
    let mut execution = execution.into_inner();
    refuse_redacted(&mut execution)?;
    let spec = execution.spec.clone().unwrap_or_default();
    refuse_empty::<AgentExecution>(&spec.runtime_env)?;
    let (session, instance, agent) = match spec.session_id.as_str() {
        "" => {
            let agent: Agent = tx.view().get(&spec.agent_id)?;
            let session = open_session(tx, &agent, &spec.message)?;
            let instance = agent.status.clone().unwrap_or_default().default_instance_id;
            (session, tx.view().get(&instance)?, agent)
        }
        id => of_session(tx.view(), id, &spec.agent_id)?,
    };
    let variables = context::merge(tx.view(), &agent, &instance, &spec.runtime_env)?;
    let spec = execution.spec.get_or_insert_default();
    spec.agent_id = agent.id().to_owned();
    spec.session_id = session.id().to_owned();
    forget_secrets(&mut execution, &variables);
    let mut execution = insert(tx, execution)?;
    context::open(tx, &execution, agent.spec, variables)?;
    let spec = execution.spec.clone().unwrap_or_default();
    let message = AgentMessage {
        r#type: MessageType::MessageHuman.into(),
        content: spec.message,
        timestamp: now(),
        ..Default::default()
    };
    let status = execution.status.get_or_insert_default();
    status.phase = ExecutionPhase::ExecutionPending.into();
    waiting.clone_into(&mut status.phase_reason);
    status.messages = vec![message];
    put(tx, &mut execution)?;
    tx.send(execution.id(), Outgoing::Start)?;
    Ok(execution)
}

/// Takes the secrets out of the execution itself: its context has them for as long as it runs, and
/// nobody needs them longer. What `merged` calls a secret is one, whatever the caller called it.
pub(super) fn forget_secrets(execution: &mut AgentExecution, merged: &Variables) {
    let own = execution.spec.iter_mut().flat_map(|s| &mut s.runtime_env);
    for (name, value) in own {
        value.is_secret |= merged.get(name).is_some_and(|v| v.is_secret);
    }
    execution.redact();
}

/// Stores an execution. With its end its context goes, and it is not started any more.
pub(super) fn put(tx: &mut Tx<'_>, execution: &mut AgentExecution) -> Result<()> {
    if execution.phase().is_terminal() {
        context::close(tx, execution.id())?;
        tx.unsend(execution.id(), Outgoing::Start)?;
    }
    tx.put_execution(execution)
}

fn open_session(tx: &mut Tx<'_>, agent: &Agent, message: &str) -> Result<Session> {
    let instance = agent.status.clone().unwrap_or_default().default_instance_id;
    let id = id::new(Kind::Session);
    let mut session = Session {
        metadata: Some(ApiResourceMetadata {
            name: format!("session-{}", &id[Kind::Session.id_prefix().len() + 1..]),
            id,
            org: agent.org().to_owned(),
            owner_scope: Scope::Organization.into(),
            ..Default::default()
        }),
        spec: Some(SessionSpec {
            agent_instance_id: instance,
            subject: message.chars().take(80).collect(),
            ..Default::default()
        }),
        ..Default::default()
    };
    session.set_envelope();
    insert(tx, session)
}

fn of_session(
    view: &dyn Read,
    id: &str,
    agent_id: &str,
) -> Result<(Session, AgentInstance, Agent)> {
    let session: Session = view.get(id)?;
    let instance_id = session.spec.clone().unwrap_or_default().agent_instance_id;
    let instance: AgentInstance = view.get(&instance_id)?;
    let of_instance = instance.spec.clone().unwrap_or_default().agent_id;
    if !agent_id.is_empty() && agent_id != of_instance {
        let message = format!("is not the agent of session {id}, which is {of_instance}");
        return Err(Error::invalid("spec.agent_id", message));
    }
    Ok((session, instance, view.get(&of_instance)?))
}

/// Changes an execution's metadata; what it was asked stays.
pub(crate) fn update(tx: &mut Tx<'_>, execution: AgentExecution) -> Result<AgentExecution> {
    let mut stored: AgentExecution = tx.view().get(execution.id())?;
    let mut shown = stored.clone();
    shown.redact();
    if execution.spec.is_some() && execution.spec != shown.spec {
        let message = "cannot change: what was asked was asked; create another execution";
        return Err(Error::invalid("spec", message));
    }
    let new = execution.metadata.unwrap_or_default();
    let metadata = stored.metadata_mut();
    metadata.labels = new.labels;
    metadata.annotations = new.annotations;
    metadata.tags = new.tags;
    put(tx, &mut stored)?;
    Ok(stored)
}

/// Merges a report into the status: lists and texts that are empty leave what is there.
///
/// # Errors
/// When the execution has ended and the report says anything else, or when it leads back.
pub(crate) fn update_status(tx: &mut Tx<'_>, report: Report) -> Result<AgentExecution> {
    let Report {
        execution: id,
        status: report,
    } = report;
    let mut execution: AgentExecution = tx.view().named_by("execution_id", &id)?;
    let (before, after) = (execution.phase(), report.phase());
    let told = execution.status.clone();
    merge(execution.status.get_or_insert_default(), report);
    if before.is_terminal() {
        // A report of the end that is told again, because its answer was lost, finds nothing to do.
        if execution.status == told && after == before {
            return Ok(execution);
        }
        let what = match after == before || after == ExecutionPhase::Unspecified {
            true => "it does not change any more".to_owned(),
            false => format!("it cannot become {}", after.word()),
        };
        return Err(Error::Precondition(format!(
            "execution {id} has ended as {}; {what}",
            before.word()
        )));
    }
    let back =
        before == ExecutionPhase::ExecutionInProgress && after == ExecutionPhase::ExecutionPending;
    if back {
        let (before, after) = (before.word(), after.word());
        return Err(Error::Precondition(format!(
            "execution {id} is {before}; it cannot become {after} again"
        )));
    }
    put(tx, &mut execution)?;
    Ok(execution)
}

fn merge(status: &mut AgentExecutionStatus, report: AgentExecutionStatus) {
    let (before, after) = (status.phase(), report.phase());
    let changes = after != ExecutionPhase::Unspecified && after != before;
    // A reason belongs to its phase: one without a reason has none.
    if changes || !report.phase_reason.is_empty() {
        status.phase_reason = report.phase_reason;
    }
    if changes {
        status.phase = report.phase;
    }
    fn list<T>(stored: &mut Vec<T>, new: Vec<T>) {
        if !new.is_empty() {
            *stored = new;
        }
    }
    fn text(stored: &mut String, new: String) {
        if !new.is_empty() {
            *stored = new;
        }
    }
    list(&mut status.messages, report.messages);
    list(&mut status.tool_calls, report.tool_calls);
    list(&mut status.warnings, report.warnings);
    list(
        &mut status.sub_agent_executions,
        report.sub_agent_executions,
    );
    if !report.todos.is_empty() {
        status.todos = report.todos;
    }
    if report.usage.is_some() {
        status.usage = report.usage;
    }
    text(&mut status.error, report.error);
    text(&mut status.started_at, report.started_at);
    text(&mut status.completed_at, report.completed_at);
}

/// Asks an execution to end. One that Temporal was not told of ends here and now; for a running
/// one Temporal is told, now or when there is one again, and the runner reports its end. Of one that
/// has ended nothing changes.
pub(crate) fn cancel(tx: &mut Tx<'_>, id: &str, temporal: bool) -> Result<AgentExecution> {
    let mut execution: AgentExecution = tx.view().get(id)?;
    if execution.phase().is_terminal() {
        return Ok(execution);
    }
    let waited = tx.unsend(id, Outgoing::Start)?;
    if waited {
        let status = execution.status.get_or_insert_default();
        status.phase = ExecutionPhase::ExecutionCancelled.into();
        status.phase_reason = "cancelled before it was started".to_owned();
        status.completed_at = now();
        put(tx, &mut execution)?;
    }
    // Also for one that waited: its start may be under way at this moment. One that did not wait was
    // handed over: a Temporal is told when one is configured again.
    if temporal || !waited {
        tx.send(id, Outgoing::Cancel)?;
    }
    Ok(execution)
}

/// Deletes an execution that has ended.
pub(crate) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<AgentExecution> {
    let execution: AgentExecution = tx.view().get(id)?;
    remove(tx, &execution)?;
    Ok(execution)
}

pub(super) fn remove(tx: &mut Tx<'_>, execution: &AgentExecution) -> Result<()> {
    let phase = execution.phase();
    if !phase.is_terminal() {
        return Err(Error::Precondition(format!(
            "execution {id} is {}: cancel it first (`stigmer cancel {id}`)",
            phase.word(),
            id = execution.id(),
        )));
    }
    // Its context went, and who subscribed was told, with its end. So did the note to start it, but where a server of
    // before left it. That it is cancelled stays noted: its workflow may run, and nobody could cancel that later.
    tx.unsend(execution.id(), Outgoing::Start)?;
    take_out(tx, execution)
}
