//! What the activities of an execution know of it. It is loaded from the server and kept while the
//! execution runs here, so that none of it travels through Temporal.

pub(crate) mod cache;
mod servers;

use std::{collections::BTreeMap, sync::OnceLock};

use agent_tools::{Env, HoldBack, SkillFiles, Toolset, skills_prompt};
use chrono::{DateTime, Utc};
use stigmer_api::{
    agent::{AgentSpec, SubAgent},
    agentexecution::{AgentExecution, AgentExecutionSpec, AgentMessage, MessageType},
    apiresource::ApiResourceReference,
    time,
    trace::TraceContext,
};
use temporalio_sdk::activities::ActivityError;
use tokio::sync::OnceCell;

use crate::{
    backend::Backend,
    failure::{permanent, transient},
    offered_tools::Tool,
    pins::{Pins, skill_key},
    session_history::SessionHistory,
    settled::Settled,
};

pub(crate) struct ExecutionData {
    pub(crate) id: String,
    /// What it is part of.
    pub(crate) trace: Option<TraceContext>,
    pub(crate) spec: AgentExecutionSpec,
    /// What was asked, as the execution shows it.
    pub(crate) question: Vec<AgentMessage>,
    pub(crate) agent: AgentSpec,
    pub(crate) agent_name: String,
    pub(crate) memory: SessionHistory,
    pub(crate) env: Env,
    /// What of a text may be the beginning of a secret.
    pub(crate) hold_back: HoldBack,
    /// Version hashes of the skills, by [`skill_key`].
    skills: BTreeMap<String, String>,
    /// Of the main agent (no name) and the sub-agents.
    equipped: BTreeMap<Option<String>, Equipment>,
}

/// What an agent has.
pub(crate) struct Equipment {
    /// What it may use.
    pub(crate) kit: Toolset,
    /// What it is told that it is.
    pub(crate) system_prompt: String,
    /// What it can call, once that was listed.
    pub(crate) tools: OnceCell<Vec<Tool>>,
    warnings: OnceLock<Vec<String>>,
}

impl Equipment {
    /// Keeps what the agent does without, in sentences.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        let _ = self.warnings.set(warnings); // listed once
    }

    /// What the agent does without, once its tools were listed.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.get().cloned().unwrap_or_default()
    }
}

/// The messages with which an execution began; where its server wrote none, what was asked.
pub(crate) fn question(execution: &AgentExecution) -> Vec<AgentMessage> {
    let messages = execution.status.iter().flat_map(|s| &s.messages);
    let human = |m: &&AgentMessage| m.r#type() == MessageType::MessageHuman;
    let written: Vec<_> = messages.take_while(human).cloned().collect();
    let asked = execution.spec.as_ref().map_or("", |s| &s.message);
    if !written.is_empty() || asked.is_empty() {
        return written;
    }
    vec![AgentMessage {
        r#type: MessageType::MessageHuman.into(),
        content: asked.to_owned(),
        timestamp: created_at(execution),
        ..AgentMessage::default()
    }]
}

/// When an execution was created, where its server says so.
fn created_at(execution: &AgentExecution) -> String {
    let audit = execution.status.as_ref().and_then(|s| s.audit.as_ref());
    let created = audit.and_then(|a| a.spec_audit.as_ref()?.created_at);
    let created = created.and_then(|at| DateTime::<Utc>::try_from(at).ok());
    created.map(|at| time::of(at.into())).unwrap_or_default()
}

