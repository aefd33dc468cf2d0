//! Cassettes: what a real model said once (`testdata/cassettes/NAME.json`), given again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Stack, gateway::Admin, unique};

/// What the gateway is to do with cassettes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Replay,
    Record,
    Live,
}

/// A cassette of a test's own.
#[derive(Clone, Debug)]
pub struct Cassette {
    admin: Admin,
    mode: Mode,
    file: PathBuf,
    key: String,
    /// The model that was recorded, or is.
    model: String,
}

impl Stack {
    /// The cassette `name`. While the gateway replays, it answers from the file; while it records, the file is written
    /// by [`Cassette::finish`]; else the model itself answers.
    ///
    /// # Errors
    /// In phase 1, which has no gateway; when there is no such file to replay.
    pub async fn cassette(&self, name: &str) -> Result<Cassette> {
        let at = self.gateway()?;
        let mode = match at.mode.as_str() {
            "replay" => Mode::Replay,
            "record" => Mode::Record,
            "live" => Mode::Live,
            other => bail!("the gateway's mode is `{other}`, of which tests know nothing"),
        };
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let file = file.join(format!("testdata/cassettes/{name}.json"));
        let content = match mode {
            Mode::Replay => Some(read(&file)?),
            Mode::Record => Some(json!({ "upstream": self.model()?.kind })),
            Mode::Live => None,
        };
        let recorded = content
            .as_ref()
            .and_then(|content| content["model"].as_str());
        let cassette = Cassette {
            admin: Admin::at(&at.base_url)?,
            mode,
            key: unique(name),
            model: match recorded {
                Some(model) => model.to_owned(),
                None => self.model()?.name.clone(),
            },
            file,
        };
        if let Some(content) = content {
            cassette.put(&content).await?;
        }
        Ok(cassette)
    }
}

fn read(file: &Path) -> Result<Value> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| {
        format!("{shown}: record it by `cargo xtask e2e phase2 --model record`")
    })?;
    serde_json::from_str(&text).with_context(|| shown.to_string())
}

impl Cassette {
    fn path(&self) -> String {
        format!("/cassettes/{}", self.key)
    }

    async fn put(&self, content: &Value) -> Result<()> {
        let put = self
            .admin
            .json(Method::PUT, &self.path(), Some(content))
            .await;
        put.with_context(|| self.file.display().to_string())?;
        Ok(())
    }

    /// Its model, as executions are told it.
    pub fn model(&self) -> String {
        format!("replay/{}/{}", self.key, self.model)
    }

    /// Ends it: while the gateway records, the file is written. It is gone then, unless something was wrong.
    ///
    /// # Errors
    /// When something was asked that was not recorded, or was recorded and not asked, or could not be recorded.
    pub async fn finish(&self) -> Result<()> {
        if self.mode == Mode::Live {
            return Ok(());
        }
        let path = format!("{}/report", self.path());
        let report = self.admin.json(Method::GET, &path, None).await?;
        let told = |what: &str| {
            let list = report[what].as_array().into_iter().flatten();
            list.map(|item| match item["message"].as_str() {
                Some(message) => message.to_owned(),
                None => item.to_string(),
            })
            .collect::<Vec<_>>()
        };
        let shown = self.file.display();
        for (what, why) in [
            ("misses", "was asked for what was not recorded"),
            ("unused", "has answers that nobody asked for"),
            ("refused", "could not be recorded"),
        ] {
            let told = told(what);
            ensure!(told.is_empty(), "{shown} {why}:\n{}", told.join("\n"));
        }
        if self.mode == Mode::Record {
            let text = self.admin.text(Method::GET, &self.path(), None).await?;
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&self.file, text).with_context(|| shown.to_string())?;
        }
        self.forget().await
    }

    /// Ends it without a look at what was asked, and without writing a file.
    ///
    /// # Errors
    /// When the gateway has none.
    pub async fn forget(&self) -> Result<()> {
        if self.mode != Mode::Live {
            self.admin.text(Method::DELETE, &self.path(), None).await?;
        }
        Ok(())
    }
}
