//! Agents that use tools, skills and other agents, in few words.

use stigmer_api::{
    agent::{
        Agent, AgentSpec, DockerServer, HttpServer, McpServerDefinition, McpToolSelection,
        StdioServer, SubAgent, mcp_server_definition::ServerType,
    },
    apiresource::{
        ApiResourceOwnerScope as Scope, ApiResourceReference, apiresourcekind::ApiResourceKind,
    },
    environment::EnvironmentValue,
};

use anyhow::Result;

use crate::{Api, Stack, agent, trail, unique};

/// An agent on its way to the server.
#[derive(Clone, Debug)]
pub struct NewAgent(Agent);

impl NewAgent {
    /// An agent with a name of its own that begins with `hint`.
    pub fn new(hint: &str) -> Self {
        Self(agent(&unique(hint)))
    }

    fn spec(&mut self) -> &mut AgentSpec {
        self.0.spec.get_or_insert_default()
    }

    /// What it is told to be.
    pub fn instructions(mut self, text: &str) -> Self {
        text.clone_into(&mut self.spec().instructions);
        self
    }

    /// The stack's MCP server as a process of the agent, named `probe`, with `env` (values may
    /// hold `${NAME}`).
    ///
    /// # Errors
    /// In phase 1, which has none.
    pub fn stdio(self, stack: &Stack, env: &[(&str, &str)]) -> Result<Self> {
        let command = stack.mcp()?.stdio.to_string_lossy();
        Ok(self.server("probe", stdio(&command, env)))
    }

    /// The stack's MCP server at its address, named `remote`, asked with `headers` (values may
    /// hold `${NAME}`).
    ///
    /// # Errors
    /// In phase 1, which has none.
    pub fn http(self, stack: &Stack, headers: &[(&str, &str)]) -> Result<Self> {
        let server = HttpServer {
            url: stack.mcp()?.http.clone(),
            headers: map(headers),
            ..Default::default()
        };
        Ok(self.server("remote", ServerType::Http(server)))
    }

    /// A server that needs Docker.
    pub fn docker(self, image: &str) -> Self {
        let server = DockerServer {
            image: image.to_owned(),
            ..Default::default()
        };
        self.server("boxed", ServerType::Docker(server))
    }

    /// Any server.
    pub fn server(mut self, name: &str, server: ServerType) -> Self {
        self.spec().mcp_servers.push(McpServerDefinition {
            name: name.to_owned(),
            server_type: Some(server),
            ..Default::default()
        });
        self
    }

    /// Of the server added last, only these tools.
    pub fn only(mut self, tools: &[&str]) -> Self {
        if let Some(server) = self.spec().mcp_servers.last_mut() {
            server.enabled_tools = owned(tools);
        }
        self
    }

    /// A variable of its own.
    pub fn env(mut self, name: &str, value: &str, is_secret: bool) -> Self {
        if is_secret {
            trail::secret(value);
        }
        let value = EnvironmentValue {
            value: value.to_owned(),
            is_secret,
            ..Default::default()
        };
        let env = self.spec().env_spec.get_or_insert_default();
        env.data.insert(name.to_owned(), value);
        self
    }

    /// A skill by its slug, in its current version.
    pub fn skill(self, slug: &str) -> Self {
        self.skill_at(slug, "")
    }

    /// A skill by its slug and version.
    pub fn skill_at(mut self, slug: &str, version: &str) -> Self {
        self.spec().skill_refs.push(skill_ref(slug, version));
        self
    }

    /// An agent below it, with the tools `tools` of the servers `servers` (all, where none is
    /// named) and the skills `skills`.
    pub fn sub_agent(
        mut self,
        name: &str,
        instructions: &str,
        servers: &[&str],
        tools: &[&str],
        skills: &[&str],
    ) -> Self {
        let selection = McpToolSelection {
            enabled_tools: owned(tools),
        };
        self.spec().sub_agents.push(SubAgent {
            name: name.to_owned(),
            description: format!("knows what {name} knows"),
            instructions: instructions.to_owned(),
            mcp_servers: owned(servers),
            mcp_tool_selections: servers
                .iter()
                .map(|&server| (server.to_owned(), selection.clone()))
                .collect(),
            skill_refs: skills.iter().map(|slug| skill_ref(slug, "")).collect(),
        });
        self
    }

    /// Stores it.
    ///
    /// # Errors
    /// The server's.
    pub async fn apply(self, api: &Api) -> Result<Agent> {
        api.apply(self.0).await
    }
}

/// A server that is the command `command`.
pub fn stdio(command: &str, env: &[(&str, &str)]) -> ServerType {
    ServerType::Stdio(StdioServer {
        command: command.to_owned(),
        env_placeholders: map(env),
        ..Default::default()
    })
}

fn skill_ref(slug: &str, version: &str) -> ApiResourceReference {
    ApiResourceReference {
        scope: Scope::Organization.into(),
        kind: ApiResourceKind::Skill.into(),
        slug: slug.to_owned(),
        version: version.to_owned(),
        ..Default::default()
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn map<M: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> M {
    pairs
        .iter()
        .map(|&(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}
