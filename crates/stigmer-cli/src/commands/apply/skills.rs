//! Skills that agents refer to and that nobody has pushed yet.

use std::collections::BTreeMap;

use anyhow::Result;
use stigmer_api::{
    agent::Agent,
    apiresource::{ApiResourceOwnerScope as Scope, ApiResourceReference},
    manifest::Project,
    resource::Resource,
};
use tonic::Code;

use crate::{
    client::Client,
    output::{self, Output},
};

/// Says which skills are not there yet, and returns what it says.
pub(crate) async fn warn(
    output: Output,
    client: &Client,
    project: &Project,
) -> Result<Vec<String>> {
    let warnings = missing(client, project).await;
    for warning in &warnings {
        output.remark(&format!("warning: {}", output::printable(warning)))?;
    }
    Ok(warnings)
}

/// A sentence for each skill of the project's agents that is not on the server. An agent is taken
/// without them, for they are looked up when an execution starts; then one that is missing fails it.
async fn missing(client: &Client, project: &Project) -> Vec<String> {
    let mut there: BTreeMap<(i32, String, String, String), bool> = BTreeMap::new();
    let mut warnings = Vec::new();
    for source in &project.agents {
        let agent = &source.resource;
        for reference in references(agent) {
            let ApiResourceReference {
                org, slug, version, ..
            } = reference.clone();
            let key = (reference.scope, org, slug.clone(), version.clone());
            let known = match there.get(&key) {
                Some(known) => *known,
                None => is_there(client, reference).await,
            };
            if there.insert(key, known) == Some(false) || known {
                continue;
            }
            let version = match version.as_str() {
                "" => String::new(),
                version => format!(", version {version},"),
            };
            warnings.push(format!(
                "{}:{}: agent `{}` refers to the skill `{slug}`{version} which is not on the server: \
                 its executions fail until it is pushed (stigmer skill push DIR)",
                source.file.display(),
                source.line,
                agent.name()
            ));
        }
    }
    warnings
}

fn references(agent: &Agent) -> impl Iterator<Item = ApiResourceReference> {
    let own = agent.spec.iter().flat_map(|s| &s.skill_refs);
    let subs = agent.spec.iter().flat_map(|s| &s.sub_agents);
    let all = own.chain(subs.flat_map(|s| &s.skill_refs));
    all.map(|reference| {
        let mut reference = reference.clone();
        if reference.org.is_empty() && reference.scope() != Scope::Platform {
            agent.org().clone_into(&mut reference.org);
        }
        reference
    })
}

/// False where the server says so. Where it says anything else there is nothing to warn of: what
/// keeps it from answering is told by what it is asked for in earnest.
async fn is_there(client: &Client, reference: ApiResourceReference) -> bool {
    let mut skills = client.skills();
    let answer = tokio::time::timeout(client.timeout(), skills.get_by_reference(reference)).await;
    !matches!(answer, Ok(Err(status)) if status.code() == Code::NotFound)
}
