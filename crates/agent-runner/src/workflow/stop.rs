//! Why an agent does not go on.

use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::{ActivityExecutionError, WorkflowTermination};

use crate::{
    failure,
    limits::{Limit, Limits},
};

pub(super) enum Stop {
    /// Something failed, or was cancelled; the text is for the execution's status.
    Failed(String, WorkflowTermination),
    /// A limit of the execution was reached.
    Limit(Limit, Limits),
    /// It calls a tool, this one, with the same arguments again and again.
    Circle(String),
    /// Something does not fit into what Temporal takes; what, and what to do.
    TooLarge(String),
    /// It ended elsewhere: nobody waits for a report.
    Gone,
}

impl From<ActivityExecutionError> for Stop {
    fn from(error: ActivityExecutionError) -> Self {
        if failure::is_gone(&error) {
            return Self::Gone;
        }
        Self::Failed(failure::explain(&error), error.into())
    }
}

impl Stop {
    /// In words, for the execution's status.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Failed(why, _) | Self::TooLarge(why) => why.clone(),
            Self::Limit(limit, limits) => limits.sentence(*limit),
            Self::Circle(tool) => format!(
                "the agent goes round in circles: five of its last ten tool calls were {tool} with \
                 the same arguments"
            ),
            Self::Gone => "the execution ended elsewhere".to_owned(),
        }
    }

    /// The sentence, and how the workflow ends.
    pub(super) fn into_failure(self) -> (String, WorkflowTermination) {
        let why = self.sentence();
        let kind = match self {
            Self::Failed(why, termination) => return (why, termination),
            Self::Limit(..) => "LimitReached",
            Self::Circle(_) => "CallsInCircles",
            Self::TooLarge(_) => "TooLarge",
            Self::Gone => "Ended",
        };
        let failure = ApplicationFailure::builder(anyhow::anyhow!(why.clone()))
            .type_name(kind.to_owned())
            .non_retryable(true)
            .build();
        (why, WorkflowTermination::failed_application(failure))
    }
}
