//! The network of one service of a kept stack. As a process it gets ways of its own when it is hurt first, for which it is
//! started again once; a container is taken off its network and put back.

use super::record::Runs;
use super::stack::KeptStack;
use crate::handle::Handle;
use crate::member::{Launch, LaunchSpec, Member};
use crate::network::parts;
use crate::ready::Ready;
use crate::services::port_variable;
use crate::ways::{self, Weather};
use crate::{compose, lease};
use anyhow::Context;
use harness_base::{Code, Command, Inherit, coded, this_program};
use std::path::PathBuf;
use std::time::Duration;

/// From start to listening: it does nothing else.
const START: Duration = Duration::from_secs(10);

/// What tells a service where others are.
const ADDRESSES: [&str; 4] = [
    "TEMPORAL_ADDRESS",
    "STIGMER_BACKEND_ENDPOINT",
    "STIGMER_LLM_BASE_URL",
    "GATEWAY_UPSTREAM",
];

impl KeptStack {
    /// Cuts, heals or slows the network of a service; one line that says what came of it.
    ///
    /// # Errors
    /// A usage error for a service that is not there, or whose network cannot be hurt; what does not become ready.
    pub async fn weather(&mut self, service: &str, weather: Weather) -> anyhow::Result<String> {
        let usage = |text: String| coded(Code::Usage, text);
        let member = self.named(service)?;
        let again = match (&member.handle, &member.origin) {
            (Handle::Container(container), _) => {
                if let Weather::Slow(_) = weather {
                    return Err(usage("a container of a kept stack cannot be slow: cut it, or slow an instance of a test's own".into()));
                }
                let project = self.project()?;
                let cut = weather == Weather::Cut;
                compose::attach(&project, &container.id, service, !cut).await?;
                if !cut {
                    compose::found_again(&self.stack, service).await?;
                    self.note(service).await?;
                    self.write()?;
                }
                false
            }
            (Handle::Process(_), LaunchSpec::Command(command)) if port_of(service, command) => {
                let again = self.stack.member(&ways_of(service)).is_err();
                if again {
                    self.put_behind_ways(service, &member, command.clone())
                        .await?;
                }
                ways::tell(&self.announce(service), weather).await?;
                again
            }
            _ => {
                let text = format!(
                    "the network of {service} cannot be hurt; `pause` holds it where it is"
                );
                return Err(usage(text));
            }
        };
        let what = match weather {
            Weather::Cut => "cut off".to_owned(),
            Weather::Healed => "on the network again".into(),
            Weather::Slow(ms) => format!("slow, {ms} ms a piece"),
        };
        let again = match again {
            true => ", after it was started again behind ways of its own",
            false => "",
        };
        Ok(format!("{service} is {what}{again}"))
    }

    fn announce(&self, service: &str) -> PathBuf {
        self.stack
            .dir
            .join(format!("data/{}.address", ways_of(service)))
    }

    fn project(&self) -> anyhow::Result<String> {
        let compose = self.record.compose.as_ref();
        let mut args = compose
            .context("Compose did not start this stack")?
            .args
            .iter();
        args.find(|arg| *arg == "--project-name");
        args.next().cloned().context("Compose was told no project")
    }

    /// Starts it again with a way in place of each address, its own among them: that one stays what others know.
    async fn put_behind_ways(
        &mut self,
        service: &str,
        member: &Member,
        mut command: Command,
    ) -> anyhow::Result<()> {
        // Held until the ways have the ports: a lease that is dropped is the next one again.
        let (mut pairs, mut leases) = (Vec::new(), Vec::new());
        let mut port = || {
            let lease = lease::lease()?;
            let port = lease.port;
            leases.push(lease);
            anyhow::Ok(port)
        };
        for var in command
            .env
            .iter_mut()
            .filter(|var| ADDRESSES.contains(&var.name.as_str()))
        {
            let (start, to, rest) = parts(&var.value);
            let from = format!("127.0.0.1:{}", port()?);
            pairs.push(format!("{from}={to}"));
            var.value = format!("{start}{from}{rest}");
        }
        if let (Some(known), Some(variable)) = (&member.address, port_variable(service)) {
            let own = port()?.to_string();
            pairs.push(format!("{known}=127.0.0.1:{own}"));
            command = command.env(variable, own);
        }
        self.stack.end(service, true).await?;
        let announce = self.announce(service);
        let serve = Command::new(this_program()?)
            .args(["ways".to_owned(), announce.to_string_lossy().into_owned()])
            .args(pairs)
            .inherit(Inherit::System);
        let (name, ready) = (ways_of(service), Ready::Written(announce));
        let owner = member.owner;
        let launch = Launch {
            command: serve,
            ready,
            limit: START,
            described: None,
        };
        self.stack.start(&name, owner, launch).await?;
        let ready = match &member.ready {
            Ready::Asked(check) => Ready::Asked(Command {
                args: check.args.clone(),
                program: check.program.clone(),
                ..command.clone()
            }),
            other => other.clone(),
        };
        let launch = Launch {
            command,
            ready,
            limit: member.limit,
            described: None,
        };
        self.stack.start(service, owner, launch).await?;
        self.note(&name).await?;
        self.note(service).await?;
        if let Some(recorded) = self.record.members.get_mut(service) {
            recorded.way.clone_from(&member.address);
        }
        self.record
            .members
            .entry(name)
            .and_modify(|it| it.runs = Runs::Other);
        self.write()
    }
}

fn ways_of(service: &str) -> String {
    format!("{service}-network")
}

/// Whether it is told where others are, or where it listens itself: then it can be told otherwise.
fn port_of(service: &str, command: &Command) -> bool {
    let told = |name: &str| command.env.iter().any(|var| var.name == name);
    port_variable(service).is_some_and(told) || ADDRESSES.into_iter().any(told)
}
