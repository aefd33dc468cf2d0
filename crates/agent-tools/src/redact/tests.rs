//! Every way to write a secret down that we know of.

use base64::{Engine, prelude::*};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::{Forms, MARK};

const SECRET: &str = "pa\"ss/w+rd é €\n&𝄞";

fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    super::redact(text, &[&Forms::of(secrets)])
}

fn redact_head<'a>(
    text: &str,
    most: usize,
    secrets: impl Iterator<Item = &'a str>,
) -> (String, usize) {
    super::redact_head(text, most, &[&Forms::of(secrets)])
}

fn hidden(text: &str) -> String {
    redact(text, [SECRET].into_iter())
}

#[test]
fn plain_ones_are_found_and_their_surroundings_kept() {
    assert_eq!(
        hidden(&format!("a {SECRET} b{SECRET}")),
        "a [redacted] b[redacted]"
    );
    assert_eq!(hidden("nothing here"), "nothing here");
    assert_eq!(
        redact("abc abc", ["abc"].into_iter()),
        "abc abc",
        "too short"
    );
    assert_eq!(redact("éabc éab", ["éabc"].into_iter()), "[redacted] éab");
    assert_eq!(redact("a key b", ["  key7 \n"].into_iter()), "a key b");
    assert_eq!(
        redact("a key7 b", ["  key7 \n"].into_iter()),
        "a [redacted] b"
    );
}

#[test]
fn overlaps_leave_no_rest() {
    let secrets = ["abcdef", "defghi", "cdef"];
    assert_eq!(redact("xabcdefghiy", secrets.into_iter()), "x[redacted]y");
    assert_eq!(
        redact("xababaababay", ["ababa"].into_iter()),
        "x[redacted]y"
    );
}

#[test]
fn percent_encodings_are_found() {
    let all = utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string();
    assert_eq!(
        hidden(&format!("?key={all}&x=%41")),
        "?key=[redacted]&x=%41"
    );
    assert_eq!(
        hidden(&format!("?key={}", all.to_lowercase())),
        "?key=[redacted]"
    );
    assert_eq!(hidden(&all.replace("%20", "+")), "[redacted]");
    assert_eq!(hidden(&all.replace("%2F", "/")), "[redacted]");
    assert_eq!(hidden("100% of %zz %4"), "100% of %zz %4");
}

#[test]
fn json_escapes_are_found() {
    let once = serde_json::to_string(SECRET).unwrap();
    assert_eq!(
        hidden(&format!("{{\"a\":{once}}}")),
        "{\"a\":\"[redacted]\"}"
    );
    let twice = serde_json::to_string(&once).unwrap();
    assert_eq!(hidden(&twice), "\"\\\"[redacted]\\\"\"");
    let ascii: String = SECRET
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    assert_eq!(hidden(&ascii), "[redacted]");
    assert_eq!(hidden("\\ud800 \\q \\"), "\\ud800 \\q \\");
    for character in "\n\r\t\u{8}\u{c}\"\\/".chars() {
        let secret = format!("before{character}after");
        let written = match character {
            '/' => r#""before\/after""#.to_owned(), // as PHP writes it
            _ => serde_json::to_string(&secret).unwrap(),
        };
        let redacted = redact(&written, [secret.as_str()].into_iter());
        assert_eq!(redacted, "\"[redacted]\"", "{written}");
    }
}

#[test]
fn lines_of_a_key_are_found_one_by_one() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nshort\n-----END KEY-----";
    let text = "  MIIEvQIBADANBgkq\n  short\n-----BEGIN KEY-----";
    assert_eq!(
        redact(text, [key].into_iter()),
        "  [redacted]\n  short\n-----BEGIN KEY-----"
    );
    let (shown, hidden) = ("11-characte", "12-character");
    let secret = format!("{shown}\n{hidden}");
    assert_eq!(redact(shown, [secret.as_str()].into_iter()), shown);
    assert_eq!(redact(hidden, [secret.as_str()].into_iter()), MARK);
}

