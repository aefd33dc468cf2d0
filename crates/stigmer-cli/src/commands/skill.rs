//! `stigmer skill`.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;
use stigmer_api::{
    Kind, LOCAL_ORG,
    apiresource::ApiResourceOwnerScope as Scope,
    resource::Resource,
    skill::{PushSkillRequest, Skill},
    slug,
    validate::{VERSION_RULE, is_version},
};

use crate::{
    app::App,
    cli::{PushArgs, SkillCommand},
    client::Client,
    commands::apply,
    failure::Failure,
    output,
};

#[derive(Debug, Serialize)]
struct Pushed {
    name: String,
    slug: String,
    id: String,
    status: &'static str,
    tag: String,
    version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    dry_run: bool,
    name: String,
    tag: String,
    files: Vec<String>,
    archive_bytes: usize,
}

pub(crate) async fn run(app: &App, command: &SkillCommand) -> Result<()> {
    let SkillCommand::Push(args) = command;
    push(app, args).await
}

async fn push(app: &App, args: &PushArgs) -> Result<()> {
    let name = name(args)?;
    if !is_version(&args.tag) {
        return Err(Failure::usage(format!("--tag {VERSION_RULE}")));
    }
    let archive = skill_archive::pack(&args.folder).map_err(|e| Failure::failed(e.to_string()))?;
    if args.dry_run {
        return plan(app, args, name, &archive);
    }
    let client = Client::connect(&app.global).await?;
    let mut commands = client.skill_commands();
    let request = PushSkillRequest {
        name,
        scope: Scope::Organization.into(),
        org: app.global.org.as_deref().unwrap_or(LOCAL_ORG).to_owned(),
        artifact: archive,
        tag: args.tag.clone(),
    };
    let skill = client.answer(commands.push(request)).await?;
    let pushed = pushed(&skill);
    let row = [
        Kind::Skill.as_str(),
        &pushed.name,
        pushed.status,
        &pushed.tag,
        short(&pushed.version),
        &pushed.id,
    ];
    let heads = ["TYPE", "NAME", "STATUS", "TAG", "VERSION", "ID"];
    let table = output::table(heads, vec![row.map(str::to_owned)]);
    app.output.result(&pushed, &table)
}

/// The name of the skill: that of the folder, unless another one is given.
fn name(args: &PushArgs) -> Result<String> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let shown = args.folder.display();
            let whole = fs::canonicalize(&args.folder)
                .map_err(|e| Failure::failed(format!("{shown}: {e}")))?;
            let name = whole
                .file_name()
                .context("the root folder has no name: give one by --name")?;
            name.to_string_lossy().into_owned()
        }
    };
    match slug::check(&slug::from_name(&name)) {
        Ok(()) => Ok(name),
        Err(why) => Err(Failure::usage(format!(
            "the name `{name}` does not make a slug, which {why}: give another one by --name"
        ))),
    }
}

fn plan(app: &App, args: &PushArgs, name: String, archive: &[u8]) -> Result<()> {
    let info = skill_archive::check(archive).map_err(|e| Failure::failed(e.to_string()))?;
    let plan = Plan {
        dry_run: true,
        name,
        tag: args.tag.clone(),
        files: info.files,
        archive_bytes: archive.len(),
    };
    let mut text = String::new();
    for file in &plan.files {
        text.push_str(&output::one_line(file, usize::MAX));
        text.push('\n');
    }
    text.push_str(&format!(
        "\nDry run successful: {} of {} files and {} bytes would be pushed\n",
        plan.name,
        plan.files.len(),
        plan.archive_bytes
    ));
    app.output.result(&plan, &text)
}

fn pushed(skill: &Skill) -> Pushed {
    let status = skill.status.clone().unwrap_or_default();
    Pushed {
        name: skill.name().to_owned(),
        slug: skill.slug().to_owned(),
        id: skill.id().to_owned(),
        status: apply::done(skill),
        tag: skill.spec.clone().unwrap_or_default().tag,
        version: status.version_hash,
    }
}

/// Enough of a hash for people.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
