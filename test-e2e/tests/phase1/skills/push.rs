use std::fs;

use anyhow::Context;
use stigmer_api::{Kind, apiresource::ApiResourceReference};
use test_e2e::{Result, Stack, ensure, reference, unique};
use tonic::Code;

use super::{at, code, hash};

#[tokio::test]
async fn a_folder_is_pushed_by_its_name() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let parent = tempfile::tempdir()?;
    let name = unique("folder");
    let folder = parent.path().join(&name);
    fs::create_dir_all(folder.join("docs"))?;
    fs::write(folder.join("SKILL.md"), "# Say it\n")?;
    fs::write(folder.join("docs/more.md"), "more")?;
    fs::write(folder.join(".env"), "TOKEN=hush")?;
    let cli = stack.cli().within(&folder);

    let plan = cli
        .run(["skill", "push", ".", "--dry-run", "-o", "json"])
        .await?
        .json()?;
    ensure!(plan["name"] == name.as_str(), "{plan:#}");
    ensure!(
        plan["files"] == serde_json::json!(["SKILL.md", "docs/more.md"]),
        "{plan:#}"
    );
    ensure!(
        code(at(&api, &name, "").await) == Some(Code::NotFound),
        "a dry run stored it"
    );

    let pushed = cli
        .run(["skill", "push", ".", "--tag", "v1", "-o", "json"])
        .await?
        .json()?;
    ensure!(
        pushed["status"] == "Created" && pushed["slug"] == name.as_str(),
        "{pushed:#}"
    );
    let stored = at(&api, &name, "v1").await?;
    ensure!(pushed["version"] == hash(&stored).as_str(), "{pushed:#}");
    let again = cli.run(["skill", "push", ".", "--tag", "v1"]).await?.ok()?;
    ensure!(
        again.stdout.contains("Unchanged"),
        "packing is not repeatable: {again:#?}"
    );
    let output = cli.run(["skill", "push", "docs"]).await?;
    ensure!(
        output.code == Some(1) && output.stderr.contains("SKILL.md"),
        "{output:#?}"
    );
    let listed = cli.run(["get", "skills", "-o", "json"]).await?.json()?;
    let listed = listed.as_array().context("no list")?;
    ensure!(
        listed
            .iter()
            .any(|s| s["metadata"]["slug"] == name.as_str()),
        "{listed:#?}"
    );
    let other = unique("other");
    cli.run(["skill", "push", ".", "--name", &other])
        .await?
        .ok()?;
    let shown = cli.run(["get", "skill", &other]).await?.ok()?;
    ensure!(
        shown.stdout.contains(&other) && shown.stdout.contains("latest"),
        "{shown:#?}"
    );
    cli.run(["delete", "skills", &name, &other]).await?.ok()?;
    let gone = cli.run(["get", "skill", &name]).await?;
    ensure!(gone.code == Some(3), "{gone:#?}");
    let org = unique("acme");
    cli.run(["skill", "push", ".", "--org", &org]).await?.ok()?;
    let theirs = ApiResourceReference {
        org,
        ..reference(Kind::Skill, &name)
    };
    api.skill_queries().get_by_reference(theirs).await?;
    Ok(())
}
