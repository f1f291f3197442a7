//! HMAC-SHA256 with a key of any length, prepared once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::mutant::{self, Mutant};

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

/// What the MAC of a token says of it and of the name beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedCheck {
    Good,
    /// The token is genuine; the name is not the one that it was signed with.
    OtherName,
    Bad,
}

/// Computes the MAC of a token that stands beside a name: one half says that the token is genuine, the
/// other that the name is its own. The halves are of two places in an HMAC, so none passes as the other,
/// and a name that begins like a token is not a token. 128 bits are as many as half of the output, the
/// least that RFC 2104 section 5 would have.
pub(super) fn mac_named(prepared: &Prepared, payload: &[u8], name: &str) -> [u8; MAC_LEN] {
    let (own, with_name) = states(prepared, payload, name);
    let own: [u8; MAC_LEN] = own.finalize().into_bytes().into();
    let mut mac: [u8; MAC_LEN] = with_name.finalize().into_bytes().into();
    for (to, from) in mac.iter_mut().zip(own).take(MAC_LEN / 2) {
        *to = from;
    }
    mac
}

/// Judges the MAC of a token that stands beside a name, as [`mac_named`] makes it, each half in a time
/// that does not depend on where it differs.
pub(super) fn check_named(
    prepared: &Prepared,
    payload: &[u8],
    name: &str,
    mac: &[u8; MAC_LEN],
) -> NamedCheck {
    let (own, with_name) = states(prepared, payload, name);
    let (first, second) = mac.split_at(MAC_LEN / 2);
    if own.verify_truncated_left(first).is_err() {
        return NamedCheck::Bad;
    }
    if with_name.verify_truncated_right(second).is_err() && !mutant::is_active(Mutant::AnyName) {
        return NamedCheck::OtherName;
    }
    NamedCheck::Good
}

/// Begins the MACs of a payload, and of it with a name. A payload is read to its last byte, so nothing
/// that follows a NUL behind it is part of one.
fn states(prepared: &Prepared, payload: &[u8], name: &str) -> (Prepared, Prepared) {
    let mut own = prepared.clone();
    own.update(payload);
    let mut with_name = own.clone();
    with_name.update(&[0]);
    with_name.update(name.as_bytes());
    (own, with_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_its_name_are_judged_apart() {
        let prepared = prepare(b"key");
        let good = mac_named(&prepared, b"payload", "a.tif");
        assert_eq!(check_named(&prepared, b"payload", "a.tif", &good), NamedCheck::Good);
        for name in ["", "a.ti", "a.tif ", "a.tif.aux.xml", "A.tif", "a.tif\0"] {
            assert_eq!(check_named(&prepared, b"payload", name, &good), NamedCheck::OtherName, "{name:?}");
        }
        for payload in [&b"payloa"[..], b"payload\0", b"payload\0a.tif", b""] {
            assert_eq!(check_named(&prepared, payload, "a.tif", &good), NamedCheck::Bad);
        }
        for at in 0..MAC_LEN {
            let mut mac = good;
            mac[at] ^= 1;
            let judged = check_named(&prepared, b"payload", "a.tif", &mac);
            assert_eq!(judged, if at < MAC_LEN / 2 { NamedCheck::Bad } else { NamedCheck::OtherName });
        }
        let plain = mac(&prepared, &[b"payload\0a.tif"]);
        assert_ne!(check_named(&prepared, b"payload\0a.tif", "", &plain), NamedCheck::Good);
    }

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
