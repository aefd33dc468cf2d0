#![expect(clippy::unwrap_used)]

use std::fs;

use proptest::prelude::*;

use super::*;

fn read_text(text: &str) -> Result<Vec<Entry>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e");
    fs::write(&file, text).unwrap();
    read(&file)
}

/// The variables of `text`, each as `LINE KEY=VALUE`.
fn shown(text: &str) -> Vec<String> {
    let line = |entry: &Entry| entry.place.rsplit(':').next().unwrap().to_owned();
    let entries = read_text(text).unwrap().into_iter();
    entries
        .map(|entry| format!("{} {}={}", line(&entry), entry.key, entry.value))
        .collect()
}

#[test]
fn lines_comments_and_quotes_are_read() {
    let text = "\u{feff}# a comment\n\nA=1\nexport B=\"two words\" # so\nC='$A=x'\nEMPTY=\r\nD=2  ";
    let expected = ["3 A=1", "4 B=two words", "5 C=$A=x", "6 EMPTY=", "7 D=2"];
    assert_eq!(shown(text), expected);
}

#[test]
fn a_value_may_use_those_before_it_and_have_several_lines() {
    let long = "x".repeat(20_000);
    let text = format!(
        "HOST_OF_TEST=db\nURL=http://${{HOST_OF_TEST}}/\nLONG={long}\n\n# next\nKEY=\"a\n # b\n\nc\"\nLAST=1"
    );
    let expected = [
        "1 HOST_OF_TEST=db",
        "2 URL=http://db/",
        &format!("3 LONG={long}"),
        "6 KEY=a\n # b\n\nc",
        "10 LAST=1",
    ];
    assert_eq!(shown(&text), expected);
}

#[test]
fn the_environment_goes_before_a_line() {
    // A variable that every process has.
    let ours = format!("2 A={}", env::var("PATH").unwrap());
    assert_eq!(shown("PATH=mine\nA=${PATH}\n"), ["1 PATH=mine", &ours]);
}

#[test]
fn a_dollar_without_a_name_in_braces_is_one() {
    for (written, meant) in [
        ("s3cr$t9", "s3cr$t9"),
        ("$HOME", "$HOME"),
        ("\"a $HOME b$\"", "a $HOME b$"),
        ("$", "$"),
        ("a$$b", "a$$b"),
        ("${", "${"),
        ("${}", "${}"),
        ("${a-b}x", "${a-b}x"),
        ("${1A}", "${1A}"),
        ("\\$HOME", "$HOME"),
        ("\\${B}", "${B}"),
        ("\\\\${B}", "\\b$1"),
        ("'${B} ${NOWHERE_AT_ALL} $B'", "${B} ${NOWHERE_AT_ALL} $B"),
        ("${B}", "b$1"),
        ("\"<${B}|${E}>\"", "<b$1|>"),
        ("$${B}$", "$b$1$"),
        ("${C}", "cb$1"),
    ] {
        let text = format!("B=b$1\nC=c${{B}}\nE=\nA={written}\n");
        assert_eq!(shown(&text)[3], format!("4 A={meant}"), "{written}");
    }
}

#[test]
fn a_name_in_braces_that_is_nowhere_is_refused_with_its_place() {
    for bad in ["${NOWHERE_AT_ALL}", "x${NOWHERE_AT_ALL}", "\"a\n${LATER}\""] {
        let text = format!("A=1\nB={bad}\nLATER=1\n");
        let error = read_text(&text).unwrap_err().to_string();
        assert!(error.contains("e:2: the value of B uses"), "{error}");
        assert!(!error.contains("AT_ALL"), "{error}");
    }
    let error = read_text("A=1\nB=\u{fdd1}").unwrap_err().to_string();
    assert!(error.contains("e:2: "), "{error}");
}

