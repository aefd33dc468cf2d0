//! What may stand in a document: the fields of the protos that a user writes.

/// What a value must be.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Bool,
    Int,
    /// One of a few words.
    Word(&'static [&'static str]),
    List(&'static Shape),
    /// A mapping with keys of the user's choice.
    Map(&'static Shape),
    Fields(&'static [Field]),
}

/// A key of a mapping, by its name in the proto; documents may write it in camel case.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: &'static Shape,
    pub(super) required: bool,
}

use Shape::{Bool, Fields, Int, List, Map, Text, Word};

const fn may(name: &'static str, shape: &'static Shape) -> Field {
    let required = false;
    Field {
        name,
        shape,
        required,
    }
}

const fn must(name: &'static str, shape: &'static Shape) -> Field {
    let required = true;
    Field {
        name,
        shape,
        required,
    }
}

/// `Stigmer.yaml`.
pub(super) const PROJECT: Shape = Fields(&[
    must("name", &Text),
    may("version", &Text),
    may("organization", &Text),
    may("description", &Text),
    may("agents", &List(&Text)),
]);

/// The envelope of a document with this spec, whose owner may be of these scopes.
macro_rules! document {
    ($spec:expr, $($scope:literal),+) => {
        Fields(&[
            must("api_version", &Text),
            must("kind", &Text),
            must(
                "metadata",
                &Fields(&[
                    may("name", &Text),
                    may("slug", &Text),
                    may("org", &Text),
                    may("owner_scope", &Word(&[$($scope),+])),
                    may("labels", &Map(&Text)),
                    may("annotations", &Map(&Text)),
                    may("tags", &List(&Text)),
                ]),
            ),
            must("spec", $spec),
        ])
    };
}

/// An agent document.
pub(super) const AGENT: Shape = document!(&SPEC, "organization", "platform");

/// An environment document.
pub(super) const ENVIRONMENT: Shape = document!(&ENV_SPEC, "organization", "identity_account");

/// A document of an agent's instance.
pub(super) const INSTANCE: Shape = document!(
    &INSTANCE_SPEC,
    "organization",
    "platform",
    "identity_account"
);

const INSTANCE_SPEC: Shape = Fields(&[
    may("agent", &Text),
    may("agent_id", &Text),
    may("description", &Text),
    may("environment_refs", &List(&Text)),
]);

const SPEC: Shape = Fields(&[
    may("description", &Text),
    may("icon_url", &Text),
    may("instructions", &Text),
    may("instructions_file", &Text),
    may("mcp_servers", &List(&MCP_SERVER)),
    may("skill_refs", &List(&SKILL_REF)),
    may("sub_agents", &List(&SUB_AGENT)),
    may("env_spec", &ENV_SPEC),
]);

const MCP_SERVER: Shape = Fields(&[
    must("name", &Text),
    may("stdio", &STDIO),
    may("http", &HTTP),
    may("docker", &DOCKER),
    may("enabled_tools", &List(&Text)),
    may("start_timeout_seconds", &Int),
    may("max_call_seconds", &Int),
]);

const STDIO: Shape = Fields(&[
    must("command", &Text),
    may("args", &List(&Text)),
    may("env_placeholders", &Map(&Text)),
    may("working_dir", &Text),
    may("timeout_seconds", &Int),
]);

const HTTP: Shape = Fields(&[
    must("url", &Text),
    may("headers", &Map(&Text)),
    may("query_params", &Map(&Text)),
    may("timeout_seconds", &Int),
]);

const DOCKER: Shape = Fields(&[
    must("image", &Text),
    may("args", &List(&Text)),
    may("env_placeholders", &Map(&Text)),
    may("volumes", &List(&VOLUME)),
    may("network", &Text),
    may("ports", &List(&PORT)),
    may("container_name", &Text),
]);

const VOLUME: Shape = Fields(&[
    must("host_path", &Text),
    must("container_path", &Text),
    may("read_only", &Bool),
]);

const PORT: Shape = Fields(&[
    must("host_port", &Int),
    must("container_port", &Int),
    may("protocol", &Word(&["tcp", "udp"])),
]);

const SKILL_REF: Shape = Fields(&[
    must("slug", &Text),
    may("org", &Text),
    may("version", &Text),
    may("scope", &Word(&["organization", "platform"])),
    may("kind", &Word(&["skill"])),
]);

const SUB_AGENT: Shape = Fields(&[
    must("name", &Text),
    may("description", &Text),
    must("instructions", &Text),
    may("mcp_servers", &List(&Text)),
    may("mcp_tool_selections", &Map(&TOOL_SELECTION)),
    may("skill_refs", &List(&SKILL_REF)),
]);

const TOOL_SELECTION: Shape = Fields(&[may("enabled_tools", &List(&Text))]);

const ENV_SPEC: Shape = Fields(&[may("description", &Text), may("data", &Map(&ENV_VALUE))]);

const ENV_VALUE: Shape = Fields(&[
    may("value", &Text),
    may("is_secret", &Bool),
    may("description", &Text),
]);

/// `icon_url` as `iconUrl`, also inside a path; a key of the user's own, `data[MY_KEY]`, stays as it is written.
pub(super) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let (mut upper, mut in_key) = (false, false);
    for c in name.chars() {
        in_key = c != ']' && (in_key || c == '[');
        if c == '_' && !in_key {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}
