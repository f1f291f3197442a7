//! Aliases: the ids that things had in the system that they were imported from.
//!
//! A hash id may name either. So that no number names two things, the store's own ids begin behind
//! the highest alias: [`set`] refuses one that has been given out here.

use super::record::VersionRecord;
use super::{id_sequence, node, prefix, revocation, row, table};
use crate::id::{DriveId, LinkId, ShareId, VersionId};
use crate::kv::{Read, Write};
use crate::{Error, ErrorKind, Result};

/// What an alias is of. The number is in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum AliasKind {
    Share = 0,
    Drive = 1,
    Link = 6,
    Version = 8,
}

/// What another system's id leads to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alias {
    /// A share.
    Share(ShareId),
    /// A drive, which was a user there.
    Drive(DriveId),
    /// A direct link.
    Link(LinkId),
    /// A version, which was an entity there.
    Version(VersionId),
}

impl Alias {
    fn parts(self) -> (AliasKind, u64) {
        match self {
            Alias::Share(id) => (AliasKind::Share, id.0),
            Alias::Drive(id) => (AliasKind::Drive, id.0),
            Alias::Link(id) => (AliasKind::Link, id.0),
            Alias::Version(id) => (AliasKind::Version, id.0),
        }
    }
}

/// Set in the kind of a row that leads the other way: from our id to the other system's.
const BACK: u8 = 0x80;

fn back(kind: AliasKind, ours: u64) -> [u8; 9] {
    let [kind, rest @ ..] = key(kind, ours);
    let [a, b, c, d, e, f, g, h] = rest;
    [kind | BACK, a, b, c, d, e, f, g, h]
}

/// Returns the id that something of ours was imported under, if it was; of several the first. A version says
/// it itself; one that an earlier build imported, and all else, has a row.
pub(crate) fn foreign(tx: &impl Read, kind: AliasKind, ours: u64) -> Result<Option<u64>> {
    if kind == AliasKind::Version
        && let Some(VersionRecord { foreign: Some(foreign), .. }) = version(tx, VersionId(ours))?
    {
        return Ok(Some(foreign));
    }
    row::id(tx, table::ALIAS, &back(kind, ours))
}

fn version(tx: &impl Read, id: VersionId) -> Result<Option<VersionRecord>> {
    row::get(tx, table::VERSION, &node::version_key(id))
}

fn key(kind: AliasKind, foreign: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = foreign.to_be_bytes();
    [kind as u8, a, b, c, d, e, f, g, h]
}

/// Returns our id of what has a number: the one that it is an alias of, or else the number itself.
pub(crate) fn resolve(tx: &impl Read, kind: AliasKind, number: u64) -> Result<u64> {
    Ok(find(tx, kind, number)?.unwrap_or(number))
}

/// Returns our id of what was imported under a number, if anything was.
pub(crate) fn find(tx: &impl Read, kind: AliasKind, number: u64) -> Result<Option<u64>> {
    Ok(tx.get(table::ALIAS, &key(kind, number), read)?.map(|(id, _)| id))
}

/// What a number of the Cloudreve form names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AliasedVersion {
    pub(crate) version: VersionId,
    /// Whether it was imported under that number.
    pub(crate) imported: bool,
    /// Its counters of revocations when it was imported: a URL of the other system has none, and is
    /// held to these.
    pub(crate) epoch: Option<u64>,
}

/// Returns the version that a number names.
pub(crate) fn named(tx: &impl Read, number: u64) -> Result<AliasedVersion> {
    Ok(match tx.get(table::ALIAS, &key(AliasKind::Version, number), read)? {
        Some((id, epoch)) => AliasedVersion { version: VersionId(id), imported: true, epoch },
        None => AliasedVersion { version: VersionId(number), imported: false, epoch: None },
    })
}

/// Reads the value of a row: our id, and of a version the counters behind it.
fn read(value: &[u8]) -> Result<(u64, Option<u64>)> {
    match value.split_at_checked(8) {
        Some((id, [])) => Ok((row::number(id)?, None)),
        Some((id, epoch)) => Ok((row::number(id)?, Some(row::number(epoch)?))),
        None => row::number(value).map(|id| (id, None)),
    }
}

