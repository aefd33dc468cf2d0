//! What the activities of an execution know of it. It is loaded from the server and kept while the
//! execution runs here, so that none of it travels through Temporal.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use agent_tools::{Env, Kit, SkillFiles, skills_prompt};
use serde::{Deserialize, Serialize};
use stigmer_api::{
    agent::{AgentSpec, McpServerDefinition, SubAgent},
    agentexecution::{AgentExecution, AgentExecutionSpec, AgentMessage, MessageType},
    apiresource::ApiResourceReference,
};
use temporalio_sdk::activities::ActivityError;
use tokio::sync::OnceCell;

use crate::{
    backend::Backend,
    failure::{permanent, transient},
};

/// Executions whose end nobody told us (another runner reported it) are forgotten beyond so many.
const KEPT: usize = 256;

/// What the first look at an execution settled, for every later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pins {
    /// Version hashes of skills, by [`skill_key`].
    pub(crate) skills: BTreeMap<String, String>,
    /// The earlier executions of the session that the model is reminded of.
    pub(crate) memory: Vec<String>,
}

/// An agent of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub(crate) execution_id: String,
    /// The sub-agent's name; none for the main agent.
    pub(crate) sub_agent: Option<String>,
    pub(crate) pins: Pins,
}

pub(crate) struct Loaded {
    pub(crate) id: String,
    pub(crate) spec: AgentExecutionSpec,
    /// What was asked, as the execution shows it.
    pub(crate) asked: Vec<AgentMessage>,
    pub(crate) agent: AgentSpec,
    pub(crate) earlier: Vec<AgentExecution>,
    /// Whether the session has older ones.
    pub(crate) more: bool,
    pub(crate) env: Env,
    skills: BTreeMap<String, SkillFiles>,
    /// Of the main agent (no name) and of the sub-agents.
    prompts: BTreeMap<Option<String>, String>,
}

/// The loaded executions of this process.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<String, Arc<OnceCell<Arc<Loaded>>>>>);

impl Cache {
    /// The execution as it is kept, or from the server. `pins` is none for the first look.
    pub(crate) async fn get(
        &self,
        backend: &Backend,
        id: &str,
        pins: Option<&Pins>,
    ) -> Result<Arc<Loaded>, ActivityError> {
        let cell = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT && !kept.contains_key(id) {
                // Whatever goes is loaded again when it is needed.
                kept.retain(|_, cell| Arc::strong_count(cell) > 1);
            }
            kept.entry(id.to_owned()).or_default().clone()
        };
        let load = || async { Loaded::load(backend, id, pins).await.map(Arc::new) };
        cell.get_or_try_init(load).await.cloned()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Loaded>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(id).and_then(|cell| cell.get().cloned())
    }

    pub(crate) fn forget(&self, id: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(id);
    }
}

/// What a reference is pinned by.
fn skill_key(reference: &ApiResourceReference) -> String {
    let ApiResourceReference {
        org, slug, version, ..
    } = reference;
    format!("{org}/{slug}@{version}")
}

/// The messages with which an execution began.
pub(crate) fn asked(execution: &AgentExecution) -> Vec<AgentMessage> {
    let messages = execution.status.iter().flat_map(|s| &s.messages);
    let human = |m: &&AgentMessage| m.r#type() == MessageType::MessageHuman;
    messages.take_while(human).cloned().collect()
}

impl Loaded {
    async fn load(backend: &Backend, id: &str, pins: Option<&Pins>) -> Result<Self, ActivityError> {
        let execution = backend.execution(id).await?;
        let asked = asked(&execution);
        let spec = execution.spec.unwrap_or_default();
        let agent = backend
            .agent(&spec.agent_id)
            .await?
            .spec
            .unwrap_or_default();
        let (mut earlier, more) = backend.earlier(&spec.session_id, id).await?;
        if let Some(pins) = pins {
            let pinned = |e: &AgentExecution| {
                e.metadata
                    .as_ref()
                    .is_some_and(|m| pins.memory.contains(&m.id))
            };
            earlier.retain(pinned);
        }
        let env = backend.environment(id).await?;
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
        let loaded = Self {
            id: id.to_owned(),
            spec,
            asked,
            agent,
            earlier,
            more,
            env,
            skills,
            prompts: BTreeMap::new(),
        };
        // Archives are unpacked to be read: that takes its time.
        let written = tokio::task::spawn_blocking(move || loaded.with_prompts());
        written
            .await
            .map_err(|e| transient("SkillUnread", e.to_string()))?
    }

