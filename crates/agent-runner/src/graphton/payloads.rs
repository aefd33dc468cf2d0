//! The activities that the original's server expects of a runner, as its workflow speaks of them.

use anyhow::{Context, bail};
use prost::Message;
use serde::Deserialize;
use stigmer_api::agentexecution::{AgentExecution, AgentExecutionStatus};
use temporalio_common::{data_converters::RawValue, protos::temporal::api::common::v1::Payload};

const ENCODING: &str = "encoding";
const MESSAGE_TYPE: &str = "messageType";
const STATUS: &str = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionStatus";

/// The id of a conversation: its session's, or a new one of the agent `agent_id`.
pub(crate) fn thread_id(session_id: &str, agent_id: &str) -> String {
    match session_id {
        "" => {
            let now = chrono::Utc::now().timestamp_micros();
            format!("ephemeral-{agent_id}-{now:x}")
        }
        session => format!("thread-{session}"),
    }
}

/// The id of the execution that is the first argument. The rest of it the server is asked for.
///
/// # Errors
/// When there is none: what came instead.
pub(crate) fn execution_id(arguments: &RawValue) -> anyhow::Result<String> {
    /// As much of the JSON as is needed: a later server may say more than the contract of today.
    #[derive(Deserialize)]
    struct Execution {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        id: String,
    }
    let first = arguments.payloads.first().context("no execution came")?;
    let encoding = first.metadata.get(ENCODING).map(Vec::as_slice);
    let id = match encoding.unwrap_or_default() {
        b"json/protobuf" | b"json/plain" => {
            let execution: Execution =
                serde_json::from_slice(&first.data).context("no execution came")?;
            execution.metadata.id
        }
        b"binary/protobuf" => {
            let execution = AgentExecution::decode(first.data.as_slice());
            let execution = execution.context("no execution came")?;
            execution.metadata.unwrap_or_default().id
        }
        other => bail!(
            "the execution came as `{}`, not as json/protobuf",
            String::from_utf8_lossy(other)
        ),
    };
    anyhow::ensure!(!id.is_empty(), "the execution came without its id");
    Ok(id)
}

/// The answer: how the execution ended. What was said and done the server knows, and what the
/// contract does not know its reader refuses.
pub(crate) fn answer(status: AgentExecutionStatus) -> RawValue {
    let told = AgentExecutionStatus {
        phase: status.phase,
        error: status.error,
        started_at: status.started_at,
        completed_at: status.completed_at,
        ..AgentExecutionStatus::default()
    };
    let metadata = [(ENCODING, "json/protobuf"), (MESSAGE_TYPE, STATUS)];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.into()));
    RawValue::new(vec![Payload {
        metadata: metadata.into(),
        data: serde_json::to_vec(&told).unwrap_or_default(),
        ..Payload::default()
    }])
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use stigmer_api::{agentexecution::ExecutionPhase, apiresource::ApiResourceMetadata};

    use super::*;

    fn argument(encoding: &str, data: &[u8]) -> RawValue {
        RawValue::new(vec![Payload {
            metadata: [(ENCODING.to_owned(), encoding.into())].into(),
            data: data.to_vec(),
            ..Payload::default()
        }])
    }

    #[test]
    fn the_execution_is_found_in_every_encoding() {
        let sent = include_bytes!("../../testdata/original-execution.json");
        let id = "aex-01m8asxgdn7r6p5t6f8c5w8ncw";
        for encoding in ["json/protobuf", "json/plain"] {
            assert_eq!(execution_id(&argument(encoding, sent)).unwrap(), id);
        }
        let execution = AgentExecution {
            metadata: Some(ApiResourceMetadata {
                id: id.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let sent = execution.encode_to_vec();
        let sent = argument("binary/protobuf", &sent);
        assert_eq!(execution_id(&sent).unwrap(), id);
        // A field that the contract does not know.
        let later = br#"{"metadata":{"id":"aex-1","later":1},"later":{}}"#;
        let later = argument("json/protobuf", later);
        assert_eq!(execution_id(&later).unwrap(), "aex-1");
    }

    #[test]
    fn what_is_no_execution_is_refused() {
        let none = execution_id(&RawValue::default()).unwrap_err().to_string();
        assert_eq!(none, "no execution came");
        for data in [
            &b"null"[..],
            b"\"aex-1\"",
            b"{}",
            b"{\"metadata\":{}}",
            b"{",
        ] {
            let refused = execution_id(&argument("json/protobuf", data)).unwrap_err();
            assert_eq!(refused.to_string(), "no execution came");
        }
        let unnamed = argument("json/protobuf", br#"{"metadata":{"id":""}}"#);
        let unnamed = execution_id(&unnamed).unwrap_err().to_string();
        assert!(unnamed.contains("without its id"), "{unnamed}");
        let sealed = execution_id(&argument("binary/encrypted", b"x")).unwrap_err();
        assert!(
            sealed.to_string().contains("`binary/encrypted`"),
            "{sealed}"
        );
    }

    #[test]
    fn the_answer_is_what_the_originals_runner_answers() {
        let mut status = AgentExecutionStatus {
            phase: ExecutionPhase::ExecutionCompleted.into(),
            // What the contract does not know, and what the server knows already.
            phase_reason: "r".to_owned(),
            warnings: vec!["w".to_owned()],
            messages: vec![Default::default()],
            ..Default::default()
        };
        let RawValue { payloads } = answer(status.clone());
        let [payload] = payloads.as_slice() else {
            panic!("{payloads:?}")
        };
        let said = |key: &str| String::from_utf8_lossy(&payload.metadata[key]).into_owned();
        assert_eq!(
            (payload.metadata.len(), said(ENCODING)),
            (2, "json/protobuf".to_owned())
        );
        assert_eq!(
            said(MESSAGE_TYPE),
            "ai.stigmer.agentic.agentexecution.v1.AgentExecutionStatus"
        );
        assert_eq!(payload.data, br#"{"phase":"EXECUTION_COMPLETED"}"#);
        status.phase = ExecutionPhase::ExecutionFailed.into();
        status.error = "why".to_owned();
        let data = answer(status).payloads.remove(0).data;
        assert_eq!(data, br#"{"phase":"EXECUTION_FAILED","error":"why"}"#);
    }

    #[test]
    fn a_session_is_one_conversation_and_without_one_each_is_new() {
        assert_eq!(thread_id("ses-1", "agt-1"), "thread-ses-1");
        assert!(thread_id("", "agt-1").starts_with("ephemeral-agt-1-"));
    }
}
