//! What was measured, as it comes in.

use crate::figures::{Figure, Unit};
use serde::Deserialize;

/// Samples of a figure and of its limit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Samples {
    /// Of the figure.
    pub measured: Vec<f64>,
    /// Of its limit.
    #[serde(default)]
    pub limit: Vec<f64>,
    /// What the reader must know of how it was measured.
    #[serde(default)]
    pub note: String,
}

/// A figure of one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The figure's name.
    pub figure: &'static str,
    /// A part of it.
    pub part: Option<String>,
    /// Whose it is.
    pub side: String,
    /// In what.
    pub unit: Unit,
    /// All samples.
    pub samples: Samples,
    /// Why there are none, or not as many as were wanted.
    pub missing: Option<String>,
}

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Results {
    rows: Vec<Row>,
}

impl Results {
    /// Takes in samples of a figure, or of a part of it, behind those that are there.
    pub fn add(
        &mut self,
        figure: &Figure,
        side: &str,
        part: Option<(&str, Unit)>,
        samples: Samples,
    ) {
        let row = self.row(figure, side, part);
        row.samples.measured.extend(samples.measured);
        row.samples.limit.extend(samples.limit);
        if !samples.note.is_empty() {
            row.samples.note = samples.note;
        }
    }

    /// Notes why something could not be measured.
    pub fn miss(&mut self, figure: &Figure, side: &str, why: &str) {
        self.row(figure, side, None).missing = Some(why.to_owned());
    }

    fn row(&mut self, figure: &Figure, side: &str, part: Option<(&str, Unit)>) -> &mut Row {
        let name = part.map(|(name, _)| name);
        let same = |row: &Row| {
            row.figure == figure.name && row.side == side && row.part.as_deref() == name
        };
        let at = self.rows.iter().position(same).unwrap_or_else(|| {
            self.rows.push(Row {
                figure: figure.name,
                part: name.map(str::to_owned),
                side: side.to_owned(),
                unit: part.map_or(figure.unit, |(_, unit)| unit),
                samples: Samples::default(),
                missing: None,
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    /// Those of a figure: the figure itself first, then its parts in the order in which they came, each for all sides.
    pub fn of(&self, figure: &str) -> Vec<&Row> {
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.figure == figure)
            .collect();
        let place = |row: &Row| rows.iter().position(|other| other.part == row.part);
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| (row.part.is_some(), place(row)));
        sorted
    }

    /// Whether all that was wanted is there.
    pub fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| row.missing.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::ALL;

    #[test]
    fn samples_of_rounds_come_together_by_figure_part_and_side() {
        let (mut results, figure) = (Results::default(), &ALL[0]);
        let samples = |value: f64| Samples {
            measured: vec![value],
            limit: vec![1.0],
            note: String::new(),
        };
        results.add(
            figure,
            "here",
            Some(("server", Unit::Seconds)),
            samples(9.0),
        );
        results.add(figure, "here", None, samples(1.0));
        results.add(figure, "old", None, samples(2.0));
        results.add(figure, "here", None, samples(3.0));
        results.add(figure, "old", Some(("server", Unit::Seconds)), samples(8.0));
        let rows = results.of(figure.name);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.part.as_deref(),
                    &*row.side,
                    row.samples.measured.clone(),
                )
            })
            .collect();
        let expected = [
            (None, "here", vec![1.0, 3.0]),
            (None, "old", vec![2.0]),
            (Some("server"), "here", vec![9.0]),
            (Some("server"), "old", vec![8.0]),
        ];
        assert_eq!(shown, expected);
        assert!(results.is_whole());
        results.miss(figure, "old", "it broke");
        assert!(!results.is_whole());
    }
}
