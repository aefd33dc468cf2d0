//! What a test did, written down as it goes: the agents, executions, scripts and instances it made, the commands it ran. A
//! failure names them on its first line, and `tests/NAME/events.jsonl` in the phase's folder has them when the test was
//! killed. The first line there says that the test began.

use std::{
    cell::RefCell,
    cmp::Reverse,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

/// The shortest secret that is taken out of texts: a shorter one stands in them by chance.
const SHORTEST: usize = 4;

/// The longest text of one event, in characters.
const LONGEST: usize = 16_000;

#[derive(Debug, Default)]
struct Trail {
    test: String,
    traceparent: Option<String>,
    phase: String,
    runtime: String,
    folder: Option<PathBuf>,
    file: Option<File>,
    secrets: Vec<String>,
    agent: Option<String>,
    execution: Option<(String, String)>,
    executions: usize,
    script: Option<String>,
    instance: Option<String>,
    command: Option<String>,
}

thread_local! {
    // A test has a thread of its own, and its runtime stays on it.
    static TRAIL: RefCell<Trail> = RefCell::default();
}

fn with<T>(work: impl FnOnce(&mut Trail) -> T) -> T {
    TRAIL.with_borrow_mut(work)
}

/// The name of the test that runs, as nextest tells it.
pub(crate) fn test_name() -> String {
    let named = std::env::var("NEXTEST_TEST_NAME").ok();
    let thread = || thread::current().name().map(str::to_owned);
    named.or_else(thread).unwrap_or_default()
}

/// Notes that a test begins on the stack whose files are in `dir`; a second time is none.
pub(crate) fn begin(dir: &Path, phase: &str, runtime: &str) {
    let begun = with(|trail| !trail.test.is_empty());
    if begun {
        return;
    }
    let test = test_name();
    let folder = dir.join("tests").join(test.replace("::", "."));
    // Without its notes a test is still a test.
    let file = fs::create_dir_all(&folder).and_then(|()| {
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(true)
            .open(folder.join("events.jsonl"))
    });
    let id = ulid::Ulid::generate().0;
    let trace = format!("{id:032x}");
    with(|trail| {
        trail.traceparent = Some(format!("00-{trace}-{:016x}-01", id as u64 | 1));
        (trail.file, trail.folder) = (file.ok(), Some(folder));
        (trail.test, trail.phase, trail.runtime) = (test.clone(), phase.into(), runtime.into());
    });
    let start = json!({ "test": test, "pid": std::process::id(), "trace": trace });
    event("start", start);
}

/// What all that the test asks for is part of.
pub(crate) fn traceparent() -> Option<String> {
    with(|trail| trail.traceparent.clone())
}

/// The folder of the test that runs.
pub(crate) fn folder() -> Option<PathBuf> {
    with(|trail| trail.folder.clone())
}

/// Notes something: `kind` and the fields of an object.
pub(crate) fn event(kind: &str, mut fields: Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    with(|trail| {
        let Trail { file, secrets, .. } = trail;
        let Some(file) = file else { return };
        clean(&mut fields, secrets);
        fields["ms"] = now.into();
        fields["kind"] = kind.into();
        // One write a line, so that a killed test leaves whole ones.
        drop(file.write_all(format!("{fields}\n").as_bytes()));
    });
}

fn clean(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => {
            *text = redacted(text, secrets);
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                let left = text.len() - end;
                *text = format!("{}.. {left} bytes more", &text[..end]);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| clean(field, secrets)),
        _ => {}
    }
}

/// The longest goes first: of one that begins with another, the rest would stay.
fn redacted(text: &str, secrets: &[String]) -> String {
    let mut secrets: Vec<_> = secrets.iter().collect();
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret, "[redacted]")
    })
}

/// A value that is to stand in no note and in no failure.
pub(crate) fn secret(value: &str) {
    if value.len() >= SHORTEST {
        with(|trail| trail.secrets.push(value.to_owned()));
    }
}

/// A text without the test's secrets.
pub(crate) fn without_secrets(text: &str) -> String {
    with(|trail| redacted(text, &trail.secrets))
}

/// An agent that was applied.
pub(crate) fn agent(slug: &str, id: &str) {
    with(|trail| trail.agent = Some(slug.to_owned()));
    event("agent", json!({ "agent": slug, "id": id }));
}

/// An execution that was created at the server `server`.
pub(crate) fn execution(id: &str, message: &str, server: &str) {
    with(|trail| {
        trail.execution = Some((id.to_owned(), String::new()));
        trail.executions += 1;
    });
    event(
        "execution",
        json!({ "execution": id, "message": message, "server": server }),
    );
}

