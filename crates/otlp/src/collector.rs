//! Whom spans are sent to.

use std::time::Duration;

use prost::Message;
use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use service_kit::{
    http_client,
    url::{Url, shown},
};

use crate::{
    messages::opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse,
    settings::Settings,
};

/// How long a collector may take for a batch, as OTLP has it.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// How much of what a collector says is read.
pub(crate) const SAID: usize = 64 * 1024;

/// Whom spans are sent to.
pub(crate) struct Collector {
    http: Client,
    endpoint: Url,
}

impl Collector {
    /// # Errors
    /// For headers that HTTP does not take.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            http: client(settings)?,
            endpoint: settings.endpoint.clone(),
        })
    }

    /// Its address, without what may be secret in it.
    pub(crate) fn shown(&self) -> String {
        shown(&self.endpoint)
    }

    /// How many of the spans the collector rejects, if it takes any.
    pub(crate) async fn take(&self, body: Vec<u8>) -> Result<u64, String> {
        let answer = self.http.post(self.endpoint.clone()).body(body).send();
        // reqwest's own text says what failed, its sources say why.
        let failed = |e: reqwest::Error| format!("{:#}", anyhow::Error::from(e.without_url()));
        let mut answer = answer.await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("it answers {}", answer.status()));
        }
        let mut said = Vec::new();
        while said.len() < SAID
            && let Ok(Some(piece)) = answer.chunk().await
        {
            said.extend_from_slice(&piece);
        }
        said.truncate(SAID);
        // One that says something else has taken them all the same.
        let said = ExportTraceServiceResponse::decode(said.as_slice()).unwrap_or_default();
        let rejected = said.partial_success.map_or(0, |it| it.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or_default())
    }
}

fn client(settings: &Settings) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    for (i, (name, value)) in settings.headers.iter().enumerate() {
        // Neither name nor value: of `Authorization: Bearer KEY=` all but the last character is the name.
        let wrong = || {
            let (place, variable) = (i + 1, settings.headers_of);
            format!(
                "header {place} of {variable} is none of HTTP: it takes KEY=VALUE,KEY=VALUE, percent-encoded"
            )
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-protobuf"),
    );
    let client = http_client(&settings.endpoint)
        .default_headers(headers)
        .timeout(ANSWER)
        // What is in the headers is for the collector alone.
        .redirect(Policy::none())
        .build();
    client.map_err(|e| format!("cannot make a HTTP client: {e}"))
}
