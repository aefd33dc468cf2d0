//! Whose fault it is that a build fails.

use super::*;
use crate::mutant::{self, Position};
use crate::step;
use harness_base::cargo::cargo;
use harness_base::{Command, Interrupt};
use serde_json::json;
use std::time::Duration;

/// A crate of three lines.
const BUILD: Duration = Duration::from_secs(60);

fn place(number: usize, whole: Range<usize>, fault: Range<usize>) -> Place {
    Place {
        number,
        fault,
        whole,
    }
}

#[test]
fn who_is_to_blame() {
    let together = Together {
        copy: Path::new("/copy"),
        mutants: &[],
        plain: BTreeMap::new(),
        roots: BTreeSet::new(),
        places: [
            (
                "src/a.rs".into(),
                vec![place(1, 10..90, 20..30), place(2, 40..80, 50..60)],
            ),
            ("src/b.rs".into(), vec![place(3, 10..90, 20..30)]),
        ]
        .into(),
    };
    let error = |level: &str, spans: &[(&str, u32, u32, bool)]| {
        let span = |(file, from, to, primary): &(&str, u32, u32, bool)| json!({ "file_name": file, "byte_start": from, "byte_end": to, "is_primary": primary, "expansion": null });
        let spans: Vec<_> = spans.iter().map(span).collect();
        json!({ "reason": "compiler-message", "message": { "level": level, "spans": spans } })
            .to_string()
    };
    let blamed = |words: &[String]| together.blamed(&words.join("\n"));
    // Its own words, where these are not what is pointed at first.
    assert_eq!(
        blamed(&[error(
            "error",
            &[("src/a.rs", 62, 70, true), ("src/a.rs", 52, 58, false)]
        )]),
        [2].into()
    );
    // What it is part of: both, since either may be it.
    assert_eq!(
        blamed(&[error("error", &[("src/a.rs", 62, 70, true)])]),
        [1, 2].into()
    );
    // Elsewhere in the file.
    assert_eq!(
        blamed(&[error("error", &[("src/b.rs", 95, 99, true)])]),
        [3].into()
    );
    // Several, among words that are no message.
    let both = [
        error("error", &[("src/b.rs", 22, 24, true)]),
        "error: no".into(),
        error("error", &[("src/a.rs", 20, 30, true)]),
    ];
    assert_eq!(blamed(&both), [1, 3].into());
    // In the words of a macro: where it is called.
    let mut called =
        serde_json::from_str::<Value>(&error("error", &[("src/lib.rs", 1, 2, true)])).unwrap();
    called["message"]["spans"][0]["expansion"] = json!({ "span": { "file_name": "src/a.rs", "byte_start": 41, "byte_end": 49, "expansion": null } });
    assert_eq!(blamed(&[called.to_string()]), [1, 2].into());
    // A warning is none, nor what no mutant is in.
    assert_eq!(
        blamed(&[
            error("warning", &[("src/b.rs", 22, 24, true)]),
            error("error", &[("src/c.rs", 1, 2, true)])
        ]),
        [].into()
    );
}

/// With cargo and the compiler.
#[tokio::test]
async fn what_does_not_compile_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (copy, text) = (
        dir.path().join("copy"),
        "const fn one() -> u8 { 0 + 1 }\nfn two(a: &str) -> usize { a.len() * 2 }\nfn main() { println!(\"{} {}\", one(), two(\"\")) }\n",
    );
    std::fs::create_dir_all(copy.join("src")).unwrap();
    let manifest =
        "[package]\nname = \"it\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    std::fs::write(copy.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(copy.join("src/main.rs"), text).unwrap();
    let mutant = |line, columns: [usize; 2], words: &str| {
        let at = |column| Position { line, column };
        Mutant {
            id: String::new(),
            package: "it".into(),
            file: "src/main.rs".into(),
            name: String::new(),
            span: mutant::Span {
                start: at(columns[0]),
                end: at(columns[1]),
            },
            replacement: words.into(),
            diff: String::new(),
        }
    };
    let mutants = [
        mutant(1, [26, 27], "-"),          // nothing can be switched in a constant
        mutant(2, [26, 42], "{ \"no\" }"), // another type
        mutant(2, [36, 37], "+"),
    ];
    let mutants: Vec<_> = mutants.iter().collect();
    let switch = Switch::new(dir.path());
    let (log, interrupt) = (dir.path().join("log"), Interrupt::install().unwrap());
    let mut together = Together::read(&copy, &mutants).await.unwrap();
    let build = async || {
        let build = ["build", "--offline", "--message-format", "json"];
        let build = Command::new(cargo()).args(build).cwd(&copy);
        let end = step::run(&build.unset("CARGO_TARGET_DIR"), &log, BUILD, &interrupt).await?;
        let words = std::fs::read_to_string(&log)?;
        Ok((end != step::End::Code(Some(0))).then_some(words))
    };
    assert_eq!(together.settle(&switch, build).await.unwrap(), [3].into());
    let woven = std::fs::read_to_string(copy.join("src/main.rs")).unwrap();
    assert!(
        woven.contains("(if __mutant!(3) { a.len() + 2 } else"),
        "{woven}"
    );
    assert!(
        !woven.contains("__mutant!(1)") && !woven.contains("__mutant!(2)"),
        "{woven}"
    );
    together.restore().unwrap();
    assert_eq!(
        std::fs::read_to_string(copy.join("src/main.rs")).unwrap(),
        text
    );

    std::fs::write(copy.join("src/main.rs"), "fn main() { no }").unwrap();
    let mut together = Together::read(&copy, &[]).await.unwrap();
    let failed = together
        .settle(&switch, build)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        failed,
        "the copy does not compile, and of no mutant's fault"
    );
}
