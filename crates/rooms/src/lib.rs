//! For a test in each crate with many files: they stand in a line, and none imports a later one.
//!
//! A file is a room. What it says behind `crate::`, `super::`, `self::` and the names of its own
//! modules is an import of the file that this means, in a `use` or in the middle of code; declaring
//! a module is none. Files and items that are there for tests alone are left out.
//!
//! ```no_run
//! # fn main() -> Result<(), rooms::Faults> {
//! rooms::check(env!("CARGO_MANIFEST_DIR"), &["ground.rs", "first.rs", "first/stairs.rs", "main.rs"], &[])
//! # }
//! ```

mod imports;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::Path as FilePath,
};

use imports::{Imports, Path, imports};

/// What is wrong with the rooms of a crate, a line each.
pub struct Faults(Vec<String>);

/// As it is shown when a test returns it.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Checks the files below `src` of the crate at `manifest_dir`. `order` names all of them by their
/// paths there, the ground first: none may import a later one, but for the files of one of the
/// `circles`, which may import each other.
///
/// # Errors
/// With each import of a later room, each file that is in no place or twice, each place without a
/// file, and each circle that is none any more.
pub fn check(manifest_dir: &str, order: &[&str], circles: &[&[&str]]) -> Result<(), Faults> {
    let read = rooms(&FilePath::new(manifest_dir).join("src"));
    let rooms = read.map_err(|e| Faults(vec![format!("cannot read {manifest_dir}/src: {e}")]))?;
    let faults = faults(&rooms, order, circles);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Faults(faults))
    }
}

/// The rooms and which others each imports.
type Rooms = BTreeMap<String, BTreeSet<String>>;

fn rooms(src: &FilePath) -> io::Result<Rooms> {
    let mut files = BTreeMap::new();
    read(src, "", &mut files)?;
    Ok(arrows(&files))
}

/// The sources below a folder by their paths from `src`.
fn read(folder: &FilePath, prefix: &str, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{prefix}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else if path.ends_with(".rs") {
            files.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

fn arrows(files: &BTreeMap<String, String>) -> Rooms {
    let modules: BTreeMap<&str, Path> = files.keys().map(|f| (f.as_str(), module(f))).collect();
    let read: BTreeMap<&str, Imports> = files
        .iter()
        .map(|(file, source)| (file.as_str(), imports(&modules[file.as_str()], source)))
        .collect();
    let tests: Vec<&Path> = read.values().flat_map(|i| &i.tests).collect();
    let for_tests = |module: &[String]| tests.iter().any(|t| module.starts_with(t));
    let mut rooms = Rooms::new();
    for (file, imports) in &read {
        if for_tests(&modules[file]) {
            continue;
        }
        // A program beside the library is a crate of its own.
        let root = root(file, files);
        let mut taken: BTreeSet<String> = imports
            .paths
            .iter()
            .map(|p| owner(p, files, root))
            .collect();
        taken.remove(*file);
        rooms.insert((*file).to_owned(), taken);
    }
    rooms
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(file: &str) -> Path {
    let path = file.trim_end_matches(".rs");
    let mut module: Path = path.split('/').map(str::to_owned).collect();
    let root = matches!(path, "lib" | "main") || path.starts_with("bin/");
    if root || module.last().is_some_and(|m| m == "mod") {
        module.pop();
    }
    module
}

fn root<'a>(file: &'a str, files: &BTreeMap<String, String>) -> &'a str {
    match file {
        _ if file.starts_with("bin/") || file == "main.rs" => file,
        _ if files.contains_key("lib.rs") => "lib.rs",
        _ => "main.rs",
    }
}

/// The file in which a path ends: the last of its names may be items.
fn owner(path: &[String], files: &BTreeMap<String, String>, root: &str) -> String {
    for length in (1..=path.len()).rev() {
        let module = path[..length].join("/");
        for file in [format!("{module}.rs"), format!("{module}/mod.rs")] {
            if files.contains_key(&file) {
                return file;
            }
        }
    }
    root.to_owned()
}

fn faults(rooms: &Rooms, order: &[&str], circles: &[&[&str]]) -> Vec<String> {
    let place = |room: &str| order.iter().position(|o| *o == room);
    let mut faults = Vec::new();
    let mut used = vec![false; circles.len()];
    for (at, room) in order.iter().enumerate() {
        if !rooms.contains_key(*room) {
            faults.push(format!(
                "{room} has a place in the order, but there is no such file"
            ));
        } else if place(room) != Some(at) {
            faults.push(format!("{room} stands in the order twice"));
        }
    }
    for (room, imports) in rooms {
        let Some(at) = place(room) else {
            let above = imports.iter().filter_map(|i| place(i)).max();
            let above = above.map_or("at the start".to_owned(), |a| format!("after {}", order[a]));
            faults.push(format!(
                "{room} has no place in the order: give it one, {above} at the earliest"
            ));
            continue;
        };
        for import in imports.iter().filter(|i| place(i).is_some_and(|p| p > at)) {
            let both = |c: &&[&str]| c.contains(&room.as_str()) && c.contains(&import.as_str());
            match circles.iter().position(both) {
                Some(circle) => used[circle] = true,
                None => faults.push(format!("{room} imports {import}, which stands above it")),
            }
        }
    }
    for (circle, _) in circles.iter().zip(used).filter(|(_, used)| !used) {
        faults.push(format!(
            "{} are no circle any more: strike them",
            circle.join(", ")
        ));
    }
    faults
}

#[cfg(test)]
mod tests;
