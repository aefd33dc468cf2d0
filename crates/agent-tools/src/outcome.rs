//! What a server answered, as a text for the model.

use serde_json::{Map, Value};

use crate::{env::Env, toolset::ToolOutcome};

/// Bytes of a text for the model.
pub(crate) const MOST: usize = 64 << 10;

/// In place of an answer that says nothing.
const NOTHING: &str = "(the tool answered with nothing)";

/// What is said about an answer and not in it.
const ABOUT: [&str; 4] = ["_meta", "content", "isError", "resultType"];

/// Says of an answer that nobody can read that the call was made all the same.
pub(crate) fn unreadable(why: &str) -> ToolOutcome {
    ToolOutcome {
        text: format!("[left out: the answer cannot be read: {why}; the call was made]"),
        failed: false,
    }
}

/// What an answer says. However odd it is, the call was made, and failed only where the server says so.
pub(crate) fn of(result: &Value) -> ToolOutcome {
    let asks = matches!(
        result.get("resultType").and_then(Value::as_str),
        Some("input_required" | "task")
    );
    if asks {
        return ToolOutcome::failed(
            "the MCP server answered with a question or a task, which this runner cannot follow",
        );
    }
    if let (None, Some(old @ Value::Object(_))) = (result.get("content"), result.get("toolResult"))
    {
        return of(old);
    }
    let blocks = match result.get("content") {
        Some(Value::Array(blocks)) => blocks.as_slice(),
        None | Some(Value::Null) => &[],
        Some(block) => std::slice::from_ref(block),
    };
    let said: Vec<String> = blocks.iter().map(part).collect();
    let text = match said.iter().all(|text| is_blank(text)) {
        true => whole(result).filter(|text| !is_blank(text)),
        false => Some(with_data(&said, result.get("structuredContent"))),
    };
    let text = text.unwrap_or_else(|| NOTHING.to_owned());
    let failed = match result.get("isError") {
        Some(Value::Bool(failed)) => *failed,
        Some(Value::String(failed)) => failed.eq_ignore_ascii_case("true"),
        // Others say it of a block.
        _ => blocks
            .iter()
            .any(|block| block.get("type").is_some_and(|kind| kind == "error")),
    };
    ToolOutcome { text, failed }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The blocks as one text, and behind them the data that they do not say.
fn with_data(blocks: &[String], data: Option<&Value>) -> String {
    let mut text = blocks.join("\n");
    if let Some(data) = data.filter(|data| !data.is_null() && !is_said(data, blocks)) {
        text.push('\n');
        text.push_str(&plain(data));
    }
    text
}

/// Whether nothing is in the data or a block is the same written down; of FastMCP, which puts what is no object into
/// `{"result": ..}`, it may be what is in there, and of a list each block an item.
fn is_said(data: &Value, blocks: &[String]) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let blocks = blocks.iter().map(|text| (text.trim(), read(text)));
    let blocks: Vec<(&str, Option<Value>)> = blocks.collect();
    let says = |value: &Value, (text, read): &(&str, Option<Value>)| {
        value.as_str().map(str::trim) == Some(*text) || read.as_ref() == Some(value)
    };
    let is_one = |value: &Value| blocks.iter().any(|block| says(value, block));
    let wrapped = data.as_object().filter(|all| all.len() == 1);
    let wrapped = wrapped.and_then(|all| all.get("result"));
    let all_say = |items: &Vec<Value>| {
        let mut both = items.iter().zip(&blocks);
        items.len() == blocks.len() && both.all(|(item, block)| says(item, block))
    };
    data.as_object().is_some_and(Map::is_empty)
        || is_one(data)
        || wrapped.is_some_and(is_one)
        || wrapped.and_then(Value::as_array).is_some_and(all_say)
}

/// What an answer without content says.
fn whole(result: &Value) -> Option<String> {
    let Value::Object(all) = result else {
        return (!result.is_null()).then(|| plain(result));
    };
    // The second is what the first version of the protocol called it.
    let known = ["structuredContent", "toolResult"].into_iter();
    let mut known = known.filter_map(|key| all.get(key).filter(|value| !value.is_null()));
    if let Some(known) = known.next() {
        return Some(plain(known));
    }
    let mut said = all.clone();
    said.retain(|key, value| !(value.is_null() || ABOUT.contains(&key.as_str())));
    (!said.is_empty()).then(|| Value::Object(said).to_string())
}

