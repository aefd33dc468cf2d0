//! A disk that is full or broken, and is well again.

use std::{
    fs::{self, OpenOptions},
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use redb::{StorageBackend, backends::FileBackend};

use super::*;

/// A file on a disk that can be in trouble.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    trouble: Trouble,
}

#[derive(Clone, Debug, Default)]
struct Trouble {
    full: Arc<AtomicBool>,
    /// It has what was written and says that nobody knows.
    unsynced: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> io::Result<()> {
        match self.trouble.full.load(Ordering::SeqCst) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        match self.trouble.unsynced.load(Ordering::SeqCst) {
            true => Err(io::Error::other("cannot sync")),
            false => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.file.write(offset, data)
    }
}

fn opener(path: PathBuf, trouble: Trouble) -> Opener {
    Box::new(move || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = FileBackend::new(options.open(&path)?)?;
        let trouble = trouble.clone();
        Database::builder().create_with_backend(Disk { file, trouble })
    })
}

/// A store on such a disk.
fn on_disk(folder: &tempfile::TempDir) -> (Store, Trouble) {
    let path = folder.path().join("s.db");
    let trouble = Trouble::default();
    let open = opener(path.clone(), trouble.clone());
    let key = path.with_extension("key");
    let store = Store::open_by(open(), open, &path, &key, Arc::new(Hub::default()));
    (store.unwrap(), trouble)
}

/// The slugs of all agents as they are listed, and as they are in the file, oldest first.
fn slugs(store: &Store) -> (Vec<String>, Vec<String>) {
    let (size, token) = (0, String::new());
    let page = store.page::<Agent>(Wanted { size, token }, &Keep::default());
    let listed = page.unwrap().entries.into_iter().rev();
    let mut stored = Vec::new();
    let each = store.read(|view| {
        view.each(&mut |agent: Agent| {
            stored.push(agent.slug().to_owned());
            Ok(())
        })
    });
    each.unwrap();
    (listed.map(|it| it.slug().to_owned()).collect(), stored)
}

async fn put(store: &Store, slug: &'static str) -> Result<String> {
    let id = stigmer_api::id::new(stigmer_api::Kind::Agent);
    let mut agent = agent(&id, slug);
    store.write(move |tx| tx.put(&mut agent)).await?;
    Ok(id)
}

#[tokio::test]
async fn a_full_disk_is_told_and_passes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (store, trouble) = on_disk(&folder);
    let before = put(&store, "before").await.unwrap();
    assert_eq!(slugs(&store).0, ["before"]);
    let mut writable = store.writable();
    assert!(*writable.borrow_and_update());

    trouble.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let why = put(&store, "lost").await.unwrap_err();
        assert!(matches!(why, Error::Unwritable(_)), "{why:?}");
        let why = why.to_string();
        assert!(why.contains("no storage space"), "{why}");
    }
    writable.wait_for(|writable| !writable).await.unwrap();

    trouble.full.store(false, Ordering::SeqCst);
    writable.wait_for(|writable| *writable).await.unwrap();
    let after = put(&store, "after").await.unwrap();
    for (id, slug) in [(before, "before"), (after, "after")] {
        let found: Agent = store.read(|view| view.get(&id)).unwrap();
        assert_eq!(found.slug(), slug);
    }
    let (listed, stored) = slugs(&store);
    assert_eq!(stored, ["before", "after"]);
    assert_eq!(listed, stored);
}

#[tokio::test]
async fn a_commit_that_failed_and_is_in_the_file_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, trouble) = on_disk(&folder);
    put(&store, "before").await.unwrap();
    assert_eq!(slugs(&store).0, ["before"]);
    let mut writable = store.writable();
    trouble.unsynced.store(true, Ordering::SeqCst);
    let why = put(&store, "unknown").await.unwrap_err().to_string();
    assert!(why.contains("cannot sync"), "{why}");
    writable.wait_for(|writable| !writable).await.unwrap();

    trouble.unsynced.store(false, Ordering::SeqCst);
    writable.wait_for(|writable| *writable).await.unwrap();
    let (listed, stored) = slugs(&store);
    assert_eq!(stored, ["before", "unknown"], "the test sees nothing");
    assert_eq!(listed, stored);
}

#[tokio::test]
async fn a_panic_costs_its_own_batch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let panicked = store.write(|_| -> Result<()> { panic!("in a test") }).await;
    assert!(panicked.is_err());
    let mut writable = store.writable();
    writable.wait_for(|writable| *writable).await.unwrap();
    put(&store, "after").await.unwrap();
}

/// As with a disk that was unmounted, or a folder that somebody moved.
#[tokio::test]
async fn a_file_that_is_gone_is_waited_for_and_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    put(&store, "before").await.unwrap();
    let path = folder.path().join("sub/s.db");
    let away = path.with_extension("away");
    fs::rename(&path, &away).unwrap();
    let mut writable = store.writable();
    // What fails by it has the file opened anew.
    let failed = store.write(|_| -> Result<()> { panic!("in a test") }).await;
    assert!(failed.is_err());
    let refused = async || {
        let why = put(&store, "lost").await.unwrap_err();
        assert!(matches!(why, Error::Unwritable(_)), "{why:?}");
        why.to_string()
    };
    let why = refused().await;
    assert!(why.contains("No such file"), "{why}");
    assert!(!path.exists(), "a new one would hide the old one");
    assert!(!*writable.borrow_and_update());
    let read = store.read(|view| view.find::<Agent>("agt-x"));
    assert!(matches!(read, Err(Error::Unwritable(_))), "{read:?}");
    // Nor is one made of an empty file; who is refused twice is so after a look at it.
    fs::write(&path, "").unwrap();
    refused().await;
    refused().await;
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    fs::rename(&away, &path).unwrap();
    writable.wait_for(|writable| *writable).await.unwrap();
    put(&store, "after").await.unwrap();
    let (listed, stored) = slugs(&store);
    assert_eq!(stored, ["before", "after"]);
    assert_eq!(listed, stored);
}

#[tokio::test]
async fn what_was_closed_needs_no_repair() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    put(&store, "before").await.unwrap();
    store.close().await;
    assert!(matches!(
        put(&store, "late").await,
        Err(Error::Unwritable(_))
    ));
    let path = folder.path().join("sub/s.db");
    // Though a handle of the closed one is still there.
    let mut builder = Database::builder();
    let repaired = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&repaired);
    builder.set_repair_callback(move |_| seen.store(true, Ordering::SeqCst));
    drop(builder.open(path).unwrap());
    assert!(!repaired.load(Ordering::SeqCst), "it was not closed");
}
