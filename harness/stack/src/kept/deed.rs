//! What a user does to one service of a kept stack: the same as tests do to theirs by the control address.

use super::stack::KeptStack;
use crate::handle::Handle;
use harness_base::run::clock::seconds;
use harness_base::{Code, coded};
use std::time::Instant;

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Stopped if it runs, then started.
    Restart,
    /// SIGTERM, SIGKILL where that is not enough.
    Stop,
    /// Started where it does not run.
    Start,
    /// SIGKILL.
    Kill,
    /// Held where it is.
    Pause,
    /// Let go on.
    Resume,
}

impl KeptStack {
    /// Does it; one line that says what came of it. Whatever is started again stands on the same data, at the same address
    /// (in containers Docker chooses it).
    ///
    /// # Errors
    /// A usage error for a service that is not there, or its user's own; what does not become ready.
    pub async fn act(&mut self, deed: Deed, service: &str) -> anyhow::Result<String> {
        let usage = |text: String| coded(Code::Usage, text);
        let member = self.named(service)?;
        if matches!(member.handle, Handle::Mine) {
            return Err(usage(format!(
                "{service} is yours: whoever started it ends it"
            )));
        }
        let (began, runs) = (Instant::now(), member.handle.exit().is_none());
        let line = match deed {
            Deed::Pause | Deed::Resume if !runs => {
                return Err(usage(format!(
                    "{service} does not run\n  mend: cargo xtask start {service}"
                )));
            }
            Deed::Stop | Deed::Kill if !runs => format!("{service} does not run"),
            Deed::Stop => {
                self.stack.end(service, true).await?;
                format!("{service} stopped in {}", seconds(began.elapsed()))
            }
            Deed::Kill => {
                self.stack.end(service, false).await?;
                format!("{service} killed")
            }
            Deed::Start if runs => format!("{service} runs already"),
            Deed::Start | Deed::Restart => {
                if runs {
                    self.stack.end(service, true).await?;
                }
                let address = self.stack.restart(service).await?;
                self.note(service).await?;
                self.write()?;
                let at = address.map_or(String::new(), |address| format!(" at {address}"));
                format!("{service} ready{at} in {}", seconds(began.elapsed()))
            }
            Deed::Pause => {
                self.stack.pause(service, true).await?;
                format!("{service} paused")
            }
            Deed::Resume => {
                self.stack.pause(service, false).await?;
                format!("{service} goes on")
            }
        };
        Ok(line)
    }
}
