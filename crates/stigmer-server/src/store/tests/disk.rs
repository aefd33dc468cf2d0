//! A disk that is full, and has room again.

use std::{
    fs::OpenOptions,
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use redb::{StorageBackend, backends::FileBackend};

use super::*;

/// A file on a disk that can be full.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> io::Result<()> {
        match self.full.load(Ordering::SeqCst) {
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
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.file.write(offset, data)
    }
}

fn opener(path: PathBuf, full: Arc<AtomicBool>) -> Opener {
    Box::new(move || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = FileBackend::new(options.open(&path)?)?;
        let full = Arc::clone(&full);
        Database::builder().create_with_backend(Disk { file, full })
    })
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
    let path = folder.path().join("s.db");
    let full = Arc::new(AtomicBool::new(false));
    let open = opener(path.clone(), Arc::clone(&full));
    let key = path.with_extension("key");
    let store = Store::open_by(open, &path, &key, Arc::new(Hub::default())).unwrap();
    let before = put(&store, "before").await.unwrap();
    let mut writable = store.writable();
    assert!(*writable.borrow_and_update());

    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let why = put(&store, "lost").await.unwrap_err();
        assert!(matches!(why, Error::Unwritable(_)), "{why:?}");
        let why = why.to_string();
        assert!(why.contains("no storage space"), "{why}");
    }
    writable.wait_for(|writable| !writable).await.unwrap();

    full.store(false, Ordering::SeqCst);
    writable.wait_for(|writable| *writable).await.unwrap();
    let after = put(&store, "after").await.unwrap();
    for (id, slug) in [(before, "before"), (after, "after")] {
        let found: Agent = store.read(|view| view.get(&id)).unwrap();
        assert_eq!(found.slug(), slug);
    }
    let mut all = Vec::new();
    let each = store.read(|view| {
        view.each(&mut |agent: Agent| {
            all.push(agent.slug().to_owned());
            Ok(())
        })
    });
    each.unwrap();
    assert_eq!(all, ["before", "after"]);
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
