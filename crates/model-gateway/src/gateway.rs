//! The gateway as a whole: all that it knows, and who of it answers.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::{
    access_log::{AccessLog, Exchange},
    budget::{Budget, LIMIT},
    cassette::{self, Cassettes},
    config::{Mode, Serve},
    fault::Faults,
    forward::Upstream,
    request::ChatRequest,
    response::ChatResponse,
    route::Route,
    script::{self, Scripts},
};

/// All that the gateway knows.
#[derive(Debug)]
pub struct Gateway {
    /// The model, where there is one.
    pub upstream: Option<Upstream>,
    /// What becomes of requests for cassettes.
    pub mode: Mode,
    /// What tests registered.
    pub scripts: Arc<Scripts>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// What was recorded, or is to be replayed.
    pub cassettes: Cassettes,
    /// What may still be held.
    pub budget: Budget,
    /// Whether it is to end.
    pub shutdown: CancellationToken,
    /// Where the lines go.
    pub exchanges: AccessLog,
}

impl Gateway {
    /// A gateway that holds nothing yet.
    ///
    /// # Errors
    /// When the upstream's address is none, is missing where it is needed, or the file of exchanges cannot be opened.
    pub fn new(args: &Serve) -> anyhow::Result<Self> {
        let upstream = args.upstream.as_deref().filter(|url| !url.is_empty());
        let upstream = upstream.map(Upstream::new).transpose()?;
        anyhow::ensure!(
            args.mode != Mode::Record || upstream.is_some(),
            "GATEWAY_MODE=record needs a model to record: GATEWAY_UPSTREAM"
        );
        let (scripts, budget) = (Arc::new(Scripts::default()), Budget::new(LIMIT));
        let held = Arc::downgrade(&scripts);
        budget.spare(move || held.upgrade().is_some_and(|scripts| scripts.give_up()));
        Ok(Self {
            upstream,
            mode: args.mode,
            scripts,
            faults: Faults::default(),
            cassettes: Cassettes::default(),
            budget,
            shutdown: CancellationToken::new(),
            exchanges: AccessLog::to(args.exchanges.as_deref())?,
        })
    }

    /// Answers a request as the name of its model wants it.
    pub async fn answer(&self, request: ChatRequest, exchange: &mut Exchange) -> ChatResponse {
        match Route::of(exchange.model()) {
            Route::Script(key) => {
                script::respond(&self.scripts, &self.shutdown, &key, request, exchange).await
            }
            Route::Replay { cassette, model } => {
                exchange.cassette = Some(cassette.clone());
                match self.mode {
                    Mode::Replay => {
                        let at = (cassette.as_str(), model.as_str());
                        cassette::replay(&self.cassettes, &self.budget, at, &request).await
                    }
                    Mode::Record => {
                        let live = async |request| self.live(request).await;
                        let at = (cassette.as_str(), model.as_str());
                        cassette::record(&self.cassettes, &self.budget, at, request, live).await
                    }
                    Mode::Live => match request.for_model(&model).await {
                        Ok(request) => self.live(request).await,
                        Err(refused) => *refused,
                    },
                }
            }
            Route::Live => self.live(request).await,
        }
    }

    /// Asks the model.
    pub async fn live(&self, request: ChatRequest) -> ChatResponse {
        match &self.upstream {
            Some(upstream) => upstream.chat(request).await,
            None => ChatResponse::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_live_model",
                "there is no live model behind the gateway (GATEWAY_UPSTREAM is not set): it answers for script/KEY \
                 and replay/CASSETTE/MODEL only",
            ),
        }
    }
}
