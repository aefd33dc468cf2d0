//! The model's address and key, also as the original's runner is told of them: by whose API it is.

use anyhow::bail;
use clap::ValueEnum;

/// Where our own runner looks, and the original's.
const OLLAMA: &str = "http://127.0.0.1:11434";

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// Nobody said
    #[value(name = "", hide = true)]
    Unnamed,
    /// `OPENAI_BASE_URL`, `OPENAI_API_KEY`
    Openai,
    /// `OLLAMA_BASE_URL`
    Ollama,
    /// Taken with `STIGMER_LLM_BASE_URL` alone
    Anthropic,
}

impl Provider {
    /// As spans name it; where nobody said, it is whose API we speak.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unnamed | Self::Openai => "openai",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
        }
    }
}

/// The base address of the OpenAI-compatible API: `base`, which was set for us, or what `variable`
/// says for the provider.
///
/// # Errors
/// For a provider whose own API we do not speak.
pub(crate) fn base(
    provider: Provider,
    base: Option<String>,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let base = base.filter(|base| !base.is_empty());
    Ok(match provider {
        Provider::Unnamed => base.unwrap_or_else(|| format!("{OLLAMA}/v1")),
        Provider::Openai => {
            let own = base.or_else(|| set("OPENAI_BASE_URL"));
            own.unwrap_or_else(|| "https://api.openai.com/v1".to_owned())
        }
        // It is told without the path of the API that we speak.
        Provider::Ollama => {
            let own = base.or_else(|| set("OLLAMA_BASE_URL"));
            let own = own.unwrap_or_else(|| OLLAMA.to_owned());
            match own.trim_end_matches('/') {
                bare if bare.ends_with("/v1") => bare.to_owned(),
                bare => format!("{bare}/v1"),
            }
        }
        Provider::Anthropic => match base {
            Some(base) => base,
            None => bail!(
                "STIGMER_LLM_PROVIDER is anthropic, whose own API this runner does not speak: set \
                 STIGMER_LLM_BASE_URL to an OpenAI-compatible address"
            ),
        },
    })
}

/// The key: `key`, which was set for us, or what `variable` says for the provider.
pub(crate) fn key(
    provider: Provider,
    key: Option<String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    // A line's end comes with what was read from a file.
    let trimmed = |key: String| Some(key.trim().to_owned()).filter(|key| !key.is_empty());
    let key = key.and_then(trimmed);
    let name = match provider {
        // Nobody said that it is meant for the address that we ask.
        Provider::Unnamed | Provider::Ollama => return key,
        Provider::Openai => "OPENAI_API_KEY",
        Provider::Anthropic => "ANTHROPIC_API_KEY",
    };
    key.or_else(|| variable(name).and_then(trimmed))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        let value = match name {
            "OPENAI_BASE_URL" => "http://openai/v1",
            "OLLAMA_BASE_URL" => "http://ollama:1/",
            "OPENAI_API_KEY" | "ANTHROPIC_API_KEY" => name,
            _ => "",
        };
        Some(value.to_owned())
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_address_is_our_own_or_the_providers() {
        let at = |provider, own: &str| base(provider, Some(own.to_owned()), variable).unwrap();
        assert_eq!(at(Provider::Unnamed, ""), "http://127.0.0.1:11434/v1");
        assert_eq!(at(Provider::Openai, ""), "http://openai/v1");
        assert_eq!(at(Provider::Ollama, ""), "http://ollama:1/v1");
        let own = "http://own/v1";
        for provider in Provider::value_variants() {
            assert_eq!(at(*provider, own), own);
        }
        assert_eq!(at(Provider::Ollama, "http://own"), own);
        let openai = base(Provider::Openai, None, none).unwrap();
        assert_eq!(openai, "https://api.openai.com/v1");
        let ollama = base(Provider::Ollama, None, none).unwrap();
        assert_eq!(ollama, "http://127.0.0.1:11434/v1");
    }

    #[test]
    fn an_api_that_is_not_spoken_is_refused() {
        let refused = base(Provider::Anthropic, None, variable).unwrap_err();
        assert!(
            refused.to_string().contains("STIGMER_LLM_BASE_URL"),
            "{refused}"
        );
    }

    #[test]
    fn a_providers_key_is_sent_where_the_provider_is_named() {
        assert_eq!(key(Provider::Unnamed, None, variable), None);
        assert_eq!(key(Provider::Ollama, None, variable), None);
        for (provider, name) in [
            (Provider::Openai, "OPENAI_API_KEY"),
            (Provider::Anthropic, "ANTHROPIC_API_KEY"),
        ] {
            assert_eq!(key(provider, None, variable).as_deref(), Some(name));
            let own = key(provider, Some("own\n".to_owned()), variable);
            assert_eq!(own.as_deref(), Some("own"));
            assert_eq!(key(provider, Some(" \n".to_owned()), none), None);
        }
    }
}
