//! What the head of a response says of the answer that follows.

use reqwest::{
    Response,
    header::{CONTENT_ENCODING, LOCATION},
    redirect::Policy,
};

use super::error::excerpt;

/// Where questions are asked, below the address.
pub(super) const QUESTIONS: &str = "chat/completions";

/// Encodings that compress. What else servers name there, `utf-8` or `none`, says nothing of the bytes.
const COMPRESSED: [&str; 11] = [
    "br",
    "brotli",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "gzip",
    "lz4",
    "x-compress",
    "x-gzip",
    "zstd",
];

/// Why an answer cannot be read that is compressed though nobody asked for it.
pub(super) fn encoded(answer: &Response) -> Option<String> {
    let headers = answer.headers().get_all(CONTENT_ENCODING).iter();
    let mut named = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let compresses = |it: &str| COMPRESSED.iter().any(|name| name.eq_ignore_ascii_case(it));
    let encoding = named.find(|it| compresses(it))?;
    Some(format!(
        "sent its answer with content-encoding {encoding}, which was not asked for: have the server, \
         or a proxy before it, send it as it is"
    ))
}

/// Redirects are followed as always, but for a question that would lose its body on the way: what is led away with 301, 302
/// or 303 is asked for by GET.
pub(super) fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let first = attempt.previous().first();
        let question = first.is_some_and(|url| url.path().ends_with(QUESTIONS));
        match question && matches!(attempt.status().as_u16(), 301..=303) {
            true => attempt.stop(),
            false => Policy::default().redirect(attempt),
        }
    })
}

/// Why there is no answer where the question was led to another place.
pub(super) fn moved(answer: &Response) -> Option<String> {
    let status = answer.status();
    let to = answer.headers().get(LOCATION)?.to_str().ok()?;
    let to = answer.url().join(to).ok()?;
    let to = service_kit::url::shown(&to);
    let base = to.trim_end_matches('/').trim_end_matches(QUESTIONS);
    let base = excerpt(base.trim_end_matches('/'));
    status.is_redirection().then(|| {
        format!(
            "answered {status}: the model's address moved to {base}; set STIGMER_LLM_BASE_URL of the \
             runner to it"
        )
    })
}
