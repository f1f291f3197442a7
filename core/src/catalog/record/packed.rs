//! The records of which there is one or more for each file. They are packed: what is the same in most of their
//! rows takes no bytes, and bits say in which rows it is not. The last version before these had all fields, in
//! postcard's encoding, as other records have them.
//!
//! The fields that `catalog/prefetch.rs` passes over lie where they did.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    BlobRecord, ChildRecord, FileRecord, FileRecord1, Kind, Location, Record, VersionRecord, encoding,
    fields, fields_and, unreadable,
};
use crate::time::Time;
use crate::{Error, Result};

/// Times are written as what they are later than this, the beginning of 2026: in 7 bytes for 8 years.
const EPOCH: i64 = 1_767_225_600_000_000;
/// Numbers from here up to 2^32 are longer in LEB128 than in 4 bytes.
const LONG: u64 = 1 << 28;

/// Bytes that fields are added to.
struct Packer {
    bytes: Vec<u8>,
    noun: &'static str,
}

impl Packer {
    fn of<T: Record>() -> Packer {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(T::VERSION);
        Packer { bytes, noun: T::NOUN }
    }

    fn add(&mut self, field: &impl Serialize) -> Result<()> {
        let bytes = postcard::to_extend(field, std::mem::take(&mut self.bytes));
        self.bytes = bytes.map_err(|cause| encoding(self.noun, cause))?;
        Ok(())
    }

    fn add_if(&mut self, is_there: bool, field: &impl Serialize) -> Result<()> {
        if is_there { self.add(field) } else { Ok(()) }
    }

    /// Adds what is there and what is so, in the lowest bits of a byte, the first in the lowest.
    fn bits<const N: usize>(&mut self, bits: [bool; N]) {
        self.bytes.push(bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    }

    fn time(&mut self, time: Time) -> Result<()> {
        self.add(&time.0.wrapping_sub(EPOCH))
    }

    /// Adds a number that a bit says to be long or not.
    fn counter(&mut self, counter: u64) -> Result<()> {
        match u32::try_from(counter) {
            Ok(short) if is_long(counter) => self.add(&short.to_le_bytes()),
            _ => self.add(&counter),
        }
    }
}

/// Whether a counter takes 4 bytes, as most that begin at random do.
fn is_long(counter: u64) -> bool {
    (LONG..1 << 32).contains(&counter)
}

/// Bytes that fields are taken from.
struct Unpacker<'a> {
    rest: &'a [u8],
    noun: &'static str,
}

impl<'a> Unpacker<'a> {
    fn of<T: Record>(rest: &'a [u8]) -> Unpacker<'a> {
        Unpacker { rest, noun: T::NOUN }
    }

    fn take<T: DeserializeOwned>(&mut self) -> Result<T> {
        let (field, rest) =
            postcard::take_from_bytes(self.rest).map_err(|cause| unreadable(self.noun, cause))?;
        self.rest = rest;
        Ok(field)
    }

    fn take_if<T: DeserializeOwned>(&mut self, is_there: bool, otherwise: T) -> Result<T> {
        if is_there { self.take() } else { Ok(otherwise) }
    }

    fn bits<const N: usize>(&mut self) -> Result<[bool; N]> {
        let byte: u8 = self.take()?;
        match u32::from(byte) >> N {
            0 => Ok(std::array::from_fn(|bit| byte >> bit & 1 == 1)),
            _ => Err(Error::corrupt(format!("a {} record says what it cannot say", self.noun))),
        }
    }

    fn time(&mut self) -> Result<Time> {
        Ok(Time(self.take::<i64>()?.wrapping_add(EPOCH)))
    }

    fn crc32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn counter(&mut self, is_long: bool) -> Result<u64> {
        if is_long { Ok(u64::from(u32::from_le_bytes(self.take()?))) } else { self.take() }
    }

    /// Says that no more is taken: bytes that are left are no record's.
    fn end<T>(self, record: T) -> Result<T> {
        match self.rest {
            [] => Ok(record),
            rest => {
                let (noun, left) = (self.noun, rest.len());
                Err(Error::corrupt(format!("a {noun} record is followed by {left} bytes of something else")))
            }
        }
    }
}

impl Record for FileRecord {
    const VERSION: u8 = 3;
    const NOUN: &'static str = "file";

