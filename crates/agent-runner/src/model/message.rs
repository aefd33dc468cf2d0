//! Messages and tools as the model is sent them.

use agent_tools::ToolSpec;
use serde::Serialize;
use serde_json::Value;

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ChatMessage {
    role: Role,
    /// Null where the assistant only called tools.
    pub(crate) content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<FunctionCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    /// What was thought before the calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'static str>,
}

/// A call that the model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FunctionCall {
    id: String,
    r#type: &'static str,
    function: Function,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// A tool that the model may call.
#[derive(Serialize)]
pub(super) struct Tool<'a> {
    r#type: &'static str,
    function: ToolFunction<'a>,
}

#[derive(Serialize)]
struct ToolFunction<'a> {
    name: &'a str,
    // Providers refuse an empty one, and with it the whole request.
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> Tool<'a> {
    pub(super) fn of(spec: &'a ToolSpec) -> Self {
        Self {
            r#type: "function",
            function: ToolFunction {
                name: &spec.name,
                description: &spec.description,
                parameters: &spec.parameters,
            },
        }
    }
}

/// The longest name that providers take.
const MOST_NAME: usize = 64;

/// A name that a model made up, as providers take one back: they would refuse the conversation for
/// ever. The status shows what was said.
fn named(name: &str) -> String {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let named: String = name
        .chars()
        .take(MOST_NAME)
        .map(|c| if ok(c) { c } else { '_' })
        .collect();
    match named.is_empty() {
        true => "_".to_owned(),
        false => named,
    }
}

/// Whether it is an id as Kimi's models make them, `functions.NAME:0`: they fall silent where they find another in its place.
fn is_counted(id: &str) -> bool {
    let parts = id.strip_prefix("functions.");
    parts
        .and_then(|it| it.split_once(':'))
        .is_some_and(|(name, nth)| {
            let digits = nth.bytes().all(|byte| byte.is_ascii_digit());
            named(name) == name && digits && !nth.is_empty()
        })
}

/// An id, which is not to become another call's: what is put into other words carries a mark of what it was.
fn identified(id: &str) -> String {
    let sent = named(id);
    if sent == id || is_counted(id) {
        return id.to_owned();
    }
    let mark = hmac_sha256::Hash::hash(id.as_bytes());
    let mark: String = mark[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let room = MOST_NAME - mark.len() - 1;
    format!("{}_{mark}", &sent[..sent.len().min(room)])
}

impl FunctionCall {
    pub(crate) fn new(id: &str, name: &str, arguments: String) -> Self {
        Self {
            id: identified(id),
            r#type: "function",
            function: Function {
                name: named(name),
                arguments,
            },
        }
    }
}

impl ChatMessage {
    fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: Some(content.into()),
            tool_calls: Vec::new(),
            tool_call_id: None,
            reasoning_content: None,
        }
    }

    pub(crate) fn system(content: String) -> Self {
        Self::new(Role::System, content)
    }

    pub(crate) fn user(content: &str) -> Self {
        Self::new(Role::User, content)
    }

    pub(crate) fn assistant(content: &str, tool_calls: Vec<FunctionCall>) -> Self {
        let mut message = Self::new(Role::Assistant, content);
        // Blank is as good as empty: some refuse a text of white space for ever.
        if content.trim().is_empty() && !tool_calls.is_empty() {
            message.content = None;
        }
        message.tool_calls = tool_calls;
        message
    }

    pub(crate) fn tool(id: &str, result: &str) -> Self {
        Self {
            tool_call_id: Some(identified(id)),
            ..Self::new(Role::Tool, result)
        }
    }

    /// Has thoughts stand before its calls, where it has calls. What was thought is not kept, and some refuse thoughts that
    /// are empty.
    pub(super) fn think(&mut self) {
        self.reasoning_content = (!self.tool_calls.is_empty()).then_some(" ");
    }

    /// Its text, in bytes.
    pub(crate) fn size(&self) -> usize {
        let calls = self.tool_calls.iter();
        let calls = calls.map(|c| c.function.name.len() + c.function.arguments.len());
        self.content.as_ref().map_or(0, String::len) + calls.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_out_as_providers_take_them() {
        let long = "x".repeat(65);
        for (said, sent) in [
            ("good", "good"),
            ("good<|channel|>json", "good__channel__json"),
            ("a.b/c ü", "a_b_c__"),
            ("", "_"),
            (&long, &long[..64]),
        ] {
            assert_eq!(
                FunctionCall::new("a~2", said, String::new()).function.name,
                sent
            );
        }
        let call = FunctionCall::new("a~2", "f", String::new());
        assert_eq!(ChatMessage::tool("a~2", "").tool_call_id, Some(call.id));
    }

    #[test]
    fn no_two_ids_become_one() {
        let long = "x".repeat(80);
        let counted = format!("functions.{}:0", "x".repeat(65));
        let ids = [
            "a.b",
            "a/b",
            "a_b",
            &long,
            &format!("{long}y"),
            "",
            "functions_note_0",
            "functions.note",
            "functions.note:",
            "functions.note:x",
            "functions.:0",
            "functions.a.b:0",
            "functions.note:0~2",
            &counted,
        ];
        let sent = ids.map(|id| FunctionCall::new(id, "f", String::new()).id);
        assert_eq!(sent[2], "a_b");
        for id in &sent {
            assert!(id.len() <= MOST_NAME && named(id) == *id, "{id}");
        }
        assert_eq!(
            sent.iter().collect::<std::collections::BTreeSet<_>>().len(),
            ids.len()
        );
    }

    #[test]
    fn an_id_of_kimi_goes_back_as_it_came_and_a_name_like_it_does_not() {
        let longest = format!("functions.{}:12", "x".repeat(64));
        for id in ["functions.note:0", "functions.a-b_C:10", &longest] {
            let call = FunctionCall::new(id, id, String::new());
            assert_eq!(call.id, id);
            assert_eq!(named(&call.function.name), call.function.name);
            assert_eq!(ChatMessage::tool(id, "").tool_call_id.as_deref(), Some(id));
        }
    }

    #[test]
    fn a_text_of_white_space_beside_calls_is_none() {
        let content = |text: &str, calls| ChatMessage::assistant(text, calls).content;
        let call = || vec![FunctionCall::new("a", "f", String::new())];
        for blank in ["", "\n\n", " "] {
            assert_eq!(content(blank, call()), None, "{blank:?}");
            assert_eq!(content(blank, Vec::new()).as_deref(), Some(blank));
        }
        assert_eq!(content("\nI add.", call()).as_deref(), Some("\nI add."));
    }
}
