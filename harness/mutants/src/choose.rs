//! Which mutants are tested: all of some crates, or a sample that the seed decides.

use crate::mutant::Mutant;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Of these crates; all where none is named.
    pub crates: Vec<String>,
    /// So many; all where it is not said.
    pub sample: Option<usize>,
    /// Which sample.
    pub seed: u64,
}

/// Picks them, crate by crate and file by file, so that a build compiles one crate. Which of a sample depends on the seed and
/// the mutant alone: a larger sample holds the smaller one, and an edit elsewhere changes nothing.
pub fn choose(mut mutants: Vec<Mutant>, choice: &Choice) -> Vec<Mutant> {
    mutants.retain(|it| choice.crates.is_empty() || choice.crates.contains(&it.package));
    if let Some(sample) = choice.sample {
        mutants.sort_by_cached_key(|it| rank(choice.seed, &it.id));
        mutants.truncate(sample);
    }
    mutants.sort_by(|a, b| (&a.package, &a.file, a.span).cmp(&(&b.package, &b.file, b.span)));
    mutants
}

/// FNV-1a over seed and id, then stirred as splitmix64 does, since FNV leaves names that resemble each other side by side.
fn rank(seed: u64, id: &str) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(id.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutant::{Position, Span};

    fn mutants(count: usize) -> Vec<Mutant> {
        let one = |number: usize| {
            let at = Position {
                line: number + 1,
                column: 1,
            };
            Mutant {
                id: format!("m{number}"),
                package: ["a", "b"][number % 2].into(),
                file: "src/it.rs".into(),
                name: String::new(),
                span: Span { start: at, end: at },
                replacement: String::new(),
                diff: String::new(),
            }
        };
        (0..count).map(one).collect()
    }

    fn ids(mutants: Vec<Mutant>, sample: usize, seed: u64) -> Vec<String> {
        let choice = Choice {
            sample: Some(sample),
            seed,
            ..Choice::default()
        };
        choose(mutants, &choice)
            .into_iter()
            .map(|it| it.id)
            .collect()
    }

    #[test]
    fn a_larger_sample_holds_the_smaller() {
        let (small, large) = (ids(mutants(200), 10, 7), ids(mutants(200), 30, 7));
        assert_eq!((small.len(), large.len()), (10, 30));
        assert!(
            small.iter().all(|id| large.contains(id)),
            "{small:?} {large:?}"
        );
        assert_ne!(small, ids(mutants(200), 10, 8));
        let mut turned = mutants(200);
        turned.reverse();
        assert_eq!(small, ids(turned, 10, 7));
        assert_eq!(ids(mutants(3), 10, 7).len(), 3);
    }

    #[test]
    fn of_the_crates_that_are_named_one_after_the_other() {
        let all = choose(mutants(6), &Choice::default());
        let ids: Vec<_> = all.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["m0", "m2", "m4", "m1", "m3", "m5"]);
        let choice = Choice {
            crates: vec!["b".into()],
            ..Choice::default()
        };
        assert!(
            choose(mutants(6), &choice)
                .iter()
                .all(|it| it.package == "b")
        );
    }
}