    fn encode(&self) -> Result<Vec<u8>> {
        let FileRecord { drive, parent, name, kind, current, next, created, modified, .. } = self;
        let FileRecord { attributes, revocations, trashed, dated, .. } = self;
        let (skipped, later) = (next.wrapping_sub(*current), modified.0.wrapping_sub(created.0));
        let apart = dated.wrapping_sub(modified.unix());
        let (moved, attributed) = (later != 0, !attributes.is_empty());
        let mut to = Packer::of::<FileRecord>();
        to.add(&(drive, parent, name, kind, current))?;
        to.bits([skipped != 1, moved, attributed, is_long(*revocations), trashed.is_some(), apart != 0]);
        to.add_if(skipped != 1, next)?;
        to.time(*created)?;
        to.add_if(moved, &later)?;
        to.add_if(attributed, attributes)?;
        to.counter(*revocations)?;
        trashed.iter().try_for_each(|trashed| to.time(*trashed))?;
        to.add_if(apart != 0, &apart)?;
        Ok(to.bytes)
    }

    fn read(rest: &[u8]) -> Result<FileRecord> {
        let mut from = Unpacker::of::<FileRecord>(rest);
        let (drive, parent, name, kind, current) = from.take()?;
        let [skipped, moved, attributed, is_long, in_trash, apart] = from.bits()?;
        let next = from.take_if(skipped, u32::wrapping_add(current, 1))?;
        let created = from.time()?;
        let modified = Time(created.0.wrapping_add(from.take_if(moved, 0)?));
        let attributes = if attributed { from.take()? } else { Default::default() };
        let revocations = from.counter(is_long)?;
        let trashed = if in_trash { Some(from.time()?) } else { None };
        let dated = modified.unix().wrapping_add(from.take_if(apart, 0)?);
        from.end(FileRecord {
            drive,
            parent,
            name,
            kind,
            current,
            next,
            created,
            modified,
            attributes,
            revocations,
            trashed,
            dated,
        })
    }

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<FileRecord>> {
        match version {
            1 => Some(fields::<FileRecord1>(rest, Self::NOUN).map(FileRecord::from)),
            2 => Some(fields(rest, Self::NOUN)),
            _ => None,
        }
    }
}

/// Version 1 did not say whether a file may be run.
impl Record for ChildRecord {
    const VERSION: u8 = 3;
    const NOUN: &'static str = "child";

    fn encode(&self) -> Result<Vec<u8>> {
        let ChildRecord { file, kind, number, size, modified, blob, crc32, executable } = self;
        let mut to = Packer::of::<ChildRecord>();
        to.add(file)?;
        to.bits([*kind == Kind::Folder, *executable, *crc32 != 0]);
        to.add(&(number, size))?;
        to.time(*modified)?;
        to.add(blob)?;
        to.add_if(*crc32 != 0, &crc32.to_le_bytes())?;
        Ok(to.bytes)
    }

    fn read(rest: &[u8]) -> Result<ChildRecord> {
        let mut from = Unpacker::of::<ChildRecord>(rest);
        let file = from.take()?;
        let [is_folder, executable, has_crc32] = from.bits()?;
        let (number, size) = from.take()?;
        let (modified, blob) = (from.time()?, from.take()?);
        let crc32 = if has_crc32 { from.crc32()? } else { 0 };
        let kind = if is_folder { Kind::Folder } else { Kind::File };
        from.end(ChildRecord { file, kind, number, size, modified, blob, crc32, executable })
    }

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<ChildRecord>> {
        match version {
            1 => Some(fields_and(rest, &[0], Self::NOUN)),
            2 => Some(fields(rest, Self::NOUN)),
            _ => None,
        }
    }
}

/// Version 1 did not say whether a file may be run, version 2 not what it was called in another system.
impl Record for VersionRecord {
    const VERSION: u8 = 4;
    const NOUN: &'static str = "version";

