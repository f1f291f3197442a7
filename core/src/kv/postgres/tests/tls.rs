//! What is refused for good: TLS, where the certificate and the name of the server are verified, and users.

use std::path::Path;
use std::time::Duration;

use super::server::{Server, address, give, shared, through};
use super::{PostgresKv, PostgresOptions, ROWS, get};
use crate::kv::{Commit, Kv, Write};
use crate::tls::{causes, key_and_certificate, key_and_expired_certificate};
use crate::{ErrorKind, Result, machine};

#[test]
fn a_server_is_believed_by_its_certificate_and_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let [key, certificate] = key_and_certificate(dir.path());
    give(dir.path());
    give(Path::new(&key));
    let options = [format!("ssl_key_file={key}"), format!("ssl_cert_file={certificate}")];
    let server = Server::own(&["ssl=on", &options[0], &options[1]]);
    let options = patient();
    let open = |host: &str, query: &str| {
        let address = address(server.port).replace("127.0.0.1", host).replace("sslmode=disable", query);
        PostgresKv::open(&address, options)
    };
    let known = format!("sslmode=require&sslrootcert={certificate}");
    let kv = open("localhost", &known).unwrap();
    kv.write(Commit::Synced, |writer| writer.put(ROWS, b"key", b"value")).unwrap();
    assert_eq!(get(&kv.reader().unwrap(), b"key").unwrap(), b"value");
    // The control: it speaks TLS, and without asks for nothing.
    assert!(open("127.0.0.1", "sslmode=disable").is_ok());
    let refused =
        [("127.0.0.1", known.as_str()), ("localhost", "sslmode=require"), ("localhost", "sslmode=prefer")];
    for (host, query) in refused {
        is_refused_at_once(|| open(host, query), ErrorKind::Io, "certificate");
    }
    let dir = tempfile::tempdir().unwrap();
    let [key, certificate] = key_and_expired_certificate(dir.path());
    give(dir.path());
    give(Path::new(&key));
    let options = [format!("ssl_key_file={key}"), format!("ssl_cert_file={certificate}")];
    let server = Server::own(&["ssl=on", &options[0], &options[1]]);
    let address = address(server.port).replace("127.0.0.1", "localhost");
    let address = address.replace("sslmode=disable", &format!("sslmode=require&sslrootcert={certificate}"));
    is_refused_at_once(|| PostgresKv::open(&address, patient()), ErrorKind::Io, "xpired");
    // A server that does not speak TLS.
    let address = through(&address, shared().port);
    is_refused_at_once(|| PostgresKv::open(&address, patient()), ErrorKind::Io, "TLS");
}

/// Would try for long, if trying again could help.
fn patient() -> PostgresOptions {
    PostgresOptions { patience: Duration::from_secs(30), ..PostgresOptions::default() }
}

fn is_refused_at_once(open: impl Fn() -> Result<PostgresKv>, kind: ErrorKind, why: &str) {
    let begun = machine::uptime();
    let refused = open().map(drop).unwrap_err();
    let took = machine::uptime() - begun;
    let said = causes(&refused);
    assert!(said.contains(why), "{said}");
    assert_eq!(refused.kind(), kind, "{said}");
    assert!(took < Duration::from_secs(5), "{took:?}: {said}");
    assert!(!said.contains("secret-of-nobody"), "{said}");
}

#[test]
fn what_the_server_refuses_for_good_is_an_error_at_once() {
    let dir = tempfile::tempdir().unwrap();
    give(dir.path());
    let hba = dir.path().join("hba.conf");
    let text = "host all holdall 127.0.0.1/32 trust\nhost all guest 127.0.0.1/32 scram-sha-256\n\
                host all nobody 127.0.0.1/32 trust\n";
    std::fs::write(&hba, text).unwrap();
    give(&hba);
    let server = Server::own(&[&format!("hba_file={}", hba.display())]);
    let address = address(server.port);
    let kv = PostgresKv::open(&address, patient()).unwrap();
    super::migrations::execute(&kv, "CREATE ROLE guest LOGIN PASSWORD 'right'".to_owned());
    let by = |user: &str| address.replace("holdall@", &format!("{user}@"));
    for (address, kind, why) in [
        (by("guest:secret-of-nobody"), ErrorKind::Denied, "password"),
        (by("nobody:secret-of-nobody"), ErrorKind::Denied, "nobody"),
        (by("unlisted:secret-of-nobody"), ErrorKind::Denied, "pg_hba.conf"),
        (by("guest:right").replace("schema=", "schema=another-"), ErrorKind::Denied, "permission denied"),
        (address.replace("/postgres?", "/nowhere?"), ErrorKind::Io, "nowhere"),
    ] {
        is_refused_at_once(|| PostgresKv::open(&address, patient()), kind, why);
    }
}
