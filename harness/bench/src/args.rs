//! The words that `cargo xtask bench` passes on: it has read the command line and has its help.

use crate::figures::{self, Figure};
use harness_base::{Code, coded};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Args {
    /// Which figures.
    pub figures: Vec<Figure>,
    /// Another commit, measured by turns with this checkout.
    pub against: Option<String>,
    /// How often all is measured.
    pub rounds: usize,
    /// JSON in place of the table.
    pub json: bool,
}

/// Enough to see one that is far off.
const ROUNDS: usize = 3;

impl Args {
    /// Of `--only NAME`, `--against REV`, `--rounds N` and `--json`.
    ///
    /// # Errors
    /// [`Code::Usage`] with what is wrong.
    pub fn read(words: &[String]) -> anyhow::Result<Self> {
        let usage = |text: String| coded(Code::Usage, text);
        let (mut only, mut against, mut rounds, mut json) = (Vec::new(), None, ROUNDS, false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--json" {
                json = true;
                continue;
            }
            let value = words.next().cloned();
            let value = value.ok_or_else(|| usage(format!("{word} needs a value")))?;
            match word.as_str() {
                "--only" => only.push(value),
                "--against" => against = Some(value),
                "--rounds" => {
                    let number = value.parse().ok().filter(|rounds| *rounds > 0);
                    let why = || usage(format!("--rounds {value}: no number from 1 on"));
                    rounds = number.ok_or_else(why)?;
                }
                other => return Err(usage(format!("{other} means nothing"))),
            }
        }
        Ok(Self {
            figures: figures::chosen(&only).map_err(usage)?,
            against,
            rounds,
            json,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_base::code_of;

    fn read(words: &str) -> anyhow::Result<Args> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Args::read(&words)
    }

    #[test]
    fn words() {
        let args = read("--only one --against main --rounds 5 --json").unwrap();
        assert_eq!((args.figures.len(), args.rounds, args.json), (1, 5, true));
        assert_eq!(args.against.as_deref(), Some("main"));
        let args = read("").unwrap();
        assert_eq!(
            (args.figures.len(), args.rounds),
            (figures::ALL.len(), ROUNDS)
        );
        for wrong in ["--only", "--only x", "--rounds 0", "--rounds x", "one"] {
            assert_eq!(code_of(&read(wrong).unwrap_err()), Code::Usage, "{wrong}");
        }
    }
}
