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

/// Returns why TLS has failed, if that is the cause of an error and the next try would fail as well: mostly, because
/// the certificate is not one that is believed.
pub(crate) fn failure(error: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>().filter(|found| stays(found)) {
            return Some(found.clone());
        }
        // What an error of the system holds is not its source, but that has the same.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}

fn stays(failure: &rustls::Error) -> bool {
    use rustls::Error as Failure;
    match failure {
        Failure::InvalidCertificate(_)
        | Failure::NoCertificatesPresented
        | Failure::PeerIncompatible(_)
        | Failure::InvalidMessage(_) => true,
        Failure::AlertReceived(alert) => *alert != rustls::AlertDescription::InternalError,
        _ => false,
    }
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

/// Makes them with a certificate that is out of date.
#[cfg(test)]
pub(crate) fn key_and_expired_certificate(dir: &std::path::Path) -> [String; 2] {
    let [key, certificate] = key_and_certificate(dir);
    let expired = dir.join("expired.pem").display().to_string();
    let made = std::process::Command::new("openssl")
        .args(["x509", "-in", &certificate, "-signkey", &key, "-days", "-1", "-out", &expired])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [key, expired]
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
