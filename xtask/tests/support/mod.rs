//! A checkout of its own with services made of shell.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod checkout;
pub mod played;
pub mod services;
pub mod small;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How a made-up service says where it listens.
pub const ANNOUNCED: &str = "echo 127.0.0.1:4242 > $STIGMER_ANNOUNCE_FILE.tmp; mv $STIGMER_ANNOUNCE_FILE.tmp $STIGMER_ANNOUNCE_FILE";

/// A folder that xtask takes for a checkout.
pub struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// Our own configuration.
    pub fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let ours = include_str!("../../../e2e.toml");
        std::fs::write(world.root().join("e2e.toml"), ours).unwrap();
        std::fs::create_dir(world.fake()).unwrap();
        for name in ["server", "true"] {
            world.program(name, "");
        }
        world
    }

    /// This one is given up if it is not ready after 2 s.
    pub fn impatient_of(self, service: &str) -> Self {
        let path = self.root().join("e2e.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(&format!("[services.{service}]\n")).unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let text = format!("{before}[services.{service}]\nready_seconds = 2\n{rest}");
        std::fs::write(path, text).unwrap();
        self
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Where made-up services keep what tests look at.
    pub fn fake(&self) -> PathBuf {
        self.dir.path().join("fake")
    }

    /// The runs' folder.
    pub fn runs(&self) -> PathBuf {
        self.root().join("target/e2e")
    }

    /// A server that does this; its health check always agrees.
    pub fn server(&self, script: &str) {
        self.service("server", script);
    }

    /// A service that does this; whatever it is asked about its health, it agrees.
    pub fn service(&self, name: &str, script: &str) {
        let health = "case \"$1\" in healthcheck|operator|workflow) exit 0;; --version) echo temporal 9.9.9; exit 0;; esac";
        self.program(name, &format!("{health}\n{script}"));
    }

    /// One that is ready, to whoever asks about its health, once it has done the first of the two.
    pub fn ready_after(&self, name: &str, first: &str, then: &str) {
        let health = "case \"$1\" in healthcheck|operator|workflow) [ -e $0.ready ]; exit;; --version) echo temporal 9.9.9; exit 0;; esac";
        let script = format!("{health}\n{first}\n: > $0.ready\n{then}");
        self.program(name, &script);
    }

    /// A program made of shell.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.fake().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A server that announces itself and stays.
    pub fn good_server(&self) {
        self.server(&format!(
            "echo $$ > $E2E_FAKE/server.pid; echo listening; {ANNOUNCED}; exec sleep 60"
        ));
    }

    /// Has a line of the configuration say something else.
    pub fn configure(&self, line: &str, now: &str) {
        let path = self.root().join("e2e.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(line), "no {line}");
        std::fs::write(path, text.replacen(line, now, 1)).unwrap();
    }

    /// No file of any run has this in it.
    pub fn assert_no_run_has(&self, what: &str) {
        let mut open = vec![self.runs()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    open.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    let text = String::from_utf8_lossy(&bytes);
                    assert!(!text.contains(what), "{} has it", path.display());
                }
            }
        }
    }

    /// `xtask e2e` in this world.
    pub fn e2e(&self, args: &[&str]) -> Command {
        let mut command = self.xtask(&["e2e"]);
        command.args(args);
        command
    }

    /// `xtask` in this world; services are made up, and those that a world has not made are `true`.
    pub fn xtask(&self, args: &[&str]) -> Command {
        self.xtask_at(Path::new(env!("CARGO_BIN_EXE_xtask")), args)
    }

    /// The same, called as the program that lies there.
    pub fn xtask_at(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("E2E_ROOT", self.root())
            .env("E2E_FAKE", self.fake())
            .env("E2E_SERVER_BIN", self.fake().join("server"))
            .env("E2E_RUNNER_BIN", self.fake().join("true"))
            .env("E2E_CLI_BIN", self.fake().join("true"))
            .env("E2E_GATEWAY_BIN", self.fake().join("true"))
            .env("E2E_MCP_BIN", self.fake().join("true"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("E2E_MODEL_URL")
            .env_remove("CI")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A pid that a made-up service wrote.
    pub fn pid(&self, name: &str) -> Option<i32> {
        std::fs::read_to_string(self.fake().join(format!("{name}.pid")))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// No process with this world in its environment. The child of one that was killed with its group may need a moment more.
    pub fn assert_nothing_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut left = self.left();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
            left = self.left();
        }
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    fn left(&self) -> Vec<String> {
        let mark = format!("E2E_FAKE={}", self.fake().display()).into_bytes();
        std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                std::fs::read(entry.path().join("environ"))
                    .is_ok_and(|env| env.split(|b| *b == 0).any(|var| var == mark))
            })
            .map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default())
            .collect()
    }
}

/// Both streams.
pub fn text_of(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits for something that must happen soon.
pub fn wait_for(mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60); // containers on a machine that compiles
    while !happened() {
        assert!(Instant::now() < deadline, "it never happened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to one process.
pub fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// Whether a process is there and no zombie.
pub fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    })
}
