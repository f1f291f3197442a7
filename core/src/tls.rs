//! Connections by TLS to the servers of drivers: what they trust, and by which code they are encrypted.
//!
//! The code is named for each connection. A default of the whole process would be the host's to set.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::{Error, ErrorKind, Result};

/// Returns how to connect to a server whose certificate is signed by one of a PEM file, or by one that the
/// system trusts.
///
/// # Errors
/// `Io` when the file cannot be read or holds what is no certificate.
pub(crate) fn client_config(root_certificates: Option<&str>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match root_certificates {
        Some(path) => {
            let message = || format!("reading the certificates of {path}");
            let unread = |cause| Error::with_source(ErrorKind::Io, message(), cause);
            for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
                roots
                    .add(certificate.map_err(unread)?)
                    .map_err(|cause| Error::with_source(ErrorKind::Io, message(), cause))?;
            }
        }
        None => {
            // What cannot be read verifies nobody, and the error of the connection then says so.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::with_source(ErrorKind::Bug, "setting TLS up", cause))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Makes the key and the certificate of a server of tests, `localhost`, which vouches for itself.
#[cfg(test)]
pub(crate) fn key_and_certificate(dir: &std::path::Path) -> [String; 2] {
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| dir.join(name).display().to_string());
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [key, certificate]
}

/// Returns the messages of an error and of all that caused it.
#[cfg(test)]
pub(crate) fn causes(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        said = format!("{said}: {next}");
        cause = next.source();
    }
    said
}
