//! What a sub-agent names of its agent, and lists in which a name stands once.

use super::*;

/// An agent with the servers `n0`, `n1` and so on, and a sub-agent that has all of them.
pub(super) fn with_servers(count: usize, change: impl FnOnce(&mut SubAgent)) -> Agent {
    let server = |i| McpServerDefinition {
        name: format!("n{i}"),
        server_type: Some(ServerType::Stdio(stdio())),
        ..Default::default()
    };
    let mut agent = sub_agent(|sub| {
        sub.mcp_servers = (0..count).map(|i| format!("n{i}")).collect();
        change(sub);
    });
    let spec = agent.spec.get_or_insert_default();
    spec.mcp_servers = (0..count).map(server).collect();
    agent
}

/// What is told of the spec of an agent that is whole in all else.
fn told_of(mut agent: Agent) -> String {
    agent.set_envelope();
    let scope = Agent::KIND.owner_scopes().last().copied();
    let metadata = agent.metadata_mut();
    metadata.owner_scope = scope.map_or(0, i32::from);
    metadata.name = "a".to_owned();
    told(agent.validate())
}

#[test]
fn a_selection_is_of_a_server_that_the_sub_agent_has() {
    let selecting = |server: &str| {
        let selection = McpToolSelection {
            enabled_tools: vec!["read".to_owned()],
        };
        let selections = [(server.to_owned(), selection)].into();
        told_of(with_servers(2, |sub| {
            // The agent has `n1`, the sub-agent has not.
            sub.mcp_servers.truncate(1);
            sub.mcp_tool_selections = selections;
        }))
    };
    assert_eq!(selecting("n0"), "");
    for slip in ["n1", "n", ""] {
        assert_eq!(
            selecting(slip),
            format!(
                "validation error: spec.sub_agents[0].mcp_tool_selections[{slip}]: `{slip}` is not the name of one of \
                 the sub-agent's mcp_servers"
            )
        );
    }
}

#[test]
fn a_sub_agent_names_a_server_once() {
    let naming = |names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        told_of(with_servers(2, |sub| sub.mcp_servers = names))
    };
    assert_eq!(naming(&["n1", "n0"]), "");
    assert_eq!(
        naming(&["n1", "n0", "n1"]),
        "validation error: spec.sub_agents[0].mcp_servers[2]: `n1` is used twice"
    );
}

#[test]
fn a_list_of_skills_has_one_of_a_slug() {
    let skill = |slug: &str, version: &str, org: &str| ApiResourceReference {
        slug: slug.to_owned(),
        version: version.to_owned(),
        org: org.to_owned(),
        ..Default::default()
    };
    let with = |own: &[ApiResourceReference], theirs: &[ApiResourceReference]| {
        let mut agent = sub_agent(|sub| sub.skill_refs = theirs.to_vec());
        agent.spec.get_or_insert_default().skill_refs = own.to_vec();
        told_of(agent)
    };
    let house = skill("house", "", "");
    let two = [house.clone(), skill("style", "", "")];
    assert_eq!(with(&two, &two), "", "each list has its own");
    for again in [
        house.clone(),
        skill("house", "v2", ""),
        skill("house", "", "other"),
    ] {
        let twice = [house.clone(), again];
        let words =
            "skill_refs[1].slug: `house` is used twice, whatever version and organization it is of";
        let told = with(&twice, &[]);
        assert_eq!(told, format!("validation error: spec.{words}"));
        let told = with(&[], &twice);
        assert_eq!(
            told,
            format!("validation error: spec.sub_agents[0].{words}")
        );
    }
}
