//! A real registry, on a real Docker Engine: images go there, vanish here, come back, and run.

use crate::docker_world::docker;
use crate::support::checkout::Checkout;
use crate::support::{text_of, wait_for};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

/// What every part is in this test: it says its name and which test it is of.
const PROGRAM: &str =
    "#include <stdio.h>\nint main(int c, char **v) { printf(\"%s OWN\\n\", v[0]); return 0; }\n";
/// A password and what the registry keeps of it; nothing else has it.
const PASSWORD: &str = "s3cret-of-the-test";
const HASHED: &str = "tester:$2y$05$abcdefghijklmnopqrstuujsWknM8pfBPdRxoOJt8hu.sWw2vTXTq\n";

/// A registry on a free port of loopback, with a password; it ends with its images.
struct Registry {
    child: Child,
    at: String,
    checkout: Checkout,
}

impl Registry {
    /// `None` where there is no `docker-registry`, which is said.
    fn start() -> Option<Self> {
        let found = Command::new("docker-registry").arg("--version").output();
        if found.is_err() {
            eprintln!(
                "SKIPPED: no docker-registry on PATH, so nothing was pushed or pulled for real"
            );
            eprintln!("  mend: sudo apt-get install -y docker-registry");
            return None;
        }
        // A tag of its own, so that no other test's images are met.
        let own = format!("{}-{:?}", std::process::id(), std::time::SystemTime::now());
        let checkout = Checkout::new(&own);
        let fake = checkout.world.fake();
        checkout.write("fake/program.c", &PROGRAM.replace("OWN", &own));
        checkout.write("fake/htpasswd", HASHED);
        checkout.write(
            "fake/registry.yml",
            &format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}/blobs}}}}\n\
                 http: {{addr: ADDRESS}}\nauth: {{htpasswd: {{realm: test, path: {0}/htpasswd}}}}\n",
                fake.display()
            ),
        );
        let compiled = Command::new("cc")
            .args(["-static", "-Os", "-o"])
            .args(["program", "program.c"].map(|name| fake.join(name)))
            .status();
        assert!(compiled.unwrap().success());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let at = port.to_string();
        let config = fake.join("registry.yml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace("ADDRESS", &at)).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self {
            child,
            at,
            checkout,
        };
        wait_for(|| TcpStream::connect(&registry.at).is_ok());
        Some(registry)
    }

    /// `xtask images` for this registry, by the real client with credentials of this test alone.
    fn images(&self, args: &[&str]) -> Output {
        let mut command = self.checkout.xtask(&["images"]);
        let output = command
            .args(args)
            .args(["--registry", &format!("{}/team", self.at)])
            .env("DOCKER_CONFIG", self.checkout.world.fake().join("config"))
            .output();
        output.unwrap()
    }

    fn passes(&self, args: &[&str]) -> String {
        let output = self.images(args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            text_of(&output)
        );
        text_of(&output)
    }

    /// What the engine has of this registry.
    fn here(&self) -> Vec<String> {
        let pattern = format!("reference={}/*/*/*", self.at);
        let format = "{{.Repository}}:{{.Tag}}";
        let list = docker(&["image", "ls", "--filter", &pattern, "--format", format]);
        list.lines().map(str::to_owned).collect()
    }

    fn forget(&self) {
        let here = self.here();
        if !here.is_empty() {
            let mut args = vec!["image", "rm", "--force"];
            args.extend(here.iter().map(String::as_str));
            docker(&args);
        }
        assert_eq!(self.here(), Vec::<String>::new());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended with the test
        let _ = self.child.wait();
        if !std::thread::panicking() {
            self.forget();
        }
    }
}

#[test]
#[ignore = "needs Docker and docker-registry: cargo xtask ci runs it"]
fn images_go_to_a_registry_and_come_back() {
    let Some(mut registry) = Registry::start() else {
        return;
    };
    // Built, since nothing can be had without a password; and told how to give it.
    let text = registry.passes(&["build"]);
    assert!(
        text.contains(&format!("mend: docker login {}", registry.at)),
        "{text}"
    );
    assert!(text.contains("built in"), "{text}");
    let here = registry.here();
    assert_eq!(here.len(), 5);
    let label = "{{index .Config.Labels \"dev.stigmer.e2e.image\"}}";
    for image in &here {
        // What has no label is not found by `images clean`.
        assert_ne!(docker(&["image", "inspect", "--format", label, image]), "");
    }
    let output = registry.images(&["push"]);
    assert_eq!(output.status.code(), Some(30), "{}", text_of(&output));
    assert!(
        text_of(&output).contains("mend: docker login"),
        "{}",
        text_of(&output)
    );

    let config = registry.checkout.world.fake().join("config");
    let login = Command::new("docker")
        .args([
            "login",
            "--username",
            "tester",
            "--password",
            PASSWORD,
            &registry.at,
        ])
        .env("DOCKER_CONFIG", config)
        .output()
        .unwrap();
    assert!(login.status.success(), "{}", text_of(&login));
    registry.forget();
    let text = registry.passes(&["build"]);
    assert_eq!(text.matches("is not in the registry").count(), 5, "{text}");
    let text = registry.passes(&["push"]);
    assert_eq!(text.matches("pushed in").count(), 5, "{text}");

    // Gone here, there is no other way than from there.
    registry.checkout.calls();
    registry.forget();
    let text = registry.passes(&["build"]);
    assert_eq!(text.matches("pulled in").count(), 5, "{text}");
    assert_eq!(
        registry.checkout.calls(),
        Vec::<String>::new(),
        "cargo was called"
    );
    registry.forget();
    assert_eq!(registry.passes(&["pull"]).matches("pulled in").count(), 5);
    assert_eq!(registry.passes(&["pull"]).matches("is there").count(), 6);
    assert_eq!(
        registry
            .passes(&["build", "--offline"])
            .matches("is there")
            .count(),
        6
    );
    let runner = registry
        .here()
        .into_iter()
        .find(|name| name.contains("/runner-e2e:"));
    let runner = runner.unwrap();
    for program in ["/agent-runner", "/mcp-probe"] {
        let said = docker(&[
            "run",
            "--rm",
            "--network",
            "none",
            "--entrypoint",
            program,
            &runner,
        ]);
        assert!(
            said.starts_with(&format!("{program} {}-", std::process::id())),
            "{said}"
        );
    }

    // Gone there.
    registry.forget();
    registry.child.kill().unwrap();
    registry.child.wait().unwrap();
    let output = registry.images(&["pull"]);
    assert_eq!(output.status.code(), Some(30), "{}", text_of(&output));
    assert!(
        text_of(&output).contains("connection refused"),
        "{}",
        text_of(&output)
    );
}
