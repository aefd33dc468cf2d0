//! What `OpenTelemetry`'s variables say. Empty is unset, as its specification has it.

use percent_encoding::percent_decode_str;
use service_kit::url::{Url, below};

/// What is exported, and to whom.
pub(crate) struct Settings {
    pub(crate) endpoint: Url,
    /// They can carry keys, in a name too where somebody wrote `NAME: VALUE`.
    pub(crate) headers: Vec<(String, String)>,
    /// The variable that says them.
    pub(crate) headers_of: &'static str,
    /// What all spans are of.
    pub(crate) resource: Vec<(String, String)>,
    /// Whether spans are exported too that whoever began their trace does not want.
    pub(crate) always: bool,
}

const NAME: &str = "service.name";

impl Settings {
    /// What `variable` says for a process that calls itself `service`; none where nothing is to be exported.
    ///
    /// # Errors
    /// For a value that is none, or that is not supported: the variable, and what it takes. No header's value.
    pub(crate) fn of(
        service: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let set = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let either = |of_traces: &'static str, general: &'static str| {
            let found = set(of_traces).map(|value| (of_traces, value));
            found.or_else(|| set(general).map(|value| (general, value)))
        };
        let endpoint = either(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        );
        let Some((told_by, endpoint)) = endpoint else {
            return Ok(None);
        };
        if set("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        if let Some(exporter) = set("OTEL_TRACES_EXPORTER") {
            match exporter.as_str() {
                "otlp" => {}
                "none" => return Ok(None),
                _ => return Err(unsupported("OTEL_TRACES_EXPORTER", &exporter, "otlp, none")),
            }
        }
        let always = match set("OTEL_TRACES_SAMPLER").as_deref() {
            None | Some("parentbased_always_on") => false,
            Some("always_on") => true,
            Some("always_off") => return Ok(None),
            Some(other) => {
                let known = "always_on, always_off, parentbased_always_on";
                return Err(unsupported("OTEL_TRACES_SAMPLER", other, known));
            }
        };
        let protocol = either(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        );
        if let Some((name, protocol)) = protocol.filter(|(_, it)| it != "http/protobuf") {
            return Err(unsupported(name, &protocol, "http/protobuf"));
        }
        let endpoint = match Url::parse(&endpoint) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            // It may have a password in it.
            _ => return Err(format!("{told_by} is no URL: it takes http://HOST:PORT")),
        };
        let headers = either(
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        );
        let (headers_of, headers) = match headers {
            Some((name, told)) => (name, pairs(name, &told)?),
            None => ("OTEL_EXPORTER_OTLP_HEADERS", Vec::new()),
        };
        let mut resource = vec![
            (NAME.to_owned(), service.to_owned()),
            (
                "service.version".to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            ),
        ];
        if let Some(told) = set("OTEL_RESOURCE_ATTRIBUTES") {
            for (key, value) in pairs("OTEL_RESOURCE_ATTRIBUTES", &told)? {
                resource.retain(|(known, _)| *known != key);
                resource.push((key, value));
            }
        }
        if let Some(name) = set("OTEL_SERVICE_NAME") {
            resource.retain(|(known, _)| known != NAME);
            resource.push((NAME.to_owned(), name));
        }
        Ok(Some(Self {
            endpoint: match told_by {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => below(&endpoint, "v1/traces"),
                _ => endpoint,
            },
            headers,
            headers_of,
            resource,
            always,
        }))
    }
}

fn unsupported(name: &str, value: &str, known: &str) -> String {
    format!("{name}={value} is not supported: it takes {known}")
}

/// `key=value,key=value`, the values percent-encoded.
fn pairs(name: &str, told: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("{name} is malformed: it takes KEY=VALUE,KEY=VALUE, percent-encoded");
    let pairs = told.split(',').filter(|pair| !pair.trim().is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let decoded = |text: &str| {
            let text = percent_decode_str(text.trim()).decode_utf8();
            text.map(|it| it.into_owned()).map_err(|_| wrong())
        };
        let (key, value) = (decoded(key)?, decoded(value)?);
        match key.is_empty() {
            true => Err(wrong()),
            false => Ok((key, value)),
        }
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://here:4318");

    fn of(set: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        Settings::of("runner", |name| {
            let found = set.iter().rev().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn on(set: &[(&str, &str)]) -> Settings {
        of(&[&[HERE], set].concat()).unwrap().unwrap()
    }

    #[test]
    fn nothing_is_exported_unless_it_is_said_to_whom() {
        let off: [&[(&str, &str)]; 6] = [
            &[],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            &[HERE, ("OTEL_SDK_DISABLED", "True")],
            &[HERE, ("OTEL_TRACES_EXPORTER", "none")],
            &[HERE, ("OTEL_TRACES_SAMPLER", "always_off")],
        ];
        for set in off {
            assert!(of(set).unwrap().is_none(), "{set:?}");
        }
        // What is no `true` is false.
        on(&[("OTEL_SDK_DISABLED", "1")]);
    }

    #[test]
    fn what_is_said_of_traces_goes_before_what_is_said_of_all() {
        let all = on(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=1, b=x%2Cy%3D ,")]);
        assert_eq!(all.endpoint.as_str(), "http://here:4318/v1/traces");
        let header = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(all.headers, [header("a", "1"), header("b", "x,y=")]);
        let traces = on(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://there/mine"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ]);
        assert_eq!(traces.endpoint.as_str(), "https://there/mine");
        assert_eq!(traces.headers, [header("a", "2")]);
    }

    #[test]
    fn a_service_is_called_what_its_user_calls_it() {
        let named = |set: &[(&str, &str)], key: &str| {
            let resource = on(set).resource;
            let of_key: Vec<_> = resource.into_iter().filter(|(k, _)| k == key).collect();
            assert!(of_key.len() < 2, "{of_key:?}");
            of_key.into_iter().next().map(|(_, value)| value)
        };
        let attributes = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=theirs,deployment.environment.name=a%20b",
        );
        assert_eq!(named(&[], NAME).unwrap(), "runner");
        assert_eq!(named(&[attributes], NAME).unwrap(), "theirs");
        let said = [attributes, ("OTEL_SERVICE_NAME", "mine")];
        assert_eq!(named(&said, NAME).unwrap(), "mine");
        let environment = named(&said, "deployment.environment.name");
        assert_eq!(environment.unwrap(), "a b");
    }

    #[test]
    fn who_samples_is_told() {
        assert!(!on(&[]).always);
        assert!(!on(&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")]).always);
        assert!(on(&[("OTEL_TRACES_SAMPLER", "always_on")]).always);
    }

    #[test]
    fn what_is_not_taken_is_said_with_what_is_and_without_keys() {
        for (name, value, takes) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "hush:4318", "http://HOST"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "hush", "http://HOST"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "x", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hush", "KEY=VALUE"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "=hush", "KEY=VALUE"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=hush%FF", "KEY=VALUE"),
            ("OTEL_RESOURCE_ATTRIBUTES", "x", "KEY=VALUE"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "otlp, none"),
            ("OTEL_TRACES_SAMPLER", "traceidratio", "always_on"),
        ] {
            let error = of(&[HERE, (name, value)]).err().unwrap();
            assert!(error.starts_with(name), "{error}");
            assert!(error.contains(takes), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