impl ExecutionData {
    async fn load(backend: &Backend, id: &str, pins: Option<&Pins>) -> Result<Self, ActivityError> {
        let execution = backend.execution(id).await?;
        let question = question(&execution);
        let trace = TraceContext::of_execution(&execution);
        let spec = execution.spec.unwrap_or_default();
        let Settled { agent, name, env } = Settled::load(backend, id, &spec).await?;
        let mut memory = SessionHistory::load(backend, &spec.session_id, id, pins).await?;
        if let Some(pins) = pins {
            memory.more = pins.more;
        }
        if !spec.session_id.is_empty() {
            let remembered = memory.ids().join(" ");
            tracing::info!(session = spec.session_id, remembered, "session loaded");
        }
        let mut skills = BTreeMap::new();
        let of_subs = agent.sub_agents.iter().flat_map(|s| &s.skill_refs);
        for reference in agent.skill_refs.iter().chain(of_subs) {
            let key = skill_key(reference);
            if skills.contains_key(&key) {
                continue;
            }
            let mut reference = reference.clone();
            if let Some(hash) = pins.and_then(|p| p.skills.get(&key)) {
                reference.version.clone_from(hash);
            }
            skills.insert(key, backend.skill(&reference).await?);
        }
        let hash = |(key, skill): (&String, &SkillFiles)| (key.clone(), skill.version_hash.clone());
        let data = Self {
            id: id.to_owned(),
            trace,
            spec,
            question,
            agent,
            agent_name: name,
            memory,
            hold_back: env.hold_back(),
            env,
            skills: skills.iter().map(hash).collect(),
            equipped: BTreeMap::new(),
        };
        // Archives are unpacked to be read: that takes its time.
        let equipped = tokio::task::spawn_blocking(move || data.equip(&skills));
        // What a panic says may hold anything; the log has it without secrets.
        let unread = |_| transient("SkillUnread", "the runner failed while it unpacked skills");
        equipped.await.map_err(unread)?
    }

    /// One that has nothing but variables.
    #[cfg(test)]
    pub(crate) fn of_env(env: Env) -> Self {
        Self {
            id: String::new(),
            trace: None,
            spec: AgentExecutionSpec::default(),
            question: Vec::new(),
            agent: AgentSpec::default(),
            agent_name: String::new(),
            memory: SessionHistory::default(),
            hold_back: env.hold_back(),
            env,
            skills: BTreeMap::new(),
            equipped: BTreeMap::new(),
        }
    }

    fn equip(mut self, skills: &BTreeMap<String, SkillFiles>) -> Result<Self, ActivityError> {
        let main = (None, &self.agent.instructions);
        let subs = self.agent.sub_agents.iter();
        let subs = subs.map(|s| (Some(s), &s.instructions));
        let mut equipped = BTreeMap::new();
        for (sub, instructions) in std::iter::once(main).chain(subs) {
            let kit = self.kit_of(sub, skills)?;
            let told =
                skills_prompt(&kit.skills).map_err(|e| permanent("SkillUnusable", e.message))?;
            let system_prompt = match told.is_empty() {
                true => instructions.clone(),
                false => format!("{instructions}\n\n{told}"),
            };
            let equipment = Equipment {
                kit,
                system_prompt,
                tools: OnceCell::new(),
                warnings: OnceLock::new(),
            };
            equipped.insert(sub.map(|s| s.name.clone()), equipment);
        }
        self.equipped = equipped;
        Ok(self)
    }

    fn kit_of(
        &self,
        sub: Option<&SubAgent>,
        skills: &BTreeMap<String, SkillFiles>,
    ) -> Result<Toolset, ActivityError> {
        let of = |references: &[ApiResourceReference]| {
            let skills = references.iter().map(|r| skills.get(&skill_key(r)));
            skills.flatten().cloned().collect()
        };
        let env = self.env.clone();
        Ok(match sub {
            None => Toolset {
                scope: self.id.clone(),
                servers: self.agent.mcp_servers.clone(),
                selections: BTreeMap::new(),
                env,
                skills: of(&self.agent.skill_refs),
            },
            Some(sub) => Toolset {
                scope: format!("{}/{}", self.id, sub.name),
                servers: servers::of_sub_agent(&self.agent.mcp_servers, sub)?,
                selections: sub.mcp_tool_selections.clone(),
                env,
                skills: of(&sub.skill_refs),
            },
        })
    }

    pub(crate) fn pins(&self) -> Pins {
        Pins {
            skills: self.skills.clone(),
            memory: self.memory.ids(),
            more: self.memory.more,
        }
    }

    /// What the main agent, or one of its sub-agents, has.
    pub(crate) fn equipment(&self, sub_agent: Option<&str>) -> Result<&Equipment, ActivityError> {
        let found = self.equipped.get(&sub_agent.map(str::to_owned));
        found.ok_or_else(|| gone_sub_agent(sub_agent.unwrap_or_default()))
    }
}

/// It was there when the execution began: the agent was changed in between.
fn gone_sub_agent(name: &str) -> ActivityError {
    let why = format!("the agent has no sub-agent {name} any more");
    permanent("SubAgentMissing", why)
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
