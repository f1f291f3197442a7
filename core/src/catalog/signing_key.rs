//! The rows of the key ring: which keys sign and verify URLs.
//!
//! One key signs; the others verify until they are removed. A number that goes up with every change
//! tells the other processes to read the ring again.

use serde::{Deserialize, Serialize};

use crate::catalog::record::{KeyRecord, Record};
use crate::catalog::{row, table};
use crate::kv::{Read, Scan, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The row of META that tells of the ring.
const RING: &[u8] = b"ring";
/// Shortest and longest key in bytes.
const LEN: std::ops::RangeInclusive<usize> = 32..=1024;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RingRecord {
    /// Goes up by one with every change.
    version: u64,
    /// The highest id there ever was: a removed key's is not given out again.
    last: u16,
}

impl Record for RingRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "key ring";
}

/// Returns a number that is another one after every change of the ring; 0 when there was none.
pub(crate) fn ring_version(tx: &impl Read) -> Result<u64> {
    Ok(ring(tx)?.version)
}

/// Lists the keys with their ids, oldest first.
pub(crate) fn list(tx: &impl Read) -> Result<Vec<(u16, KeyRecord)>> {
    let mut keys = Vec::new();
    tx.scan(table::KEY, row::ALL, false, &mut |key, value| {
        let id = key.try_into().map_err(|_| Error::corrupt("the id of a key is not 2 bytes long"))?;
        keys.push((u16::from_be_bytes(id), KeyRecord::decode(value)?));
        Ok(Scan::Next)
    })?;
    Ok(keys)
}

/// Adds a key under the next id, which it returns. Where it signs, those before only verify from
/// now on.
///
/// # Errors
/// `InvalidArgument` when the key is shorter than 32 or longer than 1024 bytes or all zero, `Exists`
/// when it is in the ring, `TooLarge` when 65,535 keys were added before.
pub(crate) fn add(tx: &mut impl Write, secret: &[u8], signs: bool, now: Time) -> Result<u16> {
    if !LEN.contains(&secret.len()) {
        return Err(Error::invalid(format!(
            "a key is {} bytes long; it takes {} to {}",
            secret.len(),
            LEN.start(),
            LEN.end()
        )));
    }
    if secret.iter().all(|byte| *byte == 0) {
        return Err(Error::invalid("a key is all zero; take it from a random generator"));
    }
    let keys = list(tx)?;
    if let Some((id, _)) = keys.iter().find(|(_, key)| key.secret == secret) {
        return Err(Error::new(ErrorKind::Exists, format!("this key is in the ring as {id}")));
    }
    let highest = keys.last().map_or(0, |(id, _)| *id).max(ring(tx)?.last);
    let id = highest.checked_add(1).ok_or_else(|| {
        Error::new(ErrorKind::TooLarge, "a key ring takes no more than 65535 keys in its life")
    })?;
    let key = KeyRecord { secret: secret.to_vec(), created: now, signs };
    put(tx, id, &key)?;
    if signs {
        silence(tx, keys, id)?;
    }
    changed(tx, id)
}

/// Returns whether all of `secrets` are in the ring, and the first of them signs.
pub(crate) fn are_used(tx: &impl Read, secrets: &[Vec<u8>]) -> Result<bool> {
    let keys = list(tx)?;
    let found = |secret: &Vec<u8>| keys.iter().find(|(_, key)| key.secret == *secret);
    let signs = secrets.first().and_then(found).is_some_and(|(_, key)| key.signs);
    Ok(signs && secrets.iter().all(|secret| found(secret).is_some()))
}

/// Adds what is not in the ring of `secrets`, and lets the first of them sign.
///
/// # Errors
/// As [`add`]; `InvalidArgument` when there are none.
pub(crate) fn use_all(tx: &mut impl Write, secrets: &[Vec<u8>], now: Time) -> Result<()> {
    let mut first = None;
    // The first comes last, as the newest has the highest id.
    for secret in secrets.iter().rev() {
        let known = list(tx)?.into_iter().find(|(_, key)| key.secret == *secret);
        first = Some(match known {
            Some((id, _)) => id,
            None => add(tx, secret, false, now)?,
        });
    }
    let first =
        first.ok_or_else(|| Error::invalid("no key is given; give one, or leave the store its own"))?;
    set_signing(tx, first)
}

/// Lets key `id` sign, and the others only verify.
///
/// # Errors
/// `NotFound` when there is no such key.
pub(crate) fn set_signing(tx: &mut impl Write, id: u16) -> Result<()> {
    let mut key = get(tx, id)?;
    let keys = list(tx)?;
    key.signs = true;
    put(tx, id, &key)?;
    silence(tx, keys, id)?;
    changed(tx, id).map(drop)
}

/// Lets key `id` only verify.
///
/// # Errors
/// `NotFound` when there is no such key, `InvalidArgument` when no other one signs.
pub(crate) fn retire(tx: &mut impl Write, id: u16) -> Result<()> {
    let mut key = get(tx, id)?;
    refuse_last(tx, id, &key)?;
    key.signs = false;
    put(tx, id, &key)?;
    changed(tx, id).map(drop)
}

