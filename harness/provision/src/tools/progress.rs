//! How far a download is: bars on a terminal, a line at the start and the end otherwise.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;

/// All bars of one installation.
#[derive(Debug)]
pub(super) struct Bars(Option<MultiProgress>);

/// One tool's bar.
#[derive(Debug)]
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    name: String,
}

impl Bars {
    /// Bars where standard error is a terminal.
    pub(super) fn new() -> Self {
        Self(std::io::stderr().is_terminal().then(MultiProgress::new))
    }

    /// A bar for `bytes` to come.
    pub(super) fn add(&self, name: &str, bytes: u64) -> Bar {
        let bar = self.0.as_ref().map(|all| {
            let style = ProgressStyle::with_template(
                "{msg:<18} {bar:30} {bytes:>10} / {total_bytes} {eta}",
            );
            let bar = all.add(ProgressBar::new(bytes));
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_message(name.to_owned());
            bar
        });
        if bar.is_none() {
            eprintln!("tools: {name}: fetching {:.0} MB", bytes as f64 / 1e6);
        }
        Bar {
            bar,
            name: name.to_owned(),
        }
    }
}

impl Bar {
    /// So many bytes are on disk.
    pub(super) fn at(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes.min(bar.length().unwrap_or(bytes)));
        }
    }

    /// It is installed.
    pub(super) fn done(&self, seconds: f32) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => eprintln!("tools: {}: installed in {seconds:.1} s", self.name),
        }
    }
}

/// Bytes of all files under a folder; what vanishes meanwhile counts nothing.
pub(super) fn bytes_under(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_under(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
