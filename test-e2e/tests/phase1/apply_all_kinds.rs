//! Projects with environments and instances beside their agents.

use serde_json::{Value, json};
use stigmer_api::{ApiKind, Kind, resource::Resource, secret::REDACTED};
use test_e2e::{Project, Result, Stack, agent_yaml, ensure, reference, unique};

fn environment_yaml(name: &str, secret: &str) -> String {
    format!(
        "apiVersion: agentic.stigmer.ai/v1\nkind: Environment\nmetadata:\n  name: {name}\nspec:\n  \
         description: where it is tried\n  data:\n    LEVEL: {{value: 3}}\n    TOKEN: {{value: {secret}, isSecret: true}}\n"
    )
}

fn instance_yaml(name: &str, agent: &str, environment: &str) -> String {
    format!(
        "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata:\n  name: {name}\nspec:\n  \
         agent: {agent}\n  environmentRefs: [{environment}]\n"
    )
}

#[tokio::test]
async fn a_project_brings_its_environments_and_instances() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (agent, staging, name) = (unique("agent"), unique("staging"), unique("instance"));
    let project = Project::new()?;
    // The order of the files is not the order in which they need each other.
    project.write("agents/1.yaml", instance_yaml(&name, &agent, &staging))?;
    project.write("agents/2.yaml", agent_yaml(&agent, "Do what is right."))?;
    project.write("agents/3.yaml", environment_yaml(&staging, "hush"))?;
    let cli = stack.cli().within(project.path());
    let statuses = |answer: &Value| {
        ["environments", "agents", "instances"].map(|kind| answer[kind][0]["status"].clone())
    };

    let plan = cli
        .run(["apply", "--dry-run", "-o", "json"])
        .await?
        .json()?;
    ensure!(plan["instances"][0]["action"] == "Create", "{plan:#}");
    let first = cli.run(["apply", "-o", "json"]).await?.json()?;
    ensure!(
        statuses(&first) == ["Created", "Created", "Created"],
        "{first:#}"
    );
    let again = cli.run(["apply", "-o", "json"]).await?.json()?;
    ensure!(
        statuses(&again) == ["Unchanged", "Unchanged", "Unchanged"],
        "{again:#}"
    );
    let plan = cli
        .run(["apply", "--dry-run", "-o", "json"])
        .await?
        .json()?;
    ensure!(plan["environments"][0]["action"] == "Unknown", "{plan:#}");
    ensure!(plan["instances"][0]["action"] == "None", "{plan:#}");

    project.write("agents/3.yaml", environment_yaml(&staging, "hush hush"))?;
    let edited = cli.run(["apply", "-o", "json"]).await?.json()?;
    ensure!(
        statuses(&edited) == ["Updated", "Unchanged", "Unchanged"],
        "{edited:#}"
    );

    let stored = reference(Kind::AgentInstance, &name);
    let stored = api
        .instance_queries()
        .get_by_reference(stored)
        .await?
        .into_inner();
    let spec = stored.spec.unwrap_or_default();
    ensure!(
        spec.agent_id == api.agent_by_slug(&agent).await?.id(),
        "{spec:?}"
    );
    let reference = &spec.environment_refs[0];
    ensure!(
        reference.kind() == ApiKind::Environment && reference.slug == staging,
        "{spec:?}"
    );
    let shown = cli
        .run(["get", "environment", &staging, "-o", "json"])
        .await?
        .json()?;
    let data = &shown["spec"]["data"];
    ensure!(data["TOKEN"]["value"] == json!(REDACTED), "{shown:#}");
    ensure!(data["LEVEL"]["value"] == "3", "{shown:#}");
    Ok(())
}
