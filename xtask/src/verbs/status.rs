//! `cargo xtask status`: what runs.

use harness_base::run::sweep;
use harness_base::{Code, Config, Interrupt, runs_dir};
use harness_stack::kept::status::{self, ServiceStatus};
use harness_stack::kept::{KeptStack, newest};
use serde_json::{Value, json};
use std::path::Path;

/// Flags of `cargo xtask status`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Shows what runs in this checkout.
///
/// # Errors
/// When what is written of a stack, or a source, cannot be read: what runs is shown before.
pub async fn run(root: &Path, config: &Config, args: Args) -> anyhow::Result<Code> {
    let interrupt = Interrupt::install()?;
    let runs = runs_dir(root);
    // What runs is shown all the same where nobody can read what it is.
    let (kept, trouble) = match KeptStack::find(root, config, &interrupt).await {
        Ok(kept) => (kept, None),
        Err(why) => (None, Some(why)),
    };
    let newest = newest(&runs).map(|(dir, _)| dir);
    let mut all = Vec::new();
    for (dir, info) in sweep::runs(&runs) {
        let kept = kept.as_ref().filter(|_| newest.as_ref() == Some(&dir));
        let services = match kept {
            Some(kept) => kept.status().await?,
            None => status::recorded(&dir),
        };
        if services.is_empty() && !(info.kept || info.owner.alive()) {
            continue;
        }
        if !args.json {
            let whose = match info.kept {
                true => "kept by `up` or --keep".to_owned(),
                false => format!("of process {}", info.owner.pid),
            };
            println!("{} {whose}", info.run_id);
            services
                .iter()
                .for_each(|it| println!("{}", line(&dir, it)));
        }
        let page = kept.and_then(KeptStack::web);
        if let (Some(page), false) = (page, args.json) {
            println!("  Temporal's web page: {page}");
        }
        all.push(json!({
            "run": info.run_id,
            "kept": info.kept,
            "owner": info.owner.pid,
            "runtime": kept.map(|kept| kept.file.runtime),
            "web": page,
            "services": services,
        }));
    }
    for it in sweep::unreadable(&runs) {
        let services = status::recorded(&it.dir);
        if !args.json {
            println!("{}", it.line());
            services
                .iter()
                .for_each(|service| println!("{}", line(&it.dir, service)));
        }
        all.push(json!({ "run": it.id, "kept": null, "owner": null, "runtime": null, "web": null, "services": services }));
    }
    if args.json {
        println!("{}", json!({ "schema": 1, "stacks": Value::from(all) }));
    } else if all.is_empty() {
        println!("no stack is up");
    }
    trouble.map_or(Ok(Code::Passed), Err)
}

fn line(dir: &Path, service: &ServiceStatus) -> String {
    let who = match (&service.container, service.pid) {
        (Some(container), _) => format!("container {container}"),
        (None, Some(pid)) => format!("pid {pid}"),
        (None, None) => String::new(),
    };
    let remark = match (&service.changed, service.state) {
        (Some(_), status::State::Gone) => {
            let log = dir
                .join("phase2/logs")
                .join(format!("{}.log", service.name));
            format!("see {}", log.display())
        }
        (Some(changed), _) => {
            let (_, what) = changed.split_once(": ").unwrap_or(("", changed));
            format!("OLD: {what}")
        }
        (None, _) => String::new(),
    };
    let address = service.address.as_deref().unwrap_or_default();
    let (name, state) = (&service.name, service.state.name());
    format!("  {name:<18} {state:<8} {who:<12} {address} {remark}")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_in_place_of_who_follows_its_log() {
        let service = ServiceStatus {
            name: "server".into(),
            state: status::State::Running,
            pid: Some(7),
            container: None,
            address: Some("127.0.0.1:1".into()),
            runs: None,
            changed: Some("server: its binary changed, a -> b".into()),
        };
        let dir = Path::new("/r");
        insta::assert_snapshot!(line(dir, &service), @"  server             running  pid 7        127.0.0.1:1 OLD: its binary changed, a -> b");
        let contained = ServiceStatus {
            container: Some("e2e_server_1".into()),
            changed: Some("server: it does not run".into()),
            state: status::State::Gone,
            address: None,
            ..service
        };
        insta::assert_snapshot!(line(dir, &contained), @"  server             GONE     container e2e_server_1  see /r/phase2/logs/server.log");
    }
}
