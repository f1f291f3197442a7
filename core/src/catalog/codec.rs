//! Every record's codec by number, for the fuzzer and the tests.

use super::grace::GraceRecord;
use super::history::{CopyRecord, SessionRecord, TimelineRecord};
use super::moving::{ArrivingRecord, MovedRecord};
use super::object::IdentityRecord;
use super::position::Position;
use super::record::{
    ArchiveRecord, BlobRecord, ChildRecord, ClientUseRecord, DriveRecord, FileRecord, KeyRecord, LinkRecord,
    MembersRecord, NoteRecord, PartRecord, Record, SegmentRecord, ShareRecord, TrashRecord, UploadRecord,
    UseRecord, VersionRecord,
};
use super::segment::{FloorRecord, ModeRecord, OpenRecord, SizeRecord};
use super::signing_key::{ForeignRecord, RingRecord};
use super::usage::SweptRecord;
use crate::{ErrorKind, Result};

macro_rules! codecs {
    ($($record:ident)*) => {
        /// What each record is called, and how its codec is checked.
        const CODECS: &[(&str, fn(&[u8]) -> Result<bool>)] = &[$(($record::NOUN, check::<$record>)),*];
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($record)),*];
    };
}

codecs! {
    DriveRecord FileRecord ChildRecord VersionRecord BlobRecord SegmentRecord TrashRecord LinkRecord
    ShareRecord ArchiveRecord MembersRecord KeyRecord UseRecord ClientUseRecord UploadRecord PartRecord NoteRecord
    OpenRecord ModeRecord FloorRecord SessionRecord CopyRecord TimelineRecord SweptRecord GraceRecord
    SizeRecord RingRecord ForeignRecord IdentityRecord Position
    ArrivingRecord MovedRecord
}

/// Returns the noun of every record.
pub fn nouns() -> impl Iterator<Item = &'static str> {
    CODECS.iter().map(|(noun, _)| *noun)
}

/// Decodes `bytes`, a version byte and what follows, as the record of that number (modulo how many there
/// are). Returns whether they are such a record and its encoding is read as the same again; None when
/// they are none.
///
/// # Errors
/// Whatever decoding or encoding says that no row's bytes may bring about, of which kinds `Corrupt`,
/// `Unsupported` and `Gone` are none.
pub fn round_trip(number: usize, bytes: &[u8]) -> Result<Option<bool>> {
    let Some((_, check)) = CODECS.get(number % CODECS.len()) else { return Ok(None) };
    match check(bytes) {
        Ok(same) => Ok(Some(same)),
        Err(error)
            if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Gone) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn check<T: Record + PartialEq>(bytes: &[u8]) -> Result<bool> {
    let record = T::decode(bytes)?;
    let encoded = record.encode()?;
    // Decoding what was encoded may fail in no way.
    let again = T::decode(&encoded).ok();
    Ok(again.is_some_and(|again| again == record && again.encode().is_ok_and(|bytes| bytes == encoded)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The records of one byte again and again that are read, of any version and length.
    fn records_of(number: usize, byte: u8) -> impl Iterator<Item = Vec<u8>> {
        let of_length =
            move |len: usize| (1..=4_u8).map(move |version| [vec![version], vec![byte; len]].concat());
        let is_read = move |bytes: &Vec<u8>| round_trip(number, bytes).unwrap().is_some();
        (0..300).flat_map(of_length).filter(is_read)
    }

    #[test]
    fn every_record_is_read_back_from_its_encoding() {
        for (number, noun) in nouns().enumerate() {
            let zeros = records_of(number, 0).next().unwrap_or_else(|| panic!("no {noun} of zeros"));
            for bytes in [zeros].into_iter().chain(records_of(number, 1)) {
                assert_eq!(round_trip(number, &bytes).unwrap(), Some(true), "a {noun}: {bytes:?}");
            }
            assert_eq!(round_trip(number, &[]).unwrap(), None, "a {noun} of nothing");
        }
    }

    #[test]
    fn a_record_with_something_behind_it_is_none() {
        for (number, noun) in nouns().enumerate() {
            let mut bytes = records_of(number, 0).next().unwrap();
            bytes.push(0);
            assert_eq!(round_trip(number, &bytes).unwrap(), None, "a {noun} with a byte behind it");
        }
    }

    /// The types that are records, as the sources have them.
    fn records_in(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                records_in(&entry, found);
                continue;
            }
            let text = fs::read_to_string(&entry).unwrap();
            for line in text.lines() {
                found.extend(line.strip_prefix("impl Record for ").map(|rest| rest.replace(" {", "")));
            }
            if let Some((_, table)) = text.split_once("\nrecords! {\n") {
                let table = table.split_once("\n}").unwrap().0;
                found.extend(table.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()));
            }
        }
    }

    /// A shipment is a record too, but no row: its own tests damage it.
    #[test]
    fn the_fuzzer_knows_every_record_of_a_row() {
        let mut found = BTreeSet::new();
        records_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog"), &mut found);
        assert!(found.contains("DriveRecord") && found.contains("FileRecord"), "{found:?}");
        assert_eq!(found, NAMES.iter().map(|name| (*name).to_owned()).collect());
    }
}
