//! In which steps a round measures what is wanted: what can share a run does.

use crate::figures::{Figure, How};

/// One step of a round.
#[derive(Clone, Debug)]
pub enum Step {
    /// On one stack.
    OnStack(Vec<Figure>),
    /// A phase's tests, for one figure or two.
    Phase(&'static str, Vec<Figure>),
    /// Two commands.
    Command(Figure, &'static [&'static str], &'static [&'static str]),
    /// The start of a stack.
    Ready(Figure),
    /// The same in containers.
    Containers(Figure),
}

impl Step {
    /// What it measures.
    pub fn figures(&self) -> &[Figure] {
        match self {
            Self::OnStack(figures) | Self::Phase(_, figures) => figures,
            Self::Command(figure, ..) | Self::Ready(figure) | Self::Containers(figure) => {
                std::slice::from_ref(figure)
            }
        }
    }
}

/// The steps for some figures, in the order of these.
pub fn steps(figures: &[Figure]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for &figure in figures {
        let next = match figure.how {
            How::OnStack => Step::OnStack(vec![figure]),
            How::Command { measured, limit } => Step::Command(figure, measured, limit),
            How::Phase(phase) => Step::Phase(phase, vec![figure]),
            How::Memory => Step::Phase("phase2", vec![figure]),
            How::Ready => Step::Ready(figure),
            How::Containers => Step::Containers(figure),
        };
        let shared = steps.iter_mut().find_map(|step| match (step, &next) {
            (Step::OnStack(those), Step::OnStack(_)) => Some(those),
            (Step::Phase(one, those), Step::Phase(other, _)) if one == other => Some(those),
            _ => None,
        });
        match shared {
            Some(those) => those.push(figure),
            None => steps.push(next),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::ALL;

    #[test]
    fn what_can_share_a_run_does() {
        let names = |step: &Step| {
            let names = step.figures().iter().map(|figure| figure.name);
            names.collect::<Vec<_>>().join(" ")
        };
        let shown: Vec<String> = steps(ALL).iter().map(names).collect();
        let expected = [
            "one at-once first-token creates subscriber",
            "phase1",
            "phase2 memory",
            "e2e",
            "images",
            "prereqs",
            "ready",
            "containers",
        ];
        assert_eq!(shown, expected);
    }
}
