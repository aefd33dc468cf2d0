mod archives;
mod push;
mod used;

use std::io::{Cursor, Write};

use anyhow::Context;
use stigmer_api::{
    Kind,
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    resource::Resource,
    skill::{GetArtifactRequest, ListSkillsRequest, PushSkillRequest, Skill, SkillState},
};
use test_e2e::{Api, Result, Stack, ensure, reference, unique};
use tonic::{Code, Status};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// An archive of these files.
fn zip(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    zip_by(CompressionMethod::Deflated, files)
}

fn zip_by(method: CompressionMethod, files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        zip.start_file(*name, options)?;
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
    // Its tag means it from then on, whatever came between.
    api.push_skill(&name, skill("five")?, "").await?;
    ensure!(hash(&at(&api, &name, "v1").await?) == hash(&first));
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
        // All others are older, and those of a long run are many.
        let is_older = seen.last().is_some_and(|id| id.as_str() < made[0].id());
        if is_older || page.next_page_token.is_empty() {
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
