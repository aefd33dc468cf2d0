//! What a server wrote, read as leniently as it can be without losing a word, and without taking what it logs for one.

mod mend;

pub use mend::mended;

use rmcp::model::{
    CustomResult, ErrorCode, ErrorData, InitializeResult, JsonRpcMessage, RequestId,
    ServerJsonRpcMessage, ServerResult,
};
use serde_json::{Map, Value, json};

/// The code of an answer that came and that nobody can read; the call had its effect.
pub(crate) const UNREADABLE: ErrorCode = ErrorCode(-32_099);

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a line of a child's stdout, among what it logs.
    Line,
    /// In what came over HTTP as an answer: nobody logs there.
    Http,
}

/// The messages of a text. Whatever is none is what servers print by mistake: it is never answered, since who prints a
/// line for each that it reads would be answered for ever.
pub(crate) fn messages(text: &[u8], place: Place, opened: bool) -> Vec<ServerJsonRpcMessage> {
    let text = bare(text);
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return Vec::new();
    }
    let (values, rest) = mend::parsed(text);
    let values = values.into_iter().flat_map(|value| match value {
        Value::Array(batch) => batch,
        one => vec![one],
    });
    let mut all: Vec<_> = values.filter_map(|m| message(m, place, opened)).collect();
    if let Some((rest, error)) = rest {
        all.extend(unreadable(
            rest.as_bytes(),
            rest.as_bytes(),
            &error.to_string(),
        ));
    }
    all
}

/// Without what may stand around a message.
fn bare(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(text)
        .trim_ascii()
}

/// Says of an answer, by its first and its last bytes, that it cannot be read; otherwise who asked would wait for it.
pub(crate) fn unreadable(head: &[u8], tail: &[u8], why: &str) -> Option<ServerJsonRpcMessage> {
    if !begins_message(head) {
        return None;
    }
    let id = id_in(head, tail)?;
    let error = ErrorData::new(UNREADABLE, why.to_owned(), None);
    Some(JsonRpcMessage::error(error, Some(id)))
}

/// Whether a message may begin so, or a batch of them: a line that only quotes one, as `[DEBUG] sending {..}`, is none.
fn begins_message(head: &[u8]) -> bool {
    let head = bare(head);
    let object = head.strip_prefix(b"[").map_or(head, bare);
    object.first() == Some(&b'{')
}

/// The id of an answer that is no JSON: it stands before the result, or behind it.
fn id_in(head: &[u8], tail: &[u8]) -> Option<RequestId> {
    const NEAR: usize = 1024;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let head = text(&head[..head.len().min(NEAR)]);
    let tail = text(&tail[tail.len().saturating_sub(NEAR)..]);
    let before = head.find("\"result\"").or_else(|| head.find("\"error\""))?;
    let id = |text: &str| {
        let after = text.trim_start().strip_prefix(':')?;
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        request_id(&values.next()?.ok()?)
    };
    let in_head = head[..before].split("\"id\"").nth(1);
    let in_tail = || tail.rsplit_once("\"id\"").map(|(_, after)| after);
    in_head.or_else(in_tail).and_then(id)
}

fn request_id(id: &Value) -> Option<RequestId> {
    match id {
        Value::String(id) => Some(RequestId::String(id.as_str().into())),
        Value::Number(id) => {
            let whole = id.as_f64().filter(|id| id.fract() == 0.0);
            #[expect(clippy::cast_possible_truncation, reason = "ids of ours are small")]
            id.as_i64()
                .or_else(|| whole.map(|id| id as i64))
                .map(RequestId::Number)
        }
        _ => None,
    }
}