#[test]
fn errors_have_a_line_and_no_value() {
    for bad in [
        "hunter2",
        "KEY='hunter2",
        "KEY='hunter2\nB=2\n\nC=3",
        "KEY=\"a\nb\" hunter2",
        "hunter2!=1",
        "1hunter2=x",
        "hunter2.x=1",
    ] {
        let text = format!("A=\"1\n\n2\"\n\n # a comment\n{bad}\nZ=1\n");
        let error = read_text(&text).unwrap_err().to_string();
        assert!(error.contains("e:6: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = read(Path::new("/none/of/it")).unwrap_err().to_string();
    assert!(error.contains("/none/of/it"), "{error}");
}

#[test]
fn a_value_is_what_it_looks_like() {
    for (written, meant) in [
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (r#"{"a": "b c"} # so"#, r#"{"a": "b c"}"#),
        (r#"a"b"c"#, r#"a"b"c"#),
        ("it's", "it's"),
        ("two words", "two words"),
        (r"^\d+$", r"^\d+$"),
        (r"C:\new\table", r"C:\new\table"),
        (r"a\\b", r"a\\b"),
        ("abc\\", "abc\\"),
        ("#fff", "#fff"),
        ("a#b#c", "a#b#c"),
        (" # nothing", ""),
        ("a\t# so", "a"),
        (r"'C:\new\'", r"C:\new\"),
        (r#"'{"a": "b"}' # so"#, r#"{"a": "b"}"#),
        (r#""say \"it\": C:\\new\n""#, "say \"it\": C:\\new\n"),
        (r#""it's""#, "it's"),
        ("a = 'b'", "a = 'b'"),
    ] {
        let text = format!("A=1\nexport  B={written}\r\nC=3");
        let expected = ["1 A=1", &format!("2 B={meant}"), "3 C=3"];
        assert_eq!(shown(&text), expected, "{written}");
    }
    assert_eq!(
        shown("export=a\nexported = b"),
        ["1 export=a", "2 exported=b"]
    );
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    for (written, to_do) in [
        (r#""a"b"#, "put all of it into single quotes"),
        (r#""a"#, "put all of it into single quotes"),
        ("'it's'", "put all of it into double quotes"),
        ("'a'#b", "put all of it into double quotes"),
        ("'a", "put all of it into double quotes"),
        (r#""C:\table""#, "put the value into single quotes"),
        ("a\0b", "a NUL"),
    ] {
        let error = read_text(&format!("A=1\nB={written}\n")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("e:2: "), "{error}");
        assert!(error.contains(to_do), "{written}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e");
    fs::write(&file, b"A=1\nB=\xff").unwrap();
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains("e:2: is not UTF-8"), "{error}");
}

#[test]
fn a_file_and_its_values_are_so_large_and_no_larger() {
    let text = |more: usize| format!("A={}", "x".repeat(MOST - 2 + more));
    assert!(read_text(&text(0)).is_ok());
    let error = read_text(&text(1)).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("/dev/zero: has more than"), "{error}");
    // Twice a quarter and once a half.
    let a = "x".repeat(MOST / 4);
    let text = format!("A={a}\nB=${{A}}\nC=${{A}}${{A}}\n");
    assert!(read_text(&text).is_ok());
    let error = read_text(&format!("Z=z\n{text}")).unwrap_err().to_string();
    assert!(error.contains("e:4: the value of C"), "{error}");
    assert!(error.contains("more than 1048576 bytes"), "{error}");
}

proptest! {
    #[test]
    fn in_single_quotes_all_is_literal(value in "[^'\0\u{fdd0}-\u{fdef}]{0,20}") {
        let entries = read_text(&format!("A='{value}'\nB=2")).unwrap();
        prop_assert_eq!(&entries[0].value, &value);
        prop_assert_eq!(&entries[1].value, "2");
    }

    #[test]
    fn without_quotes_all_is_literal(
        value in r#"[!-~&&[^'"$]][!-~&&[^$]]{0,20}( [!-~&&[^#$]]+)?"#
    ) {
        let entries = read_text(&format!("A={value} # so\nB=2")).unwrap();
        prop_assert_eq!(&entries[0].value, &value);
        prop_assert_eq!(&entries[1].value, "2");
    }

    #[test]
    fn whatever_a_file_says_is_read_or_refused(text in r#"[A\n =\r'"\\$\{\}#é]{0,40}"#) {
        let _ = read_text(&text);
    }
}
