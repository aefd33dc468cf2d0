//! A dry run fails where an apply would, by the same words.

use test_e2e::{Output, Project, Result, Stack, agent_yaml, ensure, unique};

/// The document of an instance of `agent` with this environment.
fn instance_yaml(name: &str, agent: &str, environment: &str) -> String {
    format!(
        "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata: {{name: {name}}}\nspec:\n  \
         {agent}\n  environmentRefs: [{environment}]\n"
    )
}

/// What a dry run and an apply of `project` say, the dry run first.
async fn both(project: &Project) -> Result<[Output; 2]> {
    let cli = Stack::get()?.cli().within(project.path());
    let dry = cli.run(["apply", "--dry-run"]).await?;
    Ok([dry, cli.run(["apply"]).await?])
}

/// Both fail alike, with `code` and all of `words`.
async fn fail_alike(project: &Project, code: i32, words: &[&str]) -> Result {
    let outputs = both(project).await?;
    for output in &outputs {
        ensure!(output.code == Some(code), "{outputs:#?}");
        for word in words {
            ensure!(output.stderr.contains(word), "no {word:?}: {outputs:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_an_instance_refers_to_is_looked_for() -> Result {
    let (agent, name, gone) = (unique("agent"), unique("instance"), unique("gone"));
    let project = Project::of(&[&agent])?;
    let of = format!("agent: {agent}");
    project.write("agents/i.yaml", instance_yaml(&name, &of, &gone))?;
    let words = [
        gone.as_str(),
        "Environment not found",
        "spec.environment_refs[0]",
    ];
    fail_alike(&project, 3, &words).await?;

    let of = format!("agent: {gone}");
    project.write("agents/i.yaml", instance_yaml(&name, &of, ""))?;
    fail_alike(&project, 3, &[&gone, "Agent not found"]).await?;

    let id = "agt-01k00000000000000000000000";
    let of = format!("agentId: {id}");
    project.write("agents/i.yaml", instance_yaml(&name, &of, ""))?;
    fail_alike(&project, 3, &[id, "Agent not found", "spec.agent_id"]).await?;

    // What the project has itself is there when it is needed.
    let of = format!("agent: {agent}");
    let environment = format!(
        "apiVersion: agentic.stigmer.ai/v1\nkind: Environment\nmetadata: {{name: {gone}}}\nspec: {{}}\n"
    );
    project.write("agents/e.yaml", environment)?;
    project.write("agents/i.yaml", instance_yaml(&name, &of, &gone))?;
    for output in both(&project).await? {
        output.ok()?;
    }

    let other = unique("other");
    project.write("agents/o.yaml", agent_yaml(&other, "Do what is right."))?;
    let of = format!("agent: {other}");
    project.write("agents/i.yaml", instance_yaml(&name, &of, &gone))?;
    fail_alike(&project, 1, &["spec.agent_id: cannot change"]).await
}

#[tokio::test]
async fn a_copy_of_an_answer_has_lost_its_secrets() -> Result {
    let project = Project::new()?;
    let document = |value: &str| {
        format!(
            "apiVersion: agentic.stigmer.ai/v1\nkind: Environment\nmetadata: {{name: {}}}\nspec:\n  \
             data:\n    TOKEN: {{value: '{value}', isSecret: true}}\n",
            unique("vault")
        )
    };
    project.write("agents/e.yaml", document("[redacted]"))?;
    let words = [
        "the server refused this",
        "spec.data[TOKEN]",
        "give a value",
    ];
    fail_alike(&project, 1, &words).await?;
    let text = document("hush");
    project.write("agents/e.yaml", &text)?;
    for output in both(&project).await? {
        output.ok()?;
    }
    project.write("agents/e.yaml", text.replace("hush", "[redacted]"))?;
    for output in both(&project).await? {
        output.ok()?;
    }
    Ok(())
}
