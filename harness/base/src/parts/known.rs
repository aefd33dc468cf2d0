//! Tests that are expected to fail, each with its reason.

use super::guest::Part;
use super::source::Source;
use crate::phases::Phase;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// Tests that are expected to fail for one reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(skip)]
    pub(super) source: Arc<Source>,
    /// Whose tests.
    pub phase: Phase,
    /// Why, for people.
    because: Spanned<String>,
    /// Whole names, or expressions of nextest, which have parentheses.
    tests: Spanned<Vec<Spanned<String>>>,
    /// It counts where this part is somebody else's; without it, always.
    pub part: Option<Part>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// A name or an expression.
    pub text: &'a str,
    known: &'a Known,
    spanned: &'a Spanned<String>,
}

impl Known {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.because().is_empty() {
            let place = self.source.at(&self.because);
            return Err(format!("{place}: a known difference needs its reason"));
        }
        if self.tests.as_ref().is_empty() {
            let place = self.source.at(&self.tests);
            return Err(format!("{place}: no test is listed"));
        }
        Ok(())
    }

    /// Why.
    pub fn because(&self) -> &str {
        self.because.as_ref().trim()
    }

    /// Its lines.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.tests.as_ref().iter().map(|spanned| Entry {
            text: spanned.as_ref(),
            known: self,
            spanned,
        })
    }
}

impl<'a> Entry<'a> {
    /// Where it stands: `FILE:LINE`.
    pub fn at(&self) -> String {
        self.known.source.at(self.spanned)
    }

    /// Why.
    pub fn because(&self) -> &'a str {
        self.known.because()
    }

    /// Whether it stands for as many tests as it fits.
    pub fn is_expression(&self) -> bool {
        self.text.contains('(')
    }
}
