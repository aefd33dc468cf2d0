use std::{
    fs,
    io::{Cursor, Write},
};

use anyhow::{Context, ensure};
use stigmer_api::{
    Kind,
    agent::SubAgent,
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    resource::Resource,
    skill::{GetArtifactRequest, ListSkillsRequest, PushSkillRequest, Skill, SkillId, SkillState},
};
use test_e2e::{Api, Project, Result, Stack, agent, reference, unique};
use tonic::{Code, Status};
use zip::{ZipWriter, write::SimpleFileOptions};

/// An archive of these files.
fn zip(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default())?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn skill(text: &str) -> Result<Vec<u8>> {
    zip(&[("SKILL.md", text.as_bytes()), ("a/b.txt", b"beside")])
}

fn event(skill: &Skill) -> String {
    let audit = skill.audit().and_then(|a| a.spec_audit.clone());
    audit.unwrap_or_default().event
}

fn hash(skill: &Skill) -> String {
    skill.status.clone().unwrap_or_default().version_hash
}

async fn at(api: &Api, slug: &str, version: &str) -> Result<Skill, Status> {
    let reference = ApiResourceReference {
        version: version.to_owned(),
        ..reference(Kind::Skill, slug)
    };
    Ok(api
        .skill_queries()
        .get_by_reference(reference)
        .await?
        .into_inner())
}

async fn artifact(api: &Api, key: &str) -> Result<Vec<u8>, Status> {
    let request = GetArtifactRequest {
        artifact_storage_key: key.to_owned(),
    };
    Ok(api
        .skill_queries()
        .get_artifact(request)
        .await?
        .into_inner()
        .artifact)
}

fn key(skill: &Skill) -> String {
    skill
        .status
        .clone()
        .unwrap_or_default()
        .artifact_storage_key
}

fn code<T>(answer: Result<T, Status>) -> Option<Code> {
    answer.err().map(|status| status.code())
}

#[tokio::test]
async fn every_version_is_found_by_hash_and_tag() -> Result {
    let api = Stack::get()?.api()?;
    let name = unique("versions");
    let (one, two) = (skill("one")?, skill("two")?);
    let first = api.push_skill(&name, one.clone(), "v1").await?;
    ensure!(
        event(&first) == "created" && first.id().starts_with("skl-"),
        "{first:?}"
    );
    let status = first.status.clone().unwrap_or_default();
    ensure!(status.state() == SkillState::Ready, "{status:?}");
    ensure!(status.version_hash.len() == 64, "{status:?}");
    ensure!(
        key(&first) == format!("skills/{}.zip", hash(&first)),
        "{status:?}"
    );
    ensure!(first.spec.clone().unwrap_or_default().skill_md == "one");
    ensure!(artifact(&api, &key(&first)).await? == one);

    let same = api.push_skill(&name, one.clone(), "v1").await?;
    ensure!(
        event(&same) == "unchanged" && hash(&same) == hash(&first),
        "{same:?}"
    );
    let second = api.push_skill(&name, two.clone(), "v2").await?;
    ensure!(
        event(&second) == "updated" && second.id() == first.id(),
        "{second:?}"
    );
    ensure!(hash(&second) != hash(&first));
    let moved = api.push_skill(&name, two, "moved").await?;
    ensure!(
        event(&moved) == "updated" && hash(&moved) == hash(&second),
        "{moved:?}"
    );

    let expected = [
        ("", "two", "moved"),
        ("latest", "two", "moved"),
        ("moved", "two", "moved"),
        ("v2", "two", "v2"),
        ("v1", "one", "v1"),
        (&hash(&first), "one", "v1"),
        (&hash(&second), "two", "moved"),
    ];
    for (version, text, tag) in expected {
        let found = at(&api, &name, version).await?;
        let spec = found.spec.clone().unwrap_or_default();
        ensure!(
            spec.skill_md == text && spec.tag == tag,
            "{version:?}: {found:?}"
        );
        ensure!(found.id() == first.id());
    }
    for unknown in ["v3", &"0".repeat(64)] {
        let status = at(&api, &name, unknown)
            .await
            .err()
            .context("it was found")?;
        ensure!(
            status.code() == Code::NotFound && status.message().contains(unknown),
            "{status:?}"
        );
    }
    // A tag that comes again means the newest that had it.
    let third = api.push_skill(&name, skill("three")?, "v1").await?;
    api.push_skill(&name, skill("four")?, "").await?;
    ensure!(hash(&at(&api, &name, "v1").await?) == hash(&third));
    // Back to what was there before: the same archive, the current version again.
    let back = api.push_skill(&name, one, "v1").await?;
    ensure!(
        event(&back) == "updated" && hash(&back) == hash(&first),
        "{back:?}"
    );
    ensure!(at(&api, &name, "").await?.spec.unwrap_or_default().skill_md == "one");
    Ok(())
}

