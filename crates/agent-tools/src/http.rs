//! Servers that are asked over HTTP.

use std::collections::HashMap;

use reqwest::{
    StatusCode, Url,
    header::{ACCEPT, HeaderName, HeaderValue},
};
use rmcp::{
    ServiceExt,
    service::ClientInitializeError,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use stigmer_api::agent::HttpServer;
use tokio::time::timeout;

use crate::{
    causes::{chain, explain, refusal},
    client::{Client, other_version},
    clients::Clients,
    connection::{Connection, START, Service, too_late},
    env::Env,
    error::ToolsError,
    http_client::{HttpClient, LAST_EVENT, SESSION},
    legacy_http::{LegacyTransport, is_legacy, may_be_legacy},
    limits::Limits,
    refusal::HttpError,
};

pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) env: &'a Env,
    pub(crate) http: &'a Clients,
    pub(crate) limits: Limits,
}

impl Start<'_> {
    pub(crate) async fn connect(self, server: &HttpServer) -> Result<Connection, ToolsError> {
        let url = self.url(server)?;
        let who = format!("the MCP server {} ({})", self.name, self.shown(&url));
        let headers = self.headers(server, &who)?;
        let limit = self.limits.start;
        match timeout(limit, self.opened(&url, headers)).await {
            Ok(Ok(service)) => Ok(Connection::new(self.name, service, None, self.limits)),
            Ok(Err(error)) => Err(self.refused(&error, &who, &url)),
            Err(_) => Err(ToolsError::transient(format!(
                "{who} did not answer within {limit:?}: {}",
                too_late("start_timeout_seconds", START)
            ))),
        }
    }

    /// Says hello, and once more where the version of the protocol is refused.
    async fn opened(
        &self,
        url: &Url,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Service, ClientInitializeError> {
        let refused = match self.greeted(url, &headers, Client::default()).await {
            Err(error) => error,
            opened => return opened,
        };
        match other_version(&refused) {
            Some(version) => self.greeted(url, &headers, Client::offering(version)).await,
            None => Err(refused),
        }
    }

    /// Says hello, in the older way too where the newer one is not known.
    async fn greeted(
        &self,
        url: &Url,
        headers: &HashMap<HeaderName, HeaderValue>,
        client: Client,
    ) -> Result<Service, ClientInitializeError> {
        let http = HttpClient::new(self.http.of(url).clone());
        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
            .custom_headers(headers.clone());
        let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
        let refused = match client.clone().serve(transport).await {
            Err(error) if is_unknown(&error) => error,
            opened => return opened,
        };
        let headers = headers.clone().into_iter().collect();
        match LegacyTransport::open(http, url.clone(), headers).await {
            Ok(transport) => client.serve(transport).await,
            Err(why) if is_legacy(&why) => Err(
                ClientInitializeError::transport::<LegacyTransport>(why, "open the stream"),
            ),
            // It speaks neither way, or nobody is there.
            Err(why) => {
                tracing::debug!("an MCP server does not speak the older HTTP: {why}");
                Err(refused)
            }
        }
    }

    fn url(&self, server: &HttpServer) -> Result<Url, ToolsError> {
        let wrong = |what: &str, why: String| {
            ToolsError::permanent(format!("the MCP server {}: its {what}: {why}", self.name))
        };
        let url = self.env.fill(&server.url);
        let url = url.map_err(|error| wrong("url", error.to_string()))?;
        let mut url = Url::parse(&url).map_err(|error| wrong("url", error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(
                "url",
                "must begin with http:// or https://".to_owned(),
            ));
        }
        for (key, value) in &server.query_params {
            let filled = self.env.fill(value);
            let filled = filled
                .map_err(|error| wrong(&format!("query parameter {key}"), error.to_string()))?;
            url.query_pairs_mut().append_pair(key, &filled);
        }
        Ok(url)
    }

    fn headers(
        &self,
        server: &HttpServer,
        who: &str,
    ) -> Result<HashMap<HeaderName, HeaderValue>, ToolsError> {
        let mut headers = HashMap::new();
        for (name, text) in &server.headers {
            // Neither the value nor the library's words about it: they could repeat it.
            let wrong =
                |why: &str| ToolsError::permanent(format!("{who}: its header {name}: {why}"));
            let value = self
                .env
                .fill(text)
                .map_err(|error| wrong(&error.to_string()))?;
            let mut value = HeaderValue::from_str(value.trim())
                .map_err(|_| wrong("its value has characters that no header can carry"))?;
            value.set_sensitive(true);
            let name: HeaderName = name.parse().map_err(|_| wrong("is no name of a header"))?;
            if [ACCEPT.as_str(), SESSION, LAST_EVENT].contains(&name.as_str()) {
                return Err(wrong("is the protocol's own: leave it out"));
            }
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The address without what may be secret in it.
    fn shown(&self, url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        self.env
            .redact(&format!("{}://{host}{port}{}", url.scheme(), url.path()))
    }

    fn refused(&self, error: &ClientInitializeError, who: &str, url: &Url) -> ToolsError {
        let said = refusal(error);
        let why = said.clone().unwrap_or_else(|| explain(error));
        let why = self
            .env
            .excerpt(&why.replace(url.as_str(), &self.shown(url)));
        if said.is_some() {
            return ToolsError::permanent(format!("{who} {why}"));
        }
        match cause(error) {
            Cause::Unreachable => ToolsError::transient(format!("{who} cannot be reached: {why}")),
            Cause::Busy => ToolsError::transient(format!("{who} is in trouble: {why}")),
            Cause::Forbidden => ToolsError::permanent(format!(
                "{who} refuses us: check its headers and the secrets in them: {why}"
            )),
            Cause::Missing => {
                ToolsError::permanent(format!("{who}: nothing is there: check its url: {why}"))
            }
            Cause::Moved => ToolsError::permanent(format!(
                "{who} is elsewhere: put where it is into its url: {why}"
            )),
            Cause::Legacy => ToolsError::permanent(format!("{who}: {why}")),
            Cause::Other => {
                ToolsError::permanent(format!("{who} does not speak MCP (streamable HTTP): {why}"))
            }
        }
    }
}

/// Whether a server may know the older way alone.
fn is_unknown(error: &ClientInitializeError) -> bool {
    chain(error).any(|link| match link.downcast_ref() {
        Some(HttpError::Refused { status, .. }) => may_be_legacy(*status),
        _ => false,
    })
}

enum Cause {
    Unreachable,
    Busy,
    Forbidden,
    Missing,
    Moved,
    Legacy,
    Other,
}

fn cause(error: &ClientInitializeError) -> Cause {
    for link in chain(error) {
        match link.downcast_ref::<HttpError>() {
            Some(HttpError::Refused { status, .. }) => return of_status(*status),
            Some(HttpError::Moved { .. }) => return Cause::Moved,
            Some(HttpError::Astray { .. } | HttpError::Ended) => return Cause::Legacy,
            _ => {}
        }
        if let Some(error) = link.downcast_ref::<reqwest::Error>() {
            return match error.is_decode() {
                true => Cause::Other,
                false => Cause::Unreachable,
            };
        }
    }
    Cause::Other
}

fn of_status(status: StatusCode) -> Cause {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::Forbidden,
        StatusCode::NOT_FOUND | StatusCode::GONE => Cause::Missing,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Cause::Busy,
        status if status.is_server_error() => Cause::Busy,
        _ => Cause::Other,
    }
}
