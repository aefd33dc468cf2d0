//! `cargo xtask status`: what runs.

use harness_base::run::sweep;
use harness_base::{Code, runs_dir};
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
            let address = file
                .as_ref()
                .map(|file| address(file, name))
                .unwrap_or_default();
            println!("  {name:<18} running  pid {:<8} {address}", ident.pid);
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

fn address(file: &StackFile, name: &str) -> String {
    match name {
        "phase2-server" => file.server.clone(),
        "phase2-temporal" => file
            .temporal
            .as_ref()
            .map(|at| at.address.clone())
            .unwrap_or_default(),
        "phase2-gateway" => file
            .gateway
            .as_ref()
            .map(|at| at.base_url.clone())
            .unwrap_or_default(),
        "phase2-mcp" => file
            .mcp
            .as_ref()
            .map(|at| at.http.clone())
            .unwrap_or_default(),
        "phase2-model" => file
            .model
            .as_ref()
            .map(|at| at.base_url.clone())
            .unwrap_or_default(),
        _ => String::new(),
    }
}
