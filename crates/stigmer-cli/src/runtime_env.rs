//! The variables of an execution: `--env-file`, over it `--runtime-env`, over it `--secret`. None of
//! them may be empty, the server would refuse it.

use std::{collections::BTreeMap, env, path::PathBuf};

use anyhow::Result;
use stigmer_api::{executioncontext::ExecutionValue, validate::is_env_name};

use crate::{
    cli::RunArgs,
    env_file::{self, Entry},
    failure::Failure,
};

type Values = BTreeMap<String, ExecutionValue>;

/// All variables that the command line names.
pub(crate) fn of(args: &RunArgs) -> Result<Values> {
    let mut values = parse(&args.runtime_env)?;
    for key in &args.secret {
        values.insert(key.clone(), secret(key)?);
    }
    // Last, though the others go before: what they give, a file may leave empty.
    for (key, entry) in files(&args.env_file)? {
        if values.contains_key(&key) {
            continue;
        }
        if entry.value.is_empty() {
            return Err(Failure::usage(format!(
                "{}: {key} is empty; give it a value here, or by --runtime-env or --secret, or leave \
                 it out",
                entry.place
            )));
        }
        let (value, is_secret) = (entry.value, false);
        values.insert(key, ExecutionValue { value, is_secret });
    }
    Ok(values)
}

/// What the files say; of a variable that comes several times, what is said last.
fn files(files: &[PathBuf]) -> Result<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    for file in files {
        let read = env_file::read(file)?.into_iter();
        entries.extend(read.map(|entry| (entry.key.clone(), entry)));
    }
    Ok(entries)
}

/// The variable `key` of our own environment.
fn secret(key: &str) -> Result<ExecutionValue> {
    if !is_env_name(key) {
        // Not repeated: somebody may have written the secret itself.
        return Err(Failure::usage(
            "--secret takes the name of a variable (letters, digits and `_`, no digit first); its value comes from the environment",
        ));
    }
    let refuse = |why: &str| Failure::usage(format!("--secret {key}: {why}"));
    match env::var(key) {
        Ok(value) if value.is_empty() => Err(refuse(
            "this variable is empty in the environment of this command; a CI secret that is not \
             there looks like this",
        )),
        Ok(value) => Ok(ExecutionValue {
            value,
            is_secret: true,
        }),
        Err(env::VarError::NotPresent) => Err(refuse(
            "there is no such variable in the environment of this command",
        )),
        Err(env::VarError::NotUnicode(_)) => Err(refuse("the variable is not UTF-8")),
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
        if value.is_empty() {
            return Err(refuse(&format!("gives {key} an empty value")));
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
        let env = read(&["A=b=c", "secret:TOKEN=s:x", "B=="]).unwrap_or_default();
        let shown: Vec<_> = env
            .iter()
            .map(|(k, v)| (k.as_str(), v.value.as_str(), v.is_secret))
            .collect();
        assert_eq!(
            shown,
            [
                ("A", "b=c", false),
                ("B", "=", false),
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

    #[test]
    fn a_secret_goes_before_a_value_of_the_same_name() -> Result<()> {
        // A variable that every process has.
        let args = RunArgs::of(&["--env", "PATH=plain", "--secret", "PATH"])?;
        let value = env::var("PATH")?;
        let is_secret = true;
        assert_eq!(of(&args)?["PATH"], ExecutionValue { value, is_secret });
        Ok(())
    }
}
