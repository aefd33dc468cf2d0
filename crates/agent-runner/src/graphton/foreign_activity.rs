//! An activity of somebody else's workflow, which one of ours works for and answers: whichever
//! runner is alive then says that it goes on, and how it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::AgentExecutionStatus;
use temporalio_client::{
    ActivityIdentifier, AsyncActivityHandle, Client, RpcOptions, errors::AsyncActivityError,
};
use temporalio_common::{error::ApplicationFailure, protos::TaskToken};
use temporalio_sdk::activities::ActivityError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::payloads;
use crate::failure::transient;

/// How often it is said that an activity goes on; its cancellation is heard with the answer.
const BEAT: Duration = Duration::from_millis(500);

/// Where the activity is. Its workflow's last run is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForeignActivity {
    pub(crate) workflow_id: String,
    pub(crate) activity_id: String,
}

/// Why nobody waits for an activity's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LetGo {
    /// It was cancelled.
    Cancelled,
    /// It is not there any more: its time was over, or its workflow has ended.
    Gone,
}

impl LetGo {
    /// In words, for the execution's status.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled by the workflow of the server",
            Self::Gone => "the workflow of the server does not wait for it any more",
        }
    }
}

/// What an activity is answered.
pub(crate) enum Answer {
    Ended(Box<AgentExecutionStatus>),
    Failed(String),
    Cancelled,
}

impl ForeignActivity {
    fn handle(&self, client: &Client) -> AsyncActivityHandle<Client> {
        let latest_run = "";
        client.get_async_activity_handle(ActivityIdentifier::by_id_workflow(
            &self.workflow_id,
            latest_run,
            &self.activity_id,
        ))
    }

    /// Answers it; one that is not there any more needs no answer.
    ///
    /// # Errors
    /// When Temporal did not take the answer.
    pub(crate) async fn answer(
        &self,
        client: &Client,
        answer: Answer,
    ) -> Result<(), ActivityError> {
        let (handle, options) = (self.handle(client), RpcOptions::default());
        let answered = match answer {
            Answer::Ended(status) => {
                let answer = payloads::answer(*status);
                handle.complete(Some(answer), options).await
            }
            Answer::Failed(why) => {
                let failure = ApplicationFailure::new(anyhow::anyhow!(why));
                handle.fail(failure, None::<()>, options).await
            }
            Answer::Cancelled => handle.report_cancelation(None::<()>, options).await,
        };
        match answered {
            Ok(()) | Err(AsyncActivityError::NotFound(_)) => Ok(()),
            Err(error) => Err(transient("TemporalUnavailable", error.to_string())),
        }
    }

    /// Says that it goes on until nobody waits for it, which is the end of our own activity `own`.
    /// With it ends this: a runner that takes it over says so then.
    pub(crate) async fn hold(self, client: Client, own: Vec<u8>, first: Duration) {
        let theirs = self.handle(&client);
        let own = ActivityIdentifier::from_task_token(TaskToken::from(own));
        let own = client.get_async_activity_handle(own);
        let mut tick = interval_at(Instant::now() + first, BEAT);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match beat(&theirs).await {
                None => {}
                Some(let_go) => {
                    // Where this is lost, our own activity is given to the next runner.
                    let _ = own.complete(Some(let_go), RpcOptions::default()).await;
                    return;
                }
            }
            if beat(&own).await.is_some() {
                return;
            }
        }
    }

    /// When the first word is due in an activity's `attempt`, from 1: most end before they are
    /// missed, and where a runner has died they are already.
    pub(crate) fn first_beat(attempt: u32) -> Duration {
        match attempt {
            1 => BEAT,
            _ => Duration::ZERO,
        }
    }
}

async fn beat(activity: &AsyncActivityHandle<Client>) -> Option<LetGo> {
    match activity.heartbeat(None::<()>, RpcOptions::default()).await {
        Ok(heard) => heard.cancel_requested.then_some(LetGo::Cancelled),
        Err(AsyncActivityError::NotFound(_)) => Some(LetGo::Gone),
        Err(error) => {
            tracing::warn!(%error, "Temporal does not hear that an activity goes on");
            None
        }
    }
}
