//! What a server answered, as a text for the model.

use serde_json::Value;

use crate::{env::Env, toolset::ToolOutcome};

/// Bytes of a text for the model.
pub(crate) const MOST: usize = 64 << 10;

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
    let text = match blocks {
        [] => whole(result).unwrap_or_else(|| "(the tool answered with nothing)".to_owned()),
        blocks => blocks.iter().map(part).collect::<Vec<_>>().join("\n"),
    };
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
        kind => match (block, block.get("text")) {
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
            (other, None) => plain(other),
        },
    }
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
