//! Shares: a public entry to a file or folder, with a password, an expiry and a download limit.
//!
//! Every entry is checked afresh: nothing that was once permitted is remembered. Whether the file
//! lies in the trash is the tree's to say, not this module's.

use pbkdf2::pbkdf2_hmac_array;
use sha2::Sha256;

use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{FileRecord, PasswordRecord, ShareRecord};
use crate::catalog::{row, table};
use crate::id::{DriveId, FileId, ShareId};
use crate::kv::{Read, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Rounds of PBKDF2 for a new password: some tens of milliseconds.
const ROUNDS: u32 = 100_000;
/// More rounds than this in a row are damage, not caution: checking would take minutes.
const MAX_ROUNDS: u32 = 10_000_000;
/// Longest password, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Describes a share. It tells that there is a password, and nothing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareInfo {
    /// Names the share in its URL.
    pub id: ShareId,
    /// The drive that the file is in.
    pub drive: DriveId,
    /// The file or folder that is shared.
    pub file: FileId,
    /// When it was made.
    pub created: Time,
    /// The time from which it lets nobody in; None is never.
    pub expires: Option<Time>,
    /// Whether entering takes a password.
    pub has_password: bool,
    /// Downloads allowed in all; none is any number.
    pub max_downloads: Option<u64>,
    /// Downloads counted so far.
    pub downloads: u64,
    /// Times it was entered.
    pub views: u64,
    /// Whether a visitor needs a ticket from the host.
    pub purchase: bool,
}

/// What a new share demands of its visitors.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    /// The time from which it lets nobody in.
    pub(crate) expires: Option<Time>,
    /// Made by [`hash_password`], before the transaction: hashing takes long.
    pub(crate) password: Option<PasswordRecord>,
    /// Downloads allowed in all, at least 1.
    pub(crate) max_downloads: Option<u64>,
    /// A visitor needs a ticket from the host.
    pub(crate) purchase: bool,
    /// When it was made, in place of now.
    pub(crate) created: Option<Time>,
}

/// Hashes a password with PBKDF2-HMAC-SHA-256 (RFC 8018 section 5.2) under a random salt.
///
/// # Errors
/// `InvalidArgument` when the password is empty or longer than 1024 bytes.
pub(crate) fn hash_password(password: &str, salt: [u8; 16]) -> Result<PasswordRecord> {
    if password.is_empty() {
        return Err(Error::invalid("a share's password is empty; leave it out for a share without one"));
    }
    if password.len() > MAX_PASSWORD {
        return Err(Error::invalid(format!(
            "a share's password is {} bytes long; {MAX_PASSWORD} is the most",
            password.len()
        )));
    }
    let hash = pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, ROUNDS);
    Ok(PasswordRecord { salt, rounds: ROUNDS, hash })
}

