//! What was noted, and how often it was asked: the effects that a test counts.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Whose: tests that share a server keep apart by it.
    pub run: String,
    /// The idempotency key it came with; empty if with none.
    pub key: String,
    /// The trace context it came with; empty if with none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
    /// What was noted.
    pub text: String,
    /// How often it was asked for again.
    pub repeats: u32,
}

/// Where notes are kept: in a file that outlives the process, or in memory.
#[derive(Debug)]
pub enum Notes {
    /// One JSON line a note, written whole each time.
    File(PathBuf),
    /// While the process lives.
    Memory(Mutex<Vec<Note>>),
}

impl Notes {
    /// In a file, or in memory.
    #[must_use]
    pub fn new(file: Option<PathBuf>) -> Self {
        file.map_or_else(|| Self::Memory(Mutex::default()), Self::File)
    }

    /// Notes a text, unless its key was seen before: then the first note is the answer. That is how a tool honours a key.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn add(&self, run: &str, key: &str, traceparent: &str, text: &str) -> io::Result<Note> {
        self.change(|notes| {
            let seen = notes
                .iter_mut()
                .find(|note| !key.is_empty() && note.run == run && note.key == key);
            if let Some(note) = seen {
                note.repeats += 1;
                return note.clone();
            }
            let note = Note {
                run: run.to_owned(),
                key: key.to_owned(),
                traceparent: traceparent.to_owned(),
                text: text.to_owned(),
                repeats: 0,
            };
            notes.push(note.clone());
            note
        })
    }

    /// All notes of a run, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&self, run: &str) -> io::Result<Vec<Note>> {
        self.change(|notes| {
            notes
                .iter()
                .filter(|note| note.run == run)
                .cloned()
                .collect()
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Note>) -> T) -> io::Result<T> {
        match self {
            Self::Memory(notes) => Ok(change(
                &mut notes.lock().unwrap_or_else(PoisonError::into_inner),
            )),
            Self::File(path) => {
                let mut file = OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .read(true)
                    .write(true)
                    .open(path)?;
                file.lock()?; // another process may note in the same file
                let mut notes = read(&mut file)?;
                let before = notes.clone();
                let answer = change(&mut notes);
                if notes != before {
                    write(&mut file, &notes)?;
                }
                Ok(answer)
            }
        }
    }
}

fn read(file: &mut File) -> io::Result<Vec<Note>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let notes = text.lines().map(serde_json::from_str);
    Ok(notes.collect::<Result<_, _>>()?)
}

fn write(file: &mut File, notes: &[Note]) -> io::Result<()> {
    let mut text = String::new();
    for note in notes {
        text.push_str(&serde_json::to_string(note)?);
        text.push('\n');
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}
