#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::{
    ApiKind, agent::mcp_server_definition::ServerType, apiresource::ApiResourceOwnerScope as Scope,
    resource::Resource, slug,
};

mod bad;
mod files;
mod hostile;
mod others;

const HEAD: &str = "apiVersion: agentic.stigmer.ai/v1\nkind: Agent\n";
const INSTRUCTIONS: &str = "spec: {instructions: Do what is right.}\n";

/// A folder with these files; one without a project file gets a plain one.
fn folder<C: AsRef<[u8]>>(files: &[(&str, C)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PROJECT_FILE), "name: demo\n").unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn read(folder: &TempDir) -> Result<Project, ManifestError> {
    load(&folder.path().join(PROJECT_FILE), None)
}

/// An agent document with everything that is not the subject.
fn agent(name: &str) -> String {
    format!("{HEAD}metadata: {{name: {name}}}\n{INSTRUCTIONS}")
}

/// The problems of a project with these files, as a user sees them from its folder.
fn problems<C: AsRef<[u8]>>(files: &[(&str, C)]) -> String {
    let folder = folder(files);
    match read(&folder) {
        Err(ManifestError::Problems(problems)) => {
            let text = problems.relative_to(folder.path()).to_string();
            text.replace(&folder.path().display().to_string(), "FOLDER")
        }
        other => panic!("no problems, but {other:?}"),
    }
}

#[test]
fn everything_that_can_be_written_is_read() {
    let document = r#"
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata:
  name: Code Reviewer
  org: acme
  owner_scope: platform
  labels: {team: a, stage: 2}
  annotations: {a/b: c}
  tags: [x, 1.0]
spec:
  description: Reviews
  icon_url: https://example.com/i.png
  instructions: |
    Review the code.
  mcpServers:
    - name: gh
      stdio: {command: npx, args: [-y, 8080], envPlaceholders: {T: "${T}"}, workingDir: /w}
      enabledTools: [a]
    - name: web
      http: {url: https://x, headers: {H: v}, queryParams: {q: 1}}
    - name: box
      docker:
        image: img
        volumes: [{hostPath: /a, containerPath: /b, readOnly: true}]
        ports: [{hostPort: 1, containerPort: 2, protocol: tcp}]
        containerName: c
  skillRefs:
    - {slug: s, version: "1.0"}
    - {slug: t, scope: platform}
  subAgents:
    - name: helper
      instructions: Help the other one.
      mcpServers: [gh]
      mcpToolSelections: {gh: {enabledTools: [a]}}
      skillRefs: [{slug: u, org: other}]
  envSpec:
    description: env
    data:
      TOKEN: {isSecret: true, description: d}
      LEVEL: {value: 3}
"#;
    let folder = folder(&[("agents/a.yaml", document.as_bytes())]);
    let project = read(&folder).unwrap();
    let agent = &project.agents[0].resource;
    assert_eq!(agent.slug(), "code-reviewer");
    assert_eq!(
        agent.metadata.as_ref().unwrap().owner_scope(),
        Scope::Platform
    );
    let spec = agent.spec.as_ref().unwrap();
    assert!(spec.skill_refs.iter().all(|r| r.kind() == ApiKind::Skill));
    let orgs: Vec<&str> = spec.skill_refs.iter().map(|r| r.org.as_str()).collect();
    assert_eq!(orgs, ["acme", ""], "a platform skill has no organization");
    let Some(ServerType::Stdio(stdio)) = &spec.mcp_servers[0].server_type else {
        panic!("{spec:?}");
    };
    assert_eq!(stdio.args, ["-y", "8080"], "numbers stay as written");
    insta::assert_snapshot!(serde_json::to_string_pretty(agent).unwrap());
}

#[test]
fn defaults_come_from_the_project() {
    let files = [
        (
            "Stigmer.yaml",
            "name: demo\nversion: 1.10\norganization: acme\nagents: [b.yaml, 'x/*.yml']\n"
                .to_owned(),
        ),
        ("b.yaml", agent("one")),
        (
            "x/c.yml",
            format!("{}---\n{}", agent("two"), agent("three")),
        ),
    ];
    let folder = folder(&files);
    let project = read(&folder).unwrap();
    assert_eq!(project.version.as_deref(), Some("1.10"));
    let seen: Vec<_> = project
        .agents
        .iter()
        .map(|a| (a.resource.name(), a.resource.org(), a.line))
        .collect();
    assert_eq!(
        seen,
        [("one", "acme", 1), ("two", "acme", 1), ("three", "acme", 6)]
    );
    let scopes = project.agents.iter().map(|a| a.resource.metadata.as_ref());
    assert!(
        scopes
            .flatten()
            .all(|m| m.owner_scope() == Scope::Organization)
    );

    let other = load(&project.file, Some("mine")).unwrap();
    assert_eq!(other.organization, "mine");
    assert!(slug::check(&other.name).is_ok());
}

#[test]
fn a_name_is_free_in_another_organization() {
    let other = agent("a").replace("{name: a}", "{name: a, org: other}");
    let files = [
        (
            "Stigmer.yaml",
            "name: demo\norganization: acme\n".to_owned(),
        ),
        ("agents/a.yaml", format!("{}---\n{other}", agent("a"))),
    ];
    let project = read(&folder(&files)).unwrap();
    let agents = project.agents.iter();
    let seen: Vec<_> = agents
        .map(|a| (a.resource.slug(), a.resource.org()))
        .collect();
    assert_eq!(seen, [("a", "acme"), ("a", "other")]);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let project = "name: demo\nagents: [agents/a.yaml, 'agents/*', ./agents/a.yaml]\n";
    let files = [
        ("Stigmer.yaml", project.to_owned()),
        ("agents/a.yaml", agent("a")),
    ];
    let project = read(&folder(&files)).unwrap();
    assert_eq!(project.agents.len(), 1);
}

#[test]
fn instructions_may_be_a_file_of_their_own() {
    let document = format!("{HEAD}metadata: {{name: a}}\nspec:\n  instructionsFile: ../a.md\n");
    let folder = folder(&[
        ("agents/a.yaml", document.as_str()),
        ("a.md", "Do what is right.\n"),
    ]);
    let project = read(&folder).unwrap();
    let spec = project.agents[0].resource.spec.clone().unwrap();
    assert_eq!(spec.instructions, "Do what is right.\n");
}

#[test]
fn aliases_are_what_they_stand_for() {
    let document = format!(
        "{HEAD}metadata: {{name: a, labels: &l {{x: y}}, annotations: *l}}\n{INSTRUCTIONS}"
    );
    let folder = folder(&[("agents/a.yaml", document.as_bytes())]);
    let project = read(&folder).unwrap();
    assert_eq!(
        project.agents[0]
            .resource
            .metadata
            .as_ref()
            .unwrap()
            .annotations["x"],
        "y"
    );
}

#[test]
fn a_project_is_found_upwards() {
    let folder = folder(&[("a/b/c.txt", b"")]);
    let file = folder.path().join(PROJECT_FILE);
    assert_eq!(find(&folder.path().join("a/b")), Ok(file.clone()));
    assert_eq!(locate(folder.path()), Ok(file.clone()));
    assert_eq!(locate(&file), Ok(file));
    assert!(matches!(
        locate(&folder.path().join("a")),
        Err(ManifestError::Missing(_))
    ));
    assert!(matches!(
        find(Path::new("/proc/self")),
        Err(ManifestError::NoProject(_))
    ));
}
