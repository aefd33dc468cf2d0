//! Documents of other kinds than agents.

use super::*;
use crate::manifest::schema::{
    AGENT, ENVIRONMENT as ENVIRONMENT_SHAPE, INSTANCE as INSTANCE_SHAPE, PROJECT, Shape, camel,
};

const ENVIRONMENT: &str = "apiVersion: agentic.stigmer.ai/v1
kind: Environment
metadata: {name: Staging, ownerScope: identity_account}
spec:
  description: where it is tried
  data:
    LEVEL: {value: 3}
    TOKEN: {value: hush, isSecret: true, description: d}
";

const INSTANCE: &str = "apiVersion: agentic.stigmer.ai/v1
kind: AgentInstance
metadata: {name: a-staging}
spec:
  agent: a
  environmentRefs: [staging, common]
";

#[test]
fn environments_and_instances_stand_beside_agents() {
    let folder = folder(&[(
        "agents/a.yaml",
        format!("{INSTANCE}---\n{}---\n{ENVIRONMENT}", agent("a")),
    )]);
    let project = read(&folder).unwrap();
    assert_eq!(project.agents.len(), 1);
    let environment = &project.environments[0];
    assert_eq!(
        (environment.resource.slug(), environment.line),
        ("staging", 13)
    );
    let data = &environment.resource.spec.as_ref().unwrap().data;
    assert_eq!(
        (data["LEVEL"].value.as_str(), data["LEVEL"].is_secret),
        ("3", false)
    );
    assert_eq!(
        (data["TOKEN"].value.as_str(), data["TOKEN"].is_secret),
        ("hush", true)
    );

    let instance = &project.instances[0].resource;
    assert_eq!(instance.agent.as_deref(), Some("a"));
    let spec = instance.resource.spec.as_ref().unwrap();
    assert_eq!(spec.agent_id, "", "only the server knows it");
    let refs: Vec<_> = spec
        .environment_refs
        .iter()
        .map(|r| (r.kind(), r.slug.as_str(), r.org.as_str()))
        .collect();
    let kind = ApiKind::Environment;
    assert_eq!(
        refs,
        [(kind, "staging", "local"), (kind, "common", "local")]
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let entries = [
        "TOKEN: hunter2",
        "TOKEN: 'hunter2'",
        "TOKEN: [hunter2]",
        "TOKEN: {hunter2}",
        "TOKEN: {value: [hunter2]}",
        "TOKEN: {value: {hunter2: x}}",
        "TOKEN: {value: *hunter2}",
        "TOKEN: {value: !hunter2 x}",
        "TOKEN: {isSecret: hunter2}",
        "TOKEN=hunter2",
        "{TOKEN=hunter2}",
        "[TOKEN=hunter2]",
    ];
    let head = ENVIRONMENT.split("    LEVEL").next().unwrap();
    for entry in entries {
        let found = problems(&[("agents/e.yaml", format!("{head}    {entry}\n"))]);
        assert!(found.starts_with("agents/e.yaml:7:"), "{entry}: {found}");
        assert!(!found.contains("hunter2"), "{entry}: {found}");
    }
}

#[test]
fn an_instance_may_name_its_agent_by_id() {
    let document = INSTANCE.replace("agent: a", "agentId: agt-1");
    let folder = folder(&[("agents/i.yaml", document)]);
    let instance = read(&folder).unwrap().instances[0].resource.clone();
    assert_eq!(instance.agent, None);
    assert_eq!(instance.resource.spec.unwrap().agent_id, "agt-1");
}

/// The page that describes documents.
const PAGE: &str = include_str!("../../../../../docs/manifests.md");

#[test]
fn what_the_page_shows_is_a_project() {
    let lines = PAGE.lines().map(|line| line.strip_prefix("    "));
    let blocks: Vec<String> = lines
        .collect::<Vec<_>>()
        .split(Option::is_none)
        .map(|block| {
            block
                .iter()
                .flatten()
                .fold(String::new(), |all, line| all + line + "\n")
        })
        .filter(|block| !block.is_empty())
        .collect();
    let mut files: Vec<(&str, &str)> = blocks
        .iter()
        .map(|block| {
            let (name, _) = block.strip_prefix("# ").unwrap().split_once('\n').unwrap();
            (name, block.as_str())
        })
        .collect();
    files.push(("agents/reviewer.md", "Read it all."));
    let project = read(&folder(&files)).unwrap();
    assert_eq!(project.name, "reviews");
    let agent = project.agents[0].resource.spec.as_ref().unwrap();
    assert_eq!((agent.mcp_servers.len(), agent.sub_agents.len()), (2, 1));
    assert_eq!(agent.instructions, "Read it all.");
    assert_eq!(
        (project.environments.len(), project.instances.len()),
        (1, 1)
    );
}

#[test]
fn the_page_names_every_key() {
    let mut open = vec![&PROJECT, &AGENT, &ENVIRONMENT_SHAPE, &INSTANCE_SHAPE];
    while let Some(shape) = open.pop() {
        match shape {
            Shape::List(of) | Shape::Map(of) => open.push(of),
            Shape::Fields(fields) => {
                for field in *fields {
                    let key = camel(field.name);
                    let named =
                        PAGE.contains(&format!("{key}:")) || PAGE.contains(&format!("`{key}`"));
                    assert!(named, "docs/manifests.md says nothing of {key}");
                    open.push(field.shape);
                }
            }
            _ => {}
        }
    }
}
