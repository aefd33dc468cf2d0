use clap::{Args as _, Command, FromArgMatches};

use super::*;

mod tls;

/// What these arguments say, and nothing of the tester's own environment.
fn parsed(args: &[&str]) -> TemporalArgs {
    let command = TemporalArgs::augment_args(Command::new("x").no_binary_name(true));
    let command = command.mut_args(|arg| arg.env(None::<&'static str>));
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|matches| TemporalArgs::from_arg_matches(&matches));
    parsed.unwrap_or_else(|why| panic!("{why}"))
}

fn target(args: &[&str]) -> String {
    let temporal = parsed(args);
    let tls = temporal.tls_options().map(|t| t.is_some());
    match tls.and_then(|tls| temporal.target(tls)) {
        Ok(url) => url.to_string(),
        Err(why) => why.to_string(),
    }
}

#[test]
fn the_address_decides_the_scheme() {
    assert_eq!(target(&["--temporal-address=h:7233"]), "http://h:7233/");
    assert_eq!(
        target(&["--temporal-address=h:7233", "--temporal-api-key=k"]),
        "https://h:7233/"
    );
    assert_eq!(target(&["--temporal-address=https://h"]), "https://h/");
    let authority = concat!(
        "--temporal-tls-ca=",
        env!("CARGO_MANIFEST_DIR"),
        "/../model-gateway/testdata/tls/authority.pem"
    );
    for (wish, variable) in [
        ("--temporal-tls", "TEMPORAL_TLS"),
        ("--temporal-api-key=hush", "TEMPORAL_API_KEY"),
        (authority, "TEMPORAL_TLS_CA"),
    ] {
        let refused = target(&["--temporal-address=http://h:1", wish]);
        let why = format!("which {variable} asks for: TEMPORAL_ADDRESS takes https://");
        assert!(refused.contains(&why), "{refused}");
    }
    assert!(target(&[]).contains("TEMPORAL_ADDRESS"));
    assert!(target(&["--temporal-address=:"]).contains("HOST:PORT"));
    assert!(target(&["--temporal-address=h:1", "--temporal-tls-ca=/none"]).contains("/none"));
}

#[test]
fn what_is_no_address_is_refused_with_the_variable_that_it_is_from() {
    for bad in [
        "h:99999",
        "garbage",
        "host1",
        "[::1]",
        "::1:7233",
        "h:",
        "h:0",
        "ftp://h:1",
        "a b:1",
        "://",
        "http://",
    ] {
        let refused = parsed(&[&format!("--temporal-address={bad}")]).check();
        let refused = refused.unwrap_err().to_string();
        let told = format!("`{bad}` is no address of Temporal: TEMPORAL_ADDRESS takes");
        assert!(refused.starts_with(&told), "{refused}");
        let service = parsed(&[&format!("--temporal-service-address={bad}")]).check();
        let told = service.unwrap_err().to_string();
        assert!(told.contains("TEMPORAL_SERVICE_ADDRESS takes"), "{told}");
    }
    for hush in [
        "bob:hush@h:7233",
        "https://hush@h:7233",
        "https://h/?key=hush",
    ] {
        let refused = parsed(&[&format!("--temporal-address={hush}")]).check();
        let refused = format!("{:#}", refused.unwrap_err());
        assert!(!refused.contains("hush"), "{refused}");
    }
    for good in [
        "h:7233",
        "[::1]:7233",
        "127.0.0.1:80",
        "http://h",
        "https://h:1/",
    ] {
        let checked = parsed(&[&format!("--temporal-address={good}")]).check();
        assert!(checked.is_ok(), "{good}: {checked:?}");
    }
    assert!(parsed(&[]).check().is_ok());
}

/// What the check says of these files.
fn said(ca: &str, cert: &str, key: &str) -> Result<(), String> {
    let args = [
        "--temporal-address=h:1".to_owned(),
        format!("--temporal-tls-ca={ca}"),
        format!("--temporal-tls-cert={cert}"),
        format!("--temporal-tls-key={key}"),
    ];
    let checked = parsed(&args.each_ref().map(String::as_str)).check();
    checked.map_err(|error| format!("{error:#}"))
}

/// A PEM file in form, with nothing of use in it.
fn pem(what: &str) -> String {
    format!("-----BEGIN {what}-----\naHVzaA==\n-----END {what}-----\n")
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_file_of_tls_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| file(folder.path(), name, text);
    let [cert, key] = ["localhost.pem", "localhost.key"].map(tls::file);
    let junk = file("junk", "hush");
    let half = file(
        "half",
        &(pem("CERTIFICATE") + "-----BEGIN CERTIFICATE-----\n\u{1}\n"),
    );
    assert_eq!(said(&cert, &cert, &key), Ok(()));
    for (files, bad, what) in [
        ([&junk, &cert, &key], &junk, "a certificate"),
        ([&half, &cert, &key], &half, "a certificate"),
        ([&key, &cert, &key], &key, "a certificate"),
        ([&cert, &junk, &key], &junk, "a certificate"),
        ([&cert, &cert, &junk], &junk, "a private key"),
        ([&cert, &cert, &cert], &cert, "a private key"),
    ] {
        let [ca, cert, key] = files;
        let refused = said(ca, cert, key).unwrap_err();
        let told = format!("{bad} is no PEM file with {what}");
        assert!(refused.starts_with(&told), "{refused}");
        assert!(!refused.contains("hush"), "{refused}");
    }
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, cert, key] = ["authority.pem", "localhost.pem", "localhost.key"].map(tls::file);
    let empty_key = file(folder.path(), "key", &pem("PRIVATE KEY"));
    let empty_cert = file(folder.path(), "cert", &pem("CERTIFICATE"));
    assert_eq!(said(&authority, &cert, &key), Ok(()));
    for (cert, key, why) in [
        (&authority, &key, "KeyMismatch"),
        (&cert, &empty_key, "private key"),
        (&empty_cert, &key, "certificate"),
    ] {
        let refused = said(&authority, cert, key).unwrap_err();
        let told = format!("the private key in {key} does not go with the certificate in {cert}: ");
        let reason = refused.strip_prefix(&told).unwrap_or_default();
        assert!(reason.contains(why), "{refused}");
        assert!(!reason.contains("hush") && !reason.contains("aHVz"));
    }
}

