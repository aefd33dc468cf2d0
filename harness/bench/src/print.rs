//! The table for people and the JSON for programs.

use crate::figures::Figure;
use crate::machine::Machine;
use crate::result::{Results, Row};
use crate::statistics::Summary;
use serde_json::{Value, json};

/// What the figures are of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The machine before anything was measured.
    pub machine: Machine,
    /// The commit of this checkout, with a word about changes on top.
    pub commit: String,
    /// The commit beside it.
    pub against: Option<String>,
    /// How often all was measured.
    pub rounds: usize,
}

fn number(value: f64) -> String {
    let decimals = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

fn summary(samples: &[f64], sign: &str) -> String {
    Summary::of(samples).map_or_else(
        || "-".to_owned(),
        |it| {
            let (median, low, high) = (number(it.median), number(it.low), number(it.high));
            format!("{median} {sign} ({low}..{high})")
        },
    )
}

/// The median beside the limit's.
fn ratio(row: &Row) -> Option<f64> {
    let limit = Summary::of(&row.samples.limit)?.median;
    (limit > 0.0).then_some(Summary::of(&row.samples.measured)?.median / limit)
}

/// All figures, a line for each side of each, and what they mean.
pub fn table(subject: &Subject, figures: &[Figure], results: &Results) -> String {
    let several = subject.against.is_some();
    let mut text = format!("{}\n{}", subject.machine.line(), subject.commit);
    if let Some(against) = &subject.against {
        text += &format!(" against {against}");
    }
    let rounds = match subject.rounds {
        1 => "one round".to_owned(),
        rounds => format!("{rounds} rounds"),
    };
    text += &format!(
        "; {rounds}, figure and limit by turns; in parentheses where eight of ten samples lie (all of fewer than ten)\n"
    );
    if subject.machine.is_busy() {
        text += "something else was running: these figures are of it too\n";
    }
    text += &format!(
        "\n{:<32}{:>26}{:>26}{:>8}{:>9}\n",
        "", "measured", "limit", "ratio", "samples"
    );
    for figure in figures {
        for row in results.of(figure.name) {
            let name = match &row.part {
                Some(part) => format!("  {part}"),
                None => figure.name.to_owned(),
            };
            let name = match several {
                true => format!("{name} [{}]", row.side),
                false => name,
            };
            text += &line(&name, row);
        }
        text += &format!("    {}; limit: {}", figure.what, figure.limit);
        let rows = results.of(figure.name);
        let note = rows
            .iter()
            .map(|row| &*row.samples.note)
            .find(|note| !note.is_empty());
        text += &note.map_or_else(String::new, |note| format!(" ({note})"));
        text += "\n";
    }
    text
}

fn line(name: &str, row: &Row) -> String {
    let sign = row.unit.sign();
    let mut line = format!(
        "{name:<32}{:>26}{:>26}{:>8}{:>9}\n",
        summary(&row.samples.measured, sign),
        summary(&row.samples.limit, sign),
        ratio(row).map_or_else(|| "-".to_owned(), number),
        row.samples.measured.len(),
    );
    if let Some(why) = &row.missing {
        line += &format!("    not measured: {why}\n");
    }
    line
}

/// The same for programs.
pub fn json(subject: &Subject, figures: &[Figure], results: &Results) -> Value {
    let rows = figures.iter().flat_map(|figure| {
        results.of(figure.name).into_iter().map(move |row| {
            json!({
                "figure": figure.name,
                "part": row.part,
                "side": row.side,
                "what": figure.what,
                "limit_is": figure.limit,
                "unit": row.unit,
                "measured": Summary::of(&row.samples.measured),
                "limit": Summary::of(&row.samples.limit),
                "ratio": ratio(row),
                "note": row.samples.note,
                "missing": row.missing,
            })
        })
    });
    json!({
        "schema": 1,
        "machine": subject.machine,
        "commit": subject.commit,
        "against": subject.against,
        "rounds": subject.rounds,
        "figures": rows.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
