//! The requests that an answer is for.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Conditions on a request; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// A text in the system message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_contains: Option<String>,
    /// A text in the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contains: Option<String>,
    /// The role of the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_role: Option<String>,
    /// A tool that is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_tool: Option<String>,
    /// How often the model speaks in the conversation with this answer; its first is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
}

impl When {
    pub(super) fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it holds for a request.
    pub(super) fn fits(&self, question: &Question<'_>) -> bool {
        let contains = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| text.contains(wanted))
        };
        let is = |wanted: &Option<String>, name: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == name
        };
        let offered = |name: &str| question.tools.iter().any(|tool| tool == name);
        self.turn.is_none_or(|turn| turn == question.spoken + 1)
            && is(&self.last_role, question.role.as_deref())
            && self.has_tool.as_deref().is_none_or(offered)
            && contains(&self.system_contains, &question.system)
            && contains(&self.last_contains, &question.last)
    }
}

/// What conditions look at: read once, and as far as it goes without a copy.
#[derive(Debug, Default)]
pub(super) struct Question<'a> {
    system: Cow<'a, str>,
    /// What the last message says.
    last: Cow<'a, str>,
    /// Who says it.
    role: Option<Cow<'a, str>>,
    messages: usize,
    /// How many of them are the model's.
    spoken: usize,
    tools: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Offer<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

impl<'a> Question<'a> {
    /// Reads a request; what is of another type than it should be says nothing.
    pub(super) fn read(request: &'a str) -> Self {
        let mut question = Self::default();
        let Ok(body) = serde_json::from_str::<Body<'a>>(request) else {
            return question;
        };
        let (mut systems, mut last) = (0, Message::default());
        each(body.messages, |message| {
            let message: Message<'a> = serde_json::from_str(message.get()).unwrap_or_default();
            let role = text(message.role).unwrap_or_default();
            question.messages += 1;
            question.spoken += usize::from(role == "assistant");
            if matches!(role.as_ref(), "system" | "developer") {
                let said = content(message.content);
                if systems > 0 {
                    question.system.to_mut().push('\n');
                    question.system.to_mut().push_str(&said);
                } else {
                    question.system = said;
                }
                systems += 1;
            }
            last = message;
        });
        question.last = content(last.content);
        question.role = text(last.role);
        each(body.tools, |tool| {
            let offer = serde_json::from_str::<Offer<'a>>(tool.get()).ok();
            let name = offer.and_then(|offer| text(offer.function?.name));
            question.tools.extend(name);
        });
        question
    }

    /// What it is about, in a line.
    pub(super) fn excerpt(&self) -> String {
        if self.messages == 0 {
            return "it has no messages".to_owned();
        }
        // Of a long text the beginning is enough to go through.
        let short = |text: &str| {
            let words = text[..text.floor_char_boundary(4096)].split_whitespace();
            let line: Vec<&str> = words.collect();
            line.join(" ").chars().take(80).collect::<String>()
        };
        let role = self.role.as_deref().unwrap_or("?");
        let (said, system) = (short(&self.last), short(&self.system));
        format!(
            "its last message of {} is {} {said:?}, its system {system:?}",
            self.messages,
            short(role)
        )
    }
}

/// A text, if it is one.
fn text<'a>(value: Option<&'a RawValue>) -> Option<Cow<'a, str>> {
    let written = value?.get();
    match serde_json::from_str::<&'a str>(written) {
        Ok(text) => Some(text.into()),
        // One with escapes in it has to be written out.
        Err(_) => Some(serde_json::from_str::<String>(written).ok()?.into()),
    }
}

/// What a message says, whole or in parts.
fn content<'a>(value: Option<&'a RawValue>) -> Cow<'a, str> {
    if let Some(whole) = text(value) {
        return whole;
    }
    let mut said = String::new();
    each(value, |part| {
        let part = serde_json::from_str::<Part<'a>>(part.get()).ok();
        said.extend(part.and_then(|part| text(part.text)));
    });
    said.into()
}

