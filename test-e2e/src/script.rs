//! Scripts: a test says what the model answers, and looks at what it was asked.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Answer, SeenRequest, Stack, gateway::Admin, trail, unique};

/// How much of a script that did not come out right is shown.
const SHOWN: usize = 8000;

/// A model of a test's own, that gives the answers it is told to.
#[derive(Clone, Debug)]
pub struct Script {
    admin: Admin,
    model: String,
    path: String,
}

impl Stack {
    /// A new script; `name` is for people.
    ///
    /// # Errors
    /// In phase 1, which has no gateway; when it cannot be reached.
    pub async fn script(&self, name: &str) -> Result<Script> {
        let admin = Admin::at(&self.gateway()?.base_url)?;
        let key = unique(name);
        let path = format!("/scripts/{key}");
        admin.json(Method::PUT, &path, Some(&json!({}))).await?;
        trail::script(&key);
        Ok(Script {
            admin,
            model: format!("script/{key}"),
            path,
        })
    }
}

impl Script {
    /// The model's name, as executions are told it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// One more answer. Each is given once: to the first request that it fits and that no earlier answer does.
    ///
    /// # Errors
    /// When the answer means nothing: why.
    pub async fn answer(&self, answer: Answer) -> Result<()> {
        let path = format!("{}/answers", self.path);
        let answers = json!({ "answers": [answer.value()] });
        trail::answer(&self.model, &answers["answers"][0]);
        self.admin.json(Method::POST, &path, Some(&answers)).await?;
        Ok(())
    }

    /// Opens the next hold, also before an answer gets there.
    ///
    /// # Errors
    /// When the gateway cannot be reached.
    pub async fn release(&self) -> Result<()> {
        let path = format!("{}/release", self.path);
        self.admin.json(Method::POST, &path, None).await?;
        Ok(())
    }

    /// Waits until the model was asked `requests` times; all that it was asked so far.
    ///
    /// # Errors
    /// When it is asked less within 60 s: what it was asked.
    pub async fn asked(&self, requests: usize) -> Result<Vec<SeenRequest>> {
        self.wait(&format!("requests={requests}"), "was not asked so often")
            .await
    }

    /// Waits until `clients` let the model go before its answer's end; all that it was asked so far.
    ///
    /// # Errors
    /// When fewer do within 60 s: what it was asked.
    pub async fn left(&self, clients: usize) -> Result<Vec<SeenRequest>> {
        self.wait(&format!("left={clients}"), "was not let go so often")
            .await
    }

    async fn wait(&self, until: &str, why: &str) -> Result<Vec<SeenRequest>> {
        let path = format!("{}/wait?{until}", self.path);
        let (status, text) = self.admin.ask(Method::GET, &path, None).await?;
        let report: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        match status {
            StatusCode::OK => requests(&report),
            StatusCode::GATEWAY_TIMEOUT => {
                bail!("{} {why} ({until})\n{}", self.model, shown(&report)?)
            }
            _ => bail!("{}: {text}", self.model),
        }
    }

    /// All that the model was asked. Nobody needs it then, unless something was wrong: the gateway keeps it for the
    /// evidence as long as it has room.
    ///
    /// # Errors
    /// When an answer was missing or is left: with all that was asked.
    pub async fn finish(&self) -> Result<Vec<SeenRequest>> {
        let report = self.admin.json(Method::GET, &self.path, None).await?;
        let unused = report["unused"].as_array().map_or(0, Vec::len);
        let missing = report["missing"].as_u64().unwrap_or_default();
        if unused > 0 || missing > 0 {
            let (asked, text) = (requests(&report)?.len(), shown(&report)?);
            let left = serde_json::to_string(&report["unused"])?;
            bail!(
                "expected {} to give all its answers: asked {asked} times, {missing} without an answer, {unused} answers \
                 left\nleft: {left}\nasked:{text}",
                self.model
            );
        }
        let done = format!("{}/done", self.path);
        self.admin.text(Method::POST, &done, None).await?;
        requests(&report)
    }
}

fn requests(report: &Value) -> Result<Vec<SeenRequest>> {
    Ok(serde_json::from_value(report["requests"].clone())?)
}

/// All requests, a line each.
fn shown(report: &Value) -> Result<String> {
    let lines = requests(report)?.into_iter();
    let text: String = lines.map(|asked| format!("\n{asked:?}")).collect();
    Ok(match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    })
}
