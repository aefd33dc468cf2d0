//! Secrets on disk.

use std::{fs, os::unix::fs::PermissionsExt};

use stigmer_api::{
    Kind,
    agentexecution::{AgentExecution, AgentExecutionSpec},
    environment::{Environment, EnvironmentSpec, EnvironmentValue},
    executioncontext::ExecutionValue,
    id,
};

use super::*;

const SECRET: &str = "hush-hush-hush-0123456789";

fn environment(value: &str) -> Environment {
    let value = EnvironmentValue {
        value: value.to_owned(),
        is_secret: true,
        description: String::new(),
    };
    let mut environment = Environment {
        spec: Some(EnvironmentSpec {
            description: "plain-description".to_owned(),
            data: [("TOKEN".to_owned(), value)].into(),
        }),
        ..Environment::default()
    };
    environment.set_envelope();
    environment.metadata_mut().id = id::new(Kind::Environment);
    environment
}

/// Whether any file of the folder holds `text`.
fn on_disk(folder: &tempfile::TempDir, text: &str) -> bool {
    let files = fs::read_dir(folder.path().join("sub")).unwrap();
    files.into_iter().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|w| w == text.as_bytes())
    })
}

async fn put(store: &Store, mut environment: Environment) -> Result<()> {
    store.write(move |tx| tx.put(&mut environment)).await
}

#[tokio::test]
async fn a_secret_is_read_and_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(SECRET);
    let store = open(&folder);
    put(&store, environment.clone()).await.unwrap();
    assert!(
        on_disk(&folder, "plain-description"),
        "the test sees nothing"
    );
    assert!(!on_disk(&folder, SECRET));
    close(&folder, store);
    let store = open(&folder);
    let read: Environment = store.read(|view| view.get(environment.id())).unwrap();
    assert_eq!(read, environment);
    assert!(!on_disk(&folder, SECRET));
}

#[tokio::test]
async fn a_value_that_looks_sealed_is_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let environment = environment("sealed:v1:AAAA");
    put(&store, environment.clone()).await.unwrap();
    let read: Environment = store.read(|view| view.get(environment.id())).unwrap();
    assert_eq!(read, environment);
}

#[tokio::test]
async fn the_secret_of_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (mine, mut other) = (environment("mine"), environment("other"));
    put(&store, mine.clone()).await.unwrap();
    put(&store, other.clone()).await.unwrap();
    let raw = |id: &str| {
        store
            .read(|view| view.value(&keys::resource(id)))
            .unwrap()
            .unwrap()
    };
    let stolen = <Environment as prost::Message>::decode(raw(mine.id()).as_slice()).unwrap();
    other.spec = stolen.spec;
    let swapped = prost::Message::encode_to_vec(&other);
    let key = keys::resource(other.id());
    store.write(move |tx| tx.set(key, &swapped)).await.unwrap();
    let read = store.read(|view| view.get::<Environment>(other.id()));
    let why = read.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(why.contains("TOKEN") && why.contains(other.id()), "{why}");
    assert!(!why.contains("mine"), "{why}");
    store
        .read(|view| view.get::<Environment>(mine.id()))
        .unwrap();
}

#[tokio::test]
async fn a_secret_in_clear_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let planted = environment(SECRET);
    let key = keys::resource(planted.id());
    let clear = prost::Message::encode_to_vec(&planted);
    store.write(move |tx| tx.set(key, &clear)).await.unwrap();
    let read = store.read(|view| view.get::<Environment>(planted.id()));
    let why = read.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(why.contains("TOKEN") && !why.contains(SECRET), "{why}");
}

#[tokio::test]
async fn without_its_key_a_database_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("sub/s.key");
    close(&folder, open(&folder));
    let bytes = fs::read(&key).unwrap();

    fs::remove_file(&key).unwrap();
    let missing = why(try_open(&folder));
    assert!(
        missing.contains("is missing") && missing.contains("s.key"),
        "{missing}"
    );
    assert!(
        !key.exists(),
        "a new key would hide that the old one is lost"
    );

    fs::write(&key, [7; 32]).unwrap();
    let to_all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&key, to_all).unwrap();
    let open_to_all = why(try_open(&folder));
    assert!(open_to_all.contains("chmod 600"), "{open_to_all}");
    restrict(&key).unwrap();
    let wrong = why(try_open(&folder));
    assert!(wrong.contains("is not the one that sealed"), "{wrong}");

    fs::write(&key, bytes).unwrap();
    assert!(try_open(&folder).is_ok());
}

#[tokio::test]
async fn an_old_database_is_sealed_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sub/s.db");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let environment = environment(SECRET);
    let value = ExecutionValue {
        value: SECRET.to_owned(),
        is_secret: true,
    };
    let mut execution = AgentExecution {
        spec: Some(AgentExecutionSpec {
            runtime_env: [("TOKEN".to_owned(), value)].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    execution.metadata_mut().id = id::new(Kind::AgentExecution);
    {
        let old = Database::create(&path).unwrap();
        let write = old.begin_write().unwrap();
        let mut table = write.open_table(DATA).unwrap();
        for (id, bytes) in [
            (
                environment.id(),
                prost::Message::encode_to_vec(&environment),
            ),
            (execution.id(), prost::Message::encode_to_vec(&execution)),
        ] {
            let key = keys::resource(id);
            table.insert(key.as_str(), bytes.as_slice()).unwrap();
        }
        table
            .insert("s/env/x/local", environment.id().as_bytes())
            .unwrap();
        drop(table);
        write.commit().unwrap();
    }
    assert!(on_disk(&folder, SECRET), "the test sees nothing");
    // What a server left that ended in the middle.
    fs::write(path.with_extension("db.part"), "half").unwrap();
    for _ in 0..2 {
        let store = open(&folder);
        let read: Environment = store.read(|view| view.get(environment.id())).unwrap();
        assert_eq!(read, environment);
        let read: AgentExecution = store.read(|view| view.get(execution.id())).unwrap();
        assert_eq!(read, execution);
        let id = store.read(|view| view.id_of_slug(Kind::Environment, "x", "local"));
        assert_eq!(id.unwrap().as_deref(), Some(environment.id()));
        assert!(!on_disk(&folder, SECRET), "it is in a file still");
        let permissions = fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{permissions:?}");
        close(&folder, store);
    }
    assert!(!path.with_extension("db.part").exists());
}

/// As if it were from before secrets were sealed.
fn forget_that_it_is_sealed(folder: &tempfile::TempDir) {
    let db = Database::open(folder.path().join("sub/s.db")).unwrap();
    let write = db.begin_write().unwrap();
    write.open_table(DATA).unwrap().remove(keys::CHECK).unwrap();
    write.commit().unwrap();
}

#[tokio::test]
async fn what_is_sealed_already_is_not_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(SECRET);
    let store = open(&folder);
    put(&store, environment.clone()).await.unwrap();
    close(&folder, store);
    forget_that_it_is_sealed(&folder);
    let store = open(&folder);
    let read: Environment = store.read(|view| view.get(environment.id())).unwrap();
    assert_eq!(read, environment);
    close(&folder, store);

    // By a key that is lost: nobody can say what it was.
    forget_that_it_is_sealed(&folder);
    fs::write(folder.path().join("sub/s.key"), [7; 32]).unwrap();
    let why = why(try_open(&folder));
    assert!(
        why.contains("TOKEN") && why.contains("another key"),
        "{why}"
    );
}