#[tokio::test]
async fn archives_that_are_no_skill_are_refused_with_the_reason() -> Result {
    let api = Stack::get()?.api()?;
    let zeros = vec![0; 32 << 20];
    let cases = [
        (Vec::new(), "artifact: is required"),
        (b"no zip".to_vec(), "artifact: "),
        (zip(&[("README.md", b"x")])?, "SKILL.md"),
        (zip(&[("sub/SKILL.md", b"x")])?, "SKILL.md"),
        (zip(&[("SKILL.md", b"")])?, "SKILL.md"),
        (
            zip(&[("SKILL.md", b"x"), ("zeros", &zeros)])?,
            "more than 100 times",
        ),
        (zip(&[("SKILL.md", b"x"), ("../out", b"x")])?, "../out"),
        (zip(&[("SKILL.md", b"x"), ("/out", b"x")])?, "/out"),
        (zip(&[("SKILL.md", b"x"), ("a\\..\\out", b"x")])?, "out"),
    ];
    let name = unique("bad");
    for (archive, reason) in cases {
        let refused = api.push_skill(&name, archive, "").await;
        let status = refused.err().with_context(|| format!("taken: {reason}"))?;
        ensure!(
            status.code() == Code::InvalidArgument,
            "{reason}: {status:?}"
        );
        ensure!(status.message().contains(reason), "{reason}: {status:?}");
    }
    for (name, tag, field) in [
        ("", "", "error: name: "),
        ("日本", "", "error: name: "),
        ("good", "a b", "error: tag: "),
    ] {
        let refused = api.push_skill(name, skill("x")?, tag).await;
        let status = refused.err().with_context(|| format!("taken: {field}"))?;
        ensure!(status.code() == Code::InvalidArgument, "{status:?}");
        ensure!(status.message().contains(field), "{status:?}");
    }
    for (scope, org, field) in [
        (99, "", "error: scope: "),
        (Scope::IdentityAccount.into(), "", "error: scope: "),
        (0, "No Org", "error: org: "),
    ] {
        let request = PushSkillRequest {
            name: name.clone(),
            scope,
            org: org.to_owned(),
            artifact: skill("x")?,
            tag: String::new(),
        };
        let refused = api.skills().push(request).await;
        let status = refused.err().with_context(|| format!("taken: {field}"))?;
        ensure!(status.code() == Code::InvalidArgument, "{status:?}");
        ensure!(status.message().contains(field), "{status:?}");
    }
    ensure!(
        code(at(&api, &name, "").await) == Some(Code::NotFound),
        "something was stored"
    );
    Ok(())
}

