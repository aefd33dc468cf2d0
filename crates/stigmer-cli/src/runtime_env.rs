//! The variables of an execution: `--env-file`, over it `--runtime-env`, over it `--secret`.

use std::{collections::BTreeMap, env, path::PathBuf};

use anyhow::Result;
use stigmer_api::{executioncontext::ExecutionValue, validate::is_env_name};

use crate::{cli::RunArgs, env_file, failure::Failure};

type Values = BTreeMap<String, ExecutionValue>;

/// All variables that the command line names.
pub(crate) fn of(args: &RunArgs) -> Result<Values> {
    let mut values = files(&args.env_file)?;
    values.extend(parse(&args.runtime_env)?);
    for key in &args.secret {
        values.insert(key.clone(), secret(key)?);
    }
    Ok(values)
}

fn files(files: &[PathBuf]) -> Result<Values> {
    let mut values = Values::new();
    for file in files {
        let read = env_file::read(file)?.into_iter();
        values.extend(read.map(|(key, value)| {
            let is_secret = false;
            (key, ExecutionValue { value, is_secret })
        }));
    }
    Ok(values)
}

/// The variable `key` of our own environment.
fn secret(key: &str) -> Result<ExecutionValue> {
    if !is_env_name(key) {
        // Not repeated: somebody may have written the secret itself.
        return Err(Failure::usage(
            "--secret takes the name of a variable (letters, digits and `_`, no digit first); its value comes from the environment",
        ));
    }
    match env::var(key) {
        Ok(value) => Ok(ExecutionValue {
            value,
            is_secret: true,
        }),
        Err(env::VarError::NotPresent) => Err(Failure::usage(format!(
            "--secret {key}: there is no variable {key} in the environment of this command"
        ))),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!(
            "--secret {key}: the variable is not UTF-8"
        ))),
    }
}

/// Reads `KEY=VALUE` and `secret:KEY=VALUE`. An error never repeats what was written: a secret
/// may stand in the wrong place.
fn parse(arguments: &[String]) -> Result<Values> {
    let mut values = BTreeMap::new();
    for (i, argument) in arguments.iter().enumerate() {
        let refuse = |why: &str| {
            let nth = i + 1;
            Failure::usage(format!(
                "--runtime-env number {nth} {why}; write KEY=VALUE or secret:KEY=VALUE"
            ))
        };
        let (is_secret, rest) = match argument.strip_prefix("secret:") {
            Some(rest) => (true, rest),
            None => (false, argument.as_str()),
        };
        let Some((key, value)) = rest.split_once('=') else {
            return Err(refuse("has no `=`"));
        };
        if !is_env_name(key) {
            return Err(refuse(
                "has a key that is not a name of letters, digits and `_` (no digit first)",
            ));
        }
        let value = value.to_owned();
        if values
            .insert(key.to_owned(), ExecutionValue { value, is_secret })
            .is_some()
        {
            return Err(refuse("has a key that is there already"));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<BTreeMap<String, ExecutionValue>> {
        parse(&arguments.iter().map(|&a| a.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn values_keep_what_follows_the_first_sign() {
        let env = read(&["A=b=c", "secret:TOKEN=s:x", "EMPTY="]).unwrap_or_default();
        let shown: Vec<_> = env
            .iter()
            .map(|(k, v)| (k.as_str(), v.value.as_str(), v.is_secret))
            .collect();
        assert_eq!(
            shown,
            [
                ("A", "b=c", false),
                ("EMPTY", "", false),
                ("TOKEN", "s:x", true)
            ]
        );
    }

    #[test]
    fn errors_keep_secrets_to_themselves() {
        for bad in [
            "secret:hunter2",
            "hunter2",
            "hunter2!=x",
            "=hunter2",
            "1hunter2=x",
        ] {
            let error = read(&["A=1", bad]).map_err(|e| e.to_string());
            assert!(
                error.is_err_and(|e| !e.contains("hunter2") && e.contains("number 2")),
                "{bad}"
            );
        }
        assert!(read(&["A=1", "secret:A=2"]).is_err());
    }
}