    fn with_prompts(mut self) -> Result<Self, ActivityError> {
        let subs = self.agent.sub_agents.iter();
        let subs = subs.map(|s| (Some(s.name.clone()), &s.instructions, &s.skill_refs));
        let main = (None, &self.agent.instructions, &self.agent.skill_refs);
        let mut prompts = BTreeMap::new();
        for (name, instructions, references) in std::iter::once(main).chain(subs) {
            let skills = skills_prompt(&self.skills_of(references))
                .map_err(|e| permanent("SkillUnusable", e.message))?;
            let prompt = match skills.is_empty() {
                true => instructions.clone(),
                false => format!("{instructions}\n\n{skills}"),
            };
            prompts.insert(name, prompt);
        }
        self.prompts = prompts;
        Ok(self)
    }

    pub(crate) fn pins(&self) -> Pins {
        let hash = |(key, skill): (&String, &SkillFiles)| (key.clone(), skill.version_hash.clone());
        let earlier = self.earlier.iter().flat_map(|e| &e.metadata);
        Pins {
            skills: self.skills.iter().map(hash).collect(),
            memory: earlier.map(|m| m.id.clone()).collect(),
        }
    }

    pub(crate) fn sub_agent(&self, name: &str) -> Result<&SubAgent, ActivityError> {
        let found = self.agent.sub_agents.iter().find(|s| s.name == name);
        found.ok_or_else(|| gone_sub_agent(name))
    }

    /// What the main agent, or one of its sub-agents, may use.
    pub(crate) fn kit(&self, sub_agent: Option<&str>) -> Result<Kit, ActivityError> {
        let mut kit = Kit {
            scope: self.id.clone(),
            servers: self.agent.mcp_servers.clone(),
            selections: BTreeMap::new(),
            env: self.env.clone(),
            skills: self.skills_of(&self.agent.skill_refs),
        };
        if let Some(name) = sub_agent {
            let sub = self.sub_agent(name)?;
            kit.scope = format!("{}/{name}", self.id);
            kit.servers = self.servers_of(sub)?;
            kit.selections.clone_from(&sub.mcp_tool_selections);
            kit.skills = self.skills_of(&sub.skill_refs);
        }
        Ok(kit)
    }

    /// The agent's definitions of the servers that a sub-agent names.
    pub(crate) fn servers_of(
        &self,
        sub: &SubAgent,
    ) -> Result<Vec<McpServerDefinition>, ActivityError> {
        let servers = &self.agent.mcp_servers;
        let find = |name: &String| {
            let found = servers.iter().find(|s| s.name == *name).cloned();
            found.ok_or_else(|| {
                let why = format!(
                    "sub-agent {} names the MCP server {name}, which is not among the agent's mcp_servers",
                    sub.name
                );
                permanent("McpServerMissing", why)
            })
        };
        sub.mcp_servers.iter().map(find).collect()
    }

    fn skills_of(&self, references: &[ApiResourceReference]) -> Vec<SkillFiles> {
        let skills = references.iter().map(|r| self.skills.get(&skill_key(r)));
        skills.flatten().cloned().collect()
    }

    /// What the agent, or one of its sub-agents, is told that it is.
    pub(crate) fn system_prompt(&self, sub_agent: Option<&str>) -> Result<&str, ActivityError> {
        let prompt = self.prompts.get(&sub_agent.map(str::to_owned));
        prompt
            .map(String::as_str)
            .ok_or_else(|| gone_sub_agent(sub_agent.unwrap_or_default()))
    }
}

/// It was there when the execution began: the agent was changed in between.
fn gone_sub_agent(name: &str) -> ActivityError {
    let why = format!("the agent has no sub-agent {name} any more");
    permanent("SubAgentMissing", why)
}