fn message(message: Value, place: Place, opened: bool) -> Option<ServerJsonRpcMessage> {
    let Value::Object(mut message) = message else {
        return None;
    };
    let has_version = message.insert("jsonrpc".to_owned(), json!("2.0")).is_some();
    if let Some(method) = message.get("method") {
        // Who logs what is asked of it would be answered.
        if message.contains_key("id") && (!has_version || is_ours(method)) {
            return None;
        }
        mend_progress(&mut message);
        return serde_json::from_value(Value::Object(message)).ok();
    }
    let id = message.get("id").and_then(request_id);
    match message.remove("error") {
        None | Some(Value::Null) => {}
        Some(error) if has_version || place == Place::Http || refuses(&message, &error) => {
            // Before the first answer only one thing was asked, under whatever name it is refused.
            let id = id.filter(|_| opened);
            return Some(JsonRpcMessage::error(refusal(error), id));
        }
        Some(_) => return None,
    }
    let result = message.remove("result")?;
    let result = if opened {
        ServerResult::CustomResult(CustomResult(result))
    } else {
        initialized(result)
    };
    Some(JsonRpcMessage::response(result, id?))
}

/// Whether a request is one that only clients make: then it is an echo.
fn is_ours(method: &Value) -> bool {
    let method = method.as_str().unwrap_or_default();
    method == "initialize" || method.starts_with("tools/")
}

/// Whether an error that does not say what it is refuses something: others log theirs.
fn refuses(message: &Map<String, Value>, error: &Value) -> bool {
    let is_whole = error.get("code").or(error.get("message")).is_some();
    // At first each answer of JSON-RPC had both.
    message.contains_key("id") && (is_whole || message.contains_key("result"))
}

fn refusal(error: Value) -> ErrorData {
    let number = |code: &Value| code.as_i64().or_else(|| code.as_str()?.parse().ok());
    let code = error.get("code").and_then(number);
    let code = code.and_then(|code| i32::try_from(code).ok());
    let text = match (error.get("message"), &error) {
        (Some(Value::String(message)), _) | (_, Value::String(message)) => message.clone(),
        _ => error.to_string(),
    };
    let code = code.map_or(ErrorCode::INTERNAL_ERROR, ErrorCode);
    ErrorData::new(code, text, error.get("data").cloned())
}

/// What a refusal says, with its code and what else it tells.
pub(crate) fn words(error: &ErrorData) -> String {
    let data = match &error.data {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(data)) => format!(": {data}"),
        Some(data) => format!(": {data}"),
    };
    // Some repeat themselves.
    let data = match error.message.contains(data.trim_start_matches(": ")) {
        true => "",
        false => &data,
    };
    format!("{} ({}){data}", error.message, error.code.0)
}

/// Progress without a figure is progress too, and its token may have become a text on its way.
fn mend_progress(message: &mut Map<String, Value>) {
    if message.get("method").and_then(Value::as_str) != Some("notifications/progress") {
        return;
    }
    let Some(Value::Object(params)) = message.get_mut("params") else {
        return;
    };
    if !params.get("progress").is_some_and(Value::is_number) {
        params.insert("progress".to_owned(), json!(0));
    }
    params.retain(|key, value| key != "total" || value.is_number());
    params.retain(|key, value| key != "message" || value.is_string());
    let token = params.get("progressToken").and_then(Value::as_str);
    if let Some(token) = token.and_then(|token| token.parse::<i64>().ok()) {
        params.insert("progressToken".to_owned(), json!(token));
    }
}

/// The answer to the first request. A server that forgets to say who it is serves as well as others.
fn initialized(result: Value) -> ServerResult {
    let strict = |value: &Value| serde_json::from_value::<InitializeResult>(value.clone());
    let known = ["protocolVersion", "capabilities", "serverInfo"];
    if let (Err(_), Value::Object(given)) = (strict(&result), &result)
        && known.iter().any(|key| given.contains_key(*key))
    {
        let text = |key: &str| given.get(key).filter(|value| value.is_string());
        let version = text("protocolVersion").cloned();
        // Only whether it has tools counts, and it is asked for them anyway.
        let plain = json!({
            "protocolVersion": version.unwrap_or_else(|| json!("2024-11-05")),
            "capabilities": {},
            "serverInfo": {"name": "unknown", "version": ""},
        });
        if let Ok(result) = strict(&plain) {
            return ServerResult::InitializeResult(result);
        }
    }
    match strict(&result) {
        Ok(result) => ServerResult::InitializeResult(result),
        Err(_) => ServerResult::CustomResult(CustomResult(result)),
    }
}

#[cfg(test)]
mod tests;
