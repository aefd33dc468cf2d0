//! Who belongs to a stack of containers, and the image of each.

/// Who has an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// `stigmer-server`.
    Server,
    /// `agent-runner`.
    Runner,
    /// `model-gateway`.
    Gateway,
    /// The MCP server of the tests.
    Mcp,
    /// The runner with that MCP server beside it, for agents that start it.
    RunnerE2e,
    /// Temporal's dev server.
    Temporal,
}

impl Component {
    /// All of them, those that others are built on first.
    pub const ALL: [Self; 6] = [
        Self::Server,
        Self::Runner,
        Self::Gateway,
        Self::Mcp,
        Self::RunnerE2e,
        Self::Temporal,
    ];

    /// Its name in Compose and in image names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Runner => "runner",
            Self::Gateway => "gateway",
            Self::Mcp => "mcp",
            Self::RunnerE2e => "runner-e2e",
            Self::Temporal => "temporal",
        }
    }

    /// The binary that its image adds, at the root.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Server => "stigmer-server",
            Self::Runner => "agent-runner",
            Self::Gateway => "model-gateway",
            Self::Mcp | Self::RunnerE2e => "mcp-probe",
            Self::Temporal => "temporal",
        }
    }

    /// The variable that names its image, in `compose.yaml` and for users who bring their own.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Server => "E2E_IMAGE_SERVER",
            Self::Runner => "E2E_IMAGE_RUNNER",
            Self::Gateway => "E2E_IMAGE_GATEWAY",
            Self::Mcp => "E2E_IMAGE_MCP",
            Self::RunnerE2e => "E2E_IMAGE_RUNNER_E2E",
            Self::Temporal => "E2E_IMAGE_TEMPORAL",
        }
    }

    /// Whether it holds a binary of this workspace.
    pub fn is_ours(self) -> bool {
        self != Self::Temporal
    }
}

/// An image by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Whose.
    pub component: Component,
    /// `stigmer-e2e/server:0123456789ab`, behind the registry's prefix where there is one.
    pub reference: String,
    /// Somebody else's, named by a variable: neither built nor looked into.
    pub foreign: bool,
    /// A registry may have it.
    pub remote: bool,
}

impl Image {
    /// What may follow the colon.
    pub fn tag(&self) -> &str {
        let last = self.reference.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("", |(_, tag)| tag)
    }
}
