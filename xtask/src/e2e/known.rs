//! Which tests are known to differ.

use super::test_run::TestRun;
use harness_base::parts::known::Entry;
use harness_base::run::info::Difference;
use harness_base::run::judge::Differences;
use harness_base::{Artifacts, Code, Phase, coded, query};
use harness_selection::lanes;
use harness_selection::nextest::{self, Selection};
use harness_selection::nextest_metadata;
use std::path::Path;
use std::time::Duration;

/// For a list of tests: nextest may have to ask cargo.
const LIST: Duration = Duration::from_secs(60);

/// The tests of a phase that are known to differ, of those that its binary has.
///
/// # Errors
/// Usage errors: `FILE:LINE` of what stands for no test.
pub async fn listed(
    run: &TestRun<'_>,
    phase: Phase,
    bin: &Path,
    artifacts: &Artifacts,
) -> anyhow::Result<Differences> {
    let context = &run.context;
    let known = context.config.parts.known(phase);
    let mut all = Differences::new();
    let Some(binary) = artifacts.test(phase.name()).filter(|_| !known.is_empty()) else {
        return Ok(all);
    };
    let root = &context.run.root;
    let metadata = nextest_metadata::metadata(root, phase.name(), bin, binary).await;
    let selection = Selection {
        bin,
        phase: phase.name(),
        metadata: metadata.as_ref(),
        root,
    };
    let tests = lanes::tests_of(binary).await;
    let entries = || known.iter().flat_map(|known| known.entries());
    let mut add = |entry: &Entry<'_>, test: String| {
        all.entry(test.clone()).or_insert_with(|| Difference {
            test,
            because: entry.because().to_owned(),
            at: entry.at(),
        });
    };
    for entry in entries().filter(|entry| !entry.is_expression()) {
        if !tests.iter().any(|test| test == entry.text) {
            let (at, text) = (entry.at(), entry.text);
            return Err(coded(
                Code::Usage,
                format!(
                    "{at}: {phase} has no test named {text}\n  mend: correct the name, or strike it"
                ),
            ));
        }
        add(&entry, entry.text.to_owned());
    }
    for entry in entries().filter(Entry::is_expression) {
        let wrong = |why: &str| coded(Code::Usage, format!("{}: {why}", entry.at()));
        let said = query(selection.list(entry.text), LIST).await;
        let said = said.map_err(|why| wrong(&why))?;
        if !said.ok {
            return Err(wrong(&said.stderr));
        }
        let matching = nextest::matching(&said.stdout);
        if matching.is_empty() {
            return Err(wrong(&format!(
                "{} stands for no test of {phase}",
                entry.text
            )));
        }
        matching.into_iter().for_each(|test| add(&entry, test));
    }
    Ok(all)
}