#[test]
fn lines_of_a_key_that_is_kept_on_one_line_are_found() {
    let key =
        r"-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\nhkiG9w0BAQEFAASC\nshort\n-----END KEY-----\n";
    let printed = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\n";
    assert_eq!(
        redact(printed, [key].into_iter()),
        "-----BEGIN KEY-----\n[redacted]\r\n"
    );
    let whole = key.replace(r"\r", "\r").replace(r"\n", "\n");
    assert_eq!(redact(&whole, [key].into_iter()), "[redacted]\n");
    assert_eq!(redact(key, [key].into_iter()), "[redacted]");
    // Other escapes, and what is none.
    assert_eq!(
        redact("pass/wörd", [r"pass\/w\u00f6rd"].into_iter()),
        "[redacted]"
    );
    assert_eq!(
        redact(r"C:\Users\me", [r"C:\Users\me"].into_iter()),
        "[redacted]"
    );
}

#[test]
fn so_are_those_of_a_key_in_a_json_file() {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n");
    let file = serde_json::json!({"type": "service_account", "private_key": key, "id": 7});
    let twice = serde_json::json!({"file": file.to_string()});
    for secret in [
        file.to_string(),
        serde_json::to_string_pretty(&file).unwrap(),
        twice.to_string(),
    ] {
        for (written, shown) in [
            (key.clone(), key.replace(line, MARK)),
            (BASE64_STANDARD.encode(line), MARK.to_owned()),
        ] {
            assert_eq!(
                redact(&written, [secret.as_str()].into_iter()),
                shown,
                "{secret}"
            );
        }
    }
}

#[test]
fn a_text_without_room_for_a_secret_is_not_looked_at() {
    let forms = Forms::of(["abcdefg", "abcd"].into_iter());
    for (text, places) in [("abc", 0), ("abcd", 1)] {
        assert_eq!(super::places(text, text.len(), &[&forms]).len(), places);
    }
    assert_eq!(super::redact("abcd", &[]), "abcd");
}

#[test]
fn what_is_looked_at_does_not_grow_with_the_text() {
    let text = r"\u0041%41\\u0041 +x".repeat(1 << 16);
    let mut shown = Vec::new();
    super::views(text.as_bytes(), 1000, 50, |view| {
        assert!(
            view.from(view.bytes.len()) <= 1000 + 50 * 36,
            "all is looked at"
        );
        shown.push(view.bytes.len());
    });
    assert_eq!(shown.len(), 5);
    assert!(
        shown.iter().all(|bytes| *bytes < 1000 + 50 * 6),
        "{shown:?}"
    );
}

proptest! {
    #[test]
    fn a_head_is_redacted_as_the_whole_is(
        before in 0..30_usize,
        secret in "[a-z\"\\\\é]{4,9}",
        most in 0..60_usize,
    ) {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let percent = utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string();
        let base64 = BASE64_STANDARD.encode(&secret);
        for written in [secret.clone(), json(&secret), json(&json(&secret)), percent, base64] {
            let text = format!("{}{written}{}", "1".repeat(before), "2".repeat(60));
            let whole = redact(&text, [secret.as_str()].into_iter());
            let (head, taken) = redact_head(&text, most, [secret.as_str()].into_iter());
            prop_assert!(whole.starts_with(&head), "{head} of {whole}");
            prop_assert!(taken >= text.floor_char_boundary(most), "{taken}");
        }
    }

    #[test]
    fn base64_of_anything_around_it_is_found(before in "[ -~]{0,7}", after in "[ -~]{0,7}", secret in "[a-zA-Z0-9]{6,20}") {
        let whole = format!("{before}{secret}{after}");
        for encoded in [
            BASE64_STANDARD.encode(&whole),
            BASE64_STANDARD_NO_PAD.encode(&whole),
            BASE64_URL_SAFE.encode(&whole),
            BASE64_URL_SAFE_NO_PAD.encode(&whole),
        ] {
            let redacted = redact(&format!("<{encoded}>"), [secret.as_str()].into_iter());
            prop_assert!(redacted.contains("[redacted]"), "{} in {}", secret, redacted);
            if before.is_empty() && after.is_empty() {
                prop_assert_eq!(redacted, "<[redacted]>");
            }
        }
    }

    #[test]
    fn whatever_the_text_nothing_is_left_and_nothing_panics(text in "\\PC{0,40}", secret in "\\PC{4,8}") {
        let mixed = format!("{text}{secret}{text}");
        let redacted = redact(&mixed, [secret.as_str()].into_iter());
        let secret = secret.trim();
        // A secret of the mark's own letters is no secret.
        if secret.chars().count() >= 4 && !MARK.contains(secret) {
            prop_assert!(redacted.contains(MARK));
            prop_assert!(!redacted.replace(MARK, "\0").contains(secret), "{:?} in {:?}", secret, redacted);
        }
    }
}
