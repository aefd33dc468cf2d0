//! What asks a server and does not follow.

use stigmer_api::{agentexecution::ExecutionPhase, resource::Resource};
use tonic::Status;

use super::{
    fake::{EXECUTION, World, agent, serve, state},
    *,
};

/// Runs in `folder`, with ids and the address made the same every time.
async fn run(folder: &TempDir, server: &str, args: &[&str]) -> String {
    let mut command = stigmer(folder.path(), server, args);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let mut text = shown(&output).replace(server, "SERVER");
    while let Some(at) = text.find("agt-0") {
        text.replace_range(at..at + 30, "agt-ID");
    }
    text
}

#[tokio::test]
async fn apply_says_what_it_did() {
    let (fake, server) = serve(World::default()).await;
    let folder = project(&["one", "two"]);
    insta::assert_snapshot!(run(&folder, &server, &["apply", "--dry-run"]).await, @r"
        exit 0
        --- stdout
        TYPE   NAME  ACTION
        Agent  one   Create
        Agent  two   Create

        Dry run successful: nothing was changed
        --- stderr
    ");
    assert!(
        fake.0.lock().unwrap().agents.is_empty(),
        "a dry run stores nothing"
    );
    insta::assert_snapshot!(run(&folder, &server, &["apply"]).await, @r"
        exit 0
        --- stdout
        TYPE   NAME  STATUS   ID
        Agent  one   Created  agt-ID
        Agent  two   Created  agt-ID

        Deployment successful
        --- stderr
    ");
    insta::assert_snapshot!(run(&folder, &server, &["apply", "--dry-run", "-o", "yaml"]).await, @r"
        exit 0
        --- stdout
        project: demo
        dryRun: true
        agents:
        - name: one
          slug: one
          id: agt-ID
          action: None
        - name: two
          slug: two
          id: agt-ID
          action: None
        --- stderr
        TYPE   NAME  ACTION
        Agent  one   None
        Agent  two   None

        Dry run successful: nothing was changed
    ");
}

#[tokio::test]
async fn what_the_server_refuses_is_said() {
    let refuse = Some(Status::invalid_argument(
        "validation error: spec.x: is wrong",
    ));
    let (_fake, server) = serve(World {
        refuse,
        ..World::default()
    })
    .await;
    let folder = project(&["one"]);
    insta::assert_snapshot!(run(&folder, &server, &["apply"]).await, @r"
        exit 1
        --- stdout
        --- stderr
        error: agent `one` (0 of 1 resources were applied): the server refused this: validation error: spec.x: is wrong
    ");
}

#[tokio::test]
async fn what_was_applied_before_an_error_is_said() {
    let (_fake, server) = serve(World::default()).await;
    let folder = project(&["one"]);
    let instance = AGENT
        .replace("kind: Agent", "kind: AgentInstance")
        .replace("NAME", "one-staging")
        .replace("instructions: Do what is right.", "agent: one");
    fs::write(folder.path().join("agents/other.yaml"), instance).unwrap();
    // This server has no service for instances.
    let text = run(&folder, &server, &["apply"]).await;
    let applied = "exit 1\n--- stdout\nTYPE   NAME  STATUS   ID\nAgent  one   Created  agt-ID\n";
    assert!(text.starts_with(applied), "{text}");
    let told = "error: instance `one-staging` (1 of 2 resources were applied): the server does not";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn a_dry_run_names_what_it_cannot_compare() {
    let (_fake, server) = serve(World::default()).await;
    let document = |kind: &str, name: &str, spec: &str| {
        AGENT
            .replace("kind: Agent", &format!("kind: {kind}"))
            .replace("NAME", name)
            .replace("instructions: Do what is right.", spec)
    };
    let environment = document("Environment", "staging", "");
    let instance = document("AgentInstance", "one-staging", "agent: one");
    for (document, named) in [
        (environment, "environment `staging`"),
        (instance, "instance `one-staging`"),
    ] {
        let folder = project(&["one"]);
        fs::write(folder.path().join("agents/other.yaml"), document).unwrap();
        // This server has no service for it.
        let shown = run(&folder, &server, &["apply", "--dry-run"]).await;
        assert!(shown.starts_with("exit 1\n"), "{shown}");
        assert!(
            shown.contains(&format!("error: {named}: the server does not know")),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn unknown_names_are_not_found() {
    let (_fake, server) = serve(World::default()).await;
    let folder = project(&["one"]);
    let cases: [&[&str]; 8] = [
        &["run", "No Such"],
        &["run", "???"],
        &["run", "agt-00000000000000000000000000"],
        &["get", "agent", "gone"],
        &["get", "execution", "gone"],
        &["logs", "gone"],
        &["delete", "agents", "gone"],
        &["run", "one"],
    ];
    let mut all = String::new();
    for case in cases {
        all.push_str(&format!("{case:?} {}\n", run(&folder, &server, case).await));
    }
    insta::assert_snapshot!("not_found", all);
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    let agents = vec![agent("one"), agent("two"), agent("three")];
    let (_fake, server) = serve(World {
        agents,
        ..World::default()
    })
    .await;
    let folder = project(&[]);
    insta::assert_snapshot!(run(&folder, &server, &["get", "agents"]).await, @r"
        exit 0
        --- stdout
        NAME   SLUG   ORG    ID                              UPDATED
        one    one    local  agt-ID
        two    two    local  agt-ID
        three  three  local  agt-ID
        --- stderr
    ");
    let two = run(
        &folder,
        &server,
        &["get", "agent", "--limit", "2", "-o", "json"],
    )
    .await;
    assert_eq!(two.matches("\"kind\": \"Agent\"").count(), 2, "{two}");
}

#[tokio::test]
async fn executions_are_listed_of_one_organization() {
    let of = |org: &str, said: &str| {
        let mut execution = state(ExecutionPhase::ExecutionCompleted, "");
        org.clone_into(&mut execution.metadata_mut().org);
        said.clone_into(&mut execution.spec.get_or_insert_default().message);
        execution
    };
    let listed = vec![
        of("local", "mine"),
        of("acme", "theirs"),
        of("acme", "older"),
    ];
    let (_fake, server) = serve(World {
        listed,
        ..World::default()
    })
    .await;
    let folder = project(&[]);
    let all = run(&folder, &server, &["get", "executions"]).await;
    assert!(all.contains("mine") && all.contains("older"), "{all}");
    let args = ["get", "executions", "--org", "acme", "--limit", "1"];
    let theirs = run(&folder, &server, &args).await;
    assert!(theirs.contains("theirs"), "{theirs}");
    assert!(
        !theirs.contains("mine") && !theirs.contains("older"),
        "{theirs}"
    );
}

#[tokio::test]
async fn one_that_cannot_be_deleted_does_not_keep_the_others() {
    let agents = vec![agent("one"), agent("two")];
    let (fake, server) = serve(World {
        agents,
        ..World::default()
    })
    .await;
    let folder = project(&[]);
    let args = ["delete", "agents", "one", "gone", "two"];
    insta::assert_snapshot!(run(&folder, &server, &args).await, @r"
        exit 3
        --- stdout
        Deleted one
        Deleted two
        --- stderr
        error: Agent not found: gone
    ");
    assert!(fake.0.lock().unwrap().agents.is_empty());
    insta::assert_snapshot!(run(&folder, &server, &["delete", "execution", EXECUTION]).await, @r"
        exit 1
        --- stdout
        --- stderr
        error: still running: cancel it first
    ");
    // The code is that of the first one.
    fake.0.lock().unwrap().refuse = Some(Status::failed_precondition("still used"));
    let args = ["delete", "agents", "used", "gone"];
    insta::assert_snapshot!(run(&folder, &server, &args).await, @r"
        exit 1
        --- stdout
        --- stderr
        error: still used
        error: Agent not found: gone
    ");
}

#[tokio::test]
async fn without_a_name_the_project_is_applied_and_its_agent_run() {
    let (fake, server) = serve(World::default()).await;
    let folder = project(&["one"]);
    insta::assert_snapshot!(run(&folder, &server, &["run", "--no-follow"]).await, @r"
        exit 0
        --- stdout
        Agent execution started: one
        Execution ID: aex-00000000000000000000000000
        --- stderr
        applied the project `demo`
    ");
    let world = fake.0.lock().unwrap();
    assert_eq!(world.created[0].spec.as_ref().unwrap().message, "execute");
}

#[tokio::test]
async fn a_slug_that_has_the_form_of_an_id_is_found_too() {
    let folder = tempfile::tempdir().unwrap();
    let name = stigmer_api::id::new(stigmer_api::Kind::Agent);
    let named = agent(&name);
    let id = named.id().to_owned();
    let world = World {
        agents: vec![named],
        ..World::default()
    };
    let (_fake, server) = serve(world).await;
    for given in [&name, &id] {
        let text = run(&folder, &server, &["get", "agent", given]).await;
        assert!(text.starts_with("exit 0"), "{text}");
    }
    let other = stigmer_api::id::new(stigmer_api::Kind::Agent);
    let text = run(&folder, &server, &["get", "agent", &other]).await;
    assert!(
        text.starts_with("exit 3") && text.contains("not found: agt-ID"),
        "{text}"
    );
}
