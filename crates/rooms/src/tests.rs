use super::*;

fn house(files: &[(&str, &str)]) -> Rooms {
    let files = files
        .iter()
        .map(|(f, s)| ((*f).to_owned(), (*s).to_owned()));
    arrows(&files.collect())
}

fn small() -> Rooms {
    house(&[
        (
            "main.rs",
            "mod a; mod b; #[cfg(test)] mod fake; fn main() { b::run() }",
        ),
        ("a.rs", "pub struct A;"),
        ("b.rs", "mod kid; use crate::a::A; pub(crate) use kid::K;"),
        ("b/kid.rs", "#[cfg(test)] mod tests; use crate::a;"),
        ("b/kid/tests.rs", "use crate::b::run;"),
        ("fake.rs", "use crate::b::run;"),
        ("fake/deep.rs", "use crate::b::run;"),
    ])
}

#[test]
fn a_room_is_a_file_and_tests_are_none() {
    let rooms = small();
    let seen: Vec<String> = rooms
        .iter()
        .map(|(room, imports)| format!("{room}: {}", Vec::from_iter(imports.clone()).join(" ")))
        .collect();
    assert_eq!(
        seen,
        [
            "a.rs: ",
            "b.rs: a.rs b/kid.rs",
            "b/kid.rs: a.rs",
            "main.rs: b.rs"
        ]
    );
    assert!(faults(&rooms, &["a.rs", "b/kid.rs", "b.rs", "main.rs"], &[]).is_empty());
}

#[test]
fn an_import_of_a_later_room_is_a_fault() {
    let order = ["b/kid.rs", "a.rs", "b.rs", "main.rs"];
    assert_eq!(
        faults(&small(), &order, &[]),
        ["b/kid.rs imports a.rs, which stands above it"]
    );
    assert!(faults(&small(), &order, &[&["a.rs", "b/kid.rs"]]).is_empty());
}

#[test]
fn every_file_has_one_place_and_every_place_a_file() {
    let order = ["a.rs", "a.rs", "gone.rs", "b/kid.rs", "main.rs"];
    assert_eq!(
        faults(&small(), &order, &[&["a.rs", "main.rs"]]),
        [
            "a.rs stands in the order twice",
            "gone.rs has a place in the order, but there is no such file",
            "b.rs has no place in the order: give it one, after b/kid.rs at the earliest",
            "a.rs, main.rs are no circle any more: strike them",
        ]
    );
}

#[test]
fn a_name_of_the_root_is_an_import_of_the_root() {
    let rooms = house(&[
        ("lib.rs", "mod a; pub struct App;"),
        ("a.rs", "use crate::App;"),
        ("main.rs", "fn main() {}"),
        ("bin/other.rs", "use crate::X; struct X;"),
        ("c/mod.rs", "use super::a::A;"),
    ]);
    assert_eq!(Vec::from_iter(rooms["a.rs"].clone()), ["lib.rs"]);
    assert_eq!(Vec::from_iter(rooms["c/mod.rs"].clone()), ["a.rs"]);
    assert!(rooms["bin/other.rs"].is_empty());
}

#[test]
fn this_crate_keeps_its_own_order() -> Result<(), Faults> {
    let order = ["words.rs", "imports.rs", "lib.rs"];
    check(env!("CARGO_MANIFEST_DIR"), &order, &[])
}
