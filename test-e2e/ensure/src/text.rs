//! Code as it was written, on one line.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// Line and column.
type Place = (usize, usize);

fn start(span: Span) -> Place {
    let start = span.unwrap().start();
    (start.line(), start.column())
}

fn end(span: Span) -> Place {
    let end = span.unwrap().end();
    (end.line(), end.column())
}

/// The text of some tokens: a blank where the source has one or more, or a line's end.
pub(crate) fn of(tokens: TokenStream) -> String {
    let mut text = Text::default();
    text.all(tokens);
    text.line
}

#[derive(Default)]
struct Text {
    line: String,
    end: Option<Place>,
}

impl Text {
    fn all(&mut self, tokens: TokenStream) {
        for token in tokens {
            let TokenTree::Group(group) = token else {
                let span = token.span();
                self.word(&token.to_string(), start(span), end(span));
                continue;
            };
            let (open, close) = (group.span_open(), group.span_close());
            let (first, last) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::None => ("", ""),
            };
            self.word(first, start(open), end(open));
            self.all(group.stream());
            // A comma that only a line's end asked for.
            if self.line.ends_with(',') && self.end.is_some_and(|end| end.0 < start(close).0) {
                self.line.pop();
                self.end = None;
            }
            self.word(last, start(close), end(close));
        }
    }

    fn word(&mut self, word: &str, start: Place, end: Place) {
        // Chains of methods, and what a bracket holds, are broken over lines and belong together.
        let joined = word == "." || word == ")" || word == "]" || self.line.ends_with(['(', '[']);
        let apart = self
            .end
            .is_some_and(|end| end.0 < start.0 && !joined || end.0 == start.0 && end.1 < start.1);
        if apart {
            self.line.push(' ');
        }
        self.line.push_str(word);
        self.end = Some(end);
    }
}
