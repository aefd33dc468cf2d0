//! How much an execution may do, and when its calls go round in circles.

use serde::{Deserialize, Serialize};
use stigmer_api::agentexecution::ExecutionConfig;

use crate::transcript::{self, Call, Tokens, size_limit};

/// One limit of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) value: u32,
    /// The runner's own, which no execution exceeds.
    pub(crate) own: u32,
    /// Whether it is of the workflow that waits for the execution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) foreign: bool,
}

impl Bound {
    /// What an execution that wants `wanted` gets; 0 is no wish.
    fn of(wanted: i32, own: u32) -> Self {
        let wanted = u32::try_from(wanted).ok().filter(|w| *w > 0);
        let value = wanted.map_or(own, |w| w.min(own));
        Self {
            value,
            own,
            foreign: false,
        }
    }
}

/// All limits of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) model_calls: Bound,
    pub(crate) tool_calls: Bound,
    pub(crate) seconds: Bound,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Limit {
    ModelCalls,
    ToolCalls,
    Seconds,
}

/// What was used up so far, sub-agents included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) model_calls: u32,
    pub(crate) tool_calls: u32,
    #[serde(default)]
    pub(crate) tokens: Tokens,
}

impl Used {
    /// Together with `more`.
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            model_calls: self.model_calls.saturating_add(more.model_calls),
            tool_calls: self.tool_calls.saturating_add(more.tool_calls),
            tokens: self.tokens.plus(more.tokens),
        }
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        let tokens = Tokens {
            input: self.tokens.input.saturating_sub(before.tokens.input),
            output: self.tokens.output.saturating_sub(before.tokens.output),
        };
        Self {
            tokens,
            model_calls: self.model_calls.saturating_sub(before.model_calls),
            tool_calls: self.tool_calls.saturating_sub(before.tool_calls),
        }
    }
}

impl Limits {
    /// The limits of an execution on a runner whose own are `model_calls`, `tool_calls`, `seconds`.
    pub(crate) fn of(
        config: &ExecutionConfig,
        model_calls: u32,
        tool_calls: u32,
        seconds: u32,
    ) -> Self {
        Self {
            model_calls: Bound::of(config.max_model_calls, model_calls),
            tool_calls: Bound::of(config.max_tool_calls, tool_calls),
            seconds: Bound::of(config.max_seconds, seconds),
        }
    }

    /// The same for an execution for which a foreign workflow waits so many milliseconds.
    pub(crate) fn within(self, millis: u64) -> Self {
        let value = u32::try_from(millis / 1000).unwrap_or(u32::MAX);
        if self.seconds.own > 0 && self.seconds.value <= value {
            return self;
        }
        let seconds = Bound {
            value,
            foreign: true,
            ..self.seconds
        };
        Self { seconds, ..self }
    }

    /// Which limit stands against another model call.
    pub(crate) fn before_model_call(&self, used: Used) -> Option<Limit> {
        (used.model_calls >= self.model_calls.value).then_some(Limit::ModelCalls)
    }

    /// Which limit stands against `more` tool calls.
    pub(crate) fn before_tool_calls(&self, used: Used, more: u32) -> Option<Limit> {
        (used.tool_calls.saturating_add(more) > self.tool_calls.value).then_some(Limit::ToolCalls)
    }

    /// What one of `among` sub-agents that are called at once finds used up, the `nth` of them from
    /// 0: what the execution may still use is split among them, so that together they use no more.
    pub(crate) fn share(&self, used: Used, nth: u32, among: u32) -> Used {
        let used_up = |bound: Bound, used: u32| {
            let left = bound.value.saturating_sub(used);
            let more = u32::from(nth < left % among.max(1));
            bound.value - (left / among.max(1) + more).min(left)
        };
        Used {
            model_calls: used_up(self.model_calls, used.model_calls),
            tool_calls: used_up(self.tool_calls, used.tool_calls),
            tokens: used.tokens,
        }
    }

    /// In words, for the model: the share of the limit, and why it is no more.
    pub(crate) fn share_sentence(&self, limit: Limit, used: Used, among: u32) -> String {
        let (share, what) = match limit {
            Limit::ModelCalls => (
                self.model_calls.value.saturating_sub(used.model_calls),
                "model",
            ),
            Limit::ToolCalls => (
                self.tool_calls.value.saturating_sub(used.tool_calls),
                "tool",
            ),
            Limit::Seconds => return self.sentence(limit),
        };
        format!(
            "it reached its share of {share} {what} calls: what the execution may still use is split \
             among the {among} agents that are called at once"
        )
    }

    /// In words, for the execution's status: the limit, its value, how to raise it.
    pub(crate) fn sentence(&self, limit: Limit) -> String {
        let (bound, what, field, variable) = match limit {
            Limit::ModelCalls => (
                self.model_calls,
                "model calls",
                "max_model_calls",
                "STIGMER_MAX_MODEL_CALLS",
            ),
            Limit::ToolCalls => (
                self.tool_calls,
                "tool calls",
                "max_tool_calls",
                "STIGMER_MAX_TOOL_CALLS",
            ),
            Limit::Seconds => (
                self.seconds,
                "seconds",
                "max_seconds",
                "STIGMER_MAX_SECONDS",
            ),
        };
        let Bound {
            value,
            own,
            foreign,
        } = bound;
        if foreign {
            format!(
                "the execution reached the limit of {value} {what} that its server waits for it"
            )
        } else if value < own {
            format!(
                "the execution reached its limit of {value} {what} ({field}): \
                 raise execution_config.{field}, this runner allows {own}"
            )
        } else {
            format!(
                "the execution reached the runner's limit of {value} {what} ({field}): \
                 raise {variable} of the runner"
            )
        }
    }
}

/// What is to be done about a call that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repetition {
    Fine,
    /// The third of the same calls in a row, or a later one.
    InARow,
    /// Five of the last ten calls were the same.
    Endless,
}

/// Looks at `call` after `earlier` ones of the same agent, the latest last.
pub(crate) fn repetition<'a>(
    earlier: impl DoubleEndedIterator<Item = &'a Call>,
    call: &Call,
) -> Repetition {
    let same: Vec<bool> = earlier.rev().take(9).map(|e| same(e, call)).collect();
    if same.iter().filter(|same| **same).count() >= 4 {
        Repetition::Endless
    } else if same.len() >= 2 && same[0] && same[1] {
        Repetition::InARow
    } else {
        Repetition::Fine
    }
}

/// Whether two calls ask for the same: the order of arguments and white space do not matter.
/// Arguments that were dropped are like no others.
fn same(a: &Call, b: &Call) -> bool {
    let value = |c: &Call| transcript::arguments(&c.arguments).ok();
    a.name == b.name
        && !size_limit::is_dropped(&a.arguments)
        && (a.arguments == b.arguments || value(a).is_some_and(|a| Some(a) == value(b)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests;
