//! `Stigmer.yaml` and the files that it names.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

use super::{
    check::{locate, to_json},
    document::{self, Document},
    file::read_text,
    files::agent_files,
    node::{Node, Value},
    parse::parse,
    problem::{Place, Problem, Report},
    schema::PROJECT,
    types::{Project, Sourced},
};
use crate::{
    resource::{Kind, LOCAL_ORG},
    slug,
};

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
    if let Some(org) = &own
        && let Err(why) = slug::check(org)
    {
        let at = locate(&document, "organization").0.at;
        report.add(at, format!("organization: {why}"));
    }
    // A wrong one was told: it is not told again with each document.
    let own = own.filter(|org| slug::check(org).is_ok());
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
    let mut documents = parse(&text, report).into_iter();
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

fn read_files(
    files: &[PathBuf],
    root: &Path,
    organization: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Sourced<Document>> {
    let mut all = Vec::new();
    // Where each was seen first; a slug is one's own in an organization.
    let mut first: BTreeMap<(Kind, String, String), (PathBuf, Place)> = BTreeMap::new();
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
            let document = &source.resource;
            let (kind, slug) = (document.kind(), document.slug());
            let first = first.entry((kind, slug.to_owned(), document.org().to_owned()));
            if let (Entry::Occupied(first), false) = (&first, slug.is_empty()) {
                let (file, Place { line, column }) = first.get();
                let path = file.strip_prefix(root).unwrap_or(file);
                let (word, first) = (word(kind), path.display());
                report.add(
                    at,
                    format!("{word} `{slug}` is there already, at {first}:{line}:{column}"),
                );
            }
            first.or_insert_with(|| (file.clone(), at));
            all.push(source);
        }
    }
    all
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Environment => "environment",
        Kind::AgentInstance => "instance",
        _ => "agent",
    }
}
