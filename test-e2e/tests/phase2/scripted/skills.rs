//! Knowledge that agents bring with them.

use serde_json::json;
use stigmer_api::agentexecution::ToolCallStatus;
use test_e2e::{Answer, Ask, NewAgent, Result, SkillFolder, Stack, ensure};

#[tokio::test]
async fn a_skill_is_told_to_the_model_and_its_files_can_be_read() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("tides", "# Tides\n\nHigh water comes twice a day.\n")?;
    skill.write("tables/brest.csv", "05:12,6.9\n17:40,7.1\n")?;
    skill.push(&stack, None).await?;
    let script = stack.script("tides").await?;
    let path = format!("skills/{}/tables/brest.csv", skill.slug());
    script
        .answer(Answer::tool("read_file", json!({ "path": path })))
        .await?;
    script.answer(Answer::text("At 05:12 and 17:40.")).await?;
    let agent = NewAgent::new("sailor")
        .instructions("You know the sea.")
        .skill(skill.slug());
    let agent = agent.apply(&api).await?;
    let done = Ask::new(&agent, script.model(), "When is high water?")
        .completed(&api)
        .await?;

    let asked = script.finish().await?;
    let system = asked[0].system();
    ensure!(system.starts_with("You know the sea."), "{system}");
    ensure!(system.contains("High water comes twice a day."), "{system}");
    ensure!(system.contains(&path), "the file is not named: {system}");
    ensure!(done.tool()?.result.contains("17:40,7.1"), "{done:?}");
    Ok(())
}

#[tokio::test]
async fn an_agent_without_skills_has_no_file_tools() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let script = stack.script("plain").await?;
    script.answer(Answer::text("Nothing to read.")).await?;
    let agent = NewAgent::new("plain")
        .stdio(&stack, &[])?
        .only(&["add"])
        .apply(&api)
        .await?;
    Ask::new(&agent, script.model(), "Read.")
        .completed(&api)
        .await?;
    let asked = script.finish().await?;
    ensure!(asked[0].tools() == ["add"], "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_outside_the_folder_can_be_read() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("fence", "# Fence\n\nStay inside.\n")?;
    skill.push(&stack, None).await?;
    let script = stack.script("fence").await?;
    let paths = [
        "/etc/passwd",
        "../../../../etc/passwd",
        "skills/../../x",
        "",
        "skills\0x",
    ];
    let calls = paths.map(|path| ("read_file", json!({ "path": path })));
    script.answer(Answer::tools(calls)).await?;
    script.answer(Answer::text("I cannot.")).await?;
    let agent = NewAgent::new("fence")
        .skill(skill.slug())
        .apply(&api)
        .await?;
    let done = Ask::new(&agent, script.model(), "Climb.")
        .completed(&api)
        .await?;
    ensure!(done.tools()?.len() == paths.len(), "{done:?}");
    for tool in done.tools()? {
        ensure!(tool.status() == ToolCallStatus::ToolCallFailed, "{tool:?}");
        ensure!(!tool.result.contains("root:"), "{tool:?}");
    }
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_keeps_the_version_that_it_names() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("versions", "# Versions\n\nThis is the first.\n")?;
    skill.push(&stack, Some("one")).await?;
    skill.write("SKILL.md", "# Versions\n\nThis is the second.\n")?;
    skill.push(&stack, Some("two")).await?;
    let script = stack.script("versions").await?;
    script.answer(Answer::text("One.")).await?;
    script.answer(Answer::text("Two.")).await?;
    let first = NewAgent::new("first")
        .skill_at(skill.slug(), "one")
        .apply(&api)
        .await?;
    let latest = NewAgent::new("latest")
        .skill(skill.slug())
        .apply(&api)
        .await?;
    for agent in [&first, &latest] {
        Ask::new(agent, script.model(), "Which?")
            .completed(&api)
            .await?;
    }
    let asked = script.finish().await?;
    ensure!(
        asked[0].system().contains("the first"),
        "{}",
        asked[0].system()
    );
    ensure!(
        asked[1].system().contains("the second"),
        "{}",
        asked[1].system()
    );
    Ok(())
}

#[tokio::test]
async fn a_version_that_was_never_pushed_is_named() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("unborn", "# Unborn\n\nThere is only one.\n")?;
    skill.push(&stack, Some("one")).await?;
    let agent = NewAgent::new("unborn")
        .skill_at(skill.slug(), "nine")
        .apply(&api)
        .await?;
    let script = stack.script("unborn").await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(
        error.contains(skill.slug()) && error.contains("nine"),
        "{error}"
    );
    script.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_skill_may_be_pushed_after_its_agent() -> Result {
    let stack = Stack::get()?;
    let api = stack.api()?;
    let skill = SkillFolder::new("later", "# Later\n\nSay so.\n")?;
    let agent = NewAgent::new("later")
        .skill(skill.slug())
        .apply(&api)
        .await?;
    let script = stack.script("later").await?;
    let error = Ask::new(&agent, script.model(), "Go.").failed(&api).await?;
    ensure!(error.contains(skill.slug()), "{error}");
    skill.push(&stack, None).await?;
    script.answer(Answer::text("Now it is here.")).await?;
    let done = Ask::new(&agent, script.model(), "Go.")
        .completed(&api)
        .await?;
    ensure!(done.answer()? == "Now it is here.", "{done:?}");
    script.finish().await?;
    Ok(())
}