/// Shares `file` as `id`.
///
/// # Errors
/// `NotFound` when there is no such file, `InvalidArgument` when the share would be over at once
/// or allow no download, `Exists` when `id` is taken.
pub(crate) fn create(
    tx: &mut impl Write,
    id: ShareId,
    file: FileId,
    terms: Terms,
    now: Time,
) -> Result<ShareInfo> {
    let Terms { expires, password, max_downloads, purchase, created } = terms;
    if let Some(expires) = expires.filter(|expires| *expires <= now) {
        return Err(Error::invalid(format!("a share that expires at {expires} would expire at once")));
    }
    if max_downloads == Some(0) {
        return Err(Error::invalid("a share with 0 downloads serves nobody; allow at least 1"));
    }
    let drive = row::get::<FileRecord>(tx, table::FILE, &file.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no file {file}")))?
        .drive;
    if row::exists(tx, table::SHARE, &id.to_key())? {
        return Err(Error::new(ErrorKind::Exists, format!("there is a share {id} already")));
    }
    let share = ShareRecord {
        drive,
        file,
        created: created.unwrap_or(now),
        expires,
        password,
        max_downloads,
        downloads: 0,
        purchase,
        revocations: 0,
    };
    row::put(tx, table::SHARE, &id.to_key(), &share)?;
    tx.put(table::FILE_SHARE, &row::pair(file.0, id.0), &[])?;
    Ok(info(id, &share, 0))
}

/// Reads a share as it is, expired and used up or not.
///
/// # Errors
/// `NotFound` when there is none, or it was deleted.
pub(crate) fn get(tx: &impl Read, id: ShareId) -> Result<ShareInfo> {
    let share = record(tx, id)?;
    Ok(info(id, &share, counter::total(tx, Counter::ShareViews(id))?))
}

/// Reads a share's row, for the counter that its URLs carry.
///
/// # Errors
/// `NotFound` when there is none, or it was deleted.
pub(crate) fn record(tx: &impl Read, id: ShareId) -> Result<ShareRecord> {
    row::get(tx, table::SHARE, &id.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no share {id}")))
}

/// Lets a visitor in. A password given for a share that has none is ignored. The password is
/// checked last, so that a share that is over costs no hashing.
///
/// # Errors
/// `NotFound` when there is no such share, `Expired` from its expiry on, `Gone` when
/// its downloads are used up, `Denied` when the password is missing or wrong.
pub(crate) fn enter(tx: &impl Read, id: ShareId, password: Option<&str>, now: Time) -> Result<ShareInfo> {
    let share = record(tx, id)?;
    check_open(id, &share, now)?;
    match (&share.password, password) {
        (None, _) => {}
        (Some(_), None) => {
            return Err(Error::new(ErrorKind::Denied, format!("share {id} needs a password")));
        }
        (Some(known), Some(given)) => {
            if !is_password(known, given)? {
                return Err(Error::new(ErrorKind::Denied, format!("the password of share {id} is wrong")));
            }
        }
    }
    Ok(info(id, &share, counter::total(tx, Counter::ShareViews(id))?))
}

/// Counts that a visitor was let in.
///
/// # Errors
/// `NotFound` when there is no such share.
pub(crate) fn count_view(tx: &mut impl Write, id: ShareId) -> Result<()> {
    record(tx, id)?;
    counter::add(tx, Counter::ShareViews(id), 1)
}

/// Counts a download, if one more is allowed: checked and counted in one transaction, so that no
/// race passes the limit. The password was checked when the visitor was let in.
///
/// # Errors
/// `NotFound` when there is no such share, `Expired` from its expiry on, `Gone` when
/// its downloads are used up.
pub(crate) fn count_download(tx: &mut impl Write, id: ShareId, now: Time) -> Result<ShareInfo> {
    count_downloads(tx, id, 1, now)
}

/// Counts several downloads, if so many more are allowed: all of them or none.
///
/// # Errors
/// As [`count_download`].
pub(crate) fn count_downloads(tx: &mut impl Write, id: ShareId, count: u64, now: Time) -> Result<ShareInfo> {
    let mut share = record(tx, id)?;
    check_open(id, &share, now)?;
    let downloads = share.downloads.saturating_add(count);
    if share.max_downloads.is_some_and(|max| downloads > max) {
        let left = share.max_downloads.unwrap_or(0).saturating_sub(share.downloads);
        return Err(Error::new(
            ErrorKind::Gone,
            format!("{count} downloads are more than the {left} that share {id} has left"),
        ));
    }
    share.downloads = downloads;
    let views = counter::total(tx, Counter::ShareViews(id))?;
    row::put(tx, table::SHARE, &id.to_key(), &share)?;
    Ok(info(id, &share, views))
}

/// Makes every URL that was signed through the share invalid; the share itself stays.
///
/// # Errors
/// `NotFound` when there is no such share.
pub(crate) fn revoke(tx: &mut impl Write, id: ShareId) -> Result<()> {
    let mut share = record(tx, id)?;
    share.revocations = row::revoked(share.revocations)?;
    row::put(tx, table::SHARE, &id.to_key(), &share)
}

/// Deletes a share and its counter.
///
/// # Errors
/// `NotFound` when there is no such share.
pub(crate) fn delete(tx: &mut impl Write, id: ShareId) -> Result<()> {
    let share = record(tx, id)?;
    remove(tx, share.file, id)
}

/// Deletes at most `limit` shares of a file that is being deleted, and returns how many it did: 0
/// when none is left.
pub(crate) fn delete_all(tx: &mut impl Write, file: FileId, limit: usize) -> Result<usize> {
    let shares = row::seconds(tx, table::FILE_SHARE, file.0, limit)?;
    for id in &shares {
        remove(tx, file, ShareId(*id))?;
    }
    Ok(shares.len())
}

/// Lists the shares of a file, oldest first, those that are over too.
pub(crate) fn list(tx: &impl Read, file: FileId) -> Result<Vec<ShareInfo>> {
    let listed: Result<Vec<ShareInfo>> = row::seconds(tx, table::FILE_SHARE, file.0, usize::MAX)?
        .into_iter()
        .map(|id| {
            get(tx, ShareId(id)).map_err(|error| error.context(format!("listing the shares of {file}")))
        })
        .collect();
    let mut listed = listed?;
    listed.sort_by_key(|share| share.created);
    Ok(listed)
}

/// Returns how many downloads a share has left; none is any number.
///
/// # Errors
/// As [`count_download`].
pub(crate) fn check_left(tx: &impl Read, id: ShareId, now: Time) -> Result<Option<u64>> {
    let share = record(tx, id)?;
    check_open(id, &share, now)?;
    Ok(share.max_downloads.map(|max| max.saturating_sub(share.downloads)))
}

/// Checks that a share's time is not over.
///
/// # Errors
/// `Expired` from its expiry on.
pub(crate) fn check_time(id: ShareId, share: &ShareRecord, now: Time) -> Result<()> {
    match share.expires.filter(|expires| now >= *expires) {
        Some(expires) => Err(Error::new(ErrorKind::Expired, format!("share {id} expired at {expires}"))),
        None => Ok(()),
    }
}

fn check_open(id: ShareId, share: &ShareRecord, now: Time) -> Result<()> {
    check_time(id, share, now)?;
    match share.max_downloads {
        Some(max) if share.downloads >= max => Err(Error::new(
            ErrorKind::Gone,
            format!("the {max} downloads that share {id} allows are used up"),
        )),
        _ => Ok(()),
    }
}

/// Compares in constant time, which is what the equality of [`blake3::Hash`] does.
fn is_password(known: &PasswordRecord, given: &str) -> Result<bool> {
    if !(1..=MAX_ROUNDS).contains(&known.rounds) {
        return Err(Error::corrupt(format!("a password is said to be hashed in {} rounds", known.rounds)));
    }
    if given.len() > MAX_PASSWORD {
        return Ok(false);
    }
    let hash = pbkdf2_hmac_array::<Sha256, 32>(given.as_bytes(), &known.salt, known.rounds);
    Ok(blake3::Hash::from_bytes(hash) == blake3::Hash::from_bytes(known.hash))
}

fn remove(tx: &mut impl Write, file: FileId, id: ShareId) -> Result<()> {
    tx.del(table::SHARE, &id.to_key())?;
    tx.del(table::FILE_SHARE, &row::pair(file.0, id.0))?;
    counter::remove(tx, Counter::ShareArchives(id))?;
    counter::remove(tx, Counter::ShareViews(id))
}

fn info(id: ShareId, share: &ShareRecord, views: u64) -> ShareInfo {
    ShareInfo {
        id,
        drive: share.drive,
        file: share.file,
        created: share.created,
        expires: share.expires,
        has_password: share.password.is_some(),
        max_downloads: share.max_downloads,
        downloads: share.downloads,
        views,
        purchase: share.purchase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers were computed with another implementation (Python's `hashlib.pbkdf2_hmac`).
    #[test]
    fn a_password_hash_is_pbkdf2_as_others_compute_it() {
        let record = hash_password("correct horse", *b"0123456789abcdef").unwrap();
        assert_eq!(record.rounds, 100_000);
        assert_eq!(blake3::Hash::from_bytes(record.hash).to_hex().as_str(), EXPECTED);
        assert!(is_password(&record, "correct horse").unwrap());
        assert!(!is_password(&record, "correct horsf").unwrap());
    }

    const EXPECTED: &str = "598115575ba5d2a06dee21a7385a6ae51987d1a385be638a4e5500827f665983";

    #[test]
    fn a_password_of_a_wrong_length_is_refused_or_wrong() {
        let longest = "x".repeat(MAX_PASSWORD);
        let record = hash_password(&longest, [7; 16]).unwrap();
        assert!(is_password(&record, &longest).unwrap());
        let longer = "x".repeat(MAX_PASSWORD + 1);
        assert!(!is_password(&record, &longer).unwrap());
        for bad in ["", &longer] {
            assert_eq!(hash_password(bad, [7; 16]).err().unwrap().kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn s10_a_damaged_number_of_rounds_costs_no_time() {
        for rounds in [0, MAX_ROUNDS + 1, u32::MAX] {
            let record = PasswordRecord { salt: [0; 16], rounds, hash: [0; 32] };
            assert_eq!(is_password(&record, "x").unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