/// A text as it is, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn part(block: &Value) -> String {
    let text = |key: &str| block.get(key).and_then(Value::as_str);
    let mime = text("mimeType");
    match text("type") {
        Some("image") => left_out("an image", mime, size(text("data")), ""),
        Some("audio") => left_out("a recording", mime, size(text("data")), ""),
        Some("resource") => resource(block.get("resource").unwrap_or(block)),
        Some("resource_link") => {
            let name = text("name").or(text("title")).unwrap_or_default();
            let uri = text("uri").unwrap_or_default();
            format!("[left out: the resource {name} at {uri}]")
        }
        kind => match (block, block.get("text").filter(|text| !text.is_null())) {
            (_, Some(text)) => plain(text),
            (Value::Object(_), None)
                if ["data", "blob"].iter().any(|bytes| text(bytes).is_some()) =>
            {
                let kind = kind.map_or("without a type".to_owned(), |kind| {
                    let short: String = kind.chars().take(64).collect();
                    format!("of the unknown type {short:?}")
                });
                let bytes = block.to_string().len();
                format!("[left out: content {kind}, of {bytes} bytes]")
            }
            // What has no bytes in it can be read by a model.
            (Value::Object(all), None) => without_text(all),
            (other, None) => plain(other),
        },
    }
}

/// A block as JSON, or nothing where it is one of text and has none.
fn without_text(block: &Map<String, Value>) -> String {
    let about = ["type", "text", "annotations", "_meta"];
    let says = block.keys().any(|key| !about.contains(&key.as_str()));
    let is_text = block.get("type").is_none_or(|kind| kind == "text");
    if is_text && !says {
        return String::new();
    }
    let mut said = block.clone();
    said.remove("text");
    Value::Object(said).to_string()
}

fn resource(resource: &Value) -> String {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    let uri = text("uri").unwrap_or_default();
    match (text("text"), text("blob")) {
        // A file's text is what was asked for.
        (Some(text), _) => format!("[{uri}]\n{text}"),
        (None, Some(blob)) => left_out("a resource", text("mimeType"), size(Some(blob)), uri),
        (None, None) => format!("[left out: a resource of an unknown kind at {uri}]"),
    }
}

/// Bytes of what is written in base64: three in four digits.
fn size(data: Option<&str>) -> usize {
    data.map_or(0, |data| data.trim_end_matches('=').len() * 3 / 4)
}

fn left_out(what: &str, kind: Option<&str>, bytes: usize, uri: &str) -> String {
    let kind = kind.map_or_else(String::new, |kind| format!(" ({kind})"));
    let at = if uri.is_empty() {
        String::new()
    } else {
        format!(" at {uri}")
    };
    format!("[left out: {what}{kind} of {bytes} bytes{at}]")
}

/// Redacts and cuts: a secret that the cut would go through is replaced whole. Computes for up to some 100 ms where there
/// are many secrets.
pub(crate) fn shown(outcome: ToolOutcome, env: &Env) -> ToolOutcome {
    shown_of(outcome, 0, env)
}

/// As [`shown`], for the beginning of a text that has `unread` bytes more: [`MOST`] and [`Env::reach`] together must have
/// been read.
pub(crate) fn shown_of(outcome: ToolOutcome, unread: usize, env: &Env) -> ToolOutcome {
    let (text, taken) = env.redact_head(&outcome.text, MOST);
    let rest = (outcome.text.len() - taken).saturating_add(unread);
    ToolOutcome {
        text: cut(text, rest),
        failed: outcome.failed,
    }
}

/// Cuts a text that has been cut by `rest` bytes already: marks may be longer than the secrets in their places.
fn cut(mut text: String, rest: usize) -> String {
    let whole = text.len().saturating_add(rest);
    if whole > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        let kept = text.len();
        text.push_str(&format!(
            "\n[cut: this is the first {kept} of {whole} bytes]"
        ));
    }
    text
}

#[cfg(test)]
mod tests;
