//! Keeping an exchange with the model as it passes.

use axum::http::{StatusCode, header};
use futures::{StreamExt, stream::unfold};

use super::{canon, recorder::Recorder, registry::Cassettes, secret::Secrets};
use crate::{
    aside::aside,
    budget::Budget,
    footprint::footprint,
    request::ChatRequest,
    response::{ChatResponse, Content},
};

/// Passes a request for `replay/NAME/MODEL` on to the model by `live` and keeps the exchange.
pub async fn record(
    cassettes: &Cassettes,
    budget: &Budget,
    (name, model): (&str, &str),
    request: ChatRequest,
    live: impl AsyncFnOnce(ChatRequest) -> ChatResponse,
) -> ChatResponse {
    let original = request.body.clone();
    let mut request = match request.for_model(model).await {
        Ok(request) => request,
        Err(refused) => return *refused,
    };
    let cassette = match cassettes.recording(name, budget) {
        Ok(cassette) => cassette,
        Err(why) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return ChatResponse::refused(status, "gateway_full", &why);
        }
    };
    let n = cassette.ask(model);
    let secrets = Secrets::of(&request.headers);
    let (budget, known, model) = (budget.clone(), secrets.clone(), model.to_owned());
    let canonical = aside(original.len(), move || {
        let cost = footprint(&original);
        // The request as it came and as it is kept, for a moment both.
        let mut room = budget.take(2 * cost)?;
        let request = canon::canonical(&canon::read(&original)?, &model, &known);
        room.keep(cost);
        Ok((request, room))
    });
    let mut recorder = Recorder::new(cassette, n, secrets, canonical.await);
    request.headers.remove(header::ACCEPT_ENCODING); // what is compressed cannot be read
    let response = live(request).await;
    recorder.begins(response.status, response.content_type());
    let Content::Chunks(chunks) = response.content else {
        return response; // the model was not reached
    };
    let state = Some((chunks, recorder));
    let chunks = unfold(state, |state| async move {
        let (mut chunks, mut recorder) = state?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                recorder.push(&chunk).await;
                Some((Ok(chunk), Some((chunks, recorder))))
            }
            Some(Err(broken)) => {
                recorder.refuse("the model broke off");
                Some((Err(broken), None))
            }
            None => {
                recorder.end().await;
                None
            }
        }
    });
    ChatResponse {
        content: Content::Chunks(chunks.boxed()),
        ..response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::*;
    use crate::budget::LIMIT;

    #[tokio::test]
    async fn a_model_is_asked_for_what_the_client_takes_but_not_compressed() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "text/event-stream".parse().unwrap());
        headers.insert("accept-encoding", "gzip".parse().unwrap());
        let request = ChatRequest {
            uri: Uri::default(),
            headers,
            body: r#"{"model":"replay/c/m"}"#.into(),
            room: Err(String::new()),
        };
        let mut passed = HeaderMap::new();
        let live = async |request: ChatRequest| {
            passed = request.headers;
            ChatResponse::refused(StatusCode::BAD_GATEWAY, "upstream_unreachable", "")
        };
        let (cassettes, budget) = (Cassettes::default(), Budget::new(LIMIT));
        record(&cassettes, &budget, ("c", "m"), request, live).await;
        let names: Vec<_> = passed.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["accept"]);
    }
}
