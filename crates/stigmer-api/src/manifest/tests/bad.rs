//! Files that are wrong, and the place that is named.

use super::*;

macro_rules! bad {
    ($($name:ident: [$($file:expr => $content:expr),+ $(,)?] => $expected:expr;)+) => {
        $(#[test]
        fn $name() {
            let files: Vec<(&str, Vec<u8>)> = vec![$(($file, Vec::from($content))),+];
            check(&problems(&files), &$expected);
        })+
    };
}

#[track_caller]
pub(super) fn check(found: &str, expected: &[&str]) {
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected);
}

/// An agent of the usual head with this rest, which begins in line 3.
fn rest(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

/// An agent `a` with this spec, which begins in line 5.
fn spec(lines: &str) -> String {
    format!("{HEAD}metadata: {{name: a}}\nspec:\n{lines}")
}

const ENVIRONMENT: &str =
    "apiVersion: agentic.stigmer.ai/v1\nkind: Environment\nmetadata: {name: a}\nspec: {}\n";

fn bomb() -> String {
    let mut text = String::from("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let one = format!("*a{}, ", i - 1);
        text.push_str(&format!("b{i}: &a{i} [{}]\n", one.repeat(10)));
    }
    text
}

bad! {
    syntax: ["agents/a.yaml" => "apiVersion: [a\nkind: Agent\n"] => [
        "agents/a.yaml:2:5: illegal placement of ':' indicator",
    ];
    tab: ["agents/a.yaml" => "kind:\n\t- a\n"] => [
        "agents/a.yaml:2:2: tabs disallowed within this context (block indentation)",
    ];
    unknown_key: ["agents/a.yaml" => rest("metadata:\n  name: a\n  nmae: b\nspec: {instructions: Do what is right.}\n")] => [
        "agents/a.yaml:5:3: unknown key `nmae`; known here: name, slug, org, ownerScope, labels, annotations, tags",
    ];
    unknown_key_deep: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n    - name: m\n      stdio:\n        command: c\n        comand: d\n")] => [
        "agents/a.yaml:10:9: unknown key `comand`; known here: command, args, envPlaceholders, workingDir, timeoutSeconds",
    ];
    wrong_type: ["agents/a.yaml" => spec("  instructions: [Do, it]\n  mcpServers: gh\n  envSpec:\n    data:\n      A: {isSecret: maybe}\n      B: text\n")] => [
        "agents/a.yaml:5:17: must be a text, this is a list",
        "agents/a.yaml:6:15: must be a list, this is a text",
        "agents/a.yaml:9:21: must be true or false, this is a text",
        "agents/a.yaml:10:10: must be a mapping with the keys value, isSecret, description, this is a text",
    ];
    not_a_number: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - name: m\n    http: {url: 'http://u', timeoutSeconds: 1.5}\n")] => [
        "agents/a.yaml:8:45: must be a whole number, this is `1.5`",
    ];
    missing_fields: ["agents/a.yaml" => "kind: Agent\nmetadata: {tags: [a]}\nspec:\n  description: d\n  subAgents:\n  - name: s\n"] => [
        "agents/a.yaml:1:1: missing key `apiVersion`",
        "agents/a.yaml:2:11: metadata.name: is required",
        "agents/a.yaml:4:3: spec.instructions: must have at least 10 characters, this has 0",
        "agents/a.yaml:6:5: missing key `instructions`",
    ];
    empty_fields: ["agents/a.yaml" => "apiVersion:\nkind: Agent\nmetadata:\nspec:\n  instructions:\n"] => [
        "agents/a.yaml:1:11: `apiVersion` must not be empty",
        "agents/a.yaml:3:9: `metadata` must not be empty",
        "agents/a.yaml:5:15: spec.instructions: must have at least 10 characters, this has 0",
    ];
    short_instructions: ["agents/a.yaml" => spec("  description: d\n  instructions: short\n")] => [
        "agents/a.yaml:6:17: spec.instructions: must have at least 10 characters, this has 5",
    ];
    name_without_slug: ["agents/a.yaml" => agent("日本")] => [
        "agents/a.yaml:3:18: metadata.name: does not make a slug: the slug must have at least one letter a-z or digit",
    ];
    bad_slug: ["agents/a.yaml" => rest("metadata: {slug: Bad_Slug}\nspec: {instructions: Do what is right.}\n")] => [
        "agents/a.yaml:3:18: metadata.slug: must be of lower-case letters, digits and inner dashes, like `badslug`",
    ];
    bad_scope: ["agents/a.yaml" => rest("metadata: {name: a, ownerScope: everyone}\nspec: {instructions: Do what is right.}\n")] => [
        "agents/a.yaml:3:33: must be organization or platform, this is `everyone`",
    ];
    wrong_kind: ["agents/a.yaml" => "apiVersion: agentic.stigmer.ai/v2\nkind: Workflow\nanything: goes\n"] => [
        "agents/a.yaml:1:13: apiVersion must be `agentic.stigmer.ai/v1`, this is `agentic.stigmer.ai/v2`",
        "agents/a.yaml:2:7: kind must be `Agent`, `AgentInstance` or `Environment`, this is `Workflow`",
    ];
    not_a_mapping: ["agents/a.yaml" => "- a\n- b\n"] => [
        "agents/a.yaml:1:1: must be a mapping with the keys apiVersion, kind, metadata, spec, this is a list",
    ];
    empty_file: ["agents/a.yaml" => "# nothing\n"] => [
        "agents/a.yaml:1:1: is empty: an agent document begins with `apiVersion` and `kind: Agent`",
    ];
    not_utf8: ["agents/a.yaml" => b"kind: Agent\nname: \xc3\xbc\xff\n"] => [
        "agents/a.yaml:2:8: is not UTF-8",
    ];
    too_large: ["agents/a.yaml" => vec![b' '; (1 << 20) + 1]] => [
        "agents/a.yaml:1:1: is too large: 1048577 bytes of at most 1048576",
    ];
    duplicate_key: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  description: a\n  description: b\n")] => [
        "agents/a.yaml:7:3: `description` is given twice, first in line 6",
    ];
    two_spellings: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  iconUrl: a\n  icon_url: b\n")] => [
        "agents/a.yaml:7:3: `icon_url` is given twice, in two spellings",
    ];
    alias_bomb: ["agents/a.yaml" => bomb()] => [
        "agents/a.yaml:5:25: more than 50000 values, aliases counted in full",
    ];
    alias_of_itself: ["agents/a.yaml" => "a: &a [*a]\n"] => [
        "agents/a.yaml:1:8: an alias inside what it stands for",
    ];
    unknown_alias: ["agents/a.yaml" => "kind: *what\n"] => [
        "agents/a.yaml:1:7: there is no such anchor; put a text that begins with `*` into quotes",
    ];
    merge_key: ["agents/a.yaml" => "a: &a {b: c}\nd:\n  <<: *a\n"] => [
        "agents/a.yaml:3:3: merge keys (`<<`) are not supported",
    ];
    custom_tag: ["agents/a.yaml" => "kind: !env AGENT\n"] => [
        "agents/a.yaml:1:12: this tag is not supported; put a text that begins with `!` into quotes",
    ];
    tag_of_a_quoted_text: ["agents/a.yaml" => "kind: !env 'AGENT'\n"] => [
        "agents/a.yaml:1:12: this tag is not supported; put a text that begins with `!` into quotes",
    ];
    too_deep: ["agents/a.yaml" => "[".repeat(500)] => [
        "agents/a.yaml:1:65: recursion limit exceeded",
    ];
    two_server_types: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - name: m\n    stdio: {command: c}\n    http: {url: 'http://u'}\n")] => [
        "agents/a.yaml:9:11: a server has one of stdio, http, not several",
    ];
    no_server_type: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - {name: m, stdio: {command: c}}\n  - name: n\n")] => [
        "agents/a.yaml:8:5: spec.mcpServers[1]: must have one of stdio, http, docker",
    ];
    url_that_cannot_be_asked: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - name: m\n    http: {url: 'file:///x'}\n  - name: n\n    http:\n      url: http://a:70000/${PATH}\n      headers: {A B: c}\n  - name: o\n    http: {url: '${URL}'}\n")] => [
        "agents/a.yaml:8:17: spec.mcpServers[0].http.url: must be http or https, this is `file`",
        "agents/a.yaml:11:12: spec.mcpServers[1].http.url: must have a port of 1 to 65535, or none",
        "agents/a.yaml:12:22: spec.mcpServers[1].http.headers[A B]: must be a header's name: letters, digits and `-`",
    ];
    no_organization: ["agents/a.yaml" => rest("metadata: {name: a, org: No Org}\nspec: {instructions: Do what is right.}\n"), "Stigmer.yaml" => "name: demo\norganization: Bad Org\n"] => [
        "Stigmer.yaml:2:15: organization: must be of lower-case letters, digits and inner dashes, like `bad-org`",
        "agents/a.yaml:3:26: metadata.org: must be of lower-case letters, digits and inner dashes, like `no-org`",
    ];
    unknown_server_of_sub_agent: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  subAgents:\n  - name: s\n    instructions: Do what is right.\n    mcpServers: [gone]\n")] => [
        "agents/a.yaml:9:18: spec.subAgents[0].mcpServers[0]: `gone` is not the name of one of the agent's mcp_servers",
    ];
    selection_of_no_server_of_sub_agent: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - {name: files, stdio: {command: c}}\n  subAgents:\n  - name: s\n    instructions: Do what is right.\n    mcpServers: [files, files]\n    mcpToolSelections: {file: {enabledTools: [read]}}\n")] => [
        "agents/a.yaml:11:25: spec.subAgents[0].mcpServers[1]: `files` is used twice",
        "agents/a.yaml:12:31: spec.subAgents[0].mcpToolSelections[file]: `file` is not the name of one of the sub-agent's mcp_servers",
    ];
    names_that_are_used_twice: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - {name: m, stdio: {command: c}}\n  - {name: m, stdio: {command: d}}\n  subAgents:\n  - {name: s, instructions: Do what is right.}\n  - {name: s, instructions: Do what is wrong.}\n")] => [
        "agents/a.yaml:8:12: spec.mcpServers[1].name: `m` is used twice",
        "agents/a.yaml:11:12: spec.subAgents[1].name: `s` is used twice",
    ];
    indices_hold_after_a_wrong_item: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  mcpServers:\n  - 7\n  - name: n\n    docker: {image: ''}\n")] => [
        "agents/a.yaml:7:5: must be a mapping with the keys name, stdio, http, docker, enabledTools, startTimeoutSeconds, maxCallSeconds, this is a number",
        "agents/a.yaml:9:21: spec.mcpServers[1].docker.image: is required",
    ];
    same_name: ["agents/a.yaml" => agent("Code Reviewer"), "agents/b.yml" => rest("metadata:\n  slug: code-reviewer\nspec: {instructions: Do what is right.}\n")] => [
        "agents/b.yml:4:9: agent `code-reviewer` is there already, at agents/a.yaml:3:18",
    ];
    same_name_in_one_file: ["agents/a.yaml" => format!("{}---\n{}", agent("a"), agent("a"))] => [
        "agents/a.yaml:8:18: agent `a` is there already, at agents/a.yaml:3:18",
    ];
    same_name_in_one_organization: ["agents/a.yaml" => agent("a"), "agents/b.yaml" => rest("metadata: {name: a, org: acme}\nspec: {instructions: Do what is right.}\n"), "Stigmer.yaml" => "name: demo\norganization: acme\n"] => [
        "agents/b.yaml:3:18: agent `a` is there already, at agents/a.yaml:3:18",
    ];
    second_document: ["agents/a.yaml" => format!("{}---\n{}", agent("a"), spec("  instructions: no\n"))] => [
        "agents/a.yaml:8:18: agent `a` is there already, at agents/a.yaml:3:18",
        "agents/a.yaml:10:17: spec.instructions: must have at least 10 characters, this has 2",
    ];
    no_instructions_file: ["agents/a.yaml" => spec("  instructionsFile: gone.md\n")] => [
        "agents/a.yaml:5:21: instructionsFile `gone.md` does not exist",
    ];
    short_instructions_file: ["agents/a.yaml" => spec("  instructionsFile: a.md\n"), "agents/a.md" => "hi"] => [
        "agents/a.yaml:5:21: spec.instructions: must have at least 10 characters, this has 2",
    ];
    instructions_twice: ["agents/a.yaml" => spec("  instructionsFile: a.md\n  instructions: Do what is right.\n")] => [
        "agents/a.yaml:5:21: instructions are given twice: here and by `instructions`",
    ];
    several_files: ["agents/a.yaml" => spec("  instructions: no\n"), "agents/b.yaml" => "a: [\n", "Stigmer.yaml" => "name: Not A Slug\nagent: x\n"] => [
        "Stigmer.yaml:1:7: name: must be of lower-case letters, digits and inner dashes, like `not-a-slug`",
        "Stigmer.yaml:2:1: unknown key `agent`; known here: name, version, organization, description, agents",
        "agents/a.yaml:5:17: spec.instructions: must have at least 10 characters, this has 2",
        "agents/b.yaml:1:4: unclosed bracket '['",
    ];

    environment: ["agents/e.yaml" => "apiVersion: agentic.stigmer.ai/v1\nkind: Environment\nmetadata: {name: e, ownerScope: platform}\nspec:\n  data:\n    1X: {value: a}\n    OK: {valeu: a}\n    TOKEN: hush\n"] => [
        "agents/e.yaml:3:33: must be organization or identity_account, this is `platform`",
        "agents/e.yaml:6:9: spec.data[1X]: must be a name of letters, digits and `_` that starts with no digit",
        "agents/e.yaml:7:10: unknown key `valeu`; known here: value, isSecret, description",
        "agents/e.yaml:8:12: must be a mapping with the keys value, isSecret, description, this is a text",
    ];
    variable_of_an_agent: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  envSpec:\n    data:\n      a-b: {value: c}\n")] => [
        "agents/a.yaml:8:12: spec.envSpec.data[a-b]: must be a name of letters, digits and `_` that starts with no digit",
    ];
    variable_as_it_is_written: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  envSpec:\n    data:\n      MY_db-url: {value: c}\n")] => [
        "agents/a.yaml:8:18: spec.envSpec.data[MY_db-url]: must be a name of letters, digits and `_` that starts with no digit",
    ];
    skill_of_no_slug: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  skillRefs:\n  - slug: House Style\n  - slug: good\n  subAgents:\n  - name: s\n    instructions: Do what is right.\n    skillRefs: [{slug: a_b}]\n")] => [
        "agents/a.yaml:7:11: spec.skillRefs[0].slug: must be of lower-case letters, digits and inner dashes, like `house-style`",
        "agents/a.yaml:12:24: spec.subAgents[0].skillRefs[0].slug: must be of lower-case letters, digits and inner dashes, like `ab`",
    ];
    skills_of_one_slug: ["agents/a.yaml" => spec("  instructions: Do what is right.\n  skillRefs:\n  - slug: house\n  - {slug: house, version: v2}\n  subAgents:\n  - name: s\n    instructions: Do what is right.\n    skillRefs: [{slug: house}, {slug: house, org: other}]\n")] => [
        "agents/a.yaml:8:12: spec.skillRefs[1].slug: `house` is used twice, whatever version and organization it is of",
        "agents/a.yaml:12:39: spec.subAgents[0].skillRefs[1].slug: `house` is used twice, whatever version and organization it is of",
    ];
    instance: ["agents/i.yaml" => "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata: {name: i}\nspec:\n  agent: Bad Slug\n  environmentRefs: [good, Bad, 7, [x]]\n"] => [
        "agents/i.yaml:5:10: spec.agent: must be of lower-case letters, digits and inner dashes, like `bad-slug`",
        "agents/i.yaml:6:27: spec.environmentRefs[1]: must be of lower-case letters, digits and inner dashes, like `bad`",
        "agents/i.yaml:6:35: must be a text, this is a list",
    ];
    instance_without_agent: ["agents/i.yaml" => "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata: {name: i}\nspec:\n  description: d\n"] => [
        "agents/i.yaml:5:3: missing key `agent` (its slug) or `agentId`",
    ];
    instance_with_two_agents: ["agents/i.yaml" => "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata: {name: i}\nspec:\n  agentId: agt-1\n  agent: a\n"] => [
        "agents/i.yaml:6:10: the agent is given twice: here and by `agentId`",
    ];
    same_name_of_another_kind: ["agents/a.yaml" => format!("{}---\n{}---\n{}", agent("a"), ENVIRONMENT, ENVIRONMENT)] => [
        "agents/a.yaml:13:18: environment `a` is there already, at agents/a.yaml:8:18",
    ];

    no_agents: ["Stigmer.yaml" => "name: demo\n"] => [
        "Stigmer.yaml:1:1: no agents: looked for agents/*.yaml and agents/*.yml in FOLDER; write one there or list files under `agents:`",
    ];
    empty_agents: ["Stigmer.yaml" => "name: demo\nagents: []\n"] => [
        "Stigmer.yaml:2:9: `agents` is empty: list at least one file",
    ];
    missing_agent_file: ["a.yaml" => agent("a"), "Stigmer.yaml" => "name: demo\nagents:\n  - a.yaml\n  - gone.yaml\n  - none/*.yaml\n  - 'a[.yaml'\n"] => [
        "Stigmer.yaml:4:5: `gone.yaml` does not exist or is not a file",
        "Stigmer.yaml:5:5: `none/*.yaml` matches no file",
        "Stigmer.yaml:6:5: `a[.yaml` is not a pattern: invalid range pattern",
    ];
    agents_not_a_list: ["Stigmer.yaml" => "name: demo\nagents: a.yaml\n"] => [
        "Stigmer.yaml:2:9: must be a list, this is a text",
    ];
    code_built: ["Stigmer.yaml" => "name: demo\nruntime: go\nmain: main.go\n"] => [
        "Stigmer.yaml:2:1: `runtime`: projects that a program builds are not supported; write each agent as a document (`kind: Agent`) in agents/*.yaml or list their files under `agents:`",
    ];
    project_without_name: ["agents/a.yaml" => agent("a"), "Stigmer.yaml" => "version: 1\n"] => [
        "Stigmer.yaml:1:1: missing key `name`",
    ];
    project_unknown_key: ["agents/a.yaml" => agent("a"), "Stigmer.yaml" => "name: demo\norganisation: x\n"] => [
        "Stigmer.yaml:2:1: unknown key `organisation`; known here: name, version, organization, description, agents",
    ];
    project_empty: ["Stigmer.yaml" => ""] => [
        "Stigmer.yaml:1:1: is empty: a project needs at least a `name`",
    ];
    project_of_two_documents: ["agents/a.yaml" => agent("a"), "Stigmer.yaml" => "name: demo\n---\nname: two\n"] => [
        "Stigmer.yaml:3:1: a project file has one document; agents go into files of their own",
    ];
    project_not_utf8: ["Stigmer.yaml" => b"name: \xff\n"] => [
        "Stigmer.yaml:1:7: is not UTF-8",
    ];
}

#[test]
fn a_tag_is_refused_before_a_text_of_any_style() {
    let found = |text: &str| {
        let document = spec(&format!("  instructions: {text}\n"));
        read(&folder(&[("agents/a.yaml", document)])).map(drop)
    };
    for tag in ["!include", "!env", "!vault"] {
        for style in ["'a.md'", "\"a.md\"", "|\n    a.md", ">\n    a.md", "a.md"] {
            let why = found(&format!("{tag} {style}")).unwrap_err().to_string();
            assert_eq!(why.lines().count(), 1, "{style}: {why}");
            assert!(why.contains("this tag is not supported"), "{style}: {why}");
        }
    }
    for style in [
        "'Do what is right.'",
        "\"Do what is right.\"",
        "|\n    Do what is right.",
    ] {
        assert_eq!(found(&format!("!!str {style}")), Ok(()), "{style}");
    }
}
