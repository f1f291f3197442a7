//! The key ring: one key signs, several verify.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::claims::{Claims, Purpose, Purposes};
#[cfg(feature = "cloudreve")]
use super::cloudreve::{self, SignFault};
use super::codec::{self, Selector};
use super::mac::{MAC_LEN, NamedCheck, Prepared, agrees, check_named, mac, mac_named, prepare};
use super::refusal::Refusal;
use crate::{Error, Result};

/// The longest token that is looked at, in characters.
pub const MAX_TOKEN: usize = 2048;

/// Tokens up to this length are decoded without memory of their own, in characters.
const SHORT_TOKEN: usize = 256;

/// The shortest secret, in bytes.
const MIN_SECRET: usize = 32;

/// What every label of a sub-key starts with.
const LABEL: &[u8] = b"holdall/v1/";

/// A secret of a ring, its id and its age. The secret is wiped when the key is dropped, and never
/// shown.
#[derive(Clone)]
pub struct Key {
    id: u16,
    secret: Zeroizing<Vec<u8>>,
    created: u64,
}

impl Key {
    /// Makes a key of at least 32 secret bytes; `created` is in unix seconds.
    ///
    /// The bytes come from the system's random generator: text that a person made up is too weak,
    /// however long it is.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a secret that is shorter, or all
    /// zeros. The message holds the length only.
    ///
    /// # Example
    ///
    /// ```
    /// use holdall::token::Key;
    ///
    /// let secret: Vec<u8> = (0..32).collect();
    /// assert!(Key::new(1, secret, 1_750_000_000).is_ok());
    /// assert!(Key::new(1, vec![7; 31], 1_750_000_000).is_err());
    /// ```
    pub fn new(id: u16, secret: Vec<u8>, created: u64) -> Result<Key> {
        let secret = Zeroizing::new(secret);
        if secret.len() < MIN_SECRET {
            let length = secret.len();
            return Err(Error::invalid(format!(
                "the secret of key {id} has {length} bytes: give at least {MIN_SECRET} random bytes"
            )));
        }
        if secret.iter().all(|&byte| byte == 0) {
            return Err(Error::invalid(format!("the secret of key {id} is all zeros: give random bytes")));
        }
        Ok(Key { id, secret, created })
    }

    /// Returns the id, which tokens carry.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Returns when the key was made, in unix seconds.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// Returns the secret, for the one place that stores it.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("created", &self.created).finish_non_exhaustive()
    }
}

/// Whose secret a URL of the Cloudreve form was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The store's own: it signs only what it was asked to.
    Own,
    /// That of a system whose data were imported: it stands for what came from there, and nothing else.
    Foreign,
}

/// The keys of one store: the newest signs, all verify.
///
/// Rotation adds a key and makes a new ring; URLs signed before stay valid until their key is left
/// out. A ring never changes, so it is shared between threads without a lock.
#[derive(Clone)]
pub struct KeyRing {
    signer: SubKeys,
    others: Vec<SubKeys>,
    /// Secrets of another system, for URLs of the Cloudreve form that it signed.
    foreign: Vec<Zeroizing<Vec<u8>>>,
}

impl KeyRing {
    /// Prepares the keys of the store of that uuid. The newest signs: the latest `created`, and of
    /// equals the highest id.
    ///
    /// Tokens are of this store only, even where another store has the same secret.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if there is no key, or two have one id.
    pub fn new(store_uuid: [u8; 16], keys: impl IntoIterator<Item = Key>) -> Result<KeyRing> {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_by_key(Key::id);
        let mut neighbours = keys.iter().zip(keys.iter().skip(1));
        if let Some((key, _)) = neighbours.find(|(one, next)| one.id == next.id) {
            return Err(Error::invalid(format!("two keys have the id {}: give each its own", key.id)));
        }
        keys.sort_by_key(|key| std::cmp::Reverse((key.created, key.id)));
        let mut prepared = keys.iter().map(|key| SubKeys::new(key, &store_uuid));
        let Some(signer) = prepared.next() else {
            return Err(Error::invalid("a key ring without a key can sign nothing: give one"));
        };
        Ok(KeyRing { signer, others: prepared.collect(), foreign: Vec::new() })
    }

    /// Adds a secret that another system signed URLs of the [Cloudreve form](super::cloudreve) with,
    /// as it is: they stay valid. It signs nothing, and verifies no token.
    #[must_use]
    pub fn verifying_cloudreve(mut self, secret: Vec<u8>) -> KeyRing {
        self.foreign.push(Zeroizing::new(secret));
        self
    }