/// Does something with each of a list; there may be many, so they are not collected.
fn each<'a>(list: Option<&'a RawValue>, act: impl FnMut(&'a RawValue)) {
    struct Each<F>(F);
    impl<'a, F: FnMut(&'a RawValue)> Visitor<'a> for Each<F> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(value) = list.next_element()? {
                (self.0)(value);
            }
            Ok(())
        }
    }
    if let Some(list) = list {
        let mut reader = serde_json::Deserializer::from_str(list.get());
        // What is no list has none.
        let _ = reader.deserialize_seq(Each(act));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions() {
        let body = json!({
            "messages": [
                { "role": "system", "content": "You add numbers." },
                { "role": "user", "content": "2 and 3" },
                { "role": "assistant", "content": null },
                { "role": "tool", "content": [{ "type": "text", "text": "it is 5" }] },
            ],
            "tools": [{ "type": "function", "function": { "name": "add" } }],
        });
        let body = body.to_string();
        for (when, fits) in [
            (json!({}), true),
            (json!({ "system_contains": "add" }), true),
            (json!({ "system_contains": "it is 5" }), false),
            (json!({ "last_contains": "is 5" }), true),
            (json!({ "last_contains": "numbers" }), false),
            (json!({ "last_role": "tool" }), true),
            (json!({ "last_role": "user" }), false),
            (json!({ "has_tool": "add" }), true),
            (json!({ "has_tool": "ad" }), false),
            (json!({ "turn": 2 }), true),
            (json!({ "turn": 1 }), false),
            (json!({ "turn": 2, "last_role": "user" }), false),
        ] {
            let read: When = serde_json::from_value(when.clone()).unwrap();
            assert_eq!(read.fits(&Question::read(&body)), fits, "{when}");
        }
    }

    #[test]
    fn a_long_conversation_is_not_copied() {
        let words = "word ".repeat(1000);
        let body = json!({ "messages": [
            { "role": "system", "content": words },
            { "role": "user", "content": words },
        ]});
        let body = body.to_string();
        let question = Question::read(&body);
        for text in [&question.system, &question.last] {
            assert!(matches!(text, Cow::Borrowed(text) if *text == words));
        }
    }

    #[test]
    fn what_is_of_another_type_says_nothing() {
        for (body, messages) in [
            ("7", 0),
            (r#"{"messages":{"a":1},"tools":7}"#, 0),
            (
                r#"{"messages":[7,{"role":1,"content":2},null],"tools":[{"function":[]}]}"#,
                3,
            ),
        ] {
            let question = Question::read(body);
            assert_eq!(question.messages, messages, "{body}");
            assert!(When::default().fits(&question));
            assert_eq!((question.role, question.last.as_ref()), (None, ""));
        }
        let escaped = r#"{"messages":[{"role":"user","content":"a\"b\u00e9"}],"tools":[{"function":{"name":"x\u0061"}}]}"#;
        let question = Question::read(escaped);
        assert_eq!(question.last, "a\"bé");
        assert_eq!(question.tools, ["xa"]);
    }

    proptest::proptest! {
        /// What is read without copies is what is read with them.
        #[test]
        fn any_conversation_is_read_as_it_is(
            messages in proptest::collection::vec((0_usize..4, ".{0,20}", proptest::bool::ANY), 0..6),
            tools in proptest::collection::vec(".{0,10}", 0..4),
        ) {
            let roles = ["system", "developer", "assistant", "user"];
            let (mut system, mut last, mut spoken) = (Vec::new(), String::new(), 0);
            let mut list = Vec::new();
            for (role, text, parts) in &messages {
                let content = match parts {
                    true => json!([{ "type": "text", "text": text }, { "text": "!" }]),
                    false => json!(text),
                };
                list.push(json!({ "role": roles[*role], "content": content }));
                last = if *parts { format!("{text}!") } else { text.clone() };
                if *role < 2 {
                    system.push(last.clone());
                }
                spoken += usize::from(*role == 2);
            }
            let tools_there: Vec<_> = tools.iter().map(|name| json!({ "function": { "name": name } })).collect();
            let body = json!({ "messages": list, "tools": tools_there }).to_string();
            let question = Question::read(&body);
            assert_eq!(question.system, system.join("\n"));
            assert_eq!(question.last, last);
            assert_eq!((question.spoken, question.messages), (spoken, messages.len()));
            assert_eq!(question.tools, tools);
        }

        /// Nothing that is sent stops the gateway.
        #[test]
        fn anything_is_read(body in r#"[\[\]{}",:\\ 0-9a-z]{0,80}"#) {
            let body = format!(r#"{{"messages":[{body}],"tools":[{body}]}}"#);
            let _ = Question::read(&body).excerpt();
        }
    }
}
