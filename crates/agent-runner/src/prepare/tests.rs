use super::*;

fn sub(name: &str) -> SubAgent {
    SubAgent {
        name: name.to_owned(),
        ..SubAgent::default()
    }
}

#[test]
fn sub_agents_are_tools_with_names_that_models_take() {
    let long = "x".repeat(80);
    let subs = [
        "researcher",
        "Code Reviewer",
        "Code/Reviewer",
        "ü",
        &long,
        &format!("{long}y"),
    ];
    let tools = sub_agent_tools(&subs.map(sub), &[]);
    let names: Vec<&str> = tools.iter().map(|t| t.spec.name.as_str()).collect();
    let x58 = format!("agent_{}", "x".repeat(58));
    let x56 = format!("agent_{}_2", "x".repeat(56));
    let expected = [
        "agent_researcher",
        "agent_Code_Reviewer",
        "agent_Code_Reviewer_2",
        "agent__",
        &x58,
        &x56,
    ];
    assert_eq!(names, expected);
    let again = sub_agent_tools(&[sub("researcher")], &tools);
    assert_eq!(again[0].spec.name, "agent_researcher_2");
    assert_eq!(again[0].component.group, "researcher");
}

#[test]
fn tools_that_do_not_fit_are_refused_with_the_largest() {
    let tool = |server: &str, name: &str, bytes: usize| Tool {
        spec: ToolSpec {
            name: name.to_owned(),
            description: "d".repeat(bytes),
            parameters: json!({}),
            server: Some(server.to_owned()),
        },
        component: Component {
            kind: "mcp".to_owned(),
            group: server.to_owned(),
        },
    };
    let around = size_limit::size(&[tool("a", "a", 0)]);
    let alone = |bytes: usize| bounded(&[tool("a", "a", bytes)]).is_ok();
    assert!(alone(MOST_SPECS - around) && !alone(MOST_SPECS - around + 1));
    let mut tools = vec![
        tool("a", "small", 1000),
        tool("b", "big", MOST_SPECS - 2000),
    ];
    assert!(bounded(&tools).is_ok());
    tools.push(tool("a", "more", 1000));
    let refused = bounded(&tools).err().map(|e| format!("{e:?}"));
    let why = refused.unwrap_or_default();
    assert!(why.contains("the agent's 3 tools take 26"), "{why}");
    assert!(
        why.contains("the largest is big of the MCP server b with 26"),
        "{why}"
    );
    assert!(why.contains("enabled_tools"), "{why}");
}

#[test]
fn placeholders_are_found() {
    let found: Vec<&str> = placeholders(r#"{"a":"${A} and ${B}","c":"$C ${"}"#)
        .into_iter()
        .collect();
    assert_eq!(found[..2], ["\"", "A"]);
    assert_eq!(found[2..], ["B"]);
    assert!(placeholders("none").is_empty());
}
