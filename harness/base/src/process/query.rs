//! Short questions to other programs: answer, or nothing, within a time limit.

use super::command::Command;
use std::time::Duration;

/// What a program answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// Exited with 0.
    pub ok: bool,
    /// Standard output, trimmed.
    pub stdout: String,
    /// Standard error, trimmed.
    pub stderr: String,
}

/// Runs a command to its end with no input; `Err` says why it could not run or that it took longer than `limit`.
///
/// # Errors
/// A lower-case sentence for people.
pub fn query_blocking(command: &Command, limit: Duration) -> Result<CommandOutput, String> {
    let mut expression = duct::cmd(command.program.as_os_str(), &command.args)
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked();
    // duct lets the inner of two variables of one name win; ours is the later one.
    for var in command.env.iter().rev() {
        expression = expression.env(&var.name, &var.value);
    }
    for name in command.inherit.withheld() {
        expression = expression.env_remove(name);
    }
    for name in &command.unset {
        expression = expression.env_remove(name);
    }
    if let Some(folder) = &command.cwd {
        expression = expression.dir(folder);
    }
    let handle = expression
        .start()
        .map_err(|error| format!("cannot run {}: {error}", command.program.display()))?;
    match handle.wait_timeout(limit) {
        Ok(Some(output)) => Ok(CommandOutput {
            ok: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
        Ok(None) => {
            // The answer is late and unwanted; a program that is already gone is no news.
            let _ = handle.kill();
            Err(format!(
                "{} gave no answer within {} s",
                command.program.display(),
                limit.as_secs_f32()
            ))
        }
        Err(error) => Err(format!("wait for {}: {error}", command.program.display())),
    }
}

/// [`query_blocking`] off the async threads.
///
/// # Errors
/// As [`query_blocking`].
pub async fn query(command: Command, limit: Duration) -> Result<CommandOutput, String> {
    tokio::task::spawn_blocking(move || query_blocking(&command, limit))
        .await
        .map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_limits() {
        let sh = |script: &str| Command::new("sh").args(["-c", script]);
        let answer = query_blocking(
            &sh("echo out; echo err >&2; exit 3"),
            Duration::from_secs(5),
        )
        .unwrap();
        assert_eq!(
            answer,
            CommandOutput {
                ok: false,
                stdout: "out".into(),
                stderr: "err".into()
            }
        );
        let late = query_blocking(&sh("exec sleep 30"), Duration::from_millis(100)).unwrap_err();
        assert_eq!(late, "sh gave no answer within 0.1 s");
        let twice = sh("echo $A").env("A", "first").env("A", "later");
        assert_eq!(
            query_blocking(&twice, Duration::from_secs(5))
                .unwrap()
                .stdout,
            "later"
        );
        // Whoever runs these tests tells them about this package, as `cargo run` tells xtask.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let told = sh("echo ${CARGO_PKG_NAME-nothing} ${HOME-nothing}").unset("HOME");
        assert_eq!(
            query_blocking(&told, Duration::from_secs(5))
                .unwrap()
                .stdout,
            "nothing nothing"
        );
        assert!(
            query_blocking(&Command::new("/no/such"), Duration::from_secs(1))
                .unwrap_err()
                .starts_with("cannot run /no/such")
        );
    }
}