    /// Returns the ids of the keys: first the one that signs, then from newer to older.
    pub fn ids(&self) -> impl Iterator<Item = u16> {
        self.keys().map(|key| key.id)
    }

    /// Signs `claims` with the newest key: the token, at most [`MAX_TOKEN`] characters of
    /// `A-Z a-z 0-9 - _`.
    ///
    /// The same claims and key give the same token.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for claims that [`Claims::check`] refuses.
    ///
    /// # Example
    ///
    /// ```
    /// use holdall::token::{Claims, Key, KeyRing, Purpose, Refusal};
    ///
    /// let ring = KeyRing::new([1; 16], [Key::new(1, vec![7; 32], 0).unwrap()]).unwrap();
    /// let claims = Claims::new(Purpose::Version, 42, 0, 1_750_000_000);
    /// let token = ring.sign(&claims).unwrap();
    /// assert_eq!(token.len(), 59);
    /// assert_eq!(ring.verify(&token, Purpose::Version, 1_749_999_999, None), Ok(claims));
    /// assert_eq!(ring.verify(&token, Purpose::Version, 1_750_000_000, None), Err(Refusal::Expired));
    /// assert_eq!(ring.verify(&token, Purpose::Upload, 0, None), Err(Refusal::WrongPurpose));
    /// ```
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        self.sign_with(claims, |prepared, payload| mac(prepared, &[payload]))
    }

    /// Signs `claims` for a URL in which `name` stands beside the token: it is good with that name alone,
    /// which is not in it. The token is as long as [`KeyRing::sign`] makes it.
    ///
    /// # Errors
    /// As [`KeyRing::sign`].
    ///
    /// ```
    /// use holdall::token::{Claims, Key, KeyRing, Purpose, Refusal};
    ///
    /// let ring = KeyRing::new([1; 16], [Key::new(1, vec![7; 32], 0).unwrap()]).unwrap();
    /// let claims = Claims::never_expiring(Purpose::Version, 42, 0);
    /// let token = ring.sign_named(&claims, "map.tif").unwrap();
    /// assert_eq!(ring.verify_named(&token, "map.tif", Purpose::Version, 0, None), Ok(claims));
    /// let other = ring.verify_named(&token, "map.tif.aux.xml", Purpose::Version, 0, None);
    /// assert_eq!(other, Err(Refusal::OtherName));
    /// assert_eq!(ring.verify(&token, Purpose::Version, 0, None), Err(Refusal::BadSignature));
    /// ```
    pub fn sign_named(&self, claims: &Claims, name: &str) -> Result<String> {
        self.sign_with(claims, |prepared, payload| mac_named(prepared, payload, name))
    }

    fn sign_with(
        &self,
        claims: &Claims,
        mac: impl FnOnce(&Prepared, &[u8]) -> [u8; MAC_LEN],
    ) -> Result<String> {
        claims.check()?;
        let mut bytes = Vec::with_capacity(128);
        codec::encode(claims, self.signer.id, &mut bytes);
        let mac = mac(self.signer.of(claims.purpose), &bytes);
        bytes.extend_from_slice(&mac);
        Ok(URL_SAFE_NO_PAD.encode(&bytes))
    }

    /// Verifies `token` at `now`, in unix seconds, for a client at that address, and returns what it
    /// claims.
    ///
    /// Length, alphabet and MAC come first; a field is read only from a genuine token. Then it must be
    /// for one of the purposes that are `wanted`, `now` must be before its expiry, and `client` must
    /// be known and in its network, if it has one. Whether it was revoked or used up is for the
    /// caller to look up.
    ///
    /// # Errors
    ///
    /// The [`Refusal`], for the host. Turn it into an [`Error`] for the client.
    pub fn verify(
        &self,
        token: &str,
        wanted: impl Into<Purposes>,
        now: u64,
        client: Option<IpAddr>,
    ) -> Result<Claims, Refusal> {
        let claims = self.verify_with(token, |prepared, payload, mac| {
            if agrees(prepared, &[payload], mac) { NamedCheck::Good } else { NamedCheck::Bad }
        })?;
        claims.check_use(wanted.into(), now, client)?;
        Ok(claims)
    }

    /// Verifies a `token` that stands in a URL beside a `name`, as [`KeyRing::sign_named`] made it.
    ///
    /// # Errors
    /// As [`KeyRing::verify`]; [`Refusal::OtherName`] when the token is genuine and the name is not its
    /// own.
    pub fn verify_named(
        &self,
        token: &str,
        name: &str,
        wanted: impl Into<Purposes>,
        now: u64,
        client: Option<IpAddr>,
    ) -> Result<Claims, Refusal> {
        let wanted = wanted.into();
        let claims = self.verify_with(token, |prepared, payload, mac| {
            match check_named(prepared, payload, name, mac) {
                // Genuine: what is for something else stands beside no name at all.
                NamedCheck::OtherName if !is_wanted(payload, wanted) => NamedCheck::Good,
                named => named,
            }
        })?;
        claims.check_use(wanted, now, client)?;
        Ok(claims)
    }

    fn verify_with(
        &self,
        token: &str,
        check: impl FnOnce(&Prepared, &[u8], &[u8; MAC_LEN]) -> NamedCheck,
    ) -> Result<Claims, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::Malformed);
        }
        // Nearly every token is short, and it takes time to clear more than it needs.
        let (mut short, mut long) = ([0; SHORT_TOKEN / 4 * 3], Vec::new());
        let buffer = if token.len() <= SHORT_TOKEN {
            short.as_mut_slice()
        } else {
            long.resize(MAX_TOKEN / 4 * 3, 0);
            long.as_mut_slice()
        };
        let len = URL_SAFE_NO_PAD.decode_slice(token, buffer).map_err(|_| Refusal::Malformed)?;
        let bytes = buffer.get(..len).ok_or(Refusal::Malformed)?;
        let (payload, mac) = bytes.split_last_chunk::<MAC_LEN>().ok_or(Refusal::Malformed)?;
        let Selector { key, purpose } = codec::selector(payload).ok_or(Refusal::Malformed)?;
        let key = self.keys().find(|known| known.id == key).ok_or(Refusal::UnknownKey)?;
        match check(key.of(purpose), payload, mac) {
            NamedCheck::Good => codec::decode(payload).ok_or(Refusal::Malformed),
            NamedCheck::OtherName => Err(Refusal::OtherName),
            NamedCheck::Bad => Err(Refusal::BadSignature),
        }
    }

    /// Checks the `sign` value of a URL of the [Cloudreve form](super::cloudreve), as
    /// [`check`](super::cloudreve::check) does, and returns whose secret it was signed with. What that
    /// may open is not the same: another system never signed for anything that this store made.
    ///
    /// # Errors
    ///
    /// The first [`SignFault`].
    #[cfg(feature = "cloudreve")]
    pub fn check_cloudreve(
        &self,
        decoded_path: &str,
        sign_param: Option<&str>,
        now: i64,
    ) -> Result<Signer, SignFault> {
        match cloudreve::check(&self.cloudreve_secrets(), decoded_path, sign_param, now) {
            Ok(()) => Ok(Signer::Own),
            Err(SignFault::Invalid) if !self.foreign.is_empty() => {
                let foreign: Vec<&[u8]> = self.foreign.iter().map(|secret| secret.as_slice()).collect();
                cloudreve::check(&foreign, decoded_path, sign_param, now)?;
                Ok(Signer::Foreign)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Returns the ring's own secrets for URLs of the [Cloudreve form](super::cloudreve): first the one
    /// that signs, then those that verify. They are sub-keys like the others.
    pub(crate) fn cloudreve_secrets(&self) -> Vec<&[u8]> {
        self.keys().map(|key| key.cloudreve.as_slice()).collect()
    }

    /// Derives the secret of a claim of content from the key that signs. It is a MAC by a sub-key whose
    /// other messages are paths and tickets; no such text begins as this one.
    #[cfg(feature = "pds")]
    pub(crate) fn claim_secret(&self, claim: &str) -> [u8; MAC_LEN] {
        mac(&prepare(self.signer.cloudreve.as_slice()), &[b"claim ", claim.as_bytes()])
    }

    fn keys(&self) -> impl Iterator<Item = &SubKeys> {
        std::iter::once(&self.signer).chain(&self.others)
    }
}

/// Whether a genuine token is for one of the purposes that are wanted.
fn is_wanted(payload: &[u8], wanted: Purposes) -> bool {
    codec::selector(payload).is_some_and(|selector| wanted.contains(selector.purpose))
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u16> = self.ids().collect();
        f.debug_struct("KeyRing").field("ids", &ids).finish_non_exhaustive()
    }
}

/// What one key of a ring signs with: a prepared HMAC for each purpose.
#[derive(Clone)]
struct SubKeys {
    id: u16,
    version: Prepared,
    file: Prepared,
    archive: Prepared,
    share: Prepared,
    upload: Prepared,
    revision: Prepared,
    cloudreve: Zeroizing<[u8; MAC_LEN]>,
}

impl SubKeys {
    fn new(key: &Key, store_uuid: &[u8; 16]) -> SubKeys {
        let root = prepare(&key.secret);
        let secret = |name: &str| Zeroizing::new(mac(&root, &[LABEL, name.as_bytes(), store_uuid]));
        let prepared = |purpose: Purpose| prepare(secret(purpose.name()).as_slice());
        SubKeys {
            id: key.id,
            version: prepared(Purpose::Version),
            file: prepared(Purpose::File),
            archive: prepared(Purpose::Archive),
            share: prepared(Purpose::Share),
            upload: prepared(Purpose::Upload),
            revision: prepared(Purpose::Revision),
            cloudreve: secret("cloudreve"),
        }
    }

    fn of(&self, purpose: Purpose) -> &Prepared {
        match purpose {
            Purpose::Version => &self.version,
            Purpose::File => &self.file,
            Purpose::Archive => &self.archive,
            Purpose::Share => &self.share,
            Purpose::Upload => &self.upload,
            Purpose::Revision => &self.revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn key(id: u16, created: u64) -> Key {
        Key::new(id, vec![id as u8 + 1; 32], created).unwrap()
    }

    #[test]
    fn t9_a_weak_secret_is_refused() {
        for secret in [vec![], vec![1], vec![1; 31], vec![0; 32], vec![0; 4096]] {
            let error = Key::new(9, secret, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains("key 9"));
        }
        for length in [32, 33, 63, 64, 65, 256] {
            Key::new(9, vec![1; length], 0).unwrap();
        }
        let mut nearly = vec![0; 32];
        nearly[31] = 1;
        Key::new(9, nearly, 0).unwrap();
    }

    #[test]
    fn a_ring_has_keys_and_each_its_own_id() {
        assert_eq!(KeyRing::new([0; 16], []).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let error = KeyRing::new([0; 16], [key(4, 1), key(5, 2), key(4, 3)]).unwrap_err();
        assert!(error.to_string().contains("id 4"));
    }

    #[test]
    fn the_newest_key_signs_in_whatever_order_they_come() {
        for keys in [[(1, 10), (2, 30), (3, 20)], [(2, 30), (3, 20), (1, 10)], [(3, 20), (1, 10), (2, 30)]] {
            let ring = KeyRing::new([0; 16], keys.map(|(id, created)| key(id, created))).unwrap();
            assert_eq!(ring.ids().collect::<Vec<_>>(), [2, 3, 1]);
        }
        let equals = KeyRing::new([0; 16], [key(1, 5), key(7, 5)]).unwrap();
        assert_eq!(equals.ids().next(), Some(7));
    }

    #[test]
    fn nothing_shows_a_secret() {
        let secret = b"correct horse battery staple 0123".to_vec();
        let key = Key::new(3, secret.clone(), 5).unwrap();
        assert_eq!(format!("{key:?}"), "Key { id: 3, created: 5, .. }");
        let ring = KeyRing::new([0; 16], [key]).unwrap();
        assert_eq!(format!("{ring:?}"), "KeyRing { ids: [3], .. }");
    }

    #[test]
    fn sub_keys_are_all_different() {
        let ring = KeyRing::new([1; 16], [key(1, 0), key(2, 1)]).unwrap();
        let other = KeyRing::new([2; 16], [key(1, 0), key(2, 1)]).unwrap();
        let mut seen = std::collections::HashSet::new();
        for sub in ring.keys().chain(other.keys()) {
            for purpose in Purpose::ALL {
                assert!(seen.insert(mac(sub.of(purpose), &[b"same message"])));
            }
            assert!(seen.insert(mac(&prepare(sub.cloudreve.as_slice()), &[b"same message"])));
        }
        assert_eq!(seen.len(), 28);
        assert_eq!(ring.cloudreve_secrets().len(), 2);
    }

    #[test]
    fn a_foreign_secret_is_distinguished_from_the_rings_own() {
        let ring = KeyRing::new([1; 16], [key(1, 0)]).unwrap().verifying_cloudreve(vec![9; 32]);
        let sign = |secret: &[u8]| cloudreve::sign(secret, "/a", 100);
        let (own, foreign) = (sign(ring.cloudreve_secrets()[0]), sign(&[9; 32]));
        assert_eq!(ring.check_cloudreve("/a", Some(&own), 100), Ok(Signer::Own));
        assert_eq!(ring.check_cloudreve("/a", Some(&foreign), 100), Ok(Signer::Foreign));
        assert_eq!(ring.check_cloudreve("/b", Some(&foreign), 100), Err(SignFault::Invalid));
        assert_eq!(ring.check_cloudreve("/a", Some(&foreign), 101), Err(SignFault::Expired));
        assert_eq!(ring.check_cloudreve("/a", Some(&sign(&[8; 32])), 100), Err(SignFault::Invalid));
    }
}
