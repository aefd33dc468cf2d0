//! `cargo xtask status`: what runs.

use harness_base::run::sweep;
use harness_base::{Code, Ident, runs_dir};
use harness_stack::{StackFile, kept};
use std::path::Path;

/// Shows what runs in this checkout.
pub fn run(root: &Path) -> Code {
    let mut shown = 0;
    for (dir, info) in sweep::runs(&runs_dir(root)) {
        let recorded = sweep::recorded(&dir);
        if recorded.is_empty() && !(info.kept || info.owner.alive()) {
            continue;
        }
        shown += 1;
        println!(
            "{} {}",
            info.run_id,
            if info.kept {
                "kept by `up` or --keep".to_owned()
            } else {
                format!("of process {}", info.owner.pid)
            }
        );
        let file = kept::stack_file(&dir).ok();
        for (name, ident) in &recorded {
            let address = file.as_ref().map_or("", |file| address(file, name));
            println!(
                "  {name:<18} running  {:<12} {address}",
                who(&dir, name, ident)
            );
        }
        for service in ["temporal", "gateway", "mcp", "model", "server", "runner"] {
            let log = dir.join("phase2/logs").join(format!("{service}.log"));
            if info.kept
                && log.exists()
                && !recorded
                    .iter()
                    .any(|(name, _)| name == &format!("phase2-{service}"))
            {
                println!("  phase2-{service:<11} GONE     see {}", log.display());
            }
        }
    }
    if shown == 0 {
        println!("no stack is up");
    }
    Code::Passed
}

/// The process, or the container that it follows.
fn who(run: &Path, name: &str, ident: &Ident) -> String {
    match sweep::container(run, name) {
        Some(container) => format!("container {container}"),
        None => format!("pid {}", ident.pid),
    }
}

fn address<'a>(file: &'a StackFile, name: &str) -> &'a str {
    let found = match name {
        "phase2-server" => Some(&file.server),
        "phase2-temporal" => file.temporal.as_ref().map(|at| &at.address),
        "phase2-gateway" => file.gateway.as_ref().map(|at| &at.base_url),
        "phase2-mcp" => file.mcp.as_ref().map(|at| &at.http),
        "phase2-model" => file.model.as_ref().map(|at| &at.base_url),
        _ => None,
    };
    found.map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_in_place_of_who_follows_its_log() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("pids")).unwrap();
        let ident = Ident {
            pid: 7,
            start: "1".into(),
            place: String::new(),
        };
        assert_eq!(who(run.path(), "phase2-server", &ident), "pid 7");
        sweep::note_container(&run.path().join("pids/phase2-server.json"), "e2e_server_1");
        assert_eq!(
            who(run.path(), "phase2-server", &ident),
            "container e2e_server_1"
        );
    }
}
