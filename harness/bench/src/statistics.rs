//! What many samples say together.

use serde::Serialize;

/// The middle and the spread of samples, and these as they came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half of the samples are not above it.
    pub median: f64,
    /// A tenth of the samples is below it; the smallest of fewer than ten.
    pub low: f64,
    /// A tenth of the samples is above it; the largest of fewer than ten.
    pub high: f64,
    /// All, in the order in which they were taken.
    pub samples: Vec<f64>,
}

impl Summary {
    /// Of samples; `None` where there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (middle, last) = (sorted.len() / 2, sorted.len().checked_sub(1)?);
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        let outside = sorted.len() / 10;
        Some(Self {
            median,
            low: sorted[outside],
            high: sorted[last - outside],
            samples: samples.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[f64]) -> (f64, f64, f64) {
        let summary = Summary::of(samples).unwrap();
        (summary.low, summary.median, summary.high)
    }

    #[test]
    fn the_middle_and_the_spread() {
        assert_eq!(of(&[3.0]), (3.0, 3.0, 3.0));
        assert_eq!(of(&[4.0, 1.0]), (1.0, 2.5, 4.0));
        assert_eq!(of(&[9.0, 1.0, 2.0]), (1.0, 2.0, 9.0));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_tenth_at_each_end_is_left_out_of_the_spread() {
        let mut samples: Vec<f64> = (1..=20).map(f64::from).collect();
        samples.reverse();
        assert_eq!(of(&samples), (3.0, 10.5, 18.0));
        assert_eq!(of(&samples[..9]), (12.0, 16.0, 20.0));
        assert_eq!(Summary::of(&samples).unwrap().samples, samples);
    }
}
