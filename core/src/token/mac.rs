//! HMAC-SHA256 with a key of any length, prepared once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A prepared HMAC-SHA256: cloned for every message, so that the key is hashed in only once.
pub(super) type Prepared = Hmac<Sha256>;

/// The length of a MAC, in bytes.
pub(super) const MAC_LEN: usize = 32;

/// The block length of SHA-256, in bytes.
const BLOCK_LEN: usize = 64;

/// Prepares an HMAC with `secret`, which is hashed first if it is longer than a block (RFC 2104
/// section 2).
pub(super) fn prepare(secret: &[u8]) -> Prepared {
    let mut block = Zeroizing::new([0u8; BLOCK_LEN]);
    let hashed: Zeroizing<[u8; MAC_LEN]>;
    let key = if secret.len() > BLOCK_LEN {
        hashed = Zeroizing::new(Sha256::digest(secret).into());
        hashed.as_slice()
    } else {
        secret
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Prepared::new((&*block).into())
}

/// Computes the MAC of `parts`, one after the other.
pub(super) fn mac(prepared: &Prepared, parts: &[&[u8]]) -> [u8; MAC_LEN] {
    let mut state = prepared.clone();
    for part in parts {
        state.update(part);
    }
    state.finalize().into_bytes().into()
}

/// Tells whether `mac` is the MAC of `parts`, in time that does not depend on where they differ.
pub(super) fn agrees(prepared: &Prepared, parts: &[&[u8]], mac: &[u8]) -> bool {
    let mut state = prepared.clone();
    for part in parts {
        state.update(part);
    }
    state.verify_slice(mac).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The block is filled here and not by the crate, so every length around it is compared.
    #[test]
    fn a_key_of_any_length_is_the_crates_own_hmac() {
        let secret: Vec<u8> = (0..=255).collect();
        for length in 0..=secret.len() {
            let key = &secret[..length];
            let mut expected = Hmac::<Sha256>::new_from_slice(key).unwrap();
            expected.update(b"message");
            assert_eq!(
                mac(&prepare(key), &[b"mess", b"age"]),
                <[u8; 32]>::from(expected.finalize().into_bytes()),
                "{length} bytes"
            );
        }
    }

    /// RFC 4231 section 4.3.
    #[test]
    fn the_published_vector_holds() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let got = mac(&prepare(b"Jefe"), &[b"what do ya want for nothing?"]);
        assert_eq!(got.map(|byte| format!("{byte:02x}")).concat(), expected);
    }

    #[test]
    fn a_shorter_or_longer_mac_never_agrees() {
        let prepared = prepare(b"key");
        let good = mac(&prepared, &[b"m"]);
        assert!(agrees(&prepared, &[b"m"], &good));
        for length in 0..32 {
            assert!(!agrees(&prepared, &[b"m"], &good[..length]));
        }
        assert!(!agrees(&prepared, &[b"m"], &[good.as_slice(), &[0]].concat()));
    }
}
