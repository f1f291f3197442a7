//! Content that the server encrypted: AES-256 in counter mode, under a key of its own for each.
//!
//! That key is encrypted by the server's master key, in the same way; the first 16 bytes of what is
//! stored of it are its counter block.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctr::cipher::{KeyIvInit, StreamCipher};
use holdall::{Error, ErrorKind, Result};
use serde_json::Value;

/// The counter is the whole block, the highest byte first (NIST SP 800-38A, section 6.5).
type Cipher = ctr::Ctr128BE<aes::Aes256>;

/// The bytes of a counter block.
const BLOCK: usize = 16;

/// The bytes of a key.
const KEY: usize = 32;

/// How the bytes of an entity are encrypted.
pub(super) enum Envelope {
    /// In the way that is known: the encrypted key, and the first counter block.
    Known { key: Vec<u8>, block: Vec<u8> },
    /// In another.
    Unknown,
}

impl Envelope {
    /// Reads the properties of an entity; none if its bytes are not encrypted.
    pub(super) fn of(props: &str) -> Option<Envelope> {
        let props: Value = serde_json::from_str(props).ok()?;
        let given = props.get("encrypt_metadata").filter(|given| !given.is_null())?;
        let field = |name: &str| given.get(name).and_then(Value::as_str);
        let bytes = |name: &str| STANDARD.decode(field(name)?).ok();
        Some(match (field("algorithm"), bytes("key"), bytes("iv")) {
            (Some("aes-256-ctr"), Some(key), Some(block))
                if key.len() == BLOCK + KEY && block.len() == BLOCK =>
            {
                Envelope::Known { key, block }
            }
            _ => Envelope::Unknown,
        })
    }
}

/// The key that encrypts the keys of contents.
pub(super) struct MasterKey(Vec<u8>);

impl MasterKey {
    /// Reads a key as the server has it, in base64.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if it is none.
    pub(super) fn read(text: &str) -> Result<MasterKey> {
        let key = STANDARD.decode(text.trim()).ok().filter(|key| key.len() == KEY);
        key.map(MasterKey)
            .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "the master key is not 32 bytes in base64"))
    }

    /// Returns what decrypts the bytes of an entity; none if they are encrypted in an unknown way.
    pub(super) fn open<R: Read>(&self, envelope: &Envelope, content: R) -> Option<Decrypted<R>> {
        let Envelope::Known { key, block } = envelope else { return None };
        let (first, key) = key.split_at_checked(BLOCK)?;
        let mut key = key.to_vec();
        Cipher::new_from_slices(&self.0, first).ok()?.try_apply_keystream(&mut key).ok()?;
        Some(Decrypted { cipher: Cipher::new_from_slices(&key, block).ok()?, content })
    }
}

/// Reads content and decrypts it.
pub(super) struct Decrypted<R> {
    cipher: Cipher,
    content: R,
}

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.content.read(buffer)?;
        let read = buffer.get_mut(..len).unwrap_or_default();
        self.cipher.try_apply_keystream(read).map_err(io::Error::other)?;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server stored, and what it gave for it.
    const MASTER: &str = "Zup4Hh831XeE1PETuSUJmvHTHnL+s+zf6atni+9Pqck=";
    const PROPS: &str = r#"{"encrypt_metadata":{"algorithm":"aes-256-ctr","key":"jQhCsbkTx1k/Jocz08FEpFTxQ2M0y/TeU1MjhKNfO+gvpajRQBw0nmAlPab5UUVb","iv":"Vtbck4U3laRvFTe7dIkHfg=="}}"#;

    #[test]
    fn a_counter_runs_over_reads_of_any_length() {
        let master = MasterKey::read(&format!("{MASTER}\n")).unwrap();
        let envelope = Envelope::of(PROPS).unwrap();
        let plain: Vec<u8> = (0..10_000_u32).map(|at| at.to_be_bytes()[3]).collect();
        // In this mode decrypting is encrypting.
        let mut secret = Vec::new();
        master.open(&envelope, plain.as_slice()).unwrap().read_to_end(&mut secret).unwrap();
        assert_ne!(secret, plain);
        let mut opened = master.open(&envelope, secret.as_slice()).unwrap();
        let (mut read, mut buffer) = (Vec::new(), [0; 37]);
        loop {
            match opened.read(&mut buffer).unwrap() {
                0 => break,
                len => read.extend_from_slice(&buffer[..len]),
            }
        }
        assert_eq!(read, plain);
    }

    #[test]
    fn what_is_no_key_and_no_known_way_is_distinguished() {
        for text in ["", "Zup4", "not base64!", &format!("{MASTER}AAAA")] {
            assert!(MasterKey::read(text).is_err(), "{text}");
        }
        for props in ["{}", "null", "nonsense", r#"{"encrypt_metadata":null}"#] {
            assert!(Envelope::of(props).is_none(), "{props}");
        }
        for props in [
            r#"{"encrypt_metadata":{}}"#.to_owned(),
            PROPS.replace("aes-256-ctr", "aes-512"),
            PROPS.replace("Vtbck4U3", "Vtbck4U"),
            PROPS.replace("jQhCsbkT", ""),
        ] {
            assert!(matches!(Envelope::of(&props), Some(Envelope::Unknown)), "{props}");
        }
    }
}