    fn encode(&self) -> Result<Vec<u8>> {
        let VersionRecord { blob, size, crc32, created, modified, media_type, .. } = self;
        let VersionRecord { keep, revocations, executable, foreign, .. } = self;
        let later = modified.0.wrapping_sub(created.0);
        let (moved, typed) = (later != 0, !media_type.is_empty());
        let mut to = Packer::of::<VersionRecord>();
        to.add(blob)?;
        to.bits([moved, typed, *keep, is_long(*revocations), *executable, foreign.is_some()]);
        to.add(&(size, crc32.to_le_bytes()))?;
        to.time(*created)?;
        to.add_if(moved, &later)?;
        to.add_if(typed, media_type)?;
        to.counter(*revocations)?;
        foreign.iter().try_for_each(|foreign| to.add(foreign))?;
        Ok(to.bytes)
    }

    fn read(rest: &[u8]) -> Result<VersionRecord> {
        let mut from = Unpacker::of::<VersionRecord>(rest);
        let blob = from.take()?;
        let [moved, typed, keep, is_long, executable, imported] = from.bits()?;
        let (size, crc32, created) = (from.take()?, from.crc32()?, from.time()?);
        let modified = Time(created.0.wrapping_add(from.take_if(moved, 0)?));
        let media_type = from.take_if(typed, String::new())?;
        let revocations = from.counter(is_long)?;
        let foreign = if imported { Some(from.take()?) } else { None };
        from.end(VersionRecord {
            blob,
            size,
            crc32,
            created,
            modified,
            media_type,
            keep,
            revocations,
            executable,
            foreign,
        })
    }

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<VersionRecord>> {
        match version {
            1 => Some(fields_and(rest, &[0, 0], Self::NOUN)),
            2 => Some(fields_and(rest, &[0], Self::NOUN)),
            3 => Some(fields(rest, Self::NOUN)),
            _ => None,
        }
    }
}

/// Versions 1 and 2 had the same fields, and version 1 in `released` the time when the blob was due. Read as it
/// is, the grace counts once more from then.
impl Record for BlobRecord {
    const VERSION: u8 = 3;
    const NOUN: &'static str = "blob";

    fn encode(&self) -> Result<Vec<u8>> {
        let BlobRecord { location, len, crc32, crc64, sha1, blake3, refs, released, scope } = self;
        let mut to = Packer::of::<BlobRecord>();
        to.bits([*location == Location::File, *refs != 1, released.is_some(), *scope != 0]);
        if let Location::Segment { segment, offset } = location {
            to.add(&(segment, offset))?;
        }
        to.add(&(len, crc32.to_le_bytes(), crc64.to_le_bytes(), sha1, blake3))?;
        to.add_if(*refs != 1, refs)?;
        released.iter().try_for_each(|released| to.time(*released))?;
        to.add_if(*scope != 0, scope)?;
        Ok(to.bytes)
    }

    fn read(rest: &[u8]) -> Result<BlobRecord> {
        let mut from = Unpacker::of::<BlobRecord>(rest);
        let [is_file, shared, is_released, scoped] = from.bits()?;
        let location = match is_file {
            true => Location::File,
            false => Location::Segment { segment: from.take()?, offset: from.take()? },
        };
        let (len, crc32) = (from.take()?, from.crc32()?);
        let crc64 = u64::from_le_bytes(from.take()?);
        let (sha1, blake3) = from.take()?;
        let refs = from.take_if(shared, 1)?;
        let released = if is_released { Some(from.time()?) } else { None };
        let scope = from.take_if(scoped, 0)?;
        from.end(BlobRecord { location, len, crc32, crc64, sha1, blake3, refs, released, scope })
    }

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<BlobRecord>> {
        matches!(version, 1 | 2).then(|| fields(rest, Self::NOUN))
    }
}
