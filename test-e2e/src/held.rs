//! An execution that stays in the middle of its answer, to be hurt there.

use stigmer_api::resource::Resource;

use crate::{Api, Control, Instance, Relay, Result, Stack, is_answering, own_pair, unique, until};

/// How many bytes of a streamed answer hold its first words, with the head of the HTTP answer,
/// and not its end.
const SOME_OF_AN_ANSWER: usize = 1500;

/// An execution whose model stopped in the middle of its answer, on a server and a runner of its
/// own.
#[derive(Debug)]
pub struct Held {
    /// Its server.
    pub server: Instance,
    /// Its runner.
    pub runner: Instance,
    /// The API of its server.
    pub api: Api,
    /// Its id.
    pub id: String,
    relay: Relay,
}

impl Held {
    /// Starts one, and waits until it is there.
    ///
    /// # Errors
    /// When server or runner do not start, or the answer was too short to be held.
    pub async fn start(stack: &Stack, control: &mut Control) -> Result<Self> {
        let (relay, url) = Relay::to_url(&stack.model()?.base_url).await?;
        relay.hold_after(SOME_OF_AN_ANSWER);
        let model = [("STIGMER_LLM_BASE_URL", url.as_str())];
        let (server, runner) = own_pair(control, &unique("queue"), &model).await?;
        let api = Api::new(server.url()?)?;
        let agent = api.new_agent(&unique("held")).await?;
        let execution = api.new_execution(&agent, "Say hello.").await?;
        let id = execution.id().to_owned();
        until(&api, &id, is_answering).await?;
        Ok(Self {
            server,
            runner,
            api,
            id,
            relay,
        })
    }

    /// Lets the model answer.
    pub fn release(&self) {
        self.relay.hold_after(usize::MAX);
    }
}
