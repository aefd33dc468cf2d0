//! Errors as servers tell them.

use serde_json::json;

use super::*;

#[test]
fn long_bodies_are_cut() {
    assert_eq!(excerpt(" a\n b "), "a b");
    assert_eq!(excerpt(&"ä".repeat(400)).chars().count(), 303);
    assert_eq!(excerpt(&"no key ".repeat(100)).len(), 303);
}

#[test]
fn a_key_is_in_the_beginning_of_a_body_whole_or_not_at_all() {
    let key = "sk-live_ABCDEFGHIJ.KLMNOP+QRST/UVWXYZ=0123$9";
    for before in 200..310 {
        let body = format!(r#"{{"message":"{} {key} is wrong"}}"#, "x".repeat(before));
        let beginning = excerpt(&body).replace(key, "");
        assert!(!beginning.contains("sk-"), "{before}: {beginning}");
    }
    assert_eq!(excerpt(&format!("no {}", "k".repeat(400))), "no ...");
}

#[test]
fn a_status_says_whether_the_next_answer_may_be_another() {
    let (trouble, refused) = (("ModelServerError", true), ("ModelRefused", false));
    for status in [408, 409, 425, 500, 503, 529] {
        assert_eq!(of_status(status), trouble, "{status}");
    }
    for status in [400, 401, 403, 404, 413, 422] {
        assert_eq!(of_status(status), refused, "{status}");
    }
    assert_eq!(of_status(429), ("ModelRateLimited", true));
}

#[test]
fn errors_are_found_however_they_are_told() {
    let cases = [
        (
            json!({"error": {"code": 400, "message": "too long"}}),
            Some(400),
            "too long",
        ),
        (
            json!({"error": {"code": "429", "message": "slow"}, "choices": []}),
            Some(429),
            "slow",
        ),
        (json!({"error": "out of memory"}), None, "out of memory"),
        (
            json!({"error": {"message": "m", "type": "invalid_request_error", "code": null}}),
            Some(400),
            "m",
        ),
        (
            json!({"error": {"message": "m", "type": "overloaded_error"}}),
            Some(503),
            "m",
        ),
        (
            json!({"error": {"message": "m", "type": "server_error"}}),
            Some(500),
            "m",
        ),
        (
            json!({"error": {"message": "m", "code": "insufficient_quota"}}),
            Some(401),
            "m",
        ),
        (
            json!({"message": "m", "type": "too_many_tokens_error", "param": "quota", "code": "token_quota_exceeded"}),
            Some(429),
            "m",
        ),
        (
            json!({"message": "m", "type": "too_many_requests_error", "param": "quota", "code": "request_quota_exceeded"}),
            Some(429),
            "m",
        ),
        (
            json!({"error": {"message": "m", "type": "Throttling.AllocationQuota", "code": "Throttling.AllocationQuota"}}),
            Some(429),
            "m",
        ),
        (
            json!({"error": {"message": "m", "type": "too_many_tokens_error", "code": null}}),
            Some(429),
            "m",
        ),
        (
            json!({"error": {"message": "m", "status": "RESOURCE_EXHAUSTED"}}),
            Some(429),
            "m",
        ),
        (
            json!({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}),
            Some(400),
            "m",
        ),
        (
            json!({"detail": "Not authenticated"}),
            None,
            "Not authenticated",
        ),
    ];
    for (object, status, words) in cases {
        let found = ApiError::of(object.as_object().unwrap()).unwrap();
        assert_eq!(
            (found.status, found.words.as_str()),
            (status, words),
            "{object}"
        );
    }
    for object in [
        json!({"error": null, "choices": []}),
        json!({"choices": []}),
        json!({}),
    ] {
        assert_eq!(ApiError::of(object.as_object().unwrap()), None, "{object}");
    }
}

#[test]
fn a_call_that_a_model_failed_to_say_is_no_refusal_of_the_question() {
    for body in [
        r#"{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}"#,
        r#"{"error":{"message":"GroqException - {\"error\":{\"code\":\"tool_use_failed\"}}","code":"400"}}"#,
        r#"{"error":"tool_use_failed"}"#,
        "tool_use_failed",
    ] {
        let kind = ApiError::told(body).kind(400);
        assert_eq!(kind, ("ModelBrokeOff", true), "{body}");
    }
    let other = ApiError::told(r#"{"error":{"message":"m","code":"tool_unknown"}}"#);
    assert_eq!(other.kind(400), ("ModelRefused", false));
}
