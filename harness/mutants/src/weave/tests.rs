//! What is woven, and what it does.

use super::*;
use crate::mutant::{Position, Span};
use crate::switch::Switch;

/// A mutant that puts words in place of others: the first of these in the text behind `after`.
fn mutant(text: &str, after: &str, old: &str, new: &str) -> Mutant {
    let from = text.find(after).unwrap() + after.len();
    let at = from + text[from..].find(old).unwrap();
    let place = |at: usize| Position {
        line: text[..at].matches('\n').count() + 1,
        column: text[..at]
            .chars()
            .rev()
            .take_while(|it| *it != '\n')
            .count()
            + 1,
    };
    Mutant {
        id: String::new(),
        package: "it".into(),
        file: "src/main.rs".into(),
        name: String::new(),
        span: Span {
            start: place(at),
            end: place(at + old.len()),
        },
        replacement: new.into(),
        diff: String::new(),
    }
}

fn woven(text: &str, mutants: &[Mutant]) -> Woven {
    weave(text, &(1..).zip(mutants).collect::<Vec<_>>()).unwrap()
}

#[test]
fn one_in_another_and_two_in_one_place() {
    let text = "fn f(a: u8) -> u8 { a + a * 2 }";
    let mutants = [
        mutant(text, "a ", "+", "-"),
        mutant(text, "a ", "*", "/"),
        mutant(text, "a ", "+", "*"),
        mutant(text, "u8 ", "{ a + a * 2 }", "{ 0 }"),
    ];
    let woven = woven(text, &mutants);
    insta::assert_snapshot!(woven.text, @"fn f(a: u8) -> u8 { if __mutant!(4) { { 0 } } else { { (if __mutant!(1) { a - a * 2 } else if __mutant!(3) { a * a * 2 } else { a + (if __mutant!(2) { a / 2 } else { a * 2 }) }) } } }");
    let faults = woven
        .places
        .iter()
        .map(|it| (it.number, &woven.text[it.fault.clone()]));
    let expected = [
        (4, "{ 0 }"),
        (1, "a - a * 2"),
        (3, "a * a * 2"),
        (2, "a / 2"),
    ];
    assert_eq!(faults.collect::<Vec<_>>(), expected);
    for place in &woven.places {
        assert!(woven.text[place.whole.clone()].contains(&woven.text[place.fault.clone()]));
    }
}

#[test]
fn what_has_no_place_is_left_out() {
    let text = "//! Said of all.\nfn f() { assert!(1 + 1 == 2) }\nstatic S: &str = \"+\";";
    let mutants = [
        mutant(text, "1 ", "+", "-"),
        mutant(text, "Said of ", "all", "none"),
    ];
    assert_eq!(woven(text, &mutants[1..]).text, text);
    // The words of a macro are whatever it makes of them: the call as a whole is replaced.
    assert!(
        woven(text, &mutants[..1])
            .text
            .contains("{ assert!(1 - 1 == 2) } else { assert!(1 + 1 == 2) }")
    );
    assert!(weave("fn f( {", &[]).is_err());
}

#[test]
fn the_words_of_a_crate_stand_behind_what_is_said_of_it() {
    let text = "//! It.\n#![allow(unused)]\n\n/// Said of f.\nfn f() -> u8 { 1 + 1 }\n";
    let mut woven = woven(text, &[mutant(text, "1 ", "+", "-")]);
    woven.insert(first_item(text).unwrap(), "WORDS ");
    assert!(
        woven
            .text
            .starts_with("//! It.\n#![allow(unused)]\n\nWORDS /// Said of f.\n"),
        "{}",
        woven.text
    );
    assert_eq!(&woven.text[woven.places[0].fault.clone()], "1 - 1");
    assert_eq!(first_item("//! Only words.\n").unwrap(), 16);
}

/// With the compiler, since nobody else knows what is Rust.
#[test]
fn each_is_what_it_says_and_the_rest_is_as_it_was() {
    let text = r#"
        mod inner {
            pub fn sum(to: i32) -> i32 {
                let mut sum = 0;
                for it in 0..to { if it % 2 == 0 && !(it == 4) { sum += it } }
                sum
            }
            pub fn name(it: i32) -> &'static str { match it { 1 => "one", n if n > 5 => "many", _ => "some" } }
        }
        fn main() {
            let said = std::panic::catch_unwind(|| format!("{} {} {}", inner::sum(7), inner::name(1), inner::name(7)));
            println!("{}", said.unwrap_or_default());
        }"#;
    let mutants = [
        mutant(text, "for it", "==", "!="),
        mutant(text, "2 == 0 && ", "!", ""),
        mutant(text, "{ sum ", "+=", "-="),
        mutant(text, "match it { ", "1 => \"one\",", ""),
        mutant(text, "n if ", "n > 5", "true"),
        mutant(text, "n > ", "5", "7"),
        mutant(
            text,
            "static str ",
            "{ match it { 1 => \"one\", n if n > 5 => \"many\", _ => \"some\" } }",
            "{ \"xyzzy\" }",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    let (switch, mut woven) = (Switch::new(dir.path()), woven(text, &mutants));
    assert_eq!(woven.places.len(), mutants.len());
    woven.insert(first_item(text).unwrap(), &switch.words(mutants.len() + 1));
    std::fs::write(dir.path().join("main.rs"), &woven.text).unwrap();
    let run = |program: &str, args: &[&str]| {
        let ended = std::process::Command::new(program)
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    };
    run("rustc", &["--edition", "2024", "main.rs"]);
    let with = |number| {
        switch.on(number).unwrap();
        run("./main", &[])
    };
    let all: Vec<_> = (0..=mutants.len()).map(with).collect();
    let expected = [
        "8 one many",
        "9 one many",
        "4 one many",
        "-8 one many",
        "8 some many",
        "8 one many",
        "8 one some",
        "8 xyzzy xyzzy",
    ];
    assert_eq!(all, expected);
    switch.note().unwrap();
    assert_eq!(run("./main", &[]), "8 one many");
    assert_eq!(switch.passed().unwrap(), (1..=mutants.len()).collect());
    std::fs::remove_file(dir.path().join("switch")).unwrap();
    assert_eq!(run("./main", &[]), "8 one many");
}
