//! `Stigmer.yaml` and the files that it names.

use std::path::{Path, PathBuf};

use super::{
    check::{locate, to_json},
    document::{self, Document},
    file::read_text,
    node::{self, Node, Value},
    problem::{Place, Problem, Report},
    schema::PROJECT,
    types::{Project, Sourced},
};
use crate::{
    resource::{Kind, LOCAL_ORG},
    slug,
};

const DEFAULT_AGENTS: [&str; 2] = ["agents/*.yaml", "agents/*.yml"];

pub(super) fn read(
    file: &Path,
    organization: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Project> {
    let mut report = Report { file, problems };
    let document = single_document(&mut report)?;
    if code_built(&document, &mut report) {
        return None;
    }
    let json = to_json(&document, &PROJECT, &mut report)?;
    let text = |key: &str| json.get(key)?.as_str().map(str::to_owned);
    let name = text("name").unwrap_or_default();
    if json.get("name").is_some()
        && let Err(why) = slug::check(&name)
    {
        let at = locate(&document, "name").0.at;
        report.add(at, format!("name: {why}"));
    }
    let own = text("organization").filter(|org| !org.is_empty());
    let organization = organization
        .filter(|org| !org.is_empty())
        .map(str::to_owned);
    let organization = organization.or(own).unwrap_or_else(|| LOCAL_ORG.to_owned());

    let root = file.parent().unwrap_or(Path::new("")).to_owned();
    let files = agent_files(&document, &root, &mut report);
    let documents = read_files(&files, &root, &organization, problems);
    let (mut environments, mut agents, mut instances) = (Vec::new(), Vec::new(), Vec::new());
    for source in documents {
        let Sourced {
            resource,
            file,
            line,
        } = source;
        match resource {
            Document::Environment(r) => environments.push(Sourced::new(r, file, line)),
            Document::Agent(r) => agents.push(Sourced::new(*r, file, line)),
            Document::Instance(r) => instances.push(Sourced::new(r, file, line)),
        }
    }
    Some(Project {
        name,
        version: text("version"),
        description: text("description"),
        organization,
        root,
        file: file.to_owned(),
        environments,
        agents,
        instances,
    })
}

fn single_document(report: &mut Report<'_>) -> Option<Node> {
    let text = match read_text(report.file) {
        Ok(text) => text,
        Err((at, why)) => {
            report.add(at, why);
            return None;
        }
    };
    let before = report.problems.len();
    let mut documents = node::parse(&text, report).into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        let why = "a project file has one document; agents go into files of their own";
        report.add(second.at, why);
    } else if first.is_none() && report.problems.len() == before {
        report.add(Place::START, "is empty: a project needs at least a `name`");
    }
    first
}

/// Whether this is a project of the kind whose agents a program builds.
fn code_built(document: &Node, report: &mut Report<'_>) -> bool {
    let Value::Map(entries) = &document.value else {
        return false;
    };
    let Some((key, _)) = entries
        .iter()
        .find(|(k, _)| matches!(k.text.as_str(), "runtime" | "main"))
    else {
        return false;
    };
    report.add(
        key.at,
        format!(
            "`{}`: projects that a program builds are not supported; write each agent as a \
             document (`kind: Agent`) in agents/*.yaml or list their files under `agents:`",
            key.text
        ),
    );
    true
}

/// The files of the agents, each once.
fn agent_files(document: &Node, root: &Path, report: &mut Report<'_>) -> Vec<PathBuf> {
    let (entries, given) = locate(document, "agents");
    let mut files: Vec<PathBuf> = Vec::new();
    let Value::List(items) = &entries.value else {
        if !given || entries.is_null() {
            for pattern in DEFAULT_AGENTS {
                files.extend(matches(root, pattern).unwrap_or_default());
            }
            if files.is_empty() {
                report.add(
                    document.at,
                    format!(
                        "no agents: looked for {} in {}; write one there or list files under `agents:`",
                        DEFAULT_AGENTS.join(" and "),
                        if root.as_os_str().is_empty() { Path::new(".") } else { root }.display()
                    ),
                );
            }
        }
        return files;
    };
    if items.is_empty() {
        report.add(entries.at, "`agents` is empty: list at least one file");
    }
    for item in items {
        let Value::Scalar { text, .. } = &item.value else {
            continue; // reported with its type
        };
        if item.is_null() {
            continue;
        }
        let found = if text.contains(['*', '?', '[']) {
            match matches(root, text) {
                Ok(found) if found.is_empty() => {
                    report.add(item.at, format!("`{text}` matches no file"));
                    found
                }
                Ok(found) => found,
                Err(why) => {
                    report.add(item.at, format!("`{text}` is not a pattern: {why}"));
                    Vec::new()
                }
            }
        } else {
            let path = root.join(text);
            if path.is_file() {
                vec![path]
            } else {
                report.add(item.at, format!("`{text}` does not exist or is not a file"));
                Vec::new()
            }
        };
        files.extend(found);
    }
    let mut seen = Vec::new();
    files.retain(|file| {
        let new = !seen.contains(file);
        seen.push(file.clone());
        new
    });
    files
}

/// The files that a pattern below `root` matches, sorted.
fn matches(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let escaped = glob::Pattern::escape(&root.to_string_lossy());
    let full = Path::new(&escaped).join(pattern);
    let paths = glob::glob(&full.to_string_lossy()).map_err(|e| e.msg.to_owned())?;
    Ok(paths.flatten().filter(|path| path.is_file()).collect())
}

fn read_files(
    files: &[PathBuf],
    root: &Path,
    organization: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Sourced<Document>> {
    let mut all: Vec<(Sourced<Document>, Place)> = Vec::new();
    for file in files {
        let mut report = Report { file, problems };
        let text = match read_text(file) {
            Ok(text) => text,
            Err((at, why)) => {
                report.add(at, why);
                continue;
            }
        };
        for (source, at) in document::read_all(&text, organization, &mut report) {
            let (kind, slug) = (source.resource.kind(), source.resource.slug());
            let same = |d: &Document| !slug.is_empty() && d.kind() == kind && d.slug() == slug;
            if let Some((first, place)) = all.iter().find(|(s, _)| same(&s.resource)) {
                let Place { line, column } = *place;
                let path = first.file.strip_prefix(root).unwrap_or(&first.file);
                let (word, first) = (word(kind), path.display());
                report.add(
                    at,
                    format!("{word} `{slug}` is there already, at {first}:{line}:{column}"),
                );
            }
            all.push((source, at));
        }
    }
    all.into_iter().map(|(source, _)| source).collect()
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Environment => "environment",
        Kind::AgentInstance => "instance",
        _ => "agent",
    }
}
