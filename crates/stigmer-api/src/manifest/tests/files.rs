//! Which files a project has.

use super::{bad::check, *};

#[cfg(unix)]
#[test]
fn what_a_pattern_matches_and_cannot_be_read() {
    let folder = folder(&[
        ("agents/a.yaml", agent("a")),
        ("agents/sub.yaml/x", String::new()),
    ]);
    for name in ["agents/gone.yaml", "agents/old.yml"] {
        std::os::unix::fs::symlink("nowhere", folder.path().join(name)).unwrap();
    }
    let found = |project: &str| {
        fs::write(folder.path().join(PROJECT_FILE), project).unwrap();
        match read(&folder) {
            Err(ManifestError::Problems(found)) => found.relative_to(folder.path()).to_string(),
            other => panic!("no problems, but {other:?}"),
        }
    };
    check(
        &found("name: demo\n"),
        &[
            "Stigmer.yaml:1:1: `agents/gone.yaml` is a link to nothing: mend or remove it",
            "Stigmer.yaml:1:1: `agents/sub.yaml` is not a file",
            "Stigmer.yaml:1:1: `agents/old.yml` is a link to nothing: mend or remove it",
        ],
    );
    check(
        &found("name: demo\nagents:\n- agents/*\n- agents/gone.yaml\n"),
        &[
            "Stigmer.yaml:3:3: `agents/gone.yaml` is a link to nothing: mend or remove it",
            "Stigmer.yaml:3:3: `agents/old.yml` is a link to nothing: mend or remove it",
            "Stigmer.yaml:3:3: `agents/sub.yaml` is not a file",
            "Stigmer.yaml:4:3: `agents/gone.yaml` does not exist or is not a file",
        ],
    );
}

#[test]
fn what_is_hidden_is_read_where_it_is_named() {
    let agents = |project: &str| {
        let project = format!("name: demo\n{project}");
        let folder = folder(&[
            ("Stigmer.yaml", project),
            ("agents/a.yaml", agent("a")),
            ("agents/.draft.yaml", agent("draft")),
            (
                "agents/._a.yaml",
                "\0 what macOS keeps of a file".to_owned(),
            ),
        ]);
        #[cfg(unix)]
        {
            let lock = folder.path().join("agents/.#a.yaml");
            std::os::unix::fs::symlink("somebody@somewhere.1", lock).unwrap();
        }
        let agents = read(&folder).unwrap().agents.into_iter();
        agents
            .map(|it| it.resource.slug().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(agents(""), ["a"]);
    assert_eq!(agents("agents: ['agents/*']\n"), ["a"]);
    assert_eq!(agents("agents: ['agents/**/*.yaml']\n"), ["a"]);
    assert_eq!(agents("agents: [agents/.draft.yaml]\n"), ["draft"]);
    assert_eq!(agents("agents: ['agents/.d*']\n"), ["draft"]);
}

#[test]
fn a_project_may_be_in_a_hidden_folder() {
    let folder = folder(&[(".config/x/agents/a.yaml", agent("a"))]);
    let file = folder.path().join(".config/x").join(PROJECT_FILE);
    fs::write(&file, "name: demo\n").unwrap();
    assert_eq!(load(&file, None).unwrap().agents.len(), 1);
}

#[test]
fn the_mark_of_an_editor_is_no_part_of_a_text() {
    let document =
        format!("\u{feff}{HEAD}metadata: {{name: a}}\nspec: {{instructionsFile: a.md}}\n");
    let folder = folder(&[
        ("agents/a.yaml", document.as_str()),
        ("agents/a.md", "\u{feff}Do what is right.\n"),
    ]);
    let project = read(&folder).unwrap();
    let spec = project.agents[0].resource.spec.clone().unwrap();
    assert_eq!(spec.instructions, "Do what is right.\n");
}