#[tokio::test]
async fn the_platforms_skill_is_not_an_organizations_of_the_same_name() -> Result {
    let api = Stack::get()?.api()?;
    let name = unique("shared");
    let ours = api.push_skill(&name, skill("ours")?, "").await?;
    let request = PushSkillRequest {
        name: name.clone(),
        scope: Scope::Platform.into(),
        org: String::new(),
        artifact: skill("the platform's")?,
        tag: String::new(),
    };
    let pushed = api.skills().push(request.clone()).await?.into_inner();
    ensure!(
        event(&pushed) == "created" && pushed.id() != ours.id(),
        "{pushed:?}"
    );
    ensure!(at(&api, &name, "").await? == ours, "it was changed");
    let again = api.skills().push(request).await?.into_inner();
    ensure!(
        event(&again) == "unchanged" && again.id() == pushed.id(),
        "{again:?}"
    );
    Ok(())
}

/// Bytes that no archive makes smaller.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

#[tokio::test]
async fn an_archive_fits_a_message_or_is_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("large");
    let large = zip(&[("SKILL.md", b"x"), ("noise", &noise(9 << 20))])?;
    let pushed = api.push_skill(&name, large.clone(), "").await?;
    ensure!(artifact(&api, &key(&pushed)).await? == large);

    let larger = zip(&[("SKILL.md", b"x"), ("noise", &noise(11 << 20))])?;
    let refused = api.push_skill(&name, larger, "").await;
    let code = code(refused).context("it was taken")?;
    ensure!(
        matches!(code, Code::OutOfRange | Code::ResourceExhausted),
        "{code:?}"
    );
    ensure!(hash(&at(&api, &name, "").await?) == hash(&pushed));
    let folder = Project::new()?;
    folder.write("SKILL.md", "x")?;
    folder.write("noise", noise(11 << 20))?;
    let output = stack
        .cli()
        .within(folder.path())
        .run(["skill", "push", ".", "--name", &name])
        .await?;
    ensure!(
        output.code == Some(1) && output.stderr.contains("bytes"),
        "{output:#?}"
    );
    stack.cli().run(["delete", "skill", &name]).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn an_archive_is_had_by_its_own_key_only() -> Result {
    let api = Stack::get()?.api()?;
    let zeros = "0".repeat(64);
    for bad in [
        "",
        "skills/",
        "skills/../s.db",
        "../s.db.key",
        "/etc/passwd",
        "k/check",
        &format!("skills/{}.zip", "A".repeat(64)),
        &format!("skills/{zeros}"),
        &format!("skills/{zeros}.zip/"),
        &format!("x/skills/{zeros}.zip"),
        &zeros,
    ] {
        ensure!(
            code(artifact(&api, bad).await) == Some(Code::InvalidArgument),
            "{bad:?}"
        );
    }
    let unknown = artifact(&api, &format!("skills/{zeros}.zip")).await;
    ensure!(code(unknown) == Some(Code::NotFound));
    Ok(())
}

