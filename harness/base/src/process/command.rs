//! A command as a value: built by pure functions, shown to people without its secrets.

use super::inherit::Inherit;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::path::PathBuf;

/// What to run, before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments. Never a secret: arguments are seen in `ps`.
    pub args: Vec<String>,
    /// Variables added to the environment.
    pub env: Vec<Var>,
    /// Variables removed from the environment.
    pub unset: Vec<String>,
    /// Working folder; this process's own when `None`.
    pub cwd: Option<PathBuf>,
    /// What it sees of the user's environment.
    pub inherit: Inherit,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Var {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
    /// Shown as `***`.
    pub secret: bool,
}

impl Command {
    /// A program without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            ..Self::default()
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable; a later one of the same name wins.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push(Var {
            name: name.into(),
            value: value.into(),
            secret: false,
        });
        self
    }

    /// Adds a variable that is never shown.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push(Var {
            name: name.into(),
            value: value.into(),
            secret: true,
        });
        self
    }

    /// Removes a variable that this process may have.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.unset.push(name.to_owned());
        self
    }

    /// Chooses what it sees of the user's environment.
    #[must_use]
    pub fn inherit(mut self, inherit: Inherit) -> Self {
        self.inherit = inherit;
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Its variables as lines that a shell can read, secrets in plain: for a file of this user's alone. A later variable of
    /// the same name wins there too.
    pub fn shell_env(&self) -> String {
        let line = |var: &Var| format!("export {}={}\n", var.name, quoted(&var.value));
        let unset = self.unset.iter().map(|name| format!("unset {name}\n"));
        unset.chain(self.env.iter().map(line)).collect()
    }

    /// One line that could be typed into a shell, secrets as `***`.
    pub fn echo(&self) -> String {
        let vars = self.env.iter().map(|var| {
            let value = if var.secret {
                "***".to_owned()
            } else {
                quoted(&var.value)
            };
            format!("{}={value}", var.name)
        });
        let words = std::iter::once(quoted(&self.program.to_string_lossy()))
            .chain(self.args.iter().map(|a| quoted(a)));
        vars.chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell reads it, also in a line that people paste.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Replaces every secret in a text that goes to people or files. Short ones are left: they would match by chance. The longest
/// goes first: of one that begins with another, the rest would stay.
pub fn redact(text: &str, secrets: &[String]) -> String {
    let mut secrets: Vec<_> = secrets.iter().filter(|it| it.len() >= 6).collect();
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    secrets
        .into_iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_is_written_for_it() {
        let command = Command::default()
            .unset("B")
            .env("A", "it's 1")
            .secret("KEY", "hunter22");
        let text = format!("{}echo \"$A $B $KEY\"", command.shell_env());
        let shell = Command::new("sh")
            .args(["-c", &text])
            .env("B", "from outside");
        let limit = std::time::Duration::from_secs(5);
        let said = crate::process::query_blocking(&shell, limit).unwrap();
        assert_eq!(said.stdout, "it's 1  hunter22");
    }

    #[test]
    fn echo_quotes_and_hides() {
        let command = Command::new("/bin/it")
            .args(["a b", "it's", "", "--x=1"])
            .env("A", "1")
            .secret("KEY", "hunter22");
        insta::assert_snapshot!(command.echo(), @r"A=1 KEY=*** /bin/it 'a b' 'it'\''s' '' --x=1");
        assert_eq!(
            redact("key hunter22, a", &["hunter22".into(), "a".into()]),
            "key ***, a"
        );
        let one_begins_another = ["hunter".into(), "hunter22".into()];
        assert_eq!(redact("hunter22, hunter", &one_begins_another), "***, ***");
    }
}
