//! Agents with skills: the files, and nothing but the files.

use std::fs;

use agent_tools::{Limits, SkillFiles, Toolset};
use serde_json::json;
use stigmer_api::agent::mcp_server_definition::ServerType;

use crate::{PROBE, SECRET, call, command, definition, names, probe, said, tools, toolset};

fn skill(name: &str, files: &[(&str, &str)]) -> SkillFiles {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("SKILL.md"), format!("# {name}")).unwrap();
    for (path, text) in files {
        fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        fs::write(dir.path().join(path), text).unwrap();
    }
    SkillFiles {
        name: name.to_owned(),
        version_hash: "1".to_owned(),
        archive: skill_archive::pack(dir.path()).unwrap(),
    }
}

fn with(scope: &str, skills: Vec<SkillFiles>) -> Toolset {
    let mut toolset = toolset(scope, Vec::new());
    toolset.skills = skills;
    toolset
}

#[tokio::test]
async fn files_are_listed_and_read_and_gone_at_the_end() {
    let (tools, dir) = tools(Limits::default());
    let files = [
        ("docs/bowline.md", "The rabbit comes out of the hole."),
        ("key", SECRET),
    ];
    let mut toolset = with("aex_1", vec![skill("knots", &files)]);
    assert_eq!(names(&tools, &toolset).await, ["list_files", "read_file"]);
    let read = async |path: &str| said(&tools, &toolset, "read_file", json!({"path": path})).await;
    assert_eq!(read("skills/knots/SKILL.md").await, "# knots");
    assert_eq!(read("skills/knots/docs/bowline.md").await, files[0].1);
    assert_eq!(read("skills/knots/key").await, "[redacted]");
    let list = said(
        &tools,
        &toolset,
        "list_files",
        json!({"path": "skills/knots"}),
    )
    .await;
    assert_eq!(list, "SKILL.md (7 bytes)\ndocs/\nkey (11 bytes)");
    for path in ["../../../lock", "/etc/hostname", "skills/../../0"] {
        let refused = call(&tools, &toolset, "read_file", json!({"path": path})).await;
        assert!(
            refused.failed && refused.text.contains("is refused"),
            "{refused:?}"
        );
    }
    // A server of the same execution works in the same folder, and its tools have the same names as ever.
    toolset.servers.push(probe("probe"));
    toolset.scope = "aex_1/helper".to_owned();
    let cwd = said(&tools, &toolset, "cwd", json!({})).await;
    assert!(
        fs::read(format!("{cwd}/skills/knots/SKILL.md")).is_ok(),
        "{cwd}"
    );
    assert!(
        cwd.starts_with(fs::canonicalize(dir.path()).unwrap().to_str().unwrap()),
        "{cwd}"
    );
    tools.close("aex_1").await;
    assert!(fs::metadata(&cwd).is_err());
}

#[tokio::test]
async fn a_server_may_be_started_in_the_folder_of_a_skill() {
    let (tools, _dir) = tools(Limits::default());
    let mut toolset = with("aex_1", vec![skill("knots", &[])]);
    let mut server = command(PROBE, &[], &[]);
    server.working_dir = "skills/knots".to_owned();
    toolset
        .servers
        .push(definition("probe", ServerType::Stdio(server)));
    let cwd = said(&tools, &toolset, "cwd", json!({})).await;
    let read = fs::read_to_string(format!("{cwd}/SKILL.md"));
    assert_eq!(read.ok().as_deref(), Some("# knots"), "{cwd}");
    tools.close("aex_1").await;
}

#[tokio::test]
async fn a_sub_agent_sees_its_own_skills_only() {
    let (tools, _dir) = tools(Limits::default());
    let main = with("aex_1", vec![skill("knots", &[])]);
    let sub = with("aex_1/../helper", vec![skill("maps", &[])]);
    for (toolset, has) in [(&main, "knots/"), (&sub, "maps/")] {
        assert_eq!(
            said(&tools, toolset, "list_files", json!({"path": "skills"})).await,
            has
        );
    }
    let none = toolset("aex_1/none", Vec::new());
    assert_eq!(names(&tools, &none).await, [""; 0]);
    assert!(
        call(&tools, &none, "read_file", json!({"path": "x"}))
            .await
            .failed
    );
    tools.close("aex_1").await;
}

#[tokio::test]
async fn skills_and_executions_that_are_none_are_refused_for_good() {
    let (tools, dir) = tools(Limits::default());
    let mut broken = skill("knots", &[]);
    broken.archive.truncate(20);
    let escape = skill("../../escape", &[]);
    for (toolset, why) in [
        (
            with("aex_1", vec![broken]),
            "\"knots\" cannot be used: not a readable zip file",
        ),
        (with("aex_1", vec![escape]), "its name must be"),
        (with("../aex_1", Vec::new()), "is no execution's id"),
        (with("", Vec::new()), "is no execution's id"),
        (with(".", Vec::new()), "is no execution's id"),
    ] {
        let told = tools.list(&toolset).await.unwrap_err();
        assert!(!told.is_transient() && told.message.contains(why), "{told}");
    }
    assert!(!dir.path().join("escape").exists());
    tools.close("aex_1").await;
}