#[tokio::test]
async fn a_skill_in_use_is_not_deleted_and_its_archive_goes_with_its_last_skill() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let (mine, other) = (unique("mine"), unique("other"));
    let text = unique("shared");
    let pushed = api.push_skill(&mine, skill(&text)?, "").await?;
    let sole = api.push_skill(&mine, skill(&unique("sole"))?, "").await?;
    api.push_skill(&other, skill(&text)?, "").await?;
    let mut user = agent(&unique("user"));
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![reference(Kind::Skill, &mine)];
    let mut chief = agent(&unique("chief"));
    let spec = chief.spec.get_or_insert_default();
    spec.sub_agents = vec![SubAgent {
        name: "helper".to_owned(),
        instructions: "Help the other one.".to_owned(),
        skill_refs: vec![ApiResourceReference {
            org: String::new(),
            ..reference(Kind::Skill, &mine)
        }],
        ..Default::default()
    }];
    let user = api.agents().create(user).await?.into_inner();
    let chief = api.agents().create(chief).await?.into_inner();
    let value = pushed.id().to_owned();
    let refused = api.skills().delete(SkillId { value }).await;
    let status = refused.err().context("it was deleted")?;
    ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
    for name in [user.slug(), chief.slug(), &mine] {
        ensure!(status.message().contains(name), "{status:?}");
    }
    let cli = stack.cli();
    cli.run(["delete", "agents", user.slug(), chief.slug()])
        .await?
        .ok()?;
    cli.run(["delete", "skill", &mine]).await?.ok()?;
    ensure!(code(at(&api, &mine, "").await) == Some(Code::NotFound));
    artifact(&api, &key(&pushed)).await?;
    ensure!(
        code(artifact(&api, &key(&sole)).await) == Some(Code::NotFound),
        "it was left"
    );
    cli.run(["delete", "skill", &other]).await?.ok()?;
    ensure!(
        code(artifact(&api, &key(&pushed)).await) == Some(Code::NotFound),
        "it was left"
    );
    // The name and the archive are free again.
    let again = api.push_skill(&mine, skill(&text)?, "").await?;
    ensure!(
        event(&again) == "created" && again.id() != pushed.id(),
        "{again:?}"
    );
    artifact(&api, &key(&again)).await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_refers_only_to_skills_that_are_there() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let missing = unique("missing");
    let mut user = agent(&unique("user"));
    let spec = user.spec.get_or_insert_default();
    spec.skill_refs = vec![reference(Kind::Skill, &missing)];
    for refused in [
        api.agents().create(user.clone()).await,
        api.agents().apply(user.clone()).await,
    ] {
        let status = refused.err().context("it was taken")?;
        ensure!(status.code() == Code::NotFound, "{status:?}");
        for text in [
            missing.as_str(),
            "spec.skill_refs[0]",
            "stigmer skill push DIR",
        ] {
            ensure!(status.message().contains(text), "{status:?}");
        }
    }
    api.push_skill(&missing, skill("x")?, "v1").await?;
    api.agents().apply(user.clone()).await?;
    let spec = user.spec.get_or_insert_default();
    "v2".clone_into(&mut spec.skill_refs[0].version);
    let refused = api
        .agents()
        .update(user)
        .await
        .err()
        .context("it was taken")?;
    ensure!(
        refused.code() == Code::NotFound && refused.message().contains("v2"),
        "{refused:?}"
    );

    let project = Project::new()?;
    let (name, gone) = (unique("by-file"), unique("gone"));
    let text = test_e2e::agent_yaml(&name, "Do what is right.");
    project.write(
        "agents/a.yaml",
        format!("{text}  skillRefs: [{{slug: {gone}}}]\n"),
    )?;
    let output = stack.cli().within(project.path()).run(["apply"]).await?;
    ensure!(output.code == Some(3), "{output:#?}");
    for text in [&name, &gone, "stigmer skill push DIR"] {
        ensure!(output.stderr.contains(text), "{output:#?}");
    }
    ensure!(api.agent_by_slug(&name).await.is_err());
    Ok(())
}

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
    Ok(())
}

#[tokio::test]
async fn skills_are_listed_in_pages() -> Result {
    let api = Stack::get()?.api()?;
    let mut made = Vec::new();
    for i in 0..3 {
        made.push(
            api.push_skill(&unique(&format!("listed-{i}")), skill("x")?, "")
                .await?,
        );
    }
    let mut request = ListSkillsRequest {
        page_size: 1,
        ..Default::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = api
            .skill_queries()
            .list(request.clone())
            .await?
            .into_inner();
        ensure!(page.kind == "Skill" && page.items.len() <= 1, "{page:?}");
        seen.extend(page.items.iter().map(|s| s.id().to_owned()));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    // Others push at the same time: ours are there, once, and the newest first.
    let ours: Vec<_> = seen
        .iter()
        .filter(|id| made.iter().any(|m| m.id() == **id))
        .collect();
    let expected: Vec<_> = made.iter().rev().map(|m| m.id()).collect();
    ensure!(ours == expected, "{ours:?}");
    Ok(())
}