/// Lets `foreign` name something of ours too.
///
/// # Errors
/// `Exists` when it names another thing already, or is an id that this store may have given out.
pub(crate) fn set(tx: &mut impl Write, foreign: u64, ours: Alias) -> Result<()> {
    let (kind, id) = ours.parts();
    let epoch = match ours {
        Alias::Version(version) => match revocation::of_version(tx, version) {
            Ok(epoch) => Some(epoch),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => None,
            Err(error) => return Err(error),
        },
        _ => None,
    };
    let is_taken = match find(tx, kind, foreign)? {
        Some(known) => known != id,
        // What lies below the first is the gap that [`leave_room`] left.
        None => {
            let own = if kind == AliasKind::Version { VersionId(foreign).file().0 } else { foreign };
            own >= first_own(tx)?
        }
    };
    if is_taken {
        return Err(taken(foreign));
    }
    if self::foreign(tx, kind, id)?.is_none() {
        let record = if kind == AliasKind::Version { version(tx, VersionId(id))? } else { None };
        match record {
            Some(record) => {
                let key = node::version_key(VersionId(id));
                row::put(tx, table::VERSION, &key, &VersionRecord { foreign: Some(foreign), ..record })?;
            }
            None => tx.put(table::ALIAS, &back(kind, id), &foreign.to_be_bytes())?,
        }
    }
    tx.put(table::ALIAS, &key(kind, foreign), &value(id, epoch))
}

/// What a new version is called in another system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignVersion {
    pub(crate) id: u64,
    /// As [`first_own`] says.
    pub(crate) first_own: u64,
}

/// Checks that another system's id may name a new version, before anything of that is written.
///
/// # Errors
/// As [`set`].
pub(crate) fn check_new_version(tx: &impl Read, foreign: ForeignVersion) -> Result<()> {
    let is_own = VersionId(foreign.id).file().0 >= foreign.first_own;
    match is_own || find(tx, AliasKind::Version, foreign.id)?.is_some() {
        true => Err(taken(foreign.id)),
        false => Ok(()),
    }
}

/// Lets another system's id, which was checked and is in the record of a new version, name it too.
///
/// # Errors
/// As [`set`].
pub(crate) fn set_new_version(
    tx: &mut impl Write,
    foreign: ForeignVersion,
    ours: VersionId,
    epoch: u64,
) -> Result<()> {
    tx.put(table::ALIAS, &key(AliasKind::Version, foreign.id), &value(ours.0, Some(epoch)))
}

fn taken(foreign: u64) -> Error {
    Error::new(ErrorKind::Exists, format!("the id {foreign} names something else here"))
}

fn value(ours: u64, epoch: Option<u64>) -> Vec<u8> {
    [ours].iter().chain(&epoch).flat_map(|number| number.to_be_bytes()).collect()
}

/// The row of META that tells the first id that is surely the store's own.
const FIRST: &[u8] = b"first-own-id";

/// Returns the first id that is surely the store's own: an alias is below it.
pub(crate) fn first_own(tx: &impl Read) -> Result<u64> {
    Ok(row::id(tx, table::META, FIRST)?.unwrap_or(0))
}

/// Leaves the numbers up to `highest` (of versions, up to `highest_version`) to aliases: no id of
/// the store is one of them.
///
/// # Errors
/// `Exists` when the store holds a drive: ids were given out that may be among them.
pub(crate) fn leave_room(tx: &mut impl Write, highest: u64, highest_version: u64) -> Result<()> {
    if !prefix::page(tx, table::DRIVE, &[], None, 1)?.is_empty() {
        return Err(Error::new(
            ErrorKind::Exists,
            "the store holds drives, so their ids may be among those to import; import into a new store",
        ));
    }
    let end = highest.max(VersionId(highest_version).file().0).checked_add(1);
    let end = end.filter(|end| *end < id_sequence::END).ok_or_else(|| {
        Error::new(ErrorKind::TooLarge, format!("the id {highest} is beyond all ids of a store"))
    })?;
    let next = id_sequence::next(tx)?;
    if next < end {
        id_sequence::reserve(tx, end - next)?;
    }
    let first = id_sequence::next(tx)?;
    tx.put(table::META, FIRST, &first.to_be_bytes())
}

