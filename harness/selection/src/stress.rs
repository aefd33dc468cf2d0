//! Tests that are run many times: how often each failed, and with what words.

use harness_base::run::junit::Case;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;

/// How long tests are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stress {
    /// Each so many times.
    Times(usize),
    /// Until this time is over.
    For(Duration),
}

/// Different words of one test that are shown; more only repeat it.
const WORDS: usize = 3;

impl FromStr for Stress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither a number nor a time such as 90s or 3m");
        let (number, unit) = text.split_at(
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len()),
        );
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let seconds = match unit {
            "" => {
                return if number == 0 {
                    Err(wrong())
                } else {
                    Ok(Self::Times(number as usize))
                };
            }
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        match number.checked_mul(seconds) {
            Some(total) if total > 0 => Ok(Self::For(Duration::from_secs(total.into()))),
            _ => Err(wrong()),
        }
    }
}

impl Stress {
    /// nextest's arguments for one of so many copies that run side by side.
    pub fn args(self, copies: usize) -> [String; 2] {
        match self {
            Self::Times(times) => [
                "--stress-count".into(),
                times.div_ceil(copies.max(1)).to_string(),
            ],
            Self::For(time) => ["--stress-duration".into(), format!("{}s", time.as_secs())],
        }
    }
}

/// How one test went.
#[derive(Debug, Default)]
struct Tally<'a> {
    runs: usize,
    failed: usize,
    words: BTreeMap<&'a str, usize>,
}

/// Tests that failed, the most unsteady first, each with how often and with what words; nothing where none did.
pub fn table(cases: &[Case]) -> String {
    let mut tests: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for case in cases {
        let tally = tests.entry(&case.name).or_default();
        tally.runs += 1;
        if let Some(words) = &case.failure {
            tally.failed += 1;
            *tally.words.entry(words).or_default() += 1;
        }
    }
    let mut rows: Vec<_> = tests.into_iter().filter(|(_, it)| it.failed > 0).collect();
    let share = |it: &Tally<'_>| it.failed as f64 / it.runs as f64;
    rows.sort_by(|(_, a), (_, b)| share(b).total_cmp(&share(a)));
    let mut text = String::new();
    if !rows.is_empty() {
        text += "failed    runs        test\n";
    }
    for (name, tally) in rows {
        let (failed, runs, percent) = (tally.failed, tally.runs, share(&tally) * 100.0);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{failed:>6} of {runs:>5}  {percent:>5.1} %  {name}");
        let mut words: Vec<_> = tally.words.into_iter().collect();
        words.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let more = words.len().saturating_sub(WORDS);
        for (words, times) in words.into_iter().take(WORDS) {
            let _ = writeln!(text, "{times:>12} x  {words}");
        }
        if more > 0 {
            let _ = writeln!(text, "              and {more} other first lines");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long() {
        assert_eq!("100".parse(), Ok(Stress::Times(100)));
        assert_eq!("90s".parse(), Ok(Stress::For(Duration::from_secs(90))));
        assert_eq!("3m".parse(), Ok(Stress::For(Duration::from_secs(180))));
        for wrong in ["", "0", "0s", "3 m", "-1", "1d", "m", "99999999h", "1.5m"] {
            assert!(wrong.parse::<Stress>().is_err(), "{wrong}");
        }
        assert_eq!(Stress::Times(5).args(2), ["--stress-count", "3"]);
        let time = Stress::For(Duration::from_secs(180));
        assert_eq!(time.args(2), ["--stress-duration", "180s"]);
    }

    #[test]
    fn the_most_unsteady_comes_first() {
        let case =
            |name: &str, failure: Option<&str>| Case::ended(name, failure.map(str::to_owned));
        let mut cases = vec![case("a::steady", None); 100];
        cases.extend(vec![case("b::rare", None); 98]);
        cases.extend(vec![case("b::rare", Some("b.rs:1: expected 1")); 2]);
        cases.extend(["w", "x", "y", "z", "w"].map(|words| case("c::often", Some(words))));
        insta::assert_snapshot!(table(&cases), @r"
        failed    runs        test
             5 of     5  100.0 %  c::often
                   2 x  w
                   1 x  x
                   1 x  y
                      and 1 other first lines
             2 of   100    2.0 %  b::rare
                   2 x  b.rs:1: expected 1
        ");
        assert_eq!(table(&cases[..100]), "");
    }
}
