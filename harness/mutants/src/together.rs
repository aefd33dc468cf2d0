//! The copy's sources with many mutants in them, and which of these do not compile.

use crate::copy;
use crate::mutant::Mutant;
use crate::switch::Switch;
use crate::weave::{Place, first_item, weave};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The sources of some mutants.
#[derive(Debug)]
pub struct Together<'a> {
    copy: &'a Path,
    /// Each has its number, counted from 1.
    mutants: &'a [&'a Mutant],
    /// As they are without a mutant, by their path in the copy.
    plain: BTreeMap<PathBuf, String>,
    /// Those that a crate begins with.
    roots: BTreeSet<PathBuf>,
    places: BTreeMap<PathBuf, Vec<Place>>,
}

impl<'a> Together<'a> {
    /// Reads them, from a copy that has no mutant in it.
    ///
    /// # Errors
    /// When cargo does not tell the crates, or a source cannot be read.
    pub async fn read(copy: &'a Path, mutants: &'a [&'a Mutant]) -> anyhow::Result<Self> {
        let roots = roots(copy, mutants).await?;
        let files = mutants.iter().map(|it| &it.file).chain(&roots);
        let read = |file: &PathBuf| {
            let path = copy.join(file);
            let text = std::fs::read_to_string(&path);
            Ok((
                file.clone(),
                text.with_context(|| format!("read {}", path.display()))?,
            ))
        };
        Ok(Self {
            copy,
            mutants,
            plain: files.map(read).collect::<anyhow::Result<_>>()?,
            roots,
            places: BTreeMap::new(),
        })
    }

    /// Leaves out what does not compile until the rest does, and returns the numbers of the rest. `build` returns the words of
    /// one that failed.
    ///
    /// # Errors
    /// When a build fails without a mutant to blame.
    pub async fn settle(
        &mut self,
        switch: &Switch,
        build: impl AsyncFn() -> anyhow::Result<Option<String>>,
    ) -> anyhow::Result<BTreeSet<usize>> {
        let mut wanted = (1..=self.mutants.len()).collect();
        loop {
            wanted = self.write(&wanted, switch)?;
            let Some(words) = build().await? else {
                return Ok(wanted);
            };
            let blamed = self.blamed(&words);
            ensure!(
                !blamed.is_empty(),
                "the copy does not compile, and of no mutant's fault"
            );
            wanted.retain(|number| !blamed.contains(number));
        }
    }

    /// Writes them with the wanted ones in, and returns which are: one has no place in a macro's words.
    ///
    /// # Errors
    /// When a source cannot be written, or is not as it was listed.
    fn write(
        &mut self,
        wanted: &BTreeSet<usize>,
        switch: &Switch,
    ) -> anyhow::Result<BTreeSet<usize>> {
        self.places.clear();
        let words = switch.words(self.mutants.len() + 1);
        for (file, plain) in &self.plain {
            let here = (1..).zip(self.mutants.iter().copied());
            let here = here.filter(|(number, it)| it.file == *file && wanted.contains(number));
            let of_file = || format!("put mutants into {}", file.display());
            let mut woven = weave(plain, &here.collect::<Vec<_>>()).with_context(of_file)?;
            if self.roots.contains(file) {
                woven.insert(first_item(plain).with_context(of_file)?, &words);
            }
            put(&self.copy.join(file), &woven.text)?;
            self.places.insert(file.clone(), woven.places);
        }
        Ok(self.places.values().flatten().map(|it| it.number).collect())
    }

    /// Writes them without any.
    ///
    /// # Errors
    /// When a source cannot be written.
    pub fn restore(&self) -> anyhow::Result<()> {
        for (file, plain) in &self.plain {
            put(&self.copy.join(file), plain)?;
        }
        Ok(())
    }

    /// Which of them a build complains of, by its words: cargo's messages, a line each.
    fn blamed(&self, words: &str) -> BTreeSet<usize> {
        let messages = words
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let errors = messages.filter(|it| it["message"]["level"] == "error");
        errors
            .flat_map(|it| self.blamed_by(&it["message"]))
            .collect()
    }

    /// Those whose own words the compiler points at; else those around what it points at; else all of that file.
    fn blamed_by(&self, message: &Value) -> BTreeSet<usize> {
        let spans: Vec<_> = message["spans"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Span::of)
            .collect();
        let pick = |fits: &dyn Fn(&Span, &Place) -> bool| -> BTreeSet<usize> {
            let places = |span: &Span| self.places.get(&span.file).into_iter().flatten();
            let of_span = |span: &Span| {
                places(span)
                    .filter(|it| fits(span, it))
                    .map(|it| it.number)
                    .collect::<Vec<_>>()
            };
            spans.iter().flat_map(of_span).collect()
        };
        let own = pick(&|span, place| {
            place.fault.start <= span.bytes.start && span.bytes.end <= place.fault.end
        });
        let around = || {
            pick(&|span, place| {
                place.whole.start <= span.bytes.start && span.bytes.end <= place.whole.end
            })
        };
        let nearest = if own.is_empty() { around() } else { own };
        if nearest.is_empty() {
            pick(&|span, _| span.primary)
        } else {
            nearest
        }
    }
}

/// What the compiler points at.
struct Span {
    file: PathBuf,
    bytes: Range<usize>,
    primary: bool,
}

impl Span {
    /// Within a macro it is the call that counts.
    fn of(value: &Value) -> Option<Self> {
        let primary = value["is_primary"] == true;
        let mut value = value;
        while value["expansion"]["span"].is_object() {
            value = &value["expansion"]["span"];
        }
        let byte = |name: &str| usize::try_from(value[name].as_u64()?).ok();
        Some(Self {
            file: value["file_name"].as_str()?.into(),
            bytes: byte("byte_start")?..byte("byte_end")?,
            primary,
        })
    }
}

/// Writes where the text is another one, so that cargo compiles only what changed.
fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// The first files of the crates that these mutants are in.
async fn roots(copy: &Path, mutants: &[&Mutant]) -> anyhow::Result<BTreeSet<PathBuf>> {
    let metadata = copy::metadata(copy).await?;
    let list = |value: &Value, key| value[key].as_array().cloned().unwrap_or_default();
    let ours = |package: &Value| mutants.iter().any(|it| package["name"] == *it.package);
    let packages = list(&metadata, "packages").into_iter().filter(ours);
    let targets = packages.flat_map(|package| list(&package, "targets"));
    let crates = targets.filter(|target| {
        list(target, "kind")
            .iter()
            .any(|kind| kind == "lib" || kind == "bin")
    });
    let files = crates.filter_map(|target| {
        let path = PathBuf::from(target["src_path"].as_str()?);
        Some(path.strip_prefix(copy).ok()?.to_owned())
    });
    Ok(files.collect())
}

#[cfg(test)]
mod tests;