/// Returns whether there is any alias.
pub(crate) fn any(tx: &impl Read) -> Result<bool> {
    let mut found = false;
    tx.scan(table::ALIAS, row::ALL, false, &mut |_, _| {
        found = true;
        Ok(crate::kv::Scan::Stop)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::drive;
    use crate::id::FileId;
    use crate::kv::{Kv, memory::MemoryKv};
    use crate::time::Time;

    struct Counting(u64);
    impl id_sequence::NewId for Counting {
        fn next(&mut self) -> Result<u64> {
            self.0 += 1;
            Ok(self.0)
        }
    }

    #[test]
    fn a_number_names_one_thing() {
        let mut tx = MemoryKv::default().writer().unwrap();
        assert_eq!(set(&mut tx, 7, Alias::Link(LinkId(99))).unwrap_err().kind(), ErrorKind::Exists);
        leave_room(&mut tx, 500, 3 << 20).unwrap();
        let first_own = first_own(&tx).unwrap();
        let new = |id| ForeignVersion { id, first_own };
        let ours = VersionId::new(FileId(778), 1);
        check_new_version(&tx, new(601)).unwrap();
        set_new_version(&mut tx, new(601), ours, 5).unwrap();
        assert!(check_new_version(&tx, new(601)).is_err());
        assert!(check_new_version(&tx, new(501 << 20)).is_err(), "it may be an id of ours");
        let named = named(&tx, 601).unwrap();
        assert_eq!((named.version, named.imported, named.epoch), (ours, true, Some(5)));
        assert_eq!(id_sequence::next(&tx).unwrap(), 501);
        set(&mut tx, 7, Alias::Link(LinkId(999))).unwrap();
        set(&mut tx, 7, Alias::Link(LinkId(999))).unwrap();
        set(&mut tx, 7, Alias::Share(ShareId(1000))).unwrap();
        set(&mut tx, 600, Alias::Version(VersionId::new(FileId(777), 1))).unwrap();
        assert!(set(&mut tx, 7, Alias::Link(LinkId(998))).is_err());
        assert!(set(&mut tx, 501, Alias::Link(LinkId(999))).is_err(), "it may be an id of ours");
        assert_eq!(resolve(&tx, AliasKind::Link, 7).unwrap(), 999);
        assert_eq!(resolve(&tx, AliasKind::Share, 7).unwrap(), 1000);
        assert_eq!(resolve(&tx, AliasKind::Version, 600).unwrap(), VersionId::new(FileId(777), 1).0);
        assert_eq!(resolve(&tx, AliasKind::Drive, 7).unwrap(), 7);
        assert_eq!(foreign(&tx, AliasKind::Link, 999).unwrap(), Some(7));
        assert_eq!(foreign(&tx, AliasKind::Link, 7).unwrap(), None);
        set(&mut tx, 8, Alias::Link(LinkId(999))).unwrap();
        assert_eq!(foreign(&tx, AliasKind::Link, 999).unwrap(), Some(7), "one id is handed out");
        assert!(any(&tx).unwrap());
    }

    #[test]
    fn a_store_that_gave_out_ids_takes_no_aliases() {
        let mut tx = MemoryKv::default().writer().unwrap();
        drive::open(&mut tx, "alice", &mut Counting(0), Time(0)).unwrap();
        assert_eq!(leave_room(&mut tx, 5, 5).unwrap_err().kind(), ErrorKind::Exists);
        assert!(leave_room(&mut MemoryKv::default().writer().unwrap(), id_sequence::END, 0).is_err());
    }
}
