//! A model that stops in the middle of its answers, for tests of what happens meanwhile.

use stigmer_api::resource::Resource;

use crate::{Api, Control, Instance, Relay, Result, Stack, is_answering, own_pair, unique, until};

/// How many bytes of a streamed answer hold its first words, with the head of the HTTP answer,
/// and not its end.
const SOME_OF_AN_ANSWER: usize = 1500;

/// The stack's model, held in the middle of each answer, with a server and a runner of its own.
#[derive(Debug)]
pub struct HeldModel {
    /// The server.
    pub server: Instance,
    /// The runner that asks the held model.
    pub runner: Instance,
    /// The API of the server.
    pub api: Api,
    relay: Relay,
}

impl HeldModel {
    /// Starts server and runner.
    ///
    /// # Errors
    /// When one of them does not get ready.
    pub async fn start(stack: &Stack, control: &mut Control) -> Result<Self> {
        let (relay, url) = Relay::to_url(&stack.model()?.base_url).await?;
        relay.hold_after(SOME_OF_AN_ANSWER);
        let model = [("STIGMER_LLM_BASE_URL", url.as_str())];
        let (server, runner) = own_pair(control, &unique("queue"), &model).await?;
        let api = Api::new(server.url()?)?;
        Ok(Self {
            server,
            runner,
            api,
            relay,
        })
    }

    /// The id of a new execution that has begun to answer.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn answering(&self) -> Result<String> {
        let agent = self.api.new_agent(&unique("held")).await?;
        let execution = self.api.new_execution(&agent, "Say hello.").await?;
        until(&self.api, execution.id(), is_answering).await?;
        Ok(execution.id().to_owned())
    }

    /// Lets the model go on.
    pub fn release(&self) {
        self.relay.hold_after(usize::MAX);
    }
}