/// Removes key `id`: what it signed is denied from the commit on.
///
/// # Errors
/// `NotFound` when there is no such key, `InvalidArgument` when it signs and no other one does.
pub(crate) fn remove(tx: &mut impl Write, id: u16) -> Result<()> {
    let key = get(tx, id)?;
    refuse_last(tx, id, &key)?;
    tx.del(table::KEY, &id.to_be_bytes())?;
    changed(tx, id).map(drop)
}

fn get(tx: &impl Read, id: u16) -> Result<KeyRecord> {
    row::get(tx, table::KEY, &id.to_be_bytes())?
        .ok_or_else(|| Error::not_found(format!("there is no key {id} in the ring")))
}

fn put(tx: &mut impl Write, id: u16, key: &KeyRecord) -> Result<()> {
    row::put(tx, table::KEY, &id.to_be_bytes(), key)
}

/// Lets all of `keys` but `id` only verify.
fn silence(tx: &mut impl Write, keys: Vec<(u16, KeyRecord)>, id: u16) -> Result<()> {
    for (other, mut key) in keys {
        if other != id && key.signs {
            key.signs = false;
            put(tx, other, &key)?;
        }
    }
    Ok(())
}

fn refuse_last(tx: &impl Read, id: u16, key: &KeyRecord) -> Result<()> {
    let other = list(tx)?.iter().any(|(other, key)| *other != id && key.signs);
    if key.signs && !other {
        return Err(Error::invalid(format!(
            "key {id} is the signing key; rotate first, so that another key signs"
        )));
    }
    Ok(())
}

fn ring(tx: &impl Read) -> Result<RingRecord> {
    Ok(row::get(tx, table::META, RING)?.unwrap_or_default())
}

fn changed(tx: &mut impl Write, id: u16) -> Result<u16> {
    let RingRecord { version, last } = ring(tx)?;
    let version = version.checked_add(1).ok_or_else(|| Error::bug("the ring's version overflowed"))?;
    row::put(tx, table::META, RING, &RingRecord { version, last: last.max(id) })?;
    Ok(id)
}

/// The row of META that holds the secrets of the systems that URLs came along from.
const FOREIGN: &[u8] = b"cloudreve-secrets";
/// The most such secrets.
const MAX_FOREIGN: usize = 16;

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForeignRecord(Vec<Vec<u8>>);

impl Record for ForeignRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "foreign secret";
}

/// Lists the secrets that URLs of the Cloudreve form are verified with besides the ring's own.
pub(crate) fn foreign(tx: &impl Read) -> Result<Vec<Vec<u8>>> {
    Ok(row::get::<ForeignRecord>(tx, table::META, FOREIGN)?.unwrap_or_default().0)
}

/// Adds a secret that another system signed URLs of the Cloudreve form with. It verifies those, and
/// signs nothing.
///
/// # Errors
/// `InvalidArgument` when it is shorter than 32 or longer than 1024 bytes, `Exists` when it is there
/// already, `TooLarge` when there are 16.
pub(crate) fn add_foreign(tx: &mut impl Write, secret: &[u8]) -> Result<()> {
    if !LEN.contains(&secret.len()) || secret.iter().all(|byte| *byte == 0) {
        return Err(Error::invalid(format!(
            "a secret is {} bytes long; it takes {} to {} random bytes",
            secret.len(),
            LEN.start(),
            LEN.end()
        )));
    }
    let mut secrets = foreign(tx)?;
    if secrets.iter().any(|known| known == secret) {
        return Err(Error::new(ErrorKind::Exists, "this secret verifies URLs already"));
    }
    if secrets.len() >= MAX_FOREIGN {
        return Err(Error::new(ErrorKind::TooLarge, format!("{MAX_FOREIGN} secrets verify URLs already")));
    }
    secrets.push(secret.to_vec());
    row::put(tx, table::META, FOREIGN, &ForeignRecord(secrets))?;
    changed(tx, 0).map(drop)
}

/// Removes all secrets that [`add_foreign`] added: what they signed is denied from the commit on.
pub(crate) fn remove_foreign(tx: &mut impl Write) -> Result<()> {
    tx.del(table::META, FOREIGN)?;
    changed(tx, 0).map(drop)
}

/// The rows of META that a key ring depends on.
pub(super) const RING_ROWS: [&[u8]; 2] = [RING, FOREIGN];

/// The row of META that holds the salt of the hash ids.
const SALT: &[u8] = b"hashids-salt";

/// Returns the salt of the store's hash ids, empty before [`set_salt`].
pub(crate) fn salt(tx: &impl Read) -> Result<String> {
    let text = |value: &[u8]| {
        String::from_utf8(value.to_vec())
            .map_err(|_| Error::corrupt("the salt of the hash ids is not a string"))
    };
    Ok(tx.get(table::META, SALT, text)?.unwrap_or_default())
}

/// Sets the salt of the store's hash ids: every hash id that was handed out changes its meaning.
pub(crate) fn set_salt(tx: &mut impl Write, salt: &str) -> Result<()> {
    tx.put(table::META, SALT, salt.as_bytes())
}