#[test]
fn an_encrypted_key_is_named_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let cert = tls::file("localhost.pem");
    let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                 DEK-Info: AES-256-CBC,00\n\naHVzaA==\n-----END RSA PRIVATE KEY-----\n";
    for (name, text) in [
        ("newer", pem("ENCRYPTED PRIVATE KEY")),
        ("older", older.to_owned()),
        ("crlf", older.replace('\n', "\r\n")),
    ] {
        let key = file(folder.path(), name, &text);
        let refused = said(&cert, &cert, &key).unwrap_err();
        let told = format!("the private key in {key} is encrypted, ");
        assert!(refused.starts_with(&told), "{refused}");
        assert!(refused.contains("openssl pkey -in"), "{refused}");
        assert!(!refused.contains("aHVz"), "{refused}");
    }
}

#[test]
fn an_empty_setting_is_none() {
    let empty = [
        "--temporal-address=h:7233",
        "--temporal-namespace=",
        "--task-queue=",
        "--temporal-tls-ca=",
        "--temporal-tls-cert=",
        "--temporal-tls-key=",
        "--temporal-api-key=",
    ];
    let temporal = parsed(&empty);
    assert_eq!(temporal.namespace, "default");
    assert_eq!(temporal.task_queue, "agent_execution_runner");
    assert_eq!(target(&empty), "http://h:7233/");
    assert_eq!(temporal.api_key(), None);
    assert!(!parsed(&["--temporal-address="]).is_configured());
    let service = "--temporal-service-address=s:7233";
    assert_eq!(target(&["--temporal-address=", service]), "http://s:7233/");
    assert_eq!(target(&["--temporal-address=h:1", service]), "http://h:1/");
}
