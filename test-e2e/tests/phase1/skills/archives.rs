use anyhow::Context;
use stigmer_api::{apiresource::ApiResourceOwnerScope as Scope, skill::PushSkillRequest};
use test_e2e::{Project, Result, Stack, ensure, unique};
use tonic::Code;
use zip::CompressionMethod;

use super::{artifact, at, code, hash, key, skill, zip, zip_by};

#[tokio::test]
async fn archives_that_are_no_skill_are_refused_with_the_reason() -> Result {
    let api = Stack::get()?.api()?;
    let zeros = vec![0; 12 << 20];
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

/// Bytes that no archive makes smaller: what repeats is further apart than deflate looks back.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = Vec::with_capacity(64 << 10);
    while block.len() < 64 << 10 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend(state.to_le_bytes());
    }
    block.repeat(len / block.len())
}

#[tokio::test]
async fn an_archive_fits_a_message_or_is_refused() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let name = unique("large");
    let of_noise = |noise: &[u8]| {
        // To try to make it smaller takes a second.
        let method = CompressionMethod::Stored;
        zip_by(method, &[("SKILL.md", b"x"), ("noise", noise)])
    };
    let large = of_noise(&noise(9 << 20))?;
    let pushed = api.push_skill(&name, large.clone(), "").await?;
    ensure!(artifact(&api, &key(&pushed)).await? == large);

    let larger = of_noise(&noise(11 << 20))?;
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
