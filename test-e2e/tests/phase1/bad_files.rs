//! Every kind of bad project file is refused with its place, and nothing of it is applied.

use test_e2e::{Project, Result, Stack, agent_yaml, ensure, unique};
use tonic::Code;

const AGENT: &str = "agents/a.yaml";

/// A project whose only agent document is `text`.
fn with_agent(text: impl AsRef<[u8]>) -> Result<Project> {
    let project = Project::new()?;
    project.write(AGENT, text)?;
    Ok(project)
}

/// `apply` fails, and blames `place` with all of `words`.
async fn refused(project: &Project, place: &str, words: &[&str]) -> Result {
    let output = Stack::get()?
        .cli()
        .within(project.path())
        .run(["apply"])
        .await?;
    ensure!(
        output.code.is_some_and(|code| code != 0),
        "it was taken: {output:#?}"
    );
    ensure!(
        output.stderr.contains(&format!("{place}: ")),
        "no {place}: {}",
        output.stderr
    );
    for word in words {
        ensure!(
            output.stderr.contains(word),
            "no {word:?}: {}",
            output.stderr
        );
    }
    Ok(())
}

macro_rules! bad_files {
    ($($name:ident: $project:expr, $place:expr, $words:expr;)+) => {
        $(#[tokio::test]
        async fn $name() -> Result {
            refused(&$project?, $place, &$words).await
        })+
    };
}

const HEAD: &str = "apiVersion: agentic.stigmer.ai/v1\nkind: Agent\n";

bad_files! {
    broken_yaml: with_agent(format!("{HEAD}metadata: [\n")), "agents/a.yaml:3:11", ["bracket"];
    unknown_key: with_agent(format!("{HEAD}metadata:\n  name: a\n  nmae: b\nspec:\n  instructions: 0123456789\n")), "agents/a.yaml:5:3", ["nmae"];
    wrong_type: with_agent(format!("{HEAD}metadata:\n  name: [a]\nspec:\n  instructions: 0123456789\n")), "agents/a.yaml:4:9", [];
    wrong_api_version: with_agent("apiVersion: v2\nkind: Agent\nmetadata:\n  name: a\nspec:\n  instructions: 0123456789\n"), "agents/a.yaml:1:13", ["agentic.stigmer.ai/v1"];
    wrong_kind: with_agent("apiVersion: agentic.stigmer.ai/v1\nkind: Robot\nmetadata:\n  name: a\nspec:\n  instructions: 0123456789\n"), "agents/a.yaml:2:7", ["Agent"];
    missing_instructions: with_agent(format!("{HEAD}metadata:\n  name: a\nspec:\n  description: x\n")), "agents/a.yaml:6:3", ["instructions"];
    short_instructions: with_agent(agent_yaml("a", "short")), "agents/a.yaml:6:17", ["10"];
    name_without_slug: with_agent(agent_yaml("'日本'", "Do what you are told.")), "agents/a.yaml:4:9", ["slug"];
    name_twice: with_agent([agent_yaml("a", "Do what you are told."), agent_yaml("a", "Do what you like.")].join("---\n")), "agents/a.yaml:11:9", ["a.yaml:4:9"];
    key_twice: with_agent(format!("{HEAD}metadata:\n  name: a\n  name: b\nspec:\n  instructions: 0123456789\n")), "agents/a.yaml:5:3", ["name"];
    empty_file: with_agent(""), "agents/a.yaml:1:1", ["empty"];
    not_utf8: with_agent(b"apiVersion: \xff\xfe\n"), "agents/a.yaml:1:13", ["UTF-8"];
    mcp_server_without_type: with_agent(format!("{}  mcpServers:\n    - name: tools\n", agent_yaml("a", "Do what you are told."))), "agents/a.yaml:8:7", ["stdio"];
    bad_port: with_agent(format!("{}  mcpServers:\n    - name: d\n      docker:\n        image: i\n        ports:\n          - hostPort: 70000\n            containerPort: 80\n", agent_yaml("a", "Do what you are told."))), "agents/a.yaml:12:23", ["65535"];
    tabs_for_indent: with_agent(format!("{HEAD}metadata:\n\tname: a\n")), "agents/a.yaml:4:2", ["tab"];
}

/// A project whose `Stigmer.yaml` is `text`.
fn with_project(text: &str) -> Result<Project> {
    let project = Project::new()?;
    project.write("Stigmer.yaml", text)?;
    Ok(project)
}

bad_files! {
    project_without_name: with_project("version: '1'\n"), "Stigmer.yaml:1:1", ["name"];
    project_with_unknown_key: with_project("name: p\nagent: a.yaml\n"), "Stigmer.yaml:2:1", ["agent"];
    project_of_missing_file: with_project("name: p\nagents:\n  - gone.yaml\n"), "Stigmer.yaml:3:5", ["gone.yaml"];
    project_built_by_code: with_project("name: p\nruntime: go\nmain: main.go\n"), "Stigmer.yaml:2:1", ["agents/*.yaml"];
}

#[tokio::test]
async fn one_bad_agent_keeps_the_good_one_from_being_applied() -> Result {
    let stack = Stack::get()?;
    let good = unique("good");
    let project = Project::of(&[&good])?;
    project.write("agents/z.yaml", agent_yaml("bad", "short"))?;
    refused(&project, "agents/z.yaml:6:17", &["10"]).await?;
    let found = stack.api()?.agent_by_slug(&good).await;
    ensure!(
        found.is_err_and(|s| s.code() == Code::NotFound),
        "half of a project was applied"
    );
    Ok(())
}

#[tokio::test]
async fn all_bad_files_are_told_at_once() -> Result {
    let project = with_agent(agent_yaml("a", "short"))?;
    project.write("agents/b.yaml", agent_yaml("b", "tiny"))?;
    refused(&project, "agents/a.yaml:6:17", &["agents/b.yaml:6:17"]).await
}

#[tokio::test]
async fn without_a_project_the_command_says_where_it_looked() -> Result {
    let folder = tempfile::tempdir()?;
    let output = Stack::get()?
        .cli()
        .within(folder.path())
        .run(["apply"])
        .await?;
    ensure!(output.code.is_some_and(|code| code != 0), "{output:#?}");
    ensure!(output.stderr.contains("Stigmer.yaml"), "{output:#?}");
    Ok(())
}
