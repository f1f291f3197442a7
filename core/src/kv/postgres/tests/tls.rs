//! TLS: the certificate and the name of the server are verified.

use std::path::Path;
use std::time::Duration;

use super::server::{Server, address, give};
use super::{PostgresKv, PostgresOptions, ROWS, get};
use crate::kv::{Commit, Kv, Write};
use crate::tls::{causes, key_and_certificate};

#[test]
fn a_server_is_believed_by_its_certificate_and_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let [key, certificate] = key_and_certificate(dir.path());
    give(dir.path());
    give(Path::new(&key));
    let options = [format!("ssl_key_file={key}"), format!("ssl_cert_file={certificate}")];
    let server = Server::own(&["ssl=on", &options[0], &options[1]]);
    let options = PostgresOptions { patience: Duration::from_secs(2), ..PostgresOptions::default() };
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
        let refused = open(host, query).map(drop).unwrap_err();
        let said = causes(&refused);
        assert!(said.contains("certificate"), "{host}, {query}: {said}");
    }
}
