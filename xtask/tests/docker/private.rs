//! A Docker daemon of one test's own, which may be stopped, killed and starved while everybody else's goes on.

#![allow(unreachable_pub, reason = "a module of one test file")]

use crate::support::{text_of, wait_for};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The daemon and its namespaces: on the network of another daemon it would rewrite that one's firewall rules. The end
/// of a pid namespace's first process is the end of all others in it, so nothing outlives the test, however it ends.
pub struct Daemon {
    dir: tempfile::TempDir,
    /// It ends when its input does, which this process holds.
    holder: Child,
    /// First process of the namespaces, by the pid that it has outside.
    first: String,
    engine: Option<Child>,
}

/// Brings loopback up, hides `/run`, where containers' supervisors leave their sockets, and waits as a shell does: whoever
/// lost a parent is reaped. A daemon that was killed cannot start again beside a containerd that is a zombie.
const FIRST: &str = "ip link set lo up && mount -t tmpfs none /run && mkdir $D/data && \
                     { [ -z $SIZE ] || mount -t tmpfs -o size=$SIZE none $D/data; } && \
                     exec 3<&0 && echo up && { cat <&3 >/dev/null & } && wait";

impl Daemon {
    /// One that has this much room, such as `64m`, or all that there is. `None` where it cannot be had, which is said.
    pub fn start(size: &str) -> Option<Self> {
        if let Some((why, mend)) = missing() {
            eprintln!("SKIPPED: {why}, so no daemon was started\n  mend: {mend}");
            return None;
        }
        // Not in TMPDIR: a socket's path has at most 107 bytes.
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        // The flags below would contradict what the machine's own file says.
        std::fs::write(dir.path().join("daemon.json"), "{}").unwrap();
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "sh", "-c", FIRST])
            .env("D", dir.path())
            .env("SIZE", size)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut up).unwrap();
        assert_eq!(up, "up\n", "no namespaces");
        let pid = holder.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let first = std::fs::read_to_string(children).unwrap();
        let mut daemon = Self {
            dir,
            holder,
            first: first.trim().to_owned(),
            engine: None,
        };
        daemon.start_again();
        Some(daemon)
    }

    /// Starts it, on what it had, and waits until it answers.
    pub fn start_again(&mut self) {
        assert!(self.engine.is_none(), "it runs");
        let at = |name: &str| self.dir.path().join(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(at("log"))
            .unwrap();
        let mut command = self.nsenter(&["--net", "--mount", "--pid"]);
        command
            .arg("dockerd")
            .arg("--config-file")
            .arg(at("daemon.json"))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .args(["--host", &self.host()])
            // Known by name, so that what is left of it can be removed.
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
            .args(["--cgroup-parent", &format!("/{}", self.group())])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut engine = command.spawn().unwrap();
        wait_for(|| {
            if let Some(status) = engine.try_wait().unwrap() {
                panic!("dockerd ended with {status}\n{}", self.said());
            }
            let mut version = Command::new("docker");
            version.args(["--host", &self.host(), "version"]);
            version.output().unwrap().status.success()
        });
        self.engine = Some(engine);
    }

    /// Ends it by a signal, and waits until it is gone.
    pub fn end(&mut self, signal: Signal) {
        let pid = std::fs::read_to_string(self.dir.path().join("pid")).unwrap();
        let mut command = self.nsenter(&["--mount", "--pid"]);
        let kill = ["kill", "-s", &signal.as_str()[3..], pid.trim()];
        assert!(command.args(kill).status().unwrap().success());
        let mut engine = self.engine.take().unwrap();
        engine.wait().unwrap();
    }

    /// More room for one that was started with little.
    pub fn grow(&self, size: &str) {
        let mut command = self.nsenter(&["--mount"]);
        command.args(["mount", "-o", &format!("remount,size={size}")]);
        command.arg(self.dir.path().join("data"));
        assert!(command.status().unwrap().success());
    }

    /// Takes all the room that one has which was started with little: dd ends when nothing more fits.
    pub fn fill(&self) {
        let mut command = self.nsenter(&["--mount"]);
        command.args(["dd", "if=/dev/zero", "bs=64k", "status=none"]);
        command.arg(format!("of={}/data/rest", self.dir.path().display()));
        assert!(text_of(&command.output().unwrap()).contains("No space left"));
    }

    /// For `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}/s", self.dir.path().display())
    }

    /// The same command on this daemon's network, where its containers' ports are published, and for this daemon.
    pub fn within(&self, command: &Command) -> Command {
        let mut inside = self.nsenter(&["--net"]);
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
            .env("DOCKER_HOST", self.host())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        inside
    }

    fn nsenter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first]).args(namespaces);
        command
    }

    /// Parent of its containers' control groups.
    fn group(&self) -> String {
        let name = self.dir.path().file_name().unwrap().to_string_lossy();
        format!("stigmer-e2e{name}")
    }

    /// The end of its log.
    fn said(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n  ")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait(); // it has ended when all others have
        if let Some(mut engine) = self.engine.take() {
            let _ = engine.wait(); // reaped here, since it was started here
        }
        // A control group goes when the kernel has noted that nobody is in it.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !groups(&self.group()).iter().all(|group| removed(group)) {
            if Instant::now() > deadline {
                eprintln!("control groups named {} are left", self.group());
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Control groups of this name, of each controller where these are apart.
fn groups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = controllers.map(|at| at.path().join(name)).collect();
    all.push(root.join(name));
    all.retain(|path| path.is_dir());
    all
}

/// Removes a control group and those below it; whether all are gone.
fn removed(group: &Path) -> bool {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            removed(&entry.path());
        }
    }
    std::fs::remove_dir(group).is_ok()
}

/// What this machine lacks, and how to get it.
fn missing() -> Option<(&'static str, &'static str)> {
    // Its owner is who runs this.
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return Some((
            "only root may start one",
            "sudo -E cargo test -p xtask --test docker -- --ignored daemon",
        ));
    }
    let needed = [
        (
            "dockerd",
            "--version",
            "there is no dockerd on PATH",
            "sudo apt-get install -y docker.io",
        ),
        (
            "unshare",
            "--version",
            "there is no unshare on PATH",
            "sudo apt-get install -y util-linux",
        ),
        (
            "ip",
            "-V",
            "there is no ip on PATH",
            "sudo apt-get install -y iproute2",
        ),
    ];
    let lacks = |program, flag| Command::new(program).arg(flag).output().is_err();
    needed
        .into_iter()
        .find(|(program, flag, ..)| lacks(*program, *flag))
        .map(|(_, _, why, mend)| (why, mend))
}
