//! Runs whose `run.json` cannot be read: it was cut, emptied, or is of another version. What they started runs on all the
//! same, and is found by their pid files and by the run's id in its environment.

use super::info::Info;
use crate::process::Ident;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A run that nobody can read about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The run's folder.
    pub dir: PathBuf,
    /// Its id, which is the folder's name.
    pub id: String,
    /// Why, with the file.
    pub why: String,
    /// Whoever began it is there: it is theirs to end.
    pub owned: bool,
}

impl Damaged {
    /// What it is and what ends it, for people.
    pub fn line(&self) -> String {
        let end = match self.owned {
            true => "it ends with the command that began it",
            false => "`cargo xtask down` ends it",
        };
        let (id, why) = (&self.id, &self.why);
        format!(
            "something of the run {id} still runs, and what it is cannot be read ({why}): {end}"
        )
    }
}

/// Folders in which runs may lie, in no order.
pub fn folders(runs: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

/// All of a checkout, the oldest first.
pub fn damaged(runs: &Path) -> Vec<Damaged> {
    let mut found: Vec<_> = folders(runs).into_iter().filter_map(of).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn of(dir: PathBuf) -> Option<Damaged> {
    let why = Info::read(&dir).err()?;
    let id = dir.file_name()?.to_str()?.to_owned();
    // A draft has its name's dot, and the cache is no run.
    let begun = dir.join("pids").is_dir() || dir.join("run.json").exists();
    if id.starts_with('.') || !begun {
        return None;
    }
    let json = std::fs::read(dir.join("run.json")).unwrap_or_default();
    let mut json: Value = serde_json::from_slice(&json).unwrap_or_default();
    let owner = json.get_mut("owner").map(Value::take);
    let owner: Option<Ident> = owner.and_then(|it| serde_json::from_value(it).ok());
    Some(Damaged {
        owned: owner.is_some_and(|owner| owner.may_live()),
        why: format!("{why:#}"),
        dir,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_its_file_says_a_run_is_there() {
        let at = tempfile::tempdir().unwrap();
        let run = |name: &str, text: &str| {
            let dir = at.path().join(name);
            std::fs::create_dir_all(dir.join("pids")).unwrap();
            std::fs::write(dir.join("run.json"), text).unwrap();
        };
        let whole = serde_json::to_string(&Info::new("z", at.path()).unwrap()).unwrap();
        let own = serde_json::to_string(&Ident::own().unwrap()).unwrap();
        for (nth, text) in ["", "{", "null", "{}", &format!("{{\"owner\":{own}}}")]
            .iter()
            .enumerate()
        {
            run(&format!("run{nth}"), text);
        }
        run("whole", &whole);
        run(".new-draft", "{");
        std::fs::create_dir(at.path().join("cache")).unwrap();
        let found = damaged(at.path());
        let ids: Vec<&str> = found.iter().map(|it| &*it.id).collect();
        assert_eq!(ids, ["run0", "run1", "run2", "run3", "run4"]);
        let owned: Vec<bool> = found.iter().map(|it| it.owned).collect();
        assert_eq!(owned, [false, false, false, false, true]);
        assert!(
            found[0].line().contains("run0/run.json"),
            "{}",
            found[0].line()
        );
    }
}