/// The last that was seen of an execution: its phase and why.
pub(crate) fn seen(id: &str, state: &str) {
    with(|trail| trail.execution = Some((id.to_owned(), state.to_owned())));
}

/// A script that was made.
pub(crate) fn script(key: &str) {
    with(|trail| trail.script = Some(key.to_owned()));
    event("script", json!({ "script": key }));
}

/// What a script was told to answer; of a large answer its size.
pub(crate) fn answer(model: &str, answer: &Value) {
    let size = answer.to_string().len();
    let answer = if size > LONGEST {
        json!({ "bytes": size })
    } else {
        answer.clone()
    };
    event("answer", json!({ "script": model, "answer": answer }));
}

/// A service of the test's own.
pub(crate) fn instance(name: &str, endpoint: Option<&str>) {
    with(|trail| trail.instance = Some(name.to_owned()));
    event(
        "instance",
        json!({ "instance": name, "endpoint": endpoint }),
    );
}

/// A command that was run, its arguments and how it ended.
///
/// An execution is told by its id in what was printed.
pub(crate) fn command(
    args: &[String],
    code: Option<i32>,
    stdout: &str,
    stderr: &str,
    server: &str,
) {
    let shown = args.join(" ");
    let ended = code.map_or("killed".to_owned(), |code| format!("exit {code}"));
    with(|trail| trail.command = Some(format!("`stigmer {}` {ended}", cut(&shown))));
    event(
        "command",
        json!({ "args": args, "code": code, "stdout": stdout, "stderr": stderr }),
    );
    let known =
        |id: &str| with(|trail| trail.execution.as_ref().is_some_and(|(last, _)| last == id));
    for id in executions(stdout).chain(executions(stderr)) {
        if !known(id) {
            execution(id, "", server);
        }
    }
}

/// The ids of executions in a text.
fn executions(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.len() == "aex-".len() + 26 && word.starts_with("aex-"))
}

fn cut(text: &str) -> String {
    const WIDE: usize = 80;
    match text.char_indices().nth(WIDE) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whom a failure is about, on one line.
pub(crate) fn about() -> String {
    with(|trail| {
        let mut parts = Vec::new();
        if let Some(agent) = &trail.agent {
            parts.push(format!("agent {agent}"));
        }
        if let Some((id, state)) = &trail.execution {
            let more = match trail.executions {
                0 | 1 => String::new(),
                count => format!(" (the last of {count})"),
            };
            parts.push(format!("execution {id} {state}").trim_end().to_owned() + &more);
        }
        if let Some(script) = &trail.script {
            parts.push(format!("script {script}"));
        }
        if let Some(instance) = &trail.instance {
            parts.push(instance.clone());
        }
        if let (Some(command), None) = (&trail.command, &trail.execution) {
            parts.push(command.clone());
        }
        redacted(&parts.join(", "), &trail.secrets)
    })
}

/// Where to look, and how to run just this test again.
pub(crate) fn next_step() -> String {
    with(|trail| {
        let Trail {
            test,
            phase,
            runtime,
            ..
        } = trail;
        if test.is_empty() {
            return "again: cargo xtask e2e".to_owned();
        }
        let runtime = match runtime.as_str() {
            "docker" => " --runtime docker",
            "external" => " --reuse=external",
            _ => "",
        };
        format!(
            "look: cargo xtask explain {test}; again: cargo xtask e2e {phase} 'test(={test})'{runtime}"
        )
    })
}

/// Notes a failure. A test may catch one and go on: the last one before its end counts.
pub(crate) fn failed(place: &str, what: &str, about: &str, details: &[String]) {
    event(
        "failure",
        json!({ "place": place, "what": what, "about": about, "details": details }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_another_time_is_one_that_there_is() {
        for (runtime, flag) in [
            ("native", ""),
            ("docker", " --runtime docker"),
            ("external", " --reuse=external"),
        ] {
            with(|trail| {
                (trail.test, trail.phase) = ("a::b".into(), "phase2".into());
                trail.runtime = runtime.into();
            });
            let said = next_step();
            let again = format!("again: cargo xtask e2e phase2 'test(=a::b)'{flag}");
            assert!(said.ends_with(&again), "{said}");
        }
    }

    #[test]
    fn of_a_secret_that_begins_another_nothing_is_left_of_either() {
        let secrets = ["hunter", "hunter22"].map(str::to_owned);
        assert_eq!(
            redacted("hunter22, hunter", &secrets),
            "[redacted], [redacted]"
        );
    }
}
