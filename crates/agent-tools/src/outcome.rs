//! What a server answered, as a text for the model.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

use crate::{env::Env, toolset::ToolOutcome};

/// Bytes of a text for the model.
pub(crate) const MOST: usize = 64 << 10;

pub(crate) fn of(result: CallToolResult) -> ToolOutcome {
    let mut parts: Vec<String> = result.content.into_iter().map(part).collect();
    if parts.is_empty()
        && let Some(structured) = result.structured_content
    {
        parts.push(structured.to_string());
    }
    let text = if parts.is_empty() {
        "(the tool answered with nothing)".to_owned()
    } else {
        parts.join("\n")
    };
    ToolOutcome {
        text,
        failed: result.is_error == Some(true),
    }
}

fn part(content: ContentBlock) -> String {
    // Three bytes in four digits.
    let bytes = |data: &str| data.trim_end_matches('=').len() * 3 / 4;
    match content {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => {
            left_out("an image", Some(&image.mime_type), bytes(&image.data), "")
        }
        ContentBlock::Audio(audio) => left_out(
            "a recording",
            Some(&audio.mime_type),
            bytes(&audio.data),
            "",
        ),
        ContentBlock::Resource(embedded) => match embedded.resource {
            // A file's text is what was asked for.
            ResourceContents::TextResourceContents { uri, text, .. } => format!("[{uri}]\n{text}"),
            ResourceContents::BlobResourceContents {
                uri,
                mime_type,
                blob,
                ..
            } => left_out("a resource", mime_type.as_deref(), bytes(&blob), &uri),
            _ => "[left out: a resource of an unknown kind]".to_owned(),
        },
        ContentBlock::ResourceLink(link) => {
            format!("[left out: the resource {} at {}]", link.name, link.uri)
        }
        _ => "[left out: content of an unknown kind]".to_owned(),
    }
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
mod tests {
    use rmcp::model::Resource;
    use serde_json::json;

    use super::*;
    use crate::env::EnvVar;

    #[test]
    fn what_no_model_reads_is_named() {
        let result = CallToolResult::success(vec![
            ContentBlock::text("one"),
            ContentBlock::image("AAAAAA==", "image/png"),
            ContentBlock::resource(ResourceContents::blob("AAAA", "file:///a")),
            ContentBlock::resource(ResourceContents::text("inside", "file:///b")),
            ContentBlock::ResourceLink(Resource::new("file:///c", "c")),
        ]);
        let lines = [
            "one",
            "[left out: an image (image/png) of 4 bytes]",
            "[left out: a resource of 3 bytes at file:///a]",
            "[file:///b]",
            "inside",
            "[left out: the resource c at file:///c]",
        ];
        assert_eq!(of(result).text.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn structure_stands_in_for_text() {
        let mut result = CallToolResult::error(Vec::new());
        result.structured_content = Some(json!({"a": 1}));
        let outcome = of(result);
        assert_eq!((outcome.text.as_str(), outcome.failed), ("{\"a\":1}", true));
        let nothing = of(CallToolResult::success(Vec::new()));
        assert_eq!(nothing.text, "(the tool answered with nothing)");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let shown = |text: String| shown(ToolOutcome::failed(text), &Env::default()).text;
        assert_eq!(shown("a".repeat(MOST)).len(), MOST);
        let cut = shown(format!("{}é", "a".repeat(MOST - 1)));
        assert_eq!(
            &cut[MOST - 2..],
            "a\n[cut: this is the first 65535 of 65537 bytes]"
        );
    }

    #[test]
    fn no_part_of_a_secret_is_left_at_the_cut() {
        let secret = EnvVar {
            value: "k3y-k3y-k3y".to_owned(),
            is_secret: true,
        };
        let env: Env = [("K".to_owned(), secret)].into_iter().collect();
        let shown = |text: String| shown(ToolOutcome::failed(text), &env).text;
        let long = |before: usize| format!("{}k3y-k3y-k3y{}", "a".repeat(before), "b".repeat(MOST));
        for before in MOST - 11..MOST {
            let text = shown(long(before));
            let (said, note) = text.split_once('\n').unwrap();
            assert_eq!(
                said.trim_start_matches('a'),
                &"[redacted]"[..(MOST - before).min(10)]
            );
            assert!(note.starts_with("[cut: this is the first 655"), "{note}");
        }
        // Marks that are shorter than secrets do not let in what is behind the cut.
        let many = "k3y-k3y-k3y".repeat(MOST);
        let text = shown(many);
        assert!(
            text.starts_with("[redacted]\n[cut: ") && !text.contains("k3y"),
            "{text:.100}"
        );
    }
}
