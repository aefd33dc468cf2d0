//! How a member of a stack is started: a process in a group of its own, or one that its user starts, until it is ready.

use crate::handle::Handle;
use crate::lease;
use crate::member::{Launch, LaunchSpec, Member, Owner};
use crate::private;
use crate::ready::{self, Ready, Waited};
use crate::stack::Stack;
use harness_base::process::ident;
use harness_base::{Code, Command, Output, coded, listener, quoted, spawn};
use std::path::Path;
use std::time::{Duration, Instant};

/// The variable by which services are told where to announce themselves.
const ANNOUNCE: &str = "STIGMER_ANNOUNCE_FILE";

/// The variable by which everything of a run is found.
const RUN_ID: &str = "E2E_RUN_ID";

/// A year: nobody knows how long somebody sits before a debugger.
const FOR_ITS_USER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Stack {
    /// Starts an instance and waits until it is ready; returns the address that it announces, or that it was told to serve.
    ///
    /// # Errors
    /// [`Code::NotReady`] with state, exit and log; [`Code::Interrupted`].
    pub async fn start(
        &self,
        instance: &str,
        owner: Owner,
        launch: Launch,
    ) -> anyhow::Result<Option<String>> {
        let Launch {
            command,
            ready,
            limit,
            described,
        } = launch;
        if self.context.interrupt.count() > 0 {
            return Err(coded(Code::Interrupted, "interrupted"));
        }
        // What an earlier life announced would vouch for this one.
        for var in command.env.iter().filter(|var| var.name == ANNOUNCE) {
            let _ = std::fs::remove_file(&var.value);
        }
        let temp = self.dir.join("data/tmp");
        let command = self
            .context
            .run
            .own(command)
            .env("TMPDIR", temp.to_string_lossy());
        if let Some((described, port)) = described.as_ref().and_then(|it| Some((it, it.port?))) {
            lease::check_free(port, &format!("{}: {instance}", described.command))?;
        }
        let ready = match ready {
            Ready::Asked(check) => Ready::Asked(check.env(RUN_ID, &self.context.run.id)),
            other => other,
        };
        if let Ready::Polls(pollers) = &ready {
            pollers.before_start().await;
        }
        if self.stay().and_then(|stay| stay.mine.as_deref()) == Some(instance) {
            return self.wait_for_mine(instance, command, ready).await;
        }
        let (log, began) = (self.log(instance), Instant::now());
        let pid_file = self
            .context
            .run
            .pid_file(&format!("{}-{instance}", self.phase));
        let process =
            spawn(&command, &Output::Log(log.clone()), Some(&pid_file)).map_err(|error| {
                let at = described.as_ref().map(|it| format!("{}: ", it.command));
                let at = at.unwrap_or_default();
                let text = format!("{at}{instance} cannot be started: {error:#}");
                coded(Code::NotReady, text)
            })?;
        let member = Member {
            origin: LaunchSpec::Command(command),
            ready,
            limit,
            handle: Handle::Process(process),
            owner,
            address: described
                .as_ref()
                .filter(|it| it.serves)
                .and_then(|it| it.port)
                .map(|port| format!("127.0.0.1:{port}")),
            described: described.clone(),
        };
        let announced = self.watch(instance, member, began).await?;
        let Some((described, port)) = described.as_ref().and_then(|it| Some((it, it.port?))) else {
            return Ok(announced);
        };
        self.check_holder(port, &format!("{}: {instance}", described.command))?;
        Ok(announced)
    }

    /// Refuses a port on which somebody else answers in the place of a part that was told it.
    fn check_holder(&self, port: u16, at: &str) -> anyhow::Result<()> {
        let Some((pid, name)) = listener(port) else {
            return Ok(()); // not to be seen from here
        };
        let ours = ident::with_env(RUN_ID, &self.context.run.id);
        if ours.iter().any(|ident| ident.pid == pid) {
            return Ok(());
        }
        let text = format!("{at}: port {port} is taken by {name} (pid {pid}), which answers there");
        Err(coded(Code::NotReady, text))
    }

    /// Says how a service is started, and waits until its user has done so, however long that takes.
    async fn wait_for_mine(
        &self,
        instance: &str,
        command: Command,
        ready: Ready,
    ) -> anyhow::Result<Option<String>> {
        // What is its user's is not this run's to end.
        let mut command = command;
        command.env.retain(|var| var.name != RUN_ID);
        let file = self.dir.join("data").join(format!("{instance}.env"));
        private::write(&file, &command.shell_env())?;
        eprintln!("{}", by_hand(instance, &command, &file));
        let origin = LaunchSpec::Command(command);
        let member = Member::shared(origin, ready, FOR_ITS_USER, Handle::Mine);
        self.watch(instance, member, Instant::now()).await
    }

    /// Takes in a member that was just started, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn adopt(&self, instance: &str, mut member: Member) -> anyhow::Result<()> {
        if let Ready::Asked(check) = member.ready {
            member.ready = Ready::Asked(check.env(RUN_ID, &self.context.run.id));
        }
        self.watch(instance, member, Instant::now()).await.map(drop)
    }

    async fn watch(
        &self,
        instance: &str,
        member: Member,
        began: Instant,
    ) -> anyhow::Result<Option<String>> {
        let (handle, ready, limit) = (member.handle.clone(), member.ready.clone(), member.limit);
        let (described, told) = (member.described.clone(), member.address.clone());
        self.insert(instance, member);
        let temp = self.dir.join("data/tmp");
        let log = self.log(instance);
        let said = temp.join(format!("{instance}.health"));
        let lines = self.context.config.evidence.tail_lines;
        let waited = Waited {
            name: instance,
            handle: &handle,
            log: &log,
            said: &said,
            described: described.as_ref(),
            limit,
            lines,
        };
        let announced = ready::wait(waited, &ready, &self.context.interrupt).await;
        // It shows what the service said last, and that can be a key.
        let announced = announced.map_err(|error| self.context.run.redacted(&error))?;
        let announced = announced.or(told);
        let took = began.elapsed();
        self.context
            .span(&format!("{} {instance}", self.phase), took);
        self.note_ready(instance, took, announced.as_deref());
        Ok(announced)
    }
}

/// How a service is started by hand; `file` has its environment. By a shell of its own, whichever its reader types into.
fn by_hand(instance: &str, command: &Command, file: &Path) -> String {
    let program = Command {
        env: Vec::new(),
        ..command.clone()
    };
    let (keys, program) = (quoted(&file.to_string_lossy()), program.echo());
    let with_keys = |before: &str| quoted(&format!(". {keys}; exec {before}{program}"));
    format!(
        "{instance} is yours to start: everything else is up or waits for it.\n\n    {}\n\n\
         The same with its keys, as they are in {}:\n    sh -c {}\n\
         in a debugger:\n    sh -c {}",
        command.echo(),
        file.display(),
        with_keys(""),
        with_keys("gdb --args ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::process::query_blocking;

    #[test]
    fn what_is_to_be_pasted_is_read_by_a_shell_as_it_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("it's a folder");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("server.env");
        let command = Command::new("/bin/echo").args(["a  b"]);
        std::fs::write(&file, "echo read\n").unwrap();
        let text = by_hand("server", &command, &file);
        let pasted = text.lines().find(|line| line.trim().starts_with("sh -c"));
        let shell = Command::new("sh").args(["-c", pasted.unwrap()]);
        let said = query_blocking(&shell, Duration::from_secs(10)).unwrap();
        assert_eq!(said.stdout, "read\na  b", "{text}");
    }
}
